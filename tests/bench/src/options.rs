//! The command line.

use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Measures jadegate beside nginx: processor time of the proxy per unit of work, and memory.

Usage: cargo run --release -p jadegate-bench -- [OPTIONS]

  --only NAME        only this measurement; may be given several times. NAME: http1-64b, handshake, http1-1mb,
                     http2-64b, http1-10kb, tlcp, tls13-sm, memory
  --rounds N         rounds of each measurement, both proxies in each (15)
  --share PERCENT    of the usual amount of work in each round (100)
  --binary FILE      this jadegate instead of the one that cargo builds
  --json             print JSON
  --write            put the table into docs/performance.md
";

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    only: Vec<String>,
    pub(crate) rounds: usize,
    pub(crate) share: usize,
    pub(crate) binary: Option<PathBuf>,
    pub(crate) json: bool,
    pub(crate) write: bool,
}

impl Options {
    /// Reads the arguments; `None` when help was asked for.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>> {
        let mut options = Self { only: Vec::new(), rounds: 15, share: 100, binary: None, json: false, write: false };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument} wants a value"));
            match argument.as_str() {
                "--only" => options.only.push(value()?),
                "--rounds" => options.rounds = positive(&value()?)?,
                "--share" => options.share = positive(&value()?)?,
                "--binary" => options.binary = Some(value()?.into()),
                "--json" => options.json = true,
                "--write" => options.write = true,
                "--help" | "-h" => return Ok(None),
                other => bail!("unknown argument {other}; see --help"),
            }
        }
        Ok(Some(options))
    }

    /// Whether this measurement is to be made.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

fn positive(text: &str) -> Result<usize> {
    text.parse().ok().filter(|number| *number > 0).with_context(|| format!("{text} is not a positive number"))
}
