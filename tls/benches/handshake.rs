//! Full handshakes per second and core, counting only the time spent in the server: our acceptor beside the bare library.
//!
//! Both ends run in one thread over an in-memory pipe; the clock runs while the server's future is polled and not else.
//! The ratio of both in one run is what our layer costs: hello, routing, verification hooks, negotiated facts. Absolute
//! figures are those of the machine; `docs/performance.md` has some.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use jadegate_certs::certificate::Certificate;
use jadegate_certs::clock::UnixTime;
use jadegate_certs::credential::{Credential, CredentialPair};
use jadegate_certs::development::{DevelopmentCa, Issued, LeafRequest, Role};
use jadegate_certs::key::PrivateKey;
use jadegate_certs::rules::PeerRules;
use jadegate_certs::trust::TrustBundle;
use jadegate_tls::acceptor::{AcceptLimits, Acceptor, Selection};
use jadegate_tls::connector::{ClientOptions, ClientProtocol, Connector, ServerVerification, SessionReuse};
use jadegate_tls::server::{ClientAuth, EngineChoice, Resumption, RevocationDepth, ServerContext, ServerOptions};
use jadegate_tls::trust::Trust;
use jadegate_tls::{Group, Policy, PolicyName, Version};
use jadegate_tongsuo::context as tongsuo;
use jadegate_tongsuo::openssl::encrypt::{Decrypter, Encrypter};
use jadegate_tongsuo::openssl::hash::MessageDigest;
use jadegate_tongsuo::openssl::pkey::PKey;
use jadegate_tongsuo::openssl::sign::Signer;
use jadegate_tongsuo::openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslSessionCacheMode, SslVersion};
use jadegate_tongsuo::openssl::x509::X509;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::DuplexStream;
use tokio_openssl::SslStream;

const NAME: &str = "server.example";

/// Adds up the time that the inner future takes to be polled.
struct Metered<F> {
    inner: F,
    spent: Duration,
}

impl<F: Future + Unpin> Future for Metered<F> {
    type Output = (F::Output, Duration);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let begun = Instant::now();
        let polled = Pin::new(&mut self.inner).poll(cx);
        self.spent += begun.elapsed();
        polled.map(|output| (output, self.spent))
    }
}

struct Pki {
    standard: Credential,
    standard_trust: Arc<Trust>,
    pair: CredentialPair,
    sm2_trust: Arc<Trust>,
}

fn pki() -> Pki {
    let request = LeafRequest::new(Role::Server, &[NAME]).expect("request");
    let (standard, sm2) = (DevelopmentCa::new_standard().expect("CA"), DevelopmentCa::new_sm2().expect("CA"));
    let issued = sm2.issue_pair(&request).expect("pair");
    Pki {
        standard: credential(&standard.issue(&request).expect("leaf")),
        standard_trust: trust(standard.root()),
        pair: CredentialPair::new(credential(&issued.sign), credential(&issued.enc), UnixTime::now()).expect("pair"),
        sm2_trust: trust(sm2.root()),
    }
}

fn credential(issued: &Issued) -> Credential {
    let certificates = Certificate::from_pem_or_der(issued.certificate_pem.as_bytes()).expect("certificate");
    let key = PrivateKey::from_pem_or_der(issued.key_pem.as_bytes(), None).expect("key");
    Credential::new(certificates, key, UnixTime::now()).expect("credential")
}

fn trust(root: &Issued) -> Arc<Trust> {
    let bundle = TrustBundle::from_inputs([root.certificate_pem.as_bytes()], []).expect("bundle");
    Arc::new(Trust::new(Arc::new(bundle)).expect("trust"))
}

