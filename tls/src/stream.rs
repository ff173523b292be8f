//! The byte stream after a handshake, whatever engine made it.
//!
//! A closed enum: a further engine is an arm that the compiler asks for everywhere. Reads and writes go straight to
//! the engine, vectored writes included. `shutdown` sends close_notify and then shuts the transport's write side;
//! dropping a stream without it closes the transport, which the peer can tell from a proper end. Post-handshake
//! messages (tickets, KeyUpdate) are answered inside reads and writes; renegotiation is refused by both engines (in TLCP
//! without a word: Tongsuo loses its warning).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::prefixed::Prefixed;

/// A connection's byte stream. See the module documentation.
#[derive(Debug)]
pub enum Stream<IO> {
    /// No TLS at all.
    Plain(Prefixed<IO>),
    /// Standard engine, we are the server.
    RustlsServer(Box<tokio_rustls::server::TlsStream<Prefixed<IO>>>),
    /// Standard engine, we are the client.
    RustlsClient(Box<tokio_rustls::client::TlsStream<Prefixed<IO>>>),
    /// Tongsuo engine, either role.
    Tongsuo(Box<tokio_openssl::SslStream<Prefixed<IO>>>),
}

impl<IO> Stream<IO> {
    /// A stream without TLS.
    pub fn plain(io: IO) -> Self {
        Self::Plain(Prefixed::new(Vec::new(), io))
    }

    /// The transport underneath, for its addresses and options. Reading or writing it directly breaks the stream.
    pub fn transport(&self) -> &IO {
        match self {
            Self::Plain(io) => io.get_ref(),
            Self::RustlsServer(stream) => stream.get_ref().0.get_ref(),
            Self::RustlsClient(stream) => stream.get_ref().0.get_ref(),
            Self::Tongsuo(stream) => stream.get_ref().get_ref(),
        }
    }
}

impl<IO> Stream<IO> {
    /// DER of the certificates that the peer showed, as it showed them: its leaf (in TLCP sign, then enc) first.
    ///
    /// They are facts for a report, not an identity: whether they were verified says
    /// [`Negotiated::peer`](crate::negotiated::Negotiated::peer) alone. Empty without TLS and on resumed connections.
    pub fn shown_certificates(&self) -> Vec<Vec<u8>> {
        let of_rustls = |shown: Option<&[rustls::pki_types::CertificateDer<'_>]>| {
            shown.unwrap_or_default().iter().map(|certificate| certificate.to_vec()).collect()
        };
        match self {
            Self::Plain(_) => Vec::new(),
            Self::RustlsServer(stream) => of_rustls(stream.get_ref().1.peer_certificates()),
            Self::RustlsClient(stream) => of_rustls(stream.get_ref().1.peer_certificates()),
            Self::Tongsuo(stream) => {
                let chain = stream.ssl().peer_cert_chain().into_iter().flatten();
                let mut shown: Vec<Vec<u8>> = chain.filter_map(|certificate| certificate.to_der().ok()).collect();
                // A server's view of the chain lacks the client's own certificate.
                let own = stream.ssl().peer_certificate().and_then(|certificate| certificate.to_der().ok());
                if let Some(own) = own.filter(|own| shown.first() != Some(own)) {
                    shown.insert(0, own);
                }
                shown
            }
        }
    }
}

/// Runs one poll function on whichever stream there is.
macro_rules! delegate {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Stream::RustlsServer(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
            Stream::RustlsClient(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
            Stream::Tongsuo(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
        }
    };
}

/// Sends what rustls has to say to what was just read: a refused renegotiation, a KeyUpdate in return. Without it that
/// would wait for the next write, which may never come. Tongsuo writes its answers inside the read.
///
/// What does not fit now goes with the next read or write; an error is the next write's to report.
fn send_answers(stream: &mut (impl AsyncWrite + Unpin), cx: &mut Context<'_>) {
    drop(Pin::new(stream).poll_flush(cx));
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::RustlsServer(stream) => {
                let read = Pin::new(stream.as_mut()).poll_read(cx, buf);
                if stream.get_ref().1.wants_write() {
                    send_answers(stream.as_mut(), cx);
                }
                read
            }
            Self::RustlsClient(stream) => {
                let read = Pin::new(stream.as_mut()).poll_read(cx, buf);
                if stream.get_ref().1.wants_write() {
                    send_answers(stream.as_mut(), cx);
                }
                read
            }
            Self::Tongsuo(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        delegate!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, stream => stream.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::RustlsServer(stream) => stream.is_write_vectored(),
            Self::RustlsClient(stream) => stream.is_write_vectored(),
            Self::Tongsuo(stream) => stream.is_write_vectored(),
        }
    }
}
