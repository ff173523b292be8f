//! From the bytes of a connection to a ClientHello: first-byte decision, record layer, reassembly.

use super::error::{HelloError, Part, Problem};
use super::{ClientHello, TLCP_VERSION};

/// The longest ClientHello that is read, header excluded.
pub const MAX_HELLO: usize = 64 * 1024;
/// The most bytes that are looked at before giving up. More than a hello needs: a client may cut it into small records,
/// and each has its header; not so much more that one-byte records buy memory.
pub const MAX_RECEIVED: usize = 96 * 1024;

const RECORD_HEADER: usize = 5;
const MAX_RECORD: usize = 1 << 14;
const HANDSHAKE_HEADER: usize = 4;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;

/// What the bytes so far amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are needed.
    More,
    /// The first bytes are no TLS or TLCP record. (An SSLv2 hello is none either.)
    NotTls,
    /// The whole hello.
    Hello(Box<ClientHello>),
}

/// Follows the records of a connection's first message as they arrive. Each byte is looked at once, in whatever pieces
/// they come, and again when the hello is complete.
#[derive(Debug, Default)]
pub struct HelloReader {
    /// Where the next byte to look at stands in the stream.
    position: usize,
    /// Payload left in the current record; `None` before the first record and between two.
    in_record: Option<usize>,
    record_version: Option<u16>,
    records: usize,
    /// The handshake header, and how much of it has come.
    header: [u8; HANDSHAKE_HEADER],
    /// Bytes of the handshake message so far, header included.
    assembled: usize,
    first_payload: usize,
}

impl HelloReader {
    /// Before any byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at everything received since the beginning, `received` being the same bytes as before and more.
    pub fn examine(&mut self, received: &[u8]) -> Result<Progress, HelloError> {
        if self.record_version.is_none() && !is_tls(received) {
            return Ok(Progress::NotTls);
        }
        loop {
            let unread = received.get(self.position..).unwrap_or_default();
            let Some(left) = self.in_record else {
                let Some(header) = unread.first_chunk::<RECORD_HEADER>() else { break };
                self.open_record(header)?;
                continue;
            };
            let step = left.min(unread.len()).min(self.wanted() - self.assembled);
            self.note(unread.get(..step).unwrap_or_default())?;
            if self.assembled == self.wanted() && self.assembled > HANDSHAKE_HEADER {
                return self.finish(received);
            }
            self.in_record = (step < left).then_some(left - step);
            if step < left && step == unread.len() {
                break;
            }
        }
        if received.len() >= MAX_RECEIVED {
            Err(self.error("client_hello", Problem::TooLong))
        } else {
            Ok(Progress::More)
        }
    }

    /// How many more bytes are needed at least; a hint for the size of the next read.
    pub fn missing(&self) -> usize {
        match self.in_record {
            Some(left) => left.min((self.wanted() - self.assembled).max(1)),
            None => RECORD_HEADER,
        }
    }

    fn open_record(&mut self, header: &[u8; RECORD_HEADER]) -> Result<(), HelloError> {
        let [kind, major, minor, high, low] = *header;
        let version = u16::from_be_bytes([major, minor]);
        let length = usize::from(u16::from_be_bytes([high, low]));
        if kind != HANDSHAKE {
            return Err(self.error("record type", Problem::OutOfPlace));
        }
        match self.record_version {
            None => self.record_version = Some(version),
            // A TLS client may change the minor number on the way; a change of family is a cut-and-paste.
            Some(first) if (first == TLCP_VERSION) == (version == TLCP_VERSION) && is_version(version) => {}
            Some(_) => return Err(self.error("record version", Problem::Illegal)),
        }
        if length == 0 {
            //= RFC 8446 5.1: no empty handshake records
            return Err(self.error("record", Problem::Empty));
        }
        if length > MAX_RECORD {
            return Err(self.error("record", Problem::TooLong));
        }
        self.position += RECORD_HEADER;
        self.in_record = Some(length);
        self.records += 1;
        if self.records == 1 {
            self.first_payload = self.position;
        }
        Ok(())
    }

    /// The length of the handshake message, header included, as far as its header is known.
    fn wanted(&self) -> usize {
        if self.assembled < HANDSHAKE_HEADER {
            return HANDSHAKE_HEADER;
        }
        let [_, high, middle, low] = self.header;
        HANDSHAKE_HEADER + ((usize::from(high) << 16) | (usize::from(middle) << 8) | usize::from(low))
    }

    /// Counts payload in, and judges the handshake header as soon as its bytes are there.
    fn note(&mut self, payload: &[u8]) -> Result<(), HelloError> {
        let had_header = self.assembled >= HANDSHAKE_HEADER;
        for (slot, byte) in self.header.iter_mut().skip(self.assembled).zip(payload) {
            *slot = *byte;
        }
        let start = self.position;
        self.assembled += payload.len();
        self.position += payload.len();
        if had_header || self.assembled == 0 {
            return Ok(());
        }
        let at = |what, problem| HelloError { what, problem, offset: start, part: Part::Stream };
        if self.header.first() != Some(&CLIENT_HELLO) {
            return Err(at("handshake type", Problem::OutOfPlace));
        }
        match self.wanted() {
            _ if self.assembled < HANDSHAKE_HEADER => Ok(()),
            HANDSHAKE_HEADER => Err(at("client_hello", Problem::Empty)),
            wanted if wanted > HANDSHAKE_HEADER + MAX_HELLO => Err(at("client_hello", Problem::TooLong)),
            _ => Ok(()),
        }
    }

    fn finish(&self, received: &[u8]) -> Result<Progress, HelloError> {
        let record_version = self.record_version.unwrap_or_default();
        let wanted = self.wanted();
        let whole;
        let message = if self.records == 1 {
            received.get(self.first_payload..self.first_payload + wanted).unwrap_or_default()
        } else {
            whole = reassembled(received, wanted);
            &whole
        };
        let body = message.get(HANDSHAKE_HEADER..).unwrap_or_default();
        ClientHello::parse(record_version, body).map(|hello| Progress::Hello(Box::new(hello)))
    }

    fn error(&self, what: &'static str, problem: Problem) -> HelloError {
        HelloError { what, problem, offset: self.position, part: Part::Stream }
    }
}

/// Joins the payloads of records that were all examined before.
fn reassembled(mut received: &[u8], wanted: usize) -> Vec<u8> {
    let mut message = Vec::with_capacity(wanted);
    while let Some(([_, _, _, high, low], rest)) = received.split_first_chunk::<RECORD_HEADER>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (payload, rest) = rest.split_at(length);
        message.extend_from_slice(payload);
        received = rest;
    }
    message.truncate(wanted);
    message
}

/// Whether what has come so far can be the beginning of a TLS or TLCP handshake record. Three bytes are enough to say
/// so for good; the first one that does not fit says no.
fn is_tls(received: &[u8]) -> bool {
    let fits = |at: usize, test: fn(u8) -> bool| received.get(at).is_none_or(|byte| test(*byte));
    fits(0, |kind| kind == HANDSHAKE)
        && fits(1, |major| matches!(major, 1 | 3))
        && match received.first_chunk::<3>() {
            Some([_, major, minor]) => is_version(u16::from_be_bytes([*major, *minor])),
            None => true,
        }
}

const fn is_version(version: u16) -> bool {
    matches!(version, TLCP_VERSION | 0x0300..=0x0304)
}
