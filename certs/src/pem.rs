//! PEM as found in the field: CRLF, byte-order mark, text between blocks, a missing newline between two blocks.
//!
//! Tolerant about what surrounds a block, strict about what is inside: a body that is not base64, a block that does not
//! end or ends with another label is an error, never skipped. Nothing that was parsed is lost silently. Input and
//! number of blocks are bounded.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The largest input that is read, 8 MiB: ten times the public web's root bundle.
pub const MAX_INPUT: usize = 8 << 20;
/// The largest number of blocks in one input.
pub const MAX_BLOCKS: usize = 4096;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// Longest label that is taken for one; beyond it the line is text.
const MAX_LABEL: usize = 64;
/// RFC 1421 headers of one block; whatever follows is body, and a colon there is an error.
const MAX_HEADERS: usize = 16;
/// Labels that a message lists.
const MAX_LISTED: usize = 8;

/// One PEM block.
#[derive(Clone)]
pub struct Block {
    /// What stands behind `BEGIN`, for example `CERTIFICATE`.
    pub label: String,
    /// The decoded body, wiped when dropped because it may be a key.
    pub der: Zeroizing<Vec<u8>>,
    /// Line of the `BEGIN` marker, counted from 1.
    pub line: usize,
    /// RFC 1421 headers such as `Proc-Type`.
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block")
            .field("label", &self.label)
            .field("line", &self.line)
            .field("der", &format_args!("[{} bytes]", self.der.len()))
            .finish()
    }
}

/// Why an input is not usable as PEM.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// More octets than [`MAX_INPUT`].
    #[error("input of {0} bytes is too large (limit {MAX_INPUT})")]
    TooLarge(usize),
    /// More blocks than [`MAX_BLOCKS`].
    #[error("more than {MAX_BLOCKS} PEM blocks")]
    TooManyBlocks,
    /// A `BEGIN` without its `END`: the typical look of a file that is still being written.
    #[error("line {line}: PEM block {label:?} has no END line")]
    Unterminated {
        /// Label of the open block.
        label: String,
        /// Line of its `BEGIN`.
        line: usize,
    },
    /// The `END` names another label than the `BEGIN`.
    #[error("line {line}: END {found:?} does not close BEGIN {label:?}")]
    LabelMismatch {
        /// Label of the open block.
        label: String,
        /// Label of the `END` line.
        found: String,
        /// Line of the `END`.
        line: usize,
    },
    /// The body is not base64.
    #[error("line {line}: body of PEM block {label:?} is not base64")]
    Base64 {
        /// Label of the block.
        label: String,
        /// Line of its `BEGIN`.
        line: usize,
    },
    /// The block has no body.
    #[error("line {line}: PEM block {label:?} is empty")]
    Empty {
        /// Label of the block.
        label: String,
        /// Line of its `BEGIN`.
        line: usize,
    },
}

impl PemError {
    /// Stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "pem_too_large",
            Self::TooManyBlocks => "pem_too_many_blocks",
            Self::Unterminated { .. } => "pem_unterminated",
            Self::LabelMismatch { .. } => "pem_label_mismatch",
            Self::Base64 { .. } => "pem_not_base64",
            Self::Empty { .. } => "pem_empty_block",
        }
    }
}

/// All blocks of an input, in order. An input without any block gives an empty list.
pub fn parse(text: &[u8]) -> Result<Vec<Block>, PemError> {
    if text.len() > MAX_INPUT {
        return Err(PemError::TooLarge(text.len()));
    }
    let mut blocks = Vec::new();
    let mut open: Option<OpenBlock> = None;
    for (number, line) in lines(text) {
        for piece in split_glued(line) {
            open = match open.take() {
                None => marker(piece, BEGIN).map(|label| OpenBlock::new(label, number)),
                Some(block) => match marker(piece, END) {
                    Some(label) => {
                        if blocks.len() == MAX_BLOCKS {
                            return Err(PemError::TooManyBlocks);
                        }
                        blocks.push(block.close(&label, number)?);
                        None
                    }
                    None if marker(piece, BEGIN).is_some() => return Err(block.unterminated()),
                    None => Some(block.push(piece)?),
                },
            };
        }
    }
    match open {
        Some(block) => Err(block.unterminated()),
        None => Ok(blocks),
    }
}

/// Whether the octets look like PEM rather than DER.
pub fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(BEGIN.len()).any(|window| window == BEGIN.as_bytes())
}

/// Notes what an input holds instead of what was looked for: each label once, and no more than a message can bear.
pub(crate) fn note(found: &mut Vec<String>, label: String) {
    if found.len() < MAX_LISTED && !found.contains(&label) {
        found.push(label);
    }
}

