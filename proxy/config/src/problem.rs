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

/// Most bytes of one text; what is longer quotes a value that nobody would read to its end.
const MAX_TEXT: usize = 4096;

/// Cuts a text at its bound and writes control characters, also those that turn the direction, as their escapes.
fn shown(text: &mut String) {
    let turns = |one| matches!(one, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let unsafe_to_show = |one: char| one.is_control() || turns(one);
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
    }
    if text.contains(unsafe_to_show) {
        let mut escaped = String::with_capacity(text.len());
        for one in text.chars() {
            if unsafe_to_show(one) {
                escaped.extend(one.escape_default());
            } else {
                escaped.push(one);
            }
        }
        *text = escaped;
    }
}

/// All that is wrong with a document, in the order of its lines. Never empty where it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
    omitted: usize,
}

impl Problems {
    /// What the document says may stand in each text, so that all of them are made safe to show.
    pub(crate) fn add(&mut self, mut problem: Problem) {
        if self.list.len() < MAX_KEPT {
            for text in [&mut problem.what, &mut problem.todo, &mut problem.position.path] {
                shown(text);
            }
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

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_a_document_says_is_safe_to_show() {
        for (said, expected) in [
            ("no operator %P\u{1b}[2J%", "no operator %P\\u{1b}[2J%"),
            ("two\nlines", "two\\nlines"),
            ("\u{202e}backwards", "\\u{202e}backwards"),
            ("国密 %A%", "国密 %A%"),
        ] {
            let mut text = said.to_owned();
            shown(&mut text);
            assert_eq!(text, expected);
        }
        let mut long = "国".repeat(1 << 16);
        shown(&mut long);
        assert!(long.len() < 4200 && long.ends_with("国…"), "{}", long.len());
    }
}
