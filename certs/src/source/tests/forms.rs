//! Every form in which a credential may be delivered: containers, passwords, OCSP responses.

use jadegate_tongsuo::openssl::pkcs12::Pkcs12;
use jadegate_tongsuo::openssl::symm::Cipher;
use jadegate_tongsuo::openssl::x509::X509;

use super::*;
use crate::development::mint::{MintOcsp, OcspDigest, OcspStatus};

fn load(spec: CredentialSpec) -> Result<crate::Credential, Rejection> {
    match load_once(&SecretSpec::Credential(spec), UnixTime::now())? {
        Secret::Credential(credential) => Ok(credential),
        other => panic!("not a credential: {other:?}"),
    }
}

fn reason(spec: CredentialSpec) -> &'static str {
    load(spec).expect_err("refused").reason
}

#[test]
fn one_file_may_hold_chain_and_key() {
    let minted = Pki::standard().leaf();
    let both = Input::inline(format!("{}{}", minted.pem(), *minted.key_pem().expect("key")));
    let material = CredentialInput::Pem { certificate: both.clone(), key: both };
    let credential = load(CredentialSpec { material, password: None, ocsp: None }).expect("good");
    assert_eq!(credential.leaf().der(), minted.der());
}

#[test]
fn an_encrypted_key_opens_with_the_first_line_of_its_password_file() {
    let minted = Pki::standard().leaf();
    let encrypted = minted.key().as_pkey().private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"open");
    let spec = |password: Option<&str>| CredentialSpec {
        material: CredentialInput::Pem {
            certificate: Input::inline(minted.pem()),
            key: Input::inline(encrypted.clone().expect("encrypted")),
        },
        password: password.map(Input::inline),
        ocsp: None,
    };
    assert!(load(spec(Some("open\n"))).is_ok());
    assert_eq!(reason(spec(Some("shut\n"))), "key_password_wrong");
    assert_eq!(reason(spec(None)), "key_password_missing");
}

#[test]
fn a_pkcs12_archive_is_a_credential() {
    let pki = Pki::standard();
    let minted = pki.leaf();
    let archive = Pkcs12::builder()
        .name("leaf")
        .pkey(minted.key().as_pkey())
        .cert(&X509::from_der(minted.der()).expect("certificate"))
        .build2("open")
        .and_then(|archive| archive.to_der())
        .expect("archive");
    let spec = |password: &str| CredentialSpec {
        material: CredentialInput::Pkcs12(Input::inline(archive.clone())),
        password: Some(Input::inline(password)),
        ocsp: None,
    };
    assert_eq!(load(spec("open")).expect("good").leaf().der(), minted.der());
    assert_eq!(reason(spec("shut")), "pkcs12_password_wrong");
}

#[test]
fn an_ocsp_response_is_stapled_when_it_is_good_and_left_out_when_not() {
    for pki in [Pki::standard(), Pki::sm2()] {
        let key = || if pki.0.key().as_pkey().ec_key().is_ok_and(is_sm2) { MintKey::sm2() } else { MintKey::p256() };
        let issuer = Mint::authority("Issuer").issue(&key().expect("key"), &pki.0).expect("issuer");
        let leaf = |name: &str| Mint::leaf(name).dns("localhost").issue(&key().expect("key"), &issuer).expect("leaf");
        let (minted, other) = (leaf("leaf"), leaf("other"));
        let staple = |response: &[u8]| {
            let material = CredentialInput::Pem {
                certificate: Input::inline(format!("{}{}", minted.pem(), issuer.pem())),
                key: Input::inline(minted.key_pem().expect("key").as_bytes()),
            };
            let spec = CredentialSpec { material, password: None, ocsp: Some(Input::inline(response)) };
            load(spec).expect("a response never keeps a credential back").ocsp
        };
        for digest in [OcspDigest::Sha1, OcspDigest::Sm3] {
            let good = MintOcsp::default().digest(digest).issue(&minted, &issuer).expect("response");
            assert_eq!(staple(&good).as_deref(), Some(good.as_slice()));
        }
        let useless = [
            MintOcsp::default().stale().issue(&minted, &issuer),
            MintOcsp::default().issue(&other, &issuer),
            MintOcsp::new(OcspStatus::Revoked).issue(&minted, &issuer),
            MintOcsp::new(OcspStatus::Unknown).issue(&minted, &issuer),
            Ok(b"garbage".to_vec()),
        ];
        for response in useless {
            assert!(staple(&response.expect("response")).is_none());
        }
    }
}

fn is_sm2(key: jadegate_tongsuo::openssl::ec::EcKey<jadegate_tongsuo::openssl::pkey::Private>) -> bool {
    key.group().curve_name() == Some(jadegate_tongsuo::openssl::nid::Nid::SM2)
}

#[test]
fn a_pair_is_told_by_its_slots_and_a_swap_is_refused() {
    let (_keep, root) = directory();
    let [sign, enc] = Pki::sm2().pair();
    put(&root, "sign", &sign);
    put(&root, "enc", &enc);
    let load = |spec| load_once(&spec, UnixTime::now());
    assert!(load(pair_spec(&root)).is_ok());
    let swapped = PairSpec { sign: files(&root, "enc"), enc: files(&root, "sign") };
    let refused = load(SecretSpec::Pair(swapped)).expect_err("swapped");
    assert_eq!(refused.reason, "certificate_key_usage");
    assert!(refused.text.contains("sign"), "{}", refused.text);
}
