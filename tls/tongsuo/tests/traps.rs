//! One regression test for each trap that Tongsuo 8.5.0 lays, with the trap itself as control where it can be sprung.

mod support;

use jadegate_tongsuo::context::{self, Role};
use jadegate_tongsuo::openssl::pkey::Id;
use jadegate_tongsuo::openssl::ssl::{SslContextBuilder, SslOptions, SslVersion};
use std::pin::Pin;
use support::{Pki, handshake, stream, transfer, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SUITES: [&str; 4] =
    ["ECC-SM2-SM4-GCM-SM3", "ECC-SM2-SM4-CBC-SM3", "ECDHE-SM2-SM4-GCM-SM3", "ECDHE-SM2-SM4-CBC-SM3"];

#[tokio::test]
async fn application_data_flows_over_every_tlcp_suite() {
    let pki = Pki::new();
    let data: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[0]).collect();
    for suite in SUITES {
        let server = pki.tlcp(Role::Server).build();
        let mut client = pki.tlcp(Role::Client);
        client.set_cipher_list(suite).expect("known suite");
        let (server, client) = handshake(&server, &client.build()).await;
        let (mut server, mut client) = (server.expect(suite), client.expect(suite));
        assert_eq!(client.ssl().current_cipher().expect("cipher").name(), suite);
        transfer(&mut client, &mut server, &data).await.expect(suite);
        transfer(&mut server, &mut client, &data).await.expect(suite);
    }
}

/// Control of the test above: this is what happens without the option that `context::tlcp` sets.
#[tokio::test]
async fn without_the_option_against_empty_fragments_the_first_write_fails() {
    let pki = Pki::new();
    let server = pki.tlcp(Role::Server).build();
    let mut client = pki.tlcp(Role::Client);
    client.set_cipher_list("ECC-SM2-SM4-CBC-SM3").expect("known suite");
    client.clear_options(SslOptions::DONT_INSERT_EMPTY_FRAGMENTS);
    let (server, client) = handshake(&server, &client.build()).await;
    server.expect("server");
    let mut client = client.expect("client");
    let error = within("the write", client.write_all(b"x")).await.expect_err("the trap is sprung");
    assert!(error.to_string().contains("internal error"), "{error}");
}

#[tokio::test]
async fn a_peer_that_closes_without_a_byte_ends_the_accept() {
    let pki = Pki::new();
    for builder in [pki.tlcp(Role::Server), sm_server(&pki)] {
        let (near, far) = tokio::io::duplex(1024);
        let mut server = stream(&builder.build(), near);
        drop(far);
        within("the accept", Pin::new(&mut server).accept()).await.expect_err("nobody is there");
    }
}

#[tokio::test]
async fn a_client_notices_that_the_server_closed_in_the_handshake() {
    let pki = Pki::new();
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let mut client = stream(&pki.tlcp(Role::Client).build(), near);
    let server = async {
        let mut hello = [0; 5];
        far.read_exact(&mut hello).await.expect("hello");
        assert_eq!(hello[..3], [0x16, 0x01, 0x01], "a TLCP record");
        drop(far);
    };
    let (result, ()) = within("the connect", async { tokio::join!(Pin::new(&mut client).connect(), server) }).await;
    result.expect_err("the server went away");
}

#[tokio::test]
async fn a_hello_that_arrives_byte_by_byte_is_answered() {
    let pki = Pki::new();
    let (server_side, mut server_wire) = tokio::io::duplex(64 * 1024);
    let (client_side, mut client_wire) = tokio::io::duplex(64 * 1024);
    let mut server = stream(&pki.tlcp(Role::Server).build(), server_side);
    let mut client = stream(&pki.tlcp(Role::Client).build(), client_side);
    let relay = async {
        let (mut from_client, mut to_client) = tokio::io::split(&mut client_wire);
        let (mut from_server, mut to_server) = tokio::io::split(&mut server_wire);
        let slowly = async {
            while let Ok(byte) = from_client.read_u8().await {
                to_server.write_u8(byte).await.expect("server is there");
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(slowly, async { drop(tokio::io::copy(&mut from_server, &mut to_client).await) });
    };
    let handshake = async { tokio::join!(Pin::new(&mut server).accept(), Pin::new(&mut client).connect()) };
    let (accepted, connected) = within("the handshake", async {
        tokio::select! { results = handshake => results, () = relay => unreachable!("the wires stay open") }
    })
    .await;
    accepted.expect("accept");
    connected.expect("connect");
}

#[tokio::test]
async fn the_server_sends_its_pair_and_never_its_root() {
    let pki = Pki::new();
    // The root is in the server's own store: the library would append it from there.
    let (server, client) = handshake(&pki.tlcp(Role::Server).build(), &pki.tlcp(Role::Client).build()).await;
    server.expect("server");
    let client = client.expect("client");
    assert_eq!(client.ssl().peer_cert_chain().expect("chain").len(), 2);
}

#[tokio::test]
async fn strict_mode_never_answers_an_sm4_suite_with_a_p256_certificate() {
    let pki = Pki::new();
    for strict in [true, false] {
        // A server that holds both certificates, the P-256 one as the library's first choice.
        let mut server = context::tls(Role::Server).expect("context");
        server.set_certificate(&pki.sign.certificate).expect("sm2");
        server.set_private_key(&pki.sign.key).expect("sm2");
        server.set_certificate(&pki.p256.certificate).expect("p256");
        server.set_private_key(&pki.p256.key).expect("p256");
        // A client that would take either.
        let mut client = context::tls(Role::Client).expect("context");
        pki.trust(&mut client);
        for builder in [&mut server, &mut client] {
            builder.set_min_proto_version(Some(SslVersion::TLS1_3)).expect("version");
            builder.set_ciphersuites("TLS_SM4_GCM_SM3").expect("suite");
            builder.set_groups_list("curveSM2:X25519").expect("groups");
            builder.set_sigalgs_list("ecdsa_secp256r1_sha256:sm2sig_sm3").expect("schemes");
        }
        if strict {
            context::strict_sm(&mut server);
        }
        let (_, client) = handshake(&server.build(), &client.build()).await;
        let client = client.expect("client");
        let certificate = client.ssl().peer_certificate().expect("certificate");
        let is_sm2 = certificate.public_key().expect("key").id() == Id::SM2;
        assert_eq!(is_sm2, strict, "strict: {strict}");
    }
}

fn sm_server(pki: &Pki) -> SslContextBuilder {
    let mut builder = context::tls(Role::Server).expect("context");
    context::strict_sm(&mut builder);
    builder.set_certificate(&pki.sign.certificate).expect("certificate");
    builder.set_private_key(&pki.sign.key).expect("key");
    builder
}
