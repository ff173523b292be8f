//! The `process_*` series that every Prometheus dashboard expects, read from `/proc` at scrape time.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads the process's own figures. What cannot be read (no descriptor left, no `/proc`) is left out.
#[derive(Debug)]
pub(crate) struct Process {
    started: f64,
}

impl Process {
    pub(crate) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { started: now.as_secs_f64() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let start = ConstGauge::new(self.started);
        let descriptor = encoder.encode_descriptor(
            "process_start_time_seconds",
            "When the process started, in seconds since the epoch",
            None,
            MetricType::Gauge,
        )?;
        start.encode(descriptor)?;
        if let Some(open) = open_descriptors() {
            let descriptor =
                encoder.encode_descriptor("process_open_fds", "Open file descriptors", None, MetricType::Gauge)?;
            ConstGauge::new(open).encode(descriptor)?;
        }
        if let Some(limit) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
            let descriptor =
                encoder.encode_descriptor("process_max_fds", "Limit of file descriptors", None, MetricType::Gauge)?;
            ConstGauge::new(limit).encode(descriptor)?;
        }
        if let Some(resident) = resident_bytes() {
            let descriptor = encoder.encode_descriptor(
                "process_resident_memory_bytes",
                "Resident memory",
                None,
                MetricType::Gauge,
            )?;
            ConstGauge::new(resident).encode(descriptor)?;
        }
        let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let seconds = Duration::try_from(cpu).unwrap_or(Duration::ZERO).as_secs_f64();
        let descriptor =
            encoder.encode_descriptor("process_cpu_seconds", "User and system CPU time", None, MetricType::Counter)?;
        ConstCounter::new(seconds).encode(descriptor)
    }
}

fn open_descriptors() -> Option<u64> {
    let entries = std::fs::read_dir("/proc/self/fd").ok()?.count();
    // The directory that is being read is one of them.
    u64::try_from(entries.saturating_sub(1)).ok()
}

fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(u64::try_from(rustix::param::page_size()).ok()?)
}
