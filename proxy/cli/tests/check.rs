//! `jadegate check`, `schema` and `version` as an operator and a script meet them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use jadegate_certs::development::{DirectoryOptions, Overwrite, write_directory};
use serde_json::Value;

fn jadegate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jadegate")).args(arguments).output().expect("run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A directory with development certificates that live for `lifetime`, and a configuration that uses them all.
fn site(lifetime: Duration) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().expect("directory");
    let options = DirectoryOptions { lifetime, overwrite: Overwrite::Refuse, ..DirectoryOptions::default() };
    let certs = directory.path().join("certs");
    fs::create_dir(&certs).expect("directory");
    write_directory(&certs, &options).expect("certificates");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples/gm-edge.yaml");
    let file = directory.path().join("site.yaml");
    fs::copy(example, &file).expect("copied");
    (directory, file.to_str().expect("text").to_owned())
}

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600 + 60);

#[test]
fn a_good_configuration_with_good_certificates_passes() {
    let (_keep, file) = site(YEAR);
    let output = jadegate(&["check", &file]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("good (1 listener, 1 chain, 1 backend, 2 secrets)"),
        "{}",
        text(&output.stdout)
    );
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_certificate_that_expires_soon_is_a_warning() {
    let (_keep, file) = site(WEEK);
    let output = jadegate(&["check", "--json", &file]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let reports: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let warnings = reports[0]["warnings"].as_array().expect("warnings");
    assert_eq!(warnings.len(), 3, "the single certificate and both of the pair: {reports}");
    assert_eq!(warnings[0]["reason"], "certificate_expires_soon");
    assert!(warnings[0]["what"].as_str().expect("text").contains("expires in 7 days"), "{reports}");
}

#[test]
fn a_broken_secret_is_named_with_its_place_its_file_and_the_rule() {
    let (keep, file) = site(YEAR);
    let certs = keep.path().join("certs");
    fs::copy(certs.join("client.key"), certs.join("server.key")).expect("exchanged");
    fs::remove_file(certs.join("sm2-server-enc.pem")).expect("removed");
    let output = jadegate(&["check", "--json", &file]);
    assert_eq!(output.status.code(), Some(2));
    let reports: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let problems = reports[0]["problems"].as_array().expect("problems");
    assert_eq!(problems.len(), 2, "{reports}");
    assert_eq!(problems[0]["path"], "listeners[0].tls.certificates[0]");
    assert_eq!(problems[0]["reason"], "key_certificate_mismatch");
    assert!(problems[0]["what"].as_str().expect("text").contains("server.pem"), "{reports}");
    assert_eq!(problems[1]["reason"], "file_missing");
    assert!(problems[1]["what"].as_str().expect("text").contains("sm2-server-enc.pem"), "{reports}");

    let people = text(&jadegate(&["check", &file]).stderr);
    assert!(people.contains(": listeners[0].tls.certificates[0]\n") && people.contains("2 problems"), "{people}");
}

/// Each certificate is good by itself, and standard TLS cannot be served with an SM2 one.
#[test]
fn good_certificates_that_do_not_fit_the_policy_are_a_problem() {
    let (_keep, file) = site(YEAR);
    let yaml = "listeners:
  - name: site
    bind: 127.0.0.1:443
    tls: { certificates: [{ cert: certs/sm2-server-sign.pem, key: certs/sm2-server-sign.key }] }
    backend: 127.0.0.1:80
";
    fs::write(&file, yaml).expect("written");
    let output = jadegate(&["check", "--json", &file]);
    let reports: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(2), "{reports}");
    let problems = reports[0]["problems"].as_array().expect("problems");
    assert_eq!(problems.len(), 1, "{reports}");
    assert_eq!(problems[0]["path"], "listeners[0].tls.certificates[0]");
    assert!(problems[0]["what"].as_str().expect("text").contains("listener site, chain default"), "{reports}");
    assert_eq!(problems[0]["reason"], "no_usable_credential");
}

#[test]
fn a_broken_configuration_ends_with_two_and_an_unreadable_one_with_one() {
    let directory = tempfile::tempdir().expect("directory");
    let broken = directory.path().join("broken.yaml");
    fs::write(&broken, "listners: []\n").expect("written");
    let broken = broken.to_str().expect("text");
    let output = jadegate(&["check", broken]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean listeners?"), "{}", text(&output.stderr));

    let absent = directory.path().join("absent.yaml");
    let absent = absent.to_str().expect("text");
    let output = jadegate(&["check", absent]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot be read"), "{}", text(&output.stderr));
    assert_eq!(jadegate(&["check", absent, broken]).status.code(), Some(2));
    assert_eq!(jadegate(&["check"]).status.code(), Some(2), "without a file");
}

#[test]
fn the_schema_is_printed_as_json() {
    let schema: Value = serde_json::from_slice(&jadegate(&["schema"]).stdout).expect("JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["properties"]["listeners"].is_object());
}

#[test]
fn every_library_that_decides_about_cryptography_has_its_version() {
    let versions: Value = serde_json::from_slice(&jadegate(&["version", "--json"]).stdout).expect("JSON");
    for (name, version) in versions.as_object().expect("map") {
        let version = version.as_str().expect("text");
        assert!(version != "unknown" && !version.is_empty(), "{name}");
    }
    assert!(text(&jadegate(&["version"]).stdout).contains("Tongsuo 8.5.0"));
}
