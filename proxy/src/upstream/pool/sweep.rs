//! Closes what has been idle too long, and what the endpoint has closed.

use super::BackendPool;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::spawn_local;
use tokio::time::sleep;

/// How often a pool with idle connections is looked through.
const PERIOD: Duration = Duration::from_secs(2);

impl BackendPool {
    /// Sees to it that somebody looks through the pool as long as it holds anything.
    pub(super) fn sweep(self: &Rc<Self>) {
        if self.sweeping.replace(true) {
            return;
        }
        let period = self.backend.config.timeouts.idle.map_or(PERIOD, |idle| (idle / 2).clamp(PERIOD / 20, PERIOD));
        let pool = Rc::downgrade(self);
        spawn_local(async move {
            loop {
                sleep(period).await;
                let Some(pool) = pool.upgrade() else { return };
                if !pool.sweep_once() {
                    pool.sweeping.set(false);
                    return;
                }
            }
        });
    }

    /// True if something is left.
    fn sweep_once(&self) -> bool {
        let mut left = false;
        for endpoint in &self.endpoints {
            let expired = |since: Duration| self.backend.config.timeouts.idle.is_some_and(|idle| since >= idle);
            // Taken out while it is looked at: closing a connection wakes those who wait for one.
            for mut connection in endpoint.idle.take() {
                if !connection.refresh() {
                    continue;
                }
                if expired(connection.idle_since.elapsed()) {
                    connection.close();
                } else {
                    endpoint.idle.borrow_mut().push(connection);
                }
            }
            let mut sessions = endpoint.sessions.take();
            sessions.retain(|session| !session.is_closed() && !session.idle_for().is_some_and(expired));
            endpoint.sessions.borrow_mut().extend(sessions);
            left |= !endpoint.idle.borrow().is_empty() || !endpoint.sessions.borrow().is_empty();
        }
        left
    }
}
