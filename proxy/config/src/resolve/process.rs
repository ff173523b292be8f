//! Process-wide settings.

use std::num::NonZeroUsize;

use super::Resolver;
use super::address::Bind;
use crate::document;
use crate::model::{
    ACCESS_OPERATORS, AccessFormat, AccessLog, AccessTarget, Admin, AdminBind, Cores, Level, Log, LogFormat,
    ProcessLimits, Shutdown,
};
use crate::path::Path;
use crate::suggest::nearest;

const DEFAULT_ADMIN: &str = "127.0.0.1:9901";

pub(super) fn cores(given: Option<usize>) -> Cores {
    given.and_then(NonZeroUsize::new).map_or(Cores::All, Cores::Exactly)
}

impl Resolver<'_> {
    pub(super) fn process_limits(&self, given: Option<&document::ProcessLimits>) -> ProcessLimits {
        let default = ProcessLimits::default();
        ProcessLimits {
            connections: given.and_then(|limits| limits.connections).unwrap_or(default.connections),
            handshakes: given.and_then(|limits| limits.handshakes).unwrap_or(default.handshakes),
        }
    }

    pub(super) fn shutdown(&mut self, given: Option<&document::Shutdown>) -> Shutdown {
        let at = Path::default().key("shutdown");
        let drain = given.and_then(|shutdown| shutdown.drain);
        Shutdown { drain: self.period(&at, "drain", drain, Shutdown::default().drain) }
    }

    pub(super) fn admin(&mut self, given: Option<&document::Admin>) -> Option<Admin> {
        let given = given?;
        let at = Path::default().key("admin").key("bind");
        let text = given.bind.as_deref().unwrap_or(DEFAULT_ADMIN);
        let bind = match self.bind(&at, text)? {
            Bind::Unix(path) => AdminBind::Unix(path),
            Bind::Tcp(address) => {
                if !address.ip().to_canonical().is_loopback() && given.allow_remote != Some(true) {
                    self.wrong(
                        &at,
                        format!("other hosts can reach {address}, and the admin endpoint has no authentication"),
                        "write 127.0.0.1, [::1] or unix: and a path, or allow_remote: true beside it",
                    );
                }
                self.claim(&at, address, "the admin endpoint");
                AdminBind::Tcp(address)
            }
        };
        Some(Admin { bind })
    }

    pub(super) fn log(&mut self, given: Option<&document::Log>) -> Log {
        let level = given.and_then(|log| log.level).map_or_else(Level::default, |level| match level {
            document::Level::Error => Level::Error,
            document::Level::Warn => Level::Warn,
            document::Level::Info => Level::Info,
            document::Level::Debug => Level::Debug,
            document::Level::Trace => Level::Trace,
        });
        let format = given.and_then(|log| log.format).map_or_else(LogFormat::default, |format| match format {
            document::LogFormat::Text => LogFormat::Text,
            document::LogFormat::Json => LogFormat::Json,
        });
        Log { level, format, access: self.access_log(given.and_then(|log| log.access.as_ref())) }
    }

    fn access_log(&mut self, given: Option<&document::Access>) -> AccessLog {
        let at = Path::default().key("log").key("access").key("format");
        let target = match given.and_then(|access| access.path.as_deref()) {
            None | Some("-") => AccessTarget::Stdout,
            Some("off") => AccessTarget::Off,
            Some(path) => AccessTarget::File(self.file(path)),
        };
        let format = match given.and_then(|access| access.format.as_deref()) {
            None | Some("json") => AccessFormat::Json,
            Some(template) => {
                if !template.contains('%') {
                    let what =
                        format!("{} has no %OPERATOR%, every line would be the same", crate::yaml::quote(template));
                    self.wrong(&at, what, "write json, or a text with operators such as %PROTOCOL%");
                }
                self.access_template(&at, template);
                AccessFormat::Template(template.to_owned())
            }
        };
        AccessLog { target, format }
    }

    /// Every odd piece between percent signs is an operator; an empty one stands for the sign itself.
    fn access_template(&mut self, at: &Path, template: &str) {
        let pieces: Vec<&str> = template.split('%').collect();
        if pieces.len().is_multiple_of(2) {
            self.wrong(at, "a percent sign has no partner", "close the operator with %, or write %% for the sign");
            return;
        }
        for operator in pieces.into_iter().skip(1).step_by(2) {
            if operator.is_empty() || ACCESS_OPERATORS.contains(&operator) {
                continue;
            }
            let what = format!("there is no operator %{operator}%");
            let todo = match nearest(operator, ACCESS_OPERATORS) {
                Some(near) => format!("did you mean %{near}%?"),
                None => format!("write one of {}", ACCESS_OPERATORS.join(" ")),
            };
            self.wrong(at, what, todo);
        }
    }
}
