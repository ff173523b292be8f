//! How a line looks: a JSON object, or a template with `%OPERATORS%`.
//!
//! Written by hand into a buffer that the caller reuses, because this runs once per request. Nothing that a peer
//! sends can break out of its place: JSON strings are escaped, and in a template every control character, quote and
//! backslash becomes an escape.

use super::field::{FIELDS, Field, Value};
use super::record::{AccessRecord, ConnectionText};
use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use thiserror::Error;

/// The format of the access log.
#[derive(Clone, Debug)]
pub struct Format(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Json,
    Template(Vec<Part>),
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Field(Field),
}

/// A template that cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FormatError {
    /// The name between two percent signs is not an operator.
    #[error("unknown operator %{operator}% in the access log format; known are: {known}")]
    UnknownOperator {
        /// What was written.
        operator: String,
        /// All that there are.
        known: String,
    },
    /// A percent sign without its partner.
    #[error("operator that starts at byte {at} of the access log format is not closed by %")]
    Unclosed {
        /// Offset of the percent sign.
        at: usize,
    },
}

impl FormatError {
    /// The stable word for logs and metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownOperator { .. } => "unknown_operator",
            Self::Unclosed { .. } => "unclosed_operator",
        }
    }
}

impl Format {
    /// One JSON object per line; a field that does not apply is left out.
    pub const fn json() -> Self {
        Self(Kind::Json)
    }

    /// A text with operators; `%%` is a percent sign, a field that does not apply is `-`.
    pub fn template(text: &str) -> Result<Self, FormatError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('%') {
            literal.push_str(&rest[..start]);
            let after = &rest[start + 1..];
            let at = text.len() - after.len() - 1;
            let end = after.find('%').ok_or(FormatError::Unclosed { at })?;
            let operator = &after[..end];
            if operator.is_empty() {
                literal.push('%');
            } else {
                let field = FIELDS.iter().find(|field| field.operator == operator).ok_or_else(|| {
                    FormatError::UnknownOperator { operator: operator.to_owned(), known: operators().join(" ") }
                })?;
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(Part::Field(*field));
            }
            rest = &after[end + 1..];
        }
        literal.push_str(rest);
        parts.push(Part::Text(literal));
        Ok(Self(Kind::Template(parts)))
    }

    /// Appends one line with its line feed.
    pub fn write(&self, record: &AccessRecord<'_>, out: &mut Vec<u8>) {
        match &self.0 {
            Kind::Json => write_json(record, out),
            Kind::Template(parts) => {
                for part in parts {
                    match part {
                        Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                        Part::Field(field) => write_plain(field.value(record), out),
                    }
                }
            }
        }
        out.push(b'\n');
    }
}

/// Every operator that a template may use, without the percent signs.
pub fn operators() -> Vec<&'static str> {
    FIELDS.iter().map(|field| field.operator).collect()
}

fn write_json(record: &AccessRecord<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    let mut of_connection = Some(record.connection.text);
    for field in &FIELDS {
        if !field.is_of_connection() {
            write_member(field, record, out);
        } else if let Some(ConnectionText(text)) = of_connection.take() {
            out.extend_from_slice(text.get_or_init(|| connection_text(record)));
        }
    }
    // The comma of the last member.
    out.pop();
    out.push(b'}');
}

/// The members that all lines of a connection share: more than half of each, so they are written once.
fn connection_text(record: &AccessRecord<'_>) -> Box<[u8]> {
    let mut text = Vec::with_capacity(1024);
    for field in FIELDS.iter().filter(|field| field.is_of_connection()) {
        write_member(field, record, &mut text);
    }
    text.into_boxed_slice()
}

