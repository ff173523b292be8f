//! Schema, parser and a validator written by others agree.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path as FsPath;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{shared, walk};
use crate::units;
use crate::yaml;

/// The keywords that [`walk`] obeys, and those that say nothing about validity.
const KNOWN: [&str; 22] = [
    "$defs",
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "const",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "oneOf",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
];

fn schemas(root: &Json) -> Vec<&Json> {
    let mut found = vec![root];
    let mut next = 0;
    while next < found.len() {
        let schema = found[next];
        next += 1;
        for keyword in ["properties", "$defs"] {
            found.extend(schema.get(keyword).and_then(Json::as_object).into_iter().flat_map(|object| object.values()));
        }
        for keyword in ["anyOf", "oneOf"] {
            found.extend(schema.get(keyword).and_then(Json::as_array).into_iter().flatten());
        }
        found.extend(schema.get("items"));
    }
    found
}

#[test]
fn the_walk_knows_every_keyword_that_the_schema_uses() {
    let used: BTreeSet<&str> =
        schemas(shared()).into_iter().filter_map(Json::as_object).flat_map(|o| o.keys().map(String::as_str)).collect();
    let known = BTreeSet::from(KNOWN);
    assert!(used.is_subset(&known), "{:?}", used.difference(&known));
}

#[test]
fn every_map_refuses_unknown_keys_and_every_key_says_what_it_is_for() {
    for schema in schemas(shared()).into_iter().filter(|schema| schema["type"] == "object") {
        assert_eq!(schema["additionalProperties"], json!(false), "{schema}");
        let properties = schema["properties"].as_object().expect("properties");
        // The one key of a rule is described by the rule.
        for (key, property) in properties.iter().filter(|_| properties.len() > 1) {
            assert!(property.get("description").is_some(), "{key} of {schema}");
        }
    }
}

#[test]
fn every_pattern_is_one_that_the_parser_reads() {
    for pattern in schemas(shared()).into_iter().filter_map(|schema| schema.get("pattern")) {
        let pattern = pattern.as_str().expect("text");
        assert!(units::fits(pattern, "").is_some(), "{pattern}");
    }
}

fn validator(schema: &Json) -> jsonschema::Validator {
    jsonschema::draft202012::new(schema).expect("a valid schema")
}

fn agree(validator: &jsonschema::Validator, text: &str) -> Option<bool> {
    let (root, defects) = yaml::read(text);
    let root = root.filter(|_| defects.is_empty())?;
    let ours = walk::check(&root, shared());
    let verdict = ours.findings.is_empty();
    let theirs = validator.is_valid(&root.to_json());
    assert_eq!(verdict, theirs, "{text}\n{:#?}", ours.findings);
    if verdict {
        let sound = ours.sound.expect("sound");
        let document: Result<crate::document::Document, _> = serde_json::from_value(sound.to_json());
        assert!(document.is_ok(), "{text}\n{document:?}");
    }
    Some(verdict)
}

/// Every document of the problem cases, good and bad.
fn corpus() -> Vec<String> {
    let root = FsPath::new(env!("CARGO_MANIFEST_DIR")).join("tests/problems");
    let cases = fs::read_dir(root).expect("cases").map(|case| case.expect("case").path());
    cases
        .flat_map(|case| ["good.yaml", "bad.yaml"].map(|name| fs::read_to_string(case.join(name)).expect("document")))
        .collect()
}

#[test]
fn an_independent_validator_gives_the_same_verdict_on_every_case() {
    let validator = validator(shared());
    let verdicts: Vec<bool> = corpus().iter().filter_map(|text| agree(&validator, text)).collect();
    let good = verdicts.iter().filter(|good| **good).count();
    assert!(good > 50 && verdicts.len() - good > 10, "{good} of {}", verdicts.len());
}

/// A value to put in place of another.
fn replacement() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-2_i64..100_000).prop_map(Json::from),
        (-4..40_i32).prop_map(|quarters| Json::from(f64::from(quarters) / 4.0)),
        proptest::sample::select(vec!["", "off", "10s", "tlcp", "none", "standard", "64KiB", "info", "x"])
            .prop_map(Json::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!(["tlcp"])),
        Just(json!({ "dns": "a" })),
        Just(json!({ "inline": "a" })),
        Just(json!({ "name": "a" })),
        Just(json!({ "dns": "a", "ip": "b" })),
    ]
}

/// Replaces, removes or adds something at a random place.
fn mutate(root: &mut Json, choices: &[usize], value: Json) {
    let mut place = root;
    for choice in choices {
        let count = match &*place {
            Json::Array(items) => items.len(),
            Json::Object(entries) => entries.len(),
            _ => 0,
        };
        if count == 0 {
            break;
        }
        place = match place {
            Json::Array(items) => &mut items[choice % count],
            Json::Object(entries) => entries.values_mut().nth(choice % count).expect("within"),
            _ => return,
        };
    }
    match place {
        Json::Object(entries) if choices.first().is_some_and(|choice| choice % 2 == 0) => {
            let keys = ["name", "tls", "cert", "zzz"];
            entries.insert(keys[choices.len() % keys.len()].to_owned(), value);
        }
        Json::Object(entries) if choices.first().is_some_and(|choice| choice % 3 == 0) => {
            let first = entries.keys().next().cloned();
            first.map(|key| entries.remove(&key));
        }
        other => *other = value,
    }
}

proptest! {
    #[test]
    fn an_independent_validator_gives_the_same_verdict_on_mutations(
        index in any::<proptest::sample::Index>(),
        choices in proptest::collection::vec(0_usize..24, 1..8),
        value in replacement(),
    ) {
        thread_local! {
            static SHARED: (jsonschema::Validator, Vec<String>) = (validator(shared()), corpus());
        }
        SHARED.with(|(validator, corpus)| {
            let (root, _) = yaml::read(&corpus[index.index(corpus.len())]);
            if let Some(root) = root {
                let mut document = root.to_json();
                mutate(&mut document, &choices, value);
                agree(validator, &document.to_string());
            }
        });
    }

    #[test]
    fn patterns_and_parsers_say_the_same(text in "(off|[0-9]{0,11})?(B|KiB|MiB|GiB|KB|ms|s|m|h|d| s|\\n)?") {
        for pattern in [units::DURATION_PATTERN, units::DURATION_OR_OFF_PATTERN, units::SIZE_PATTERN] {
            let schema = validator(&json!({ "pattern": pattern }));
            prop_assert_eq!(units::fits(pattern, &text), Some(schema.is_valid(&json!(text))), "{}", pattern);
        }
    }
}

#[test]
fn what_to_do_is_one_line_also_where_the_description_has_several() {
    let problems = crate::parse("listeners: [{ bind: 127.0.0.1:1, backend: 1 }]", std::path::Path::new("a.yaml"))
        .expect_err("a backend is no number");
    let todo = &problems.iter().next().expect("a problem").todo;
    assert!(todo.contains("that has none of its own") && !todo.contains('\n'), "{todo:?}");
}
