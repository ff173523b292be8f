use super::*;

fn every_failure() -> Vec<Failure> {
    vec![
        Failure::ClosedBeforeAnyByte,
        Failure::Closed,
        Failure::TimedOut,
        Failure::TooManyHandshakes,
        Failure::NotTls,
        Failure::NoChain,
        Failure::NoCommonProtocol(Mismatch::default()),
        Failure::NoCommonSuite(Mismatch::default()),
        Failure::NoCommonGroup(Mismatch::default()),
        Failure::NoCommonScheme(Mismatch::default()),
        Failure::NoCommonAlpn(Mismatch::default()),
        Failure::InappropriateFallback { offered: "tls1.2", common: "tls1.3" },
        Failure::NoCertificateForName(None),
        Failure::PeerCertificate(PeerFault::Absent),
        Failure::AlertReceived(48),
        Failure::LocalCredentialMissing(NeededCredential::TlcpPair),
        Failure::PeerMisbehaved("x".to_owned()),
        Failure::Io(io::ErrorKind::ConnectionReset),
        Failure::Engine("x".to_owned()),
    ]
}

#[test]
fn every_failure_has_a_snake_case_reason_of_its_own() {
    let mut reasons: Vec<&str> = every_failure().iter().map(Failure::reason).collect();
    assert!(reasons.iter().all(|reason| reason.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    let count = reasons.len();
    reasons.sort_unstable();
    reasons.dedup();
    assert_eq!(reasons.len(), count);
}

#[test]
fn no_failure_sends_a_tlcp_peer_an_alert_that_its_table_lacks() {
    for failure in every_failure() {
        if let Some(number) = failure.alert(Some(Protocol::Tlcp)) {
            assert!(Alert::new(number, AlertTable::Tlcp).name().is_some(), "{failure:?} sends {number}");
        }
    }
    // The table is what makes the test able to fail.
    for number in [86, 112, 113, 116, 120] {
        assert_eq!(Alert::new(number, AlertTable::Tlcp).name(), None);
        assert!(Alert::new(number, AlertTable::Tls).name().is_some());
    }
}

#[test]
fn the_text_carries_side_stage_facts_and_alert() {
    let failure = Failure::NoCommonProtocol(Mismatch::new(["tls1.1", "tls1.0"], ["tls1.2", "tls1.3"]));
    let mut error = HandshakeError::new(failure, Stage::Negotiation, Side::Downstream);
    error.alert_sent = error.failure.alert(None);
    assert_eq!(
        error.to_string(),
        "downstream handshake failed at stage negotiation: no common protocol version: the client offers tls1.1, tls1.0; \
         this listener takes tls1.2, tls1.3; we sent alert protocol_version (70)"
    );
}

#[test]
fn a_received_alert_is_explained_by_the_table_of_its_protocol() {
    let mut error = HandshakeError::new(Failure::AlertReceived(45), Stage::Certificate, Side::Upstream);
    assert!(error.to_string().ends_with("certificate_expired (45): our certificate has expired"));
    error.protocol = Some(Protocol::Tlcp);
    assert!(error.to_string().ends_with("has expired or is not valid yet"));
    assert_eq!(error.fault(), Fault::Upstream);
}

#[test]
fn a_probe_is_told_from_a_client_that_gave_up_later() {
    let probe = HandshakeError::new(Failure::ClosedBeforeAnyByte, Stage::Hello, Side::Downstream);
    assert!(probe.is_probe());
    let reset = HandshakeError::new(Failure::Io(io::ErrorKind::ConnectionReset), Stage::Certificate, Side::Downstream);
    assert!(!reset.is_probe());
}

#[test]
fn a_list_of_thousands_is_cut_to_a_line() {
    let mismatch = Mismatch::new(0..30_000, std::iter::empty::<u8>());
    assert_eq!(mismatch.offered(), Some("0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 29988 more"));
    assert_eq!(mismatch.accepted(), Some("none"));
}

#[test]
fn an_error_stays_small_enough_to_return_by_value() {
    assert!(size_of::<HandshakeError>() <= 128, "{}", size_of::<HandshakeError>());
}
