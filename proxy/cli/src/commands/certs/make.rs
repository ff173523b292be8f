//! `jadegate certs dev DIR`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use jadegate_certs::development::{DevelopmentError, DirectoryOptions, Overwrite, write_directory};

/// Make a development CA with server and client certificates, standard and SM2, in one directory.
///
/// They are for tests and first steps. Never trust these roots outside of a test.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Directory to write to; it is made when it is not there.
    directory: PathBuf,
    /// A name of the servers (DNS name, IP address or URI); may be given several times.
    #[arg(long = "server", value_name = "NAME")]
    server_names: Vec<String>,
    /// A name of the clients; may be given several times.
    #[arg(long = "client", value_name = "NAME")]
    client_names: Vec<String>,
    /// How long the leaf certificates are valid.
    #[arg(long, value_name = "DAYS")]
    days: Option<u32>,
    /// Replace files that are there already.
    #[arg(long)]
    overwrite: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut options = DirectoryOptions::default();
    if !arguments.server_names.is_empty() {
        options.server_names.clone_from(&arguments.server_names);
    }
    if !arguments.client_names.is_empty() {
        options.client_names.clone_from(&arguments.client_names);
    }
    if let Some(days) = arguments.days {
        options.lifetime = Duration::from_secs(u64::from(days) * 86_400);
    }
    if arguments.overwrite {
        options.overwrite = Overwrite::Replace;
    }
    let written = write_directory(&arguments.directory, &options).map_err(|error| match error {
        DevelopmentError::Exists(_) => {
            anyhow::Error::from(error).context("nothing was written; --overwrite replaces what is there")
        }
        other => other.into(),
    })?;
    for path in written {
        println!("{}", path.display());
    }
    Ok(())
}
