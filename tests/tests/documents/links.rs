//! What a document points at is there.

use crate::page;
use jadegate_tests::workspace;
use std::path::Path;

/// Targets of links that are not there. Only paths are looked at; the web is somebody else's.
fn dangling(document: &str, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let folder = Path::new(document).parent().unwrap_or_else(|| Path::new(""));
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter_map(|target| target.split('#').next()).filter(|target| !target.contains(':'));
    files
        .filter(|file| !file.is_empty() && !exists(&folder.join(file)))
        .map(|file| format!("{document}: {file}"))
        .collect()
}

/// Paths of the source between backquotes that are not there.
fn unknown(document: &str, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    const ROOMS: [&str; 6] = ["tls/", "proxy/", "certs/", "tests/", "deploy/", "docs/"];
    let whole = |code: &&str| ROOMS.iter().any(|room| code.starts_with(room)) && code.ends_with(".rs");
    let paths = text.split('`').skip(1).step_by(2).filter(whole);
    paths.filter(|path| !exists(Path::new(path))).map(|path| format!("{document}: {path}")).collect()
}

#[test]
fn every_link_and_every_path_leads_somewhere() {
    let exists = |path: &Path| workspace::root().join(path).exists();
    let mut wrong = Vec::new();
    for document in page::all() {
        let text = page::read(&document);
        wrong.extend(dangling(&document, &text, exists));
        wrong.extend(unknown(&document, &text, exists));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_link_to_nowhere_is_found() {
    let nothing = |_: &Path| false;
    let text = "[a](b.md#c) [w](https://example.com) `tls/src/no.rs` [self](#here)";
    assert_eq!(dangling("docs/x.md", text, nothing), ["docs/x.md: b.md"]);
    assert_eq!(unknown("docs/x.md", text, nothing), ["docs/x.md: tls/src/no.rs"]);
}
