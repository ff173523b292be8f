//! A server and clients of it, as far as the middle of a handshake or as its end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use jadegate_certs::certificate::Certificate;
use jadegate_certs::clock::UnixTime;
use jadegate_certs::credential::{Credential, CredentialPair};
use jadegate_certs::development::{DevelopmentCa, Issued, LeafRequest, Role};
use jadegate_certs::key::PrivateKey;
use jadegate_certs::rules::PeerRules;
use jadegate_tls::acceptor::{AcceptLimits, Accepted, Acceptor, Selection};
use jadegate_tls::connector::{ClientOptions, ClientProtocol, Connected, Connector, ServerVerification, SessionReuse};
use jadegate_tls::error::HandshakeError;
use jadegate_tls::server::{ClientAuth, EngineChoice, Resumption, RevocationDepth, ServerContext, ServerOptions};
use jadegate_tls::{Policy, PolicyName, Stream, Suite};
use jadegate_tongsuo::openssl::pkey::{PKey, Public};

use crate::wire::{Wire, poll};

const NAME: &str = "server.example";
const HANDSHAKE: u8 = 22;
const KEY_EXCHANGE: u8 = 16;
const RECORD_HEADER: usize = 5;

type Outcome<T> = Pin<Box<dyn Future<Output = Result<T, HandshakeError>>>>;

/// A TLCP server as the proxy makes it.
pub(crate) struct Ground {
    context: Arc<ServerContext>,
    /// The key under which clients encrypt the premaster secret.
    pub(crate) encryption_key: PKey<Public>,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let ca = DevelopmentCa::new_sm2().expect("CA");
        let issued = ca.issue_pair(&LeafRequest::new(Role::Server, &[NAME]).expect("request")).expect("pair");
        let (sign, enc) = (credential(&issued.sign), credential(&issued.enc));
        let encryption_key =
            enc.leaf().engine_certificate().and_then(|certificate| certificate.public_key()).expect("key");
        let options = ServerOptions {
            policy: Policy::named(PolicyName::GmOnly),
            credentials: Vec::new(),
            pairs: vec![CredentialPair::new(sign, enc, UnixTime::now()).expect("pair")],
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
        Self { context: Arc::new(ServerContext::new(options).expect("context")), encryption_key }
    }

    /// A client that offers this suite alone. It verifies nobody: its time does not count.
    pub(crate) fn client(&self, suite: Suite) -> Arc<Connector> {
        let options = ClientOptions {
            protocol: ClientProtocol::Tlcp,
            suites: vec![suite],
            groups: Vec::new(),
            credential: None,
            pair: None,
            trust: None,
            verify: ServerVerification::Insecure,
            revocation: RevocationDepth::Off,
            sni: Some(NAME.to_owned()),
            alpn: Vec::new(),
            resume: SessionReuse::Off,
            engine: EngineChoice::Auto,
            generation: 1,
        };
        Arc::new(Connector::new(options).expect("connector"))
    }

    /// A connection on which nobody has said anything.
    pub(crate) fn begin(&self, client: &Arc<Connector>) -> Handshake {
        let (near, far) = (Wire::default(), Wire::default());
        let connecting = {
            let (client, near) = (client.clone(), near.clone());
            Box::pin(async move { client.connect(near, Duration::from_secs(60)).await })
        };
        let accepting = {
            let (context, far) = (self.context.clone(), far.clone());
            let acceptor = Acceptor::new(AcceptLimits { deadline: Duration::from_secs(60), ..AcceptLimits::default() });
            Box::pin(async move { acceptor.accept(far, |_| Selection::Tls { context, chain: 0 }).await })
        };
        Handshake { near, far, connecting, accepting }
    }
}

fn credential(issued: &Issued) -> Credential {
    let certificates = Certificate::from_pem_or_der(issued.certificate_pem.as_bytes()).expect("certificate");
    let key = PrivateKey::from_pem_or_der(issued.key_pem.as_bytes(), None).expect("key");
    Credential::new(certificates, key, UnixTime::now()).expect("credential")
}

/// A handshake under way.
pub(crate) struct Handshake {
    near: Wire,
    far: Wire,
    connecting: Outcome<Connected<Wire>>,
    accepting: Outcome<Accepted<Wire>>,
}

impl Handshake {
    /// Replaces the body of the client's key exchange message and says how long the server takes to answer it together
    /// with the ChangeCipherSpec and the Finished that follow.
    pub(crate) fn time_of_exchange(mut self, message: &[u8]) -> Duration {
        let flight = loop {
            assert!(poll(&mut self.connecting).is_pending(), "the client waits for the server");
            let sent = self.near.take();
            if sent[0] == HANDSHAKE && sent[RECORD_HEADER] == KEY_EXCHANGE {
                break with_first_body(&sent, message);
            }
            self.far.give(sent);
            assert!(poll(&mut self.accepting).is_pending(), "the server waits for the client");
            self.near.give(self.far.take());
        };
        let (far, accepting) = (self.far.clone(), &mut self.accepting);
        let mut outcome = Poll::Pending;
        let time = far.answer_time(flight, || outcome = poll(accepting)).expect("an alert");
        if outcome.is_pending() {
            // It waits for the client to close, so that the alert is not lost.
            far.close();
            outcome = poll(&mut self.accepting);
        }
        assert!(matches!(outcome, Poll::Ready(Err(_))), "the server ends the handshake");
        time
    }

    /// Runs it to its end.
    pub(crate) fn finish(mut self) -> Established {
        let (mut client, mut server) = (None, None);
        while client.is_none() || server.is_none() {
            if client.is_none()
                && let Poll::Ready(done) = poll(&mut self.connecting)
            {
                client = Some(done.expect("handshake").stream);
            }
            let sent = self.near.take();
            if !sent.is_empty() {
                self.far.give(sent);
            }
            if server.is_none()
                && let Poll::Ready(done) = poll(&mut self.accepting)
            {
                server = Some(done.expect("handshake").stream);
            }
            let sent = self.far.take();
            if !sent.is_empty() {
                self.near.give(sent);
            }
        }
        let (client, server) = client.zip(server).expect("the loop ends with both");
        Established { near: self.near, far: self.far, client, server }
    }
}

/// An established connection.
pub(crate) struct Established {
    pub(crate) near: Wire,
    pub(crate) far: Wire,
    pub(crate) client: Stream<Wire>,
    pub(crate) server: Stream<Wire>,
}

/// Records of which the first one gets another body.
fn with_first_body(records: &[u8], body: &[u8]) -> Vec<u8> {
    let (header, rest) = records.split_at(RECORD_HEADER);
    let old = usize::from(u16::from_be_bytes([header[3], header[4]]));
    record(header, body).into_iter().chain(rest[old..].iter().copied()).collect()
}

/// A record with this header's type and version.
pub(crate) fn record(header: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("a record's length").to_be_bytes();
    [&header[..3], &length, body].concat()
}
