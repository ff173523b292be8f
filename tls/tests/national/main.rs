//! TLCP and TLS 1.3 after RFC 8998, through the public acceptor and connector, server and client.

mod bad_certificates;
mod relay;
mod support;

use jadegate_tls::acceptor::Selection;
use jadegate_tls::connector::{ClientProtocol, ServerVerification};
use jadegate_tls::server::{ClientAuth, EngineChoice, ServerContext};
use jadegate_tls::{Engine, Failure, Group, PeerFault, Policy, PolicyName, Protocol, Scheme, Suite, Version};
use support::{Ends, Outcome, client, handshake, pki, server};

const TLCP_SUITES: [Suite; 4] =
    [Suite::ECC_SM4_GCM_SM3, Suite::ECC_SM4_CBC_SM3, Suite::ECDHE_SM4_GCM_SM3, Suite::ECDHE_SM4_CBC_SM3];

#[tokio::test]
async fn every_tlcp_suite_carries_data_with_mutual_authentication() {
    let pki = pki();
    for suite in TLCP_SUITES {
        let mut options = client(&pki, ClientProtocol::Tlcp);
        options.suites = vec![suite];
        options.pair = Some(pki.client_pair());
        let mut ends = handshake(server(&pki, ClientAuth::Require), options).await.expect_both();
        for negotiated in [&ends.server_facts, &ends.client_facts] {
            assert_eq!(negotiated.protocol, Protocol::Tlcp);
            assert_eq!(negotiated.engine, Engine::Tongsuo);
            assert_eq!(negotiated.suite, suite);
            let peer = negotiated.peer.as_ref().expect("verified peer");
            assert!(peer.enc().is_some(), "both certificates of the peer are known");
            assert_eq!(negotiated.alpn.as_deref(), Some(&b"h2"[..]));
            assert_eq!(negotiated.local_serials.len(), 2);
        }
        assert_eq!(ends.server_facts.sni.as_deref(), Some("server.example"));
        ends.exchange(&vec![7; 100_000]).await;
    }
}

#[tokio::test]
async fn an_ephemeral_suite_without_a_client_pair_is_not_offered_and_static_ones_serve() {
    let pki = pki();
    let ends = handshake(server(&pki, ClientAuth::Request), client(&pki, ClientProtocol::Tlcp)).await.expect_both();
    assert_eq!(ends.server_facts.suite, Suite::ECC_SM4_GCM_SM3);
    assert!(ends.server_facts.peer.is_none());
}

#[tokio::test]
async fn rfc_8998_suites_and_groups_work_with_mutual_authentication() {
    let pki = pki();
    for suite in [Suite::TLS_SM4_GCM_SM3, Suite::TLS_SM4_CCM_SM3] {
        for group in [Group::CURVE_SM2, Group::CURVE_SM2_MLKEM768] {
            let mut options = client(&pki, ClientProtocol::Tls13Sm);
            options.suites = vec![suite];
            options.groups = vec![group];
            options.pair = Some(pki.client_pair());
            let mut ends = handshake(server(&pki, ClientAuth::Require), options).await.expect_both();
            for negotiated in [&ends.server_facts, &ends.client_facts] {
                assert_eq!(negotiated.protocol, Protocol::Tls13Sm);
                assert_eq!(negotiated.suite, suite);
                assert_eq!(negotiated.group, Some(group));
                assert_eq!(negotiated.scheme, Some(Scheme::SM2SIG_SM3));
                assert!(negotiated.peer.is_some());
            }
            ends.exchange(&vec![7; 100_000]).await;
        }
    }
}

#[tokio::test]
async fn tongsuo_serves_standard_tls_where_a_listener_asks_for_it() {
    let pki = pki();
    for version in [Version::Tls12, Version::Tls13] {
        for client_engine in [EngineChoice::Auto, EngineChoice::Tongsuo] {
            let mut options = server(&pki, ClientAuth::Ignore);
            options.engine = EngineChoice::Tongsuo;
            options.policy = Policy::named(PolicyName::GmPreferred);
            options.credentials = vec![pki.standard_server()];
            let mut connect = client(&pki, ClientProtocol::Standard { min: version, max: version });
            connect.trust = Some(pki.standard_trust());
            connect.engine = client_engine;
            let mut ends = handshake(options, connect).await.expect_both();
            assert_eq!(ends.server_facts.engine, Engine::Tongsuo);
            assert_eq!(ends.server_facts.protocol, version.protocol());
            assert!(ends.server_facts.scheme.is_some());
            assert_eq!(ends.server_facts.group, ends.client_facts.group);
            ends.exchange(&vec![7; 100_000]).await;
        }
    }
}

#[tokio::test]
async fn sessions_resume_and_a_resumed_peer_is_still_known() {
    let pki = pki();
    for protocol in [ClientProtocol::Tlcp, ClientProtocol::Tls13Sm] {
        let mut options = client(&pki, protocol);
        options.pair = Some(pki.client_pair());
        let mut ends = Ends::new(server(&pki, ClientAuth::Require), options);
        let mut first = ends.handshake().await.expect_both();
        assert!(!first.server_facts.resumed);
        // Tickets of TLS 1.3 come with the first data.
        first.exchange(b"ping").await;
        let second = ends.handshake().await.expect_both();
        assert!(second.server_facts.resumed && second.client_facts.resumed, "{protocol:?}");
        let subject = second.server_facts.peer.as_ref().expect("peer").subject().to_owned();
        assert_eq!(subject, first.server_facts.peer.as_ref().expect("peer").subject());
    }
}

