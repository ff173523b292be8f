//! R15: bytes arrive in order and whole, however they are cut.

use crate::ground::backend::Backend;
use crate::ground::clients::{connect, connectors, ping};
use crate::ground::{Ground, Settings, block_on, scaled};
use jadegate_tls::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, split};
use tokio::net::TcpStream;

/// A stream of bytes in which every place differs from its neighbours far and near.
#[derive(Debug, Clone)]
struct Pattern(u64);

impl Pattern {
    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = self.0.to_be_bytes()[0];
        }
    }
}

/// Sends `total` bytes in pieces of odd sizes while it reads and checks what comes back.
async fn both_ways(stream: &mut Stream<TcpStream>, total: usize) {
    let (mut from, mut to) = split(stream);
    let send = async {
        let (mut pattern, mut left) = (Pattern(7), total);
        let sizes = [1, 2, 3, 1023, 16_384, 16_385, 65_537, 100_003];
        for size in sizes.into_iter().cycle() {
            let mut piece = vec![0; usize::min(size, left)];
            pattern.fill(&mut piece);
            to.write_all(&piece).await.expect("sent");
            left -= piece.len();
            if left == 0 {
                break;
            }
        }
        to.shutdown().await.expect("our end");
    };
    let receive = async {
        let (mut pattern, mut count) = (Pattern(7), 0);
        let (mut buffer, mut expected) = (vec![0; 70_001], vec![0; 70_001]);
        while let read @ 1.. = from.read(&mut buffer).await.expect("received") {
            pattern.fill(&mut expected[..read]);
            assert!(buffer[..read] == expected[..read], "other bytes behind {count}");
            count += read;
        }
        assert_eq!(count, total, "the end came at its place");
    };
    tokio::join!(send, receive);
}

#[test]
fn full_duplex_bulk_arrives_whole_and_ends_in_order() {
    block_on(async {
        let ground = Ground::start(Backend::echo(), &Settings { protocol: "tcp", ..Settings::default() });
        // 256 MiB in the catalogue.
        let total = scaled(256 << 20, 12 << 20);
        for (kind, connector) in connectors(&ground.pki) {
            let mut connected = connect(ground.address, &connector).await.unwrap_or_else(|e| panic!("{kind:?}: {e:#}"));
            both_ways(&mut connected.stream, total).await;
        }
    });
}

#[test]
fn single_bytes_arrive_one_by_one_and_in_both_directions() {
    block_on(async {
        let ground = Ground::start(Backend::echo(), &Settings { protocol: "tcp", ..Settings::default() });
        for (_, connector) in connectors(&ground.pki) {
            let mut stream = connect(ground.address, &connector).await.expect("a connection").stream;
            // A ping-pong: none may wait in a buffer for company.
            for n in 0..200_u8 {
                ping(&mut stream, &[n]).await.expect("an echo");
            }
            let (mut from, mut to) = split(&mut stream);
            let send = async {
                for n in 0..2000_u32 {
                    to.write_all(&[n.to_le_bytes()[0]]).await.expect("sent");
                    to.flush().await.expect("sent");
                }
            };
            let receive = async {
                for n in 0..2000_u32 {
                    assert_eq!(from.read_u8().await.expect("received"), n.to_le_bytes()[0]);
                }
            };
            tokio::join!(send, receive);
        }
    });
}
