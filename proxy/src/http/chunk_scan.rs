//! A strict, incremental reader of chunked bodies: where does the message end, and is its framing beyond doubt.

use super::head_scan::{HeadLimits, HeadProgress, HeadScan, control, expect_lf};
use super::violation::Violation;

/// Bytes of extensions after one chunk size.
const MAX_EXTENSION: u16 = 256;
/// Bytes of extensions in one message.
const MAX_EXTENSIONS: u16 = 4096;
/// Hexadecimal digits of a chunk size: 15 stay below 2^60, so the sum of nothing overflows.
const MAX_DIGITS: u8 = 15;

#[derive(Clone, Debug)]
enum State {
    Size { digits: u8, value: u64 },
    Extension { bytes: u16, value: u64 },
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    Trailers(Box<HeadScan>),
}

/// How far a feed came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkProgress {
    /// Everything was consumed and the body goes on.
    Partial,
    /// The body ended after so many bytes of this feed.
    Complete(usize),
}

/// The scanner: see the module.
#[derive(Clone, Debug)]
pub struct ChunkScan {
    limits: HeadLimits,
    extensions: u16,
    state: State,
}

impl ChunkScan {
    /// A scanner at the beginning of a chunked body; `limits` are those of the trailer section.
    pub fn new(limits: HeadLimits) -> Self {
        Self { limits, extensions: 0, state: State::Size { digits: 0, value: 0 } }
    }

    /// Reads on. After `Complete` or an error the scanner is spent.
    pub fn feed(&mut self, input: &[u8]) -> Result<ChunkProgress, Violation> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match &mut self.state {
                State::Size { digits, value } => {
                    self.state = size(byte, *digits, *value)?;
                    at += 1;
                }
                State::Extension { bytes, value } => {
                    self.state = if byte == b'\r' {
                        State::SizeLf(*value)
                    } else if let Some(violation) = control(byte) {
                        return Err(violation);
                    } else {
                        self.extensions += 1;
                        if *bytes >= MAX_EXTENSION || self.extensions > MAX_EXTENSIONS {
                            return Err(Violation::ChunkExtension);
                        }
                        State::Extension { bytes: *bytes + 1, value: *value }
                    };
                    at += 1;
                }
                State::SizeLf(value) => {
                    expect_lf(byte)?;
                    self.state = match *value {
                        0 => State::Trailers(Box::new(HeadScan::trailers(self.limits))),
                        size => State::Data(size),
                    };
                    at += 1;
                }
                State::Data(left) => {
                    let available = input.len() - at;
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(available);
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = State::DataCr;
                    }
                    at += taken;
                }
                State::DataCr if byte == b'\r' => {
                    self.state = State::DataLf;
                    at += 1;
                }
                State::DataLf if byte == b'\n' => {
                    self.state = State::Size { digits: 0, value: 0 };
                    at += 1;
                }
                State::DataCr | State::DataLf => return Err(Violation::ChunkEnd),
                State::Trailers(scan) => {
                    return Ok(match scan.feed(&input[at..])? {
                        HeadProgress::Partial => ChunkProgress::Partial,
                        HeadProgress::Complete(taken, _) => ChunkProgress::Complete(at + taken),
                    });
                }
            }
        }
        Ok(ChunkProgress::Partial)
    }
}

fn size(byte: u8, digits: u8, value: u64) -> Result<State, Violation> {
    let digit = match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        b'\r' if digits > 0 => return Ok(State::SizeLf(value)),
        b';' if digits > 0 => return Ok(State::Extension { bytes: 0, value }),
        b'\n' => return Err(Violation::BareLf),
        _ => return Err(Violation::ChunkSize),
    };
    if digits >= MAX_DIGITS {
        return Err(Violation::ChunkSize);
    }
    Ok(State::Size { digits: digits + 1, value: value << 4 | u64::from(digit) })
}

#[cfg(test)]
mod tests;
