//! A wire between two TLCP ends that puts another certificate list in place of what one of them sends.
//!
//! TLCP sends certificates in clear, so a test can show a peer any list at all, also lists that no library would load.
//! What the honest end signs no longer fits, but the victim judges the certificates first.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};

const HANDSHAKE: u8 = 22;
const CERTIFICATE: u8 = 11;

/// Makes a wire whose end `liar` sends `list` instead of its own certificates. Returns (liar's end, victim's end).
pub(crate) fn lying(list: Vec<Vec<u8>>) -> (DuplexStream, DuplexStream) {
    let (liar, inner_liar) = duplex(64 * 1024);
    let (victim, inner_victim) = duplex(64 * 1024);
    let (from_liar, to_liar) = split(inner_liar);
    let (from_victim, to_victim) = split(inner_victim);
    let relay = async move {
        tokio::join!(replacing(from_liar, to_victim, list), plain(from_victim, to_liar));
    };
    tokio::task::spawn_local(relay);
    (liar, victim)
}

async fn plain(mut from: ReadHalf<DuplexStream>, mut to: WriteHalf<DuplexStream>) {
    drop(tokio::io::copy(&mut from, &mut to).await);
    drop(to.shutdown().await);
}

async fn replacing(mut from: ReadHalf<DuplexStream>, mut to: WriteHalf<DuplexStream>, list: Vec<Vec<u8>>) {
    let mut pending = Vec::new();
    let mut in_clear = true;
    while let Ok((header, body)) = record(&mut from).await {
        in_clear &= header[0] == HANDSHAKE;
        if !in_clear {
            if to.write_all(&[&header[..], &body].concat()).await.is_err() {
                return;
            }
            continue;
        }
        pending.extend_from_slice(&body);
        while let Some(message) = next_message(&mut pending) {
            let message = if message[0] == CERTIFICATE { certificate_message(&list) } else { message };
            for part in message.chunks(16_000) {
                let length = u16::try_from(part.len()).expect("a part fits a record").to_be_bytes();
                if to.write_all(&[&[HANDSHAKE, 1, 1], &length[..], part].concat()).await.is_err() {
                    return;
                }
            }
        }
    }
    drop(to.shutdown().await);
}

async fn record(from: &mut ReadHalf<DuplexStream>) -> std::io::Result<([u8; 5], Vec<u8>)> {
    let mut header = [0; 5];
    from.read_exact(&mut header).await?;
    let mut body = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
    from.read_exact(&mut body).await?;
    Ok((header, body))
}

fn next_message(pending: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = u32::from_be_bytes([0, *pending.get(1)?, *pending.get(2)?, *pending.get(3)?]);
    let whole = 4 + usize::try_from(length).expect("24 bits");
    (pending.len() >= whole).then(|| pending.drain(..whole).collect())
}

fn certificate_message(list: &[Vec<u8>]) -> Vec<u8> {
    let entries: Vec<u8> = list.iter().flat_map(|der| with_length(der)).collect();
    let body = with_length(&entries);
    [&[CERTIFICATE][..], &with_length(&body)].concat()
}

/// Octets behind their length in 24 bits.
fn with_length(octets: &[u8]) -> Vec<u8> {
    let length = u32::try_from(octets.len()).expect("short").to_be_bytes();
    [&length[1..], octets].concat()
}
