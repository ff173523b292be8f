//! HTTP/1 framing: what the scanners let through has one reading. Whatever they accept, `httparse` and a plain model of
//! RFC 9112 find the same messages in it, with the same bodies at the same places, however the bytes arrive.
//!
//! Input: one byte that says in which steps the rest arrives and within which bounds, then the bytes of a connection.

#![no_main]

use httparse::{Header, Request, Status};
use jadegate_fuzz::assert_shown;
use jadegate_proxy::http::chunk_scan::{ChunkProgress, ChunkScan};
use jadegate_proxy::http::head_scan::{BodyFraming, Head, HeadLimits, HeadProgress, HeadScan, Upgrade};
use jadegate_proxy::http::violation::Violation;
use libfuzzer_sys::fuzz_target;

/// More header fields than any bound below lets through.
const FIELDS: usize = 128;

fuzz_target!(|input: &[u8]| {
    let Some((how, mut rest)) = input.split_first() else { return };
    let step = usize::from(how & 0x7f).max(1);
    let limits = match how & 0x80 {
        0 => HeadLimits::default(),
        _ => HeadLimits { bytes: 256, fields: 4, target: 32 },
    };
    while let Some(length) = message(rest, step, limits) {
        assert!(length > 0);
        rest = &rest[length..];
    }
});

/// The length of the first message, if the scanners find a whole one.
fn message(bytes: &[u8], step: usize, limits: HeadLimits) -> Option<usize> {
    let (end, head) = scan_head(bytes, step, limits)?;
    assert_eq!(modelled_head(&bytes[..end], limits), head, "the head is read otherwise by httparse");
    if head.upgrade == Upgrade::Offered {
        return None;
    }
    let rest = &bytes[end..];
    let body = match head.body {
        BodyFraming::Empty => 0,
        BodyFraming::Length(length) => usize::try_from(length).ok().filter(|length| *length <= rest.len())?,
        BodyFraming::Chunked => {
            let length = scan_chunks(rest, step, limits)?;
            assert_eq!(modelled_chunks(&rest[..length]), length, "the chunks are read otherwise by httparse");
            length
        }
    };
    Some(end + body)
}

/// Where the head ends and what it says. Pieces must not change it.
fn scan_head(bytes: &[u8], step: usize, limits: HeadLimits) -> Option<(usize, Head)> {
    let feed = |scan: &mut HeadScan, piece: &[u8]| match scan.feed(piece)? {
        HeadProgress::Partial => Ok(None),
        HeadProgress::Complete(taken, head) => Ok(Some((taken, head))),
    };
    let whole = feed(&mut HeadScan::new(limits), bytes);
    let mut scan = HeadScan::new(limits);
    let pieces = in_steps(bytes, step, |piece| feed(&mut scan, piece));
    agree(whole, pieces)
}

/// Where the chunked body ends. Pieces must not change it.
fn scan_chunks(bytes: &[u8], step: usize, limits: HeadLimits) -> Option<usize> {
    let feed = |scan: &mut ChunkScan, piece: &[u8]| match scan.feed(piece)? {
        ChunkProgress::Partial => Ok(None),
        ChunkProgress::Complete(taken) => Ok(Some((taken, ()))),
    };
    let whole = feed(&mut ChunkScan::new(limits), bytes);
    let mut scan = ChunkScan::new(limits);
    let pieces = in_steps(bytes, step, |piece| feed(&mut scan, piece));
    agree(whole, pieces).map(|(end, ())| end)
}

type Found<T> = Result<Option<(usize, T)>, Violation>;

fn in_steps<T>(bytes: &[u8], step: usize, mut feed: impl FnMut(&[u8]) -> Found<T>) -> Found<T> {
    for (index, piece) in bytes.chunks(step).enumerate() {
        if let Some((taken, found)) = feed(piece)? {
            return Ok(Some((index * step + taken, found)));
        }
    }
    Ok(None)
}

fn agree<T: PartialEq + std::fmt::Debug>(whole: Found<T>, pieces: Found<T>) -> Option<(usize, T)> {
    match (whole, pieces) {
        (Ok(one), Ok(other)) => {
            assert_eq!(one, other, "pieces matter");
            one
        }
        (Err(one), Err(other)) => {
            // The bound in bytes is looked at once for each piece, so that another violation may come first.
            assert!(one == other || other == Violation::HeadTooLarge || one == Violation::HeadTooLarge);
            assert_shown(&one.to_string());
            None
        }
        (one, other) => panic!("at once {one:?}, in pieces {other:?}"),
    }
}

/// What a head says by `httparse` and RFC 9112 §6. Panics where there is room for doubt.
fn modelled_head(head: &[u8], limits: HeadLimits) -> Head {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = Request::new(&mut fields);
    assert_eq!(request.parse(head), Ok(Status::Complete(head.len())));
    assert!(head.len() <= limits.bytes && request.headers.len() <= limits.fields);
    assert!(request.path.is_some_and(|path| path.len() <= limits.target));
    let is_http11 = request.version == Some(1);
    let values = |name: &str| -> Vec<&[u8]> {
        let named = |field: &&Header<'_>| field.name.eq_ignore_ascii_case(name);
        request.headers.iter().filter(named).map(|field| field.value.trim_ascii()).collect()
    };
    let body = match (values("content-length").as_slice(), values("transfer-encoding").as_slice()) {
        ([], []) => BodyFraming::Empty,
        ([length], []) => {
            assert!(!length.is_empty() && length.iter().all(u8::is_ascii_digit), "{length:?}");
            match std::str::from_utf8(length).expect("digits").parse().expect("63 bits") {
                0 => BodyFraming::Empty,
                length => BodyFraming::Length(length),
            }
        }
        ([], [coding]) => {
            assert!(is_http11 && coding.eq_ignore_ascii_case(b"chunked"), "{coding:?}");
            BodyFraming::Chunked
        }
        doubtful => panic!("two readings: {doubtful:?}"),
    };
    let upgrade = if is_http11 && !values("upgrade").is_empty() { Upgrade::Offered } else { Upgrade::None };
    Head { body, upgrade }
}

/// The length of a whole chunked body by `httparse` and RFC 9112 §7.1.
fn modelled_chunks(body: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let Ok(Status::Complete((line, size))) = httparse::parse_chunk_size(&body[at..]) else {
            panic!("no chunk size at {at}")
        };
        at += line;
        if size == 0 {
            break;
        }
        at += usize::try_from(size).expect("within the input");
        assert_eq!(&body[at..at + 2], b"\r\n");
        at += 2;
    }
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let Ok(Status::Complete((length, trailers))) = httparse::parse_headers(&body[at..], &mut fields) else {
        panic!("no trailers at {at}")
    };
    let framing = ["content-length", "transfer-encoding", "host"];
    assert!(trailers.iter().all(|field| !framing.iter().any(|name| field.name.eq_ignore_ascii_case(name))));
    at + length
}
