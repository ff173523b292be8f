use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// A client and a backend joined by a relay that runs until it ends by itself.
fn joined(
    buffer: usize,
    idle: Option<Duration>,
) -> (DuplexStream, DuplexStream, tokio::task::JoinHandle<(End, u64, u64)>) {
    let (client, mut downstream) = duplex(buffer);
    let (backend, mut upstream) = duplex(buffer);
    let relay = tokio::task::spawn_local(async move {
        let traffic = Traffic::default();
        let end = relay(&mut downstream, &mut upstream, idle, &traffic).await;
        (end, traffic.downstream.get(), traffic.upstream.get())
    });
    (client, backend, relay)
}

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test)
}

#[test]
fn the_end_of_one_direction_leaves_the_other_open() {
    run(async {
        let (mut client, mut backend, relay) = joined(64, None);
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut question = Vec::new();
        backend.read_to_end(&mut question).await.unwrap();
        assert_eq!(question, b"question");
        // The client has ended; the answer still arrives, larger than any buffer between.
        let answer = vec![7; 100_000];
        let (written, read) = tokio::join!(
            async {
                backend.write_all(&answer).await.unwrap();
                backend.shutdown().await
            },
            async {
                let mut got = Vec::new();
                client.read_to_end(&mut got).await.unwrap();
                got
            }
        );
        written.unwrap();
        assert_eq!(read, answer);
        let (end, from_client, from_backend) = relay.await.unwrap();
        assert!(matches!(end, End::Finished), "{end:?}");
        assert_eq!((from_client, from_backend), (8, 100_000));
    });
}

#[test]
fn silence_in_both_directions_ends_the_relay_and_traffic_in_one_does_not() {
    run(async {
        let idle = Duration::from_secs(60);
        let (mut client, mut backend, relay) = joined(64, Some(idle));
        for _ in 0..5 {
            tokio::time::advance(Duration::from_secs(50)).await;
            client.write_all(b"x").await.unwrap();
            backend.read_u8().await.unwrap();
        }
        assert!(!relay.is_finished());
        let quiet_since = Instant::now();
        let (end, ..) = relay.await.unwrap();
        assert!(matches!(end, End::Idle), "{end:?}");
        assert_eq!(quiet_since.elapsed().as_secs(), idle.as_secs());
    });
}

#[test]
fn a_slow_reader_stops_the_reading_from_the_other_side() {
    run(async {
        let (mut client, backend, relay) = joined(1024, None);
        let sent = std::rc::Rc::new(Cell::new(0));
        let counter = std::rc::Rc::clone(&sent);
        let writer = tokio::task::spawn_local(async move {
            let block = [1; 1024];
            loop {
                client.write_all(&block).await.unwrap();
                counter.set(counter.get() + block.len());
            }
        });
        for _ in 0..10_000 {
            tokio::task::yield_now().await;
        }
        assert!(sent.get() <= 1024 + BUFFER + 1024, "{} bytes were taken although nobody reads", sent.get());
        writer.abort();
        drop(backend);
        let (end, ..) = relay.await.unwrap();
        assert!(matches!(end, End::Failed(Leg::Upstream, _)), "{end:?}");
    });
}

/// A reader that fails, to stand for a reset or a cut TLS stream.
struct Broken(io::ErrorKind);

impl AsyncRead for Broken {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(self.0.into()))
    }
}

impl AsyncWrite for Broken {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_reset_ends_both_directions_at_once_and_names_the_leg() {
    run(async {
        let (_client, mut downstream) = duplex(64);
        let end = relay(&mut downstream, &mut Broken(io::ErrorKind::ConnectionReset), None, &Traffic::default()).await;
        assert!(matches!(end, End::Failed(Leg::Upstream, error) if error.kind() == io::ErrorKind::ConnectionReset));
    });
}

#[test]
fn a_cut_tls_stream_ends_its_direction_and_is_told_apart_from_a_proper_end() {
    run(async {
        let (mut client, mut downstream) = duplex(64);
        client.shutdown().await.unwrap();
        let end = relay(&mut downstream, &mut Broken(io::ErrorKind::UnexpectedEof), None, &Traffic::default()).await;
        assert!(matches!(end, End::Truncated(Leg::Upstream)), "{end:?}");
    });
}

#[test]
fn both_directions_at_full_speed_keep_order_and_lose_nothing() {
    const TOTAL: usize = 8 << 20;
    // Cheap, and every position has a byte of its own within a long period.
    fn byte(position: usize, seed: usize) -> u8 {
        u8::try_from((position.wrapping_mul(31).wrapping_add(position >> 8).wrapping_add(seed)) & 0xff).unwrap()
    }
    async fn send(mut half: tokio::io::WriteHalf<DuplexStream>, seed: usize, step: usize) {
        let mut position = 0;
        while position < TOTAL {
            let end = (position + step).min(TOTAL);
            let block: Vec<u8> = (position..end).map(|at| byte(at, seed)).collect();
            half.write_all(&block).await.unwrap();
            position = end;
        }
        half.shutdown().await.unwrap();
    }
    async fn check(mut half: tokio::io::ReadHalf<DuplexStream>, seed: usize) -> usize {
        let mut buffer = vec![0; 10_007];
        let mut position = 0;
        loop {
            let length = half.read(&mut buffer).await.unwrap();
            if length == 0 {
                return position;
            }
            for value in &buffer[..length] {
                assert_eq!(*value, byte(position, seed), "at {position}");
                position += 1;
            }
        }
    }
    run(async {
        let (client, backend, relay) = joined(30_011, Some(Duration::from_secs(10)));
        let (client_read, client_write) = tokio::io::split(client);
        let (backend_read, backend_write) = tokio::io::split(backend);
        let ((), (), at_backend, at_client) = tokio::join!(
            send(client_write, 1, 65_537),
            send(backend_write, 2, 1_009),
            check(backend_read, 1),
            check(client_read, 2)
        );
        assert_eq!((at_backend, at_client), (TOTAL, TOTAL));
        let (end, from_client, from_backend) = relay.await.unwrap();
        assert!(matches!(end, End::Finished), "{end:?}");
        assert_eq!((from_client, from_backend), (TOTAL as u64, TOTAL as u64));
    });
}
