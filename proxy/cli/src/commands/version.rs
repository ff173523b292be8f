//! `jadegate version`: the binary and the libraries that decide about its cryptography.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

/// Print the version of jadegate and of its libraries.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Versions {
    jadegate: &'static str,
    target: &'static str,
    /// As the linked library reports itself.
    tongsuo: String,
    tongsuo_base: String,
    rustls: &'static str,
    aws_lc_rs: &'static str,
    aws_lc_sys: &'static str,
    hyper: &'static str,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let versions = Versions {
        jadegate: env!("CARGO_PKG_VERSION"),
        target: env!("JADEGATE_TARGET"),
        tongsuo: jadegate_tls::library::version(),
        tongsuo_base: jadegate_tls::library::base_version(),
        rustls: env!("JADEGATE_RUSTLS"),
        aws_lc_rs: env!("JADEGATE_AWS_LC_RS"),
        aws_lc_sys: env!("JADEGATE_AWS_LC_SYS"),
        hyper: env!("JADEGATE_HYPER"),
    };
    if arguments.json {
        crate::output::line(&serde_json::to_string_pretty(&versions)?)?;
    } else {
        let Versions { jadegate, target, tongsuo, tongsuo_base, rustls, aws_lc_rs, aws_lc_sys, hyper } = &versions;
        crate::output::line(&format!(
            "jadegate {jadegate} ({target})\n\
             {tongsuo} (OpenSSL {tongsuo_base})\n\
             rustls {rustls}\n\
             aws-lc-rs {aws_lc_rs} (aws-lc-sys {aws_lc_sys})\n\
             hyper {hyper}"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
