//! Sessions that clients resume by id: bounded in number and age, wiped when they go.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::server::StoresServerSessions;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// The sessions of one server context.
pub(super) struct Sessions {
    most: usize,
    lifetime: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sessions: HashMap<Vec<u8>, Session>,
    /// Oldest first. May name sessions that are gone already.
    order: VecDeque<(Vec<u8>, Instant)>,
}

struct Session {
    since: Instant,
    value: Zeroizing<Vec<u8>>,
}

impl Sessions {
    /// At most `most` sessions, each for at most `lifetime`.
    pub(super) fn new(most: usize, lifetime: Duration) -> Self {
        Self { most, lifetime, state: Mutex::default() }
    }

    /// Nothing panics while the lock is held; were it to, a half-done change only loses a session.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_alive(&self, session: &Session) -> bool {
        session.since.elapsed() <= self.lifetime
    }
}

impl State {
    /// Drops what is too old, and the oldest until at most `most` entries are in the order.
    fn trim(&mut self, most: usize, lifetime: Duration) {
        while let Some((key, since)) = self.order.front() {
            if self.order.len() <= most && since.elapsed() <= lifetime {
                break;
            }
            // A key that was stored again has a younger entry further back.
            if self.sessions.get(key).is_some_and(|session| session.since == *since) {
                self.sessions.remove(key);
            }
            self.order.pop_front();
        }
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let session = Session { since: Instant::now(), value: Zeroizing::new(value) };
        let mut state = self.state();
        state.order.push_back((key.clone(), session.since));
        state.sessions.insert(key, session);
        state.trim(self.most, self.lifetime);
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let state = self.state();
        state.sessions.get(key).filter(|session| self.is_alive(session)).map(|session| session.value.to_vec())
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let taken = self.state().sessions.remove(key)?;
        self.is_alive(&taken).then(|| taken.value.to_vec())
    }

    fn can_cache(&self) -> bool {
        true
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("most", &self.most).field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Vec<u8> {
        vec![n]
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_lives_as_long_as_it_may() {
        let sessions = Sessions::new(4, Duration::from_secs(10));
        sessions.put(key(1), b"one".to_vec());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(sessions.get(&key(1)).as_deref(), Some(b"one".as_slice()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(sessions.get(&key(1)), None);
        assert_eq!(sessions.take(&key(1)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_goes_when_there_are_too_many_and_memory_stays_bounded() {
        let sessions = Sessions::new(2, Duration::from_secs(10));
        for n in 0..=255 {
            sessions.put(key(n), vec![n]);
            sessions.put(key(n), vec![n]);
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let state = sessions.state();
        assert!(state.sessions.len() <= 2 && state.order.len() <= 2);
        drop(state);
        assert_eq!(sessions.get(&key(255)), Some(vec![255]));
        assert_eq!(sessions.get(&key(1)), None);
    }

    #[test]
    fn a_session_is_taken_once() {
        let sessions = Sessions::new(2, Duration::from_secs(10));
        sessions.put(key(1), b"one".to_vec());
        assert!(sessions.take(&key(1)).is_some());
        assert!(sessions.take(&key(1)).is_none());
    }
}
