use super::*;

#[test]
fn a_protocol_reads_back_from_its_own_name() {
    for protocol in Protocol::ALL {
        assert_eq!(protocol.as_str().parse(), Ok(protocol));
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let error = "tls1.1".parse::<Version>().expect_err("not a version we speak");
    assert_eq!(error.to_string(), "unknown TLS version \"tls1.1\"; known are tls1.2, tls1.3");
}

#[test]
fn a_tlcp_suite_is_found_by_both_spellings_in_any_case() {
    for spelling in ["ECC-SM2-SM4-GCM-SM3", "ECC_SM4_GCM_SM3", "ecc_sm4_gcm_sm3"] {
        assert_eq!(spelling.parse(), Ok(Suite::ECC_SM4_GCM_SM3));
    }
    assert!("ECC_SM4_GCM".parse::<Suite>().is_err());
}

#[test]
fn a_number_without_a_name_prints_as_a_number() {
    assert_eq!(Suite(0xfefe).to_string(), "0xfefe");
    assert_eq!(Group::CURVE_SM2.to_string(), "curveSM2");
    assert_eq!(format!("{:?}", Scheme::SM2SIG_SM3), "Scheme(0x0708 sm2sig_sm3)");
}

#[test]
fn exactly_sixteen_code_points_are_grease() {
    let grease: Vec<u16> = (0..=u16::MAX).filter(|code| is_grease(*code)).collect();
    assert_eq!(grease.len(), 16);
    assert_eq!(grease.first(), Some(&0x0a0a));
    assert_eq!(grease.last(), Some(&0xfafa));
}
