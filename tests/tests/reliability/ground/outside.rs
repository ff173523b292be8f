//! The proxy as the system sees it, and its own counters.

use jadegate_tests::jadegate::Jadegate;
use jadegate_tests::wait;
use std::fs;
use std::time::Duration;

/// Descriptors that it has open.
pub(crate) fn descriptors(jadegate: &Jadegate) -> usize {
    fs::read_dir(format!("/proc/{}/fd", jadegate.id())).expect("it runs").count()
}

/// Resident memory in KiB.
pub(crate) fn resident(jadegate: &Jadegate) -> u64 {
    status(jadegate, "VmRSS:")
}

/// The most resident memory that it has had, in KiB.
pub(crate) fn highest(jadegate: &Jadegate) -> u64 {
    status(jadegate, "VmHWM:")
}

fn status(jadegate: &Jadegate, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", jadegate.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("it has memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Time on a processor so far.
pub(crate) fn cpu(jadegate: &Jadegate) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", jadegate.id())).expect("it runs");
    // The name in brackets may hold spaces; user and system time are the 12th and 13th field behind it.
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

/// The sum of a metric over all label sets that contain `labels`; a set that never counted is not there.
pub(crate) fn metric(jadegate: &Jadegate, name: &str, labels: &str) -> f64 {
    let text = jadegate.admin("/metrics").expect("it answers").body;
    text.lines()
        .filter(|line| line.starts_with(&format!("jadegate_{name}{{")) && line.contains(labels))
        .map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a number"))
        .fold(0.0, |sum, value| sum + value)
}

/// Waits until no downstream connection is open and the descriptors are what they were, but for a few.
pub(crate) fn wait_quiet(jadegate: &Jadegate, descriptors_before: usize) {
    wait::until("the connections to be gone", Duration::from_secs(20), || {
        Ok((metric(jadegate, "connections_active", "") == 0.0).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", jadegate.log()));
    wait::until("descriptors to be given back", Duration::from_secs(20), || {
        Ok((descriptors(jadegate) <= descriptors_before + 5).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error:#}: {} are open", descriptors(jadegate)));
}
