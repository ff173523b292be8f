//! Values that may take one of several forms.

use serde_json::Value as Json;

use super::{Rule, Walk, explained, one_of};
use crate::yaml::{Node, Value};

/// The forms, if there are several.
pub(super) fn alternatives<'s>(root: &'s Json, rule: Rule<'s>) -> Option<Vec<Rule<'s>>> {
    let listed = rule.schema.get("anyOf").or_else(|| rule.schema.get("oneOf"))?.as_array()?;
    Some(listed.iter().map(|schema| rule.child(root, schema)).collect())
}

/// The forms, those of forms included; the rule itself if it has one form only.
pub(super) fn flattened<'s>(root: &'s Json, rule: Rule<'s>) -> Vec<Rule<'s>> {
    match alternatives(root, rule) {
        Some(forms) => forms.into_iter().flat_map(|form| flattened(root, form)).collect(),
        None => vec![rule],
    }
}

impl<'s> Walk<'s> {
    /// Checks a value against the one form that is meant.
    pub(super) fn union(&mut self, node: &Node, rule: Rule<'s>, listed: &[Rule<'s>]) -> Option<Node> {
        let forms = flattened(self.root, rule);
        if let Some(words) = all_words(&forms) {
            return match &node.value {
                Value::Text(text) if words.contains(&text.as_str()) => Some(node.clone()),
                _ => self.unknown_word(node, rule, &words),
            };
        }
        // A map where single words are allowed too can only be meant as the map, and so on.
        let fitting: Vec<Rule<'s>> = forms.iter().copied().filter(|form| form.accepts_type_of(node)).collect();
        match fitting.as_slice() {
            [] => self.wrong_type(node, rule, &wanted(&forms)),
            [form] => self.node(node, Rule { description: described(rule, *form, listed.len()), ..*form }),
            several => match several.iter().find_map(|form| self.silently(node, *form)) {
                Some(sound) => Some(sound),
                None => self.best_form(node, rule, several),
            },
        }
    }

    fn silently(&mut self, node: &Node, form: Rule<'s>) -> Option<Node> {
        let (findings, dropped, count) = (self.findings.len(), self.dropped.len(), self.count);
        let sound = self.node(node, form).filter(|_| self.count == count);
        self.findings.truncate(findings);
        self.dropped.truncate(dropped);
        self.count = count;
        sound
    }

    /// Complains about the form that shares most keys with the value.
    fn best_form(&mut self, node: &Node, rule: Rule<'s>, forms: &[Rule<'s>]) -> Option<Node> {
        let Value::Map(entries) = &node.value else { return self.node(node, *forms.first()?) };
        let present = |form: &Rule<'s>| entries.iter().filter(|e| form.knows(&e.key)).count();
        let keys: Vec<&str> = forms.iter().flat_map(|form| form.properties().map(|(key, _)| key)).collect();
        let known = entries.iter().filter(|entry| keys.contains(&entry.key.as_str())).count();
        match (known, entries.as_slice()) {
            (0, [entry]) => {
                let near = crate::suggest::nearest(&entry.key, keys.iter().copied());
                let listed = format!("known here: {}", keys.join(", "));
                let todo = near.map_or_else(|| listed.clone(), |near| format!("did you mean {near}? ({listed})"));
                let what = format!("unknown key {}", crate::yaml::quote(&entry.key));
                self.refuse(entry.key_mark, what, todo)
            }
            (1, [_]) => {
                let form = forms.iter().copied().max_by_key(present)?;
                // Without its one key there is nothing left of it.
                self.node(node, form);
                None
            }
            _ => {
                let found: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).take(keys.len()).collect();
                let what = match found.as_slice() {
                    [] => "exactly one key is expected here, not none".to_owned(),
                    found => format!("exactly one key is expected here, not {}", quoted(found)),
                };
                self.refuse(node.mark, what, explained(&format!("keep {}", one_of(&keys)), rule))
            }
        }
    }
}

impl<'s> Rule<'s> {
    /// The key of a map that always has this one key.
    fn only_key(self) -> Option<&'s str> {
        let mut required = self.required();
        required.next().filter(|_| required.next().is_none() && self.properties().count() == 1)
    }
}

fn quoted(keys: &[&str]) -> String {
    keys.iter().map(|key| crate::yaml::quote(key)).collect::<Vec<_>>().join(", ")
}

fn all_words<'s>(forms: &[Rule<'s>]) -> Option<Vec<&'s str>> {
    let words: Option<Vec<Vec<&str>>> = forms.iter().map(|form| form.words()).collect();
    words.map(|words| words.concat())
}

/// The value's own description says more than that of a form with a type of its own.
fn described<'s>(rule: Rule<'s>, form: Rule<'s>, forms: usize) -> &'s str {
    if forms > 1 && !rule.description.is_empty() { rule.description } else { form.description }
}

fn wanted(forms: &[Rule<'_>]) -> String {
    let words: Vec<&str> = forms.iter().filter_map(|form| form.words()).flatten().collect();
    let mut parts: Vec<String> = Vec::new();
    if !words.is_empty() {
        parts.push(one_of(&words));
    }
    let others = || forms.iter().filter(|form| form.words().is_none());
    let keys: Vec<&str> = others().filter_map(|form| form.only_key()).collect();
    if !keys.is_empty() {
        parts.push(format!("a map with {}", one_of(&keys)));
    }
    for form in others().filter(|form| form.only_key().is_none()) {
        let part = form.wanted();
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts.join(" or ")
}
