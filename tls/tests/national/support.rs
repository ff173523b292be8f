//! Certificates, options and handshakes for the tests of the national protocols.

use std::sync::Arc;
use std::time::Duration;

use jadegate_certs::certificate::Certificate;
use jadegate_certs::clock::UnixTime;
use jadegate_certs::credential::{Credential, CredentialPair};
use jadegate_certs::development::{DevelopmentCa, Issued, LeafRequest, Role};
use jadegate_certs::key::PrivateKey;
use jadegate_certs::rules::PeerRules;
use jadegate_certs::trust::TrustBundle;
use jadegate_tls::acceptor::{AcceptLimits, Accepted, Acceptor, Selection};
use jadegate_tls::connector::{ClientOptions, ClientProtocol, Connected, Connector, ServerVerification, SessionReuse};
use jadegate_tls::negotiated::Negotiated;
use jadegate_tls::server::{ClientAuth, EngineChoice, Resumption, RevocationDepth, ServerContext, ServerOptions};
use jadegate_tls::stream::Stream;
use jadegate_tls::trust::Trust;
use jadegate_tls::{HandshakeError, Policy, PolicyName};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

pub(crate) struct Pki {
    sm2: DevelopmentCa,
    standard: DevelopmentCa,
    server: CredentialPair,
    client: CredentialPair,
}

pub(crate) fn pki() -> Pki {
    let sm2 = DevelopmentCa::new_sm2().expect("CA");
    let (server, client) = (pair(&sm2, Role::Server, "server.example"), pair(&sm2, Role::Client, "client.example"));
    Pki { standard: DevelopmentCa::new_standard().expect("CA"), server, client, sm2 }
}

impl Pki {
    pub(crate) fn client_pair(&self) -> CredentialPair {
        self.client.clone()
    }

    pub(crate) fn another_server_pair(&self) -> CredentialPair {
        pair(&self.sm2, Role::Server, "server.example")
    }

    pub(crate) fn standard_server(&self) -> Credential {
        let request = LeafRequest::new(Role::Server, &["server.example"]).expect("request");
        credential(&self.standard.issue(&request).expect("leaf"))
    }

    pub(crate) fn standard_trust(&self) -> Arc<Trust> {
        trust(&[self.standard.root()])
    }

    /// The SM2 root together with one that nobody's certificate comes from.
    pub(crate) fn with_another_client_root(&self) -> Arc<Trust> {
        let other = DevelopmentCa::new_sm2().expect("CA");
        trust(&[self.sm2.root(), other.root()])
    }
}

fn pair(ca: &DevelopmentCa, role: Role, name: &str) -> CredentialPair {
    let request = LeafRequest::new(role, &[name]).expect("request");
    let issued = ca.issue_pair(&request).expect("pair");
    CredentialPair::new(credential(&issued.sign), credential(&issued.enc), UnixTime::now()).expect("sound pair")
}

pub(crate) fn credential(issued: &Issued) -> Credential {
    credential_of(issued.certificate_pem.as_bytes(), issued.key_pem.as_bytes())
}

pub(crate) fn credential_of(certificate: &[u8], key: &[u8]) -> Credential {
    let chain = Certificate::from_pem_or_der(certificate).expect("certificate");
    let key = PrivateKey::from_pem_or_der(key, None).expect("key");
    Credential { chain, key, ocsp: None }
}

fn trust(roots: &[&Issued]) -> Arc<Trust> {
    let roots = roots.iter().map(|root| root.certificate_pem.as_bytes());
    trust_of(TrustBundle::from_inputs(roots, []).expect("bundle"))
}

pub(crate) fn trust_of(bundle: TrustBundle) -> Arc<Trust> {
    Arc::new(Trust::new(Arc::new(bundle)).expect("trust"))
}

pub(crate) fn server(pki: &Pki, client_auth: ClientAuth) -> ServerOptions {
    ServerOptions {
        policy: Policy::named(PolicyName::GmOnly),
        credentials: Vec::new(),
        pairs: vec![pki.server.clone()],
        strict_sni: false,
        client_auth,
        trust: Some(trust(&[pki.sm2.root()])),
        revocation: RevocationDepth::Off,
        peer_rules: PeerRules::default(),
        alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        resumption: Resumption::new().expect("random numbers"),
        engine: EngineChoice::Auto,
        generation: 1,
    }
}

