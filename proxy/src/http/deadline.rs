//! A timer that is cheap to move: one per connection, armed at most once per period instead of once per request.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::time::{Instant, Sleep, sleep_until};

/// Wakes the polling task at a deadline that the caller passes anew at every poll.
///
/// A deadline that moved into the future does not touch the runtime's timer: the old wake-up comes, finds that it is
/// early, and arms the timer again.
#[derive(Default)]
pub(super) struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Ready once `at` has passed.
    pub(super) fn poll_at(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if Instant::now() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Deadline;
    use std::future::poll_fn;
    use std::task::Poll;
    use std::time::Duration;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moved_away_is_not_reported_early() {
        let start = Instant::now();
        let mut timer = Deadline::default();
        let near = start + Duration::from_secs(1);
        let far = start + Duration::from_secs(5);
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            timer.poll_at(cx, if polls == 1 { near } else { far })
        })
        .await;
        assert_eq!(start.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_came_nearer_is_reported_in_time() {
        let start = Instant::now();
        let mut timer = Deadline::default();
        let mut first = true;
        poll_fn(|cx| {
            if std::mem::take(&mut first) {
                let _ = timer.poll_at(cx, start + Duration::from_secs(60));
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            timer.poll_at(cx, start + Duration::from_secs(2))
        })
        .await;
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }
}
