//! What the figures were taken on.

use std::fs;

/// Processor, cores, kernel and load, in a line.
pub(crate) fn describe() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let name = processors
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == "model name")
        .map_or("unknown processor", |(_, name)| name.trim());
    // All of them, also for a process that is kept on one.
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    let (kernel, load) = (read("/proc/sys/kernel/osrelease"), read("/proc/loadavg"));
    let load = load.split(' ').next().unwrap_or_default();
    format!("{name}, {cores} cores, Linux {}; load before the run {load}", kernel.trim())
}
