use std::time::{Duration, SystemTime};

use super::*;
use crate::development::mint::{AltName, Mint, MintKey, Name, Purpose, RFC8998_DISTINGUISHING_ID, Usage};

fn read(minted: &crate::development::mint::Minted) -> Certificate {
    Certificate::from_der(minted.der()).expect("readable")
}

#[test]
fn facts_are_those_that_were_minted() {
    let key = MintKey::sm2().expect("key");
    let from = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let minted = Mint::leaf("site")
        .subject(Name::common("site").organization("Jadegate"))
        .serial(&[0x0a, 0xff])
        .valid(from, from + Duration::from_secs(60))
        .dns("site.example")
        .ip("192.0.2.1".parse().expect("address"))
        .uri("spiffe://td/a")
        .name(AltName::Email("a@site.example".to_owned()))
        .usage(&[Usage::DigitalSignature, Usage::KeyAgreement])
        .purposes(&[Purpose::ServerAuth])
        .self_signed(&key)
        .expect("minted");
    let certificate = read(&minted);
    assert!(certificate.subject().contains("CN=site") && certificate.subject().contains("O=Jadegate"));
    assert_eq!(certificate.serial(), "0aff");
    assert_eq!((certificate.not_before(), certificate.not_after()), (UnixTime(1_700_000_000), UnixTime(1_700_000_060)));
    assert_eq!(certificate.key_kind(), Some(KeyKind::Sm2));
    assert_eq!(certificate.spki_der(), key.spki().expect("spki"));
    assert_eq!(certificate.version(), 3);
    assert!(certificate.is_self_issued() && !certificate.is_ca());
    assert_eq!(certificate.names().dns, ["site.example"]);
    assert_eq!(certificate.names().ip, ["192.0.2.1".parse::<std::net::IpAddr>().expect("address")]);
    assert_eq!(certificate.names().uri, ["spiffe://td/a"]);
    assert_eq!(certificate.names().email, ["a@site.example"]);
    let usage = certificate.key_usage().expect("present");
    assert_eq!(usage.names(), ["digitalSignature", "keyAgreement"]);
    assert!(usage.any(KeyUsage::KEY_AGREEMENT.with(KeyUsage::CRL_SIGN)) && !usage.contains(KeyUsage::CRL_SIGN));
    assert_eq!(certificate.extended_key_usage().expect("present").names(), ["serverAuth"]);
    assert_eq!(*certificate.signature_algorithm(), SignatureAlgorithm::Sm2Sm3);
}

#[test]
fn every_kind_of_key_is_told() {
    for (key, kind) in [
        (MintKey::sm2(), KeyKind::Sm2),
        (MintKey::p256(), KeyKind::P256),
        (MintKey::p384(), KeyKind::P384),
        (MintKey::ed25519(), KeyKind::Ed25519),
        (MintKey::rsa(2048), KeyKind::Rsa { bits: 2048 }),
        (MintKey::rsa(1024), KeyKind::Rsa { bits: 1024 }),
    ] {
        let certificate = read(&Mint::leaf("k").self_signed(&key.expect("key")).expect("minted"));
        assert_eq!(certificate.key_kind(), Some(kind));
        assert!(certificate.is_signed_by(&certificate), "{kind}");
    }
}

/// The SM2 identifier stands in place of id-ecPublicKey; the parameters name the curve or are absent.
#[test]
fn the_other_spelling_of_sm2_is_the_same_key() {
    let key = MintKey::sm2().expect("key");
    let plain = key.spki().expect("spki");
    let point = plain.get(plain.len() - 68..).expect("a BIT STRING of 66 octets and its header");
    let sm2 = der::element(der::OID, &[&[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d]]);
    let private = crate::key::PrivateKey::from_pkcs8(&key.pkcs8_der().expect("pkcs8")).expect("key");
    for (parameters, libcrypto_reads_it) in [(sm2.as_slice(), true), (&[], false), (&[der::NULL, 0], false)] {
        let spki = der::element(der::SEQUENCE, &[&der::element(der::SEQUENCE, &[&sm2, parameters]), point]);
        let odd = read(&Mint::leaf("odd").spki(spki.to_vec()).self_signed(&key).expect("minted"));
        assert_eq!(odd.key_kind(), Some(KeyKind::Sm2));
        assert!(private.matches_spki(odd.spki_der()) && private.spki_der() != odd.spki_der());
        // Tongsuo 8.5.0 reads the form with parameters only; the other would fail in its handshake as well.
        assert_eq!(odd.is_signed_by(&odd), libcrypto_reads_it, "{parameters:02x?}");
    }
}

#[test]
fn a_public_key_that_could_be_anything_is_a_named_problem() {
    let key = MintKey::sm2().expect("key");
    for (spki, problem) in [
        (key.spki_with_explicit_parameters(), KeyProblem::ExplicitCurve),
        (key.spki_off_the_curve(), KeyProblem::BadPoint),
        (key.spki_at_infinity(), KeyProblem::BadPoint),
    ] {
        let certificate = read(&Mint::leaf("odd").spki(spki.expect("spki")).self_signed(&key).expect("minted"));
        assert_eq!(certificate.key_kind(), None);
        assert_eq!(certificate.key_problem(), Some(&problem));
    }
}

