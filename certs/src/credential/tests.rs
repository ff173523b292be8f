use super::*;
use crate::development::mint::{Mint, MintKey, Minted, Name, Usage, Version};

struct Shop {
    root: Minted,
    issuer: Minted,
}

fn shop() -> Shop {
    let root = Mint::authority("root").self_signed(&MintKey::sm2().expect("key")).expect("minted");
    let issuer = Mint::authority("issuer").issue(&MintKey::sm2().expect("key"), &root).expect("minted");
    Shop { root, issuer }
}

fn read(minted: &Minted) -> Certificate {
    Certificate::from_der(minted.der()).expect("readable")
}

fn private(minted: &Minted) -> PrivateKey {
    PrivateKey::from_pkcs8(&minted.key().pkcs8_der().expect("pkcs8")).expect("key")
}

impl Shop {
    fn load(&self, leaf: &Minted) -> Result<Credential, CredentialError> {
        Credential::new([&self.root, leaf, &self.issuer].map(read).to_vec(), private(leaf), UnixTime::now())
    }

    fn issue(&self, mint: Mint) -> Credential {
        self.load(&mint.issue(&MintKey::sm2().expect("key"), &self.issuer).expect("minted")).expect("credential")
    }

    fn refuse(&self, mint: Mint) -> &'static str {
        self.load(&mint.issue(&MintKey::sm2().expect("key"), &self.issuer).expect("minted"))
            .expect_err("refused")
            .reason()
    }
}

fn sign() -> Mint {
    Mint::leaf("site").dns("site.example").usage(Usage::SIGN)
}

fn enc() -> Mint {
    Mint::leaf("site").dns("site.example").usage(Usage::ENC)
}

#[test]
fn a_credential_of_each_kind_proves_itself() {
    for key in [MintKey::sm2(), MintKey::p256(), MintKey::p384(), MintKey::ed25519(), MintKey::rsa(2048)] {
        let key = key.expect("key");
        let root = Mint::authority("root").self_signed(&key).expect("minted");
        let leaf = Mint::leaf("leaf").issue(&key, &root).expect("minted");
        // The same key in root and leaf: the root is set apart as an authority only if it is not a second holder.
        let credential = Credential::new(vec![read(&leaf)], private(&leaf), UnixTime::now()).expect("credential");
        assert_eq!(credential.leaf().subject(), "CN=leaf");
        assert_eq!(credential.kind(), private(&leaf).kind());
    }
    let shop = shop();
    assert_eq!(shop.issue(sign()).chain.len(), 2, "leaf and issuer, no root");
}

#[test]
fn what_a_peer_would_refuse_is_not_served() {
    let shop = shop();
    assert_eq!(shop.refuse(sign().expired()), "certificate_expired");
    assert_eq!(shop.refuse(sign().not_yet_valid()), "certificate_not_yet_valid");
    assert_eq!(shop.refuse(sign().with_ca_flag()), "certificate_ca_as_leaf");
    assert_eq!(shop.refuse(sign().version(Version::V1)), "certificate_not_version_3");
    assert_eq!(shop.refuse(sign().corrupted_signature()), "chain_broken_link");
    let foreign = sign().issue(&MintKey::sm2().expect("key"), &shop.issuer).expect("minted");
    let other = sign().issue(&MintKey::sm2().expect("key"), &shop.issuer).expect("minted");
    let error = Credential::new(vec![read(&foreign)], private(&other), UnixTime::now()).expect_err("mismatch");
    assert_eq!(error.reason(), "key_certificate_mismatch");
    let expired = Mint::authority("old").expired().issue(&MintKey::sm2().expect("key"), &shop.root).expect("minted");
    let leaf = sign().issue(&MintKey::sm2().expect("key"), &expired).expect("minted");
    let error =
        Credential::new(vec![read(&leaf), read(&expired)], private(&leaf), UnixTime::now()).expect_err("issuer");
    assert_eq!(error.reason(), "certificate_expired");
    assert!(error.to_string().contains("CN=old"), "{error}");
}

#[test]
fn a_self_signed_certificate_of_ones_own_may_be_served_although_it_is_a_ca() {
    let alone = Mint::authority("localhost").self_signed(&MintKey::p256().expect("key")).expect("minted");
    let credential = Credential::new(vec![read(&alone)], private(&alone), UnixTime::now()).expect("credential");
    let verdict = rules::check_leaf(credential.leaf(), Slot::Single, rules::PeerRole::Server, UnixTime::now());
    assert_eq!(verdict, Err(CertificateFault::CaAsLeaf), "a peer's would be refused");
}

#[test]
fn a_pair_is_accepted_in_either_order_and_nothing_mixed_is() {
    let shop = shop();
    let now = UnixTime::now();
    let (a, b) = (shop.issue(sign()), shop.issue(enc()));
    assert!(CredentialPair::new(a.clone(), b.clone(), now).is_ok());
    for (first, second) in [(a.clone(), b.clone()), (b.clone(), a.clone())] {
        let pair = CredentialPair::from_unordered(first, second, now).expect("told apart");
        assert_eq!((pair.sign.leaf(), pair.enc.leaf()), (a.leaf(), b.leaf()));
    }
    let reason =
        |sign: &Credential, enc: Credential| CredentialPair::new(sign.clone(), enc, now).expect_err("refused").reason();
    assert_eq!(reason(&b, a.clone()), "certificate_key_usage");
    assert_eq!(reason(&a, a.clone()), "certificate_key_usage");
    assert_eq!(reason(&a, shop.issue(enc().subject(Name::common("other")))), "pair_subject_differs");
    assert_eq!(reason(&a, shop.issue(enc().dns("b.example"))), "pair_names_differ");
    let elsewhere = Mint::authority("elsewhere").issue(&MintKey::sm2().expect("key"), &shop.root).expect("minted");
    let foreign = enc().issue(&MintKey::sm2().expect("key"), &elsewhere).expect("minted");
    let foreign = Credential::new(vec![read(&foreign)], private(&foreign), now).expect("credential");
    assert_eq!(reason(&a, foreign), "pair_issuer_differs");
    let twin = enc().issue(&MintKey::from_pkcs8_der(a.key.pkcs8_der()).expect("key"), &shop.issuer).expect("minted");
    assert_eq!(reason(&a, shop.load(&twin).expect("credential")), "pair_same_key");
    let undecided = CredentialPair::from_unordered(a.clone(), a.clone(), now).expect_err("two sign certificates");
    assert_eq!(undecided.reason(), "pair_undecided");
}

#[test]
fn a_pair_is_judged_at_the_given_time() {
    let shop = shop();
    let (a, b) = (shop.issue(sign()), shop.issue(enc()));
    let later = UnixTime(a.leaf().not_after().0 + 1);
    let error = CredentialPair::new(a, b, later).expect_err("expired by then");
    assert!(matches!(error, PairError::Half { slot: Slot::Sign, source: CertificateFault::Expired { .. }, .. }));
}

#[test]
fn a_credential_prints_no_key() {
    let shop = shop();
    let credential = shop.issue(sign());
    let pair = CredentialPair::new(credential.clone(), shop.issue(enc()), UnixTime::now()).expect("pair");
    let printed = format!("{credential:?} {pair:?}");
    let secret = hex::encode(&credential.key.pkcs8_der()[36..68]);
    assert!(printed.contains("SM2") && !printed.contains(&secret));
}
