use super::*;
use crate::certificate::Certificate;
use crate::development::mint::{Mint, MintKey, Minted, Name, Purpose, SignatureAlgorithm, Usage, Version};
use crate::identity::{DnsName, SpiffeId, TrustDomain};

struct Shop {
    sm2: Minted,
    standard: Minted,
}

fn shop() -> &'static Shop {
    static SHOP: std::sync::OnceLock<Shop> = std::sync::OnceLock::new();
    SHOP.get_or_init(|| Shop {
        sm2: Mint::authority("SM2 root").self_signed(&MintKey::sm2().expect("key")).expect("minted"),
        standard: Mint::authority("Root").self_signed(&MintKey::p256().expect("key")).expect("minted"),
    })
}

fn sm2(mint: Mint) -> Certificate {
    read(&mint.issue(&MintKey::sm2().expect("key"), &shop().sm2).expect("minted"))
}

fn standard(mint: Mint) -> Certificate {
    read(&mint.issue(&MintKey::p256().expect("key"), &shop().standard).expect("minted"))
}

fn read(minted: &Minted) -> Certificate {
    Certificate::from_der(minted.der()).expect("readable")
}

fn sign() -> Mint {
    Mint::leaf("site").dns("site.example").usage(Usage::SIGN)
}

fn enc() -> Mint {
    Mint::leaf("site").dns("site.example").usage(Usage::ENC)
}

fn verdict(leaf: &Certificate, slot: Slot, role: PeerRole) -> &'static str {
    match check_leaf(leaf, slot, role, UnixTime::now()) {
        Ok(()) => "good",
        Err(fault) => fault.reason(),
    }
}

fn server(leaf: &Certificate, slot: Slot) -> &'static str {
    verdict(leaf, slot, PeerRole::Server)
}

#[test]
fn good_leaves_pass_in_their_slot() {
    for role in [PeerRole::Server, PeerRole::Client] {
        assert_eq!(verdict(&sm2(sign()), Slot::Sign, role), "good");
        assert_eq!(verdict(&sm2(enc()), Slot::Enc, role), "good");
        assert_eq!(verdict(&sm2(sign()), Slot::Single, role), "good");
        assert_eq!(verdict(&standard(sign()), Slot::Single, role), "good");
    }
}

#[test]
fn the_slots_of_a_pair_want_their_own_usage() {
    use Usage::{
        CertificateSigning, DataEncipherment, DigitalSignature, KeyAgreement, KeyEncipherment, NonRepudiation,
    };
    for (case, mint, slot, expected) in [
        ("enc in the sign slot (row 1)", enc(), Slot::Sign, "certificate_key_usage"),
        ("sign in the enc slot (rows 1, 7)", sign(), Slot::Enc, "certificate_key_usage"),
        ("no digitalSignature (row 4)", sign().usage(&[NonRepudiation]), Slot::Sign, "certificate_key_usage"),
        ("no keyUsage, sign (row 5)", sign().without_usage(), Slot::Sign, "certificate_key_usage_absent"),
        ("no keyUsage, enc (row 6)", enc().without_usage(), Slot::Enc, "certificate_key_usage_absent"),
        (
            "both usages, sign (row 10)",
            sign().usage(&[DigitalSignature, KeyEncipherment]),
            Slot::Sign,
            "certificate_key_usage",
        ),
        (
            "both usages, enc (row 10)",
            enc().usage(&[DigitalSignature, KeyEncipherment]),
            Slot::Enc,
            "certificate_key_usage",
        ),
        ("keyCertSign as signing usage", sign().usage(&[CertificateSigning]), Slot::Sign, "certificate_key_usage"),
        (
            "keyCertSign beside digitalSignature",
            sign().usage(&[DigitalSignature, CertificateSigning]),
            Slot::Sign,
            "certificate_key_usage",
        ),
        ("dataEncipherment alone", enc().usage(&[DataEncipherment]), Slot::Enc, "certificate_key_usage"),
        (
            "nonRepudiation beside digitalSignature",
            sign().usage(&[DigitalSignature, NonRepudiation]),
            Slot::Sign,
            "good",
        ),
        ("keyEncipherment alone", enc().usage(&[KeyEncipherment]), Slot::Enc, "good"),
        ("keyAgreement alone", enc().usage(&[KeyAgreement]), Slot::Enc, "good"),
    ] {
        assert_eq!(server(&sm2(mint), slot), expected, "{case}");
    }
}

