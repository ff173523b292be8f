use std::os::unix::fs::PermissionsExt as _;

use jadegate_tongsuo::openssl::pkey::PKey;
use jadegate_tongsuo::openssl::x509::X509;

use super::*;

fn x509(pem: &str) -> X509 {
    X509::from_pem(pem.as_bytes()).expect("readable")
}

fn belongs(issued: &Issued) -> bool {
    let key = PKey::private_key_from_pem(issued.key_pem.as_bytes()).expect("readable");
    x509(&issued.certificate_pem).public_key().expect("readable").public_eq(&key)
}

#[test]
fn both_families_issue_leaves_that_their_root_signed() {
    for (ca, family) in [
        (DevelopmentCa::new_standard().expect("ca"), Family::Standard),
        (DevelopmentCa::new_sm2().expect("ca"), Family::Sm2),
    ] {
        assert_eq!(ca.family(), family);
        let request = LeafRequest::new(Role::Both, &["localhost", "127.0.0.1", "spiffe://td/ns/a"]).expect("names");
        let leaf = ca.issue(&request).expect("leaf");
        assert!(belongs(&leaf) && belongs(ca.root()));
        let root = x509(&ca.root().certificate_pem).public_key().expect("readable");
        assert!(x509(&leaf.certificate_pem).verify(&root).expect("runs"));
        assert_eq!(x509(&leaf.certificate_pem).subject_alt_names().map(|names| names.len()), Some(3));
    }
}

#[test]
fn a_pair_shares_subject_and_names_but_not_its_key() {
    let ca = DevelopmentCa::new_sm2().expect("ca");
    let pair = ca.issue_pair(&LeafRequest::new(Role::Server, &["localhost"]).expect("names")).expect("pair");
    let (sign, enc) = (x509(&pair.sign.certificate_pem), x509(&pair.enc.certificate_pem));
    let same = |a: &X509, b: &X509| a.subject_name().to_der().expect("der") == b.subject_name().to_der().expect("der");
    assert!(same(&sign, &enc));
    assert!(!sign.public_key().expect("key").public_eq(&enc.public_key().expect("key")));
    assert!(belongs(&pair.sign) && belongs(&pair.enc));
}

#[test]
fn what_an_authority_cannot_do_is_an_error() {
    let standard = DevelopmentCa::new_standard().expect("ca");
    let request = LeafRequest::new(Role::Server, &["localhost"]).expect("names");
    assert_eq!(standard.issue_pair(&request).expect_err("no pair").reason(), "pair_needs_sm2");
    let foreign = standard.issue_for(&MintKey::sm2().expect("key"), &request);
    assert_eq!(foreign.expect_err("SM2 key").reason(), "foreign_key");
    let rsa = standard.issue_for(&MintKey::rsa(2048).expect("key"), &request).expect("RSA leaf");
    assert!(belongs(&rsa));
    for bad in ["", "two words", "ümlaut", "a/b"] {
        assert_eq!(LeafRequest::new(Role::Server, &[bad]).expect_err("bad name").reason(), "bad_name");
    }
}

#[test]
fn a_directory_is_complete_protected_and_never_overwritten_unasked() {
    let directory = tempfile::tempdir().expect("directory");
    let options = DirectoryOptions::default();
    let files = write_directory(directory.path(), &options).expect("written");
    assert_eq!(files.len(), 16);
    for file in &files {
        let mode = file.metadata().expect("metadata").permissions().mode() & 0o777;
        let key = file.extension().is_some_and(|extension| extension == "key");
        assert_eq!(mode & 0o077 == 0, key, "{}", file.display());
    }
    assert_eq!(std::fs::read_dir(directory.path()).expect("list").count(), 16, "nothing temporary is left");

    let before = std::fs::read(&files[0]).expect("readable");
    let again = write_directory(directory.path(), &options);
    assert_eq!(again.expect_err("refused").reason(), "exists");
    assert_eq!(std::fs::read(&files[0]).expect("readable"), before);
    let replace = DirectoryOptions { overwrite: Overwrite::Replace, ..options };
    write_directory(directory.path(), &replace).expect("replaced");
    assert_ne!(std::fs::read(&files[0]).expect("readable"), before);
}

#[test]
fn keys_do_not_show_in_debug_output() {
    let ca = DevelopmentCa::new_sm2().expect("ca");
    let text = format!("{ca:?}");
    assert!(text.contains("CERTIFICATE") && !text.contains("PRIVATE"));
}
