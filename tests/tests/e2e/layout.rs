//! The top of the tree holds what the house has rooms for, and nothing else.

use jadegate_tests::workspace;
use std::path::Path;
use std::process::Command;

/// Folders at the top; each appears with its first real code, none with another name.
const ROOMS: &[&str] =
    &["tls", "sds", "proxy", "certs", "proto", "compliance", "tests", "deploy", "docs", ".ci", ".cargo"];

/// Files at the top: cargo's, and texts.
const FILES: &[&str] = &["Cargo.toml", "Cargo.lock", "LICENSE", "NOTICE"];

/// Names that belong at the top, by the list of what git keeps.
fn misplaced<'a>(tracked: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let fits = |path: &str| match path.split_once('/') {
        // What cargo and the benches write is kept by nobody.
        Some((room, rest)) => ROOMS.contains(&room) && !rest.split('/').any(|part| part == "target"),
        // Texts and the dot files and settings of tools.
        None => FILES.contains(&path) || path.ends_with(".md") || path.starts_with('.') || path.ends_with(".toml"),
    };
    tracked.filter(|path| !fits(path)).collect()
}

fn tracked(root: &Path) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).arg("ls-files").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_top_level_is_the_house_of_the_design() {
    let Some(list) = tracked(workspace::root()) else {
        eprintln!("SKIPPED, NOT TESTED: not a git checkout");
        return;
    };
    assert_eq!(misplaced(list.lines()), Vec::<&str>::new());
}

#[test]
fn a_stray_file_or_folder_is_found() {
    let list = [
        "Cargo.toml",
        "README.md",
        ".gitignore",
        "tls/Cargo.toml",
        "util/lib.rs",
        "notes.txt",
        "src/main.rs",
        "tls/target/a.json",
    ];
    assert_eq!(misplaced(list.into_iter()), ["util/lib.rs", "notes.txt", "src/main.rs", "tls/target/a.json"]);
}

/// No toolchain file may make rustup download another compiler than the installed one.
#[test]
fn no_toolchain_is_pinned() {
    for name in ["rust-toolchain", "rust-toolchain.toml"] {
        assert!(!workspace::root().join(name).exists(), "{name}");
    }
}