#[test]
fn the_suite_decides_which_enc_usage_is_wanted() {
    let agree = sm2(enc().usage(&[Usage::KeyAgreement]));
    let encrypt = sm2(enc().usage(&[Usage::KeyEncipherment]));
    assert!(check_enc_usage(&encrypt, EncExchange::Ecc).is_ok() && check_enc_usage(&agree, EncExchange::Ecdhe).is_ok());
    assert_eq!(check_enc_usage(&agree, EncExchange::Ecc).expect_err("row 8").reason(), "certificate_key_usage");
    assert_eq!(check_enc_usage(&encrypt, EncExchange::Ecdhe).expect_err("row 9").reason(), "certificate_key_usage");
    let absent = sm2(enc().without_usage());
    assert_eq!(check_enc_usage(&absent, EncExchange::Ecc).expect_err("row 6").reason(), "certificate_key_usage_absent");
}

#[test]
fn only_sm2_keys_and_sm2_signatures_stand_in_a_pair() {
    for slot in [Slot::Sign, Slot::Enc] {
        let usage = if slot == Slot::Sign { sign() } else { enc() };
        let p256_key = usage.clone().issue(&MintKey::p256().expect("key"), &shop().sm2).expect("minted");
        assert_eq!(server(&read(&p256_key), slot), "certificate_not_sm2", "rows 19 and 20");
        let rsa_key = usage.clone().issue(&MintKey::rsa(2048).expect("key"), &shop().sm2).expect("minted");
        assert_eq!(server(&read(&rsa_key), slot), "certificate_not_sm2", "row 21");
        let ecdsa = usage.issue(&MintKey::sm2().expect("key"), &shop().standard).expect("minted");
        assert_eq!(server(&read(&ecdsa), slot), "certificate_not_sm2_signed", "row 30");
    }
    let key = MintKey::sm2().expect("key");
    let spelling = sign().spki(key.spki_with_sm2_algorithm().expect("spki")).issue(&key, &shop().sm2).expect("minted");
    assert_eq!(server(&read(&spelling), Slot::Sign), "good", "row 22");
}

#[test]
fn keys_that_could_be_anything_are_refused() {
    let key = MintKey::sm2().expect("key");
    for (spki, expected) in [
        (key.spki_with_explicit_parameters(), "public_key_curve_explicit"),
        (key.spki_off_the_curve(), "public_key_point"),
        (key.spki_at_infinity(), "public_key_point"),
    ] {
        let leaf = read(&sign().spki(spki.expect("spki")).issue(&key, &shop().sm2).expect("minted"));
        assert_eq!(server(&leaf, Slot::Sign), expected, "rows 23 and 24");
    }
}

#[test]
fn signatures_are_strong_consistent_and_strict_der() {
    assert_eq!(server(&sm2(sign().loose_signature()), Slot::Sign), "certificate_signature_not_der", "row 28");
    assert_eq!(server(&standard(sign().loose_signature()), Slot::Single), "certificate_signature_not_der", "row 28");
    let differs = sign().inner_algorithm(SignatureAlgorithm::EcdsaSha256);
    assert_eq!(server(&sm2(differs), Slot::Sign), "certificate_signature_algorithms_differ", "row 27");
    let rsa_root = Mint::authority("rsa").self_signed(&MintKey::rsa(2048).expect("key")).expect("minted");
    let sha1 =
        sign().algorithm(SignatureAlgorithm::RsaSha1).issue(&MintKey::p256().expect("key"), &rsa_root).expect("minted");
    assert_eq!(server(&read(&sha1), Slot::Single), "certificate_weak_signature", "row 29");
    let short = sign().issue(&MintKey::rsa(1024).expect("key"), &shop().standard).expect("minted");
    assert_eq!(server(&read(&short), Slot::Single), "certificate_weak_key", "row 29");
}