fn connector(pki: &Pki, protocol: ClientProtocol) -> Connector {
    let standard = matches!(protocol, ClientProtocol::Standard { .. });
    let groups = if standard { vec![Group::SECP256R1] } else { Vec::new() };
    let groups = if protocol == ClientProtocol::Tls13Sm { vec![Group::CURVE_SM2] } else { groups };
    Connector::new(ClientOptions {
        protocol,
        suites: Vec::new(),
        groups,
        credential: None,
        pair: None,
        trust: Some(if standard { pki.standard_trust.clone() } else { pki.sm2_trust.clone() }),
        verify: ServerVerification::Name(NAME.to_owned()),
        revocation: RevocationDepth::Off,
        sni: Some(NAME.to_owned()),
        alpn: Vec::new(),
        resume: SessionReuse::Off,
        engine: EngineChoice::Auto,
        generation: 1,
    })
    .expect("connector")
}

/// Makes one handshake and returns the time that the server took for it.
async fn handshake(connector: &Connector, server: impl AsyncFnOnce(DuplexStream)) -> Duration {
    let (near, far) = tokio::io::duplex(32 * 1024);
    let serving = Metered { inner: Box::pin(server(near)), spent: Duration::ZERO };
    let (connected, ((), spent)) = tokio::join!(connector.connect(far, Duration::from_secs(10)), serving);
    black_box(connected.expect("handshake"));
    spent
}

fn jadegate(pki: &Pki) -> Arc<ServerContext> {
    let options = ServerOptions {
        policy: Policy::named(PolicyName::GmPreferred),
        credentials: vec![pki.standard.clone()],
        pairs: vec![pki.pair.clone()],
        strict_sni: false,
        client_auth: ClientAuth::Ignore,
        trust: None,
        revocation: RevocationDepth::Off,
        peer_rules: PeerRules::default(),
        alpn: Vec::new(),
        resumption: Resumption::off(),
        engine: EngineChoice::Auto,
        generation: 1,
    };
    Arc::new(ServerContext::new(options).expect("context"))
}

fn x509(credential: &Credential) -> X509 {
    X509::from_der(credential.leaf().der()).expect("certificate")
}

fn no_sessions(mut builder: SslContextBuilder) -> SslContext {
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_options(jadegate_tongsuo::openssl::ssl::SslOptions::NO_TICKET);
    builder.set_num_tickets(0).expect("tickets");
    builder.build()
}

fn bare_tlcp(pki: &Pki) -> SslContext {
    let mut builder = tongsuo::tlcp(tongsuo::Role::Server).expect("context");
    let key = |credential: &Credential| PKey::private_key_from_pkcs8(credential.key.pkcs8_der()).expect("key");
    tongsuo::set_sign(&mut builder, &x509(&pki.pair.sign), &key(&pki.pair.sign)).expect("sign");
    tongsuo::set_enc(&mut builder, &x509(&pki.pair.enc), &key(&pki.pair.enc)).expect("enc");
    no_sessions(builder)
}

fn bare_tls13_sm(pki: &Pki) -> SslContext {
    let mut builder = tongsuo::tls(tongsuo::Role::Server).expect("context");
    tongsuo::strict_sm(&mut builder);
    builder.set_certificate(&x509(&pki.pair.sign)).expect("certificate");
    let key = PKey::private_key_from_pkcs8(pki.pair.sign.key.pkcs8_der()).expect("key");
    builder.set_private_key(&key).expect("key");
    builder.set_min_proto_version(Some(SslVersion::TLS1_3)).expect("version");
    builder.set_ciphersuites("TLS_SM4_GCM_SM3").expect("suite");
    builder.set_groups_list("curveSM2").expect("group");
    no_sessions(builder)
}

fn bare_rustls(pki: &Pki) -> tokio_rustls::TlsAcceptor {
    let chain = vec![CertificateDer::from(pki.standard.leaf().der().to_vec())];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pki.standard.key.pkcs8_der().to_vec()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("certificate");
    config.send_tls13_tickets = 0;
    tokio_rustls::TlsAcceptor::from(Arc::new(config))
}

