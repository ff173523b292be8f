//! `Expect: 100-continue`, from end to end.
//!
//! The expectation is the backend's to meet. The request's body is held back until the backend says 100; asking for the
//! body then makes the HTTP library say 100 to the client. If the backend answers with a final status instead, the body
//! is never asked for. A backend that says nothing gets the body after a second, as RFC 9110 §10.1.1 allows.

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// How long a silent backend is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Holds a body back. Only the HTTP library's bounds ask for something that could leave the thread.
#[derive(Debug, Default)]
pub(super) struct Expectation {
    released: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    waker: Option<Waker>,
    patience: Option<Pin<Box<Sleep>>>,
}

impl Expectation {
    /// Lets the body come.
    pub(super) fn release(&self) {
        self.released.store(true, Ordering::Release);
        let waker = self.waiting.lock().ok().and_then(|mut waiting| waiting.waker.take());
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ready once the body may come.
    pub(super) fn poll_released(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.released.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        // Poisoned only if the runtime's timer panicked; then nothing is gained by holding the body back.
        let Ok(mut waiting) = self.waiting.lock() else { return Poll::Ready(()) };
        let waiting = &mut *waiting;
        let patience = waiting.patience.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        if patience.as_mut().poll(cx).is_ready() {
            self.released.store(true, Ordering::Release);
            return Poll::Ready(());
        }
        waiting.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
