//! Measures the proxy beside nginx, on this machine, in one run: processor time of the proxy per unit of work, and
//! memory.
//!
//! Both proxies stand in front of the same backend (nginx) and are asked the same by the same client, in turns, so
//! that what else the machine does falls on both. Each has one worker and the first core to itself; client and backend
//! share the second. What is compared is the time that the proxy's process spent on a processor, not how long anybody
//! waited: see `docs/performance.md` for what the figures mean and do not mean.

mod client;
mod http2;
mod machine;
mod memory;
mod options;
mod process;
mod report;
mod scenario;
mod subject;

use anyhow::{Context as _, Result};
use options::Options;
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = Options::parse(std::env::args().skip(1)).and_then(|options| match options {
        Some(options) => run(&options),
        None => {
            print!("{}", options::HELP);
            Ok(())
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let machine = machine::Machine::look()?;
    let binary = subject::binary(options)?;
    let site = subject::Site::start(&binary)?;
    machine::stay_on(machine::CLIENT_CORE)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let measured = local.block_on(&runtime, async {
        let work = scenario::measure(&site, options).await?;
        let memory = if options.wants("memory") { Some(memory::measure(&site).await?) } else { None };
        anyhow::Ok((work, memory))
    });
    let (work, memory) = measured?;
    let report = report::Report { machine, versions: site.versions()?, work, memory };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.text());
    }
    if options.write {
        report.write().context("docs/performance.md")?;
    }
    Ok(())
}
