//! The pluggable TLS layer.
