//! A small DER writer: just enough of X.690 to build certificates and CRLs, the broken ones too.
//!
//! It writes what it is told. Values are checked nowhere, since a mint for tests must be able to say anything.

use std::time::SystemTime;

use time::OffsetDateTime;

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// Tag of context class, constructed.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// Tag of context class, primitive.
pub(crate) const fn context_primitive(number: u8) -> u8 {
    0x80 | number
}

/// One element: tag, shortest length, content.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    out.push(tag);
    out.extend_from_slice(&length(content.len()));
    out.extend_from_slice(content);
    out
}

/// The octets of a definite length, shortest form.
pub(crate) fn length(length: usize) -> Vec<u8> {
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => vec![short],
        _ => {
            let octets = length.to_be_bytes();
            let octets = &octets[octets.iter().take_while(|octet| **octet == 0).count()..];
            let count = u8::try_from(octets.len()).expect("a usize has at most sixteen octets");
            let mut out = vec![0x80 | count];
            out.extend_from_slice(octets);
            out
        }
    }
}

/// A constructed element around parts that are already encoded.
pub(crate) fn constructed<P: AsRef<[u8]>>(tag: u8, parts: impl IntoIterator<Item = P>) -> Vec<u8> {
    let mut content = Vec::new();
    for part in parts {
        content.extend_from_slice(part.as_ref());
    }
    element(tag, &content)
}

pub(crate) fn sequence<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Vec<u8> {
    constructed(SEQUENCE, parts)
}

/// An INTEGER from the exact content octets (two's complement, as given).
pub(crate) fn integer_octets(octets: &[u8]) -> Vec<u8> {
    element(0x02, octets)
}

/// A non-negative INTEGER from a big-endian magnitude.
pub(crate) fn unsigned(magnitude: &[u8]) -> Vec<u8> {
    let skip = magnitude.iter().take_while(|octet| **octet == 0).count();
    let magnitude = &magnitude[skip..];
    let mut content = Vec::with_capacity(magnitude.len() + 1);
    if magnitude.first().is_none_or(|first| first & 0x80 != 0) {
        content.push(0);
    }
    content.extend_from_slice(magnitude);
    integer_octets(&content)
}

pub(crate) fn small_integer(value: u64) -> Vec<u8> {
    unsigned(&value.to_be_bytes())
}

pub(crate) fn boolean_true() -> Vec<u8> {
    element(0x01, &[0xff])
}

pub(crate) fn null() -> Vec<u8> {
    element(0x05, &[])
}

pub(crate) fn octet_string(content: &[u8]) -> Vec<u8> {
    element(0x04, content)
}

/// A BIT STRING of whole octets.
pub(crate) fn bit_string(content: &[u8]) -> Vec<u8> {
    let mut octets = vec![0];
    octets.extend_from_slice(content);
    element(0x03, &octets)
}

/// A BIT STRING of named bits (bit 0 first), trailing zero bits removed as DER asks.
pub(crate) fn named_bits(bits: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let mut octets = [0u8; 2];
    let mut highest = None;
    for bit in bits {
        octets[usize::from(bit / 8)] |= 0x80 >> (bit % 8);
        highest = highest.max(Some(bit));
    }
    match highest {
        None => element(0x03, &[0]),
        Some(highest) => {
            let used = usize::from(highest / 8) + 1;
            let mut content = vec![7 - highest % 8];
            content.extend_from_slice(&octets[..used]);
            element(0x03, &content)
        }
    }
}

pub(crate) fn utf8_string(text: &str) -> Vec<u8> {
    element(0x0c, text.as_bytes())
}

/// An OBJECT IDENTIFIER from its arcs; the first two follow the usual limits.
pub(crate) fn oid(arcs: &[u64]) -> Vec<u8> {
    let mut content = Vec::new();
    let first = match arcs {
        [first, second, ..] => first * 40 + second,
        [first] => first * 40,
        [] => 0,
    };
    base128(first, &mut content);
    for arc in arcs.iter().skip(2) {
        base128(*arc, &mut content);
    }
    element(0x06, &content)
}

fn base128(value: u64, out: &mut Vec<u8>) {
    let groups = (64 - value.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let seven = u8::try_from((value >> (group * 7)) & 0x7f).expect("seven bits fit an octet");
        out.push(if group == 0 { seven } else { seven | 0x80 });
    }
}

pub(crate) fn enumerated(value: u8) -> Vec<u8> {
    element(0x0a, &[value])
}

/// A `Time`: UTCTime up to 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5).
pub(crate) fn time(at: SystemTime) -> Vec<u8> {
    let date = OffsetDateTime::from(at);
    if (1950..2050).contains(&date.year()) {
        element(0x17, format!("{:02}{}", date.year().rem_euclid(100), within_year(date)).as_bytes())
    } else {
        generalized_time(at)
    }
}

pub(crate) fn generalized_time(at: SystemTime) -> Vec<u8> {
    let date = OffsetDateTime::from(at);
    element(0x18, format!("{:04}{}", date.year(), within_year(date)).as_bytes())
}

fn within_year(date: OffsetDateTime) -> String {
    let (month, day, (hour, minute, second)) = (u8::from(date.month()), date.day(), date.to_hms());
    format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        assert_eq!(length(0x7f), [0x7f]);
        assert_eq!(length(0x80), [0x81, 0x80]);
        assert_eq!(length(0x1234), [0x82, 0x12, 0x34]);
    }

    #[test]
    fn object_identifiers_encode_large_arcs() {
        assert_eq!(oid(&[1, 2, 156, 10197, 1, 501]), hex::decode("06082a811ccf55018375").expect("hex"));
        assert_eq!(oid(&[2, 5, 29, 15]), [6, 3, 0x55, 0x1d, 0x0f]);
    }

    #[test]
    fn integers_never_turn_negative_by_their_top_bit() {
        assert_eq!(unsigned(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[0, 0, 1]), [2, 1, 1]);
        assert_eq!(unsigned(&[]), [2, 1, 0]);
    }

    #[test]
    fn named_bits_drop_trailing_zeros() {
        assert_eq!(named_bits([0, 1]), [3, 2, 6, 0xc0]);
        assert_eq!(named_bits([8]), [3, 3, 7, 0, 0x80]);
        assert_eq!(named_bits([]), [3, 1, 0]);
    }

    #[test]
    fn the_year_2050_changes_the_form_of_a_time() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(time(at(2_524_607_999)), element(0x17, b"491231235959Z"));
        assert_eq!(time(at(2_524_608_000)), element(0x18, b"20500101000000Z"));
    }
}
