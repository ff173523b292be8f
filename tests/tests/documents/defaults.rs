//! The defaults that the documents give are those of the code.

use crate::{page, site};
use anyhow::{Context as _, Result};
use jadegate_tests::{jadegate::Jadegate, net};
use serde_json::Value;

const DOCUMENT: &str = "docs/security/defaults.md";

/// A quantity as documents and configuration write it: bytes, milliseconds or a count.
fn quantity(text: &str) -> Option<u64> {
    let text = text.replace([' ', '_'], "");
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "" | "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// The value of a constant's expression, as far as ours go.
fn value(expression: &str) -> Option<u64> {
    if let Some(seconds) = inside(expression, "Duration::from_secs(") {
        return value(seconds)?.checked_mul(1000);
    }
    if let Some(millis) = inside(expression, "Duration::from_millis(") {
        return value(millis);
    }
    if let Some((left, right)) = expression.split_once("<<") {
        return value(left)?.checked_shl(u32::try_from(value(right)?).ok()?);
    }
    if let Some((left, right)) = expression.split_once('*') {
        return value(left)?.checked_mul(value(right)?);
    }
    quantity(expression)
}

fn inside<'a>(expression: &'a str, call: &str) -> Option<&'a str> {
    expression.trim().strip_prefix(call)?.strip_suffix(')')
}

fn constant<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    let declaration = source.split(&format!("const {name}: ")).nth(1)?;
    declaration.split(';').next()?.split_once('=').map(|(_, expression)| expression.trim())
}

#[test]
fn every_fixed_bound_is_the_one_in_the_source() {
    let rows = page::rows(&page::read(DOCUMENT));
    let mut compared = 0;
    for row in rows.iter().filter(|row| row.len() == 4) {
        let codes = page::codes(&row[2]);
        let [file, name] = codes[..] else { panic!("no file and name in {row:?}") };
        let source = page::read(file);
        let expression = constant(&source, name).unwrap_or_else(|| panic!("no {name} in {file}"));
        let (ours, theirs) = (quantity(&row[1]), value(expression));
        assert!(ours.is_some() && ours == theirs, "{name}: the page says {}, {file} {expression}", row[1]);
        compared += 1;
    }
    assert!(compared >= 20, "only {compared}");
}

#[test]
fn every_default_is_the_one_that_a_process_runs_with() -> Result<()> {
    let directory = site::directory()?;
    let certs = directory.path().join("certs");
    let certs = certs.display();
    let process = Jadegate::start(&format!(
        "listeners: [{{ bind: {}, tls: {{ certificates: [{{ cert: {certs}/server.pem, key: {certs}/server.key }}] }}, \
         backend: 127.0.0.1:9 }}]",
        net::free_address()?
    ))?;
    let config: Value = serde_json::from_str(&process.admin("/config")?.body)?;
    process.stop()?;
    let mut compared = 0;
    for row in page::rows(&page::read(DOCUMENT)).iter().filter(|row| row.len() == 3 && row[0].starts_with('`')) {
        let pointer = format!("/{}", row[0].trim_matches('`').replace("[]", ".0").replace('.', "/"));
        let found = config.pointer(&pointer).with_context(|| format!("{pointer} in {config}"))?;
        let same = match found {
            Value::String(text) => quantity(text).is_some() && quantity(text) == quantity(&row[1]),
            Value::Number(number) => number.as_u64().is_some() && number.as_u64() == quantity(&row[1]),
            Value::Bool(flag) => quantity(&row[1]).is_none() && flag.to_string() == row[1],
            _ => false,
        };
        assert!(same, "{}: the page says {}, the process {found}", row[0], row[1]);
        compared += 1;
    }
    assert!(compared >= 15, "only {compared}");
    Ok(())
}

#[test]
fn quantities_and_expressions_are_read() {
    let quantities = ["64 KiB", "5000000", "24h", "100ms", "no", "4 parsecs"].map(quantity);
    assert_eq!(quantities, [Some(65536), Some(5_000_000), Some(86_400_000), Some(100), None, None]);
    let values = ["64 * 1024", "4 << 20", "Duration::from_secs(60)", "5_000_000", "x"].map(value);
    assert_eq!(values, [Some(65536), Some(4 << 20), Some(60_000), Some(5_000_000), None]);
    assert_eq!(constant("/// a\npub const A: usize = 1 << 2;\n", "A"), Some("1 << 2"));
}
