//! The gate before the HTTP/2 library: it counts the frames that cost us more than they cost the client.
//!
//! Each kind has a token bucket. Honest clients are paid back for what their own traffic makes them send: window updates
//! and pings for the data that they receive, resets for the requests that were answered. When a bucket is empty, the library
//! gets, at the next frame boundary, a frame that is a connection error, so that the GOAWAY is its own and in order;
//! nothing more is read then. The guard reads frame headers only and buffers nothing else.
//!
//! What the library itself refuses it says in its last frame, GOAWAY. The guard looks at that when the library closes, which
//! is before the exchanges that end with the connection are told, so that their records can name the reason.

use super::breach::{Breach, Tail};
use super::linger::Linger;
use bytes::{Buf, Bytes};
use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The client connection preface.
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty DATA frame on stream 0: a connection error of type PROTOCOL_ERROR (RFC 9113 §6.1).
const POISON: &[u8] = &[0; 9];

/// What guard and exchanges of one HTTP/2 connection tell one another.
#[derive(Debug, Default)]
pub(super) struct FrameState {
    breach: Cell<Option<Breach>>,
    /// Pieces of response body sent, that no ping and no window update has been paid for with.
    pings: Cell<u32>,
    window_updates: Cell<u32>,
    /// Exchanges that got their response, that no reset has been paid for with.
    resets: Cell<u32>,
}

impl FrameState {
    /// What of the client's ended the connection.
    pub(super) fn breach(&self) -> Option<Breach> {
        self.breach.get()
    }

    /// A piece of a response body was handed to the library.
    pub(super) fn sent(&self) {
        earn(&self.pings, 1);
        // A client may open the stream's window and the connection's, and each in two steps.
        earn(&self.window_updates, 4);
    }

    /// A response is complete.
    pub(super) fn answered(&self) {
        earn(&self.resets, 1);
    }
}

fn earn(credit: &Cell<u32>, frames: u32) {
    credit.set(credit.get().saturating_add(frames));
}

/// A token bucket that looks at the clock only when it is empty.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: u32,
    burst: u32,
    per_second: u32,
    filled: Instant,
}

impl Bucket {
    fn new(burst: u32, per_second: u32) -> Self {
        Self { tokens: burst, burst, per_second, filled: Instant::now() }
    }

    fn take(&mut self, credit: impl FnOnce() -> u32) -> bool {
        if self.tokens == 0 {
            self.tokens = credit().saturating_add(self.refill()).min(self.burst);
        }
        match self.tokens.checked_sub(1) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }

    fn refill(&mut self) -> u32 {
        let elapsed = self.filled.elapsed().min(Duration::from_secs(60));
        let earned = elapsed.as_millis().saturating_mul(u128::from(self.per_second)) / 1000;
        if earned > 0 {
            self.filled = Instant::now();
        }
        u32::try_from(earned).unwrap_or(u32::MAX)
    }
}

#[derive(Debug)]
struct Buckets {
    continuation: Bucket,
    empty_data: Bucket,
    ping: Bucket,
    priority: Bucket,
    reset: Bucket,
    settings: Bucket,
    unknown: Bucket,
    window_update: Bucket,
}

impl Buckets {
    fn new() -> Self {
        Self {
            continuation: Bucket::new(64, 16),
            empty_data: Bucket::new(128, 16),
            ping: Bucket::new(128, 16),
            // Firefox builds a tree of idle streams and re-prioritises as it goes.
            priority: Bucket::new(512, 64),
            reset: Bucket::new(256, 64),
            settings: Bucket::new(16, 2),
            unknown: Bucket::new(64, 8),
            // Four times what a client needs that opens its window for each small frame that it reads.
            window_update: Bucket::new(2048, 512),
        }
    }
}

#[derive(Debug)]
enum Position {
    Preface { left: usize },
    Header { bytes: [u8; 9], have: usize },
    Payload { left: usize },
}

const AT_BOUNDARY: Position = Position::Header { bytes: [0; 9], have: 0 };

/// The IO wrapper: see the module.
pub(super) struct FrameGuard<IO> {
    io: IO,
    state: Rc<FrameState>,
    buckets: Buckets,
    position: Position,
    /// What was read before the guard came, or the poison.
    pending: Bytes,
    poisoned: bool,
    tail: Tail,
    linger: Option<Linger>,
}

