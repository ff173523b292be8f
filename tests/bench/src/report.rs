//! What was measured, for people and for programs.

use crate::machine::Machine;
use crate::memory::Memory;
use crate::scenario::Measured;
use crate::subject::Versions;
use anyhow::{Context as _, Result};
use jadegate_tests::workspace;
use serde::Serialize;
use std::fmt::Write as _;
use std::fs;

/// Between these two lines `--write` puts the tables.
const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";

/// One run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) versions: Versions,
    pub(crate) work: Vec<Measured>,
    pub(crate) memory: Option<[Memory; 2]>,
}

impl Report {
    /// The tables, in Markdown, which is readable as it is.
    pub(crate) fn text(&self) -> String {
        let mut text = self.heading();
        if !self.work.is_empty() {
            text.push_str(&self.work());
        }
        if let Some(memory) = &self.memory {
            text.push_str(&table_of_memory(memory));
        }
        text
    }

    fn heading(&self) -> String {
        let Machine { processor, cores, memory_gib, kernel, system, load_before } = &self.machine;
        let Versions { jadegate, nginx, binary_bytes } = &self.versions;
        format!(
            "Machine: {processor}, {cores} cores, {memory_gib} GiB, {system}, Linux {kernel}; load before the run \
             {load_before}.\nVersions: {jadegate} ({:.1} MB, stripped), {nginx}.\n",
            *binary_bytes as f64 / 1e6
        )
    }

    fn work(&self) -> String {
        let mut text =
            "\nProcessor time of the proxy per unit of work, in microseconds: median (least to most) of the \
             rounds. The ratio is taken round by round.\n\n\
             | work | jadegate | nginx | ratio | at most |\n|---|---|---|---|---|\n"
                .to_owned();
        for measured in &self.work {
            let bar = measured.bar.map_or_else(String::new, |bar| format!("{bar:.1}"));
            // Writing to a String does not fail.
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {bar} |",
                measured.title,
                spread(&measured.jadegate, 1),
                spread(&measured.nginx, 1),
                spread(&measured.ratios(), 2),
            );
        }
        text
    }

    /// Puts the tables into the document.
    pub(crate) fn write(&self) -> Result<()> {
        let file = workspace::root().join("docs/performance.md");
        let document = fs::read_to_string(&file)?;
        let (before, rest) = document.split_once(BEGIN).context(BEGIN)?;
        let (_, after) = rest.split_once(END).context(END)?;
        Ok(fs::write(&file, format!("{before}{BEGIN}\n\n{}\n{END}{after}", self.text()))?)
    }
}

fn table_of_memory(memory: &[Memory; 2]) -> String {
    let mut text = "\nResident memory.\n\n| | ".to_owned();
    text.push_str(&memory.each_ref().map(|memory| memory.proxy).join(" | "));
    text.push_str(" |\n|---|---|---|\n");
    let mut row = |title: &str, values: [Option<String>; 2]| {
        let _ = writeln!(text, "| {title} | {} |", values.map(Option::unwrap_or_default).join(" | "));
    };
    let mebibytes = |bytes: u64| Some(format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)));
    row("idle, two listeners", memory.each_ref().map(|memory| mebibytes(memory.idle)));
    row("most under load, 64 connections", memory.each_ref().map(|memory| mebibytes(memory.busy)));
    for kind in &memory[0].per_connection {
        let of = |memory: &Memory| {
            memory.per_connection.iter().find(|other| other.protocol == kind.protocol).map(|per| per.bytes)
        };
        let kibibytes = |bytes: u64| format!("{:.1} KiB", bytes as f64 / 1024.0);
        row(
            &format!("per silent {} connection", kind.protocol),
            memory.each_ref().map(|memory| of(memory).map(kibibytes)),
        );
    }
    text
}

/// Median, least and most.
fn spread(values: &[f64], digits: usize) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else { return String::new() };
    let middle = sorted.len() / 2;
    let median = if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
    format!("**{median:.digits$}** ({least:.digits$}-{most:.digits$})")
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn the_median_stands_before_the_extremes_whatever_the_order() {
        assert_eq!(spread(&[3.0, 1.0, 10.0], 1), "**3.0** (1.0-10.0)");
        assert_eq!(spread(&[2.0, 1.0], 2), "**1.50** (1.00-2.00)");
        assert_eq!(spread(&[], 1), "");
    }
}
