//! Lists in the documents are complete, and name nothing that does not exist.

use crate::{page, site};
use anyhow::Result;
use jadegate_tests::jadegate::Jadegate;
use jadegate_tests::net;
use std::collections::{BTreeMap, BTreeSet};

/// The words that the `reason` functions of a source file return.
fn reasons(source: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for function in source.split("fn reason(").skip(1) {
        let body = function.split("\n    }\n").next().unwrap_or_default();
        words.extend(body.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    words
}

/// All words between backquotes of the tables of a page.
fn listed(document: &str) -> BTreeSet<String> {
    let rows = page::rows(&page::read(document));
    rows.iter().flat_map(|row| page::codes(row.first().map_or("", String::as_str))).map(str::to_owned).collect()
}

#[test]
fn every_reason_of_a_failed_handshake_is_explained() {
    let mut known = reasons(&page::read("tls/src/error.rs"));
    known.extend(reasons(&page::read("tls/src/error/peer.rs")));
    assert!(known.len() >= 30, "{known:?}");
    let listed = listed("docs/operations/troubleshooting.md");
    let missing: Vec<_> = known.difference(&listed).collect();
    assert!(missing.is_empty(), "not in troubleshooting.md: {missing:?}");
    let handshake = |word: &&String| word.starts_with("peer_certificate_") || word.starts_with("no_common_");
    let unknown: Vec<_> = listed.difference(&known).filter(handshake).collect();
    assert!(unknown.is_empty(), "no such reason: {unknown:?}");
}

#[test]
fn every_failure_of_a_request_is_explained() {
    let listed = listed("docs/operations/troubleshooting.md");
    let sources = ["upstream/error.rs", "http/reject.rs", "http/violation.rs", "http/breach.rs"];
    for source in sources.map(|source| format!("proxy/src/{source}")) {
        let known = reasons(&page::read(&source));
        assert!(known.len() >= 10, "{known:?}");
        let missing: Vec<_> = known.difference(&listed).collect();
        assert!(missing.is_empty(), "{source}: not in troubleshooting.md: {missing:?}");
    }
}

#[test]
fn every_reason_of_a_refused_secret_is_explained() {
    // What only `inspect`, the development CA or the configuration can say is not the operator's to look up there.
    let elsewhere = |path: &str| {
        ["tests", "development", "inspect", "rules/peer.rs", "identity.rs"].iter().any(|part| path.contains(part))
    };
    let sources = page::files_below("certs/src", "rs").into_iter().filter(|path| !elsewhere(path));
    let known: BTreeSet<String> = sources.flat_map(|path| reasons(&page::read(&path))).collect();
    assert!(known.len() >= 60, "{known:?}");
    let listed = listed("docs/operations/certificates.md");
    let missing: Vec<_> = known.difference(&listed).collect();
    assert!(missing.is_empty(), "not in certificates.md: {missing:?}");
    // What is good in itself and does not fit its place is refused in the words of the TLS layer.
    let fitting = ["tls/src/server.rs", "tls/src/trust.rs", "tls/src/tickets.rs"];
    let known: BTreeSet<String> = fitting.iter().flat_map(|path| reasons(&page::read(path))).chain(known).collect();
    let unknown: Vec<_> = listed.difference(&known).filter(|word| word.contains('_') && !word.contains('/')).collect();
    assert!(unknown.is_empty(), "no such reason: {unknown:?}");
}

/// The names of the families in a text of metrics, histograms and counters as their series are called.
fn families(metrics: &str) -> BTreeSet<String> {
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .filter_map(|line| line.split_once(' '))
        .map(|(name, kind)| if kind == "counter" { format!("{name}_total") } else { name.to_owned() })
        .filter(|name| name.starts_with("jadegate_"))
        .collect()
}

#[test]
fn every_metric_that_a_process_shows_is_on_the_page() -> Result<()> {
    let directory = site::directory()?;
    let certs = directory.path().join("certs");
    let certs = certs.display();
    let yaml = format!(
        "listeners: [{{ bind: {}, tls: {{ certificates: [{{ cert: {certs}/server.pem, key: {certs}/server.key }}] }}, \
         backend: 127.0.0.1:9 }}]",
        net::free_address()?
    );
    let process = Jadegate::start(&yaml)?;
    let shown = process.admin("/metrics")?.body;
    process.stop()?;
    let families = families(&shown);
    assert!(families.len() >= 10, "{shown}");
    let listed: BTreeSet<String> = listed("docs/operations/metrics.md");
    let missing: Vec<_> = families.difference(&listed).collect();
    assert!(missing.is_empty(), "not in metrics.md: {missing:?}");
    // A family without a series is not in the text of a young process, so what the page has is held to the source.
    let registered: BTreeSet<String> =
        page::read("proxy/src/metrics.rs").split("register(").skip(1).filter_map(first_literal).collect();
    let bare = |name: &str| name.trim_start_matches("jadegate_").trim_end_matches("_total").to_owned();
    let unknown: Vec<_> =
        listed.iter().filter(|name| name.starts_with("jadegate_") && !registered.contains(&bare(name))).collect();
    assert!(unknown.is_empty(), "no such metric: {unknown:?}");
    Ok(())
}

fn first_literal(text: &str) -> Option<String> {
    text.split('"').nth(1).map(str::to_owned)
}

/// Blocks of each file that has any; comments do not count.
fn unsafe_blocks() -> BTreeMap<String, usize> {
    let sources = ["certs", "proxy", "tls", "tests"].into_iter().flat_map(|folder| page::files_below(folder, "rs"));
    let code =
        |text: &str| text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let counted = sources.filter(|path| !path.starts_with("tests/tests/documents/")).map(|path| {
        let count = code(&page::read(&path)).matches("unsafe {").count();
        (path, count)
    });
    counted.filter(|(_, count)| *count > 0).collect()
}

#[test]
fn every_unsafe_block_is_in_the_inventory() {
    let rows = page::rows(&page::read("docs/security/unsafe.md"));
    let listed: BTreeMap<String, usize> = rows
        .iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].parse().expect("a number of blocks")))
        .collect();
    assert_eq!(unsafe_blocks(), listed);
    for row in &rows {
        let source = page::read(row[0].trim_matches('`'));
        for call in page::codes(&row[2]) {
            assert!(
                source.contains(&format!("{call}(")) || source.contains(&format!("{call}::")),
                "{}: no {call}",
                row[0]
            );
        }
    }
}

