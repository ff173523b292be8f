//! The one binary, `jadegate`: a file per command under `commands`, no logic of its own here.

mod commands;
mod log;
mod output;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A TLS terminating proxy that speaks TLCP, TLS 1.3 with SM suites and standard TLS on one port.
#[derive(Debug, Parser)]
#[command(
    name = "jadegate",
    version,
    after_help = "Exit status: 0 success; 1 the command failed; 2 the input (arguments, configuration, certificate) is wrong."
)]
struct Arguments {
    #[command(flatten)]
    log: log::Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Certs(commands::certs::Arguments),
    Check(commands::check::Arguments),
    Probe(commands::probe::Arguments),
    Quickstart(commands::quickstart::Arguments),
    Run(commands::run::Arguments),
    Schema(commands::schema::Arguments),
    Version(commands::version::Arguments),
}

fn main() -> ExitCode {
    let Arguments { log, command } = Arguments::parse();
    match run(log, &command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("jadegate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: log::Options, command: &Command) -> Result<ExitCode> {
    // These two help to find out what is wrong with a build that the check below refuses.
    match command {
        Command::Schema(arguments) => return commands::schema::run(arguments),
        Command::Version(arguments) => return commands::version::run(arguments),
        _ => {}
    }
    jadegate_tls::library::check().context("this build must not be used")?;
    let log = log::Log::start(options)?;
    match command {
        Command::Certs(arguments) => Ok(commands::certs::run(arguments)),
        Command::Check(arguments) => commands::check::run(arguments),
        Command::Probe(arguments) => Ok(commands::probe::run(arguments)),
        Command::Quickstart(arguments) => commands::quickstart::run(arguments, &log),
        Command::Run(arguments) => commands::run::run(arguments, &log),
        Command::Schema(_) | Command::Version(_) => Ok(ExitCode::SUCCESS),
    }
}
