use super::*;
use proptest::prelude::*;
use std::future::poll_fn;
use std::io::IoSlice;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// Records what is done to it.
#[derive(Default)]
struct Recorder {
    written: Vec<u8>,
    vectored: usize,
    flushed: usize,
    shut: usize,
}

impl AsyncWrite for Recorder {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.vectored += 1;
        let before = self.written.len();
        bufs.iter().for_each(|buf| self.written.extend_from_slice(buf));
        Poll::Ready(Ok(self.written.len() - before))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushed += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shut += 1;
        Poll::Ready(Ok(()))
    }
}

proptest! {
    #[test]
    fn reading_yields_the_prefix_and_then_the_stream_whatever_the_size_of_the_reads(
        prefix in proptest::collection::vec(any::<u8>(), 0..200),
        rest in proptest::collection::vec(any::<u8>(), 0..200),
        sizes in proptest::collection::vec(1..50_usize, 1..20),
    ) {
        let read = run(async {
            let mut stream = Prefixed::new(prefix.clone(), rest.as_slice());
            let mut read = Vec::new();
            for size in sizes.iter().cycle() {
                let mut buffer = vec![0; *size];
                let count = stream.read(&mut buffer).await.expect("no error below");
                if count == 0 {
                    break;
                }
                read.extend_from_slice(&buffer[..count]);
            }
            read
        });
        prop_assert_eq!(read, [prefix, rest].concat());
    }
}

#[test]
fn the_buffer_is_freed_with_its_last_byte() {
    run(async {
        let mut stream = Prefixed::new(b"hello".to_vec(), &b" world"[..]);
        let mut four = [0; 4];
        stream.read_exact(&mut four).await.expect("four bytes");
        assert_eq!(stream.buffered(), b"o");
        stream = stream.into_inner().expect_err("one byte is left");
        stream.read_exact(&mut four[..1]).await.expect("the last byte");
        assert_eq!(stream.prefix.capacity(), 0);
        assert_eq!(stream.into_inner().expect("drained"), b" world");
    });
}

#[test]
fn a_read_of_no_bytes_takes_nothing() {
    run(async {
        let mut stream = Prefixed::new(b"ab".to_vec(), &b""[..]);
        assert_eq!(stream.read(&mut []).await.expect("no error"), 0);
        assert_eq!(stream.buffered(), b"ab");
    });
}

#[test]
fn writing_flushing_and_shutting_pass_through_while_bytes_are_still_buffered() {
    run(async {
        let mut stream = Prefixed::new(b"unread".to_vec(), Recorder::default());
        assert!(stream.is_write_vectored());
        stream.write_all(b"one ").await.expect("written");
        let slices = [IoSlice::new(b"two "), IoSlice::new(b"three")];
        let count = poll_fn(|cx| Pin::new(&mut stream).poll_write_vectored(cx, &slices)).await.expect("written");
        assert_eq!(count, 9);
        stream.flush().await.expect("flushed");
        stream.shutdown().await.expect("shut");
        let below = stream.get_ref();
        assert_eq!(below.written, b"one two three");
        assert_eq!((below.vectored, below.flushed, below.shut), (1, 1, 1));
    });
}
