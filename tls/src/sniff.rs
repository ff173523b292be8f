//! Reads a connection's first bytes until it is clear what they are, and gives them back.
//!
//! The memory is bounded by [`MAX_RECEIVED`]; time is not: whoever calls puts a deadline around it (`Acceptor` does).

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::error::Failure;
use crate::hello::{ClientHello, HelloError, HelloReader, MAX_RECEIVED, Progress};
use crate::prefixed::Prefixed;

/// A full TLS record: every usual hello fits, whatever the client's post-quantum key share. Pages that no byte reaches
/// are not touched, so a silent connection does not cost this much.
const FIRST_BUFFER: usize = 16 * 1024;

/// What a connection begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum First {
    /// A ClientHello of TLS or TLCP.
    Hello(Box<ClientHello>),
    /// Something else: plaintext, if plaintext is taken here.
    NotTls,
}

/// Why a connection's first bytes could not be told apart.
#[derive(Debug, thiserror::Error)]
pub enum SniffError {
    /// Not one byte came before the end.
    #[error("the peer closed the connection before sending any byte")]
    ClosedBeforeAnyByte,
    /// The end came inside the hello.
    #[error("the peer closed the connection after {received} bytes, in the middle of its ClientHello")]
    Closed {
        /// How many bytes had come.
        received: usize,
    },
    /// The first message is no legal ClientHello.
    #[error("malformed ClientHello")]
    Malformed(#[source] HelloError),
    /// Reading failed.
    #[error("reading the ClientHello failed")]
    Io(#[source] io::Error),
}

impl From<&SniffError> for Failure {
    fn from(error: &SniffError) -> Self {
        match error {
            SniffError::ClosedBeforeAnyByte => Self::ClosedBeforeAnyByte,
            SniffError::Closed { .. } => Self::Closed,
            SniffError::Malformed(error) => Self::MalformedHello(*error),
            SniffError::Io(error) => Self::Io(error.kind()),
        }
    }
}

/// Reads until it is decided what the connection begins with; the stream given back still yields every byte.
///
/// Cancel safety: dropping the future drops the connection with it.
pub async fn sniff<IO: AsyncRead + Unpin>(mut io: IO) -> Result<(First, Prefixed<IO>), SniffError> {
    let (first, received) = read_first(&mut io).await?;
    Ok((first, Prefixed::new(received, io)))
}

/// Like [`sniff`], for a caller that wants the connection back after an error too, to send an alert.
///
/// Not cancel safe: the bytes read so far are lost with the future.
pub async fn read_first<IO: AsyncRead + Unpin>(io: &mut IO) -> Result<(First, Vec<u8>), SniffError> {
    let mut received = Vec::with_capacity(FIRST_BUFFER);
    let mut reader = HelloReader::new();
    loop {
        if received.len() == received.capacity() {
            // Twice as much, but never more than is looked at.
            received.reserve_exact(received.len().min(MAX_RECEIVED - received.len()));
        }
        let count = io.read_buf(&mut received).await.map_err(SniffError::Io)?;
        if count == 0 {
            return Err(match received.len() {
                0 => SniffError::ClosedBeforeAnyByte,
                received => SniffError::Closed { received },
            });
        }
        match reader.examine(&received).map_err(SniffError::Malformed)? {
            Progress::More => {}
            Progress::NotTls => return Ok((First::NotTls, received)),
            Progress::Hello(hello) => return Ok((First::Hello(hello), received)),
        }
    }
}

#[cfg(test)]
mod tests;
