//! A directory with everything that the examples name.

use anyhow::{Context as _, Result};
use jadegate_certs::development::mint::{Mint, MintCrl, MintKey};
use jadegate_tests::{jadegate, process, wait::PATIENCE};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A directory with `certs/` as `jadegate certs dev` makes it, and the odd files that some examples want beside.
pub(crate) fn directory() -> Result<tempfile::TempDir> {
    let directory = tempfile::tempdir()?;
    let certs = directory.path().join("certs");
    jadegate::command(&["certs", "dev", certs.to_str().context("a readable path")?])?.success()?;
    fs::write(certs.join("password"), "secret\n")?;
    fs::write(certs.join("tickets.key"), [7; 80])?;
    let authority = Mint::authority("Example Root").self_signed(&MintKey::p256()?)?;
    fs::write(certs.join("revoked.crl"), MintCrl::new().issue(&authority)?)?;
    let pass = "pass:secret";
    openssl(
        &certs,
        &["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", "client.key", "-out", "sealed.key", "-passout", pass],
    )?;
    let archive =
        ["pkcs12", "-export", "-in", "server.pem", "-inkey", "server.key", "-out", "archive.p12", "-passout", pass];
    openssl(&certs, &archive)?;
    Ok(directory)
}

fn openssl(directory: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("openssl");
    command.current_dir(directory).args(arguments);
    process::run(&mut command, b"", PATIENCE)?.success().map(drop)
}