/// Appends key, value and a comma; nothing if the field does not apply.
fn write_member(field: &Field, record: &AccessRecord<'_>, out: &mut Vec<u8>) {
    let value = field.value(record);
    if matches!(value, Value::Absent) {
        return;
    }
    out.extend_from_slice(field.key.as_bytes());
    match value {
        Value::Absent => {}
        Value::Word(word) => {
            out.push(b'"');
            out.extend_from_slice(word.as_bytes());
            out.push(b'"');
        }
        Value::Text(text) => write_json_string(text, out),
        Value::Bytes(bytes) => write_json_string(&String::from_utf8_lossy(bytes), out),
        Value::Identity(id) => write_json_string(&id.to_string(), out),
        Value::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_json_string(item, out);
            }
            out.push(b']');
        }
        Value::Address(_) | Value::Time(_) => {
            out.push(b'"');
            write_plain(value, out);
            out.push(b'"');
        }
        Value::Number(_) | Value::Flag(_) | Value::Duration(_) => write_plain(value, out),
    }
    out.push(b',');
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `text` as a JSON string.
pub(crate) fn write_json_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut written = 0;
    // Without a way out of the loop the compiler looks at many bytes at a time; hardly any text has one of these.
    let special = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    if bytes.iter().fold(0, |found, byte| found | special(*byte)) == 0 {
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    for (index, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[written..index]);
        written = index + 1;
        match *byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => out.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                HEX[usize::from(control >> 4)],
                HEX[usize::from(control & 15)],
            ]),
        }
    }
    out.extend_from_slice(&bytes[written..]);
    out.push(b'"');
}

/// Appends what a peer sent so that it stays within its place of a line.
fn write_escaped(text: &str, out: &mut Vec<u8>) {
    if text.is_empty() {
        out.push(b'-');
    }
    for character in text.chars() {
        if character.is_control() || character == '"' || character == '\\' {
            // Writing into a Vec does not fail.
            let _ = write!(out, "{}", character.escape_default());
        } else {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

fn write_plain(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Absent => out.push(b'-'),
        Value::Word(word) => out.extend_from_slice(word.as_bytes()),
        Value::Text(text) => write_escaped(text, out),
        Value::Bytes(bytes) => write_escaped(&String::from_utf8_lossy(bytes), out),
        Value::Identity(id) => write_escaped(&id.to_string(), out),
        Value::List(items) => write_escaped(&items.join(","), out),
        Value::Number(number) => write_number(number, 1, out),
        Value::Flag(flag) => out.extend_from_slice(if flag { b"true" } else { b"false" }),
        Value::Address(address) => write_address(address, out),
        Value::Duration(duration) => {
            let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
            write_number(micros / 1000, 1, out);
            out.push(b'.');
            write_number(micros % 1000, 3, out);
        }
        Value::Time(time) => write_time(time, out),
    }
}

/// Appends a number with at least `width` digits. By hand: a line has some forty numbers, counting the parts of its times
/// and addresses, and the formatting of the standard library took a third of the time of the line.
fn write_number(mut number: u64, width: usize, out: &mut Vec<u8>) {
    const MOST: usize = 20;
    let mut digits = [b'0'; MOST];
    let mut start = MOST;
    while number > 0 {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits[start.min(MOST - width)..]);
}

fn write_address(address: SocketAddr, out: &mut Vec<u8>) {
    let SocketAddr::V4(address) = address else {
        // Writing into a Vec does not fail.
        let _ = write!(out, "{address}");
        return;
    };
    for (octet, after) in address.ip().octets().into_iter().zip(*b"...:") {
        write_number(octet.into(), 1, out);
        out.push(after);
    }
    write_number(address.port().into(), 1, out);
}

/// Appends a time as RFC 3339 in UTC with milliseconds, up to the year 9999.
fn write_time(time: SystemTime, out: &mut Vec<u8>) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (days, second_of_day) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let parts = [
        (0..4, year.min(9999)),
        (5..7, month),
        (8..10, day),
        (11..13, second_of_day / 3600),
        (14..16, second_of_day / 60 % 60),
        (17..19, second_of_day % 60),
        (20..23, since.subsec_millis().into()),
    ];
    for (places, mut number) in parts {
        for digit in text[places].iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }
    out.extend_from_slice(&text);
}

/// Year, month and day of the day that is `days` after 1970-01-01 (proleptic Gregorian calendar).
fn civil(days: u64) -> (u64, u64, u64) {
    // Counted from 1 March of year 0, so that the leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// A time as RFC 3339, for the admin pages.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let mut out = Vec::with_capacity(24);
    write_time(time, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests;
