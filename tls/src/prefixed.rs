//! A stream that gives back the bytes that were read ahead, then becomes transparent.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// `IO` with bytes before it. Reading yields those first; the buffer is freed with its last byte. Writing passes through.
pub struct Prefixed<IO> {
    /// Empty, and without an allocation, once drained.
    prefix: Vec<u8>,
    position: usize,
    io: IO,
}

impl<IO> Prefixed<IO> {
    /// Puts bytes before a stream.
    pub fn new(prefix: Vec<u8>, io: IO) -> Self {
        Self { prefix, position: 0, io }
    }

    /// The bytes that are still to be given back.
    pub fn buffered(&self) -> &[u8] {
        self.prefix.get(self.position..).unwrap_or_default()
    }

    /// The stream below, for its address and its socket options.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// The stream below. Reading from it directly would overtake the buffered bytes.
    pub fn get_mut(&mut self) -> &mut IO {
        &mut self.io
    }

    /// The stream below, if nothing is left before it.
    pub fn into_inner(self) -> Result<IO, Self> {
        if self.buffered().is_empty() { Ok(self.io) } else { Err(self) }
    }

    fn give(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let left = self.prefix.get(self.position..).unwrap_or_default();
        if left.is_empty() {
            return false;
        }
        let count = left.len().min(buf.remaining());
        let (given, rest) = left.split_at(count);
        buf.put_slice(given);
        if rest.is_empty() {
            self.prefix = Vec::new();
            self.position = 0;
        } else {
            self.position += count;
        }
        true
    }
}

/// Tells how much is buffered, not what: a plaintext peer's first bytes may hold its password.
impl<IO> fmt::Debug for Prefixed<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefixed").field("buffered", &self.buffered().len()).finish_non_exhaustive()
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Prefixed<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.give(buf) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Prefixed<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let io = Pin::new(&mut self.get_mut().io);
        match bufs {
            // The usual case; a plain write costs the kernel less.
            [only] => io.poll_write(cx, only),
            several => io.poll_write_vectored(cx, several),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
