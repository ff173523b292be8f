//! The document's types to the model: defaults, references, and the rules that no schema can say.
//!
//! Every rule is looked at, whatever else is wrong; a value that the structural check took out is not reported a second
//! time as missing.

mod address;
mod backend;
mod chain;
mod client;
mod identity;
mod listener;
mod process;
mod secret;
mod server;

use std::collections::HashSet;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::document::{Document, OneOrMany, Period, PeriodOrOff};
use crate::model::{Config, Position};
use crate::path::Path;
use crate::problem::{Problem, Problems};
use crate::yaml::Node;

/// Longest deadline: what is longer is meant to be `off`.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// What the earlier steps know of a document.
pub(crate) struct Source<'d> {
    /// What of it fits the schema.
    pub(crate) root: &'d Node,
    /// Where something was taken out: its path and the one above.
    pub(crate) damaged: HashSet<Path>,
    /// The file that it came from.
    pub(crate) file: Arc<FsPath>,
}

/// Builds the model. It means something only if no problem was added.
pub(crate) fn resolve(document: &Document, source: Source<'_>, problems: &mut Problems) -> Config {
    let directory = source.file.parent().unwrap_or_else(|| FsPath::new(""));
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let mut resolver = Resolver {
        source,
        directory,
        problems,
        secrets: secret::Secrets::default(),
        backends: backend::Backends::default(),
        binds: listener::Binds::default(),
    };
    let root = Path::default();
    let limits = resolver.process_limits(document.limits.as_ref());
    let admin = resolver.admin(document.admin.as_ref());
    let log = resolver.log(document.log.as_ref());
    let shutdown = resolver.shutdown(document.shutdown.as_ref());
    resolver.backends(document.backends.as_deref().unwrap_or_default());
    let at = root.key("listeners");
    let listeners = resolver.listeners(&at, document.listeners.as_deref().unwrap_or_default(), &limits);
    let backends = resolver.finish_backends();
    Config {
        cores: process::cores(document.cores),
        log,
        admin,
        shutdown,
        limits,
        listeners,
        backends,
        secrets: resolver.secrets.into_list(),
    }
}

struct Resolver<'d> {
    source: Source<'d>,
    directory: PathBuf,
    problems: &'d mut Problems,
    secrets: secret::Secrets,
    backends: backend::Backends,
    binds: listener::Binds,
}

impl Resolver<'_> {
    fn position(&self, at: &Path) -> Position {
        let (mark, path) = at.locate(self.source.root);
        Position { file: Arc::clone(&self.source.file), line: mark.line, column: mark.column, path: path.to_string() }
    }

    /// Reports what is wrong with the value at `at`.
    fn wrong(&mut self, at: &Path, what: impl Into<String>, todo: impl Into<String>) {
        let position = self.position(at);
        self.problems.add(Problem { position, what: what.into(), todo: todo.into() });
    }

    /// Reports that something is missing in the map at `at`, unless something there was taken out as broken.
    fn missing(&mut self, at: &Path, what: impl Into<String>, todo: impl Into<String>) {
        if !self.is_damaged(at) {
            self.wrong(at, what, todo);
        }
    }

    /// Whether the value at `at` or a direct child of it was taken out.
    fn is_damaged(&self, at: &Path) -> bool {
        let (_, written) = at.locate(self.source.root);
        self.source.damaged.contains(&written)
    }

    fn file(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    fn period(&mut self, at: &Path, key: &str, given: Option<Period>, default: Duration) -> Duration {
        let Some(Period(value)) = given else { return default };
        self.check_period(&at.key(key), value, "write a longer time; this deadline cannot be switched off");
        value
    }

    fn period_or_off(
        &mut self,
        at: &Path,
        key: &str,
        given: Option<PeriodOrOff>,
        default: Option<Duration>,
    ) -> Option<Duration> {
        let Some(PeriodOrOff(value)) = given else { return default };
        if let Some(value) = value {
            self.check_period(&at.key(key), value, "write a longer time, or off");
        }
        value
    }

    fn check_period(&mut self, at: &Path, value: Duration, todo: &str) {
        if value.is_zero() {
            self.wrong(at, "the time is zero", todo);
        } else if value > LONGEST {
            self.wrong(at, "the time is longer than 365 days", "write a shorter time");
        }
    }
}

/// The values of an optional list.
fn listed<T>(list: Option<&OneOrMany<T>>) -> &[T] {
    list.map_or(&[], OneOrMany::as_slice)
}
