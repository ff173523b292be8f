//! Every example configuration is one that Jadegate takes, and runs.

use jadegate_certs::development::{DirectoryOptions, write_directory};
use jadegate_tests::jadegate::command;
use jadegate_tests::process::Process;
use jadegate_tests::wait::PATIENCE;
use jadegate_tests::{net, workspace};
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Copies of the examples in a directory of their own, with the certificates that they name: those of
/// `jadegate certs dev`, in `certs`.
fn examples() -> Option<(tempfile::TempDir, Vec<PathBuf>)> {
    let entries = fs::read_dir(workspace::root().join("deploy/examples")).ok()?;
    let directory = tempfile::tempdir().expect("a directory");
    write_directory(&directory.path().join("certs"), &DirectoryOptions::default()).expect("certificates");
    let mut copies = Vec::new();
    for entry in entries {
        let path = entry.expect("readable").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let copy = directory.path().join(path.file_name().expect("a file"));
            fs::copy(&path, &copy).expect("copied");
            copies.push(copy);
        }
    }
    assert!(!copies.is_empty(), "no example in deploy/examples");
    copies.sort();
    Some((directory, copies))
}

#[test]
fn every_example_passes_the_check() {
    let Some((_directory, examples)) = examples() else { return };
    for example in examples {
        let finished = command(&["check", &example.to_string_lossy()]).expect("it ends");
        assert!(finished.status.success(), "{}: {}", example.display(), finished.output);
    }
}

/// The twin: a misspelt key is refused, with the place and the right spelling.
#[test]
fn a_misspelt_key_does_not_pass() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("wrong.yaml");
    fs::write(&file, "listeners:\n  - bind: 127.0.0.1:0\n    tls: none\n    bakend: 127.0.0.1:1\n").expect("written");
    let finished = command(&["check", &file.to_string_lossy()]).expect("it ends");
    assert_eq!(finished.status.code(), Some(2), "{}", finished.output);
    for part in ["wrong.yaml", "4", "bakend", "backend"] {
        assert!(finished.output.contains(part), "no {part} in {}", finished.output);
    }
}

/// Gives every `bind` of the text a loopback port of its own; tells which.
fn rebind(text: &str) -> (String, Vec<u16>) {
    let mut ports = Vec::new();
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let Some(at) = line.find("bind:") else { return line.to_owned() };
            let (before, mut rest) = line.split_at(at);
            let mut out = before.to_owned();
            while let Some((start, host)) =
                ["0.0.0.0:", "127.0.0.1:", "[::]:"].into_iter().filter_map(|host| Some((rest.find(host)?, host))).min()
            {
                let after = &rest[start + host.len()..];
                let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
                let port = net::free_address().expect("a port").port();
                ports.push(port);
                let host = if host == "[::]:" { "[::1]:" } else { "127.0.0.1:" };
                out.push_str(&format!("{}{host}{port}", &rest[..start]));
                rest = &after[digits..];
            }
            out + rest
        })
        .collect();
    (lines.join("\n") + "\n", ports)
}

#[test]
fn rebinding_finds_every_address() {
    let (text, ports) =
        rebind("  - bind: [0.0.0.0:443, \"[::]:443\"] # x\nadmin: { bind: 127.0.0.1:9901 }\nb: 127.0.0.1:80");
    assert_eq!(ports.len(), 3);
    let [a, b, c] = ports[..] else { unreachable!("three") };
    let expected =
        format!("  - bind: [127.0.0.1:{a}, \"[::1]:{b}\"] # x\nadmin: {{ bind: 127.0.0.1:{c} }}\nb: 127.0.0.1:80\n");
    assert_eq!(text, expected);
}

#[test]
fn every_example_starts_and_stops() {
    let Some((_directory, examples)) = examples() else { return };
    for example in examples {
        start_and_stop(&example);
    }
}

fn start_and_stop(example: &Path) {
    let (text, ports) = rebind(&fs::read_to_string(example).expect("readable"));
    assert!(!ports.is_empty(), "{}: no bind", example.display());
    fs::write(example, text).expect("written");
    let mut command = Command::new(workspace::jadegate_binary().expect("it builds"));
    let mut process = Process::start(command.arg("run").arg("-c").arg(example)).expect("it starts");
    for port in ports {
        net::wait_listening(port)
            .unwrap_or_else(|error| panic!("{}: {error:#}\n{}", example.display(), process.output()));
    }
    process.signal(Signal::TERM).expect("it runs");
    let finished = process.wait(PATIENCE).expect("it ends");
    assert!(finished.status.success(), "{}: {}", example.display(), finished.output);
}
