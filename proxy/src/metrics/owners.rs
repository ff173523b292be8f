//! Who counts under which name, and the end of series that nobody counts any more.
//!
//! A listener or backend is taken away by a reload while its connections go on. Its series stay as long as anybody holds
//! its handles, and go with the last of them; otherwise each reload that changes a name would add to what a scrape brings.
//! Whoever comes back under a name that still counts gets the same handles.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use prometheus_client::metrics::counter::Counter;

/// The handles of each name that somebody holds, `T`, and what was met under it, `M`.
pub(super) struct Owners<T, M>(Mutex<ByName<T, M>>);

type ByName<T, M> = HashMap<Arc<str>, (Weak<T>, Arc<M>)>;

impl<T, M: Default> Owners<T, M> {
    /// The handles of this name: those that somebody holds, else new ones.
    pub(super) fn of(&self, name: &str, make: impl FnOnce(Arc<str>, Arc<M>) -> T) -> Arc<T> {
        let mut owners = self.lock();
        let (name, met) = match owners.get_key_value(name) {
            Some((name, (handles, met))) => match handles.upgrade() {
                Some(handles) => return handles,
                // They are going, and find below that somebody has taken over.
                None => (Arc::clone(name), Arc::clone(met)),
            },
            None => (Arc::from(name), Arc::default()),
        };
        let handles = Arc::new(make(Arc::clone(&name), Arc::clone(&met)));
        owners.insert(name, (Arc::downgrade(&handles), met));
        handles
    }

    /// To be called when `handles` go: takes their series away, unless others count under the name by now.
    pub(super) fn end(&self, name: &str, handles: &T, forget: impl FnOnce()) {
        let mut owners = self.lock();
        if owners.get(name).is_some_and(|(last, _)| std::ptr::eq(last.as_ptr(), handles)) {
            owners.remove(name);
            forget();
        }
    }

    fn lock(&self) -> MutexGuard<'_, ByName<T, M>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, M> Default for Owners<T, M> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T, M> fmt::Debug for Owners<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owners").finish_non_exhaustive()
    }
}

/// Counters whose last words come up as things happen: kept so that they are found without their name, and can be taken
/// away with it. There are as many as we have words.
#[derive(Debug)]
pub(super) struct Met<const N: usize>(RwLock<Vec<([&'static str; N], Counter)>>);

impl<const N: usize> Met<N> {
    /// Counts one under these words.
    pub(super) fn count(&self, words: [&'static str; N], register: impl FnOnce() -> Counter) {
        let known = |met: &[([&'static str; N], Counter)]| {
            met.iter().find(|(of, _)| *of == words).map(|(_, counter)| counter.clone())
        };
        let found = known(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        let counter = found.unwrap_or_else(|| {
            let mut met = self.0.write().unwrap_or_else(PoisonError::into_inner);
            known(&met).unwrap_or_else(|| {
                let counter = register();
                met.push((words, counter.clone()));
                counter
            })
        });
        counter.inc();
    }

    /// Calls `forget` for all words that were met, and begins anew.
    pub(super) fn forget(&self, forget: impl Fn([&'static str; N])) {
        let met = std::mem::take(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner));
        met.into_iter().for_each(|(words, _)| forget(words));
    }
}

impl<const N: usize> Default for Met<N> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}