#[test]
fn sm2_signatures_verify_under_the_identifier_of_certificates_and_no_other() {
    let root = Mint::authority("root").self_signed(&MintKey::sm2().expect("key")).expect("minted");
    let key = MintKey::sm2().expect("key");
    let verifies = |mint: Mint| read(&mint.issue(&key, &root).expect("minted")).is_signed_by(&read(&root));
    assert!(verifies(Mint::leaf("good")));
    assert!(!verifies(Mint::leaf("empty").distinguishing_id(b"")));
    assert!(!verifies(Mint::leaf("handshake").distinguishing_id(RFC8998_DISTINGUISHING_ID)));
    assert!(!verifies(Mint::leaf("corrupt").corrupted_signature()));
    assert!(!verifies(Mint::leaf("foreign").signed_with(&MintKey::sm2().expect("key"))));
}

#[test]
fn an_extension_that_we_rely_on_is_never_read_as_absent() {
    let key = MintKey::p256().expect("key");
    for (oid, value, name) in [
        (&[2, 5, 29, 15][..], &[0x04, 0x00][..], "keyUsage"),
        (&[2, 5, 29, 17], &[0x30, 0x03, 0x82, 0x05, b'a'], "subjectAltName"),
        (&[2, 5, 29, 17], &[0x30, 0x03, 0x82, 0x01, 0x00], "subjectAltName"),
        (&[2, 5, 29, 17], &[0x30, 0x05, 0x87, 0x03, 1, 2, 3], "subjectAltName"),
        (&[2, 5, 29, 19], &[0x30, 0x03, 0x02, 0x01, 0x80], "basicConstraints"),
        (&[2, 5, 29, 37], &[0x30, 0x00], "extendedKeyUsage"),
    ] {
        let minted = Mint::leaf("odd")
            .without_usage()
            .without_purposes()
            .without_basic_constraints()
            .critical_extension(oid, value)
            .self_signed(&key)
            .expect("minted");
        let error = Certificate::from_der(minted.der()).expect_err("malformed extension");
        assert!(
            matches!(&error, CertificateError::MalformedExtension(extension) if *extension == name)
                || matches!(&error, CertificateError::Malformed(_)),
            "{name}: {error}"
        );
    }
    let twice = Mint::leaf("odd").critical_extension(&[2, 5, 29, 37], &[0x30, 0x03, 0x06, 0x01, 0x2a]);
    let error = Certificate::from_der(twice.self_signed(&key).expect("minted").der()).expect_err("twice");
    assert_eq!(error.reason(), "certificate_extension_twice");
}

#[test]
fn pem_files_hold_many_certificates_and_other_blocks_beside_them() {
    let key = MintKey::p256().expect("key");
    let first = Mint::leaf("first").self_signed(&key).expect("minted");
    let second = Mint::leaf("second").self_signed(&key).expect("minted");
    let file = format!("text\n{}{}{}", first.pem(), first.key_pem().expect("pem").as_str(), second.pem());
    let read = Certificate::from_pem_or_der(file.as_bytes()).expect("readable");
    assert_eq!(read.iter().map(Certificate::subject).collect::<Vec<_>>(), ["CN=first", "CN=second"]);
    assert_eq!(read[0].to_pem(), first.pem());
    assert_eq!(Certificate::from_pem_or_der(first.der()).expect("DER").len(), 1);

    let only_key = first.key_pem().expect("pem");
    let error = Certificate::from_pem_or_der(only_key.as_bytes()).expect_err("no certificate");
    assert!(matches!(&error, CertificateError::Absent { found } if found == &["PRIVATE KEY"]), "{error}");
    assert_eq!(Certificate::from_pem_or_der(b"").expect_err("empty").reason(), "certificate_absent");
    let mut trailing = first.der().to_vec();
    trailing.push(0);
    assert_eq!(Certificate::from_der(&trailing).expect_err("trailing").reason(), "certificate_trailing_bytes");
    let cut = &first.der()[..first.der().len() - 1];
    assert_eq!(Certificate::from_der(cut).expect_err("cut").reason(), "certificate_malformed");
}

proptest::proptest! {
    #[test]
    fn no_mutation_of_a_certificate_panics(position in 0usize..400, value: u8) {
        static DER: OnceLock<Vec<u8>> = OnceLock::new();
        let der = DER.get_or_init(|| {
            let key = MintKey::sm2().expect("key");
            Mint::leaf("site").dns("site.example").uri("spiffe://td/a").self_signed(&key).expect("minted").der().to_vec()
        });
        let mut mutated = der.clone();
        let position = position % mutated.len();
        mutated[position] = value;
        if let Ok(certificate) = Certificate::from_der(&mutated) {
            let _ = (certificate.is_signed_by(&certificate), certificate.to_pem());
        }
    }
}
