//! The fuzz script builds where tools are kept, so that a fresh clone with a warm cache does not build everything again.

use jadegate_tests::wait::PATIENCE;
use jadegate_tests::{process, workspace};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// Puts a program in the place of `cargo-fuzz` that writes its arguments down, and runs the script with it.
fn arguments_of_cargo_fuzz(cache: &Path) -> String {
    let script = workspace::root().join("tests/fuzz/smoke");
    let text = fs::read_to_string(&script).expect("readable");
    let version = text.lines().find_map(|line| line.strip_prefix("version=")).expect("it says which cargo-fuzz");
    let bin = cache.join(format!("tools/cargo-fuzz-{version}/bin"));
    fs::create_dir_all(&bin).expect("made");
    let program = bin.join("cargo-fuzz");
    fs::write(&program, "#!/bin/sh\necho \"$@\" >>\"$JADEGATE_CACHE_DIR/arguments\"\n").expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("set");
    let mut smoke = Command::new(&script);
    smoke.args(["1", "hello"]).env("JADEGATE_CACHE_DIR", cache);
    process::run(&mut smoke, b"", PATIENCE).expect("it ends").success().expect("it is content");
    fs::read_to_string(cache.join("arguments")).expect("it was called")
}

#[test]
fn the_fuzz_targets_are_built_in_the_cache_and_not_in_the_tree() {
    let cache = tempfile::tempdir().expect("a directory");
    let arguments = arguments_of_cargo_fuzz(cache.path());
    let words: Vec<&str> = arguments.split_whitespace().collect();
    assert!(words.starts_with(&["fuzz", "run"]) && words.contains(&"hello"), "{arguments}");
    let target = words.iter().position(|word| *word == "--target-dir").and_then(|at| words.get(at + 1));
    assert!(target.is_some_and(|target| Path::new(target).starts_with(cache.path())), "{arguments}");
}