impl<IO> FrameGuard<IO> {
    /// Guards `io`, from which `prefix` has been read already; all of it is part of the preface.
    pub(super) fn new(io: IO, prefix: &[u8], state: Rc<FrameState>) -> Self {
        debug_assert!(prefix.len() <= PREFACE.len(), "the sniffer reads no further than the preface");
        Self {
            io,
            state,
            buckets: Buckets::new(),
            position: Position::Preface { left: PREFACE.len() - prefix.len() },
            pending: Bytes::copy_from_slice(prefix),
            poisoned: false,
            tail: Tail::new(),
            linger: None,
        }
    }

    /// How many leading bytes of `input` may be handed out; all, unless there is a flood.
    fn judge(&mut self, input: &[u8]) -> usize {
        let mut at = 0;
        while at < input.len() {
            match &mut self.position {
                Position::Preface { left } | Position::Payload { left } if *left == 0 => {
                    if self.state.breach.get().is_some() {
                        self.poison();
                        return at;
                    }
                    self.position = AT_BOUNDARY;
                }
                Position::Preface { left } | Position::Payload { left } => {
                    let taken = (*left).min(input.len() - at);
                    *left -= taken;
                    at += taken;
                }
                Position::Header { bytes, have } => {
                    let taken = (bytes.len() - *have).min(input.len() - at);
                    bytes[*have..*have + taken].copy_from_slice(&input[at..at + taken]);
                    *have += taken;
                    at += taken;
                    if *have == bytes.len() {
                        let header = *bytes;
                        let left = self.count(header);
                        self.position = Position::Payload { left };
                    }
                }
            }
        }
        if self.state.breach.get().is_some() && matches!(self.position, Position::Payload { left: 0 }) {
            self.poison();
        }
        at
    }

    fn poison(&mut self) {
        self.poisoned = true;
        self.pending = Bytes::from_static(POISON);
    }

    /// Counts the frame and gives the length of its payload.
    fn count(&mut self, header: [u8; 9]) -> usize {
        const END_STREAM: u8 = 0x1;
        let [high, middle, low, kind, flags, ..] = header;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let state = &self.state;
        let none = || 0;
        let (allowed, breach) = match kind {
            0x0 if length == 0 && flags & END_STREAM == 0 => (self.buckets.empty_data.take(none), Breach::EmptyData),
            0x0 | 0x1 | 0x7 => return length,
            0x2 => (self.buckets.priority.take(none), Breach::Priority),
            0x3 => (self.buckets.reset.take(|| state.resets.take()), Breach::Reset),
            0x4 => (self.buckets.settings.take(none), Breach::Settings),
            0x6 => (self.buckets.ping.take(|| state.pings.take()), Breach::Ping),
            0x8 => (self.buckets.window_update.take(|| state.window_updates.take()), Breach::WindowUpdate),
            0x9 => (self.buckets.continuation.take(none), Breach::Continuation),
            _ => (self.buckets.unknown.take(none), Breach::Unknown),
        };
        if !allowed && self.state.breach.get().is_none() {
            self.state.breach.set(Some(breach));
        }
        length
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for FrameGuard<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if !this.pending.is_empty() {
                let count = this.pending.len().min(buffer.remaining());
                buffer.put_slice(&this.pending[..count]);
                this.pending.advance(count);
                return Poll::Ready(Ok(()));
            }
            if this.poisoned {
                return Poll::Pending;
            }
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.io).poll_read(cx, buffer))?;
            let read = buffer.filled().len() - before;
            let safe = this.judge(&buffer.filled()[before..]);
            buffer.set_filled(before + safe);
            if safe > 0 || read == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for FrameGuard<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        self.tail.push(bytes.get(..count).unwrap_or(bytes));
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, buffers))?;
        let mut left = count;
        for buffer in buffers {
            let written = left.min(buffer.len());
            self.tail.push(&buffer[..written]);
            left -= written;
            if left == 0 {
                break;
            }
        }
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            if this.state.breach.get().is_none() {
                this.state.breach.set(this.tail.goaway().and_then(Breach::of_code));
            }
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
        }
        this.linger.get_or_insert_with(Linger::new).poll(&mut this.io, cx).map(Ok)
    }
}

#[cfg(test)]
mod tests;
