//! What the system knows of a process: processor time and memory.

use anyhow::{Context as _, Result};
use std::fs;
use std::time::Duration;

/// Time on a processor so far, in user and kernel mode, of all threads.
pub(crate) fn processor_time(id: u32) -> Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name, in parentheses, may contain anything.
    let (_, fields) = text.rsplit_once(") ").context("no name in stat")?;
    let mut fields = fields.split(' ').skip(11);
    let mut ticks = || fields.next().and_then(|ticks| ticks.parse::<u64>().ok()).context("no times in stat");
    let (user, kernel) = (ticks()?, ticks()?);
    Ok(Duration::from_secs_f64((user + kernel) as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// Resident memory in bytes, as `ps` shows it.
pub(crate) fn resident(id: u32) -> Result<u64> {
    memory(id, "VmRSS:")
}

/// The most that it ever was.
pub(crate) fn resident_peak(id: u32) -> Result<u64> {
    memory(id, "VmHWM:")
}

fn memory(id: u32, key: &str) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/status"))?;
    let kibibytes =
        text.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kibibytes.with_context(|| format!("no {key} in status"))? * 1024)
}
