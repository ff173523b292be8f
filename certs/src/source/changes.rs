//! Tells when directory entries may have changed: one inotify instance for all sources of the process.
//!
//! The kernel allows only some hundred instances per user, so sources share one. Signals are level-triggered hints:
//! a subscriber that is told reads its files and decides by their content. Directories are watched, never files, and a
//! directory that was replaced under its name is noticed by its inode and watched anew. Where watching does not work,
//! [`Subscription::cover`] says so and the caller has to poll.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use super::resolve::Lookups;

/// Whether all that was asked for is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage {
    /// Every change will be told.
    Full,
    /// Something cannot be watched.
    Partial,
}

/// Device and inode: which directory a name meant when it was watched.
type Identity = (u64, u64);
type SubscriberId = u64;

struct Subscriber {
    names: BTreeSet<OsString>,
    changed: Arc<Notify>,
}

struct Directory {
    /// `None` while the kernel is not watching it.
    watched: Option<Identity>,
    subscribers: HashMap<SubscriberId, Subscriber>,
}

type Table = HashMap<PathBuf, Directory>;

/// The shared instance; it ends with its last subscriber.
struct Hub {
    table: Arc<Mutex<Table>>,
    /// Held across calls into notify, whose thread may be waiting for `table` at that time: never lock it after `table`.
    watcher: Mutex<Watcher>,
}

struct Watcher {
    next_id: SubscriberId,
    /// `None` where the system offers no watching.
    system: Option<RecommendedWatcher>,
}

static HUB: Mutex<Weak<Hub>> = Mutex::new(Weak::new());

/// Nothing inside these locks can panic half-way through a change, so that a poisoned one is still sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    fn shared() -> Arc<Self> {
        let mut hub = lock(&HUB);
        hub.upgrade().unwrap_or_else(|| {
            let fresh = Arc::new(Self::new());
            *hub = Arc::downgrade(&fresh);
            fresh
        })
    }

    fn new() -> Self {
        let table = Arc::default();
        let told = Arc::clone(&table);
        let system = notify::recommended_watcher(move |event| tell(&told, event))
            .inspect_err(|error| tracing::warn!(%error, "files cannot be watched, polling instead"))
            .ok();
        Self { table, watcher: Mutex::new(Watcher { next_id: 0, system }) }
    }
}

/// Runs on notify's thread.
fn tell(table: &Mutex<Table>, event: notify::Result<Event>) {
    let table = lock(table);
    let event = match event {
        Ok(event) if !event.need_rescan() => event,
        // Events were lost: anything may have changed.
        _ => return table.values().for_each(|directory| directory.tell(None)),
    };
    // Reading is not a change, and our own reading would wake us for ever.
    let read = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => true,
        _ => false,
    };
    if read {
        return;
    }
    for path in &event.paths {
        if let Some(directory) = table.get(path) {
            directory.tell(None);
        }
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name())
            && let Some(directory) = table.get(parent)
        {
            directory.tell(Some(name));
        }
    }
}

impl Directory {
    fn tell(&self, name: Option<&OsStr>) {
        for subscriber in self.subscribers.values() {
            if name.is_none_or(|name| subscriber.names.contains(name)) {
                subscriber.changed.notify_one();
            }
        }
    }
}

/// One source's share of the hub.
pub(super) struct Subscription {
    hub: Arc<Hub>,
    id: SubscriberId,
    changed: Arc<Notify>,
    directories: BTreeSet<PathBuf>,
}

impl Subscription {
    pub(super) fn new() -> Self {
        Self::of(Hub::shared())
    }

    /// As on a system where nothing can be watched.
    #[cfg(test)]
    pub(super) fn untold() -> Self {
        let watcher = Mutex::new(Watcher { next_id: 0, system: None });
        Self::of(Arc::new(Hub { table: Arc::default(), watcher }))
    }

    fn of(hub: Arc<Hub>) -> Self {
        let id = {
            let mut watcher = lock(&hub.watcher);
            watcher.next_id += 1;
            watcher.next_id
        };
        Self { hub, id, changed: Arc::new(Notify::new()), directories: BTreeSet::new() }
    }

