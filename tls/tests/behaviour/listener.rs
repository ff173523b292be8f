//! What a listener answers to first bytes of all sorts, whatever the engine.

use jadegate_certs::rules::PeerRules;
use jadegate_tls::{
    AcceptLimits, Acceptor, ClientOptions, ClientProtocol, Failure, Group, HandshakeError, NoChain, Offer, Policy,
    PolicyName, Protocol, Selection, ServerOptions, ServerVerification, Stage, Stream, Suite, Version,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::kind::Kind;
use crate::pki::{Pki, SERVER};
use crate::wire::{Served, accept, connector, context, failure, handshake};

const ANY: Kind = Kind::RUSTLS_TLS13;

/// Sends `bytes`, closes if told to, and returns what the listener made of it and answered.
async fn send(bytes: &[u8], then: Then, select: impl FnOnce(&Offer<'_>) -> Selection) -> (Served, Vec<u8>) {
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let acceptor = Acceptor::new(AcceptLimits::default());
    let client = async {
        far.write_all(bytes).await.unwrap();
        if then == Then::Close {
            far.shutdown().await.unwrap();
        }
        let mut answer = Vec::new();
        far.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let server = async {
        let served = acceptor.accept(near, select).await;
        // An accepted stream would keep the client waiting.
        served.map(|accepted| drop(accepted.stream))
    };
    let (served, answer) = tokio::join!(server, client);
    (served.map(|()| unreachable!("nothing here is a handshake")), answer)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Close,
    Wait,
}

fn refuse(_: &Offer<'_>) -> Selection {
    Selection::Refuse(NoChain)
}

#[tokio::test(start_paused = true)]
async fn plaintext_is_handed_on_whole_where_a_chain_takes_it() {
    let (near, mut far) = tokio::io::duplex(1024);
    far.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let select = |offer: &Offer<'_>| {
        assert!(matches!(offer, Offer::Plaintext));
        Selection::Plaintext { chain: 5 }
    };
    let mut accepted = Acceptor::new(AcceptLimits::default()).accept(near, select).await.unwrap();
    assert_eq!(accepted.chain, 5);
    assert!(accepted.negotiated.is_none() && matches!(accepted.stream, Stream::Plain(_)));
    let mut request = [0; 18];
    accepted.stream.read_exact(&mut request).await.unwrap();
    assert_eq!(&request, b"GET / HTTP/1.1\r\n\r\n");
    accepted.stream.write_all(b"HTTP/1.1 200").await.unwrap();
    accepted.stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    far.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 200");
}

#[tokio::test(start_paused = true)]
async fn plaintext_is_closed_without_a_word_where_no_chain_takes_it() {
    let (served, answer) = send(b"GET / HTTP/1.1\r\n\r\n", Then::Wait, refuse).await;
    let error = failure(served);
    assert_eq!((error.failure, error.alert_sent), (Failure::NotTls, None));
    assert!(answer.is_empty());
    // A context is no answer to plaintext either.
    let pki = Pki::new(ANY);
    let server = context(pki.server(&pki.leaf(SERVER)));
    let (served, _) = send(b"GET /", Then::Wait, |_| Selection::Tls { context: server, chain: 0 }).await;
    assert_eq!(failure(served).failure, Failure::NotTls);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_hello_gets_decode_error_in_its_own_record_format() {
    // A record of a handshake message that is no hello.
    let table: [(&[u8], [u8; 7]); 2] = [
        (&[22, 3, 1, 0, 4, 2, 0, 0, 0], [21, 3, 3, 0, 2, 2, 50]),
        (&[22, 1, 1, 0, 4, 2, 0, 0, 0], [21, 1, 1, 0, 2, 2, 50]),
    ];
    for (bytes, alert) in table {
        let (served, answer) = send(bytes, Then::Wait, refuse).await;
        let error = failure(served);
        assert!(matches!(error.failure, Failure::MalformedHello(_)), "{error}");
        assert_eq!((error.stage, error.alert_sent), (Stage::Hello, Some(50)));
        assert_eq!(answer, alert);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_told_from_one_that_leaves_in_the_middle() {
    let (served, _) = send(b"", Then::Close, refuse).await;
    let probe = failure(served);
    assert_eq!(probe.failure, Failure::ClosedBeforeAnyByte);
    assert!(probe.is_probe());
    for bytes in [&[22_u8][..], &[22, 3, 1, 1, 0, 1]] {
        let (served, _) = send(bytes, Then::Close, refuse).await;
        let left = failure(served);
        assert_eq!((&left.failure, left.stage), (&Failure::Closed, Stage::Hello));
        assert!(!left.is_probe());
    }
}

fn standard(min: Version, max: Version) -> ClientProtocol {
    ClientProtocol::Standard { min, max }
}

/// A refusal on which both sides agree: what the server names, the client hears as its alert.
async fn refused(server: ServerOptions, client: ClientOptions) -> HandshakeError {
    let (served, connection) = handshake(&context(server), &connector(client)).await;
    let (refused, told) = (failure(served), failure(connection));
    assert!(refused.alert_sent.is_some() && refused.hello.is_some(), "{refused}");
    assert_eq!(told.alert_received, refused.alert_sent, "{refused}; {told}");
    assert_eq!(refused.stage, Stage::Negotiation);
    refused
}

#[tokio::test(start_paused = true)]
async fn nothing_in_common_is_said_precisely() {
    let pki = Pki::new(ANY);
    let identity = pki.leaf(SERVER);
    let server = |narrow: fn(&mut Policy)| {
        let mut options = ServerOptions { policy: Policy::named(PolicyName::Standard), ..pki.server(&identity) };
        narrow(&mut options.policy);
        options
    };
    let only_tls13 = server(|policy| policy.standard.as_mut().unwrap().min = Version::Tls13);
    let only_tls12 = server(|policy| policy.standard.as_mut().unwrap().max = Version::Tls12);
    let old = ClientOptions { protocol: standard(Version::Tls12, Version::Tls12), ..pki.client() };
    let new = ClientOptions { protocol: standard(Version::Tls13, Version::Tls13), ..pki.client() };
    for (server, client) in [(only_tls13, old.clone()), (only_tls12, new.clone())] {
        let error = refused(server, client).await;
        assert!(matches!(error.failure, Failure::NoCommonProtocol(_)), "{error}");
        assert_eq!(error.alert_sent, Some(70));
    }

    let aes_only = server(|policy| {
        let suites = &mut policy.standard.as_mut().unwrap().suites;
        suites.retain(|suite| suite.name().is_some_and(|name| !name.contains("CHACHA20")));
    });
    for (client, suite) in
        [(old, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"), (new.clone(), "TLS_CHACHA20_POLY1305_SHA256")]
    {
        let suites = vec![suite.parse::<Suite>().unwrap()];
        let error = refused(aes_only.clone(), ClientOptions { suites, ..client }).await;
        assert!(matches!(error.failure, Failure::NoCommonSuite(_)), "{error}");
        assert_eq!(error.alert_sent, Some(40));
        assert!(error.to_string().contains("CHACHA20"), "both lists are named: {error}");
    }

    let p384_only = server(|policy| policy.standard.as_mut().unwrap().groups = vec![Group::SECP384R1]);
    let error = refused(p384_only, ClientOptions { groups: vec![Group::X25519], ..new }).await;
    assert!(matches!(error.failure, Failure::NoCommonGroup(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_server_retries_for_a_group_and_prefers_the_hybrid_one() {
    let pki = Pki::new(ANY);
    let identity = pki.leaf(SERVER);
    let group = |server: ServerOptions, client: ClientOptions| async move {
        let (served, connection) = handshake(&context(server), &connector(client)).await;
        let (down, up) = (served.unwrap().negotiated.unwrap(), connection.unwrap().negotiated);
        assert_eq!(down.group, up.group);
        down.group
    };
    assert_eq!(group(pki.server(&identity), pki.client()).await, Some(Group::X25519_MLKEM768));
    // The client shares a key for its first group only, which the server does not take: HelloRetryRequest.
    let mut p256 = pki.server(&identity);
    p256.policy.standard.as_mut().unwrap().groups = vec![Group::SECP256R1];
    let client = ClientOptions { groups: vec![Group::X25519, Group::SECP256R1], ..pki.client() };
    assert_eq!(group(p256, client).await, Some(Group::SECP256R1));
}

/// A client of one family at a listener of the other: an alert in the client's own records.
#[tokio::test(start_paused = true)]
async fn a_client_of_the_other_family_gets_an_alert_that_it_can_read() {
    let tlcp_hello = {
        let mut hello = vec![22, 1, 1, 0, 0, 1, 0, 0, 0, 1, 1];
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, 0xe0, 0x53, 1, 0]);
        let length = u8::try_from(hello.len()).unwrap();
        (hello[4], hello[8]) = (length - 5, length - 9);
        hello
    };
    let pki = Pki::new(ANY);
    let server = context(pki.server(&pki.leaf(SERVER)));
    let (near, mut far): (DuplexStream, DuplexStream) = tokio::io::duplex(1024);
    far.write_all(&tlcp_hello).await.unwrap();
    let error = failure(accept(&Acceptor::new(AcceptLimits::default()), near, &server).await);
    assert!(matches!(error.failure, Failure::NoCommonProtocol(_)), "{error}");
    assert_eq!(error.protocol, Some(Protocol::Tlcp));
    let mut answer = Vec::new();
    far.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [21, 1, 1, 0, 2, 2, 70]);
}

/// One port, one context: each client gets the protocol that it asks for, by name where a certificate bears it.
#[tokio::test(start_paused = true)]
async fn one_context_serves_every_protocol_under_every_name() {
    let (standard, national) = (Pki::new(Kind::RUSTLS_TLS13), Pki::new(Kind::TLCP));
    let (rsa_side, sm2_side) = (standard.leaf("standard.example"), national.leaf("national.example"));
    let options = ServerOptions {
        policy: Policy::named(PolicyName::GmPreferred),
        pairs: sm2_side.pair.iter().cloned().collect(),
        ..standard.server(&rsa_side)
    };
    let strict = context(ServerOptions { strict_sni: true, ..options.clone() });
    let lenient = context(options);
    for kind in [Kind::RUSTLS_TLS13, Kind::RUSTLS_TLS12, Kind::TLCP, Kind::TLS13_SM] {
        let pki = if kind.protocol.is_national() { &national } else { &standard };
        let own_name = if kind.protocol.is_national() { "national.example" } else { "standard.example" };
        for name in ["standard.example", "national.example", "unknown.example"] {
            let verify = ServerVerification::Rules(PeerRules::default());
            let protocol = kind.client();
            let client = connector(ClientOptions { protocol, sni: Some(name.to_owned()), verify, ..pki.client() });
            let (served, connection) = handshake(&lenient, &client).await;
            assert_eq!(served.unwrap().negotiated.unwrap().protocol, kind.protocol, "{name}");
            let leaf = connection.unwrap().negotiated.peer.unwrap();
            assert_eq!(leaf.leaf().names().dns, [own_name], "{kind:?} {name}");

            let (served, _) = handshake(&strict, &client).await;
            assert_eq!(served.is_ok(), name == own_name, "{kind:?} {name}: strict");
        }
    }
}
