//! The proxy under test: the real binary, started on a configuration and stopped for certain.

use crate::net::{self, Response};
use crate::process::{self, Finished, Process};
use crate::wait::{self, PATIENCE};
use crate::workspace;
use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// A running Jadegate.
#[derive(Debug)]
pub struct Jadegate {
    /// Where its admin answers.
    pub admin: SocketAddr,
    process: Process,
    directory: tempfile::TempDir,
}

impl Jadegate {
    /// Starts `jadegate run` on the YAML, to which an admin address is added, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not get ready; the message carries what it logged.
    pub fn start(yaml: &str) -> Result<Self> {
        let mut started = Self::start_unready(yaml)?;
        started.wait_ready()?;
        Ok(started)
    }

    /// Starts it and does not wait.
    ///
    /// # Errors
    /// When the program does not start.
    pub fn start_unready(yaml: &str) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let admin = net::free_address()?;
        let mut command = Command::new(workspace::jadegate_binary()?);
        command.arg("run").arg("-c").arg(directory.path().join("jadegate.yaml"));
        let text = format!("admin: {{ bind: {admin} }}\n{yaml}");
        fs::write(directory.path().join("jadegate.yaml"), text)?;
        Ok(Self { admin, process: Process::start(&mut command)?, directory })
    }

    /// Waits for `/readyz`.
    ///
    /// # Errors
    /// When it does not come in time, or the program ends first.
    pub fn wait_ready(&mut self) -> Result<()> {
        let (admin, process) = (self.admin, &mut self.process);
        let ready = wait::until("readiness", PATIENCE, || {
            if !process.running()? {
                bail!("it ended");
            }
            Ok(net::get(admin, "/readyz").ok().filter(|response| response.status == 200).map(drop))
        });
        ready.with_context(|| process.output())
    }

    /// Its configuration file.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.directory.path().join("jadegate.yaml")
    }

    /// Replaces the configuration, atomically; the program notices by itself.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn reconfigure(&self, yaml: &str) -> Result<()> {
        let fresh = self.directory.path().join("jadegate.yaml.new");
        fs::write(&fresh, format!("admin: {{ bind: {} }}\n{yaml}", self.admin))?;
        Ok(fs::rename(fresh, self.configuration())?)
    }

    /// `GET` on the admin address.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn admin(&self, path: &str) -> Result<Response> {
        net::get(self.admin, path)
    }

    /// Everything it has logged so far, access log on standard output included.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.output()
    }

    /// Waits until the log contains `needle`.
    ///
    /// # Errors
    /// When it does not come in time.
    pub fn wait_log(&self, needle: &str) -> Result<String> {
        self.process.wait_for(needle, PATIENCE)
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the program is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it still runs after `patience`.
    pub fn wait(&mut self, patience: Duration) -> Result<Finished> {
        self.process.wait(patience)
    }

    /// Asks it to end with SIGTERM and waits.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn stop(mut self) -> Result<Finished> {
        self.process.signal(Signal::TERM)?;
        self.process.wait(PATIENCE)
    }
}

/// Runs `jadegate` with these arguments to its end.
///
/// # Errors
/// When it does not build or does not end.
pub fn command(arguments: &[&str]) -> Result<Finished> {
    process::run(Command::new(workspace::jadegate_binary()?).args(arguments), b"", PATIENCE)
}
