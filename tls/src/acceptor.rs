//! The server's front door: sniff, choose a chain, choose an engine, shake hands.
//!
//! [`Acceptor::accept`] owns every limit of a handshake: one deadline from the call to the last handshake byte (waiting
//! for a place included), and a bound on handshakes in flight with a bounded queue before it. A connection needs a
//! place from its first byte on: browsers open connections ahead of need, and those must not keep others out, while
//! whoever makes us buffer has to hold a place. Dropping the future at any point gives the place back and closes the
//! transport.
//!
//! When the hello alone shows that no handshake can follow, no engine is asked: the peer gets the fatal alert that
//! says why, in the record format it spoke, and the caller gets the [`HandshakeError`] with the hello in it.

mod refusal;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use self::refusal::{ClientRecord, refuse};
use crate::error::{Failure, HandshakeError, Side, Stage};
use crate::hello::ClientHello;
use crate::negotiated::Negotiated;
use crate::prefixed::Prefixed;
use crate::protocol::Protocol;
use crate::server::{Plan, ServerContext};
use crate::sniff::{First, read_first};
use crate::stream::Stream;

/// Bytes read before a connection needs a place: enough for a record header.
const START: usize = 64;

/// Bounds of accepting.
#[derive(Debug, Clone)]
pub struct AcceptLimits {
    /// Time from the call to the end of the handshake.
    pub deadline: Duration,
    /// Handshakes in flight; shared by all acceptors that hold the same semaphore.
    pub concurrent: Arc<Semaphore>,
    /// Connections that may wait for a place; further ones are refused at once.
    pub queue: usize,
}

impl AcceptLimits {
    /// Default of [`AcceptLimits::deadline`].
    pub const DEADLINE: Duration = Duration::from_secs(10);
    /// Default number of handshakes in flight, and of connections waiting for a place.
    pub const HANDSHAKES: usize = 1024;

    /// The default deadline with `handshakes` in flight and as many waiting.
    pub fn with_handshakes(handshakes: usize) -> Self {
        Self { deadline: Self::DEADLINE, concurrent: Arc::new(Semaphore::new(handshakes)), queue: handshakes }
    }
}

impl Default for AcceptLimits {
    fn default() -> Self {
        Self::with_handshakes(Self::HANDSHAKES)
    }
}

/// What a connection's first bytes offer.
#[derive(Debug, Clone, Copy)]
pub enum Offer<'a> {
    /// A TLS or TLCP hello.
    Tls(&'a ClientHello),
    /// Something else.
    Plaintext,
}

/// No chain of the listener matches the offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoChain;

/// The listener's answer to an [`Offer`].
#[derive(Debug, Clone)]
pub enum Selection {
    /// Shake hands with this context.
    Tls {
        /// The chain's context.
        context: Arc<ServerContext>,
        /// The chain's number, given back in [`Accepted`].
        chain: usize,
    },
    /// Serve without TLS. Only an answer to [`Offer::Plaintext`]: a hello is never handed on in clear.
    Plaintext {
        /// The chain's number, given back in [`Accepted`].
        chain: usize,
    },
    /// Close.
    Refuse(NoChain),
}

/// An accepted connection.
#[derive(Debug)]
pub struct Accepted<IO> {
    /// The plaintext side.
    pub stream: Stream<IO>,
    /// What was agreed; none without TLS.
    pub negotiated: Option<Box<Negotiated>>,
    /// The chain that [`Selection`] named.
    pub chain: usize,
}

/// Accepts connections within limits. One per worker or one for all.
#[derive(Debug)]
pub struct Acceptor {
    limits: AcceptLimits,
    waiting: AtomicUsize,
}

impl Acceptor {
    /// An acceptor with these limits.
    pub fn new(limits: AcceptLimits) -> Self {
        Self { limits, waiting: AtomicUsize::new(0) }
    }

