//! Harness of the end-to-end and interop tests.
