use jadegate_tongsuo::openssl::x509::store::X509StoreBuilder;
use jadegate_tongsuo::openssl::x509::{X509, X509Crl, X509StoreContext};
use jadegate_tongsuo::openssl::{hash::MessageDigest, stack::Stack};

use super::*;

fn x509(minted: &Minted) -> X509 {
    X509::from_der(minted.der()).expect("libcrypto reads what the mint wrote")
}

fn signed_by(leaf: &Minted, issuer: &Minted) -> bool {
    let key = x509(issuer).public_key().expect("issuer key");
    x509(leaf).verify(&key).unwrap_or(false)
}

fn chain_verifies(leaf: &Minted, root: &Minted) -> Result<(), String> {
    let mut store = X509StoreBuilder::new().expect("store");
    store.add_cert(x509(root)).expect("root");
    let chain = Stack::new().expect("stack");
    let mut context = X509StoreContext::new().expect("context");
    context
        .init(&store.build(), &x509(leaf), &chain, |context| {
            Ok(if context.verify_cert()? { Ok(()) } else { Err(context.error().to_string()) })
        })
        .expect("verification runs")
}

fn key_of(family: &str) -> MintKey {
    match family {
        "sm2" => MintKey::sm2(),
        "p256" => MintKey::p256(),
        "p384" => MintKey::p384(),
        "ed25519" => MintKey::ed25519(),
        "rsa" => MintKey::rsa(2048),
        other => unreachable!("{other}"),
    }
    .expect("key")
}

#[test]
fn every_kind_of_key_issues_chains_that_libcrypto_verifies() {
    for family in ["sm2", "p256", "p384", "ed25519", "rsa"] {
        let root = Mint::authority("Root").self_signed(&key_of(family)).expect("root");
        let leaf = Mint::leaf("leaf").dns("localhost").uri("spiffe://td/ns/a").issue(&key_of(family), &root);
        let leaf = leaf.expect("leaf");
        assert_eq!(chain_verifies(&leaf, &root), Ok(()), "{family}");
        let stranger = Mint::authority("Root").self_signed(&key_of(family)).expect("stranger");
        assert!(chain_verifies(&leaf, &stranger).is_err(), "{family}");
    }
}

#[test]
fn sm2_certificates_verify_under_the_default_identifier_only() {
    let root = Mint::authority("Root").self_signed(&MintKey::sm2().expect("key")).expect("root");
    let key = MintKey::sm2().expect("key");
    let good = Mint::leaf("leaf").issue(&key, &root).expect("leaf");
    assert!(signed_by(&good, &root));
    for id in [&b""[..], RFC8998_DISTINGUISHING_ID, b"1234567812345679"] {
        let bad = Mint::leaf("leaf").distinguishing_id(id).issue(&key, &root).expect("leaf");
        assert!(!signed_by(&bad, &root), "{id:?}");
    }
}

#[test]
fn damaged_signatures_do_not_verify() {
    for family in ["sm2", "p256"] {
        let root = Mint::authority("Root").self_signed(&key_of(family)).expect("root");
        let key = key_of(family);
        let other = key_of(family);
        let damages: [fn(Mint, &MintKey) -> Mint; 3] = [
            |mint, _| mint.corrupted_signature(),
            |mint, _| mint.loose_signature(),
            |mint, other| mint.signed_with(other),
        ];
        for damage in damages {
            let leaf = damage(Mint::leaf("leaf"), &other).issue(&key, &root).expect("leaf");
            assert!(!signed_by(&leaf, &root), "{family}");
        }
    }
    let rsa = MintKey::rsa(2048).expect("key");
    let loose = Mint::authority("Root").loose_signature().self_signed(&rsa);
    assert!(matches!(loose, Err(MintError::SignatureWithoutStructure)));
}

#[test]
fn broken_public_keys_are_not_accepted_by_libcrypto() {
    for family in ["sm2", "p256"] {
        let root = Mint::authority("Root").self_signed(&key_of(family)).expect("root");
        let key = key_of(family);
        for spki in [key.spki_off_the_curve(), key.spki_at_infinity()] {
            let leaf = Mint::leaf("leaf").spki(spki.expect("spki")).issue(&key, &root).expect("leaf");
            let usable = x509(&leaf).public_key().and_then(|key| key.ec_key()).and_then(|key| key.check_key());
            assert!(usable.is_err(), "{family}");
        }
        let explicit = Mint::leaf("leaf").spki(key.spki_with_explicit_parameters().expect("spki"));
        let explicit = explicit.issue(&key, &root).expect("leaf");
        assert!(
            x509(&explicit).public_key().is_ok(),
            "libcrypto reads explicit parameters of {family}: ours to refuse"
        );
    }
}

