//! What was measured, as Markdown, which is readable as it is.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use jadegate_tls::library;

use crate::boxes::{self, ROUNDS};
use crate::chance::Chance;
use crate::machine;
use crate::series::{Group, Series};

/// Between these two lines `--write` puts the tables.
const BEGIN: &str = "<!-- oracles: begin -->";
const END: &str = "<!-- oracles: end -->";

/// One run. Every part is printed when it is there.
pub(crate) struct Report(String);

impl Report {
    pub(crate) fn begin(samples: usize) -> Self {
        let mut report = Self(String::new());
        report.say(&format!(
            "Machine: {}.\n{} connections of each class, in random order; {}.\n",
            machine::describe(),
            samples,
            library::version(),
        ));
        report
    }

    fn say(&mut self, text: &str) {
        print!("{text}");
        self.0.push_str(text);
    }

    pub(crate) fn add(&mut self, group: Group, chance: &mut Chance) {
        let mut text = format!(
            "\n### {}\n\n| | 1 % | 5 % | 25 % | median | 75 % | 95 % | later than its reference by | told apart |\n\
             |---|---|---|---|---|---|---|---|---|\n",
            group.title
        );
        for (position, series) in group.series.iter().enumerate() {
            let beside = &group.series[series.beside];
            // Writing to a String does not fail.
            let _ = writeln!(
                text,
                "| {} | {} | {} |",
                series.name,
                quantiles(series),
                compared(position, series, beside, chance)
            );
        }
        let seen = boxes::smallest_seen(&group.series[0].times, &group.series[1].times, chance);
        let _ = writeln!(text, "\nThe smallest difference that the test sees here: {seen} ns.");
        self.say(&text);
    }

    /// Puts the tables into the document.
    pub(crate) fn write(&self) -> Result<(), String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security/timing.md");
        let said = |error: std::io::Error| format!("{}: {error}", file.display());
        let document = fs::read_to_string(&file).map_err(said)?;
        let (before, rest) = document.split_once(BEGIN).ok_or_else(|| format!("no {BEGIN}"))?;
        let (_, after) = rest.split_once(END).ok_or_else(|| format!("no {END}"))?;
        fs::write(&file, format!("{before}{BEGIN}\n\n{}\n{END}{after}", self.0)).map_err(said)
    }
}

fn quantiles(series: &Series) -> String {
    let values =
        [10, 50, 250, 500, 750, 950].map(|thousandths| boxes::quantile(&series.times, thousandths).to_string());
    values.join(" | ")
}

/// The last two cells of a row. A class that is the reference of others is held against itself.
fn compared(position: usize, series: &Series, beside: &Series, chance: &mut Chance) -> String {
    if series.beside == position {
        let apart = boxes::apart_from_itself(&series.times, chance);
        return format!("(its own halves) | {apart} of {ROUNDS}");
    }
    let difference = boxes::difference(&beside.times, &series.times, chance);
    let (least, most) = difference.interval;
    let apart = boxes::apart(&beside.times, &series.times, chance);
    format!("{} ns ({least} to {most}) | {apart} of {ROUNDS}", difference.nanoseconds)
}
