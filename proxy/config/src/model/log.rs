//! The process log and the access log.

use std::path::PathBuf;

/// What the process says about itself and about its traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least important line that is written.
    pub level: Level,
    /// How a line of the process log looks.
    pub format: LogFormat,
    /// One line for each request or TCP connection.
    pub access: AccessLog,
}

/// Importance of a line of the process log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something that the operator must mend.
    Error,
    /// Something that may become an error.
    Warn,
    /// Life of the process.
    #[default]
    Info,
    /// Life of a connection.
    Debug,
    /// Every step.
    Trace,
}

impl Level {
    /// The name that the operator writes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How a line of the process log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Where the access log goes and how its lines look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessLog {
    /// Where lines go.
    pub target: AccessTarget,
    /// How a line looks.
    pub format: AccessFormat,
}

/// Where access lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccessTarget {
    /// Standard output.
    #[default]
    Stdout,
    /// Appended to this file.
    File(PathBuf),
    /// Nowhere.
    Off,
}

/// How an access line looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccessFormat {
    /// One JSON object with every field.
    #[default]
    Json,
    /// A text with `%OPERATORS%`, which the access log checks when it is built.
    Template(String),
}
