//! What cannot be met is an error when the policy is built.

use crate::policy::{Policy, PolicyError, PolicyName, PolicySpec};
use crate::protocol::{Group, Protocol, Suite, Version};

fn spec(name: PolicyName, suites: &[&str], groups: &[&str]) -> PolicySpec {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    PolicySpec { suites: owned(suites), groups: owned(groups), ..PolicySpec::named(name) }
}

fn errors(spec: &PolicySpec) -> Vec<String> {
    let errors = Policy::build(spec).expect_err("a policy that cannot be met");
    errors.iter().map(|error| format!("{}: {error}. To do: {}", error.field(), error.todo())).collect()
}

fn reasons(spec: &PolicySpec) -> Vec<(String, &'static str)> {
    let errors = Policy::build(spec).expect_err("a policy that cannot be met");
    errors.iter().map(|error| (error.field().to_string(), error.reason())).collect()
}

#[test]
fn the_named_policies_are_what_their_names_say() {
    let protocols = |name| Policy::named(name).protocols().map(Protocol::as_str).collect::<Vec<_>>().join(" ");
    assert_eq!(protocols(PolicyName::Standard), "tls1.3 tls1.2");
    assert_eq!(protocols(PolicyName::GmPreferred), "tlcp tls1.3-sm tls1.3 tls1.2");
    assert_eq!(protocols(PolicyName::GmOnly), "tlcp tls1.3-sm");
    for name in PolicyName::ALL {
        assert_eq!(Policy::build(&PolicySpec::named(name)), Ok(Policy::named(name)));
        assert_eq!(name.as_str().parse(), Ok(name));
    }
    "gm_only".parse::<PolicyName>().expect_err("a policy of another spelling");
}

#[test]
fn defaults_put_gcm_and_hybrids_first_and_ecdhe_of_tlcp_last() {
    let policy = Policy::named(PolicyName::GmPreferred);
    let tlcp: Vec<u16> = policy.tlcp.expect("tlcp").suites.iter().map(|suite| suite.0).collect();
    assert_eq!(tlcp, [0xe053, 0xe013, 0xe051, 0xe011]);
    let sm = policy.tls13_sm.expect("tls1.3-sm");
    assert_eq!(sm.suites, [Suite::TLS_SM4_GCM_SM3, Suite::TLS_SM4_CCM_SM3]);
    assert_eq!(sm.groups, [Group::CURVE_SM2_MLKEM768, Group::CURVE_SM2]);
    let standard = policy.standard.expect("standard");
    assert_eq!((standard.min, standard.max), (Version::Tls12, Version::Tls13));
    assert_eq!(standard.groups, [Group::X25519_MLKEM768, Group::X25519, Group::SECP256R1, Group::SECP384R1]);
    assert_eq!(standard.suites_of(Version::Tls13).count(), 3);
    assert_eq!(standard.suites_of(Version::Tls12).count(), 6);
}

#[test]
fn a_list_of_suites_keeps_its_order_and_nothing_else() {
    let names = ["TLS_AES_256_GCM_SHA384", "ecdhe-rsa-aes128-gcm-sha256", "ECC_SM4_CBC_SM3", "TLS_SM4_CCM_SM3"];
    let policy = Policy::build(&spec(PolicyName::GmPreferred, &names, &["P-256", "SM2", "x25519"])).expect("sound");
    assert_eq!(policy.tlcp.expect("tlcp").suites, [Suite::ECC_SM4_CBC_SM3]);
    let sm = policy.tls13_sm.expect("tls1.3-sm");
    assert_eq!((sm.suites, sm.groups), (vec![Suite::TLS_SM4_CCM_SM3], vec![Group::CURVE_SM2]));
    let standard = policy.standard.expect("standard");
    assert_eq!(standard.suites, [Suite(0x1302), Suite(0xc02f)]);
    assert_eq!(standard.groups, [Group::SECP256R1, Group::X25519]);
}

#[test]
fn naming_suites_of_one_national_protocol_switches_the_other_off() {
    let tlcp = Policy::build(&spec(PolicyName::GmOnly, &["ECC-SM2-SM4-GCM-SM3"], &[])).expect("sound");
    assert_eq!(tlcp.protocols().collect::<Vec<_>>(), [Protocol::Tlcp]);
    let sm = Policy::build(&spec(PolicyName::GmOnly, &["TLS_SM4_GCM_SM3"], &[])).expect("sound");
    assert_eq!(sm.protocols().collect::<Vec<_>>(), [Protocol::Tls13Sm]);
}

#[test]
fn versions_narrow_suites_and_groups() {
    let only = |min, max| {
        let spec = PolicySpec { min: Some(min), max: Some(max), ..PolicySpec::named(PolicyName::Standard) };
        Policy::build(&spec).expect("sound").standard.expect("standard")
    };
    let old = only(Version::Tls12, Version::Tls12);
    assert_eq!(old.suites.len(), 6);
    assert!(!old.groups.contains(&Group::X25519_MLKEM768), "hybrids need TLS 1.3");
    let new = only(Version::Tls13, Version::Tls13);
    assert_eq!(new.suites.len(), 3);
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let texts = errors(&spec(PolicyName::Standard, &[], &["x25519", "P-257"]));
    let [text] = texts.as_slice() else { panic!("{texts:?}") };
    assert!(text.starts_with("groups[1]: unknown group \"P-257\"; known are secp256r1, "), "{text}");
    assert!(text.contains("X25519MLKEM768"), "{text}");
}

