//! Every configuration that a document shows is good. (Those of `deploy/examples` are started by the e2e tests.)

use crate::{page, site};
use anyhow::{Context as _, Result};
use jadegate_tests::jadegate;
use std::fs;

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
