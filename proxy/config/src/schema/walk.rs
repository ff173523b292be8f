//! The structural check: a document against the schema.
//!
//! All that is wrong is reported, and what is wrong is taken out: the tree that comes back fits the schema, so that the
//! parts that are right can be looked at further. The keywords known here are those that the generator emits; a test
//! fails when it starts to emit another one.

mod union;

use serde_json::{Map, Value as Json};

use crate::path::{Path, Step};
use crate::suggest;
use crate::units;
use crate::yaml::{Entry, Item, Mark, Node, Value, quote};

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) mark: Mark,
    pub(crate) path: Path,
    pub(crate) what: String,
    pub(crate) todo: String,
}

/// Most findings that are kept.
const MAX_FINDINGS: usize = 1000;

/// What came out of a check.
pub(crate) struct Checked {
    /// What of the document fits the schema, but for keys that are missing; absent if nothing does.
    pub(crate) sound: Option<Node>,
    /// All that is wrong.
    pub(crate) findings: Vec<Finding>,
    /// Keys and elements that were taken out.
    pub(crate) dropped: Vec<Path>,
}

/// Checks `root`.
pub(crate) fn check(root: &Node, schema: &Json) -> Checked {
    let mut walk = Walk { root: schema, path: Path::default(), findings: Vec::new(), count: 0, dropped: Vec::new() };
    let sound = walk.node(root, Rule::of(schema, schema));
    Checked { sound, findings: walk.findings, dropped: walk.dropped }
}

/// A schema with its references followed, and the nearest description.
#[derive(Clone, Copy)]
struct Rule<'s> {
    schema: &'s Map<String, Json>,
    description: &'s str,
}

impl<'s> Rule<'s> {
    fn of(root: &'s Json, schema: &'s Json) -> Self {
        Self::described(root, schema, "")
    }

    /// The rule of `schema`; its own description, else that of what it refers to, else `fallback`.
    fn described(root: &'s Json, schema: &'s Json, fallback: &'s str) -> Self {
        static NOTHING: std::sync::OnceLock<Map<String, Json>> = std::sync::OnceLock::new();
        let text = |schema: &'s Map<String, Json>| schema.get("description").and_then(Json::as_str);
        let own = schema.as_object().unwrap_or_else(|| NOTHING.get_or_init(Map::new));
        let mut target = own;
        while let Some(name) = target.get("$ref").and_then(Json::as_str).and_then(|to| to.strip_prefix("#/$defs/")) {
            let Some(next) = root["$defs"][name].as_object() else { break };
            target = next;
        }
        Self { schema: target, description: text(own).or_else(|| text(target)).unwrap_or(fallback) }
    }

    fn child(self, root: &'s Json, schema: &'s Json) -> Self {
        Self::described(root, schema, self.description)
    }

    fn number(self, keyword: &str) -> Option<f64> {
        self.schema.get(keyword).and_then(Json::as_f64)
    }

    fn bound(self, keyword: &str) -> Option<usize> {
        self.schema.get(keyword).and_then(Json::as_u64).and_then(|bound| usize::try_from(bound).ok())
    }

    fn types(self) -> Vec<&'s str> {
        match self.schema.get("type") {
            Some(Json::String(name)) => vec![name],
            Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The fixed words, if that is what it wants.
    fn words(self) -> Option<Vec<&'s str>> {
        if let Some(word) = self.schema.get("const") {
            return Some(word.as_str().into_iter().collect());
        }
        let words = self.schema.get("enum")?.as_array()?;
        Some(words.iter().filter_map(Json::as_str).collect())
    }

    fn properties(self) -> impl Iterator<Item = (&'s str, &'s Json)> {
        let properties = self.schema.get("properties").and_then(Json::as_object);
        properties.into_iter().flatten().map(|(key, schema)| (key.as_str(), schema))
    }

    fn property(self, key: &str) -> Option<&'s Json> {
        self.schema.get("properties").and_then(|properties| properties.get(key))
    }

    fn knows(self, key: &str) -> bool {
        self.property(key).is_some()
    }

    fn required(self) -> impl Iterator<Item = &'s str> {
        self.schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
    }

    /// What it wants, for people.
    fn wanted(self) -> String {
        if let Some(words) = self.words() {
            return one_of(&words);
        }
        let pattern = self.schema.get("pattern").and_then(Json::as_str);
        let wanted = self.types().into_iter().filter_map(|name| match name {
            "string" if pattern.is_some() => pattern.map(units::described),
            // The pattern's words speak of plain numbers too.
            "integer" if pattern.is_some() => None,
            "string" => Some("a text"),
            "integer" => Some("a whole number"),
            "number" => Some("a number"),
            "boolean" => Some("true or false"),
            "array" => Some("a list"),
            "object" => Some("a map of keys and values"),
            _ => None,
        });
        wanted.collect::<Vec<_>>().join(" or ")
    }

    fn accepts_type_of(self, node: &Node) -> bool {
        let types = self.types();
        types.is_empty()
            || types.into_iter().any(|name| match (&node.value, name) {
                (Value::Text(_), "string")
                | (Value::Integer(_), "integer" | "number")
                | (Value::Float(_), "number")
                | (Value::Bool(_), "boolean")
                | (Value::List(_), "array")
                | (Value::Map(_), "object") => true,
                (Value::Float(value), "integer") => value.fract() == 0.0,
                _ => false,
            })
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [word] => (*word).to_owned(),
        words => format!("one of {}", words.join(", ")),
    }
}

