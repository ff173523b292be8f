//! The access log: one line for each HTTP request and each TCP connection, written when it is over.
//!
//! Lines are formatted by the worker into a buffer that it reuses and copied into a bounded queue; a thread of its
//! own writes them. A blocked pipe or a full disk costs lines, which are counted, and never traffic.

mod field;
mod format;
mod queue;
mod record;

pub(crate) use format::rfc3339;
pub use format::{Format, FormatError, operators};
pub use record::{AccessRecord, ConnectionRecord, ConnectionText, RequestRecord, TlsRecord, UpstreamRecord};

use arc_swap::ArcSwapOption;
use jadegate_config::model;
use prometheus_client::metrics::counter::Counter;
use queue::{Queue, Target};
use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// The access log as a worker sees it. Clones share the queue; each has a buffer of its own.
#[derive(Debug)]
pub struct AccessLog {
    shared: Arc<ArcSwapOption<Sink>>,
    buffer: RefCell<Vec<u8>>,
}

/// Format and queue: what a reload replaces as one.
#[derive(Debug)]
pub(crate) struct Sink {
    format: Format,
    queue: Arc<Queue>,
}

/// An access log that cannot be used.
#[derive(Debug, Error)]
pub enum AccessLogError {
    /// The template is wrong.
    #[error("access log format")]
    Format(#[source] FormatError),
    /// The file does not open.
    #[error("access log {target} cannot be opened")]
    Open {
        /// What was opened.
        target: String,
        /// Why not.
        source: io::Error,
    },
}

impl AccessLogError {
    /// The stable word for logs and metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Format(error) => error.reason(),
            Self::Open { .. } => "access_log_open",
        }
    }
}

impl Default for AccessLog {
    fn default() -> Self {
        Self::off()
    }
}

impl Clone for AccessLog {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), buffer: RefCell::default() }
    }
}

impl AccessLog {
    /// A log that writes nothing.
    pub fn off() -> Self {
        Self::over(Arc::default())
    }

    pub(crate) fn over(shared: Arc<ArcSwapOption<Sink>>) -> Self {
        Self { shared, buffer: RefCell::default() }
    }

    /// Writes one line. Never waits.
    pub fn write(&self, record: &AccessRecord<'_>) {
        let sink = self.shared.load();
        let Some(sink) = sink.as_ref() else { return };
        let mut buffer = self.buffer.borrow_mut();
        buffer.clear();
        sink.format.write(record, &mut buffer);
        sink.queue.push(&buffer);
        // A request head may be long; one such line must not stay in memory.
        buffer.shrink_to(16 * 1024);
    }
}

impl Sink {
    /// Opens what the configuration asks for; `None` = no access log.
    pub(crate) fn open(config: &model::AccessLog, dropped: &Counter) -> Result<Option<Arc<Self>>, AccessLogError> {
        let format = match &config.format {
            model::AccessFormat::Json => Format::json(),
            model::AccessFormat::Template(text) => Format::template(text).map_err(AccessLogError::Format)?,
        };
        let (target, name) = match &config.target {
            model::AccessTarget::Off => return Ok(None),
            model::AccessTarget::Stdout => (Target::Stdout, "stdout".to_owned()),
            model::AccessTarget::File(path) => (Target::File(path.clone()), path.display().to_string()),
        };
        let queue =
            Queue::start(target, dropped.clone()).map_err(|source| AccessLogError::Open { target: name, source })?;
        Ok(Some(Arc::new(Self { format, queue })))
    }

    /// Opens the file anew.
    pub(crate) fn reopen(&self) {
        self.queue.reopen();
    }

    /// Writes what is pending, within `patience`.
    pub(crate) fn close(&self, patience: Duration) {
        self.queue.close(patience);
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}
