//! What the front page tells a newcomer to type works, and shows what it promises.

use crate::{page, site};
use anyhow::{Context as _, Result};
use jadegate_tests::peers::{Peer, present};
use jadegate_tests::process::{self, Process};
use jadegate_tests::{jadegate, net, wait, wait::PATIENCE, workspace};
use rustix::process::Signal;
use std::fs;
use std::process::Command;

#[test]
fn the_quickstart_serves_all_that_the_front_page_shows() -> Result<()> {
    let (bind, admin) = (net::free_address()?, net::free_address()?);
    let mut command = Command::new(workspace::jadegate_binary()?);
    command.args(["quickstart", "--bind", &bind.to_string(), "--admin", &admin.to_string()]);
    let mut quickstart = Process::start(&mut command)?;
    let text = quickstart.wait_for("Ctrl-C ends it.", PATIENCE)?;
    wait::until("readiness", PATIENCE, || {
        Ok(net::get(admin, "/readyz").ok().filter(|response| response.status == 200).map(drop))
    })?;
    let typed = |what: &str| -> Result<Vec<String>> {
        let line = text
            .lines()
            .find(|line| line.trim_start().starts_with(what))
            .with_context(|| format!("no {what:?} in {text}"))?;
        Ok(line.trim_start()[what.len()..].split_whitespace().map(str::to_owned).collect())
    };
    let probe = typed_output(&typed("what the port speaks")?)?;
    for row in page::blocks(&page::read("README.md"))
        .iter()
        .filter(|block| block.text.contains("PROTOCOL"))
        .flat_map(|block| block.text.lines())
    {
        let words: Vec<&str> = row.split_whitespace().take(4).collect();
        if words.len() == 4 {
            let shown = probe.lines().any(|line| line.split_whitespace().take(4).eq(words.iter().copied()));
            assert!(shown, "the front page shows {row:?}, the probe says\n{probe}");
        }
    }
    for (protocol, suites) in [("tlcp", 4), ("tls1.3-sm", 3), ("tls1.3", 3), ("tls1.2", 3)] {
        let row = |line: &&str| {
            let words: Vec<&str> = line.split_whitespace().take(4).collect();
            words.first() == Some(&protocol) && words.get(3) == Some(&"yes")
        };
        assert_eq!(probe.lines().filter(row).count(), suites, "{protocol}\n{probe}");
    }
    for what in ["standard TLS", "mutual TLS"] {
        let page = typed_output(&typed(what)?)?;
        assert!(page.contains("Jadegate works."), "{what}: {page}");
    }
    if present(&[Peer::Tongsuo]) {
        let words = typed("TLCP, with Tongsuo")?;
        let mut client = Command::new(Peer::Tongsuo.program()?);
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let shown = process::run(client.args(&words[1..]).arg("-ign_eof"), request, PATIENCE)?.success()?;
        assert!(shown.contains("Jadegate works.") && shown.contains("Verify return code: 0"), "{shown}");
    }
    let shown = typed_output(&typed("the certificates")?)?;
    for protocol in ["== tlcp ==", "== tls1.3-sm ==", "== tls1.3 ==", "== tls1.2 =="] {
        assert!(shown.contains(protocol), "{shown}");
    }
    let overview = net::get(admin, "/")?;
    assert!(overview.status == 200 && overview.body.contains("quickstart"), "{}", overview.body);
    quickstart.signal(Signal::INT)?;
    let finished = quickstart.wait(PATIENCE)?;
    assert_eq!(finished.status.code(), Some(0), "{}", finished.output);
    let directory = typed("the configuration")?.join(" ");
    assert!(!fs::exists(&directory)?, "{directory} is left behind");
    Ok(())
}

/// Runs a command line that was printed.
fn typed_output(words: &[String]) -> Result<String> {
    let (program, arguments) = words.split_first().context("a command")?;
    process::run(Command::new(program).args(arguments), b"", PATIENCE)?.success()
}

#[test]
fn the_five_lines_of_the_front_page_serve_a_site() -> Result<()> {
    let directory = site::directory()?;
    let readme = page::read("README.md");
    let blocks = page::blocks(&readme);
    let yaml = blocks.iter().find(|block| block.language == "yaml").context("a configuration")?;
    let lines = yaml.text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count();
    assert!(lines <= 5, "{}", yaml.text);
    let path = directory.path().join("site.yaml");
    fs::write(&path, &yaml.text)?;
    jadegate::command(&["check", path.to_str().context("a readable path")?])?.success()?;
    Ok(())
}

#[test]
fn every_command_of_the_front_page_exists_and_none_is_left_out() -> Result<()> {
    let help = jadegate::command(&["--help"])?.success()?;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<&str> =
        commands.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next()).collect();
    let readme = page::rows(&page::read("README.md"));
    let listed: Vec<&str> = readme.iter().flat_map(|row| page::codes(&row[0])).collect();
    for name in names.iter().filter(|name| **name != "help") {
        assert!(listed.iter().any(|code| code.split(' ').next() == Some(name)), "{name} is not on the front page");
    }
    for code in listed
        .iter()
        .filter_map(|code| code.split(' ').next())
        .filter(|code| code.chars().all(|c| c.is_ascii_lowercase()))
    {
        assert!(names.contains(&code) || code == "certs", "there is no command {code}");
    }
    Ok(())
}

#[test]
fn exit_codes_are_those_of_the_documents() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("wrong.yaml");
    fs::write(&path, "listners: []\n")?;
    let path = path.to_str().context("a readable path")?;
    for arguments in [&["check", path][..], &["run", "-c", path], &["check"], &["nonsense"]] {
        let finished = jadegate::command(arguments)?;
        assert_eq!(finished.status.code(), Some(2), "{arguments:?}: {}", finished.output);
    }
    assert_eq!(jadegate::command(&["run", "-c", "/nonexistent.yaml"])?.status.code(), Some(1));
    Ok(())
}

#[test]
fn a_server_that_is_not_there_is_one_line_and_not_a_table() -> Result<()> {
    let nobody = net::free_address()?.to_string();
    let finished = jadegate::command(&["probe", &nobody])?;
    assert_eq!(finished.status.code(), Some(1), "{}", finished.output);
    assert!(finished.output.lines().count() == 1 && finished.output.contains(&nobody), "{}", finished.output);
    Ok(())
}
