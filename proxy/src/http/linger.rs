//! The last act of a connection that we close against the client's will.
//!
//! Closing a socket with unread input makes the kernel send RST, which can destroy the answer on its way. So after our
//! side is shut down, what the client still sends is read and thrown away, for a short time and a bounded amount.

use super::deadline::Deadline;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

/// Longest wait for the client to close.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes thrown away at most.
const BUDGET: usize = 512 * 1024;

/// Discards input until the client closes or the bounds are reached.
pub(super) struct Linger {
    until: Instant,
    budget: usize,
    deadline: Deadline,
}

impl Linger {
    pub(super) fn new() -> Self {
        Self { until: Instant::now() + PATIENCE, budget: BUDGET, deadline: Deadline::default() }
    }

    pub(super) fn poll<IO: AsyncRead + Unpin>(&mut self, io: &mut IO, cx: &mut Context<'_>) -> Poll<()> {
        let mut waste = [0; 4096];
        while self.budget > 0 {
            let mut buffer = ReadBuf::new(&mut waste);
            match Pin::new(&mut *io).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.budget = self.budget.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.deadline.poll_at(cx, self.until),
            }
        }
        Poll::Ready(())
    }
}
