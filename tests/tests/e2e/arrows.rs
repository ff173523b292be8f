//! Who may know whom. `docs/ARCHITECTURE.md` draws this; the lists here are what it draws.

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use jadegate_tests::workspace;
use std::collections::BTreeSet;
use std::process::Command;

/// Every arrow between our own crates that may exist, for normal and build dependencies. An arrow that is not here is
/// a decision to be taken, not a line to be added.
const ALLOWED: &[(&str, &[&str])] = &[
    // Declarations only.
    ("jadegate-tongsuo-sys", &[]),
    // Builds Tongsuo; replaces a crate of the same name.
    ("openssl-src", &[]),
    ("jadegate-tongsuo", &["jadegate-tongsuo-sys"]),
    // SM2 keys and signatures come from Tongsuo.
    ("jadegate-certs", &["jadegate-tongsuo"]),
    // Knows neither files nor YAML.
    ("jadegate-tls", &["jadegate-certs", "jadegate-tongsuo"]),
    // The stream protocol alone: no crate of ours, and no other.
    ("jadegate-xds", &[]),
    // Of `tls` the neutral types only: protocol, suite and policy names.
    ("jadegate-config", &["jadegate-certs", "jadegate-tls"]),
    ("jadegate-proxy", &["jadegate-config", "jadegate-tls", "jadegate-certs"]),
    // No logic of its own, so it may see everything below it.
    ("jadegate-cli", &["jadegate-proxy", "jadegate-config", "jadegate-tls", "jadegate-certs"]),
    // The tests stand above everything. They drive the binary as a process, never as a library.
    ("jadegate-tests", &["jadegate-proxy", "jadegate-config", "jadegate-tls", "jadegate-certs", "jadegate-tongsuo"]),
    // So do the measurements, with the tests' processes and the TLS layer's clients.
    ("jadegate-bench", &["jadegate-tests", "jadegate-tls", "jadegate-certs"]),
];

/// Third-party crates that only some of ours may use directly, and why.
const CONFINED: &[(&str, &[&str], &str)] = &[
    ("jadegate-tongsuo-sys", &["jadegate-tongsuo"], "raw declarations are wrapped in one place"),
    ("openssl-sys", &["jadegate-tongsuo-sys", "jadegate-tongsuo"], "raw types are wrapped in one place"),
    ("openssl", &["jadegate-tongsuo"], "everybody else takes its re-export: one version, one libssl"),
    ("tokio-openssl", &["jadegate-tls"], "the stream over Tongsuo is the TLS layer's"),
    ("tongsuo-src", &["openssl-src"], "one place configures and builds the library"),
    ("rustls", &["jadegate-tls"], "the engine is behind the TLS layer"),
    ("tokio-rustls", &["jadegate-tls"], "the engine is behind the TLS layer"),
    ("rustls-webpki", &["jadegate-tls"], "chains are verified in the TLS layer"),
    ("aws-lc-rs", &["jadegate-tls"], "the engine is behind the TLS layer"),
    ("clap", &["jadegate-cli"], "only the command line reads the command line"),
    ("tikv-jemallocator", &["jadegate-cli"], "the binary chooses its allocator"),
    ("saphyr-parser", &["jadegate-config"], "YAML ends where the model begins"),
    ("hyper", &["jadegate-proxy", "jadegate-cli", "jadegate-tests", "jadegate-bench"], "HTTP is the proxy core's"),
    ("anyhow", &["jadegate-cli", "jadegate-tests", "jadegate-bench"], "libraries have typed errors"),
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(workspace::root().join("Cargo.toml"))
        .other_options(vec!["--locked".to_owned()])
        .exec()
        .expect("cargo metadata")
}

/// What a package depends on when it is built for use; its tests may use what they like.
fn dependencies(package: &Package) -> impl Iterator<Item = &str> {
    let built = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
    built.map(|dependency| dependency.name.as_str())
}

/// Arrows between the workspace's own packages that the list does not have.
fn forbidden(packages: &[&Package], allowed: &[(&str, &[&str])]) -> Result<Vec<String>> {
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut found = Vec::new();
    for package in packages {
        let listed = allowed.iter().find(|(name, _)| *name == package.name.as_str());
        let (_, listed) = listed.with_context(|| format!("{} is not in the list of arrows", package.name))?;
        let arrows = dependencies(package).filter(|name| ours.contains(name) && !listed.contains(name));
        found.extend(arrows.map(|to| format!("{} -> {to}", package.name)));
    }
    Ok(found)
}

#[test]
fn no_arrow_between_our_crates_that_the_design_does_not_have() {
    let metadata = metadata();
    let found = forbidden(&metadata.workspace_packages(), ALLOWED).expect("every crate is listed");
    assert!(found.is_empty(), "arrows that the design does not allow: {found:#?}");
}

/// The twin: with one allowed arrow struck from the list, the same check must find it.
#[test]
fn an_arrow_that_is_not_allowed_is_found() {
    let metadata = metadata();
    let without: Vec<(&str, &[&str])> = ALLOWED
        .iter()
        .map(|&(name, arrows)| if name == "jadegate-tongsuo" { (name, [].as_slice()) } else { (name, arrows) })
        .collect();
    let found = forbidden(&metadata.workspace_packages(), &without).expect("every crate is listed");
    assert_eq!(found, ["jadegate-tongsuo -> jadegate-tongsuo-sys"]);
    let unlisted = forbidden(&metadata.workspace_packages(), &ALLOWED[1..]).expect_err("one is missing");
    assert!(unlisted.to_string().contains("jadegate-tongsuo-sys"));
}

#[test]
fn confined_crates_are_used_only_where_they_belong() {
    let metadata = metadata();
    for (confined, users, reason) in CONFINED {
        for package in metadata.workspace_packages() {
            let uses = dependencies(package).any(|name| name == *confined);
            assert!(
                !uses || users.contains(&package.name.as_str()),
                "{} uses {confined}, which is for {users:?} alone: {reason}",
                package.name
            );
        }
    }
}

/// Two libssl in one process collide; `ring` and `native-tls` would bring other cryptography in by the back door.
/// `deny.toml` bans them too, but only where cargo-deny runs.
#[test]
fn there_is_one_libssl_one_rustls_and_no_ring() {
    // `cargo metadata` also lists what only a feature that is off would bring; `cargo tree` does not.
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(workspace::root()).args(["tree", "--workspace", "--locked", "--target", "all", "--edges", "all"]);
    let output = tree.args(["--prefix", "none", "--format", "{p}"]).output().expect("cargo tree");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let graph: BTreeSet<(&str, &str)> = lines
        .lines()
        .filter_map(|line| line.split_once(" v"))
        .map(|(name, rest)| (name, rest.split(' ').next().unwrap_or_default()))
        .collect();
    let versions = |name: &str| -> Vec<&str> {
        graph.iter().filter(|(package, _)| *package == name).map(|(_, version)| *version).collect()
    };
    assert_eq!(versions("openssl-src"), ["300.999.850"], "the shim alone");
    for single in ["openssl", "openssl-sys", "rustls", "aws-lc-rs", "tongsuo-src"] {
        assert_eq!(versions(single).len(), 1, "{single}: {:?}", versions(single));
    }
    for banned in ["ring", "native-tls", "boring-sys", "tongsuo", "variant-ssl"] {
        assert_eq!(versions(banned), Vec::<&str>::new(), "{banned} is in the graph");
    }
}
