//! The way to a node, from the root of the document.

use std::fmt;

use crate::yaml::{Mark, Node, Value};

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// Steps from the root, shown as `listeners[0].tls.policy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Path(Vec<Step>);

impl Path {
    pub(crate) fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    pub(crate) fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    pub(crate) const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The way to the list or map that the node stands in.
    pub(crate) fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, steps)| Self(steps.to_vec()))
    }

    /// Where the path leads in `root`, as far as it goes. Indices count the elements that are left in `root`; the path
    /// that comes back has those of the document. A key is marked where the key stands.
    pub(crate) fn locate(&self, root: &Node) -> (Mark, Self) {
        let mut mark = root.mark;
        let mut node = Some(root);
        let mut written = Self::default();
        for step in &self.0 {
            let value = node.map(|node| &node.value);
            let next = match (step, value) {
                (Step::Key(key), Some(Value::Map(entries))) => {
                    written.push(step.clone());
                    entries.iter().find(|entry| entry.key == *key).map(|entry| (entry.key_mark, &entry.node))
                }
                (Step::Index(index), Some(Value::List(items))) => {
                    let item = items.get(*index);
                    written.push(Step::Index(item.map_or(*index, |item| item.index)));
                    item.map(|item| (item.node.mark, &item.node))
                }
                // A single value where a list may stand.
                (Step::Index(0), Some(_)) => node.map(|node| (node.mark, node)),
                _ => {
                    written.push(step.clone());
                    None
                }
            };
            mark = next.map_or(mark, |(mark, _)| mark);
            node = next.map(|(_, node)| node);
        }
        (mark, written)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 60;
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'$'));
                    if plain && !key.is_empty() && key.len() <= SHOWN {
                        f.write_str(key)?;
                    } else {
                        f.write_str(&crate::yaml::quote(key))?;
                    }
                }
            }
        }
        Ok(())
    }
}
