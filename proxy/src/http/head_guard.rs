//! The gate before the HTTP/1 library: it follows the framing of every message on the bytes read and lets nothing pass
//! that two parsers could read in two ways.
//!
//! The library sees complete, valid heads only. A head that arrives in pieces is held back until it is complete; the
//! usual one, which arrives in one read, is passed on where it lies, without a copy. In place of a bad head the library
//! gets a request of ours, which the service answers with the status of the refusal; so answers to pipelined requests
//! before it keep their order. A breach inside a body ends the body with an error.
//!
//! After a request with `Upgrade` reading stops until the exchange has decided: either the connection becomes a
//! tunnel, and the guard transparent, or what follows is read as HTTP, by the rules.

use super::chunk_scan::{ChunkProgress, ChunkScan};
use super::deadline::Deadline;
use super::head_scan::{BodyFraming, Head, HeadLimits, HeadProgress, HeadScan, Upgrade};
use super::linger::Linger;
use super::violation::Violation;
use bytes::{Buf, BytesMut};
use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What the library gets in place of a refused head. It is recognised by its number, not by its words.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";

/// Why the guard refuses a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadRefusal {
    /// It breaks a rule.
    Violation(Violation),
    /// It did not arrive in time.
    TimedOut,
}

/// The decision about a request with `Upgrade`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Undecided,
    Declined,
    Accepted,
}

/// What guard and exchanges of one HTTP/1 connection tell one another.
#[derive(Debug)]
pub(super) struct HeadState {
    /// The number of the head that was refused, and why.
    refused: Cell<Option<(u64, HeadRefusal)>>,
    body_violation: Cell<Option<Violation>>,
    /// Exchanges under way.
    busy: Cell<u32>,
    /// The request under way is the last one, by the client's own word.
    last: Cell<bool>,
    /// The number of the last request with `Upgrade`, and the decision about it.
    gate: Cell<(u64, Gate)>,
    gate_waker: RefCell<Option<Waker>>,
}

impl HeadState {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            refused: Cell::new(None),
            body_violation: Cell::new(None),
            busy: Cell::new(0),
            last: Cell::new(false),
            gate: Cell::new((0, Gate::Declined)),
            gate_waker: RefCell::new(None),
        })
    }

    /// Why request number `index` (from 0) is to be refused.
    pub(super) fn refusal(&self, index: u64) -> Option<HeadRefusal> {
        self.refused.get().filter(|(refused, _)| *refused == index).map(|(_, refusal)| refusal)
    }

    /// What is wrong with the body that is being read.
    pub(super) fn body_violation(&self) -> Option<Violation> {
        self.body_violation.get()
    }

    /// An exchange begins. `last` says that the client wants the connection closed after it, and may therefore close
    /// its own side while it waits for the response.
    pub(super) fn begin(&self, last: bool) {
        self.busy.set(self.busy.get() + 1);
        self.last.set(last);
    }

    /// An exchange is over.
    pub(super) fn end(&self) {
        self.busy.set(self.busy.get().saturating_sub(1));
    }

    /// The connection stays HTTP after request number `index`.
    pub(super) fn decline_upgrade(&self, index: u64) {
        self.decide(index, Gate::Declined);
    }

    /// The connection becomes a tunnel after request number `index`.
    pub(super) fn accept_upgrade(&self, index: u64) {
        self.decide(index, Gate::Accepted);
    }

    fn decide(&self, index: u64, gate: Gate) {
        if self.gate.get() == (index, Gate::Undecided) {
            self.gate.set((index, gate));
            self.wake();
        }
    }

    fn is_busy(&self) -> bool {
        self.busy.get() > 0
    }

    fn wake(&self) {
        if let Some(waker) = self.gate_waker.take() {
            waker.wake();
        }
    }
}

#[derive(Debug)]
enum Scan {
    Head(HeadScan),
    Length(u64),
    Chunked(ChunkScan),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Scanning,
    /// A request with `Upgrade` was passed on and is not decided.
    Gated,
    /// The stand-in was handed out, nothing more is read.
    Refused,
    /// The body broke a rule.
    Broken,
    /// The client closed its side while it waits for its last response.
    HalfClosed,
    /// A tunnel.
    Transparent,
}

