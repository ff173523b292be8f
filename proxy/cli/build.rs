//! Tells `jadegate version` which libraries are linked: their versions as Cargo.lock has them.

use std::path::Path;

/// Packages that an operator or an assessor asks about.
const SHOWN: [&str; 4] = ["rustls", "aws-lc-rs", "aws-lc-sys", "hyper"];

fn main() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = std::fs::read_to_string(&lock).unwrap_or_default();
    for name in SHOWN {
        let variable = name.to_uppercase().replace('-', "_");
        println!("cargo::rustc-env=JADEGATE_{variable}={}", version(&text, name).unwrap_or("unknown"));
    }
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=JADEGATE_TARGET={target}");
}

/// The version of the package called `name`.
fn version<'l>(lock: &'l str, name: &str) -> Option<&'l str> {
    let package = lock.split("[[package]]").find(|package| {
        package.lines().any(|line| line.strip_prefix("name = ").is_some_and(|found| found.trim_matches('"') == name))
    })?;
    package.lines().find_map(|line| line.strip_prefix("version = ")).map(|found| found.trim_matches('"'))
}