#[test]
fn every_problem_is_reported_with_its_place() {
    let suites = [
        "TLS_AES_128_GCM_SHA256",
        "ECC-SM2-SM4-GCM-SM3",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "nonsense",
        "TLS_AES_128_GCM_SHA256",
        "TLS_SM4_GCM_SM3",
    ];
    let found = reasons(&spec(PolicyName::Standard, &suites, &["curveSM2", "secp521r1"]));
    let expected = [
        ("suites[1]", "outside_policy"),
        ("suites[2]", "unsupported"),
        ("suites[3]", "unknown_name"),
        ("suites[4]", "listed_twice"),
        ("suites[5]", "outside_policy"),
        ("groups[0]", "outside_policy"),
        ("groups[1]", "unsupported"),
    ];
    assert_eq!(found, expected.map(|(field, reason)| (field.to_owned(), reason)));
}

#[test]
fn standard_suites_and_groups_are_outside_gm_only() {
    let found = reasons(&spec(PolicyName::GmOnly, &["TLS_AES_128_GCM_SHA256", "TLS_SM4_GCM_SM3"], &["x25519"]));
    assert_eq!(found, [("suites[0]".to_owned(), "outside_policy"), ("groups[0]".to_owned(), "outside_policy")]);
}

#[test]
fn gm_only_takes_no_standard_versions() {
    let spec = PolicySpec { min: Some(Version::Tls12), ..PolicySpec::named(PolicyName::GmOnly) };
    assert_eq!(
        errors(&spec),
        ["min: min bounds standard TLS, which the policy gm-only does not allow. To do: remove min, or choose the \
          policy gm-preferred or standard"]
    );
}

#[test]
fn min_above_max_is_refused() {
    let (min, max) = (Version::Tls13, Version::Tls12);
    let spec = PolicySpec { min: Some(min), max: Some(max), ..PolicySpec::named(PolicyName::Standard) };
    assert_eq!(Policy::build(&spec), Err(vec![PolicyError::MinAboveMax { min, max }]));
}

#[test]
fn a_suite_or_group_of_an_excluded_version_is_refused() {
    let mut newer = spec(PolicyName::Standard, &["TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"], &[]);
    newer.min = Some(Version::Tls13);
    assert_eq!(reasons(&newer), [("suites[1]".to_owned(), "outside_versions")]);
    let mut older = spec(PolicyName::Standard, &[], &["X25519MLKEM768", "x25519"]);
    older.max = Some(Version::Tls12);
    assert_eq!(reasons(&older), [("groups[0]".to_owned(), "outside_versions")]);
}

#[test]
fn a_version_or_protocol_without_a_suite_or_group_is_refused() {
    type Names = &'static [&'static str];
    type Left = &'static [(&'static str, Protocol)];
    let cases: [(PolicyName, Names, Names, Left); 6] = [
        (PolicyName::Standard, &["TLS_AES_128_GCM_SHA256"], &[], &[("suites", Protocol::Tls12)]),
        (PolicyName::Standard, &["ECDHE-RSA-AES128-GCM-SHA256"], &[], &[("suites", Protocol::Tls13)]),
        (PolicyName::Standard, &[], &["X25519MLKEM768"], &[("groups", Protocol::Tls12)]),
        (PolicyName::GmPreferred, &[], &["x25519"], &[("groups", Protocol::Tls13Sm)]),
        (
            PolicyName::GmPreferred,
            &["ECC-SM2-SM4-GCM-SM3"],
            &[],
            &[("suites", Protocol::Tls12), ("suites", Protocol::Tls13)],
        ),
        (PolicyName::GmOnly, &["ECC-SM2-SM4-GCM-SM3"], &["curveSM2"], &[("suites", Protocol::Tls13Sm)]),
    ];
    for (policy, suites, groups, expected) in cases {
        let found: Vec<_> = Policy::build(&spec(policy, suites, groups))
            .expect_err("nothing left")
            .into_iter()
            .map(|error| match error {
                PolicyError::NothingLeft { field, protocol, .. } => (field.to_string(), protocol),
                other => panic!("{other}"),
            })
            .collect();
        let expected: Vec<_> = expected.iter().map(|(field, protocol)| ((*field).to_owned(), *protocol)).collect();
        assert_eq!(found, expected, "{policy} {suites:?} {groups:?}");
    }
    let neither = spec(PolicyName::GmPreferred, &["TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"], &[]);
    assert_eq!(reasons(&neither), [("suites".to_owned(), "nothing_left")]);
}

#[test]
fn max_tls12_and_tls13_with_sm_exclude_each_other() {
    let mut spec = spec(PolicyName::GmPreferred, &[], &[]);
    spec.max = Some(Version::Tls12);
    assert_eq!(reasons(&spec), [("max".to_owned(), "max_excludes_sm")]);
    spec.suites = ["ECC-SM2-SM4-GCM-SM3", "ECDHE-RSA-AES128-GCM-SHA256"].map(str::to_owned).to_vec();
    let policy = Policy::build(&spec).expect("the way out that the error names");
    assert_eq!(policy.protocols().collect::<Vec<_>>(), [Protocol::Tlcp, Protocol::Tls12]);
}
