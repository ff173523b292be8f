//! `docs/interop.md`: the grid as it ran.

use super::{Auth, Cell, Role};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How a cell went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Handshake, request and response.
    Works,
    /// Not that.
    Fails,
}

/// Outcomes by cell.
pub type Outcomes = BTreeMap<Cell, Outcome>;

const COLUMNS: [(Role, Auth, &str); 4] = [
    (Role::Client, Auth::Server, "peer is client"),
    (Role::Client, Auth::Mutual, "peer is client, both certificates"),
    (Role::Server, Auth::Server, "peer is server"),
    (Role::Server, Auth::Mutual, "peer is server, both certificates"),
];

const INTRODUCTION: &str = "\
# Interoperation

Written by `tests/run interop` from what happened; do not edit. Each cell is one run of the real `jadegate` binary
against the real peer on loopback: handshake with exactly this suite and group, the certificate checked by whoever
receives it, a request and its response. `works` is a promise: the test fails when such a cell breaks. `fails` is known
and not hidden. An empty cell is something that the peer does not offer.

The peers are the programs that `tests/peers/build` builds from package registries (Tongsuo, OpenSSL 4, GmSSL, and
gopeer with gmtls of `github.com/tjfoc/gmsm`) and Debian's own (curl, OpenSSL 3).
";

/// The text of the document.
#[must_use]
pub fn render(cells: &[Cell], outcomes: &Outcomes) -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push_str("\n| peer | protocol | suite | group |");
    for (_, _, title) in COLUMNS {
        text.push_str(&format!(" {title} |"));
    }
    text.push_str("\n|---|---|---|---|---|---|---|---|\n");
    let mut written = Vec::new();
    for cell in cells {
        let key = (cell.peer, cell.offer.protocol, cell.offer.suite, cell.offer.group);
        if written.contains(&key) {
            continue;
        }
        written.push(key);
        text.push_str(&label(cell));
        for (role, auth, _) in COLUMNS {
            let mut of_column = *cell;
            of_column.role = role;
            of_column.offer.auth = auth;
            let word = match (cells.contains(&of_column), outcomes.get(&of_column)) {
                (true, Some(Outcome::Works)) => "works",
                (true, Some(Outcome::Fails)) => "fails",
                (true, None) => "not run",
                (false, _) => "",
            };
            write!(text, " {word} |").expect("writing to a string cannot fail");
        }
        text.push('\n');
    }
    text
}

fn label(cell: &Cell) -> String {
    let offer = &cell.offer;
    format!("| {} | {} | {} | {} |", cell.peer, offer.protocol, offer.suite.name, offer.group.unwrap_or_default())
}

/// The outcomes that a document tells of.
#[must_use]
pub fn parse(cells: &[Cell], text: &str) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for cell in cells {
        let label = label(cell);
        let Some(line) = text.lines().find_map(|line| line.strip_prefix(label.as_str())) else { continue };
        for ((role, auth, _), word) in COLUMNS.into_iter().zip(line.split('|')) {
            let outcome = match word.trim() {
                "works" => Outcome::Works,
                "fails" => Outcome::Fails,
                _ => continue,
            };
            if (role, auth) == (cell.role, cell.offer.auth) {
                outcomes.insert(*cell, outcome);
            }
        }
    }
    outcomes
}

/// Cells that worked before and do not now.
#[must_use]
pub fn broken(before: &Outcomes, now: &Outcomes) -> Vec<Cell> {
    let worked = before.iter().filter(|(_, outcome)| **outcome == Outcome::Works);
    worked.filter(|(cell, _)| now.get(cell) == Some(&Outcome::Fails)).map(|(cell, _)| *cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interop::cells;

    fn some_outcomes() -> Outcomes {
        let pattern = [Outcome::Works, Outcome::Works, Outcome::Fails];
        cells().into_iter().zip(pattern.into_iter().cycle()).collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let outcomes = some_outcomes();
        assert_eq!(parse(&cells(), &render(&cells(), &outcomes)), outcomes);
    }

    #[test]
    fn a_cell_that_worked_and_fails_now_is_named_and_one_that_always_failed_is_not() {
        let before = some_outcomes();
        let mut now = before.clone();
        let (cell, outcome) = now.iter_mut().find(|(_, outcome)| **outcome == Outcome::Works).expect("some work");
        *outcome = Outcome::Fails;
        let cell = *cell;
        assert_eq!(broken(&before, &now), [cell]);
        assert_eq!(broken(&before, &before), []);
    }
}
