//! `jadegate quickstart`: a development CA, a sample backend and one port that speaks all four protocols.

mod backend;

use std::fs::{self, DirBuilder};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use jadegate_certs::development::{DirectoryOptions, Overwrite, write_directory};

use super::run;
use crate::log::Log;

/// See it work: make certificates, start a sample backend and serve it on one port by TLCP, TLS 1.3-SM, TLS 1.3 and 1.2.
///
/// Everything stays on this machine. Ctrl-C ends it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    bind: SocketAddr,
    /// Where the admin endpoint listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9901")]
    admin: SocketAddr,
    /// Directory for certificates and configuration; a temporary one, removed at the end, when not given.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, log: &Log) -> Result<ExitCode> {
    let place = Place::new(arguments.directory.as_deref())?;
    let options = DirectoryOptions { overwrite: Overwrite::Replace, ..DirectoryOptions::default() };
    write_directory(&place.path, &options)
        .with_context(|| format!("the certificates cannot be written to {}", place.path.display()))?;
    let backend = backend::start().context("the sample backend does not start")?;
    let configuration = place.path.join("quickstart.yaml");
    fs::write(&configuration, yaml(arguments.bind, arguments.admin, backend))
        .with_context(|| format!("{} cannot be written", configuration.display()))?;
    run::serve(&configuration, log, || println!("{}", welcome(arguments, &place.path)))
}

/// The directory, removed at the end if it was ours.
struct Place {
    path: PathBuf,
    temporary: bool,
}

impl Place {
    fn new(given: Option<&Path>) -> Result<Self> {
        let (path, temporary) = match given {
            Some(path) => (path.to_owned(), false),
            None => (std::env::temp_dir().join(format!("jadegate-quickstart-{}", std::process::id())), true),
        };
        // The temporary directory is shared: ours must be new, so that nobody else has laid it out, and closed to others.
        let made = DirBuilder::new().recursive(!temporary).mode(0o700).create(&path);
        made.with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self { path, temporary })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.temporary {
            // What is left behind is a handful of files in the temporary directory.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

/// The configuration, as an operator would write it. Clients may show a certificate: TLCP's ECDHE suites need one.
fn yaml(bind: SocketAddr, admin: SocketAddr, backend: SocketAddr) -> String {
    format!(
        "# Made by `jadegate quickstart`. One port, four protocols, one backend.
admin: {{ bind: \"{admin}\" }}
log: {{ format: text }}
listeners:
  - name: quickstart
    bind: \"{bind}\"
    backend: \"{backend}\"
    tls:
      policy: gm-preferred
      certificates:
        - {{ cert: server.pem, key: server.key }}
        - sign: {{ cert: sm2-server-sign.pem, key: sm2-server-sign.key }}
          enc: {{ cert: sm2-server-enc.pem, key: sm2-server-enc.key }}
      client_auth:
        mode: request
        trust: {{ ca: [ca.pem, sm2-ca.pem] }}
"
    )
}

/// What to try, printed when the port is open.
fn welcome(arguments: &Arguments, directory: &Path) -> String {
    let (bind, admin, directory) = (arguments.bind, arguments.admin, directory.display());
    let program = std::env::args().next().unwrap_or_else(|| "jadegate".to_owned());
    format!(
        "
Jadegate serves a sample page on https://{bind}/ by TLCP, TLS 1.3-SM, TLS 1.3 and TLS 1.2.

Try, in another terminal:

  what the port speaks   {program} probe {bind} --certs {directory}
  standard TLS           curl --cacert {directory}/ca.pem https://{bind}/
  mutual TLS             curl --cacert {directory}/ca.pem --cert {directory}/client.pem --key {directory}/client.key https://{bind}/
  TLCP, with Tongsuo     openssl s_client -connect {bind} -enable_ntls -ntls -bugs -CAfile {directory}/sm2-ca.pem
  the certificates       {program} certs inspect {bind}
  state and metrics      http://{admin}/  http://{admin}/metrics
  the configuration      {directory}/quickstart.yaml

Replace a certificate in {directory} and watch it being taken without a restart:

  {program} certs dev {directory} --overwrite

Ctrl-C ends it.
"
    )
}
