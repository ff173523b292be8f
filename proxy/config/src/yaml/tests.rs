//! What the reader promises.

use proptest::prelude::*;

use super::{Mark, Node, Value, read};

fn good(text: &str) -> Node {
    let (root, defects) = read(text);
    assert_eq!(defects, [], "{text}");
    root.expect("read")
}

fn bad(text: &str) -> String {
    let (_, defects) = read(text);
    defects.into_iter().map(|defect| format!("{}:{} {}", defect.mark.line, defect.mark.column, defect.what)).collect()
}

fn json(text: &str) -> serde_json::Value {
    good(text).to_json()
}

#[test]
fn scalars_follow_the_core_schema() {
    for (text, expected) in [
        ("a", serde_json::json!("a")),
        ("yes", serde_json::json!("yes")),
        ("off", serde_json::json!("off")),
        ("true", serde_json::json!(true)),
        ("'true'", serde_json::json!("true")),
        ("!!str 12", serde_json::json!("12")),
        ("12", serde_json::json!(12)),
        ("-12", serde_json::json!(-12)),
        ("0x10", serde_json::json!(16)),
        ("0o17", serde_json::json!(15)),
        ("0x-1", serde_json::json!("0x-1")),
        ("1.5", serde_json::json!(1.5)),
        ("1e3", serde_json::json!(1000.0)),
        ("1e999", serde_json::json!("1e999")),
        (".", serde_json::json!(".")),
        ("1.2.3", serde_json::json!("1.2.3")),
        ("127.0.0.1:80", serde_json::json!("127.0.0.1:80")),
        ("~", serde_json::json!(null)),
        ("", serde_json::json!(null)),
    ] {
        assert_eq!(json(text), expected, "{text}");
    }
}

#[test]
fn json_is_accepted() {
    let text = "{\n\t\"a\": [1, 2.5, \"x\\u00e9\\/\", true, null],\n\t\"b\":{\"c\":{}}\n}\n";
    assert_eq!(json(text), serde_json::from_str::<serde_json::Value>(text).expect("JSON"));
}

#[test]
fn positions_are_those_of_the_text() {
    let root = good("a: 1\nb:\n  - x\n  - ä: {q: y}\n");
    let Value::Map(entries) = &root.value else { panic!("{root:?}") };
    assert_eq!(entries[1].key_mark, Mark { line: 2, column: 1 });
    let Value::List(items) = &entries[1].node.value else { panic!("{root:?}") };
    assert_eq!(items[0].node.mark, Mark { line: 3, column: 5 });
    let Value::Map(inner) = &items[1].node.value else { panic!("{root:?}") };
    assert_eq!(inner[0].node.mark, Mark { line: 4, column: 8 });
}

#[test]
fn a_key_given_twice_is_a_defect() {
    assert_eq!(json("{a: 1, b: 2}"), serde_json::json!({"a": 1, "b": 2}));
    assert_eq!(bad("a: 1\nb: 2\na: 3\n"), "3:1 the key `a` is here a second time (first on line 1)");
}

#[test]
fn aliases_are_followed_within_a_bound() {
    assert_eq!(json("a: &x [1]\nb: *x\n"), serde_json::json!({"a": [1], "b": [1]}));
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert!(bad(&bomb).contains("too large"), "{}", bad(&bomb));
    assert!(bad("a: &a [*a]").contains("within what it stands for"), "{}", bad("a: &a [*a]"));
}

#[test]
fn what_is_not_one_small_document_is_refused() {
    assert!(bad("a: 1\n---\nb: 2\n").contains("second document"));
    assert!(bad(&"x".repeat(super::MAX_BYTES + 1)).contains("more than"));
    assert!(bad(&"[".repeat(200)).contains("nested deeper"));
    assert!(bad(&"- ".repeat(100_000)).contains("nested deeper"));
    assert!(bad("a: [1").contains("not well-formed"));
    assert!(bad("a: !secret x").contains("tag"));
    assert!(bad("? [a]\n: b\n").contains("not a plain word"));
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?s).{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn no_yaml_like_text_panics(text in "[-a:\\[\\]{},&*!|>'\"\\n\\t #?%0]{0,120}") {
        let _ = read(&text);
    }
}
