mod malformed;
mod properties;
mod wire;

use super::*;
use crate::fixtures;
use wire::{Draft, handshake, name_list, record, whole};

/// Feeds everything at once.
fn read(bytes: &[u8]) -> Result<Progress, HelloError> {
    HelloReader::new().examine(bytes)
}

fn hello(bytes: &[u8]) -> ClientHello {
    match read(bytes) {
        Ok(Progress::Hello(hello)) => *hello,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_browser_like_hello_is_read_whole() {
    let hello = fixtures::hello("crafted-browser");
    assert_eq!((hello.record_version, hello.legacy_version), (0x0301, 0x0303));
    assert_eq!(hello.offered_versions().collect::<Vec<_>>(), [0x0304, 0x0303], "GREASE is left out");
    assert_eq!(hello.versions.first(), Some(&0x3a3a), "and yet kept in the list");
    assert_eq!(hello.suites.len(), 16);
    assert_eq!(hello.groups, [0x1a1a, 0x1d, 0x17, 0x18]);
    assert_eq!(hello.key_shares, [0x1a1a, 0x1d]);
    assert_eq!(hello.schemes.first(), Some(&0x0403));
    assert_eq!(hello.sni.as_deref(), Some("www.example.com"));
    assert_eq!(hello.alpn, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    assert_eq!(hello.extensions.len(), 18);
    assert!(hello.has_session_id);
    assert!(!hello.has_session_ticket, "an empty ticket only asks for one");
    assert!(!hello.is_tlcp() && !hello.hints_tlcp() && !hello.offers_tls13_sm());
}

#[test]
fn a_tlcp_hello_is_told_by_its_record_and_may_have_no_extensions() {
    let bare = fixtures::hello("crafted-tlcp-bare");
    assert!(bare.is_tlcp());
    assert_eq!(bare.suites, [Suite::ECC_SM4_CBC_SM3.0]);
    assert!(bare.extensions.is_empty());
    assert!(Version::ALL.iter().all(|version| !bare.offers(*version)));

    let full = fixtures::hello("tongsuo-tlcp-sni-alpn");
    assert!(full.is_tlcp() && !full.hints_tlcp());
    assert_eq!(full.sni.as_deref(), Some("www.example.com"));
    assert_eq!(full.alpn, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    assert_eq!(full.offered_versions().collect::<Vec<_>>(), [TLCP_VERSION]);
}

#[test]
fn a_tls_hello_that_names_tlcp_suites_is_a_hint_and_still_tls() {
    let hint = fixtures::hello("crafted-tlcp-hint");
    assert!(hint.hints_tlcp());
    assert!(!hint.is_tlcp());
    assert!(hint.offers(Version::Tls12) && !hint.offers(Version::Tls13));
}

#[test]
fn rfc_8998_is_offered_only_with_all_four_of_its_parts() {
    for name in ["openssl4-tls13-sm", "openssl4-tls13-sm-hybrid", "openssl4-sm-and-standard", "tongsuo-tls13-sm"] {
        let full = fixtures::hello(name);
        assert!(full.offers_tls13_sm(), "{name}");
        let lacking: [fn(&mut ClientHello); 4] = [
            |hello| hello.versions.retain(|version| *version != 0x0304),
            |hello| hello.suites.retain(|suite| !matches!(suite, 0xc6 | 0xc7)),
            |hello| hello.groups.retain(|group| !matches!(group, 0x29 | 0x11ee)),
            |hello| hello.schemes.retain(|scheme| *scheme != 0x0708),
        ];
        for remove in lacking {
            let mut hello = full.clone();
            remove(&mut hello);
            assert!(!hello.offers_tls13_sm(), "{name}: {hello:?}");
        }
    }
}

#[test]
fn a_post_quantum_key_share_is_one_entry_of_many_bytes() {
    assert!(fixtures::bytes("openssl4-pq").len() > 1500);
    let hello = fixtures::hello("openssl4-pq");
    assert_eq!(hello.key_shares.first(), Some(&Group::X25519_MLKEM768.0));
}

#[test]
fn versions_without_the_extension_are_the_legacy_one() {
    let old = fixtures::hello("openssl-tls11");
    assert_eq!(old.offered_versions().collect::<Vec<_>>(), [0x0302]);
    assert!(!old.offers(Version::Tls12));
    let with = fixtures::hello("openssl-tls13");
    assert!(with.offers(Version::Tls13) && !with.offers(Version::Tls12), "supported_versions is the whole truth");
}

#[test]
fn whatever_is_no_handshake_record_is_not_tls_at_the_first_byte_that_differs() {
    let cases: [&[u8]; 12] = [
        b"GET / HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n",
        b"PROXY TCP4 ",
        b"\x0d\x0a\x0d\x0a\x00",
        b"\x00",
        b"\x80\x2e\x01",
        b"\x15\x03\x01",
        b"\x17",
        b"\x16\x02",
        b"\x16\x03\x05",
        b"\x16\x01\x00",
        b"\x16\x01\x02",
    ];
    for bytes in cases {
        assert_eq!(read(bytes), Ok(Progress::NotTls), "{bytes:02x?}");
    }
    assert_eq!(read(&fixtures::bytes("crafted-ssl2")), Ok(Progress::NotTls));
    for undecided in [&b""[..], b"\x16", b"\x16\x03", b"\x16\x01", b"\x16\x03\x00", b"\x16\x01\x01", b"\x16\x03\x04"] {
        assert_eq!(read(undecided), Ok(Progress::More), "{undecided:02x?}");
    }
}

#[test]
fn a_name_is_lower_cased_and_loses_its_final_dot() {
    for (sent, read) in [
        ("WWW.Example.COM", "www.example.com"),
        ("example.com.", "example.com"),
        ("localhost", "localhost"),
        ("xn--fiqs8s.cn", "xn--fiqs8s.cn"),
        ("1.2.3.4.example", "1.2.3.4.example"),
        ("reviews_v1.default.svc.cluster.local", "reviews_v1.default.svc.cluster.local"),
    ] {
        let bytes = whole(&Draft::tls12().extension(0, name_list(sent.as_bytes())));
        assert_eq!(hello(&bytes).sni.as_deref(), Some(read));
    }
}

#[test]
fn a_hello_in_many_records_equals_the_same_in_one() {
    for name in fixtures::names() {
        let bytes = fixtures::bytes(&name);
        let expected = hello(&bytes);
        let (header, message) = bytes.split_at(5);
        for size in [1, 2, 3, 4, 5, 7, 100, 1000] {
            let cut: Vec<u8> = message.chunks(size).flat_map(|part| record(&header[..3], part)).collect();
            assert_eq!(hello(&cut), expected, "{name} in records of {size}");
        }
    }
}

#[test]
fn what_follows_the_hello_in_the_same_read_does_not_matter() {
    let mut bytes = fixtures::bytes("curl-tls13-h2");
    let expected = hello(&bytes);
    bytes.extend_from_slice(b"\x17\x03\x03 and early data");
    assert_eq!(hello(&bytes), expected);
}

#[test]
fn a_hello_of_64_kib_is_read_and_one_byte_more_is_refused_at_its_header() {
    let room = MAX_HELLO - Draft::tls12().extension(21, Vec::new()).body().len();
    let largest = Draft::tls12().extension(21, vec![0; room.min(65_000)]).extension(22, vec![0; room - 65_000 - 4]);
    assert_eq!(largest.body().len(), MAX_HELLO);
    let message = handshake(&largest.body());
    let bytes: Vec<u8> = message.chunks(1 << 14).flat_map(|part| record(&[22, 3, 1], part)).collect();
    assert_eq!(hello(&bytes).extensions, [21, 22]);

    let header = [22, 3, 1, 0x40, 0, 1, 1, 0, 1];
    let error = read(&header).expect_err("one byte too many");
    assert_eq!((error.what, error.problem), ("client_hello", Problem::TooLong));
}
