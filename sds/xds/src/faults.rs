//! What was wrong with a response, in a bounded space.

use crate::text::Name;
use std::collections::BTreeMap;

/// The faults of a response, by resource, and one that is the response's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    named: BTreeMap<Name, String>,
    /// The fault of the response itself or of a resource without a name; the newest of them.
    other: Option<String>,
    omitted: usize,
}

impl Faults {
    pub(crate) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.other.is_none() && self.omitted == 0
    }

    /// Notes a fault of a resource.
    pub(crate) fn note(&mut self, name: Name, reason: impl Into<String>, detail: usize) {
        if self.named.len() >= MOST && !self.named.contains_key(&name) {
            self.omitted = self.omitted.saturating_add(1);
        } else {
            self.named.insert(name, cut(reason.into(), detail));
        }
    }

    /// Notes a fault that no name can be put to.
    pub(crate) fn note_other(&mut self, reason: impl Into<String>, detail: usize) {
        self.other = Some(cut(reason.into(), detail));
    }

    /// Forgets what has been overtaken by a newer resource of that name.
    pub(crate) fn forget(&mut self, name: &Name) {
        self.named.remove(name);
    }

    /// Takes over the faults of a newer response.
    pub(crate) fn merge(&mut self, newer: Self, detail: usize) {
        for (name, reason) in newer.named {
            self.note(name, reason, detail);
        }
        self.other = newer.other.or_else(|| self.other.take());
        self.omitted = self.omitted.saturating_add(newer.omitted);
    }

    /// All of it as the text of a NACK, at most so many bytes and an ellipsis.
    pub(crate) fn text(&self, detail: usize) -> String {
        let mut parts: Vec<String> = self.other.iter().cloned().collect();
        parts.extend(self.named.iter().map(|(name, reason)| format!("{name}: {reason}")));
        if self.omitted > 0 {
            parts.push(format!("and {} more", self.omitted));
        }
        cut(parts.join("; "), detail)
    }
}

/// Cuts text for people to a number of bytes, at a character's boundary.
pub(crate) fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
        text.push('…');
    }
    text
}

/// More than anybody reads.
const MOST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_names_each_resource_and_stays_short() {
        let mut faults = Faults::default();
        faults.note("b".into(), "expired", 100);
        faults.note("a".into(), "no key", 100);
        faults.note_other("no name", 100);
        assert_eq!(faults.text(100), "no name; a: no key; b: expired");
        assert_eq!(faults.text(9), "no name; …");
        for number in 0..1000 {
            faults.note(format!("n{number}").as_str().into(), "x".repeat(1000), 5);
        }
        assert!(faults.text(10_000).ends_with("and 970 more"), "{}", faults.text(10_000));
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("证书".to_owned(), 4), "证…");
    }
}
