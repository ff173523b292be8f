use super::*;
use std::future::poll_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const PATIENCE: Duration = Duration::from_secs(10);

fn guarded(prefix: &[u8]) -> (DuplexStream, HeadGuard<DuplexStream>, Rc<HeadState>) {
    let (client, server) = duplex(1 << 20);
    let state = HeadState::new();
    let guard = HeadGuard::new(server, prefix, HeadLimits::default(), PATIENCE, Rc::clone(&state));
    (client, guard, state)
}

/// What the guard hands out without waiting.
async fn available(guard: &mut HeadGuard<DuplexStream>, room: usize) -> Vec<u8> {
    let mut out = Vec::new();
    poll_fn(|cx| {
        loop {
            let mut storage = vec![0; room];
            let mut buffer = ReadBuf::new(&mut storage);
            match Pin::new(&mut *guard).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => out.extend_from_slice(buffer.filled()),
                _ => return Poll::Ready(()),
            }
        }
    })
    .await;
    out
}

#[tokio::test]
async fn an_incomplete_head_is_held_back_until_it_is_complete() {
    let (mut client, mut guard, _) = guarded(b"GE");
    client.write_all(b"T / HTTP/1.1\r\nHo").await.unwrap();
    assert!(available(&mut guard, 4096).await.is_empty());
    client.write_all(b"st: a\r\n\r\nGET").await.unwrap();
    assert_eq!(available(&mut guard, 7).await, GET);
}

#[tokio::test]
async fn in_place_of_a_bad_head_comes_the_stand_in_and_then_nothing() {
    let (mut client, mut guard, state) = guarded(b"");
    let bad = b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n";
    client.write_all(&[GET, bad, GET].concat()).await.unwrap();
    assert_eq!(available(&mut guard, 4096).await, [GET, STAND_IN].concat());
    assert_eq!(state.refusal(0), None);
    assert_eq!(state.refusal(1), Some(HeadRefusal::Violation(Violation::BareLf)));
}

#[tokio::test]
async fn of_a_bad_head_in_pieces_nothing_is_seen() {
    let (mut client, mut guard, state) = guarded(b"");
    for piece in [&b"POST / HTTP/1.1\r\nContent-Length: 3\r\n"[..], b"Transfer-Encoding: chunked\r\n\r\n", GET] {
        client.write_all(piece).await.unwrap();
        let seen = available(&mut guard, 4096).await;
        assert!(seen.is_empty() || seen == STAND_IN, "{seen:?}");
    }
    assert_eq!(state.refusal(0), Some(HeadRefusal::Violation(Violation::LengthAndTransferEncoding)));
}

#[tokio::test]
async fn bodies_pass_and_the_head_after_them_is_judged() {
    let (mut client, mut guard, state) = guarded(b"");
    let first = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\n\n\0\n";
    let second = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\n\n\n\r\n0\r\n\r\n";
    client.write_all(&[&first[..], second, b"\nGET"].concat()).await.unwrap();
    assert_eq!(available(&mut guard, 4096).await, [&first[..], second, STAND_IN].concat());
    assert_eq!(state.refusal(2), Some(HeadRefusal::Violation(Violation::BareLf)));
}

#[tokio::test]
async fn a_bad_chunk_ends_the_body_with_an_error() {
    let (mut client, mut guard, state) = guarded(b"");
    client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n").await.unwrap();
    let mut seen = Vec::new();
    let error = guard.read_to_end(&mut seen).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(state.body_violation(), Some(Violation::ChunkSize));
}

#[tokio::test]
async fn behind_an_upgrade_nothing_is_read_until_it_is_decided() {
    const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n";
    for accepted in [true, false] {
        let (mut client, mut guard, state) = guarded(b"");
        client.write_all(&[UPGRADE, b"\0\n"].concat()).await.unwrap();
        assert_eq!(available(&mut guard, 4096).await, UPGRADE);
        if accepted {
            state.accept_upgrade(0);
            assert_eq!(available(&mut guard, 4096).await, b"\0\n", "a tunnel carries anything");
        } else {
            state.decline_upgrade(0);
            assert_eq!(available(&mut guard, 4096).await, STAND_IN, "what follows a refused upgrade is HTTP");
        }
    }
}

#[tokio::test]
async fn only_the_exchange_that_offered_an_upgrade_decides_about_it() {
    let (mut client, mut guard, state) = guarded(b"");
    client.write_all(&[GET, b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n\0"].concat()).await.unwrap();
    available(&mut guard, 4096).await;
    state.decline_upgrade(0);
    state.accept_upgrade(1);
    assert_eq!(available(&mut guard, 4096).await, b"\0");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_arrive_in_time_is_refused() {
    let (mut client, mut guard, state) = guarded(b"");
    client.write_all(GET).await.unwrap();
    assert_eq!(available(&mut guard, 4096).await, GET);
    // Silence between requests is not the guard's business.
    let mut buffer = [0; 256];
    let silence = tokio::time::timeout(PATIENCE * 5, guard.read(&mut buffer)).await;
    assert!(silence.is_err());
    client.write_all(b"GET / HT").await.unwrap();
    let started = Instant::now();
    let count = guard.read(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..count], STAND_IN);
    assert_eq!(state.refusal(1), Some(HeadRefusal::TimedOut));
    assert_eq!(started.elapsed(), PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_says_a_word_is_let_go_without_one() {
    let (_client, mut guard, _) = guarded(b"");
    assert_eq!(guard.read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_client_that_announced_its_last_request_may_close_its_side() {
    for last in [true, false] {
        let (mut client, mut guard, state) = guarded(b"");
        client.write_all(GET).await.unwrap();
        client.shutdown().await.unwrap();
        let mut buffer = [0; 256];
        assert_eq!(guard.read(&mut buffer).await.unwrap(), GET.len());
        state.begin(last);
        let end = poll_fn(|cx| {
            let mut buffer = ReadBuf::new(&mut buffer);
            Poll::Ready(Pin::new(&mut guard).poll_read(cx, &mut buffer).is_ready())
        });
        assert_eq!(end.await, !last);
        state.end();
        assert_eq!(guard.read(&mut buffer).await.unwrap(), 0);
    }
}