pub(crate) fn client(pki: &Pki, protocol: ClientProtocol) -> ClientOptions {
    ClientOptions {
        protocol,
        suites: Vec::new(),
        groups: Vec::new(),
        credential: None,
        pair: None,
        trust: Some(trust(&[pki.sm2.root()])),
        verify: ServerVerification::Name("server.example".to_owned()),
        revocation: RevocationDepth::Off,
        sni: Some("server.example".to_owned()),
        alpn: vec![b"h2".to_vec()],
        resume: SessionReuse::On,
        engine: EngineChoice::Auto,
        generation: 1,
    }
}

/// Both ends, for several handshakes.
pub(crate) struct Ends {
    context: Arc<ServerContext>,
    acceptor: Acceptor,
    connector: Connector,
}

/// What both ends say of one handshake.
pub(crate) struct Outcome {
    pub(crate) server: Result<Accepted<DuplexStream>, HandshakeError>,
    pub(crate) client: Result<Connected<DuplexStream>, HandshakeError>,
}

/// Both ends after a good handshake.
pub(crate) struct Connection {
    server: Stream<DuplexStream>,
    client: Stream<DuplexStream>,
    pub(crate) server_facts: Negotiated,
    pub(crate) client_facts: Negotiated,
}

impl Ends {
    pub(crate) fn new(server: ServerOptions, client: ClientOptions) -> Self {
        Self {
            context: Arc::new(ServerContext::new(server).expect("server context")),
            acceptor: Acceptor::new(AcceptLimits::default()),
            connector: Connector::new(client).expect("connector"),
        }
    }

    pub(crate) fn replace_server(&mut self, server: ServerOptions) {
        self.context = Arc::new(ServerContext::new(server).expect("server context"));
    }

    pub(crate) fn context(&self) -> Arc<ServerContext> {
        self.context.clone()
    }

    pub(crate) fn acceptor(&self) -> &Acceptor {
        &self.acceptor
    }

    pub(crate) async fn handshake(&mut self) -> Outcome {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let context = self.context.clone();
        let (server, client) = tokio::join!(
            self.acceptor.accept(near, |_| Selection::Tls { context, chain: 0 }),
            self.connector.connect(far, Duration::from_secs(10)),
        );
        let Ok(mut client) = client else { return Outcome { server, client } };
        // In TLS 1.3 a client is done before the server has judged its certificate: the verdict comes with the first
        // read, which is bounded by the server having ended by now.
        if let Err(refused) = server {
            let mut octet = [0];
            drop(client.stream.read(&mut octet).await);
            return Outcome { server: Err(refused), client: Ok(client) };
        }
        Outcome { server, client: Ok(client) }
    }
}

pub(crate) async fn handshake(server: ServerOptions, client: ClientOptions) -> Outcome {
    Ends::new(server, client).handshake().await
}

impl Outcome {
    pub(crate) fn expect_both(self) -> Connection {
        let describe = |error: HandshakeError| -> (Accepted<DuplexStream>, Connected<DuplexStream>) {
            panic!("{error}: {:?}", error.source)
        };
        let (server, client) = match (self.server, self.client) {
            (Ok(server), Ok(client)) => (server, client),
            (Err(server), Err(client)) => {
                panic!("server: {server} ({:?}); client: {client} ({:?})", server.source, client.source)
            }
            (Err(error), _) | (_, Err(error)) => describe(error),
        };
        Connection {
            server: server.stream,
            client: client.stream,
            server_facts: *server.negotiated.expect("TLS"),
            client_facts: *client.negotiated,
        }
    }

    pub(crate) fn server_error(&self) -> &HandshakeError {
        self.server.as_ref().expect_err("the server was to refuse")
    }

    pub(crate) fn client_error(&self) -> &HandshakeError {
        self.client.as_ref().expect_err("the client was to refuse")
    }
}

impl Connection {
    /// Sends `data` both ways.
    pub(crate) async fn exchange(&mut self, data: &[u8]) {
        let Self { server, client, .. } = self;
        for (from, to) in [(&mut *client, &mut *server)] {
            transfer(from, to, data).await;
        }
        transfer(server, client, data).await;
    }
}

async fn transfer(from: &mut Stream<DuplexStream>, to: &mut Stream<DuplexStream>, data: &[u8]) {
    let mut received = vec![0; data.len()];
    let send = async {
        from.write_all(data).await?;
        from.flush().await
    };
    let both = async { tokio::try_join!(send, to.read_exact(&mut received)) };
    tokio::time::timeout(Duration::from_secs(10), both).await.expect("in time").expect("transfer");
    assert_eq!(received, data);
}
