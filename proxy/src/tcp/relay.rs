//! Copies bytes both ways between two streams until both directions are done.
//!
//! - Half-close is kept: the end of one direction becomes the end of the other leg's write side, and the opposite
//!   direction goes on.
//! - Back-pressure: a direction reads again only when everything it read has been taken by the other leg, so a slow
//!   reader holds at most one buffer.
//! - No memory while idle: bytes pass through one buffer per thread; only what the other leg did not take at once is
//!   kept, and given back when it has gone.
//! - Neither direction starves the other: each poll moves a bounded amount.
//!
//! - Metrics follow while the connection lives: what a poll moved is counted at its end, whatever number of reads that was.
//!
//! Cancel safe in that dropping it loses at most bytes that were read and not yet written; counts are kept by the
//! caller and are right at any time.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::metrics::ListenerMetrics;

/// Bytes that one read may take.
const BUFFER: usize = 64 * 1024;
/// Reads per poll and direction before the other direction and other tasks get their turn.
const ROUNDS: usize = 8;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into_boxed_slice());
}

/// One of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// The client's.
    Downstream,
    /// The backend's.
    Upstream,
}

/// Bytes that came from each leg.
#[derive(Debug, Default)]
pub struct Traffic {
    /// From the client.
    pub downstream: Cell<u64>,
    /// From the backend.
    pub upstream: Cell<u64>,
    /// Where they are counted, and how many of them are.
    metrics: Option<ListenerMetrics>,
    counted: Cell<(u64, u64)>,
}

impl Traffic {
    /// None yet; they will be counted in these metrics.
    pub fn counted_in(metrics: ListenerMetrics) -> Self {
        let (downstream, upstream, counted) = Default::default();
        Self { downstream, upstream, metrics: Some(metrics), counted }
    }

    /// Counts what has moved since the last time.
    fn count(&self) {
        let (before, now) = (self.counted.get(), (self.downstream.get(), self.upstream.get()));
        if let Some(metrics) = &self.metrics
            && before != now
        {
            metrics.bytes(now.0 - before.0, now.1 - before.1);
            self.counted.set(now);
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.count();
    }
}

/// Why a relay ended.
#[derive(Debug)]
pub enum End {
    /// Both directions came to their end.
    Finished,
    /// Both directions ended, but this leg's TLS without a close_notify: what it sent may have been cut short.
    Truncated(Leg),
    /// No byte moved for the whole idle timeout.
    Idle,
    /// A leg broke; the other one is to be reset.
    Failed(Leg, io::Error),
}

/// Relays between `downstream` and `upstream`. `idle` counts from the last byte that moved in either direction.
pub async fn relay<D, U>(downstream: &mut D, upstream: &mut U, idle: Option<Duration>, traffic: &Traffic) -> End
where
    D: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let mut last = Instant::now();
    let mut timer = pin!(idle.map(|idle| sleep_until(last + idle)));
    let mut request = Direction::new(Leg::Downstream);
    let mut response = Direction::new(Leg::Upstream);
    poll_fn(|cx| {
        let before = traffic.downstream.get().wrapping_add(traffic.upstream.get());
        let moved = (request.written, response.written);
        let there = request.poll(cx, downstream, upstream, &traffic.downstream);
        let back = response.poll(cx, upstream, downstream, &traffic.upstream);
        traffic.count();
        let (there, back) = match (there, back) {
            (Err(end), _) | (_, Err(end)) => return Poll::Ready(end),
            (Ok(there), Ok(back)) => (there, back),
        };
        if there == Step::Done && back == Step::Done {
            return Poll::Ready(match (request.truncated, response.truncated) {
                (true, _) => End::Truncated(Leg::Downstream),
                (false, true) => End::Truncated(Leg::Upstream),
                (false, false) => End::Finished,
            });
        }
        let after = traffic.downstream.get().wrapping_add(traffic.upstream.get());
        if after != before || moved != (request.written, response.written) {
            last = Instant::now();
        }
        if there == Step::Again || back == Step::Again {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        poll_idle(cx, timer.as_mut(), idle, last)
    })
    .await
}

/// Ready when the timeout has passed since `last`; moves the timer only when it fires, not at every byte.
fn poll_idle(
    cx: &mut Context<'_>,
    mut timer: Pin<&mut Option<Sleep>>,
    idle: Option<Duration>,
    last: Instant,
) -> Poll<End> {
    let Some(idle) = idle else { return Poll::Pending };
    while let Some(sleep) = timer.as_mut().as_pin_mut() {
        ready!(sleep.poll(cx));
        if last.elapsed() >= idle {
            return Poll::Ready(End::Idle);
        }
        if let Some(sleep) = timer.as_mut().as_pin_mut() {
            sleep.reset(last + idle);
        }
    }
    Poll::Pending
}

/// What a poll of a direction came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Waits for IO; the waker is registered.
    Wait,
    /// Has more to do at once.
    Again,
    /// The end was passed on.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Copying,
    Ending,
    Ended,
}