#[test]
fn facts_arrive_as_they_were_asked_for() {
    let root = Mint::authority("Root").path_length(0).self_signed(&MintKey::sm2().expect("key")).expect("root");
    let key = MintKey::sm2().expect("key");
    let parsed = |mint: Mint| -> Vec<u8> { mint.issue(&key, &root).expect("leaf").der().to_vec() };
    let check = |der: Vec<u8>, test: &dyn Fn(&x509_parser::certificate::X509Certificate<'_>) -> bool| {
        let (rest, certificate) = x509_parser::parse_x509_certificate(&der).expect("readable");
        assert!(rest.is_empty());
        assert!(test(&certificate));
    };
    check(parsed(Mint::leaf("a").version(Version::V1)), &|c| c.version().0 == 0 && c.extensions().is_empty());
    check(parsed(Mint::leaf("a").serial(&[0])), &|c| c.raw_serial() == [0]);
    check(parsed(Mint::leaf("a").serial(&[0x80])), &|c| c.raw_serial() == [0x80]);
    check(parsed(Mint::leaf("a").serial(&[1; 21])), &|c| c.raw_serial().len() == 21);
    check(parsed(Mint::leaf("a").expired()), &|c| !c.validity().is_valid());
    check(parsed(Mint::leaf("a").not_yet_valid()), &|c| !c.validity().is_valid());
    check(parsed(Mint::leaf("a").without_usage()), &|c| c.key_usage().expect("one at most").is_none());
    check(parsed(Mint::leaf("a").usage(Usage::ENC)), &|c| {
        let usage = c.key_usage().expect("readable").expect("present");
        usage.critical
            && usage.value.key_encipherment()
            && usage.value.key_agreement()
            && !usage.value.digital_signature()
    });
    check(parsed(Mint::leaf("a").purposes(&[Purpose::CodeSigning])), &|c| {
        let purposes = c.extended_key_usage().expect("readable").expect("present");
        purposes.value.code_signing && !purposes.value.server_auth
    });
    check(parsed(Mint::leaf("a").uri("spiffe://a/b").uri("spiffe://a/c")), &|c| {
        c.subject_alternative_name().expect("readable").expect("present").value.general_names.len() == 2
    });
    check(parsed(Mint::leaf("a").inner_algorithm(SignatureAlgorithm::EcdsaSha256)), &|c| {
        c.tbs_certificate.signature.algorithm != c.signature_algorithm.algorithm
    });
    check(parsed(Mint::leaf("a").issuer_name(Name::common("Other").organization("Elsewhere"))), &|c| {
        c.issuer().to_string() == "O=Elsewhere, CN=Other"
    });
}

#[test]
fn weak_algorithms_can_be_minted_for_refusal_tests() {
    let weak = MintKey::rsa(1024).expect("key");
    let root = Mint::authority("Root").self_signed(&MintKey::rsa(2048).expect("key")).expect("root");
    for algorithm in [SignatureAlgorithm::RsaMd5, SignatureAlgorithm::RsaSha1, SignatureAlgorithm::RsaSha384] {
        let leaf = Mint::leaf("leaf").algorithm(algorithm).issue(&weak, &root).expect("leaf");
        assert!(signed_by(&leaf, &root), "{algorithm:?}");
    }
}

#[test]
fn revocation_lists_verify_and_name_the_revoked() {
    for family in ["sm2", "p256", "rsa"] {
        let root = Mint::authority("Root").self_signed(&key_of(family)).expect("root");
        let leaf = Mint::leaf("leaf").issue(&key_of(family), &root).expect("leaf");
        let key = x509(&root).public_key().expect("key");
        let der = MintCrl::new().number(7).revoke(&leaf).issue(&root).expect("crl");
        let crl = X509Crl::from_der(&der).expect("readable");
        assert!(crl.verify(&key).expect("verification runs"), "{family}");
        assert_eq!(crl.get_revoked().map(|list| list.len()), Some(1));
        let bad = MintCrl::new().revoke(&leaf).corrupted_signature().issue(&root).expect("crl");
        assert!(!X509Crl::from_der(&bad).expect("readable").verify(&key).unwrap_or(false), "{family}");
    }
}

#[test]
fn a_fingerprint_changes_with_every_issue() {
    let root = Mint::authority("Root").self_signed(&MintKey::sm2().expect("key")).expect("root");
    let key = MintKey::sm2().expect("key");
    let print =
        || x509(&Mint::leaf("a").issue(&key, &root).expect("leaf")).digest(MessageDigest::sm3()).expect("sm3").to_vec();
    assert_ne!(print(), print());
}
