//! `jadegate check FILE...`: all that is wrong with a configuration and with the files it names.

mod report;
mod secrets;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use jadegate_certs::UnixTime;
use jadegate_config::LoadError;

use report::{Report, Verdict};

/// Check configurations and the certificates and keys that they name.
///
/// Every problem is printed with its file, line and YAML path, and with what to do about it. Certificates that expire
/// within 30 days are warned of.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 nothing is wrong, though there may be warnings; 1 a file could not be read; 2 there are problems."
)]
pub(crate) struct Arguments {
    /// Configurations; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let now = UnixTime::now();
    let reports: Vec<Report> = arguments.files.iter().map(|file| check(file, now)).collect();
    if arguments.json {
        crate::output::line(&serde_json::to_string_pretty(&reports)?)?;
    } else {
        for report in &reports {
            report.print()?;
        }
    }
    // Problems are certain; whether an unreadable file has any is not known.
    let worst = |verdict| reports.iter().any(|report| report.verdict == verdict);
    Ok(if worst(Verdict::Problems) {
        ExitCode::from(2)
    } else if worst(Verdict::Unreadable) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn check(file: &Path, now: UnixTime) -> Report {
    match load(file) {
        Ok(config) => {
            let (problems, warnings) = secrets::check(&config, now);
            Report::readable(file, &config, problems, warnings)
        }
        Err(LoadError::Problems(problems)) => Report::problems(file, &problems),
        Err(error @ LoadError::Unreadable { .. }) => Report::unreadable(file, &anyhow::Error::from(error)),
    }
}

fn load(file: &Path) -> Result<jadegate_config::Config, LoadError> {
    if file != Path::new("-") {
        return jadegate_config::load(file);
    }
    let mut bytes = Vec::new();
    let unreadable = |source| LoadError::Unreadable { path: "standard input".into(), source };
    std::io::stdin().lock().take(jadegate_config::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    jadegate_config::parse_bytes(bytes, Path::new("-")).map_err(LoadError::Problems)
}
