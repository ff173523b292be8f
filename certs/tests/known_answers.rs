//! Known answers of the SM algorithms, run through the calls that this crate relies on.

use std::collections::HashMap;
use std::path::Path;

use jadegate_certs::PrivateKey;
use jadegate_certs::certificate::Certificate;
use jadegate_certs::development::mint::{Mint, MintKey};
use jadegate_certs::key::KeyProblem;
use jadegate_tongsuo::openssl::bn::BigNumContext;
use jadegate_tongsuo::openssl::ec::{EcGroup, EcKey, EcPoint};
use jadegate_tongsuo::openssl::hash::{MessageDigest, hash};
use jadegate_tongsuo::openssl::nid::Nid;
use jadegate_tongsuo::openssl::pkcs5::pbkdf2_hmac;
use jadegate_tongsuo::openssl::pkey::{PKey, Public};
use jadegate_tongsuo::openssl::pkey_ctx::PkeyCtx;
use jadegate_tongsuo::openssl::sign::{Signer, Verifier};
use jadegate_tongsuo::openssl::symm::{Cipher, Crypter, Mode};

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The `key = value` lines of the case whose name begins so.
fn case(name: &str, begin: &str) -> HashMap<String, String> {
    let text = file(name);
    let lines =
        text.lines().skip_while(|line| !line.strip_prefix("case = ").is_some_and(|case| case.starts_with(begin)));
    let found: HashMap<String, String> = lines
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
        .collect();
    assert!(!found.is_empty(), "no case {begin} in {name}");
    found
}

fn octets(hex_text: &str) -> Vec<u8> {
    hex::decode(hex_text.trim()).expect("hex")
}

/// Lines `name | expected | octets…` between two headings.
fn rows(name: &str, after: &str) -> Vec<Vec<String>> {
    let text = file(name);
    let rows: Vec<Vec<String>> = text
        .lines()
        .skip_while(|line| !line.contains(after))
        .skip(1)
        .skip_while(|line| line.starts_with('#'))
        .take_while(|line| !line.starts_with('#'))
        .filter(|line| line.contains('|'))
        .map(|line| line.split('|').map(|field| field.trim().to_owned()).collect())
        .collect();
    assert!(rows.len() > 3, "{name}: {after}");
    rows
}

fn public(point: &[u8]) -> PKey<Public> {
    let group = EcGroup::from_curve_name(Nid::SM2).expect("curve");
    let mut context = BigNumContext::new().expect("context");
    let point = EcPoint::from_bytes(&group, point, &mut context).expect("point");
    PKey::from_ec_key(EcKey::from_public_key(&group, &point).expect("key")).expect("key")
}

/// SEC1 with the curve's name.
fn sec1(number: &[u8]) -> Vec<u8> {
    let mut der = vec![0x30, 0x31, 2, 1, 1, 4, 0x20];
    der.extend_from_slice(number);
    der.extend([0xa0, 0x0a, 6, 8, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d]);
    der
}

fn private(number: &str) -> PrivateKey {
    PrivateKey::from_pem_or_der(&sec1(&octets(number)), None).expect("key")
}

/// Verifies the way certificates are verified: over the message, under the default identifier.
fn verifies(key: &PKey<Public>, message: &[u8], signature: &[u8]) -> bool {
    Verifier::new(MessageDigest::sm3(), key).expect("verifier").verify_oneshot(signature, message).unwrap_or(false)
}

#[test]
fn the_key_of_the_standard_gives_its_public_point() {
    let annex = case("sm2.txt", "sign-annex-A");
    let key = private(&annex["d"]);
    assert!(key.spki_der().ends_with(&octets(&annex["pub"])));
    assert!(key.engine_key().public_eq(&public(&octets(&annex["pub"]))));
}

#[test]
fn the_signature_of_the_standard_verifies_and_its_variants_do_not() {
    let annex = case("sm2.txt", "sign-annex-A");
    let key = public(&octets(&annex["pub"]));
    let rows = rows("sm2_verify_negative.txt", "strict DER");
    assert_eq!(rows.len(), 23);
    for row in rows {
        assert_eq!(verifies(&key, annex["msg"].as_bytes(), &octets(&row[2])), row[1] == "valid", "{}", row[0]);
    }
}

#[test]
fn what_our_key_signs_verifies_under_the_default_identifier_only() {
    let annex = case("sm2.txt", "sign-annex-A");
    let key = private(&annex["d"]);
    let mut signer = Signer::new(MessageDigest::sm3(), key.engine_key()).expect("signer");
    let signature = signer.sign_oneshot_to_vec(annex["msg"].as_bytes()).expect("signed");
    let public = public(&octets(&annex["pub"]));
    assert!(verifies(&public, annex["msg"].as_bytes(), &signature));
    // The standard's e is SM3 over Z and the message, with Z made from the default identifier.
    let mut context = PkeyCtx::new(&public).expect("context");
    context.verify_init().expect("init");
    assert!(context.verify(&octets(&annex["e"]), &signature).unwrap_or(false));
    let other = case("sm2.txt", "sign-empty-id");
    assert!(!context.verify(&octets(&other["e"]), &signature).unwrap_or(false));
}