    /// Sniffs the first bytes, asks `select` for the chain and does the handshake, all within the deadline.
    pub async fn accept<IO>(
        &self,
        mut io: IO,
        select: impl FnOnce(&Offer<'_>) -> Selection,
    ) -> Result<Accepted<IO>, HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let deadline = Instant::now() + self.limits.deadline;
        let failed = |failure| HandshakeError::new(failure, Stage::Hello, Side::Downstream);
        let mut start = Vec::with_capacity(START);
        match timeout_at(deadline, io.read_buf(&mut start)).await {
            Ok(Ok(0)) => return Err(failed(Failure::ClosedBeforeAnyByte)),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                let mut failed = failed(Failure::Io(error.kind()));
                failed.source = Some(error.into());
                return Err(failed);
            }
            Err(_elapsed) => return Err(failed(Failure::TimedOut)),
        }
        let _place = self.place(deadline).await?;
        let record = ClientRecord::of(&start);
        let mut io = Prefixed::new(start, io);
        let (first, received) = match timeout_at(deadline, read_first(&mut io)).await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => {
                let mut failed = failed(Failure::from(&error));
                failed.source = Some(error.into());
                return Err(refuse(io, failed, record, deadline).await);
            }
            Err(_elapsed) => return Err(failed(Failure::TimedOut)),
        };
        let Ok(io) = io.into_inner() else {
            // Reading the first message starts with these bytes, so they cannot be left over.
            return Err(failed(Failure::Engine("bytes before the hello were not read".to_owned())));
        };
        let io = Prefixed::new(received, io);
        match first {
            First::Hello(hello) => self.handshake(io, hello, select, deadline).await,
            First::NotTls => match select(&Offer::Plaintext) {
                Selection::Plaintext { chain } => Ok(Accepted { stream: Stream::Plain(io), negotiated: None, chain }),
                Selection::Tls { .. } | Selection::Refuse(NoChain) => Err(failed(Failure::NotTls)),
            },
        }
    }

    async fn handshake<IO>(
        &self,
        io: Prefixed<IO>,
        hello: Box<ClientHello>,
        select: impl FnOnce(&Offer<'_>) -> Selection,
        deadline: Instant,
    ) -> Result<Accepted<IO>, HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let record = ClientRecord::with_version(hello.record_version);
        let (context, chain) = match select(&Offer::Tls(&hello)) {
            Selection::Tls { context, chain } => (context, chain),
            Selection::Plaintext { .. } | Selection::Refuse(NoChain) => {
                return Err(refuse(io, before_engine(Failure::NoChain, hello), record, deadline).await);
            }
        };
        let plan = match context.plan(&hello) {
            Ok(plan) => plan,
            Err(failure) => return Err(refuse(io, before_engine(failure, hello), record, deadline).await),
        };
        let outcome = match plan {
            Plan::Standard(engine, usable) => engine.accept(io, &hello, usable, deadline).await,
            Plan::Tongsuo(engine, family) => engine.accept(io, &hello, family, deadline).await,
        };
        let (stream, negotiated) = outcome.map_err(|error| context.completed(error, plan, hello))?;
        Ok(Accepted { stream, negotiated: Some(Box::new(negotiated)), chain })
    }

    /// Waits for a place among the handshakes in flight.
    async fn place(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, HandshakeError> {
        let full = || HandshakeError::new(Failure::TooManyHandshakes, Stage::Hello, Side::Downstream);
        if let Ok(place) = self.limits.concurrent.try_acquire() {
            return Ok(place);
        }
        let _waiting = Waiting::join(&self.waiting, self.limits.queue).ok_or_else(full)?;
        match timeout_at(deadline, self.limits.concurrent.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            // Nobody gets a place any more: the deadline has passed, or the semaphore was closed for shutdown.
            Ok(Err(_)) | Err(_) => Err(full()),
        }
    }
}

/// Membership in the queue, given up on drop.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn join(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let member = Self(waiting);
        // The member that finds the queue full leaves it by being dropped.
        (waiting.fetch_add(1, Ordering::Relaxed) < most).then_some(member)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn before_engine(failure: Failure, hello: Box<ClientHello>) -> HandshakeError {
    let mut error = HandshakeError::new(failure, Stage::Negotiation, Side::Downstream);
    error.protocol = hello.is_tlcp().then_some(Protocol::Tlcp);
    error.hello = Some(hello);
    error
}
