//! Safe TLCP and SM calls that the openssl crate lacks.

pub use openssl;
