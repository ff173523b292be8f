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
    /// A text with operators, each one of [`ACCESS_OPERATORS`] between percent signs.
    Template(String),
}

/// Every operator of an access log line, without the percent signs. The access log gives them their values, and a test
/// of its own holds both lists together.
pub const ACCESS_OPERATORS: [&str; 34] = [
    "START_TIME",
    "LISTENER",
    "FILTER_CHAIN_NAME",
    "CONNECTION_ID",
    "DOWNSTREAM_REMOTE_ADDRESS",
    "DOWNSTREAM_LOCAL_ADDRESS",
    "DOWNSTREAM_TLS_VERSION",
    "DOWNSTREAM_TLS_CIPHER",
    "DOWNSTREAM_TLS_GROUP",
    "DOWNSTREAM_TLS_SIGNATURE_SCHEME",
    "REQUESTED_SERVER_NAME",
    "DOWNSTREAM_ALPN",
    "DOWNSTREAM_TLS_RESUMED",
    "DOWNSTREAM_PEER_SUBJECT",
    "DOWNSTREAM_PEER_SPIFFE_ID",
    "DOWNSTREAM_PEER_SERIAL",
    "DOWNSTREAM_LOCAL_SERIALS",
    "TLS_GENERATION",
    "TLS_JA4_FINGERPRINT",
    "DOWNSTREAM_HANDSHAKE_DURATION",
    "PROTOCOL",
    "REQ(:METHOD)",
    "REQ(:PATH)",
    "REQ(:AUTHORITY)",
    "RESPONSE_CODE",
    "BYTES_RECEIVED",
    "BYTES_SENT",
    "DURATION",
    "RESPONSE_DURATION",
    "UPSTREAM_CLUSTER",
    "UPSTREAM_HOST",
    "UPSTREAM_CONNECT_DURATION",
    "RESPONSE_CODE_DETAILS",
    "KIND",
];