#[test]
fn signatures_under_other_identifiers_verify_only_under_those() {
    let key = public(&octets(&case("sm2.txt", "sign-annex-A")["pub"]));
    for begin in ["sign-rfc8998-server", "sign-rfc8998-client", "sign-empty-id"] {
        let case = case("sm2.txt", begin);
        let mut context = PkeyCtx::new(&key).expect("context");
        context.verify_init().expect("init");
        assert!(context.verify(&octets(&case["e"]), &octets(&case["sig_der"])).unwrap_or(false), "{begin}");
        if let Some(message) = case.get("msg") {
            assert!(!verifies(&key, message.as_bytes(), &octets(&case["sig_der"])), "{begin}");
        }
    }
}

/// SubjectPublicKeyInfo for id-ecPublicKey on the SM2 curve, around any octets.
fn spki(point: &[u8]) -> Vec<u8> {
    let algorithm = octets("301306072a8648ce3d020106082a811ccf5501822d");
    let length = |size: usize| u8::try_from(size).expect("short");
    let mut out = vec![0x30, length(algorithm.len() + 3 + point.len())];
    out.extend(&algorithm);
    out.extend([3, length(point.len() + 1), 0]);
    out.extend(point);
    out
}

#[test]
fn public_keys_that_are_no_point_are_refused_before_any_use() {
    let signer = MintKey::sm2().expect("key");
    for row in rows("sm2_verify_negative.txt", "public keys that must be refused") {
        let point = octets(&row[2]);
        let minted = Mint::leaf("odd").spki(spki(&point)).self_signed(&signer).expect("minted");
        let certificate = Certificate::from_der(minted.der()).expect("readable");
        if row[1] == "signature invalid" {
            let annex = case("sm2.txt", "sign-annex-A");
            assert!(certificate.key_kind().is_some(), "{}", row[0]);
            assert!(!verifies(&public(&point), annex["msg"].as_bytes(), &octets(&annex["sig_der"])), "{}", row[0]);
        } else {
            assert_eq!(certificate.key_problem(), Some(&KeyProblem::BadPoint), "{}", row[0]);
        }
    }
}

#[test]
fn private_keys_out_of_range_are_refused() {
    for row in rows("sm2_verify_negative.txt", "private keys that must be refused") {
        let read = PrivateKey::from_pem_or_der(&sec1(&octets(&row[2])), None);
        match row[1].as_str() {
            "valid" => assert!(read.is_ok(), "{}", row[0]),
            _ => assert_eq!(read.expect_err("refused").reason(), "key_out_of_range", "{}", row[0]),
        }
    }
}

#[test]
fn decryption_gives_the_answer_of_the_standard_and_refuses_the_rest() {
    let annex = case("sm2.txt", "encrypt-annex-C");
    let key = private(&annex["d"]);
    for row in rows("sm2_decrypt_negative.txt", "A TLCP server") {
        let mut context = PkeyCtx::new(key.engine_key()).expect("context");
        context.decrypt_init().expect("init");
        let mut plain = Vec::new();
        let opened = context.decrypt_to_vec(&octets(&row[2]), &mut plain).is_ok();
        if row[0] == "valid-annex-C" {
            assert!(opened);
            assert_eq!(plain, annex["msg"].as_bytes());
        } else if row[0] == "trailing-octets" {
            // libcrypto ignores what follows the structure; the text is still the authenticated one.
            assert!(!opened || plain == annex["msg"].as_bytes());
        } else {
            // "c2-empty" may count as opened with nothing in it; no other variant opens.
            assert!(!opened || row[0] == "c2-empty" && plain.is_empty(), "{}", row[0]);
        }
    }
}

#[test]
fn sm3_and_sm4_give_their_known_answers() {
    for (begin, message) in [
        ("annex-A.1", b"abc".to_vec()),
        ("annex-A.2", b"abcd".repeat(16)),
        ("empty", Vec::new()),
        ("1000-octets", vec![0x61; 1000]),
    ] {
        assert_eq!(
            hash(MessageDigest::sm3(), &message).expect("hashed").to_vec(),
            octets(&case("sm3.txt", begin)["md"])
        );
    }
    let cbc = case("sm4.txt", "CBC");
    let (key, iv, plain) = (octets(&cbc["key"]), octets(&cbc["iv"]), octets(&cbc["pt"]));
    let mut cipher = Crypter::new(Cipher::sm4_cbc(), Mode::Encrypt, &key, Some(&iv)).expect("cipher");
    cipher.pad(false);
    let mut out = vec![0; plain.len() + 16];
    let written = cipher.update(&plain, &mut out).expect("encrypted");
    assert_eq!(out[..written], octets(&cbc["ct"]));
}

#[test]
fn pbkdf2_over_sm3_gives_its_known_answers() {
    let one = case("kdf_sm3.txt", "PBKDF2-HMAC-SM3 (RFC 7914");
    let mut key = [0; 64];
    pbkdf2_hmac(one["password"].as_bytes(), one["salt"].as_bytes(), 1, MessageDigest::sm3(), &mut key)
        .expect("derived");
    assert_eq!(key.to_vec(), octets(&one["dk64"]));
    let many = case("kdf_sm3.txt", "PBKDF2-HMAC-SM3, 4096");
    let mut key = [0; 16];
    pbkdf2_hmac(&octets(&many["password"]), &octets(&many["salt"]), 4096, MessageDigest::sm3(), &mut key)
        .expect("derived");
    assert_eq!(key.to_vec(), octets(&many["dk16"]));
}