struct Walk<'s> {
    root: &'s Json,
    path: Path,
    findings: Vec<Finding>,
    /// How much is wrong, also beyond what is kept.
    count: usize,
    dropped: Vec<Path>,
}

impl<'s> Walk<'s> {
    fn node(&mut self, node: &Node, rule: Rule<'s>) -> Option<Node> {
        if let Some(alternatives) = union::alternatives(self.root, rule) {
            return self.union(node, rule, &alternatives);
        }
        if matches!(node.value, Value::Null) {
            let (what, todo) = match self.path.is_root() {
                true => ("the document is empty", "write listeners, each with bind, tls and backend".to_owned()),
                false => ("no value follows", format!("write {} or remove the key", rule.wanted())),
            };
            return self.refuse(node.mark, what.to_owned(), explained(&todo, rule));
        }
        if !rule.accepts_type_of(node) {
            return self.wrong_type(node, rule, &rule.wanted());
        }
        match &node.value {
            Value::Map(entries) => self.map(node, entries, rule),
            Value::List(items) => self.list(node, items, rule),
            Value::Text(text) => self.text(node, text, rule),
            #[expect(clippy::cast_precision_loss, reason = "bounds are small")]
            Value::Integer(value) => self.number(node, *value as f64, rule).then(|| node.clone()),
            Value::Float(value) => self.number(node, *value, rule).then(|| whole(node, *value, rule)),
            Value::Bool(_) | Value::Null => Some(node.clone()),
        }
    }

