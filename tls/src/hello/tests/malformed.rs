//! Every broken hello is refused, at the place where it is broken.

use super::wire::{vector8, vector16};
use super::*;

const TLS: u16 = 0x0301;

fn refused(draft: &Draft) -> (&'static str, Problem) {
    let error = ClientHello::parse(TLS, &draft.body()).expect_err("a broken hello");
    (error.what, error.problem)
}

#[test]
fn the_draft_that_the_others_break_is_sound() {
    ClientHello::parse(TLS, &Draft::tls12().body()).expect("sound");
}

#[test]
fn broken_fields_are_named() {
    let broken = |change: fn(&mut Draft)| {
        let mut draft = Draft::tls12();
        change(&mut draft);
        refused(&draft)
    };
    assert_eq!(broken(|draft| draft.version = [2, 0]), ("client_version", Problem::Illegal));
    assert_eq!(broken(|draft| draft.version = [1, 1]), ("client_version", Problem::Illegal));
    assert_eq!(broken(|draft| draft.session_id = vec![0; 33]), ("session_id", Problem::TooLong));
    assert_eq!(broken(|draft| draft.suites.clear()), ("cipher_suites", Problem::Empty));
    assert_eq!(broken(|draft| draft.suites.push(0)), ("cipher_suites", Problem::CutOff));
    assert_eq!(broken(|draft| draft.compression.clear()), ("compression_methods", Problem::Empty));
    assert_eq!(broken(|draft| draft.after = vec![0]), ("extensions", Problem::CutOff));
    assert_eq!(broken(|draft| draft.after = vec![0, 1]), ("extensions", Problem::CutOff));
    assert_eq!(broken(|draft| draft.after = vec![0, 0, 0]), ("extensions", Problem::LeftOver));
}

#[test]
fn a_tlcp_record_around_a_tls_hello_is_refused_and_the_other_way_round() {
    let tls = Draft::tls12();
    let tlcp = Draft { version: [1, 1], ..Draft::tls12() };
    ClientHello::parse(TLCP_VERSION, &tlcp.body()).expect("sound");
    for (record_version, draft) in [(TLCP_VERSION, tls), (TLS, tlcp)] {
        let error = ClientHello::parse(record_version, &draft.body()).expect_err("families mixed");
        assert_eq!((error.what, error.problem, error.offset), ("client_version", Problem::Illegal, 0));
    }
}

#[test]
fn broken_extensions_are_named() {
    let long_list = |count: usize| vector16(&vec![0x0a; count * 2]);
    let cases: [(u16, Vec<u8>, &str, Problem); 27] = [
        (0, vec![], "server_name", Problem::CutOff),
        (0, vector16(&[]), "server_name", Problem::Empty),
        (0, name_list(b""), "server_name", Problem::Empty),
        (0, vector16(&[1, 0, 1, b'a']), "server_name", Problem::Illegal),
        (0, vector16(&[0, 0, 9, b'a']), "server_name", Problem::CutOff),
        (0, [name_list(b"a"), vec![0]].concat(), "server_name", Problem::LeftOver),
        (0, vector16(&[0, 0, 1, b'a', 0, 0, 1, b'b']), "server_name", Problem::LeftOver),
        (10, vec![0], "supported_groups", Problem::CutOff),
        (10, vector16(&[]), "supported_groups", Problem::Empty),
        (10, vector16(&[0, 29, 0]), "supported_groups", Problem::CutOff),
        (10, [long_list(2), vec![0]].concat(), "supported_groups", Problem::LeftOver),
        (13, vector16(&[]), "signature_algorithms", Problem::Empty),
        (13, vec![0, 4, 4, 3], "signature_algorithms", Problem::CutOff),
        (13, vector16(&[4]), "signature_algorithms", Problem::CutOff),
        (16, vector16(&[]), "application_layer_protocol_negotiation", Problem::Empty),
        (16, vector16(&vector8(b"")), "application_layer_protocol_negotiation", Problem::Empty),
        (16, vector16(&[3, b'h', b'2']), "application_layer_protocol_negotiation", Problem::CutOff),
        (16, vector16(&[1, b'a'].repeat(65)), "application_layer_protocol_negotiation", Problem::TooLong),
        (43, vec![], "supported_versions", Problem::CutOff),
        (43, vector8(&[]), "supported_versions", Problem::Empty),
        (43, vector8(&[3]), "supported_versions", Problem::CutOff),
        (43, [vector8(&[3, 4]), vec![0]].concat(), "supported_versions", Problem::LeftOver),
        (51, vec![0], "key_share", Problem::CutOff),
        (51, vector16(&[0]), "key_share", Problem::CutOff),
        (51, vector16(&[0, 29, 0, 0]), "key_share", Problem::Empty),
        (51, vector16(&[0, 29, 0, 9, 1]), "key_share", Problem::CutOff),
        (51, [vector16(&[]), vec![0]].concat(), "key_share", Problem::LeftOver),
    ];
    for (number, body, what, problem) in cases {
        let draft = Draft::tls12().extension(number, body.clone());
        assert_eq!(refused(&draft), (what, problem), "extension {number}: {body:02x?}");
    }
    // An empty list of key shares asks for a HelloRetryRequest; it is not broken.
    let asks = Draft::tls12().extension(51, vector16(&[]));
    assert!(ClientHello::parse(TLS, &asks.body()).expect("sound").key_shares.is_empty());
}