/// The bare library and ours in turns, so that what else the machine does falls on both.
async fn handshakes(rounds: usize) {
    let pki = pki();
    let ours = jadegate(&pki);
    let acceptor = Acceptor::new(AcceptLimits::default());
    let rustls = bare_rustls(&pki);
    let standard = ClientProtocol::Standard { min: Version::Tls13, max: Version::Tls13 };
    println!("| full handshake, server's side | bare library | jadegate | ratio | per second |");
    println!("|---|---|---|---|---|");
    for (name, protocol) in [
        ("TLCP, ECC_SM4_GCM_SM3", ClientProtocol::Tlcp),
        ("TLS 1.3-SM, TLS_SM4_GCM_SM3, curveSM2", ClientProtocol::Tls13Sm),
        ("TLS 1.3, rustls, P-256", standard),
    ] {
        let connector = connector(&pki, protocol);
        let tongsuo = if protocol == ClientProtocol::Tlcp { bare_tlcp(&pki) } else { bare_tls13_sm(&pki) };
        let bare = async |io| {
            if protocol == standard {
                black_box(rustls.accept(io).await.expect("handshake"));
            } else {
                let mut stream = SslStream::new(Ssl::new(&tongsuo).expect("ssl"), io).expect("stream");
                Pin::new(&mut stream).accept().await.expect("handshake");
                black_box(stream);
            }
        };
        let jadegate = async |io| {
            let accepted = acceptor.accept(io, |_| Selection::Tls { context: ours.clone(), chain: 0 }).await;
            black_box(accepted.expect("handshake"));
        };
        let (mut without, mut with) = (Vec::with_capacity(rounds), Vec::with_capacity(rounds));
        for _ in 0..rounds {
            without.push(handshake(&connector, &bare).await);
            with.push(handshake(&connector, &jadegate).await);
        }
        let (without, with) = (median(without), median(with));
        println!("| {name} | {} | {} | {:.2} | {:.0} |", micros(without), micros(with), with / without, 1.0 / with);
    }
}

/// What the libraries can do on this machine: whoever compares the handshakes with those of another machine compares
/// these first.
fn operations(rounds: usize) {
    let pki = pki();
    let message = [7; 64];
    let key = |credential: &Credential| PKey::private_key_from_pkcs8(credential.key.pkcs8_der()).expect("key");
    let (sign, enc) = (key(&pki.pair.sign), key(&pki.pair.enc));
    let sm3 = MessageDigest::from_name("SM3").expect("SM3");
    let secret = {
        let encrypter = Encrypter::new(&enc).expect("encrypter");
        let mut secret = vec![0; encrypter.encrypt_len(&message[..48]).expect("length")];
        let length = encrypter.encrypt(&message[..48], &mut secret).expect("ciphertext");
        secret.truncate(length);
        secret
    };
    let standard = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pki.standard.key.pkcs8_der().to_vec()));
    let standard = rustls::crypto::aws_lc_rs::sign::any_supported_type(&standard).expect("key");
    let signer = standard.choose_scheme(&[rustls::SignatureScheme::ECDSA_NISTP256_SHA256]).expect("scheme");
    let report = |name: &str, operation: &dyn Fn()| {
        let time = |_| {
            let begun = Instant::now();
            operation();
            begun.elapsed()
        };
        let spent = median((0..rounds).map(time).collect());
        println!("| {name} | {} | {:.0} |", micros(spent), 1.0 / spent);
    };
    println!("| one operation of the bare library | time | per second |");
    println!("|---|---|---|");
    report("SM2 sign (Tongsuo)", &|| {
        let mut signer = Signer::new(sm3, &sign).expect("signer");
        black_box(signer.sign_oneshot_to_vec(&message).expect("signature"));
    });
    report("SM2 decrypt, 48 bytes (Tongsuo)", &|| {
        let decrypter = Decrypter::new(&enc).expect("decrypter");
        let mut plain = [0; 256];
        black_box(decrypter.decrypt(&secret, &mut plain).expect("plaintext"));
    });
    report("P-256 sign (aws-lc)", &|| {
        black_box(signer.sign(&message).expect("signature"));
    });
}

/// In seconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

fn micros(seconds: f64) -> String {
    format!("{:.1} µs", seconds * 1e6)
}

fn main() {
    // Cargo passes `--bench`; a number is how many rounds to make.
    let rounds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(5000);
    operations(rounds);
    println!();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(handshakes(rounds));
}
