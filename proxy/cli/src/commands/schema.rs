//! `jadegate schema`: prints the JSON Schema of the configuration.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

/// Print the JSON Schema that a configuration must obey, for editors and other tools.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<ExitCode> {
    crate::output::line(&serde_json::to_string_pretty(&jadegate_config::schema())?)?;
    Ok(ExitCode::SUCCESS)
}
