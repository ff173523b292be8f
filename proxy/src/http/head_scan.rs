//! A strict, incremental reader of HTTP/1 request heads that keeps nothing but counters.
//!
//! It decides one thing: may these bytes be shown to the HTTP library, and how is the body that follows framed. It does
//! not build a header map. Feeding a head in one piece or byte by byte gives the same result. Bytes come from the
//! outside; no input makes it panic, and its memory does not grow.

use super::violation::Violation;

/// Bounds of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes from the method to the empty line.
    pub bytes: usize,
    /// Header fields.
    pub fields: usize,
    /// Bytes of the request target.
    pub target: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { bytes: 64 * 1024, fields: 100, target: 16 * 1024 }
    }
}

/// How the body of a message is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// There is none.
    Empty,
    /// So many bytes.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// What the scan learned from a complete head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How the body is delimited.
    pub body: BodyFraming,
    /// Whether the client asks to leave HTTP after this message.
    pub upgrade: Upgrade,
}

/// Whether a request has an `Upgrade` field that counts (HTTP/1.1 only).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// It has: the bytes after it may not be HTTP.
    Offered,
    /// It has not.
    None,
}

/// How far a feed came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadProgress {
    /// Everything was consumed and the head is not complete.
    Partial,
    /// The head is complete after so many bytes of this feed.
    Complete(usize, Head),
}

/// The longest method that is taken for one; registered ones have at most 17 letters.
const MAX_METHOD: u8 = 32;
/// Enough for the longest name that is looked at, `transfer-encoding`, and one more to tell a longer one apart.
const NAME_BYTES: usize = 18;
/// CRLFs that may stand before a request line (RFC 9112 §2.2 asks to ignore at least one).
const MAX_EMPTY_LINES: u8 = 4;
const VERSION: &[u8; 8] = b"HTTP/1.1";
/// The end of nearly every request line, taken in one step.
const USUAL_VERSION: &[u8] = b"HTTP/1.1\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    StartLf,
    Method(u8),
    Target,
    Version(u8),
    VersionLf,
    LineStart,
    Name,
    Value,
    ValueLf,
    EndLf,
}

/// Which section of a message is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Head,
    Trailers,
}

/// What the value of the current field means to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Plain,
    Length,
    TransferEncoding,
}

/// The scanner: see the module.
#[derive(Clone, Debug)]
pub struct HeadScan {
    limits: HeadLimits,
    section: Section,
    state: State,
    bytes: usize,
    target: usize,
    fields: usize,
    empty_lines: u8,
    http10: bool,
    name: [u8; NAME_BYTES],
    name_length: u8,
    field: Field,
    length: Length,
    coding: Coding,
    upgrade: Upgrade,
}

