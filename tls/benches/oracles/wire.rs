//! Two ends of a connection in memory, moved by hand, and the time of the first byte that an end sends.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Default)]
struct Line {
    arriving: Vec<u8>,
    taken: usize,
    closed: bool,
    sent: Vec<u8>,
    first_sent: Option<Instant>,
}

/// One end, and a handle on it for whoever plays the network.
#[derive(Clone, Default)]
pub(crate) struct Wire(Rc<RefCell<Line>>);

impl Wire {
    /// All that was sent since the last call.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut().sent)
    }

    /// Lets bytes arrive. Whatever arrived before has been read.
    pub(crate) fn give(&self, bytes: Vec<u8>) {
        let mut line = self.0.borrow_mut();
        debug_assert_eq!(line.taken, line.arriving.len(), "read");
        line.arriving = bytes;
        line.taken = 0;
    }

    /// The peer sends no more.
    pub(crate) fn close(&self) {
        self.0.borrow_mut().closed = true;
    }

    /// How long it took until a byte or the end of the connection was sent, when these bytes arrived and `act` had them
    /// read. None when nothing was sent.
    pub(crate) fn answer_time(&self, bytes: Vec<u8>, act: impl FnOnce()) -> Option<Duration> {
        self.give(bytes);
        self.0.borrow_mut().first_sent = None;
        let begun = Instant::now();
        act();
        self.0.borrow().first_sent.map(|sent| sent - begun)
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let line = &mut *self.0.borrow_mut();
        let ahead = &line.arriving[line.taken..];
        if ahead.is_empty() && !line.closed {
            return Poll::Pending;
        }
        let count = ahead.len().min(buf.remaining());
        buf.put_slice(&ahead[..count]);
        line.taken += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut line = self.0.borrow_mut();
        line.first_sent.get_or_insert_with(Instant::now);
        line.sent.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().first_sent.get_or_insert_with(Instant::now);
        Poll::Ready(Ok(()))
    }
}

/// Polls once; nobody has to be woken, since both ends are polled in turns.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}
