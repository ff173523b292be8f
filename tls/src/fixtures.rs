//! The captured and crafted hellos of `tests/hellos`, for unit tests.

use std::path::{Path, PathBuf};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hellos")
}

/// All bytes of one fixture.
pub(crate) fn bytes(name: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(directory().join(name).with_extension("hex")).expect("a fixture of that name");
    hex::decode(text.split_whitespace().collect::<String>()).expect("hexadecimal")
}

/// Every fixture's name that is a ClientHello.
pub(crate) fn names() -> Vec<String> {
    let files = std::fs::read_dir(directory()).expect("the fixtures");
    let paths = files.map(|file| file.expect("a directory entry").path());
    let mut names: Vec<String> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "hex"))
        .filter_map(|path| path.file_stem()?.to_str().map(str::to_owned))
        .filter(|name| name != "crafted-ssl2")
        .collect();
    names.sort();
    names
}

/// One fixture, read.
pub(crate) fn hello(name: &str) -> crate::hello::ClientHello {
    match crate::hello::HelloReader::new().examine(&bytes(name)) {
        Ok(crate::hello::Progress::Hello(hello)) => *hello,
        other => panic!("{name}: {other:?}"),
    }
}
