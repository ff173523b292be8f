//! `jadegate certs inspect FILE|HOST:PORT`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use jadegate_certs::certificate::Certificate;
use jadegate_certs::clock::UnixTime;
use jadegate_certs::inspect::{Description, describe_bytes, describe_certificates};
use jadegate_certs::key::Password;

use crate::commands::probe;

/// Most bytes of a file that are read; revocation lists are the largest.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// Print what a file holds (certificates, keys, revocation lists, requests, PKCS#12) or what a server shows.
///
/// Nothing is verified beyond what is said; private keys are described, never printed.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A file, or HOST:PORT of a server.
    target: String,
    /// File with the password of an encrypted key or archive.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let password = arguments.password_file.as_deref().map(read_password).transpose()?;
    let path = Path::new(&arguments.target);
    let is_address = arguments.target.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let sections = if path.exists() || !is_address {
        let described = describe_bytes(&read(path)?, password.as_ref(), UnixTime::now());
        vec![(None, described.with_context(|| path.display().to_string())?)]
    } else {
        of_server(&arguments.target)?
    };
    if arguments.json {
        let value = match &sections[..] {
            [(None, only)] => serde_json::to_value(only)?,
            several => several
                .iter()
                .map(|(name, description)| {
                    Ok((name.unwrap_or_default().to_owned(), serde_json::to_value(description)?))
                })
                .collect::<Result<serde_json::Map<_, _>>>()?
                .into(),
        };
        println!("{}", serde_json::to_string_pretty(&value)?);
        return Ok(());
    }
    for (name, description) in &sections {
        if let Some(name) = name {
            println!("== {name} ==");
        }
        println!("{}", description.to_string().trim_end());
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let problem = || format!("{} cannot be read", path.display());
    let length = std::fs::metadata(path).with_context(problem)?.len();
    if length > MAX_FILE {
        bail!("{} is larger than {MAX_FILE} bytes; it cannot be a certificate file", path.display());
    }
    std::fs::read(path).with_context(problem)
}

fn read_password(path: &Path) -> Result<Password> {
    let bytes = zeroize::Zeroizing::new(read(path)?);
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(Password::new(line.strip_suffix(b"\r").unwrap_or(line)))
}

/// What the server shows in each protocol that it speaks.
fn of_server(address: &str) -> Result<Vec<(Option<&'static str>, Description)>> {
    let mut sections = Vec::new();
    for (protocol, shown) in probe::shown_by(address, Duration::from_secs(5))? {
        let certificates: Vec<Certificate> =
            shown.iter().map(|der| Certificate::from_der(der)).collect::<Result<_, _>>()?;
        sections.push((Some(protocol), describe_certificates(&certificates, UnixTime::now())));
    }
    if sections.is_empty() {
        bail!("{address} finished no handshake in any protocol; `jadegate probe {address}` says why");
    }
    Ok(sections)
}
