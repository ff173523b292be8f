//! The third-party programs: where they are and which build they are.
//!
//! `tests/peers/build` puts its results into a cache and links them below `target/peers`; the others come from the
//! distribution. How each is driven as a TLS client or server is in [`client`] and [`server`].

pub mod client;
pub mod gmssl;
pub mod server;

use crate::workspace;
use anyhow::{Context as _, Result};
use std::env;
use std::fmt;
use std::path::PathBuf;

/// A program that the tests need and do not contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// Tongsuo 8.5.0, command line.
    Tongsuo,
    /// OpenSSL 4.0.3, command line.
    OpenSsl,
    /// GmSSL 3.1.1, command line.
    GmSsl,
    /// Our Go program around gmtls, gRPC and x/net.
    Go,
    /// Debian's nginx.
    Nginx,
    /// Debian's curl.
    Curl,
    /// Debian's OpenSSL 3.
    DebianOpenSsl,
}

impl Peer {
    /// Path of the program.
    ///
    /// # Errors
    /// When it is not there; the message says how to get it.
    pub fn program(self) -> Result<PathBuf> {
        let built = |name: &str, program: &str| workspace::target().join("peers").join(name).join("bin").join(program);
        let path = match self {
            Self::Tongsuo => Some(built("tongsuo", "tongsuo")),
            Self::OpenSsl => Some(built("openssl", "openssl")),
            Self::GmSsl => Some(built("gmssl", "gmssl")),
            Self::Go => Some(built("gopeer", "gopeer")),
            Self::Nginx => installed("nginx"),
            Self::Curl => installed("curl"),
            Self::DebianOpenSsl => installed("openssl"),
        };
        path.filter(|path| path.is_file()).with_context(|| format!("{self} is not there; `tests/run peers` gets it"))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tongsuo => "Tongsuo 8.5.0",
            Self::OpenSsl => "OpenSSL 4.0.3",
            Self::GmSsl => "GmSSL 3.1.1",
            Self::Go => "gmtls 1.4.1 (Go)",
            Self::Nginx => "nginx",
            Self::Curl => "curl",
            Self::DebianOpenSsl => "OpenSSL 3 (Debian)",
        })
    }
}

/// System directories are searched too: `nginx` lies in one that is not on every user's path.
fn installed(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = env::split_paths(&path).collect();
    places.extend(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    places.into_iter().map(|place| place.join(name)).find(|candidate| candidate.is_file())
}

/// Whether the peers are there. When one is not, this says so on the screen and the caller returns: a skipped test.
///
/// # Panics
/// Under `JADEGATE_CI=1`, where a skip is a failure.
#[must_use]
#[track_caller]
pub fn present(peers: &[Peer]) -> bool {
    for peer in peers {
        if let Err(error) = peer.program() {
            assert!(!strict(), "{error:#} (a skip is a failure under JADEGATE_CI=1)");
            eprintln!("SKIPPED, NOT TESTED: {error:#}");
            return false;
        }
    }
    true
}

/// Whether a skip is a failure.
#[must_use]
pub fn strict() -> bool {
    env::var_os("JADEGATE_CI").is_some_and(|value| value == "1")
}
