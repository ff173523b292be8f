use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

/// Sends `count` frames in pieces of `size`; gives what the guard hands out and the flood it saw.
async fn pass(prefix: usize, frames: &[u8], size: usize, state: Rc<FrameState>) -> (Vec<u8>, Option<Breach>) {
    let (mut client, server) = duplex(1 << 22);
    client.write_all(&PREFACE[prefix..]).await.unwrap();
    client.write_all(frames).await.unwrap();
    client.shutdown().await.unwrap();
    let mut guard = FrameGuard::new(server, &PREFACE[..prefix], Rc::clone(&state));
    let out = read_all(&mut guard, size).await;
    (out, state.breach())
}

async fn read_all(guard: &mut FrameGuard<DuplexStream>, size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut piece = vec![0; size];
    loop {
        match tokio::time::timeout(Duration::from_millis(50), guard.read(&mut piece)).await {
            Ok(Ok(count)) if count > 0 => out.extend_from_slice(&piece[..count]),
            _ => return out,
        }
    }
}

#[tokio::test]
async fn honest_frames_pass_unchanged_however_they_are_cut() {
    let frames = [
        frame(4, 0, &[0; 12]),
        frame(1, 5, b"header block"),
        frame(0, 0, &[7; 300]),
        frame(0, 1, b""),
        frame(8, 0, &[0, 0, 1, 0]),
        frame(6, 0, &[0; 8]),
        frame(3, 0, &[0; 4]),
    ]
    .concat();
    for (prefix, size) in [(0, 1), (24, 3), (10, 8), (24, 10), (24, 4096)] {
        let (out, flood) = pass(prefix, &frames, size, Rc::default()).await;
        assert_eq!(out, [&PREFACE[..], &frames].concat());
        assert_eq!(flood, None);
    }
}

#[tokio::test]
async fn each_flood_is_named_and_ends_with_the_poison_at_a_frame_boundary() {
    let table: &[(Vec<u8>, Breach)] = &[
        (frame(0, 0, b""), Breach::EmptyData),
        (frame(2, 0, &[0; 5]), Breach::Priority),
        (frame(3, 0, &[0; 4]), Breach::Reset),
        (frame(4, 0, &[0; 6]), Breach::Settings),
        (frame(4, 1, b""), Breach::Settings),
        (frame(6, 0, &[0; 8]), Breach::Ping),
        (frame(6, 1, &[0; 8]), Breach::Ping),
        (frame(8, 0, &[0, 0, 0, 1]), Breach::WindowUpdate),
        (frame(9, 0, b"x"), Breach::Continuation),
        (frame(9, 0, b""), Breach::Continuation),
        (frame(200, 0, b"?"), Breach::Unknown),
    ];
    for (one, expected) in table {
        for size in [7, 4096] {
            let (out, flood) = pass(24, &one.repeat(6000), size, Rc::default()).await;
            assert_eq!(flood, Some(*expected));
            let passed = &out[PREFACE.len()..];
            let frames = passed.strip_suffix(POISON).expect("ends with the poison");
            assert_eq!(frames.len() % one.len(), 0, "{expected:?} was cut in the middle of a frame");
            assert!(frames.len() < 3000 * one.len());
        }
    }
}

#[tokio::test]
async fn what_was_earned_is_paid_once() {
    let table: [(Vec<u8>, Breach); 3] = [
        (frame(3, 0, &[0; 4]), Breach::Reset),
        (frame(6, 0, &[0; 8]), Breach::Ping),
        (frame(8, 0, &[0, 0, 0, 1]), Breach::WindowUpdate),
    ];
    for (one, expected) in table {
        let state: Rc<FrameState> = Rc::default();
        for _ in 0..1000 {
            state.sent();
            state.answered();
        }
        let (_, flood) = pass(24, &one.repeat(9000), 4096, state).await;
        assert_eq!(flood, Some(expected));
    }
}

#[tokio::test]
async fn clients_are_paid_back_for_what_our_own_traffic_makes_them_send() {
    type Earn = fn(&FrameState);
    let table: &[(Vec<u8>, Earn)] = &[
        (frame(3, 0, &[0; 4]), FrameState::answered),
        (frame(6, 0, &[0; 8]), FrameState::sent),
        (frame(8, 0, &[0, 0, 0, 1]), FrameState::sent),
    ];
    for (one, earn) in table {
        let state: Rc<FrameState> = Rc::default();
        let (mut client, server) = duplex(1 << 22);
        client.write_all(PREFACE).await.unwrap();
        let mut guard = FrameGuard::new(server, b"", Rc::clone(&state));
        guard.read_exact(&mut [0; PREFACE.len()]).await.unwrap();
        for _ in 0..6000 {
            earn(&state);
            client.write_all(one).await.unwrap();
            let mut frame = vec![0; one.len()];
            guard.read_exact(&mut frame).await.unwrap();
        }
        assert_eq!(state.breach(), None);
    }
}
