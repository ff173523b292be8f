//! Every policy against every client: the family or the reason.

use crate::error::Failure;
use crate::fixtures;
use crate::hello::ClientHello;
use crate::policy::{Available, Family, Policy, PolicyName, PolicySpec};
use crate::protocol::{Protocol, Suite, Version};

const ALL: Available = Available { tlcp: true, sm2: true, standard: true };

fn decide(policy: &Policy, hello: &ClientHello, available: Available) -> &'static str {
    match policy.decide(hello, available) {
        Ok(Family::Tlcp) => "tlcp",
        Ok(Family::Tls13Sm) => "sm",
        Ok(Family::Standard) => "standard",
        Err(failure) => failure.reason(),
    }
}

#[test]
fn every_recorded_client_meets_every_policy_with_the_expected_end() {
    const NONE: &str = "no_common_protocol";
    // client, then standard / gm-preferred / gm-only
    let table = [
        ("crafted-browser", ["standard", "standard", NONE]),
        ("crafted-tlcp-bare", [NONE, "tlcp", "tlcp"]),
        ("crafted-tlcp-hint", ["standard", "standard", NONE]),
        ("curl-ip", ["standard", "standard", NONE]),
        ("curl-tls12", ["standard", "standard", NONE]),
        ("curl-tls13-h2", ["standard", "standard", NONE]),
        ("go-tls13", ["standard", "standard", NONE]),
        ("openssl-fallback", ["inappropriate_fallback", "inappropriate_fallback", NONE]),
        ("openssl-many-alpn", ["standard", "standard", NONE]),
        ("openssl-tls11", [NONE, NONE, NONE]),
        ("openssl-tls12-no-name", ["standard", "standard", NONE]),
        ("openssl-tls13", ["standard", "standard", NONE]),
        ("openssl4-pq", ["standard", "standard", NONE]),
        ("openssl4-sm-and-standard", ["standard", "sm", "sm"]),
        ("openssl4-tls13-sm", ["no_common_suite", "sm", "sm"]),
        ("openssl4-tls13-sm-hybrid", ["no_common_suite", "sm", "sm"]),
        ("tongsuo-tlcp", [NONE, "tlcp", "tlcp"]),
        ("tongsuo-tlcp-sni-alpn", [NONE, "tlcp", "tlcp"]),
        ("tongsuo-tls13-sm", ["no_common_suite", "sm", "sm"]),
    ];
    assert_eq!(table.map(|row| row.0.to_owned()).to_vec(), fixtures::names(), "a client without an expected end");
    for (client, expected) in table {
        let hello = fixtures::hello(client);
        let found = PolicyName::ALL.map(|name| decide(&Policy::named(name), &hello, ALL));
        assert_eq!(found, expected, "{client}");
    }
}

#[test]
fn gm_only_never_ends_in_standard_tls_whatever_is_offered_and_whatever_credentials_there_are() {
    let policy = Policy::named(PolicyName::GmOnly);
    for name in fixtures::names() {
        for bits in 0..8 {
            let available = Available { tlcp: bits & 1 > 0, sm2: bits & 2 > 0, standard: bits & 4 > 0 };
            let decided = policy.decide(&fixtures::hello(&name), available);
            assert_ne!(decided, Ok(Family::Standard), "{name} {available:?}");
        }
    }
}

#[test]
fn what_is_decided_is_within_the_policy_and_has_its_credential() {
    for policy in PolicyName::ALL.map(Policy::named) {
        for name in fixtures::names() {
            for bits in 0..8 {
                let available = Available { tlcp: bits & 1 > 0, sm2: bits & 2 > 0, standard: bits & 4 > 0 };
                let held = match policy.decide(&fixtures::hello(&name), available) {
                    Ok(Family::Tlcp) => policy.tlcp.is_some() && available.tlcp,
                    Ok(Family::Tls13Sm) => policy.tls13_sm.is_some() && available.sm2,
                    Ok(Family::Standard) => policy.standard.is_some() && available.standard,
                    Err(_) => true,
                };
                assert!(held, "{} {name} {available:?}", policy.name);
            }
        }
    }
}

#[test]
fn a_client_of_both_worlds_gets_sm_when_it_can_be_had_and_standard_otherwise() {
    let both = fixtures::hello("openssl4-sm-and-standard");
    let preferred = Policy::named(PolicyName::GmPreferred);
    assert_eq!(decide(&preferred, &both, ALL), "sm");
    assert_eq!(decide(&preferred, &both, Available { sm2: false, ..ALL }), "standard");
    assert_eq!(decide(&preferred, &both, Available { standard: false, ..ALL }), "sm");
    let neither = Available { sm2: false, standard: false, ..ALL };
    assert_eq!(decide(&preferred, &both, neither), "local_credential_missing");

    let indifferent = Policy { prefer_sm: false, ..preferred };
    assert_eq!(decide(&indifferent, &both, ALL), "standard");
    assert_eq!(decide(&indifferent, &both, Available { standard: false, ..ALL }), "sm");
}

