//! The systemd unit is one that systemd understands.

use crate::page;
use anyhow::Result;
use jadegate_tests::{process, wait::PATIENCE, workspace};
use std::fs;
use std::process::Command;

#[test]
fn systemd_finds_no_fault_with_the_unit() -> Result<()> {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("systemd-analyze is not there: the unit is read by eye");
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let unit = directory.path().join("jadegate.service");
    let binary = workspace::jadegate_binary()?.display().to_string();
    fs::write(&unit, page::read("deploy/systemd/jadegate.service").replace("/usr/local/bin/jadegate", &binary))?;
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]).arg(&unit);
    let finished = process::run(&mut verify, b"", PATIENCE)?;
    let about_us = finished.output.lines().filter(|line| line.contains("jadegate.service")).count();
    assert!(finished.status.success() && about_us == 0, "{}", finished.output);
    Ok(())
}

#[test]
fn the_unit_keeps_the_promises_of_the_documents() {
    let unit = page::read("deploy/systemd/jadegate.service");
    for line in
        ["NoNewPrivileges=true", "ProtectSystem=strict", "LimitCORE=0", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE"]
    {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
}
