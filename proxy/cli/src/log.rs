//! The process log: one line per event on standard error.
//!
//! It starts with what the command line says; a configuration may change level and format afterwards, and again when it
//! is reloaded, but never against an option that was given.

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use jadegate_config::LogFormat;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// Options that every command has.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Options {
    /// How a line of the log looks. Default: that of the configuration, else text.
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<Format>,
    /// What is logged: error, warn, info, debug or trace, also by module, as `info,jadegate_tls=debug`. Default: that of
    /// the configuration, else info.
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

type Lines = Box<dyn Layer<Filtered> + Send + Sync>;
type Filtered = tracing_subscriber::layer::Layered<reload::Layer<EnvFilter, Registry>, Registry>;

/// The running log.
#[derive(Clone)]
pub(crate) struct Log {
    options: Options,
    filter: reload::Handle<EnvFilter, Registry>,
    lines: reload::Handle<Lines, Filtered>,
}

impl Log {
    /// Starts the log of the process, by the options alone.
    pub(crate) fn start(options: Options) -> Result<Self> {
        let level = options.log_level.as_deref().unwrap_or("info");
        let filter = EnvFilter::try_new(level).with_context(|| format!("--log-level {level:?} is not understood"))?;
        let format = options.format(LogFormat::Text);
        let (filter, filter_handle) = reload::Layer::new(filter);
        let (lines, lines_handle) = reload::Layer::new(lines(format));
        tracing_subscriber::registry().with(filter).with(lines).try_init().context("the log cannot be started")?;
        Ok(Self { options, filter: filter_handle, lines: lines_handle })
    }

    /// Takes over what a configuration says.
    pub(crate) fn apply(&self, config: &jadegate_config::Log) -> Result<()> {
        if self.options.log_level.is_none() {
            self.filter.reload(EnvFilter::new(config.level.as_str())).context("the log level cannot be changed")?;
        }
        let format = self.options.format(config.format);
        self.lines.reload(lines(format)).context("the log format cannot be changed")
    }
}

impl Options {
    fn format(&self, otherwise: LogFormat) -> LogFormat {
        match self.log_format {
            Some(Format::Text) => LogFormat::Text,
            Some(Format::Json) => LogFormat::Json,
            None => otherwise,
        }
    }
}

fn lines(format: LogFormat) -> Lines {
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(false).boxed(),
    }
}
