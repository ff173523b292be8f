//! What the parser promises for any text at all.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::parse;
use crate::model::{Config, ProtocolMatch};

fn good_documents() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/problems");
    let cases = fs::read_dir(root).expect("cases").map(|case| case.expect("case").path().join("good.yaml"));
    cases.map(|path| fs::read_to_string(path).expect("document")).collect()
}

/// What every accepted configuration has.
fn is_consistent(config: &Config) {
    assert!(!config.listeners.is_empty());
    for backend in &config.backends {
        assert!(!backend.endpoints.is_empty() && !backend.name.is_empty(), "{backend:?}");
        for secret in backend.tls.iter().flat_map(|tls| tls.trust.into_iter().chain(tls.certificate)) {
            assert!(secret.0 < config.secrets.len());
        }
    }
    for listener in &config.listeners {
        assert!(!listener.binds.is_empty() && !listener.chains.is_empty(), "{listener:?}");
        crate::ChainTable::new(&listener.chains).expect("told apart");
        for chain in &listener.chains {
            assert!(chain.backend.0 < config.backends.len());
            let plaintext = chain.matcher.protocols.contains(&ProtocolMatch::Plaintext);
            assert!(!chain.matcher.protocols.is_empty() && plaintext == chain.tls.is_none(), "{chain:?}");
            if let Some(tls) = &chain.tls {
                assert!(!tls.certificates.is_empty() && tls.certificates.iter().all(|id| id.0 < config.secrets.len()));
            }
        }
    }
}

#[test]
fn every_good_document_is_consistent() {
    for text in good_documents() {
        is_consistent(&parse(&text, Path::new("good.yaml")).expect("good"));
    }
}

#[test]
fn a_hopeless_document_does_not_fill_the_screen() {
    let mut text = "listeners:\n".to_owned();
    for number in 0..30_000 {
        text.push_str(&format!("- {{ bynd: {number} }}\n"));
    }
    let problems = parse(&text, Path::new("many.yaml")).expect_err("broken");
    assert!(problems.iter().len() <= 500 && problems.omitted() > 0, "{}", problems.iter().len());
}

#[test]
fn equal_secrets_are_kept_once_and_have_names_of_their_own() {
    let text = "
listeners:
  - bind: 127.0.0.1:1
    tls: { certificates: [{ cert: a.pem, key: a.key }, { cert: a.pem, key: a.key, ocsp: a.der }] }
    backend: 127.0.0.1:9
  - bind: 127.0.0.1:2
    tls: { certificates: [{ cert: ./a.pem, key: a.key }] }
    backend: 127.0.0.1:9
";
    let config = parse(text, Path::new("/etc/jadegate/site.yaml")).expect("good");
    let names: Vec<&str> = config.secrets.iter().map(|secret| &*secret.name).collect();
    assert_eq!(names, ["a.pem", "a.pem#2"]);
    assert_eq!(config.backends.len(), 1);
    assert_eq!(
        config.secrets[1].position.to_string(),
        "/etc/jadegate/site.yaml:4:56: listeners[0].tls.certificates[1]"
    );
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?s).{0,300}") {
        let _ = parse(&text, Path::new("any.yaml"));
    }

    #[test]
    fn no_damage_to_a_good_document_panics_or_slips_through(
        index in any::<proptest::sample::Index>(),
        cuts in proptest::collection::vec((any::<proptest::sample::Index>(), 0_usize..12, "[-a:\\[\\]{}&*, \\n0-9]{0,6}"), 1..5),
    ) {
        thread_local! {
            static GOOD: Vec<String> = good_documents();
        }
        let mut characters: Vec<char> = GOOD.with(|good| good[index.index(good.len())].chars().collect());
        for (start, length, instead) in cuts {
            let start = start.index(characters.len() + 1);
            let end = (start + length).min(characters.len());
            characters.splice(start..end, instead.chars());
        }
        let text: String = characters.into_iter().collect();
        match parse(&text, Path::new("damaged.yaml")) {
            Ok(config) => is_consistent(&config),
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }
}
