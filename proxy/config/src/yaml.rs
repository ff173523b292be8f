//! Text to a tree that knows where each of its nodes was written.
//!
//! One YAML 1.2 document (JSON is one too) with the core schema: `yes` and `on` are texts. Bounded in size, depth and
//! what aliases may add; recursion-free in the parser below and shallow here.

mod scalar;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::path::{Path, Step};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};

/// Largest document that is read.
pub const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting; the format itself needs nine.
const MAX_DEPTH: usize = 32;
/// What aliases may add to a document, in bytes of text plus [`NODE_WEIGHT`] for each node.
const MAX_ALIASED: usize = 1 << 20;
const NODE_WEIGHT: usize = 16;
/// Most defects that are kept.
const MAX_DEFECTS: usize = 500;

/// A place in the text, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Mark {
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

impl From<Marker> for Mark {
    fn from(marker: Marker) -> Self {
        Self { line: marker.line().max(1), column: marker.col() + 1 }
    }
}

/// A node and where it starts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Item>),
    Map(Vec<Entry>),
}

/// One element of a list. Its index is kept because broken elements are taken out later.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) index: usize,
    pub(crate) node: Node,
}

/// One entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_mark: Mark,
    pub(crate) node: Node,
}

impl Node {
    /// What it is, for people.
    pub(crate) fn kind(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(value) => format!("the truth value {value}"),
            Value::Integer(value) => format!("the number {value}"),
            Value::Float(value) => format!("the number {value}"),
            Value::Text(text) => format!("the text {}", quote(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    /// The same without positions.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(|item| item.node.to_json()).collect(),
            Value::Map(entries) => {
                serde_json::Value::Object(entries.iter().map(|e| (e.key.clone(), e.node.to_json())).collect())
            }
        }
    }

    fn weight(&self) -> usize {
        let content = match &self.value {
            Value::Text(text) => text.len(),
            Value::List(items) => items.iter().map(|item| item.node.weight()).sum(),
            Value::Map(entries) => entries.iter().map(|e| e.key.len() + e.node.weight()).sum(),
            _ => 0,
        };
        NODE_WEIGHT + content
    }
}

/// A text from the document as it may appear in a message: quoted, escaped, cut.
pub(crate) fn quote(text: &str) -> String {
    const SHOWN: usize = 60;
    if text.contains("-----BEGIN") {
        return "PEM text".to_owned();
    }
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// Why the text is not a document, or a defect in one that could be read past.
#[derive(Debug, PartialEq)]
pub(crate) struct Defect {
    pub(crate) mark: Mark,
    pub(crate) path: Path,
    pub(crate) what: String,
    pub(crate) todo: String,
}

impl Defect {
    fn new(mark: Mark, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { mark, path: Path::default(), what: what.into(), todo: todo.into() }
    }
}

/// Reads `text`. The tree is absent if the text could not be read to its end.
pub(crate) fn read(text: &str) -> (Option<Node>, Vec<Defect>) {
    if text.len() > MAX_BYTES {
        let what = format!("the document has {} bytes, more than {MAX_BYTES}", text.len());
        return (None, vec![Defect::new(Mark::START, what, "move certificates and keys from inline text to files")]);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        defects: Vec::new(),
        anchors: HashMap::new(),
        aliased: 0,
        path: Path::default(),
    };
    match reader.stream() {
        Ok(root) => (Some(root), reader.defects),
        Err(fatal) => {
            reader.defects.push(Defect { path: reader.path, ..fatal });
            (None, reader.defects)
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    defects: Vec<Defect>,
    anchors: HashMap<usize, (Node, usize)>,
    aliased: usize,
    path: Path,
}

type Fatal = Defect;

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Mark), Fatal> {
        match self.parser.next_event() {
            Some(Ok((event, Span { start, .. }))) => Ok((event, start.into())),
            Some(Err(error)) => Err(Defect::new(
                (*error.marker()).into(),
                format!("not well-formed YAML: {}", error.info()),
                "check indentation, brackets and quotes at this place and on the line before",
            )),
            None => Ok((Event::StreamEnd, Mark::START)),
        }
    }

    fn stream(&mut self) -> Result<Node, Fatal> {
        let mut root = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => break,
                (Event::DocumentStart(_), mark) if root.is_some() => {
                    return Err(Defect::new(
                        mark,
                        "a second document starts here",
                        "write one document in a file: remove the line `---` or what follows it",
                    ));
                }
                (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
                (event, mark) => root = Some(self.node(event, mark, 0)?),
            }
        }
        Ok(root.unwrap_or(Node { mark: Mark::START, value: Value::Null }))
    }

    fn node(&mut self, event: Event<'t>, mark: Mark, depth: usize) -> Result<Node, Fatal> {
        if depth > MAX_DEPTH {
            return Err(Defect::new(mark, format!("nested deeper than {MAX_DEPTH} levels"), "remove the extra levels"));
        }
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = self.tag(tag.as_deref(), mark);
                let value = match (style, tag) {
                    (ScalarStyle::Plain, Tagged::No) => scalar::resolve(&text),
                    _ => Value::Text(text.into_owned()),
                };
                (anchor, Node { mark, value })
            }
            Event::SequenceStart(anchor, tag) => {
                self.tag(tag.as_deref(), mark);
                (anchor, Node { mark, value: Value::List(self.list(depth)?) })
            }
            Event::MappingStart(anchor, tag) => {
                self.tag(tag.as_deref(), mark);
                (anchor, Node { mark, value: Value::Map(self.map(depth)?) })
            }
            Event::Alias(anchor) => return self.alias(anchor, mark),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => {
                return Err(Defect::new(mark, "not well-formed YAML: a value is missing", "write a value here"));
            }
        };
        if anchor != 0 {
            let weight = node.weight();
            self.spend(weight, mark)?;
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Item>, Fatal> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, mark) => {
                    self.path.push(Step::Index(items.len()));
                    let node = self.node(event, mark, depth + 1)?;
                    self.path.pop();
                    items.push(Item { index: items.len(), node });
                }
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, Fatal> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::new();
        loop {
            let (event, key_mark) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(entries),
                Event::Scalar(text, ..) => Some(text.into_owned()),
                event => {
                    self.node(event, key_mark, depth + 1)?;
                    None
                }
            };
            let (event, mark) = self.next()?;
            self.path.push(Step::Key(key.clone().unwrap_or_default()));
            let node = self.node(event, mark, depth + 1)?;
            self.path.pop();
            let Some(key) = key else {
                let defect = Defect::new(key_mark, "the key is not a plain word", "write a plain word as the key");
                self.note(Defect { path: self.path.clone(), ..defect });
                continue;
            };
            if let Some(first) = lines.get(&key) {
                let what = format!("the key {} is here a second time (first on line {first})", quote(&key));
                let defect = Defect::new(key_mark, what, "keep one of the two");
                self.note(Defect { path: self.path.key(&key), ..defect });
                continue;
            }
            lines.insert(key.clone(), key_mark.line);
            entries.push(Entry { key, key_mark, node });
        }
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<Node, Fatal> {
        let Some((node, weight)) = self.anchors.get(&anchor).cloned() else {
            return Err(Defect::new(mark, "this alias stands within what it stands for", "write the value out"));
        };
        self.spend(weight, mark)?;
        Ok(node)
    }

    fn note(&mut self, defect: Defect) {
        if self.defects.len() < MAX_DEFECTS {
            self.defects.push(defect);
        }
    }

    fn spend(&mut self, weight: usize, mark: Mark) -> Result<(), Fatal> {
        self.aliased += weight;
        if self.aliased <= MAX_ALIASED {
            return Ok(());
        }
        Err(Defect::new(mark, "anchors and aliases make the document too large", "use fewer aliases"))
    }

    fn tag(&mut self, tag: Option<&Tag>, mark: Mark) -> Tagged {
        match tag {
            None => Tagged::No,
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Tagged::Text,
            Some(tag) if tag.is_yaml_core_schema() => Tagged::No,
            Some(tag) => {
                let what = format!("the tag {} means nothing here", quote(&tag.to_string()));
                self.note(Defect { path: self.path.clone(), ..Defect::new(mark, what, "remove the tag") });
                Tagged::No
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Tagged {
    No,
    Text,
}