#[test]
fn every_kind_of_broken_certificate_is_on_the_page() {
    let listed: BTreeSet<String> =
        page::rows(&page::read("docs/security/bad-certificates.md")).into_iter().flatten().collect();
    let national = page::read("tls/tests/national/bad_certificates.rs");
    let of_kind = |text: &str| text.split("Kind(").skip(1).filter_map(first_literal).collect::<Vec<_>>();
    let numbered = of_kind(&national).into_iter().filter_map(|name| {
        let (number, kind) = name.split_once(' ')?;
        number.parse::<u8>().is_ok().then(|| kind.to_owned())
    });
    let standard = page::read("tls/tests/behaviour/broken.rs");
    let lines =
        standard.lines().filter(|line| line.trim_start().starts_with("(\"") && line.contains("\"peer_certificate_"));
    let coarser = standard.split("const COARSER").nth(1).unwrap_or_default().to_owned();
    let cases = lines.filter(|line| !coarser.contains(line.trim())).filter_map(first_literal);
    let kinds: BTreeSet<String> = numbered.chain(cases).collect();
    assert!(kinds.len() >= 70, "{} kinds", kinds.len());
    let missing: Vec<_> = kinds.difference(&listed).collect();
    assert!(missing.is_empty(), "not in bad-certificates.md: {missing:?}");
}

#[test]
fn reasons_are_found_in_a_source() {
    let source = "fn reason(&self) -> &'static str {\n        match self {\n            A => \"a_b\",\n        }\n    }\n\n fn x() { B => \"c\" }";
    assert_eq!(reasons(source), BTreeSet::from(["a_b".to_owned()]));
    assert_eq!(
        families("# TYPE jadegate_a counter\n# TYPE jadegate_b gauge\n# TYPE process_c gauge\n"),
        BTreeSet::from(["jadegate_a_total".to_owned(), "jadegate_b".to_owned()])
    );
}
