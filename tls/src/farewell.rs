//! The end of a connection that failed: the peer gets the chance to read why.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// How long a refused peer may take to close its side.
const PATIENCE: Duration = Duration::from_millis(250);

/// How much a refused peer may still send before the connection is closed on it.
const UNREAD_MAX: usize = 64 * 1024;

/// Closes our side and reads off what the peer is still sending. Without that, closing a socket with unread bytes
/// resets the connection, and the reset overtakes the alert that says what was wrong.
pub(crate) async fn farewell<IO: AsyncRead + AsyncWrite + Unpin>(mut io: IO, deadline: Instant) {
    let until = deadline.min(Instant::now() + PATIENCE);
    let close = async {
        io.shutdown().await?;
        // On the heap: an array would be part of the future of every handshake, the good ones too.
        let mut unread = vec![0; 4096];
        let mut seen = 0;
        while seen < UNREAD_MAX {
            match io.read(&mut unread).await? {
                0 => break,
                count => seen += count,
            }
        }
        std::io::Result::Ok(())
    };
    // Whatever goes wrong here, the connection is given up; the failure that led here is the one that counts.
    let _ = timeout_at(until, close).await;
}
