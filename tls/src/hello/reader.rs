//! A cursor over untrusted bytes that knows where it is.

use super::error::{HelloError, Part, Problem};

/// Reads fields one after the other; every read checks its length. `base` is the offset of `bytes` in the hello.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    base: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, base: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn error(&self, what: &'static str, problem: Problem) -> HelloError {
        HelloError { what, problem, offset: self.base, part: Part::Hello }
    }

    pub(super) fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], HelloError> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or_else(|| self.error(what, Problem::CutOff))?;
        self.bytes = rest;
        self.base += count;
        Ok(taken)
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, HelloError> {
        let (&first, rest) = self.bytes.split_first().ok_or_else(|| self.error(what, Problem::CutOff))?;
        self.bytes = rest;
        self.base += 1;
        Ok(first)
    }

    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16, HelloError> {
        let (&bytes, rest) = self.bytes.split_first_chunk().ok_or_else(|| self.error(what, Problem::CutOff))?;
        self.bytes = rest;
        self.base += 2;
        Ok(u16::from_be_bytes(bytes))
    }

    /// A field with one byte of length before it.
    pub(super) fn vector8(&mut self, what: &'static str) -> Result<Self, HelloError> {
        let start = *self;
        let length = self.u8(what)?;
        self.nested(usize::from(length), what, start)
    }

    /// A field with two bytes of length before it.
    pub(super) fn vector16(&mut self, what: &'static str) -> Result<Self, HelloError> {
        let start = *self;
        let length = self.u16(what)?;
        self.nested(usize::from(length), what, start)
    }

    fn nested(&mut self, length: usize, what: &'static str, start: Self) -> Result<Self, HelloError> {
        let base = self.base;
        // A length that lies is reported where the length stands.
        let bytes = self.take(length, what).map_err(|_| start.error(what, Problem::CutOff))?;
        Ok(Self { bytes, base })
    }

    /// The whole field as a list of numbers: at least one, none cut in half.
    pub(super) fn numbers(self, what: &'static str) -> Result<Vec<u16>, HelloError> {
        if self.bytes.is_empty() {
            return Err(self.error(what, Problem::Empty));
        }
        let (pairs, rest) = self.bytes.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.error(what, Problem::CutOff));
        }
        Ok(pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
    }

    /// The rest, whatever it is.
    pub(super) fn rest(self) -> &'a [u8] {
        self.bytes
    }

    /// Nothing may be left.
    pub(super) fn end(&self, what: &'static str) -> Result<(), HelloError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(self.error(what, Problem::LeftOver)) }
    }
}