impl HeadScan {
    /// A scanner at the beginning of a request.
    pub fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            section: Section::Head,
            state: State::Start,
            bytes: 0,
            target: 0,
            fields: 0,
            empty_lines: 0,
            http10: false,
            name: [0; NAME_BYTES],
            name_length: 0,
            field: Field::Plain,
            length: Length::default(),
            coding: Coding::default(),
            upgrade: Upgrade::None,
        }
    }

    /// A scanner at the beginning of the trailer section of a chunked body.
    pub fn trailers(limits: HeadLimits) -> Self {
        Self { section: Section::Trailers, state: State::LineStart, ..Self::new(limits) }
    }

    /// Whether no byte of a request line has been seen.
    pub fn is_at_start(&self) -> bool {
        self.state == State::Start
    }

    /// Reads on. After `Complete` or an error the scanner is spent.
    pub fn feed(&mut self, input: &[u8]) -> Result<HeadProgress, Violation> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            let rest = &input[at..];
            at += match self.state {
                State::Start | State::StartLf => self.start(byte)?,
                State::Method(length) => self.method(rest, length)?,
                State::Target => self.request_target(rest)?,
                State::Version(0) if rest.starts_with(USUAL_VERSION) => {
                    self.state = State::LineStart;
                    USUAL_VERSION.len()
                }
                State::Version(matched) => self.version(byte, matched)?,
                State::VersionLf | State::ValueLf => {
                    expect_lf(byte)?;
                    self.state = State::LineStart;
                    1
                }
                State::LineStart => self.line_start(byte)?,
                State::Name => self.field_name(rest)?,
                State::Value => self.field_value(rest)?,
                State::EndLf => {
                    expect_lf(byte)?;
                    self.count(at + 1)?;
                    return Ok(HeadProgress::Complete(at + 1, self.head()?));
                }
            };
        }
        self.count(at)?;
        Ok(HeadProgress::Partial)
    }

    /// The bound is checked once per feed: an input is as large as a read buffer at most.
    fn count(&mut self, consumed: usize) -> Result<(), Violation> {
        self.bytes = self.bytes.saturating_add(consumed);
        if self.bytes > self.limits.bytes { Err(Violation::HeadTooLarge) } else { Ok(()) }
    }

    fn start(&mut self, byte: u8) -> Result<usize, Violation> {
        match (self.state, byte) {
            (State::StartLf, _) => {
                expect_lf(byte)?;
                self.empty_lines += 1;
                self.state = State::Start;
                Ok(1)
            }
            (_, b'\r') if self.empty_lines < MAX_EMPTY_LINES => {
                self.state = State::StartLf;
                Ok(1)
            }
            (_, b'\r') => Err(Violation::EmptyLines),
            _ => {
                self.state = State::Method(0);
                Ok(0)
            }
        }
    }

    fn method(&mut self, input: &[u8], mut length: u8) -> Result<usize, Violation> {
        for (index, &byte) in input.iter().enumerate() {
            if is_token(byte) && length < MAX_METHOD {
                length += 1;
            } else if byte == b' ' && length > 0 {
                self.state = State::Target;
                return Ok(index + 1);
            } else {
                return Err(control(byte).unwrap_or(Violation::Method));
            }
        }
        self.state = State::Method(length);
        Ok(input.len())
    }

    fn request_target(&mut self, input: &[u8]) -> Result<usize, Violation> {
        let end = input.iter().position(|byte| !byte.is_ascii_graphic());
        self.target = self.target.saturating_add(end.unwrap_or(input.len()));
        if self.target > self.limits.target {
            return Err(Violation::TargetTooLong);
        }
        let Some(end) = end else { return Ok(input.len()) };
        if input[end] == b' ' && self.target > 0 {
            self.state = State::Version(0);
            return Ok(end + 1);
        }
        Err(control(input[end]).unwrap_or(Violation::Target))
    }

    fn version(&mut self, byte: u8, matched: u8) -> Result<usize, Violation> {
        let next = matched + 1;
        self.state = match (usize::from(matched), byte) {
            (5, digit) if digit != b'1' && digit.is_ascii_digit() => return Err(Violation::UnsupportedVersion),
            (7, b'0') => {
                self.http10 = true;
                State::Version(next)
            }
            (7, digit) if digit != b'1' && digit.is_ascii_digit() => return Err(Violation::UnsupportedVersion),
            (index @ 0..8, _) if VERSION[index] == byte => State::Version(next),
            (8, b'\r') => State::VersionLf,
            _ => return Err(control(byte).unwrap_or(Violation::Version)),
        };
        Ok(1)
    }

    fn line_start(&mut self, byte: u8) -> Result<usize, Violation> {
        match byte {
            b'\r' => {
                self.state = State::EndLf;
                Ok(1)
            }
            b' ' | b'\t' => Err(Violation::ObsFold),
            b':' => Err(Violation::EmptyHeaderName),
            _ => {
                self.fields += 1;
                if self.fields > self.limits.fields {
                    return Err(Violation::TooManyHeaders);
                }
                self.name_length = 0;
                self.state = State::Name;
                Ok(0)
            }
        }
    }

    fn field_name(&mut self, input: &[u8]) -> Result<usize, Violation> {
        let end = input.iter().position(|&byte| !is_token(byte));
        self.remember_name(&input[..end.unwrap_or(input.len())]);
        let Some(end) = end else { return Ok(input.len()) };
        match input[end] {
            b':' => {
                self.begin_value()?;
                self.state = State::Value;
                Ok(end + 1)
            }
            b' ' | b'\t' => Err(Violation::SpaceBeforeColon),
            byte => Err(control(byte).unwrap_or(Violation::HeaderName)),
        }
    }

    fn remember_name(&mut self, part: &[u8]) {
        let from = usize::from(self.name_length);
        let room = &mut self.name[from..];
        let taken = part.len().min(room.len());
        for (slot, byte) in room.iter_mut().zip(part) {
            *slot = byte.to_ascii_lowercase();
        }
        self.name_length += u8::try_from(taken).unwrap_or(0);
    }

    fn begin_value(&mut self) -> Result<(), Violation> {
        let name = &self.name[..usize::from(self.name_length)];
        self.field = match name {
            b"content-length" => Field::Length,
            b"transfer-encoding" => Field::TransferEncoding,
            _ => Field::Plain,
        };
        if self.section == Section::Trailers {
            return match name {
                b"content-length" | b"transfer-encoding" | b"host" | b"connection" | b"upgrade" | b"trailer"
                | b"te" => Err(Violation::TrailerField),
                _ => Ok(()),
            };
        }
        match name {
            b"content-length" => self.length.begin(),
            b"transfer-encoding" => self.coding.begin(),
            b"upgrade" => {
                self.upgrade = Upgrade::Offered;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn field_value(&mut self, input: &[u8]) -> Result<usize, Violation> {
        let end = memchr::memchr2(b'\r', b'\n', input).unwrap_or(input.len());
        let value = &input[..end];
        match self.field {
            Field::Plain => {
                // Branch-free over the value, so that the compiler can use vector instructions.
                let bad =
                    value.iter().fold(false, |bad, &byte| bad | ((byte < 0x20) & (byte != b'\t')) | (byte == 0x7f));
                if bad {
                    let first = value.iter().find_map(|&byte| control(byte));
                    return Err(first.unwrap_or(Violation::ControlCharacter));
                }
            }
            // Byte by byte, so that the first violation is the same one however the value is cut.
            Field::Length => {
                value.iter().try_for_each(|&byte| control(byte).map_or_else(|| self.length.push(byte), Err))?
            }
            Field::TransferEncoding => {
                value.iter().try_for_each(|&byte| control(byte).map_or_else(|| self.coding.push(byte), Err))?;
            }
        }
        match input.get(end) {
            None => Ok(end),
            Some(b'\n') => Err(Violation::BareLf),
            Some(_) => {
                self.state = State::ValueLf;
                Ok(end + 1)
            }
        }
    }

    fn head(&self) -> Result<Head, Violation> {
        let body = match (self.length.value()?, self.coding.chunked()?) {
            (Some(_), true) => return Err(Violation::LengthAndTransferEncoding),
            (_, true) if self.http10 => return Err(Violation::TransferEncodingInHttp10),
            (_, true) => BodyFraming::Chunked,
            (None | Some(0), false) => BodyFraming::Empty,
            (Some(length), false) => BodyFraming::Length(length),
        };
        let upgrade = if self.http10 { Upgrade::None } else { self.upgrade };
        Ok(Head { body, upgrade })
    }
}

/// The `Content-Length` field: optional spaces, digits, and nothing after them.
#[derive(Clone, Copy, Debug, Default)]
struct Length {
    seen: bool,
    digits: u8,
    value: u64,
}

impl Length {
    fn begin(&mut self) -> Result<(), Violation> {
        if self.seen {
            return Err(Violation::SeveralContentLengths);
        }
        self.seen = true;
        Ok(())
    }

    fn push(&mut self, byte: u8) -> Result<(), Violation> {
        match byte {
            b' ' if self.digits == 0 => Ok(()),
            b',' if self.digits > 0 => Err(Violation::SeveralContentLengths),
            // 18 digits stay below 2^63 without a check for overflow.
            b'0'..=b'9' if self.digits < 18 => {
                self.digits += 1;
                self.value = self.value * 10 + u64::from(byte - b'0');
                Ok(())
            }
            _ => Err(Violation::ContentLength),
        }
    }

    fn value(&self) -> Result<Option<u64>, Violation> {
        match (self.seen, self.digits) {
            (false, _) => Ok(None),
            (true, 0) => Err(Violation::ContentLength),
            (true, _) => Ok(Some(self.value)),
        }
    }
}

/// The `Transfer-Encoding` field: at most one space, then `chunked` in any case, and nothing after it.
#[derive(Clone, Copy, Debug, Default)]
struct Coding {
    seen: bool,
    space: bool,
    matched: u8,
}

impl Coding {
    const CHUNKED: &'static [u8; 7] = b"chunked";

    fn begin(&mut self) -> Result<(), Violation> {
        if self.seen {
            return Err(Violation::SeveralTransferEncodings);
        }
        self.seen = true;
        Ok(())
    }

    fn push(&mut self, byte: u8) -> Result<(), Violation> {
        if byte == b' ' && self.matched == 0 && !self.space {
            self.space = true;
            return Ok(());
        }
        match Self::CHUNKED.get(usize::from(self.matched)) {
            Some(expected) if *expected == byte.to_ascii_lowercase() => {
                self.matched += 1;
                Ok(())
            }
            _ => Err(Violation::TransferEncoding),
        }
    }

    fn chunked(&self) -> Result<bool, Violation> {
        match (self.seen, usize::from(self.matched)) {
            (false, _) => Ok(false),
            (true, matched) if matched == Self::CHUNKED.len() => Ok(true),
            _ => Err(Violation::TransferEncoding),
        }
    }
}

pub(super) fn expect_lf(byte: u8) -> Result<(), Violation> {
    if byte == b'\n' { Ok(()) } else { Err(Violation::BareCr) }
}

/// The violation that a control character is where none may stand.
pub(super) fn control(byte: u8) -> Option<Violation> {
    match byte {
        b'\n' => Some(Violation::BareLf),
        b'\r' => Some(Violation::BareCr),
        0 => Some(Violation::Nul),
        b'\t' => None,
        1..0x20 | 0x7f => Some(Violation::ControlCharacter),
        _ => None,
    }
}

/// RFC 9110 §5.6.2 `tchar`.
pub(super) const fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    loop {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            );
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests;
