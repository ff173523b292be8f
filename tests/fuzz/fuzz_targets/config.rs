//! The configuration: any document is either sound or refused with at least one problem, each with a place in the
//! document and something to do, safe to show; a sound one keeps what its model promises.
//!
//! Input: the document.

#![no_main]

use std::collections::BTreeSet;
use std::path::Path;

use jadegate_config::{ChainTable, Config, Problems, parse_bytes};
use jadegate_fuzz::assert_shown;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let origin = Path::new("/etc/jadegate/jadegate.yaml");
    match parse_bytes(input.to_vec(), origin) {
        Ok(config) => sound(&config),
        Err(problems) => refused(&problems, input),
    }
});

fn refused(problems: &Problems, input: &[u8]) {
    assert!(!problems.is_empty() && problems.count() >= problems.iter().count());
    // YAML counts a bare carriage return as a line, too.
    let lines = input.iter().filter(|octet| matches!(octet, b'\n' | b'\r')).count() + 2;
    for problem in problems {
        assert!((1..=lines).contains(&problem.position.line) && problem.position.column >= 1, "{problem:?}");
        assert!(!problem.what.is_empty() && !problem.todo.is_empty(), "{problem:?}");
        for text in [&problem.what, &problem.todo, &problem.position.path] {
            assert_shown(text);
        }
    }
}

fn sound(config: &Config) {
    let names: BTreeSet<_> = config.secrets.iter().map(|secret| &secret.name).collect();
    assert_eq!(names.len(), config.secrets.len());
    for listener in &config.listeners {
        assert!(!listener.binds.is_empty() && !listener.chains.is_empty());
        for chain in &listener.chains {
            assert!(!config.backend(chain.backend).name.is_empty());
        }
        ChainTable::new(&listener.chains).expect("a sound configuration tells its chains apart");
    }
    assert!(!format!("{config:?}").contains("-----BEGIN"), "inline material is shown");
}