#[tokio::test]
async fn nothing_resumes_after_trust_or_credential_changed() {
    let pki = pki();
    let other = pki.with_another_client_root();
    for protocol in [ClientProtocol::Tlcp, ClientProtocol::Tls13Sm] {
        let mut options = client(&pki, protocol);
        options.pair = Some(pki.client_pair());
        let ring = server(&pki, ClientAuth::Require);
        let mut rotated_trust = ring.clone();
        rotated_trust.trust = Some(other.clone());
        let mut rotated_credential = ring.clone();
        rotated_credential.pairs = vec![pki.another_server_pair()];
        for (what, rotated) in [("trust", rotated_trust), ("credential", rotated_credential)] {
            let mut ends = Ends::new(ring.clone(), options.clone());
            ends.handshake().await.expect_both().exchange(b"ping").await;
            ends.replace_server(rotated);
            let second = ends.handshake().await.expect_both();
            assert!(!second.server_facts.resumed, "{protocol:?} resumed after another {what}");
        }
    }
}

#[tokio::test]
async fn a_listener_for_national_protocols_never_answers_a_standard_client() {
    let pki = pki();
    let mut options = server(&pki, ClientAuth::Ignore);
    options.credentials = vec![pki.standard_server()];
    let standard = ClientProtocol::Standard { min: Version::Tls12, max: Version::Tls13 };
    let mut connect = client(&pki, standard);
    connect.trust = Some(pki.standard_trust());
    let outcome = handshake(options, connect).await;
    assert!(matches!(outcome.server_error().failure, Failure::NoCommonProtocol(_)), "{:?}", outcome.server_error());
}

#[test]
fn a_policy_that_the_certificates_cannot_meet_is_an_error_at_load() {
    let pki = pki();
    let both = |policy, credentials, pairs| {
        let mut options = server(&pki, ClientAuth::Ignore);
        (options.policy, options.credentials, options.pairs) = (Policy::named(policy), credentials, pairs);
        ServerContext::new(options).map_err(|error| (error.reason(), error.to_string()))
    };
    let (standard, pair) = (vec![pki.standard_server()], vec![pki.another_server_pair()]);
    both(PolicyName::GmPreferred, standard.clone(), pair.clone()).expect("both kinds are there");
    for (credentials, pairs, instead) in [(standard.clone(), vec![], "standard"), (vec![], pair.clone(), "gm-only")] {
        let (reason, text) = both(PolicyName::GmPreferred, credentials, pairs).expect_err("one kind is missing");
        assert_eq!(reason, "policy_unmet");
        assert!(text.contains(&format!("policy {instead}")), "{text}");
    }
    both(PolicyName::GmOnly, standard, vec![]).expect_err("no SM2 certificate");
    both(PolicyName::Standard, vec![], pair).expect_err("no standard certificate");
}

#[tokio::test]
async fn a_server_of_another_name_is_refused_by_the_client() {
    let pki = pki();
    for protocol in [ClientProtocol::Tlcp, ClientProtocol::Tls13Sm] {
        let mut options = client(&pki, protocol);
        options.verify = ServerVerification::Name("other.example".to_owned());
        let outcome = handshake(server(&pki, ClientAuth::Ignore), options).await;
        assert_eq!(outcome.client_error().failure, Failure::PeerCertificate(PeerFault::WrongIdentity));
        assert!(matches!(outcome.server_error().failure, Failure::AlertReceived(_)), "{}", outcome.server_error());
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_where_one_is_required() {
    let pki = pki();
    for protocol in [ClientProtocol::Tlcp, ClientProtocol::Tls13Sm] {
        let outcome = handshake(server(&pki, ClientAuth::Require), client(&pki, protocol)).await;
        assert_eq!(outcome.server_error().failure, Failure::PeerCertificate(PeerFault::Absent), "{protocol:?}");
    }
}

#[tokio::test]
async fn a_silent_peer_is_given_up_at_the_deadline_and_named_so() {
    let pki = pki();
    let ends = Ends::new(server(&pki, ClientAuth::Ignore), client(&pki, ClientProtocol::Tlcp));
    let (near, far) = tokio::io::duplex(1024);
    tokio::time::pause();
    let context = ends.context();
    let result = ends.acceptor().accept(near, |_| Selection::Tls { context, chain: 0 }).await;
    assert_eq!(result.expect_err("nobody speaks").failure, Failure::TimedOut);
    drop(far);
}

#[tokio::test]
async fn outcomes_of_both_ends_are_reported() {
    // Guards the helper itself: an outcome without an error must not pass for one.
    let pki = pki();
    let outcome = handshake(server(&pki, ClientAuth::Ignore), client(&pki, ClientProtocol::Tlcp)).await;
    assert!(matches!(outcome, Outcome { server: Ok(_), client: Ok(_) }));
}
