//! CBC records: what is wrong with the padding, and whether it is the padding at all.
//!
//! No key is needed to make them, as none is needed by whoever can choose what a client sends: the client encrypts data
//! that ends like a padding, and its record is cut behind that data, before MAC and padding. The MAC is then what
//! stands before the chosen padding, and wrong.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jadegate_tls::{Connector, Suite};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use crate::chance::Chance;
use crate::ground::{Established, Ground, record};
use crate::series::{Group, Series, interleaved};

/// Bytes that a record decrypts to, MAC and padding included: too short for the longest padding, long enough for it,
/// and with blocks of the hash that no padding reaches.
pub(crate) const LENGTHS: [usize; 3] = [160, 320, 4096];

const IV: usize = 16;
const MAC: usize = 32;
const RECORD_HEADER: usize = 5;

/// How the text ends. A padding is its length byte and as many bytes of that value before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// A valid padding of so many bytes, the length byte included; the MAC is wrong.
    Valid(usize),
    /// Says 16 bytes, and the second one from the end is another.
    WrongAtOnce,
    /// As long as can be, and the byte farthest from the end is another.
    WrongAtLast,
    /// Longer by one byte than text and MAC leave room for.
    BeyondRecord,
}

/// The longest padding that a text has room for, its length byte included.
fn longest(length: usize) -> usize {
    (length - MAC).min(256)
}

/// All that a text of the length has room for; the first one is compared with all others.
fn classes(length: usize) -> Vec<(&'static str, Class)> {
    let mut classes = vec![
        ("padding of 1 byte, wrong MAC", Class::Valid(1)),
        ("padding of 1 byte, wrong MAC (the same again)", Class::Valid(1)),
        ("padding of 16 bytes, wrong MAC", Class::Valid(16)),
        ("longest padding, wrong MAC", Class::Valid(longest(length))),
        ("padding wrong at its end", Class::WrongAtOnce),
        ("longest padding, wrong at its beginning", Class::WrongAtLast),
    ];
    if longest(length) < 256 {
        classes.push(("padding longer than the record", Class::BeyondRecord));
    }
    classes
}

impl Class {
    fn text(self, length: usize, chance: &mut Chance) -> Vec<u8> {
        let mut text = chance.bytes(length);
        let padding = match self {
            Self::Valid(padding) => padding,
            Self::WrongAtOnce => 16,
            Self::WrongAtLast => longest(length),
            Self::BeyondRecord => longest(length) + 1,
        };
        let value = u8::try_from(padding - 1).expect("at most 256 bytes");
        text[length - padding..].fill(value);
        match self {
            Self::WrongAtOnce => text[length - 2] ^= 0x20,
            Self::WrongAtLast => text[length - padding] ^= 0x20,
            Self::Valid(_) | Self::BeyondRecord => {}
        }
        text
    }
}

/// Has the client send the text, cuts its record behind it, and says how long the server takes to answer.
fn time_of_record(mut connection: Established, text: &[u8]) -> Duration {
    let mut context = Context::from_waker(Waker::noop());
    let written = Pin::new(&mut connection.client).poll_write(&mut context, text);
    assert!(matches!(written, Poll::Ready(Ok(count)) if count == text.len()), "one record: {written:?}");
    let sent = connection.near.take();
    let (header, body) = sent.split_at(RECORD_HEADER);
    assert!(body.len() > IV + text.len() + MAC, "IV, text, MAC, padding");
    let cut = record(header, &body[..IV + text.len()]);
    let mut space = vec![0; 16 * 1024];
    let mut room = ReadBuf::new(&mut space);
    let (far, server) = (connection.far, &mut connection.server);
    let mut read = Poll::Pending;
    let time = far.answer_time(cut, || read = Pin::new(server).poll_read(&mut context, &mut room));
    assert!(matches!(read, Poll::Ready(Err(_))), "the server refuses it: {read:?}");
    time.expect("an alert")
}

fn connection(ground: &Ground, client: &std::sync::Arc<Connector>) -> Established {
    ground.begin(client).finish()
}

/// Measures all classes with texts of one length.
pub(crate) fn measure(ground: &Ground, length: usize, samples: usize, chance: &mut Chance) -> Group {
    let client = ground.client(Suite::ECC_SM4_CBC_SM3);
    let classes = classes(length);
    let times = interleaved(classes.len(), samples, chance, |class, chance| {
        let text = classes[class].1.text(length, chance);
        time_of_record(connection(ground, &client), &text)
    });
    let series = classes.iter().zip(times).map(|((name, _), times)| Series { name, beside: 0, times }).collect();
    Group { title: format!("Application data, {}, {length} bytes", Suite::ECC_SM4_CBC_SM3), series }
}
