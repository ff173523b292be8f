//! Builds Tongsuo 8.5.0 for `openssl-sys`.
//!
//! `openssl-sys` with its `vendored` feature calls [`Build::build`] of a crate named `openssl-src`. The workspace
//! patches that name to this crate, which configures the published Tongsuo source with the flags of `configure`:
//! TLCP on, the fast 64-bit SM2 on, and everything that would let a file or a shared object of the host change the
//! library's behaviour off.
//!
//! A finished build is kept in a cache outside `target/` under a hash of all that went into it (module `cache`), so that
//! another checkout, another profile or a `cargo clean` does not build it again.
//!
//! Not here: anything that runs in the proxy. This crate exists at build time only.

mod build;
mod cache;
mod configure;

pub use build::{Artifacts, Build};
pub use configure::{UnsupportedTarget, arguments as configure_arguments};

use std::path::PathBuf;

/// Where the unmodified Tongsuo sources lie.
#[must_use]
pub fn source_dir() -> PathBuf {
    tongsuo_src::source_dir()
}

/// Version of the packaged sources, `<crate>+<Tongsuo>`.
#[must_use]
pub fn version() -> &'static str {
    tongsuo_src::version()
}
