//! The first bytes of a connection: whatever they are, reading them ends, agrees with itself and stays within its
//! bounds, and no policy lets a client out of it.
//!
//! Input: one byte that says in which steps the rest arrives, then the rest.

#![no_main]

use jadegate_tls::hello::{HelloReader, MAX_RECEIVED, Progress};
use jadegate_tls::{Available, ClientHello, Family, Policy, PolicyName};
use libfuzzer_sys::fuzz_target;

/// As long as a line of a log may get.
const MAX_TEXT: usize = 2048;

fuzz_target!(|input: &[u8]| {
    let Some((step, bytes)) = input.split_first() else { return };
    let bytes = &bytes[..bytes.len().min(MAX_RECEIVED)];
    let whole = HelloReader::new().examine(bytes);
    let pieces = in_steps(bytes, usize::from(*step).max(1));
    match (&whole, &pieces) {
        (Ok(Progress::Hello(one)), Ok(Progress::Hello(other))) => assert_eq!(one, other),
        (Ok(Progress::More), other) => assert_eq!(other, &Ok(Progress::More)),
        (Ok(Progress::NotTls), other) => assert_eq!(other, &Ok(Progress::NotTls)),
        (Err(error), Err(_)) => assert!(error.to_string().len() < MAX_TEXT),
        _ => panic!("at once {whole:?}, in steps {pieces:?}"),
    }
    if let Ok(Progress::Hello(hello)) = whole {
        judge(&hello);
    }
});

fn in_steps(bytes: &[u8], step: usize) -> Result<Progress, jadegate_tls::HelloError> {
    let mut reader = HelloReader::new();
    let mut end = 0;
    while end < bytes.len() {
        end = (end + step).min(bytes.len());
        match reader.examine(&bytes[..end])? {
            Progress::More => {}
            decided => return Ok(decided),
        }
    }
    reader.examine(bytes)
}

fn judge(hello: &ClientHello) {
    assert_eq!(hello.ja4().len(), 36);
    if let Some(name) = &hello.sni {
        assert!((1..=253).contains(&name.len()));
        assert!(name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.')));
    }
    for name in PolicyName::ALL {
        for bits in 0..8 {
            let available = Available { tlcp: bits & 1 > 0, sm2: bits & 2 > 0, standard: bits & 4 > 0 };
            match Policy::named(name).decide(hello, available) {
                Ok(Family::Tlcp) => assert!(hello.is_tlcp() && available.tlcp && name != PolicyName::Standard),
                Ok(Family::Tls13Sm) => {
                    assert!(hello.offers_tls13_sm() && available.sm2 && name != PolicyName::Standard)
                }
                Ok(Family::Standard) => assert!(!hello.is_tlcp() && available.standard && name != PolicyName::GmOnly),
                Err(failure) => assert!(failure.to_string().len() < MAX_TEXT),
            }
        }
    }
}
