//! Every configuration that a document shows is good, and every example configuration is started.

use crate::{page, site};
use anyhow::{Context as _, Result};
use jadegate_tests::jadegate::{self, Jadegate};
use jadegate_tests::net;
use std::fs;
use std::path::Path;

#[test]
fn every_configuration_in_the_documents_is_good() -> Result<()> {
    let directory = site::directory()?;
    let (mut checked, mut wrong) = (0, Vec::new());
    for document in page::all() {
        for block in page::blocks(&page::read(&document)).into_iter().filter(|block| block.language == "yaml") {
            let path = directory.path().join("example.yaml");
            fs::write(&path, &block.text)?;
            let finished = jadegate::command(&["check", path.to_str().context("a readable path")?])?;
            checked += 1;
            if finished.status.code() != Some(0) || finished.output.contains("warning") {
                wrong.push(format!("{document}:{}\n{}", block.line, finished.output));
            }
        }
    }
    assert!(checked >= 10, "only {checked} were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// The check that the documents are held to is able to fail.
#[test]
fn a_configuration_that_is_not_good_is_found() -> Result<()> {
    let directory = site::directory()?;
    let path = directory.path().join("example.yaml");
    fs::write(
        &path,
        "listeners: [{ bind: 127.0.0.1:1, tls: { certificates: [{ cert: no, key: no }] }, backend: 127.0.0.1:2 }]",
    )?;
    let finished = jadegate::command(&["check", path.to_str().context("a readable path")?])?;
    assert_eq!(finished.status.code(), Some(2), "{}", finished.output);
    Ok(())
}

#[test]
fn every_example_is_started_and_gets_ready() -> Result<()> {
    let directory = site::directory()?;
    let examples = page::files_below("deploy/examples", "yaml");
    assert!(examples.len() >= 6, "{examples:?}");
    for example in examples {
        let text = local(&page::read(&example), directory.path())?;
        let started = Jadegate::start(&text).with_context(|| format!("{example} as\n{text}"))?;
        let config = started.admin("/config")?;
        assert_eq!(config.status, 200, "{example}");
        let finished = started.stop()?;
        assert_eq!(finished.status.code(), Some(0), "{example}: {}", finished.output);
    }
    Ok(())
}

/// An example that fits this machine: loopback, a port of its own for each listener, certificates where they are, and the
/// admin of the harness.
fn local(example: &str, directory: &Path) -> Result<String> {
    let mut text = String::new();
    for line in example.lines().filter(|line| !line.starts_with("admin:")) {
        let Some((before, value)) = line.split_once("bind: ") else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let binds = value.split(',').count();
        let fresh: Vec<String> =
            (0..binds).map(|_| Ok(format!("\"{}\"", net::free_address()?))).collect::<Result<_>>()?;
        text.push_str(&format!("{before}bind: [{}]\n", fresh.join(", ")));
    }
    Ok(text.replace("certs/", &format!("{}/certs/", directory.display())))
}