/// The IO wrapper: see the module.
pub(super) struct HeadGuard<IO> {
    io: IO,
    state: Rc<HeadState>,
    limits: HeadLimits,
    scan: Scan,
    phase: Phase,
    /// The message that is being scanned offers an upgrade.
    upgrade: Upgrade,
    heads: u64,
    /// The first `approved` bytes may be handed out; the rest is an incomplete head, or not judged yet.
    pending: BytesMut,
    approved: usize,
    patience: Duration,
    /// When the head that is being read must be complete; set from its first byte, or from the connection's begin.
    due: Option<Instant>,
    deadline: Deadline,
    linger: Option<Linger>,
}

impl<IO> HeadGuard<IO> {
    /// Guards `io`, from which `prefix` has been read already. Each head has `patience` to arrive.
    pub(super) fn new(io: IO, prefix: &[u8], limits: HeadLimits, patience: Duration, state: Rc<HeadState>) -> Self {
        let mut guard = Self {
            io,
            state,
            limits,
            scan: Scan::Head(HeadScan::new(limits)),
            phase: Phase::Scanning,
            upgrade: Upgrade::None,
            heads: 0,
            pending: BytesMut::new(),
            approved: 0,
            patience,
            due: Some(Instant::now() + patience),
            deadline: Deadline::default(),
            linger: None,
        };
        guard.hold(prefix);
        guard
    }

    /// Whether the client may still be sending something that nobody will read.
    fn owes_input(&self) -> bool {
        match (&self.phase, &self.scan) {
            (Phase::Refused | Phase::Broken, _) => true,
            (Phase::Transparent | Phase::HalfClosed, _) => false,
            (_, Scan::Head(scan)) => !scan.is_at_start(),
            (_, Scan::Length(_) | Scan::Chunked(_)) => true,
        }
    }

    /// Judges `input`, which follows what is pending, and keeps it.
    fn hold(&mut self, input: &[u8]) {
        let tail = self.pending.len();
        let safe = self.judge(input);
        if safe > 0 {
            self.approved = tail + safe;
        }
        if self.phase == Phase::Refused || self.phase == Phase::Broken {
            // An incomplete head before the breach is part of it.
            self.pending.truncate(self.approved.min(tail));
            self.pending.extend_from_slice(&input[..safe]);
            self.stand_in();
        } else {
            self.pending.extend_from_slice(input);
        }
    }

    fn stand_in(&mut self) {
        if self.phase == Phase::Refused {
            self.pending.extend_from_slice(STAND_IN);
        }
        self.approved = self.pending.len();
    }

