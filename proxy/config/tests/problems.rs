//! Each directory of `tests/problems` holds a document that is good, the same with something broken, and the problems
//! that must come of it. `JADEGATE_UPDATE=1` writes the problems anew.

use std::fs;
use std::path::{Path, PathBuf};

use jadegate_config::{load, parse};

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/problems");
    let mut cases: Vec<PathBuf> = fs::read_dir(root).expect("cases").map(|entry| entry.expect("case").path()).collect();
    cases.sort();
    assert!(cases.len() > 50, "only {} cases", cases.len());
    cases
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_good_document_has_no_problem() {
    for case in cases() {
        if let Err(problems) = parse(&read(&case.join("good.yaml")), Path::new("good.yaml")) {
            panic!("{}:\n{problems}", case.display());
        }
    }
}

#[test]
fn a_broken_document_has_exactly_these_problems() {
    let update = std::env::var_os("JADEGATE_UPDATE").is_some();
    let mut wrong = Vec::new();
    for case in cases() {
        let Err(problems) = parse(&read(&case.join("bad.yaml")), Path::new("bad.yaml")) else {
            panic!("{}: accepted", case.display());
        };
        let found = format!("{problems}\n");
        let expected = case.join("problems.txt");
        if update {
            fs::write(&expected, found).expect("written");
        } else if read(&expected) != found {
            wrong.push(format!("{}:\n{found}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whoever reads a problem must find its line and know what to do.
#[test]
fn every_problem_has_a_place_and_a_way_out() {
    for case in cases() {
        let text = read(&case.join("bad.yaml"));
        let problems = parse(&text, Path::new("bad.yaml")).expect_err("broken");
        for problem in &problems {
            let line = text.lines().nth(problem.position.line - 1);
            assert!(line.is_some() || problem.position.line <= text.lines().count() + 1, "{problem}");
            assert!(!problem.what.is_empty() && !problem.todo.is_empty(), "{problem}");
            assert!(!problem.what.contains("PRIVATE KEY") && !problem.todo.contains("PRIVATE KEY"), "{problem}");
        }
    }
}

#[test]
fn a_file_is_read_with_its_directory_as_the_base_of_paths() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("jadegate.yaml");
    let good = "listeners: [{ bind: 127.0.0.1:1, tls: none, backend: 'unix:app.sock' }]";
    fs::write(&path, good).expect("written");
    let config = load(&path).expect("good");
    let expected = format!("unix:{}", directory.path().join("app.sock").display());
    assert_eq!(config.backends[0].endpoints[0].to_string(), expected);

    fs::write(&path, b"listeners:\n  - \xff").expect("written");
    let error = load(&path).expect_err("not text").to_string();
    assert!(error.contains(":2:5") && error.contains("UTF-8"), "{error}");

    let absent = load(&directory.path().join("absent.yaml")).expect_err("absent").to_string();
    assert!(absent.contains("absent.yaml"), "{absent}");
}

#[test]
fn the_examples_are_good() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples");
    let examples: Vec<PathBuf> =
        fs::read_dir(root).expect("examples").map(|entry| entry.expect("example").path()).collect();
    let examples: Vec<PathBuf> =
        examples.into_iter().filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    assert!(examples.len() >= 6, "{examples:?}");
    for example in examples {
        if let Err(problems) = load(&example) {
            panic!("{problems}");
        }
    }
}
