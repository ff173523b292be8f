//! Certificates and connections for the tests of this crate.

use jadegate_tongsuo::context::{self, Role};
use jadegate_tongsuo::openssl::asn1::Asn1Time;
use jadegate_tongsuo::openssl::bn::{BigNum, MsbOption};
use jadegate_tongsuo::openssl::ec::{EcGroup, EcKey};
use jadegate_tongsuo::openssl::hash::MessageDigest;
use jadegate_tongsuo::openssl::nid::Nid;
use jadegate_tongsuo::openssl::pkey::{PKey, Private};
use jadegate_tongsuo::openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslVerifyMode};
use jadegate_tongsuo::openssl::x509::extension::{BasicConstraints, KeyUsage};
use jadegate_tongsuo::openssl::x509::store::X509StoreBuilder;
use jadegate_tongsuo::openssl::x509::{X509, X509Name};
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_openssl::SslStream;

/// A certificate with its key.
pub(crate) struct Leaf {
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
}

/// A root with one TLCP pair and one P-256 certificate.
pub(crate) struct Pki {
    pub(crate) root: X509,
    pub(crate) sign: Leaf,
    pub(crate) enc: Leaf,
    pub(crate) p256: Leaf,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let root_key = key(Nid::SM2);
        let root = certificate("root", &root_key, None, KeyUsage::new().critical().key_cert_sign());
        let issuer = Some((&root, &root_key));
        let leaf = |name: &str, curve, usage: &mut KeyUsage| {
            let key = key(curve);
            Leaf { certificate: certificate(name, &key, issuer, usage), key }
        };
        Self {
            sign: leaf("server", Nid::SM2, KeyUsage::new().critical().digital_signature()),
            enc: leaf("server", Nid::SM2, KeyUsage::new().critical().key_encipherment().key_agreement()),
            p256: leaf("server", Nid::X9_62_PRIME256V1, KeyUsage::new().critical().digital_signature()),
            root,
        }
    }

    /// A TLCP context with the pair, which verifies its peer.
    pub(crate) fn tlcp(&self, role: Role) -> SslContextBuilder {
        let mut builder = context::tlcp(role).expect("context");
        self.load_pair(&mut builder);
        self.trust(&mut builder);
        builder
    }

    pub(crate) fn load_pair(&self, builder: &mut SslContextBuilder) {
        context::set_sign(builder, &self.sign.certificate, &self.sign.key).expect("sign certificate");
        context::set_enc(builder, &self.enc.certificate, &self.enc.key).expect("enc certificate");
    }

    pub(crate) fn trust(&self, builder: &mut SslContextBuilder) {
        let mut store = X509StoreBuilder::new().expect("store");
        store.add_cert(self.root.clone()).expect("root");
        builder.set_cert_store(store.build());
        builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    }
}

fn key(curve: Nid) -> PKey<Private> {
    let group = EcGroup::from_curve_name(curve).expect("curve");
    PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key")
}

fn certificate(name: &str, key: &PKey<Private>, issuer: Option<(&X509, &PKey<Private>)>, usage: &mut KeyUsage) -> X509 {
    let mut subject = X509Name::builder().expect("name");
    subject.append_entry_by_text("CN", name).expect("name");
    let subject = subject.build();
    let mut builder = X509::builder().expect("builder");
    builder.set_version(2).expect("version");
    let mut serial = BigNum::new().expect("serial");
    serial.rand(120, MsbOption::MAYBE_ZERO, false).expect("serial");
    builder.set_serial_number(&serial.to_asn1_integer().expect("serial")).expect("serial");
    builder.set_subject_name(&subject).expect("subject");
    builder.set_issuer_name(issuer.map_or(&subject, |(certificate, _)| certificate.subject_name())).expect("issuer");
    builder.set_not_before(&Asn1Time::days_from_now(0).expect("time")).expect("time");
    builder.set_not_after(&Asn1Time::days_from_now(365).expect("time")).expect("time");
    builder.set_pubkey(key).expect("public key");
    let mut constraints = BasicConstraints::new();
    if issuer.is_none() {
        constraints.critical().ca();
    }
    builder.append_extension(constraints.build().expect("extension")).expect("extension");
    builder.append_extension(usage.build().expect("extension")).expect("extension");
    builder.sign(issuer.map_or(key, |(_, key)| key), MessageDigest::sm3()).expect("signature");
    builder.build()
}

pub(crate) type Stream = SslStream<DuplexStream>;

pub(crate) fn stream(context: &SslContext, io: DuplexStream) -> Stream {
    SslStream::new(Ssl::new(context).expect("connection"), io).expect("stream")
}

/// Bounded: a hang is a failure, not a stuck test run.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(10), future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not end within 10 s"),
    }
}

/// Runs a handshake between the two contexts.
pub(crate) async fn handshake(
    server: &SslContext,
    client: &SslContext,
) -> (Result<Stream, String>, Result<Stream, String>) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let (mut server, mut client) = (stream(server, near), stream(client, far));
    let (accepted, connected) = within("the handshake", async {
        tokio::join!(
            async {
                let result = Pin::new(&mut server).accept().await;
                if result.is_err() {
                    drop(server.get_mut().shutdown().await);
                }
                result
            },
            async {
                let result = Pin::new(&mut client).connect().await;
                if result.is_err() {
                    drop(client.get_mut().shutdown().await);
                }
                result
            }
        )
    })
    .await;
    (
        accepted.map(|()| server).map_err(|error| error.to_string()),
        connected.map(|()| client).map_err(|error| error.to_string()),
    )
}

/// Sends `data` from one to the other and checks that it arrives.
pub(crate) async fn transfer(from: &mut Stream, to: &mut Stream, data: &[u8]) -> Result<(), String> {
    let mut received = vec![0; data.len()];
    let (sent, got) = within("the transfer", async {
        tokio::join!(
            async {
                from.write_all(data).await?;
                from.flush().await
            },
            to.read_exact(&mut received)
        )
    })
    .await;
    sent.map_err(|error| error.to_string())?;
    got.map_err(|error| error.to_string())?;
    assert_eq!(received, data);
    Ok(())
}