    /// How many leading bytes of `input` may be handed out. Sets the phase.
    fn judge(&mut self, input: &[u8]) -> usize {
        let mut at = 0;
        let mut safe = 0;
        while at < input.len() && self.phase == Phase::Scanning {
            match &mut self.scan {
                Scan::Head(scan) => match scan.feed(&input[at..]) {
                    Ok(HeadProgress::Partial) => {
                        if self.due.is_none() {
                            self.due = Some(Instant::now() + self.patience);
                        }
                        break;
                    }
                    Ok(HeadProgress::Complete(taken, head)) => {
                        at += taken;
                        safe = at;
                        self.begin_body(head);
                    }
                    Err(violation) => self.refuse(HeadRefusal::Violation(violation)),
                },
                Scan::Length(left) => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len() - at);
                    *left -= taken as u64;
                    at += taken;
                    safe = at;
                    if *left == 0 {
                        self.end_message();
                    }
                }
                Scan::Chunked(scan) => match scan.feed(&input[at..]) {
                    Ok(ChunkProgress::Partial) => return input.len(),
                    Ok(ChunkProgress::Complete(taken)) => {
                        at += taken;
                        safe = at;
                        self.end_message();
                    }
                    Err(violation) => {
                        self.state.body_violation.set(Some(violation));
                        self.phase = Phase::Broken;
                    }
                },
            }
        }
        safe
    }

    fn begin_body(&mut self, head: Head) {
        self.due = None;
        self.upgrade = head.upgrade;
        if head.upgrade == Upgrade::Offered {
            self.state.gate.set((self.heads, Gate::Undecided));
        }
        self.heads += 1;
        match head.body {
            BodyFraming::Empty => self.end_message(),
            BodyFraming::Length(length) => self.scan = Scan::Length(length),
            BodyFraming::Chunked => self.scan = Scan::Chunked(ChunkScan::new(self.limits)),
        }
    }

    fn end_message(&mut self) {
        self.scan = Scan::Head(HeadScan::new(self.limits));
        if self.upgrade == Upgrade::Offered {
            self.phase = Phase::Gated;
        }
    }

    fn refuse(&mut self, refusal: HeadRefusal) {
        self.state.refused.set(Some((self.heads, refusal)));
        self.phase = Phase::Refused;
        self.due = None;
    }

    /// Hands out what is approved. False if nothing is.
    fn deliver(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let count = self.approved.min(buffer.remaining());
        if count == 0 {
            return false;
        }
        buffer.put_slice(&self.pending[..count]);
        self.approved -= count;
        if count == self.pending.len() {
            self.pending = BytesMut::new();
        } else {
            self.pending.advance(count);
        }
        true
    }

    fn poll_gate(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.state.gate.get().1 {
            Gate::Undecided => {
                self.state.gate_waker.replace(Some(cx.waker().clone()));
                return Poll::Pending;
            }
            Gate::Accepted => {
                self.phase = Phase::Transparent;
                self.approved = self.pending.len();
            }
            Gate::Declined => {
                self.phase = Phase::Scanning;
                self.upgrade = Upgrade::None;
                let unread = std::mem::take(&mut self.pending);
                self.hold(&unread);
            }
        }
        Poll::Ready(())
    }

    /// The head that is being read is late.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.due else { return Poll::Pending };
        ready!(self.deadline.poll_at(cx, due));
        if matches!(&self.scan, Scan::Head(scan) if scan.is_at_start()) {
            // Not a word since the connection was opened: nobody waits for an answer.
            self.phase = Phase::HalfClosed;
            return Poll::Ready(());
        }
        self.pending.clear();
        self.refuse(HeadRefusal::TimedOut);
        self.stand_in();
        Poll::Ready(())
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for HeadGuard<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if buffer.remaining() == 0 || this.deliver(buffer) {
                return Poll::Ready(Ok(()));
            }
            match this.phase {
                Phase::Scanning => {}
                Phase::Gated => {
                    ready!(this.poll_gate(cx));
                    continue;
                }
                Phase::Refused => return Poll::Pending,
                Phase::Broken => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                Phase::HalfClosed if this.state.is_busy() => return Poll::Pending,
                Phase::HalfClosed => return Poll::Ready(Ok(())),
                Phase::Transparent => return Pin::new(&mut this.io).poll_read(cx, buffer),
            }
            let before = buffer.filled().len();
            match Pin::new(&mut this.io).poll_read(cx, buffer) {
                Poll::Ready(result) => result?,
                Poll::Pending => {
                    ready!(this.poll_due(cx));
                    continue;
                }
            }
            let input = &buffer.filled()[before..];
            if input.is_empty() {
                if this.state.is_busy() && this.state.last.get() && matches!(this.scan, Scan::Head(_)) {
                    this.phase = Phase::HalfClosed;
                    continue;
                }
                return Poll::Ready(Ok(()));
            }
            if !this.pending.is_empty() {
                this.hold(input);
                buffer.set_filled(before);
                continue;
            }
            let safe = this.judge(input);
            if matches!(this.phase, Phase::Refused | Phase::Broken) {
                this.stand_in();
            } else {
                this.pending.extend_from_slice(&input[safe..]);
            }
            buffer.set_filled(before + safe);
            if safe > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for HeadGuard<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, buffers)
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
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            if !this.owes_input() {
                return Poll::Ready(Ok(()));
            }
        }
        this.linger.get_or_insert_with(Linger::new).poll(&mut this.io, cx).map(Ok)
    }
}

#[cfg(test)]
mod tests;
