//! The JSON Schema of the operator's document.
//!
//! It is generated from the document's types. The structural check ([`walk`]) reads the very same value, so that an
//! editor and the parser cannot disagree about keys, types, words, bounds and patterns.

#[cfg(test)]
mod tests;
pub(crate) mod walk;

use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::document::Document;

/// The JSON Schema, draft 2020-12, of a configuration document.
#[must_use]
pub fn schema() -> Value {
    shared().clone()
}

pub(crate) fn shared() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let mut schema = schemars::schema_for!(Document).to_value();
        without_null(&mut schema);
        schema
    })
}

/// Takes `null` out wherever an optional value allows it. A key with nothing after it is mostly a slip of indentation,
/// and must not silently mean the default.
fn without_null(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(object) => {
            object.values_mut().for_each(without_null);
            one_type(object);
            one_alternative(object);
        }
        _ => {}
    }
}

fn one_type(object: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = object.get_mut("type") else { return };
    types.retain(|name| name != "null");
    if let [only] = types.as_slice() {
        let only = only.clone();
        object.insert("type".to_owned(), only);
    }
}

fn one_alternative(object: &mut Map<String, Value>) {
    let Some(Value::Array(alternatives)) = object.get_mut("anyOf") else { return };
    let null = serde_json::json!({ "type": "null" });
    alternatives.retain(|alternative| *alternative != null);
    if let [Value::Object(only)] = alternatives.as_mut_slice() {
        let only = std::mem::take(only);
        object.remove("anyOf");
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
    }
}