#[test]
fn a_half_national_client_is_told_what_it_lacks() {
    let only = Policy::named(PolicyName::GmOnly);
    let preferred = Policy::named(PolicyName::GmPreferred);
    type Removal = fn(&mut ClientHello);
    let lacking: [(Removal, &str); 4] = [
        (|hello| hello.versions.retain(|version| *version != 0x0304), "no_common_protocol"),
        (|hello| hello.suites.retain(|suite| !matches!(suite, 0xc6 | 0xc7)), "no_common_protocol"),
        (|hello| hello.groups.retain(|group| !matches!(group, 0x29 | 0x11ee)), "no_common_group"),
        (|hello| hello.schemes.retain(|scheme| *scheme != 0x0708), "no_common_scheme"),
    ];
    for (remove, reason) in lacking {
        let mut hello = fixtures::hello("openssl4-sm-and-standard");
        remove(&mut hello);
        assert_eq!(decide(&only, &hello, ALL), reason);
        // Beside standard TLS it is served as the standard client that it also is.
        assert_eq!(decide(&preferred, &hello, ALL), "standard");
    }
    let mut hello = fixtures::hello("openssl4-tls13-sm");
    hello.schemes.clear();
    assert_eq!(decide(&preferred, &hello, ALL), "no_common_scheme", "an SM client's own reason, not standard's");
}

#[test]
fn a_restricted_policy_names_what_is_not_common() {
    let restricted = |name, suites: &[&str], groups: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let spec = PolicySpec { suites: owned(suites), groups: owned(groups), ..PolicySpec::named(name) };
        Policy::build(&spec).expect("sound")
    };
    let ccm = restricted(PolicyName::GmOnly, &["TLS_SM4_CCM_SM3"], &[]);
    assert_eq!(decide(&ccm, &fixtures::hello("openssl4-tls13-sm-hybrid"), ALL), "no_common_suite");
    assert_eq!(decide(&ccm, &fixtures::hello("tongsuo-tlcp"), ALL), "no_common_protocol");
    let hybrid = restricted(PolicyName::GmOnly, &[], &["curveSM2MLKEM768"]);
    assert_eq!(decide(&hybrid, &fixtures::hello("openssl4-tls13-sm"), ALL), "no_common_group");
    assert_eq!(decide(&hybrid, &fixtures::hello("openssl4-tls13-sm-hybrid"), ALL), "sm");
    let gcm = restricted(PolicyName::GmOnly, &["ECC-SM2-SM4-GCM-SM3"], &[]);
    assert_eq!(decide(&gcm, &fixtures::hello("crafted-tlcp-bare"), ALL), "no_common_suite");
    let p384 = restricted(PolicyName::Standard, &[], &["secp384r1"]);
    assert_eq!(decide(&p384, &fixtures::hello("openssl4-sm-and-standard"), ALL), "no_common_group");
}

#[test]
fn the_version_is_chosen_before_the_suite_as_the_engines_do() {
    let mut hello = fixtures::hello("curl-tls13-h2");
    hello.suites.retain(|suite| Suite(*suite).protocol() != Some(Protocol::Tls13));
    let policy = Policy::named(PolicyName::Standard);
    assert_eq!(decide(&policy, &hello, ALL), "no_common_suite", "TLS 1.3 is common, none of its suites is");
    let spec = PolicySpec { max: Some(Version::Tls12), ..PolicySpec::named(PolicyName::Standard) };
    assert_eq!(decide(&Policy::build(&spec).expect("sound"), &hello, ALL), "standard");
}

#[test]
fn a_fallback_is_fine_where_nothing_better_is_taken() {
    let spec = PolicySpec { max: Some(Version::Tls12), ..PolicySpec::named(PolicyName::Standard) };
    let policy = Policy::build(&spec).expect("sound");
    assert_eq!(decide(&policy, &fixtures::hello("openssl-fallback"), ALL), "standard");
}

#[test]
fn a_tls12_client_without_groups_leaves_the_choice_to_the_server() {
    let mut hello = fixtures::hello("curl-tls12");
    hello.groups.clear();
    assert_eq!(decide(&Policy::named(PolicyName::Standard), &hello, ALL), "standard");
}

#[test]
fn the_texts_carry_what_each_side_has() {
    let text = |policy, client: &str, available| {
        let failure: Failure =
            Policy::named(policy).decide(&fixtures::hello(client), available).expect_err("nothing in common");
        failure.to_string()
    };
    assert_eq!(
        text(PolicyName::Standard, "openssl-tls11", ALL),
        "no common protocol version: the client offers tls1.1; this listener takes tls1.3, tls1.2"
    );
    assert_eq!(
        text(PolicyName::GmOnly, "crafted-browser", ALL),
        "no common protocol version: the client offers tls1.3, tls1.2; this listener takes tlcp, tls1.3-sm"
    );
    assert_eq!(
        text(PolicyName::Standard, "tongsuo-tlcp", ALL),
        "no common protocol version: the client offers tlcp; this listener takes tls1.3, tls1.2"
    );
    assert!(text(PolicyName::Standard, "openssl4-tls13-sm", ALL).starts_with(
        "no common cipher suite: the client offers TLS_SM4_GCM_SM3, TLS_SM4_CCM_SM3; this listener takes "
    ));
    assert_eq!(
        text(PolicyName::GmPreferred, "tongsuo-tlcp", Available { tlcp: false, ..ALL }),
        "the client asks for TLCP, and no SM2 sign and enc certificate pair is ready here"
    );
}