/// Writes one block with lines of 64 characters.
///
/// For public data: the text is not wiped.
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut out = format!("{BEGIN}{label}{DASHES}\n");
    for line in body.as_bytes().chunks(64) {
        out.extend(line.iter().map(|octet| char::from(*octet)));
        out.push('\n');
    }
    out.push_str(&format!("{END}{label}{DASHES}\n"));
    out
}

/// A block whose `END` has not been seen.
struct OpenBlock {
    label: String,
    line: usize,
    headers: Vec<(String, String)>,
    body: Zeroizing<Vec<u8>>,
    in_headers: bool,
}

impl OpenBlock {
    fn new(label: String, line: usize) -> Self {
        Self { label, line, headers: Vec::new(), body: Zeroizing::new(Vec::new()), in_headers: true }
    }

    fn push(mut self, piece: &[u8]) -> Result<Self, PemError> {
        let piece = piece.trim_ascii();
        if self.in_headers {
            // A header has a colon, which base64 has not; a line that begins with a blank would continue one, and
            // DEK-Info never does.
            if self.headers.len() < MAX_HEADERS
                && let Some(colon) = piece.iter().position(|octet| *octet == b':')
            {
                let (name, value) = (&piece[..colon], &piece[colon + 1..]);
                let text = |octets: &[u8]| String::from_utf8_lossy(octets.trim_ascii()).into_owned();
                self.headers.push((text(name), text(value)));
                return Ok(self);
            }
            if !piece.is_empty() {
                self.in_headers = false;
            }
        }
        self.grow(piece.len());
        self.body.extend(piece.iter().filter(|octet| !octet.is_ascii_whitespace()));
        Ok(self)
    }

    /// Grows without leaving the old buffer's octets behind.
    fn grow(&mut self, more: usize) {
        if self.body.capacity() - self.body.len() < more {
            let mut larger =
                Zeroizing::new(Vec::with_capacity((self.body.capacity() * 2).max(self.body.len() + more).max(4096)));
            larger.extend_from_slice(&self.body);
            self.body = larger;
        }
    }

    fn close(self, found: &str, line: usize) -> Result<Block, PemError> {
        if self.label != found {
            return Err(PemError::LabelMismatch { label: self.label, found: found.to_owned(), line });
        }
        if self.body.is_empty() {
            return Err(PemError::Empty { label: self.label, line: self.line });
        }
        let mut der = Zeroizing::new(vec![0; base64::decoded_len_estimate(self.body.len())]);
        let Ok(length) = STANDARD.decode_slice(self.body.as_slice(), &mut der) else {
            return Err(PemError::Base64 { label: self.label, line: self.line });
        };
        der.truncate(length);
        Ok(Block { label: self.label, der, line: self.line, headers: self.headers })
    }

    fn unterminated(self) -> PemError {
        PemError::Unterminated { label: self.label, line: self.line }
    }
}

/// Lines with their number from 1, without a byte-order mark; LF, CRLF and bare CR end a line.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    text.split(|octet| *octet == b'\n').enumerate().flat_map(|(index, line)| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.split(|octet| *octet == b'\r').map(move |part| (index + 1, part))
    })
}

/// Cuts a line before and after each marker, so that `-----END A----------BEGIN B-----` and a marker behind text read
/// like separate lines.
fn split_glued(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let cut = match marker_span(rest) {
            Some((0, end)) => end,
            Some((start, _)) => start,
            None => rest.len(),
        };
        let (piece, tail) = rest.split_at(cut);
        rest = tail;
        Some(piece)
    })
}

/// Start and end of the first complete BEGIN or END marker in a line.
fn marker_span(line: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(offset) = find(&line[from..], DASHES.as_bytes()) {
        let start = from + offset;
        let tail = &line[start..];
        for word in [BEGIN, END] {
            let Some(after) = tail.strip_prefix(word.as_bytes()) else { continue };
            let window = &after[..after.len().min(MAX_LABEL + DASHES.len())];
            if let Some(length) = find(window, DASHES.as_bytes())
                && is_label(&after[..length])
            {
                return Some((start, start + word.len() + length + DASHES.len()));
            }
        }
        from = start + 1;
    }
    None
}

/// The label if the piece is exactly this kind of marker.
fn marker(piece: &[u8], word: &str) -> Option<String> {
    let label = piece.strip_prefix(word.as_bytes())?.strip_suffix(DASHES.as_bytes())?;
    if !is_label(label) {
        return None;
    }
    std::str::from_utf8(label).ok().map(|label| label.trim().to_owned())
}

fn is_label(label: &[u8]) -> bool {
    label.len() <= MAX_LABEL && label.iter().all(|octet| octet.is_ascii_graphic() || *octet == b' ')
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests;
