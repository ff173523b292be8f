//! OCSP responses, handed on as they are. Seen through a client of rustls' own, which shows them to its verifier.

use std::sync::{Arc, Mutex};

use jadegate_certs::credential::Credential;
use jadegate_tls::{AcceptLimits, Acceptor, ServerOptions};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

use crate::kind::Kind;
use crate::pki::{Pki, SERVER};
use crate::wire::{accept, context};

#[derive(Debug)]
struct Observer {
    inner: Arc<WebPkiServerVerifier>,
    seen: Mutex<Option<Vec<u8>>>,
}

impl ServerCertVerifier for Observer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.seen.lock().unwrap() = Some(ocsp_response.to_vec());
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Standard protocols only.
pub(crate) async fn the_ocsp_response_is_stapled_for_who_asks(kind: Kind) {
    let pki = Pki::new(kind);
    let identity = pki.leaf(SERVER);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(pki.root.der())).unwrap();
    let provider = Arc::new(default_provider());
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    for staple in [Some(&b"an OCSP response"[..]), None] {
        let credential = identity.credential.clone().unwrap();
        let credential = Credential { ocsp: staple.map(Arc::from), ..credential };
        let server = context(ServerOptions { credentials: vec![credential], ..pki.server(&identity) });
        let observer = Arc::new(Observer { inner: inner.clone(), seen: Mutex::default() });
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(observer.clone())
            .with_no_client_auth();
        let (near, far) = tokio::io::duplex(64 * 1024);
        let acceptor = Acceptor::new(AcceptLimits::default());
        let client = TlsConnector::from(Arc::new(config)).connect(SERVER.try_into().unwrap(), far);
        let (served, connection) = tokio::join!(accept(&acceptor, near, &server), client);
        served.unwrap();
        connection.unwrap();
        assert_eq!(observer.seen.lock().unwrap().as_deref(), Some(staple.unwrap_or_default()));
    }
}