#[test]
fn time_is_judged_on_leaf_and_issuer() {
    for slot in [Slot::Sign, Slot::Single] {
        assert_eq!(server(&sm2(sign().expired()), slot), "certificate_expired", "row 31");
        assert_eq!(server(&sm2(sign().not_yet_valid()), slot), "certificate_not_yet_valid", "row 32");
    }
    assert_eq!(server(&sm2(enc().expired()), Slot::Enc), "certificate_expired", "row 14");
    let issuer = |mint: Mint| check_issuer(&standard(mint), UnixTime::now()).err().map(|fault| fault.reason());
    assert_eq!(issuer(Mint::authority("sub")), None);
    assert_eq!(issuer(Mint::authority("sub").expired()), Some("certificate_expired"), "row 33");
}

#[test]
fn the_edges_of_validity_belong_to_it() {
    let leaf = standard(sign());
    let at = |now| check_leaf(&leaf, Slot::Single, PeerRole::Server, now).is_ok();
    assert!(at(leaf.not_before()) && at(leaf.not_after()));
    assert!(!at(UnixTime(leaf.not_before().0 - 1)) && !at(UnixTime(leaf.not_after().0 + 1)));
}

#[test]
fn the_shape_of_a_leaf_is_judged() {
    let long = [0x7f; 21];
    for (case, mint, expected) in [
        ("CA as leaf (row 41)", sign().with_ca_flag(), "certificate_ca_as_leaf"),
        ("critical extension (row 42)", sign().unknown_critical_extension(), "certificate_critical_extension"),
        ("version 1 (row 44)", sign().version(Version::V1), "certificate_not_version_3"),
        ("serial 0 (row 45)", sign().serial(&[0]), "certificate_serial"),
        ("negative serial (row 45)", sign().serial(&[0x80, 1]), "certificate_serial"),
        ("long serial (row 45)", sign().serial(&long), "certificate_serial"),
        ("serial of 20 octets", sign().serial(&long[1..]), "good"),
    ] {
        assert_eq!(server(&sm2(mint.clone()), Slot::Sign), expected, "{case}");
        assert_eq!(server(&standard(mint), Slot::Single), expected, "{case}");
    }
}

#[test]
fn issuers_are_authorities() {
    let issuer =
        |certificate: &Certificate| check_issuer(certificate, UnixTime::now()).err().map(|fault| fault.reason());
    assert_eq!(issuer(&sm2(Mint::authority("sub"))), None);
    assert_eq!(issuer(&sm2(Mint::authority("sub").without_usage())), None);
    assert_eq!(issuer(&sm2(Mint::authority("sub").without_ca_flag())), Some("issuer_not_ca"), "row 40");
    assert_eq!(issuer(&sm2(Mint::authority("sub").usage(&[Usage::CrlSigning]))), Some("issuer_key_usage"), "row 40");
    assert_eq!(issuer(&sm2(Mint::authority("sub").version(Version::V1))), Some("certificate_not_version_3"), "row 44");
    let weak = Mint::authority("weak").issue(&MintKey::rsa(1024).expect("key"), &shop().standard).expect("minted");
    assert_eq!(issuer(&read(&weak)), Some("certificate_weak_key"), "row 29");

    let root = |mint: Mint, key: MintKey| issuer(&read(&mint.self_signed(&key).expect("minted")));
    let p256 = || MintKey::p256().expect("key");
    assert_eq!(root(Mint::authority("root").serial(&[0]), p256()), None, "public roots have such serials");
    assert_eq!(root(Mint::authority("root").version(Version::V1), p256()), None, "and are of version 1");
    assert_eq!(root(Mint::authority("root"), MintKey::rsa(1024).expect("key")), Some("certificate_weak_key"));

    let in_sm2 = |certificate: &Certificate| check_sm2_issuer(certificate).err().map(|fault| fault.reason());
    assert_eq!(in_sm2(&sm2(Mint::authority("sub"))), None);
    assert_eq!(in_sm2(&standard(Mint::authority("sub"))), Some("issuer_not_sm2"));
    let mixed = Mint::authority("mixed").issue(&MintKey::sm2().expect("key"), &shop().standard).expect("minted");
    assert_eq!(in_sm2(&read(&mixed)), Some("certificate_not_sm2_signed"), "row 30");
}

