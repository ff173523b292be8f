//! The one binary, `jadegate`: a file per command under `commands`, no logic of its own here.

mod commands;

use std::process::ExitCode;

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
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Probe(commands::probe::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Probe(arguments) => commands::probe::run(&arguments),
    }
}
