//! Timers, which the caller keeps, and the record of those that are armed.

use crate::action::Action;
use crate::text::{Name, TypeUrl};
use std::collections::BTreeSet;
use std::time::Duration;

/// What a timer is for. There is one of each at most; to arm it again moves it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// When to open the stream again.
    Backoff,
    /// How long a name may go without an answer.
    InitialFetch {
        /// The kind of resource.
        type_url: TypeUrl,
        /// Its name, or the wildcard.
        name: Name,
    },
    /// How long a resource holds.
    TimeToLive {
        /// The kind of resource.
        type_url: TypeUrl,
        /// Its name.
        name: Name,
    },
}

/// The timers that are armed, so that one that fires late does nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Timers(BTreeSet<Timer>);

impl Timers {
    pub(crate) fn arm<R>(&mut self, timer: Timer, after: Duration, actions: &mut Vec<Action<R>>) {
        self.0.insert(timer.clone());
        actions.push(Action::Arm { timer, after });
    }

    pub(crate) fn disarm<R>(&mut self, timer: Timer, actions: &mut Vec<Action<R>>) {
        if self.0.remove(&timer) {
            actions.push(Action::Disarm(timer));
        }
    }

    /// Takes note that a timer fired; whether it was armed.
    pub(crate) fn fired(&mut self, timer: &Timer) -> bool {
        self.0.remove(timer)
    }
}
