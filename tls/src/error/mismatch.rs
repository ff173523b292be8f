//! What one side offers beside what the other takes, for the "no common …" failures.

use std::fmt;

/// As many entries of a list as a log line bears; a hostile hello can name thousands.
const SHOWN: usize = 12;

/// The two lists that have nothing in common. The default value says that they are not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch(Option<Box<Lists>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Lists {
    offered: String,
    accepted: String,
}

impl Mismatch {
    /// Remembers the client's list and ours, each cut to a length that a log line bears.
    pub fn new<O, A>(offered: O, accepted: A) -> Self
    where
        O: IntoIterator<Item: fmt::Display>,
        A: IntoIterator<Item: fmt::Display>,
    {
        Self(Some(Box::new(Lists { offered: joined(offered), accepted: joined(accepted) })))
    }

    /// What the client offers, if known: names joined by commas.
    pub fn offered(&self) -> Option<&str> {
        self.0.as_ref().map(|lists| lists.offered.as_str())
    }

    /// What this side takes, if known.
    pub fn accepted(&self) -> Option<&str> {
        self.0.as_ref().map(|lists| lists.accepted.as_str())
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(lists) => write!(f, ": the client offers {}; this listener takes {}", lists.offered, lists.accepted),
            None => Ok(()),
        }
    }
}

fn joined(items: impl IntoIterator<Item: fmt::Display>) -> String {
    use fmt::Write as _;
    let mut items = items.into_iter();
    let mut text = String::new();
    for item in items.by_ref().take(SHOWN) {
        let separator = if text.is_empty() { "" } else { ", " };
        // Writing to a String does not fail; an entry whose own Display fails is left out.
        let _ = write!(text, "{separator}{item}");
    }
    match items.count() {
        0 if text.is_empty() => text.push_str("none"),
        0 => {}
        more => {
            let _ = write!(text, " and {more} more");
        }
    }
    text
}
