//! Certificates, trust bundles and key files, described once each.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use jadegate_certs::source::SecretSpec;

/// Index into [`Config::secrets`](super::Config::secrets).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretId(pub usize);

/// One secret: what it is called and where it comes from. Equal descriptions share one entry.
#[derive(Clone, Debug)]
pub struct NamedSecret {
    /// Unique; the label of logs, metrics and the admin pages.
    pub name: Arc<str>,
    /// Where it comes from. A new kind of source is a new variant there.
    pub spec: SecretSpec,
    /// Where the document first names it.
    pub position: Position,
}

/// A place in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The document.
    pub file: Arc<Path>,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// The way there from the root, such as `listeners[0].tls.policy`.
    pub path: String,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, ": {}", self.path) }
    }
}