#[test]
fn a_role_that_the_certificate_excludes_is_refused() {
    let client_only = standard(sign().purposes(&[Purpose::ClientAuth]));
    assert_eq!(verdict(&client_only, Slot::Single, PeerRole::Client), "good");
    assert_eq!(verdict(&client_only, Slot::Single, PeerRole::Server), "certificate_extended_key_usage", "row 53");
    assert_eq!(server(&standard(sign().without_purposes()), Slot::Single), "good");
}

#[test]
fn standard_leaves_may_lack_key_usage_and_sm2_leaves_may_not() {
    assert_eq!(server(&standard(sign().without_usage()), Slot::Single), "good");
    assert_eq!(server(&sm2(sign().without_usage()), Slot::Single), "certificate_key_usage_absent");
    assert_eq!(server(&sm2(enc()), Slot::Single), "certificate_key_usage");
}

#[test]
fn a_pair_is_one_subject_of_one_issuer_with_two_keys() {
    let good = sm2(sign());
    assert_eq!(check_pair(&good, &sm2(enc())), Ok(()));
    let reason = |enc: &Certificate| check_pair(&good, enc).expect_err("no pair").reason();
    assert_eq!(reason(&good), "pair_same_certificate", "row 3");
    assert_eq!(reason(&sm2(enc().subject(Name::common("other")))), "pair_subject_differs", "row 11");
    assert_eq!(reason(&sm2(enc().issuer_name(Name::common("other")))), "pair_issuer_differs", "row 12");
    assert_eq!(reason(&sm2(enc().dns("more.example"))), "pair_names_differ", "row 13");
    let key = MintKey::sm2().expect("key");
    let (one, two) =
        (sign().issue(&key, &shop().sm2).expect("minted"), enc().issue(&key, &shop().sm2).expect("minted"));
    assert_eq!(check_pair(&read(&one), &read(&two)), Err(PairFault::SameKey), "row 16");
    let respelt = enc().spki(key.spki_with_sm2_algorithm().expect("spki")).issue(&key, &shop().sm2).expect("minted");
    assert_eq!(check_pair(&read(&one), &read(&respelt)), Err(PairFault::SameKey), "row 16, spelt otherwise");
    let turned =
        (sm2(sign().dns("b.example")), sm2(Mint::leaf("site").dns("b.example").dns("site.example").usage(Usage::ENC)));
    assert_eq!(check_pair(&turned.0, &turned.1), Ok(()), "order of names does not matter");
}

#[test]
fn a_pair_of_two_issuers_of_one_name_is_none() {
    let namesake = Mint::authority("SM2 root").self_signed(&MintKey::sm2().expect("key")).expect("minted");
    let of_namesake = |mint: Mint| read(&mint.issue(&MintKey::sm2().expect("key"), &namesake).expect("minted"));
    let good = sm2(sign());
    let fault = check_pair(&good, &of_namesake(enc())).expect_err("no pair");
    assert_eq!(fault.reason(), "pair_authority_key_differs");
    let ids = [&good, &of_namesake(enc())].map(|one| hex::encode(one.authority_key_id().expect("there")));
    assert!(ids.iter().all(|id| fault.to_string().contains(id)), "{fault}");
    // The twins: the same issuer for both, and one that does not say which key signed it.
    assert_eq!(check_pair(&of_namesake(sign()), &of_namesake(enc())), Ok(()));
    assert_eq!(check_pair(&good, &of_namesake(enc().without_key_ids())), Ok(()));
    assert_eq!(check_pair(&sm2(sign().without_key_ids()), &of_namesake(enc())), Ok(()));
}

#[test]
fn slots_are_told_by_usage_alone() {
    assert_eq!(slot_by_usage(&sm2(sign())), Some(Slot::Sign));
    assert_eq!(slot_by_usage(&sm2(enc())), Some(Slot::Enc));
    assert_eq!(slot_by_usage(&sm2(sign().without_usage())), None);
    assert_eq!(slot_by_usage(&sm2(sign().usage(&[Usage::DigitalSignature, Usage::KeyEncipherment]))), None);
}

