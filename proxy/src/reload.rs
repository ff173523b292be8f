//! Notices that the configuration file has changed.
//!
//! Events of the file system are hints: they are gathered until the file is quiet, and then its content decides. The
//! directory is watched rather than the file, so that an atomic rename and a Kubernetes symlink swap are seen; a slow
//! poll stands behind the events for file systems that tell nothing.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Silence after which a series of writes counts as finished.
const QUIET: Duration = Duration::from_millis(150);
/// A series that never ends is looked at all the same.
const LONGEST_SERIES: usize = 20;
/// How often the content is looked at when nothing is told.
const POLL: Duration = Duration::from_secs(10);
/// No configuration is larger; more is not read.
const MOST_BYTES: u64 = 4 << 20;

/// A configuration file under watch.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    seen: Option<Vec<u8>>,
    /// The content is to be looked at: set before any await that could be cancelled, cleared by the look.
    due: bool,
    told: Arc<Notify>,
    watcher: Option<RecommendedWatcher>,
}

impl ConfigFile {
    /// Watches from now on. What the file holds at this moment counts as seen.
    pub fn watch(path: &Path) -> Self {
        let told = Arc::new(Notify::new());
        let teller = Arc::clone(&told);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // Reading the file makes events too; they say nothing.
            if !matches!(event, Ok(Event { kind: EventKind::Access(_), .. })) {
                teller.notify_one();
            }
        });
        let watcher = watcher.inspect_err(|error| tracing::warn!(%error, "configuration is polled, not watched")).ok();
        let mut file = Self { path: path.to_owned(), seen: None, due: false, told, watcher };
        file.arm();
        file.seen = file.read();
        file
    }

    /// Resolves when the content differs from what was last seen. Cancel safe: a change that is not handed out is
    /// handed out by the next call.
    pub async fn changed(&mut self) {
        loop {
            if !self.due {
                // Both a hint and silence lead to a look.
                let _ = timeout(POLL, self.told.notified()).await;
                self.due = true;
            }
            for _ in 0..LONGEST_SERIES {
                if timeout(QUIET, self.told.notified()).await.is_err() {
                    break;
                }
            }
            // A swap may have moved the directory that the link leads to.
            self.arm();
            let now = self.read();
            self.due = false;
            // A file that is missing for a moment is being replaced.
            if now.is_some() && now != self.seen {
                self.seen = now;
                return;
            }
        }
    }

    /// Takes what the file holds now as seen, because somebody is about to read it anyway.
    pub fn refresh(&mut self) {
        if let Some(now) = self.read() {
            self.seen = Some(now);
        }
    }

    /// Watches the directory of the path and that of what it leads to.
    fn arm(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let target = self.path.canonicalize().ok();
        for path in [Some(&self.path), target.as_ref()].into_iter().flatten() {
            let directory = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            if let Err(error) = watcher.watch(directory, RecursiveMode::NonRecursive) {
                tracing::debug!(directory = %directory.display(), %error, "directory is polled, not watched");
            }
        }
    }

    fn read(&self) -> Option<Vec<u8>> {
        let read = || -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            File::open(&self.path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    const PATIENCE: Duration = Duration::from_secs(30);

    async fn sees_change(file: &mut ConfigFile) {
        timeout(PATIENCE, file.changed()).await.expect("the change was not noticed");
    }

    #[tokio::test]
    async fn an_edit_in_place_and_an_atomic_rename_are_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("jadegate.yaml");
        fs::write(&path, "one").unwrap();
        let mut file = ConfigFile::watch(&path);
        fs::write(&path, "two").unwrap();
        sees_change(&mut file).await;
        fs::write(directory.path().join("new"), "three").unwrap();
        fs::rename(directory.path().join("new"), &path).unwrap();
        sees_change(&mut file).await;
    }

    #[tokio::test]
    async fn a_symlink_swap_of_a_mounted_volume_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        for version in ["..1", "..2"] {
            fs::create_dir(directory.path().join(version)).unwrap();
            fs::write(directory.path().join(version).join("jadegate.yaml"), version).unwrap();
        }
        symlink("..1", directory.path().join("..data")).unwrap();
        symlink("..data/jadegate.yaml", directory.path().join("jadegate.yaml")).unwrap();
        let mut file = ConfigFile::watch(&directory.path().join("jadegate.yaml"));
        symlink("..2", directory.path().join("..data_tmp")).unwrap();
        fs::rename(directory.path().join("..data_tmp"), directory.path().join("..data")).unwrap();
        sees_change(&mut file).await;
    }

    #[tokio::test]
    async fn a_touch_without_a_change_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("jadegate.yaml");
        fs::write(&path, "one").unwrap();
        let mut file = ConfigFile::watch(&path);
        fs::write(&path, "one").unwrap();
        assert!(timeout(4 * QUIET, file.changed()).await.is_err());
    }
}
