//! What is wrong with a document, where, and what to do about it.

use std::fmt;

use crate::model::Position;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub position: Position,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub todo: String,
}

/// Place and path, what is wrong, what to do: one line each.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}\n  to do: {}", self.position, self.what, self.todo)
    }
}

/// Most problems that are kept; the others are counted.
const MAX_KEPT: usize = 500;

/// All that is wrong with a document, in the order of its lines. Never empty where it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
    omitted: usize,
}

impl Problems {
    pub(crate) fn add(&mut self, problem: Problem) {
        if self.list.len() < MAX_KEPT {
            self.list.push(problem);
        } else {
            self.omitted += 1;
        }
    }

    pub(crate) fn sort(&mut self) {
        self.list.sort_by(|a, b| {
            let key = |problem: &Problem| (problem.position.line, problem.position.column);
            key(a).cmp(&key(b)).then_with(|| a.what.cmp(&b.what))
        });
        self.list.dedup();
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many things are wrong, those that are not listed included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.list.len() + self.omitted
    }

    /// How many are wrong beyond those that are listed: a hopeless document does not fill the screen.
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Those that are listed.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One paragraph for each.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        if self.omitted > 0 {
            write!(f, "\n\nand {} more", self.omitted)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
