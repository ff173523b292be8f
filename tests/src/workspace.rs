//! Where things lie in the checkout.

use anyhow::{Context as _, Result};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The top of the checkout.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie below the top of the checkout")
}

/// Cargo's output directory.
#[must_use]
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |set| root().join(set))
}

/// The `jadegate` binary: the one that `JADEGATE_BIN` names, else the workspace's own, built when it is not there.
///
/// # Errors
/// When it does not build; asked again, the same answer.
pub fn jadegate_binary() -> Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf>> = OnceLock::new();
    let binary = BINARY.get_or_init(|| {
        if let Some(given) = env::var_os("JADEGATE_BIN") {
            return Ok(given.into());
        }
        // The whole workspace is named so that features unify as in the build of the tests: nothing is built twice.
        let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.current_dir(root()).args(["build", "--quiet", "--locked", "--workspace", "--bin", "jadegate"]);
        let output = build.output().with_context(|| format!("{build:?}"))?;
        anyhow::ensure!(output.status.success(), "{build:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(target().join("debug/jadegate"))
    });
    binary.as_deref().map_err(|error| anyhow::anyhow!("{error:#}"))
}
