//! `jadegate run`: serves a configuration until it is told to stop.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use jadegate_config::LoadError;
use jadegate_proxy::drain::Outcome;
use jadegate_proxy::reload::ConfigFile;
use jadegate_proxy::{Handle, Proxy, StartError, limits};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::log::Log;

/// Serve a configuration until SIGTERM or SIGINT.
///
/// The configuration is taken anew when its file changes and at SIGHUP, whole or not at all: if anything is wrong with
/// the new one, the old one goes on and the log says why. Certificates and keys are watched by themselves.
#[derive(Debug, Args)]
#[command(
    after_help = "Signals: TERM and INT drain, a second one stops at once; HUP takes the configuration anew; USR1 reopens \
                  the access log.\n\
                  Exit status: 0 ended, every connection had finished; 1 it could not start, or connections were cut at \
                  the end; 2 the configuration is wrong."
)]
pub(crate) struct Arguments {
    /// The configuration.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, log: &Log) -> Result<ExitCode> {
    serve(&arguments.config, log, || {})
}

/// Serves a configuration file until a signal ends it; `started` is called once the ports are bound.
pub(super) fn serve(path: &Path, log: &Log, started: impl FnOnce()) -> Result<ExitCode> {
    // Watched before it is read, so that no change falls between the two.
    let file = ConfigFile::watch(path);
    let config = match jadegate_config::load(path) {
        Ok(config) => config,
        Err(LoadError::Problems(problems)) => {
            eprintln!("{problems}");
            return Ok(ExitCode::from(2));
        }
        Err(error @ LoadError::Unreadable { .. }) => return Err(error.into()),
    };
    log.apply(&config.log)?;
    let descriptors = limits::raise_descriptor_limit();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        config = %path.display(),
        descriptors,
        "starting"
    );
    // Signals first: one that comes while the proxy starts must not kill the process.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = {
        let _context = runtime.enter();
        Signals::new().context("signals cannot be received")?
    };
    let handle = match Proxy::start(config) {
        Ok(handle) => handle,
        // The log has said what is wrong with it.
        Err(StartError::Configuration(_)) => return Ok(ExitCode::FAILURE),
        Err(error) => return Err(error.into()),
    };
    started();
    runtime.block_on(Supervisor::new(&handle, path, file, log).run(signals));
    Ok(match handle.join() {
        Outcome::Graceful => ExitCode::SUCCESS,
        Outcome::Forced => ExitCode::FAILURE,
    })
}

/// The signals that mean something.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    reopen: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            reopen: signal(SignalKind::user_defined1())?,
        })
    }
}

type Reload<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Turns signals and changes of the file into calls of the proxy.
struct Supervisor<'a> {
    handle: &'a Handle,
    path: &'a Path,
    log: &'a Log,
    file: ConfigFile,
    /// Whether one more reload was asked for while one was under way: then the newest file is read once more.
    again: bool,
    draining: bool,
    /// Reloads so far; the number of one stands in each line about it.
    reloads: u64,
}

impl<'a> Supervisor<'a> {
    const fn new(handle: &'a Handle, path: &'a Path, file: ConfigFile, log: &'a Log) -> Self {
        Self { handle, path, log, file, again: false, draining: false, reloads: 0 }
    }

    async fn run(mut self, mut signals: Signals) {
        let mut reload: Option<Reload<'a>> = None;
        loop {
            let reloading = reload.is_some();
            let under_way = async {
                match &mut reload {
                    Some(reload) => reload.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.handle.ended() => return,
                _ = signals.terminate.recv() => self.end("SIGTERM"),
                _ = signals.interrupt.recv() => self.end("SIGINT"),
                _ = signals.reopen.recv() => self.handle.reopen_logs(),
                () = under_way => {
                    reload = std::mem::take(&mut self.again).then(|| self.reload("asked for again"));
                }
                _ = signals.hangup.recv() => {
                    self.file.refresh();
                    if reloading { self.again = true } else { reload = Some(self.reload("SIGHUP")) }
                }
                () = self.file.changed() => {
                    if reloading { self.again = true } else { reload = Some(self.reload("file changed")) }
                }
            }
        }
    }

    /// The first time asks everybody to finish, the second time cuts them.
    fn end(&mut self, why: &'static str) {
        if std::mem::replace(&mut self.draining, true) {
            tracing::warn!(why, "stopping at once");
            self.handle.stop();
        } else {
            tracing::info!(why, "draining");
            self.handle.drain();
        }
    }

    fn reload(&mut self, why: &'static str) -> Reload<'a> {
        self.reloads += 1;
        let (handle, path, log, reload) = (self.handle, self.path, self.log, self.reloads);
        Box::pin(async move {
            tracing::info!(reload, why, "reloading");
            let config = match jadegate_config::load(path) {
                Ok(config) => config,
                Err(error) => {
                    tell_refusal(reload, &error);
                    return handle.refuse(format!("{:#}", anyhow::Error::from(error)));
                }
            };
            let log_config = config.log.clone();
            // How it went is told by the proxy itself.
            if handle.reload(config).await.is_ok()
                && let Err(error) = log.apply(&log_config)
            {
                tracing::error!("{error:#}");
            }
        })
    }
}

/// Says why a configuration was refused: a line for the fact and one for each problem, so that no event is torn apart.
fn tell_refusal(reload: u64, error: &LoadError) {
    const REFUSED: &str = "configuration refused, the running one goes on";
    match error {
        LoadError::Problems(problems) => {
            tracing::error!(reload, problems = problems.count(), "{REFUSED}");
            for problem in problems {
                let (at, todo) = (problem.position.to_string(), problem.todo.as_str());
                tracing::error!(reload, at, todo, "{}", problem.what);
            }
            if problems.omitted() > 0 {
                tracing::error!(reload, omitted = problems.omitted(), "there are more problems");
            }
        }
        LoadError::Unreadable { path, source } => {
            let (file, cause) = (path.display().to_string(), source.to_string());
            tracing::error!(reload, file, cause, "{REFUSED}: it cannot be read");
        }
    }
}