    fn refuse<T>(&mut self, mark: Mark, what: String, todo: String) -> Option<T> {
        self.count += 1;
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding { mark, path: self.path.clone(), what, todo });
        }
        None
    }

    fn wrong_type(&mut self, node: &Node, rule: Rule<'s>, wanted: &str) -> Option<Node> {
        let what = format!("{wanted} is expected here, not {}", node.kind());
        let todo = match (&node.value, wanted) {
            (Value::Text(text), "true or false") if matches!(text.as_str(), "yes" | "on" | "Yes" | "On") => {
                "write true".to_owned()
            }
            (Value::Text(text), "true or false") if matches!(text.as_str(), "no" | "off" | "No" | "Off") => {
                "write false".to_owned()
            }
            (Value::Integer(_) | Value::Float(_) | Value::Bool(_), "a text") => {
                "put it in quotes if it is meant as it stands".to_owned()
            }
            _ => format!("write {wanted}"),
        };
        self.refuse(node.mark, what, explained(&todo, rule))
    }

    fn map(&mut self, node: &Node, entries: &[Entry], rule: Rule<'s>) -> Option<Node> {
        let mut sound = Vec::with_capacity(entries.len());
        for entry in entries {
            self.path.push(Step::Key(entry.key.clone()));
            match rule.property(&entry.key) {
                Some(schema) => {
                    let child = rule.child(self.root, schema);
                    match self.node(&entry.node, child) {
                        Some(node) => sound.push(Entry { key: entry.key.clone(), key_mark: entry.key_mark, node }),
                        None => self.dropped.push(self.path.clone()),
                    }
                }
                None => {
                    self.unknown_key(entry, rule);
                    self.dropped.push(self.path.clone());
                }
            }
            self.path.pop();
        }
        for key in rule.required() {
            // A misspelt key has been reported as such.
            let misspelt = |entry: &Entry| suggest::nearest(&entry.key, known(rule)) == Some(key);
            if !entries.iter().any(|entry| entry.key == key || !rule.knows(&entry.key) && misspelt(entry)) {
                let about = rule.property(key).map(|schema| Rule::described(self.root, schema, ""));
                let todo = format!("add {key}");
                let todo = about.map_or_else(|| todo.clone(), |rule| explained(&todo, rule));
                self.refuse::<()>(node.mark, format!("the key {key} is missing"), todo);
            }
        }
        Some(Node { mark: node.mark, value: Value::Map(sound) })
    }

    fn unknown_key(&mut self, entry: &Entry, rule: Rule<'s>) {
        if self.findings.len() == MAX_FINDINGS {
            // Nobody will read a guess at what was meant.
            self.count += 1;
            return;
        }
        let known: Vec<&str> = known(rule).collect();
        let root = self.root;
        let inside = rule.properties().find(|(_, schema)| {
            union::flattened(root, Rule::of(root, schema)).iter().any(|rule| rule.knows(&entry.key))
        });
        let listed = format!("known here: {}", known.join(", "));
        let todo = if entry.key == "<<" {
            "merge keys are not part of YAML 1.2: write the keys out".to_owned()
        } else if let Some(near) = suggest::nearest(&entry.key, known.iter().copied()) {
            format!("did you mean {near}? ({listed})")
        } else if let Some((parent, _)) = inside {
            format!("move it into {parent} ({listed})")
        } else {
            format!("remove it ({listed})")
        };
        self.refuse::<()>(entry.key_mark, format!("unknown key {}", quote(&entry.key)), todo);
    }

    fn list(&mut self, node: &Node, items: &[Item], rule: Rule<'s>) -> Option<Node> {
        let counted = |count: usize| if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") };
        if let Some(min) = rule.bound("minItems").filter(|min| items.len() < *min) {
            let what = format!("the list has {}, at least {min} is needed", counted(items.len()));
            return self.refuse(node.mark, what, explained("add one", rule));
        }
        if let Some(max) = rule.bound("maxItems").filter(|max| items.len() > *max) {
            let what = format!("the list has {}, at most {max} are allowed", counted(items.len()));
            return self.refuse(node.mark, what, "shorten the list".to_owned());
        }
        let Some(schema) = rule.schema.get("items") else { return Some(node.clone()) };
        let child = rule.child(self.root, schema);
        let mut sound = Vec::with_capacity(items.len());
        for item in items {
            self.path.push(Step::Index(item.index));
            match self.node(&item.node, child) {
                Some(node) => sound.push(Item { index: item.index, node }),
                None => self.dropped.push(self.path.clone()),
            }
            self.path.pop();
        }
        Some(Node { mark: node.mark, value: Value::List(sound) })
    }

    fn text(&mut self, node: &Node, text: &str, rule: Rule<'s>) -> Option<Node> {
        if let Some(words) = rule.words() {
            return if words.contains(&text) { Some(node.clone()) } else { self.unknown_word(node, rule, &words) };
        }
        if let Some(pattern) = rule.schema.get("pattern").and_then(Json::as_str)
            && units::fits(pattern, text) != Some(true)
        {
            let wanted = units::described(pattern);
            let what = format!("{} is not {wanted}", quote(text));
            return self.refuse(node.mark, what, explained(&format!("write {wanted}"), rule));
        }
        let length = text.chars().count();
        if rule.bound("minLength").is_some_and(|min| length < min) {
            return self.refuse(node.mark, "the text is empty".to_owned(), explained("write a value", rule));
        }
        if let Some(max) = rule.bound("maxLength").filter(|max| length > *max) {
            let what = format!("the text has {length} characters, at most {max} are allowed");
            return self.refuse(node.mark, what, "shorten it".to_owned());
        }
        Some(node.clone())
    }

    fn unknown_word(&mut self, node: &Node, rule: Rule<'s>, words: &[&str]) -> Option<Node> {
        let Value::Text(text) = &node.value else {
            // `1.2` for `tls1.2`.
            let number = node.to_json().to_string();
            let meant = words.iter().find(|word| matches!(node.value, Value::Float(_)) && word.ends_with(&number));
            return self.wrong_type(node, rule, meant.map_or(&one_of(words), |word| word));
        };
        let what = format!("{} means nothing here", quote(text));
        let wanted = one_of(words);
        let todo = match suggest::nearest(text, words.iter().copied()) {
            Some(near) => format!("did you mean {near}? (known here: {})", words.join(", ")),
            None => explained(&format!("write {wanted}"), rule),
        };
        self.refuse(node.mark, what, todo)
    }

    fn number(&mut self, node: &Node, value: f64, rule: Rule<'s>) -> bool {
        let range = (rule.number("minimum"), rule.number("maximum"));
        let fits = range.0.is_none_or(|min| value >= min) && range.1.is_none_or(|max| value <= max);
        if !fits {
            let wanted = match range {
                (Some(min), Some(max)) => format!("a number from {min} to {max}"),
                (Some(min), None) => format!("a number of at least {min}"),
                (None, max) => format!("a number of at most {}", max.unwrap_or_default()),
            };
            self.refuse::<()>(
                node.mark,
                format!("{value} is out of range"),
                explained(&format!("write {wanted}"), rule),
            );
        }
        fits
    }
}

fn known(rule: Rule<'_>) -> impl Iterator<Item = &str> {
    rule.properties().map(|(key, _)| key)
}

/// `todo`, then what the value is for.
fn explained(todo: &str, rule: Rule<'_>) -> String {
    if rule.description.is_empty() {
        return todo.to_owned();
    }
    // The schema keeps the line breaks of the source; a problem says in one line what to do.
    format!("{todo}: {}", rule.description.replace('\n', " "))
}

/// JSON Schema counts 1.0 among the integers, serde does not.
fn whole(node: &Node, value: f64, rule: Rule<'_>) -> Node {
    #[expect(clippy::cast_possible_truncation, reason = "the bound of the schema was checked and is below 2^53")]
    let value = if rule.types().contains(&"integer") { Value::Integer(value as i64) } else { node.value.clone() };
    Node { mark: node.mark, value }
}