#[test]
fn server_names_come_from_subject_alt_name_only() {
    let leaf = standard(
        Mint::leaf("cn.example").dns("a.example").dns("*.wild.example").ip("2001:db8::1".parse().expect("ip")),
    );
    for good in ["a.example", "A.Example.", "x.wild.example", "2001:db8::1", "[2001:db8::1]", "2001:DB8:0::1"] {
        assert!(matches_server_name(&leaf, good), "{good}");
    }
    for bad in
        ["cn.example", "wild.example", "x.y.wild.example", "b.example", "*.wild.example", "192.0.2.1", "", "a.example/"]
    {
        assert!(!matches_server_name(&leaf, bad), "{bad} (rows 47, 48)");
    }
    assert!(
        !matches_server_name(&standard(Mint::leaf("192.0.2.1").dns("192.0.2.1")), "192.0.2.1"),
        "an IP is no DNS name"
    );
}

#[test]
fn a_spiffe_id_is_one_uri_that_parses_or_an_error() {
    assert_eq!(spiffe_id(&standard(sign())), Ok(None));
    let id = spiffe_id(&standard(sign().uri("spiffe://td/a"))).expect("readable");
    assert_eq!(id, Some(SpiffeId::parse("spiffe://td/a").expect("id")));
    assert_eq!(spiffe_id(&standard(sign().uri("https://a.example"))), Ok(None));
    let reason = |mint: Mint| spiffe_id(&standard(mint)).expect_err("refused").reason();
    assert_eq!(reason(sign().uri("spiffe://td/a").uri("spiffe://td/b")), "identity_several_uris", "row 50");
    assert_eq!(reason(sign().uri("https://a.example").uri("spiffe://td/b")), "identity_several_uris", "row 50");
    assert_eq!(spiffe_id(&standard(sign().uri("https://a.example").uri("https://b.example"))), Ok(None));
    assert_eq!(reason(sign().uri("spiffe://td/a/../b")), "identity_bad_spiffe_id");
    assert_eq!(reason(sign().uri("SPIFFE://td/a")), "identity_bad_spiffe_id");
}

#[test]
fn peer_rules_accept_by_any_rule_and_name_it() {
    let leaf = standard(sign().uri("spiffe://td/ns/a/sa/b").ip("192.0.2.7".parse().expect("ip")));
    let other = standard(Mint::leaf("o").dns("*.wild.example").uri("spiffe://other/ns/ab"));
    let id = |text| SpiffeId::parse(text).expect("id");
    for (rule, covers_other) in [
        (PeerRule::Dns(DnsName::parse("site.example").expect("name")), false),
        (PeerRule::Ip("192.0.2.7".parse().expect("ip")), false),
        (PeerRule::Spiffe(id("spiffe://td/ns/a/sa/b")), false),
        (PeerRule::SpiffePrefix("spiffe://td/ns/a".to_owned()), false),
        (PeerRule::SpiffePrefix("spiffe://td/ns/a/".to_owned()), false),
        (PeerRule::TrustDomain(TrustDomain::parse("td").expect("td")), false),
        (PeerRule::SpkiSha256(leaf.spki_sha256()), false),
    ] {
        let rules = PeerRules { any_of: vec![PeerRule::Dns(DnsName::parse("x.example").expect("name")), rule.clone()] };
        assert_eq!(rules.check(&leaf), Ok(Some(rule.clone())), "{rule}");
        assert_eq!(rules.check(&other).is_ok(), covers_other, "{rule}");
    }
    let refuse = |rule: PeerRule, leaf: &Certificate| {
        PeerRules { any_of: vec![rule] }.check(leaf).expect_err("refused").reason()
    };
    assert_eq!(refuse(PeerRule::SpiffePrefix("spiffe://td/ns/".to_owned()), &other), "identity_not_allowed", "row 52");
    assert_eq!(refuse(PeerRule::SpiffePrefix("spiffe://other/ns/a".to_owned()), &other), "identity_not_allowed");
    assert_eq!(refuse(PeerRule::Spiffe(id("spiffe://td/a")), &standard(sign())), "identity_no_spiffe_id", "row 49");
    let wild = DnsName::parse("a.wild.example").expect("name");
    assert!(PeerRules { any_of: vec![PeerRule::Dns(wild)] }.check(&other).is_ok());

    assert_eq!(PeerRules::default().check(&leaf), Ok(None));
    let two = standard(sign().uri("spiffe://td/a").uri("spiffe://td/b"));
    assert_eq!(PeerRules::default().check(&two).expect_err("also without rules").reason(), "identity_several_uris");
}
