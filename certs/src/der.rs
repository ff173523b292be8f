//! A small strict DER reader and writer for the structures that x509-parser does not cover (keys, PBES2, PKCS#12) and
//! for the places where the raw octets matter.
//!
//! The reader borrows: it makes no copy of a secret. The writer hands out a buffer that is wiped when dropped. Only
//! definite, minimal lengths below 4 GiB and single-byte tags are read; anything else is not DER that we accept.

use zeroize::Zeroizing;

use crate::pem;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

/// Constructed context-specific tag `[n]`.
pub(crate) const fn context(n: u8) -> u8 {
    0xa0 | n
}

/// The octets are not the DER that was expected at this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not valid DER")]
pub(crate) struct DerError;

/// One tag-length-value element.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    /// The value alone.
    pub(crate) value: &'a [u8],
    /// Tag, length and value.
    pub(crate) raw: &'a [u8],
}

/// Reads elements one after the other.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many octets have not been read.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The tag of the next element, if there is one.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, whatever its tag.
    pub(crate) fn any(&mut self) -> Result<Element<'a>, DerError> {
        let [tag, first, ..] = *self.rest else { return Err(DerError) };
        if tag & 0x1f == 0x1f {
            return Err(DerError);
        }
        let (header, length) = match first {
            0..=0x7f => (2, usize::from(first)),
            0x81..=0x84 => {
                let count = usize::from(first & 0x7f);
                let octets = self.rest.get(2..2 + count).ok_or(DerError)?;
                let length = octets.iter().fold(0usize, |sum, octet| sum << 8 | usize::from(*octet));
                // Minimal form: no leading zero, and no long form where the short one fits.
                if octets[0] == 0 || length < 0x80 {
                    return Err(DerError);
                }
                (2 + count, length)
            }
            _ => return Err(DerError),
        };
        let raw = self.rest.get(..header + length).ok_or(DerError)?;
        self.rest = &self.rest[header + length..];
        Ok(Element { tag, value: &raw[header..], raw })
    }

    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<&'a [u8], DerError> {
        match self.peek() {
            Some(found) if found == tag => Ok(self.any()?.value),
            _ => Err(DerError),
        }
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, DerError> {
        if self.peek() == Some(tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    pub(crate) fn sequence(&mut self) -> Result<Self, DerError> {
        self.expect(SEQUENCE).map(Self::new)
    }

    /// A non-negative INTEGER in minimal form, without its sign octet.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8], DerError> {
        match self.expect(INTEGER)? {
            [] => Err(DerError),
            [0] => Ok(&[0]),
            [0, rest @ ..] if rest[0] & 0x80 != 0 => Ok(rest),
            [first, ..] if *first == 0 || first & 0x80 != 0 => Err(DerError),
            value => Ok(value),
        }
    }

    /// A small non-negative INTEGER.
    pub(crate) fn small(&mut self) -> Result<u32, DerError> {
        let octets = self.unsigned()?;
        if octets.len() > 4 {
            return Err(DerError);
        }
        Ok(octets.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet)))
    }

    /// A BIT STRING of whole octets.
    pub(crate) fn bits(&mut self) -> Result<&'a [u8], DerError> {
        match self.expect(BIT_STRING)? {
            [0, rest @ ..] => Ok(rest),
            _ => Err(DerError),
        }
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError) }
    }
}

/// Reads exactly one SEQUENCE that fills the input.
pub(crate) fn whole_sequence(input: &[u8]) -> Result<Reader<'_>, DerError> {
    let mut outer = Reader::new(input);
    let inner = outer.sequence()?;
    outer.end()?;
    Ok(inner)
}

/// Whether an input is one DER SEQUENCE, rather than PEM. A DER structure may well hold text that looks like PEM, so the
/// structure decides; an input that begins like DER and has no PEM in it is DER with a defect.
pub(crate) fn is_der(input: &[u8]) -> bool {
    whole_sequence(input).is_ok() || (input.first() == Some(&SEQUENCE) && !pem::is_pem(input))
}

/// Writes one element; `parts` are concatenated to its value. No intermediate copy survives.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(length + 6));
    out.push(tag);
    let octets = length.to_be_bytes();
    let significant = &octets[octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len() - 1)..];
    if length < 0x80 {
        out.push(significant[0]);
    } else {
        out.push(0x80 | u8::try_from(significant.len()).expect("a usize has at most eight octets"));
        out.extend_from_slice(significant);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// Writes an INTEGER from unsigned big-endian octets.
pub(crate) fn integer(unsigned: &[u8]) -> Zeroizing<Vec<u8>> {
    let start = unsigned.iter().position(|octet| *octet != 0).unwrap_or(unsigned.len());
    let mut digits = Zeroizing::new(Vec::with_capacity(unsigned.len() + 1));
    if unsigned.get(start).is_none_or(|octet| octet & 0x80 != 0) {
        digits.push(0);
    }
    digits.extend_from_slice(&unsigned[start..]);
    element(INTEGER, &[&digits])
}

/// The dotted form of an OID's value octets; `None` when they are malformed.
pub(crate) fn oid_text(value: &[u8]) -> Option<String> {
    if value.is_empty() || value.last()? & 0x80 != 0 {
        return None;
    }
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc = 0u64;
    for octet in value {
        arc = arc.checked_mul(128)? | u64::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            if arcs.is_empty() {
                let first = (arc / 40).min(2);
                arcs.extend([first, arc - first * 40]);
            } else {
                arcs.push(arc);
            }
            arc = 0;
        }
    }
    Some(arcs.iter().map(u64::to_string).collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimal_lengths_are_read_and_others_refused() {
        assert_eq!(Reader::new(&[0x04, 0x01, 0xaa]).expect(OCTET_STRING).expect("short form"), [0xaa]);
        for bad in
            [&[0x04u8, 0x81, 0x01, 0xaa][..], &[0x04, 0x80, 0, 0], &[0x04, 0x02, 0xaa], &[0x04], &[0x1f, 0x01, 0]]
        {
            assert_eq!(Reader::new(bad).any().err(), Some(DerError), "{bad:02x?}");
        }
    }

    #[test]
    fn integers_are_unsigned_and_minimal() {
        assert_eq!(Reader::new(&[2, 2, 0, 0x80]).unsigned().expect("sign octet"), [0x80]);
        for bad in [&[2u8, 1, 0x80][..], &[2, 2, 0, 1], &[2, 0]] {
            assert!(Reader::new(bad).unsigned().is_err(), "{bad:02x?}");
        }
        assert_eq!(integer(&[0, 0, 0x80]).as_slice(), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[0]).as_slice(), [2, 1, 0]);
    }

    #[test]
    fn long_elements_round_trip() {
        for length in [0usize, 127, 128, 255, 256, 65_535, 65_536] {
            let body = vec![7; length];
            let written = element(SEQUENCE, &[&body]);
            assert_eq!(Reader::new(&written).expect(SEQUENCE).expect("own output").len(), length);
        }
    }

    #[test]
    fn the_structure_tells_der_from_pem() {
        let text = pem::encode("CERTIFICATE", &[1]);
        assert!(is_der(&element(SEQUENCE, &[text.as_bytes()])), "PEM text inside of a structure");
        assert!(!is_der(text.as_bytes()) && !is_der(format!("0 {text}").as_bytes()));
        assert!(is_der(&[SEQUENCE, 0, 0]), "DER with a defect");
    }

    #[test]
    fn an_oid_is_written_with_dots() {
        assert_eq!(oid_text(&[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d]).as_deref(), Some("1.2.156.10197.1.301"));
        assert_eq!(oid_text(&[0x2a, 0x81]), None);
    }
}