#[test]
fn no_extension_comes_twice_known_or_not() {
    for (number, body) in [(0, name_list(b"a.example")), (23, vec![]), (0x4469, vec![]), (0x0a0a, vec![])] {
        let once = Draft::tls12().extension(number, body.clone()).extension(5, vec![]);
        ClientHello::parse(TLS, &once.body()).expect("sound");
        assert_eq!(refused(&once.extension(number, body)).1, Problem::Twice, "{number}");
    }
}

#[test]
fn more_extensions_than_any_client_has_are_refused() {
    let many =
        |count: u16| (0x7000..0x7000 + count).fold(Draft::tls12(), |draft, number| draft.extension(number, vec![]));
    ClientHello::parse(TLS, &many(128).body()).expect("sound");
    assert_eq!(refused(&many(129)), ("extensions", Problem::TooLong));
}

#[test]
fn a_pre_shared_key_stands_last() {
    let last = Draft::tls12().extension(23, vec![]).extension(41, vec![0]);
    assert!(ClientHello::parse(TLS, &last.body()).expect("sound").has_pre_shared_key);
    assert_eq!(refused(&last.extension(5, vec![])), ("pre_shared_key", Problem::OutOfPlace));
}

#[test]
fn names_that_are_no_host_names_are_refused() {
    let longest = [vec![b'a'; 63].as_slice(), &[b'b'; 63], &[b'c'; 63], &[b'd'; 61]].join(&b'.');
    assert_eq!(longest.len(), 253);
    let sound = Draft::tls12().extension(0, name_list(&longest));
    ClientHello::parse(TLS, &sound.body()).expect("253 characters are legal");

    let too_long_label = [b'a'; 64];
    let too_long = [longest.as_slice(), b"e"].concat();
    let names: [&[u8]; 15] = [
        b".",
        b"a..b",
        b".a",
        b"a..",
        b"-a.example",
        b"a-.example",
        b"a b",
        b"a\0b",
        b"\xe4\xb8\xad.cn",
        b"127.0.0.1",
        b"::1",
        b"[::1]",
        b"a.example/path",
        &too_long_label,
        &too_long,
    ];
    for name in names {
        let draft = Draft::tls12().extension(0, name_list(name));
        assert_eq!(refused(&draft), ("server_name", Problem::Illegal), "{}", name.escape_ascii());
    }
}

#[test]
fn broken_records_are_named() {
    let start = record(&[22, 3, 1], &[1, 0]);
    let then = |next: &[u8]| {
        let error = read(&[start.as_slice(), next].concat()).expect_err("a broken record");
        (error.what, error.problem, error.offset)
    };
    assert_eq!(then(&[21, 3, 1, 0, 2]), ("record type", Problem::OutOfPlace, 7));
    assert_eq!(then(&[22, 1, 1, 0, 2]), ("record version", Problem::Illegal, 7));
    assert_eq!(then(&[22, 9, 9, 0, 2]), ("record version", Problem::Illegal, 7));
    assert_eq!(then(&[22, 3, 1, 0, 0]), ("record", Problem::Empty, 7));
    assert_eq!(then(&[22, 3, 1, 0x40, 1]), ("record", Problem::TooLong, 7));
    assert_eq!(read(&[22, 3, 1, 0, 1, 2]).expect_err("a ServerHello").problem, Problem::OutOfPlace);
    assert_eq!(read(&[22, 3, 1, 0, 4, 1, 0, 0, 0]).expect_err("an empty hello").problem, Problem::Empty);
}

#[test]
fn a_hello_in_crumbs_is_given_up_when_it_has_cost_too_much() {
    let message = handshake(&Draft::tls12().extension(21, vec![0; 40_000]).body());
    let crumbs: Vec<u8> = message.iter().flat_map(|byte| record(&[22, 3, 1], &[*byte])).collect();
    assert!(crumbs.len() > MAX_RECEIVED);
    let error = read(&crumbs[..MAX_RECEIVED]).expect_err("too long");
    assert_eq!((error.what, error.problem), ("client_hello", Problem::TooLong));
}

#[test]
fn an_error_says_what_how_and_where() {
    let draft = Draft::tls12().extension(10, vec![0]);
    let error = ClientHello::parse(TLS, &draft.body()).expect_err("a broken hello");
    assert_eq!(error.to_string(), "supported_groups is cut off (at byte 47 of the hello)");
}
