//! `jadegate probe HOST:PORT`: tries every protocol and suite as a client and prints what the server takes.

mod attempt;
mod table;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use jadegate_certs::clock::UnixTime;
use jadegate_certs::credential::{Credential, CredentialPair};
use jadegate_certs::development::{DevelopmentCa, Issued, LeafRequest, Role};
use jadegate_certs::key::PrivateKey;
use jadegate_certs::{certificate::Certificate, key::Password};

/// Try every protocol and suite on a server and print what it takes.
///
/// Certificates are reported, not verified: the question is what the server speaks.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Server to try, HOST:PORT.
    address: String,
    /// Name to send as SNI; the host by default, none when that is an address.
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// Directory made by `jadegate certs dev`: its client certificates are shown to servers that ask.
    #[arg(long, value_name = "DIR")]
    certs: Option<PathBuf>,
    /// Time for each try.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    timeout: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match probe(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("jadegate probe: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether anything was taken at all.
fn probe(arguments: &Arguments) -> Result<bool> {
    let client = ClientCertificates::load(arguments.certs.as_ref())?;
    let report = runtime()?.block_on(async {
        let timeout = Duration::from_secs(arguments.timeout);
        let target = target(&arguments.address, arguments.sni.clone(), timeout).await?;
        Ok::<_, anyhow::Error>(attempt::all(&target, &client).await)
    })?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else if let Some(why) = attempt::unreachable(&report) {
        eprintln!("jadegate probe: {}: {why}", arguments.address);
    } else {
        print!("{}", table::Table { address: &arguments.address, attempts: &report });
    }
    Ok(report.iter().any(|attempt| attempt.taken.is_some()))
}

/// What a server shows in each protocol that it speaks, first suite that works: protocol and DER of the list.
pub(super) fn shown_by(address: &str, timeout: Duration) -> Result<Vec<attempt::Shown>> {
    let client = ClientCertificates::load(None)?;
    runtime()?.block_on(async {
        let target = target(address, None, timeout).await?;
        Ok(attempt::shown(&target, &client).await)
    })
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("no async runtime")
}

async fn target(address: &str, sni: Option<String>, timeout: Duration) -> Result<attempt::Target> {
    let (host, _) = address.rsplit_once(':').context("the address must be HOST:PORT")?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let default_sni = host.parse::<std::net::IpAddr>().is_err().then_some(host);
    Ok(attempt::Target { address: resolve(address).await?, sni: sni.or(default_sni), timeout })
}

async fn resolve(address: &str) -> Result<SocketAddr> {
    let mut found = tokio::net::lookup_host(address).await.with_context(|| format!("{address} cannot be resolved"))?;
    found.next().with_context(|| format!("{address} has no address"))
}

/// What the client shows to a server that asks.
pub(super) struct ClientCertificates {
    pub(super) standard: Option<Credential>,
    pub(super) pair: CredentialPair,
    /// Whether the pair was given; one that nobody knows is shown only where the suite cannot do without.
    pub(super) known: bool,
}

impl ClientCertificates {
    /// From a directory of `certs dev`; else a throw-away SM2 pair, so that suites which need one can be tried at all.
    fn load(directory: Option<&PathBuf>) -> Result<Self> {
        let Some(directory) = directory else {
            let request = LeafRequest::new(Role::Client, &["jadegate-probe"])?;
            let issued = DevelopmentCa::new_sm2()?.issue_pair(&request)?;
            let pair = pair(of_issued(&issued.sign)?, of_issued(&issued.enc)?)?;
            return Ok(Self { standard: None, pair, known: false });
        };
        let read = |name: &str| {
            let path = directory.join(name);
            std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))
        };
        let load = |name: &str| credential(&read(&format!("{name}.pem"))?, &read(&format!("{name}.key"))?);
        let pair = pair(load("sm2-client-sign")?, load("sm2-client-enc")?)?;
        Ok(Self { standard: Some(load("client")?), pair, known: true })
    }
}

fn of_issued(issued: &Issued) -> Result<Credential> {
    credential(issued.certificate_pem.as_bytes(), issued.key_pem.as_bytes())
}

fn credential(certificates: &[u8], key: &[u8]) -> Result<Credential> {
    let password: Option<&Password> = None;
    let key = PrivateKey::from_pem_or_der(key, password)?;
    Ok(Credential::new(Certificate::from_pem_or_der(certificates)?, key, UnixTime::now())?)
}

fn pair(sign: Credential, enc: Credential) -> Result<CredentialPair> {
    match CredentialPair::new(sign, enc, UnixTime::now()) {
        Ok(pair) => Ok(pair),
        Err(error) => bail!("the client's sign and enc certificate do not make a pair: {error}"),
    }
}