    /// Holds a permit when something may have changed since the last one was taken.
    pub(super) fn signal(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// Watches exactly these entries from now on. Whatever changes after this call will be told.
    pub(super) fn cover(&mut self, lookups: Lookups) -> Coverage {
        let hub = Arc::clone(&self.hub);
        let mut watcher = lock(&hub.watcher);
        let wanted: BTreeSet<PathBuf> = lookups.keys().cloned().collect();
        for gone in self.directories.difference(&wanted) {
            hub.unsubscribe(&mut watcher, gone, self.id);
        }
        self.directories = wanted;
        let mut coverage = Coverage::Full;
        for (directory, names) in lookups {
            let subscriber = Subscriber { names, changed: Arc::clone(&self.changed) };
            if !hub.subscribe(&mut watcher, &directory, self.id, subscriber) {
                coverage = Coverage::Partial;
            }
        }
        coverage
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut watcher = lock(&self.hub.watcher);
        for directory in &self.directories {
            self.hub.unsubscribe(&mut watcher, directory, self.id);
        }
    }
}

impl Hub {
    /// Whether the directory is watched.
    fn subscribe(&self, watcher: &mut Watcher, path: &Path, id: SubscriberId, subscriber: Subscriber) -> bool {
        let watched = {
            let mut table = lock(&self.table);
            let directory = table
                .entry(path.to_owned())
                .or_insert_with(|| Directory { watched: None, subscribers: HashMap::new() });
            directory.subscribers.insert(id, subscriber);
            directory.watched
        };
        let identity = fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
        if identity.is_some() && identity == watched {
            return true;
        }
        let Some(system) = &mut watcher.system else { return false };
        if watched.is_some() {
            // An error means that the kernel has dropped the watch with the old directory already.
            let _ = system.unwatch(path);
        }
        let now = match system.watch(path, RecursiveMode::NonRecursive) {
            Ok(()) => identity,
            Err(error) => {
                tracing::debug!(directory = %path.display(), %error, "directory cannot be watched, polling it");
                None
            }
        };
        if let Some(directory) = lock(&self.table).get_mut(path) {
            directory.watched = now;
        }
        now.is_some()
    }

    fn unsubscribe(&self, watcher: &mut Watcher, path: &Path, id: SubscriberId) {
        let unused = {
            let mut table = lock(&self.table);
            let Some(directory) = table.get_mut(path) else { return };
            directory.subscribers.remove(&id);
            directory.subscribers.is_empty() && table.remove(path).is_some_and(|directory| directory.watched.is_some())
        };
        if unused && let Some(system) = &mut watcher.system {
            // An error means that the directory is gone, and its watch with it.
            let _ = system.unwatch(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::super::resolve::Resolver;
    use super::*;

    fn cover(subscription: &mut Subscription, path: &Path) -> Coverage {
        let mut resolver = Resolver::default();
        resolver.resolve(path);
        subscription.cover(resolver.into_lookups())
    }

    async fn told(subscription: &Subscription) -> bool {
        timeout(Duration::from_secs(5), subscription.changed.notified()).await.is_ok()
    }

    #[tokio::test]
    async fn a_directory_replaced_under_its_name_is_watched_anew() {
        let root = tempfile::tempdir().expect("directory");
        let (directory, file) = (root.path().join("tls"), root.path().join("tls/a.pem"));
        fs::create_dir(&directory).expect("directory");
        let mut subscription = Subscription::new();
        assert_eq!(cover(&mut subscription, &file), Coverage::Full);
        fs::rename(&directory, root.path().join("old")).expect("rename");
        fs::create_dir(&directory).expect("directory");
        assert!(told(&subscription).await);
        assert_eq!(cover(&mut subscription, &file), Coverage::Full);
        // Drain hints that belong to the replacement itself.
        while timeout(Duration::from_millis(50), subscription.changed.notified()).await.is_ok() {}
        fs::write(&file, "new").expect("file");
        assert!(told(&subscription).await);
    }

    #[tokio::test]
    async fn neighbours_and_readers_are_not_told_as_changes() {
        let root = tempfile::tempdir().expect("directory");
        let file = root.path().join("a.pem");
        fs::write(&file, "a").expect("file");
        let mut subscription = Subscription::new();
        assert_eq!(cover(&mut subscription, &file), Coverage::Full);
        fs::write(root.path().join("b.pem"), "b").expect("file");
        fs::read(&file).expect("readable");
        let told_of_neighbour = timeout(Duration::from_millis(200), subscription.changed.notified()).await.is_ok();
        assert!(!told_of_neighbour);
        fs::write(&file, "a2").expect("file");
        assert!(told(&subscription).await);
    }

    #[tokio::test]
    async fn two_subscribers_of_one_directory_do_not_disturb_each_other() {
        let root = tempfile::tempdir().expect("directory");
        let (a, b) = (root.path().join("a.pem"), root.path().join("b.pem"));
        let mut first = Subscription::new();
        let mut second = Subscription::new();
        assert_eq!(cover(&mut first, &a), Coverage::Full);
        assert_eq!(cover(&mut second, &b), Coverage::Full);
        drop(first);
        fs::write(&b, "b").expect("file");
        assert!(told(&second).await);
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_watched_is_reported_for_polling() {
        let mut subscription = Subscription::new();
        let nowhere = Lookups::from([(PathBuf::from("/nonexistent/directory"), BTreeSet::from(["a".into()]))]);
        assert_eq!(subscription.cover(nowhere), Coverage::Partial);
    }
}