/// One direction of a relay.
#[derive(Debug)]
struct Direction {
    from: Leg,
    phase: Phase,
    /// What was read and not yet taken.
    kept: Vec<u8>,
    taken: usize,
    /// Bytes that the other leg took.
    written: u64,
    unflushed: bool,
    truncated: bool,
}

impl Direction {
    const fn new(from: Leg) -> Self {
        Self { from, phase: Phase::Copying, kept: Vec::new(), taken: 0, written: 0, unflushed: false, truncated: false }
    }

    fn poll<R, W>(&mut self, cx: &mut Context<'_>, from: &mut R, to: &mut W, read: &Cell<u64>) -> Result<Step, End>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        for _ in 0..ROUNDS {
            if self.poll_kept(cx, to)?.is_pending() {
                return Ok(Step::Wait);
            }
            match self.phase {
                Phase::Copying => {
                    if self.poll_copy(cx, from, to, read)?.is_pending() {
                        return Ok(Step::Wait);
                    }
                }
                Phase::Ending => match Pin::new(&mut *to).poll_shutdown(cx) {
                    Poll::Pending => return Ok(Step::Wait),
                    // The peer may be gone already; that its end cannot be told is not a failure of the transfer.
                    Poll::Ready(_) => self.phase = Phase::Ended,
                },
                Phase::Ended => return Ok(Step::Done),
            }
        }
        Ok(Step::Again)
    }

    /// Writes what the other leg did not take earlier.
    fn poll_kept<W: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, to: &mut W) -> Result<Poll<()>, End> {
        while self.taken < self.kept.len() {
            match Pin::new(&mut *to).poll_write(cx, &self.kept[self.taken..]) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(result) => self.taken += self.wrote(result)?,
            }
        }
        self.kept.clear();
        self.taken = 0;
        Ok(Poll::Ready(()))
    }

    /// One read, and the writes that follow from it.
    fn poll_copy<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        read: &Cell<u64>,
    ) -> Result<Poll<()>, End>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            match Pin::new(from).poll_read(cx, &mut buffer) {
                Poll::Pending => return self.poll_rest(cx, to),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => self.truncated = true,
                Poll::Ready(Err(error)) => return Err(End::Failed(self.from, error)),
            }
            let bytes = buffer.filled();
            if bytes.is_empty() {
                self.phase = Phase::Ending;
                return Ok(Poll::Ready(()));
            }
            // A slice is never longer than u64 counts.
            read.set(read.get() + u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            self.unflushed = true;
            let mut offset = 0;
            while offset < bytes.len() {
                match Pin::new(&mut *to).poll_write(cx, &bytes[offset..]) {
                    Poll::Pending => {
                        self.kept.extend_from_slice(&bytes[offset..]);
                        return Ok(Poll::Pending);
                    }
                    Poll::Ready(result) => offset += self.wrote(result)?,
                }
            }
            Ok(Poll::Ready(()))
        })
    }

    /// Nothing to read for now: flush what was written, and give the memory back.
    fn poll_rest<W: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, to: &mut W) -> Result<Poll<()>, End> {
        self.kept = Vec::new();
        if self.unflushed {
            match Pin::new(to).poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => return Err(End::Failed(self.to(), error)),
            }
        }
        Ok(Poll::Pending)
    }

    fn wrote(&mut self, result: io::Result<usize>) -> Result<usize, End> {
        match result {
            Ok(0) => Err(End::Failed(self.to(), io::ErrorKind::WriteZero.into())),
            Ok(length) => {
                self.written += u64::try_from(length).unwrap_or(u64::MAX);
                Ok(length)
            }
            Err(error) => Err(End::Failed(self.to(), error)),
        }
    }

    const fn to(&self) -> Leg {
        match self.from {
            Leg::Downstream => Leg::Upstream,
            Leg::Upstream => Leg::Downstream,
        }
    }
}

#[cfg(test)]
mod tests;
