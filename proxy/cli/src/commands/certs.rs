//! `jadegate certs`: a development CA, and a look into any file or server.

mod inspect;
mod make;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Make development certificates, or see what a file or a server holds.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Dev(make::Arguments),
    Inspect(inspect::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let (name, result) = match &arguments.command {
        Command::Dev(arguments) => ("dev", make::run(arguments)),
        Command::Inspect(arguments) => ("inspect", inspect::run(arguments)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jadegate certs {name}: {error:#}");
            ExitCode::from(2)
        }
    }
}
