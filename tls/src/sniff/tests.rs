use super::*;
use crate::fixtures;
use crate::hello::Problem;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// Gives its pieces one per read, then an end or an error; remembers how much was taken.
struct Pieces {
    pieces: VecDeque<Vec<u8>>,
    end: Option<io::ErrorKind>,
    taken: usize,
}

impl Pieces {
    fn new<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self { pieces: pieces.into_iter().map(<[u8]>::to_vec).collect(), end: None, taken: 0 }
    }
}

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(mut piece) = self.pieces.pop_front() else {
            return Poll::Ready(self.end.map_or(Ok(()), |kind| Err(kind.into())));
        };
        if piece.len() > buf.remaining() {
            let rest = piece.split_off(buf.remaining());
            self.pieces.push_front(rest);
        }
        self.taken += piece.len();
        buf.put_slice(&piece);
        Poll::Ready(Ok(()))
    }
}

#[test]
fn every_client_is_recognised_byte_by_byte_and_nothing_is_lost() {
    for name in fixtures::names() {
        let bytes = fixtures::bytes(&name);
        let (first, stream) = run(sniff(Pieces::new(bytes.chunks(1)))).expect("a hello");
        assert_eq!(first, First::Hello(Box::new(fixtures::hello(&name))), "{name}");
        assert_eq!(stream.buffered(), bytes, "{name}");
    }
}

#[test]
fn a_plaintext_client_is_told_by_its_first_byte() {
    let (first, stream) = run(sniff(Pieces::new([&b"G"[..], b"ET / HTTP/1.1\r\n"]))).expect("plaintext");
    assert_eq!(first, First::NotTls);
    assert_eq!(stream.buffered(), b"G", "no second read was needed");
    let (first, stream) = run(sniff(Pieces::new([&fixtures::bytes("crafted-ssl2")[..]]))).expect("plaintext");
    assert_eq!(first, First::NotTls);
    assert_eq!(stream.buffered(), fixtures::bytes("crafted-ssl2"));
}

#[test]
fn a_close_before_any_byte_is_not_a_close_in_the_middle() {
    let error = run(sniff(Pieces::new([]))).expect_err("closed");
    assert!(matches!(error, SniffError::ClosedBeforeAnyByte));
    assert_eq!(Failure::from(&error), Failure::ClosedBeforeAnyByte);

    let bytes = fixtures::bytes("curl-tls13-h2");
    for end in 1..bytes.len() {
        let error = run(sniff(Pieces::new([&bytes[..end]]))).expect_err("closed");
        assert!(matches!(error, SniffError::Closed { received } if received == end), "{end}: {error}");
    }
}

#[test]
fn an_error_of_the_connection_is_passed_on() {
    let mut io = Pieces::new([&b"\x16\x03"[..]]);
    io.end = Some(io::ErrorKind::ConnectionReset);
    let error = run(sniff(io)).expect_err("reset");
    assert_eq!(Failure::from(&error), Failure::Io(io::ErrorKind::ConnectionReset));
}

#[test]
fn a_broken_hello_leaves_the_connection_with_the_caller() {
    let mut io = Pieces::new([&b"\x16\x03\x01\x00\x04\x02\x00\x00\x00"[..]]);
    let error = run(read_first(&mut io)).expect_err("no ClientHello");
    let SniffError::Malformed(error) = error else { panic!("{error}") };
    assert_eq!(error.problem, Problem::OutOfPlace);
    assert_eq!(io.taken, 9);
}

#[test]
fn a_client_that_never_finishes_its_hello_costs_no_more_than_the_bound() {
    // A hello of 64 KiB in records of one byte: six bytes on the wire for each of it.
    let header = [1, 1, 0, 0];
    let message = header.into_iter().chain(std::iter::repeat_n(0, 1 << 16));
    let crumbs: Vec<u8> = message.flat_map(|byte| [22, 3, 1, 0, 1, byte]).collect();
    let mut io = Pieces::new(crumbs.chunks(1400));
    let error = run(read_first(&mut io)).expect_err("too long");
    assert!(matches!(error, SniffError::Malformed(HelloError { problem: Problem::TooLong, .. })), "{error}");
    assert_eq!(io.taken, MAX_RECEIVED);
}
