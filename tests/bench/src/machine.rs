//! The machine: what it is, and which of its cores do what.

use anyhow::{Context as _, Result, ensure};
use rustix::thread::{CpuSet, sched_setaffinity};
use serde::Serialize;
use std::fs;
use std::time::Duration;

/// The core of the proxy that is being measured.
pub(crate) const PROXY_CORE: usize = 0;
/// The core of the client and of the backend.
pub(crate) const CLIENT_CORE: usize = 1;

/// A description for the report.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    pub(crate) system: String,
    /// Others who wanted a processor before the first measurement.
    pub(crate) load_before: String,
}

impl Machine {
    pub(crate) fn look() -> Result<Self> {
        let cores = std::thread::available_parallelism()?.get();
        ensure!(cores > CLIENT_CORE, "two cores are needed, one of them for the proxy alone");
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let memory = fs::read_to_string("/proc/meminfo")?;
        let kibibytes = field(&memory, "MemTotal").and_then(|value| value.split(' ').next()?.parse::<u64>().ok());
        let uname = rustix::system::uname();
        let name = ["model name", "family", "model", "stepping"]
            .iter()
            .zip(["", ", family ", " model ", " stepping "])
            .filter_map(|(key, before)| {
                let key = if *key == "family" { "cpu family" } else { key };
                Some(format!("{before}{}", field(&processors, key)?))
            })
            .collect();
        Ok(Self {
            processor: name,
            cores,
            memory_gib: kibibytes.context("no MemTotal")?.div_ceil(1 << 20),
            kernel: uname.release().to_string_lossy().into_owned(),
            system: fs::read_to_string("/etc/os-release")
                .ok()
                .and_then(|text| {
                    text.lines().find_map(|line| {
                        line.strip_prefix("PRETTY_NAME=").map(|name| name.trim_matches('"').to_owned())
                    })
                })
                .unwrap_or_else(|| "unknown".to_owned()),
            load_before: fs::read_to_string("/proc/loadavg")?.split(' ').take(1).collect(),
        })
    }
}

/// The first value of a `key : value` text.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
}

/// Keeps the calling thread on one core.
pub(crate) fn stay_on(core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).context("cannot stay on one core")
}

/// Lets others come to rest before they are looked at.
pub(crate) async fn settle(time: Duration) {
    tokio::time::sleep(time).await;
}
