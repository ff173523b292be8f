use jadegate_tongsuo::openssl::hash::MessageDigest;
use jadegate_tongsuo::openssl::pkcs12::Pkcs12;
use jadegate_tongsuo::openssl::stack::Stack;
use jadegate_tongsuo::openssl::symm::Cipher;
use jadegate_tongsuo::openssl::x509::extension::SubjectAlternativeName;
use jadegate_tongsuo::openssl::x509::{X509, X509NameBuilder, X509Req};

use super::*;
use crate::development::mint::{Mint, MintCrl, MintKey, Minted, Name, Usage};

fn sm2() -> MintKey {
    MintKey::sm2().expect("key")
}

fn key_pem(minted: &Minted) -> String {
    minted.key_pem().expect("PEM").to_string()
}

fn describe_text(text: &str) -> Description {
    describe_bytes(text.as_bytes(), None, UnixTime::now()).expect("described")
}

fn kinds(description: &Description) -> Vec<String> {
    let json = serde_json::to_value(description).expect("JSON");
    json["entries"]
        .as_array()
        .expect("list")
        .iter()
        .map(|entry| entry["kind"].as_str().expect("kind").to_owned())
        .collect()
}

#[test]
fn a_mixed_file_is_described_with_its_relations() {
    let root = Mint::authority("root").self_signed(&sm2()).expect("minted");
    let sign = Mint::leaf("site").dns("site.example").usage(Usage::SIGN).issue(&sm2(), &root).expect("minted");
    let enc = Mint::leaf("site").dns("site.example").usage(Usage::ENC).issue(&sm2(), &root).expect("minted");
    let foreign = Mint::leaf("other").self_signed(&MintKey::p256().expect("key")).expect("minted");
    let list = MintCrl::new().revoke(&enc).issue_pem(&root).expect("minted");
    let file = [sign.pem(), key_pem(&sign), enc.pem(), key_pem(&enc), root.pem(), key_pem(&foreign), list].concat();
    let description = describe_text(&file);
    assert_eq!(
        kinds(&description),
        ["certificate", "private_key", "certificate", "private_key", "certificate", "private_key", "revocation_list"]
    );
    assert_eq!(
        description.relations,
        [
            Relation::KeyOf { key: 2, entry: 1 },
            Relation::KeyOf { key: 4, entry: 3 },
            Relation::KeyOfNone { key: 6 },
            Relation::SignedBy { certificate: 1, issuer: 5 },
            Relation::SignedBy { certificate: 3, issuer: 5 },
            Relation::SignedBy { certificate: 5, issuer: 5 },
            Relation::ListSignedBy { list: 7, issuer: 5 },
            Relation::Pair { sign: 1, enc: 3, fault: None },
        ]
    );
    let text = description.to_string();
    for part in [
        "1. certificate CN=site (line 1)",
        "DNS:site.example",
        " days left",
        "digitalSignature",
        "SM2-SM3",
        "are a TLCP pair",
        "belongs to NONE",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn a_lone_key_says_what_it_is_and_that_no_certificate_was_given() {
    for (key, words) in [
        (sm2(), "SM2, 256 bits"),
        (MintKey::p256().expect("key"), "ECDSA on P-256, 256 bits"),
        (MintKey::rsa(2048).expect("key"), "RSA, 2048 bits"),
    ] {
        let pem = key.pkcs8_pem().expect("PEM");
        let description = describe_text(pem.as_str());
        assert_eq!(description.relations, [Relation::KeyAlone { key: 1 }]);
        let spki =
            hex::encode(crate::key::PrivateKey::from_pem_or_der(pem.as_bytes(), None).expect("key").spki_sha256());
        let text = description.to_string();
        for part in [words, spki.as_str(), "no certificate was given for key 1"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(!text.contains("NONE"), "{text}");
    }
    // Beside a certificate that is not its own it belongs to none.
    let other = Mint::leaf("other").self_signed(&sm2()).expect("minted");
    let beside = describe_text(&format!("{}{}", sm2().pkcs8_pem().expect("PEM").as_str(), other.pem()));
    assert!(beside.relations.contains(&Relation::KeyOfNone { key: 1 }), "{beside}");
}

#[test]
fn what_would_be_refused_says_why() {
    let root = Mint::authority("root").self_signed(&sm2()).expect("minted");
    let sign = Mint::leaf("a").usage(Usage::SIGN).expired().issue(&sm2(), &root).expect("minted");
    let enc = Mint::leaf("a").subject(Name::common("b")).usage(Usage::ENC).issue(&sm2(), &root).expect("minted");
    let description = describe_text(&format!("{}{}", sign.pem(), enc.pem()));
    let Content::Certificate(facts) = &description.entries[0].content else { panic!("a certificate") };
    assert_eq!(facts.validity, Validity::Expired);
    assert!(facts.seconds_left < 0);
    assert_eq!(facts.fault.as_ref().map(|fault| fault.reason), Some("certificate_expired"));
    assert!(matches!(
        &description.relations[..],
        [Relation::Pair { fault: Some(Fault { reason: "pair_subject_differs", .. }), .. }]
    ));
    let text = description.to_string();
    assert!(text.contains("EXPIRED 60 minutes ago") && text.contains("NOT a TLCP pair"), "{text}");
}

#[test]
fn every_kind_of_input_is_recognised_as_der_too() {
    let root = Mint::authority("root").self_signed(&sm2()).expect("minted");
    let key = sm2();
    let list = MintCrl::new().issue(&root).expect("minted");
    let encrypted = key.as_pkey().private_key_to_pkcs8_passphrase(Cipher::aes_256_cbc(), b"p").expect("DER");
    let kind = |bytes: &[u8], password: Option<&str>| {
        let password = password.map(Password::new);
        kinds(&describe_bytes(bytes, password.as_ref(), UnixTime::now()).expect("described"))
    };
    assert_eq!(kind(root.der(), None), ["certificate"]);
    assert_eq!(kind(&list, None), ["revocation_list"]);
    assert_eq!(kind(&key.pkcs8_der().expect("DER"), None), ["private_key"]);
    assert_eq!(kind(&encrypted, None), ["encrypted_key"]);
    assert_eq!(kind(&encrypted, Some("p")), ["private_key"]);
    assert_eq!(kind(&encrypted, Some("q")), ["unreadable"]);

    let mut builder = Pkcs12::builder();
    builder.pkey(root.key().as_pkey()).cert(&X509::from_der(root.der()).expect("readable")).mac_iter(10).key_iter(10);
    let archive = builder.build2("p").expect("built").to_der().expect("DER");
    assert_eq!(kind(&archive, None), ["encrypted_archive"]);
    assert_eq!(kind(&archive, Some("p")), ["private_key", "certificate"]);
    assert_eq!(kind(&archive, Some("q")), ["unreadable"]);
    for garbage in [&b""[..], b"hello", &[0x30, 0x00], &root.der()[..100]] {
        assert_eq!(
            describe_bytes(garbage, None, UnixTime::now()).expect_err("garbage").reason(),
            "inspect_unrecognised"
        );
    }
}

#[test]
fn a_request_shows_what_it_asks_for() {
    let key = sm2();
    let mut request = X509Req::builder().expect("builder");
    let mut name = X509NameBuilder::new().expect("builder");
    name.append_entry_by_text("CN", "applicant").expect("appended");
    request.set_subject_name(&name.build()).expect("set");
    request.set_pubkey(key.as_pkey()).expect("set");
    let names = SubjectAlternativeName::new().dns("a.example").build(&request.x509v3_context(None)).expect("built");
    let mut extensions = Stack::new().expect("stack");
    extensions.push(names).expect("pushed");
    request.add_extensions(&extensions).expect("added");
    request.sign(key.as_pkey(), MessageDigest::sm3()).expect("signed");
    let request = request.build();
    let text = String::from_utf8(request.to_pem().expect("PEM")).expect("text");
    let description = describe_text(&format!("{text}{}", key.pkcs8_pem().expect("PEM").as_str()));
    let Content::Request(facts) = &description.entries[0].content else { panic!("{description:?}") };
    assert_eq!(
        (facts.subject.as_str(), facts.key, facts.signature_verifies),
        ("CN=applicant", Some(KeyKind::Sm2), true)
    );
    assert_eq!(facts.names.dns, ["a.example"]);
    assert_eq!(description.relations, [Relation::KeyOf { key: 2, entry: 1 }]);
    assert_eq!(
        kinds(&describe_bytes(&request.to_der().expect("DER"), None, UnixTime::now()).expect("described")),
        ["request"]
    );
}

#[test]
fn one_unreadable_entry_does_not_hide_the_others() {
    let root = Mint::authority("root").self_signed(&sm2()).expect("minted");
    let broken = crate::pem::encode("CERTIFICATE", &root.der()[..50]);
    let description = describe_text(&format!("{broken}{}{}", root.pem(), crate::pem::encode("EC PARAMETERS", &[6, 0])));
    assert_eq!(kinds(&description), ["unreadable", "certificate", "other"]);
    assert!(description.to_string().starts_with("1. unreadable CERTIFICATE:"));
    let cut = root.pem().replace("-----END", "");
    assert_eq!(describe_bytes(cut.as_bytes(), None, UnixTime::now()).expect_err("cut").reason(), "pem_unterminated");
}

#[test]
fn no_description_holds_a_private_key() {
    let key = sm2();
    let description = describe_text(key.pkcs8_pem().expect("PEM").as_str());
    let secret = hex::encode(
        &crate::key::PrivateKey::from_pkcs8(&key.pkcs8_der().expect("DER")).expect("key").pkcs8_der()[36..68],
    );
    let printed = format!("{description} {description:?} {}", serde_json::to_string(&description).expect("JSON"));
    assert!(!printed.contains(&secret) && printed.contains("SM2"));
}

#[test]
fn a_presented_chain_is_described_like_a_file() {
    let root = Mint::authority("root").self_signed(&sm2()).expect("minted");
    let certificate = Certificate::from_der(root.der()).expect("readable");
    let description = describe_certificates(&[certificate], UnixTime::now());
    assert_eq!(description.relations, [Relation::SignedBy { certificate: 1, issuer: 1 }]);
    assert!(description.to_string().contains("1 signed itself"));
}

#[test]
fn many_encrypted_blocks_share_one_allowance_of_work_and_the_one_that_goes_beyond_it_is_named() {
    // Each asks for 2048 rounds, which is what libcrypto writes.
    let block = |key: &MintKey| {
        let pem = key.as_pkey().private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"p").expect("PEM");
        String::from_utf8(pem).expect("text")
    };
    let key = sm2();
    let text = block(&key).repeat(3);
    let password = Password::new("p");
    let described = |rounds| {
        let opener = read::Opener { password: Some(&password), allowance: Allowance::of(rounds) };
        describe(read::entries(text.as_bytes(), opener).expect("read"), UnixTime::now())
    };
    assert_eq!(kinds(&described(3 * 2048)), ["private_key", "private_key", "private_key"]);
    let short = described(3 * 2048 - 1);
    assert_eq!(kinds(&short), ["private_key", "private_key", "unreadable"]);
    let Content::Unreadable { reason, error, .. } = &short.entries[2].content else { panic!("{short}") };
    assert_eq!(*reason, "key_iterations_in_all");
    assert!(error.contains("2048") && error.contains("2047"), "{error}");
    let line = short.entries[2].line.expect("a line");
    assert!(short.to_string().contains(&format!("(line {line})")) && line > 1, "{short}");

    let mut builder = Pkcs12::builder();
    let root = Mint::authority("root").self_signed(&sm2()).expect("minted");
    builder.pkey(root.key().as_pkey()).cert(&X509::from_der(root.der()).expect("readable")).mac_iter(500).key_iter(500);
    let archive = builder.build2("p").expect("built").to_der().expect("DER");
    let opened = |rounds| crate::pkcs12::parse_within(&archive, &password, &mut Allowance::of(rounds));
    assert!(opened(1500).is_ok(), "integrity, certificates and key");
    assert_eq!(opened(1499).expect_err("too much").reason(), "pkcs12_iterations_in_all");
}

proptest::proptest! {
    #[test]
    fn any_octets_give_a_result(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let _ = describe_bytes(&bytes, Some(&Password::new("p")), UnixTime(0)).map(|description| description.to_string());
    }
}
