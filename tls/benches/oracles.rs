//! How long the server takes to answer a ciphertext that is wrong, by what is wrong with it. The other half of the
//! promise that `tests/tests/reliability/oracles.rs` tests: the answer is the same, and it comes after the same time.
//!
//! ```sh
//! cargo bench -p jadegate-tls --bench oracles                     # 20,000 connections of each class, 20 minutes
//! cargo bench -p jadegate-tls --bench oracles -- --samples 4000   # a first look
//! cargo bench -p jadegate-tls --bench oracles -- --write          # puts the tables into docs/security/timing.md
//! ```
//!
//! `taskset -c 1` before it keeps it on one core.
//!
//! Client and server run in one thread over memory, driven by hand. The clock runs from the moment at which the server
//! is given the changed records, all at once, to the moment at which it writes its alert. Each connection carries one
//! changed record; what is done to it is drawn at random anew each time, so that whatever else the machine does falls
//! on all classes alike. Nothing is asserted: a machine with neighbours proves nothing, and figures want to be read.

#[path = "oracles/boxes.rs"]
mod boxes;
#[path = "oracles/chance.rs"]
mod chance;
#[path = "oracles/ciphertext.rs"]
mod ciphertext;
#[path = "oracles/exchange.rs"]
mod exchange;
#[path = "oracles/ground.rs"]
mod ground;
#[path = "oracles/machine.rs"]
mod machine;
#[path = "oracles/records.rs"]
mod records;
#[path = "oracles/report.rs"]
mod report;
#[path = "oracles/series.rs"]
mod series;
#[path = "oracles/wire.rs"]
mod wire;

use std::process::ExitCode;

use jadegate_tls::Suite;

use chance::Chance;
use ground::Ground;
use report::Report;

/// Connections of each class unless told otherwise: ten thousand to choose a box by, as many to try it on.
const SAMPLES: usize = 20_000;

/// With fewer a percentile is a handful of connections, and a class is told apart from itself as often as not.
const FEWEST: usize = 2_000;

/// What was asked for on the command line.
struct Options {
    samples: usize,
    write: bool,
}

impl Options {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { samples: SAMPLES, write: false };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // Cargo adds it.
                "--bench" => {}
                "--write" => options.write = true,
                "--samples" => {
                    let number = arguments.next().and_then(|text| text.parse().ok());
                    options.samples = number.filter(|number| *number >= FEWEST).ok_or("--samples: 2000 or more")?;
                }
                other => return Err(format!("{other}: there are --samples NUMBER and --write")),
            }
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("oracles: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let mut report = Report::begin(options.samples);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    // For the deadlines inside; nothing here ever waits for one.
    let _entered = runtime.enter();
    let ground = Ground::new();
    let mut chance = Chance::seeded();
    for suite in [Suite::ECC_SM4_GCM_SM3, Suite::ECC_SM4_CBC_SM3] {
        report.add(exchange::measure(&ground, suite, options.samples, &mut chance), &mut chance);
    }
    for length in records::LENGTHS {
        report.add(records::measure(&ground, length, options.samples, &mut chance), &mut chance);
    }
    if options.write
        && let Err(error) = report.write()
    {
        eprintln!("oracles: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
