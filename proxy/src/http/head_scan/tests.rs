use super::*;
use proptest::prelude::*;

fn scan(input: &[u8]) -> Result<HeadProgress, Violation> {
    HeadScan::new(HeadLimits::default()).feed(input)
}

/// Feeds in pieces; the result is that of the last piece, with the offset from the beginning.
fn scan_in_pieces(input: &[u8], size: usize, limits: HeadLimits) -> Result<HeadProgress, Violation> {
    let mut scanner = HeadScan::new(limits);
    let mut offset = 0;
    for piece in input.chunks(size) {
        match scanner.feed(piece)? {
            HeadProgress::Partial => offset += piece.len(),
            HeadProgress::Complete(taken, head) => return Ok(HeadProgress::Complete(offset + taken, head)),
        }
    }
    Ok(HeadProgress::Partial)
}

fn head(input: &str) -> Head {
    match scan(input.as_bytes()) {
        Ok(HeadProgress::Complete(taken, head)) if taken == input.len() => head,
        other => panic!("{other:?} for {input:?}"),
    }
}

#[test]
fn honest_heads_are_accepted_with_their_framing() {
    for (input, body) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", BodyFraming::Empty),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", BodyFraming::Empty),
        ("GET / HTTP/1.0\r\n\r\n", BodyFraming::Empty),
        ("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", BodyFraming::Length(5)),
        ("POST /x HTTP/1.1\r\nHost: a\r\nCONTENT-LENGTH:0\r\n\r\n", BodyFraming::Empty),
        ("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", BodyFraming::Chunked),
        ("POST /x HTTP/1.1\r\ntransfer-encoding:CHUNKED\r\nHost: a\r\n\r\n", BodyFraming::Chunked),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\nX: \tb\u{e9} \r\nEmpty:\r\n\r\n", BodyFraming::Empty),
        ("GET http://a/ HTTP/1.1\r\nHost: a\r\nX-Transfer-Encoding-Not: x\r\n\r\n", BodyFraming::Empty),
    ] {
        assert_eq!(head(input).body, body, "{input:?}");
    }
}

#[test]
fn an_upgrade_counts_in_http_1_1_only() {
    assert_eq!(head("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n").upgrade, Upgrade::Offered);
    assert_eq!(head("GET / HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\n\r\n").upgrade, Upgrade::None);
}

/// Each of these is refused, by name, in one piece and byte by byte.
#[test]
fn ambiguous_heads_are_refused_by_name() {
    use Violation as V;
    let h = "POST / HTTP/1.1\r\nHost: a\r\n";
    let table: &[(String, Violation)] = &[
        (format!("{h}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), V::LengthAndTransferEncoding),
        (format!("{h}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"), V::LengthAndTransferEncoding),
        (format!("{h}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"), V::LengthAndTransferEncoding),
        (format!("{h}Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), V::SeveralContentLengths),
        (format!("{h}Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), V::SeveralContentLengths),
        (format!("{h}Content-Length: 5, 5\r\n\r\n"), V::SeveralContentLengths),
        (format!("{h}Content-Length: \r\n\r\n"), V::ContentLength),
        (format!("{h}Content-Length: +5\r\n\r\n"), V::ContentLength),
        (format!("{h}Content-Length: -5\r\n\r\n"), V::ContentLength),
        (format!("{h}Content-Length: 0x5\r\n\r\n"), V::ContentLength),
        (format!("{h}Content-Length: 5 \r\n\r\n"), V::ContentLength),
        (format!("{h}Content-Length: 5 5\r\n\r\n"), V::ContentLength),
        (format!("{h}Content-Length: 9223372036854775808\r\n\r\n"), V::ContentLength),
        (format!("{h}Content-Length: 1000000000000000000000000\r\n\r\n"), V::ContentLength),
        (format!("{h}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), V::SeveralTransferEncodings),
        (format!("{h}Transfer-Encoding: chunked, identity\r\n\r\n"), V::TransferEncoding),
        (format!("{h}Transfer-Encoding: identity\r\n\r\n"), V::TransferEncoding),
        (format!("{h}Transfer-Encoding: gzip, chunked\r\n\r\n"), V::TransferEncoding),
        (format!("{h}Transfer-Encoding: xchunked\r\n\r\n"), V::TransferEncoding),
        (format!("{h}Transfer-Encoding: chunkedx\r\n\r\n"), V::TransferEncoding),
        (format!("{h}Transfer-Encoding:  chunked\r\n\r\n"), V::TransferEncoding),
        (format!("{h}Transfer-Encoding:\tchunked\r\n\r\n"), V::TransferEncoding),
        (format!("{h}Transfer-Encoding: chunked \r\n\r\n"), V::TransferEncoding),
        (format!("{h}Transfer-Encoding: \"chunked\"\r\n\r\n"), V::TransferEncoding),
        (format!("{h}Transfer-Encoding:\r\n\r\n"), V::TransferEncoding),
        (format!("{h}Transfer-Encoding: chunked;q=1\r\n\r\n"), V::TransferEncoding),
        (format!("{h}Transfer-Encoding: \u{b}chunked\r\n\r\n"), V::ControlCharacter),
        (format!("{h}Transfer-Encoding : chunked\r\n\r\n"), V::SpaceBeforeColon),
        (format!("{h}Transfer-Encoding\t: chunked\r\n\r\n"), V::SpaceBeforeColon),
        (format!("{h}Transfer\u{0}-Encoding: chunked\r\n\r\n"), V::Nul),
        (format!("{h}X: y\r\n Transfer-Encoding: chunked\r\n\r\n"), V::ObsFold),
        (format!("{h}X: y\r\n\tz\r\n\r\n"), V::ObsFold),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n".to_owned(), V::ObsFold),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), V::TransferEncodingInHttp10),
        ("GET / HTTP/1.1\nHost: a\n\n".to_owned(), V::BareLf),
        (format!("{h}X: y\nZ: w\r\n\r\n"), V::BareLf),
        (format!("{h}X: y\r\n\n"), V::BareLf),
        (format!("{h}X: y\rZ: w\r\n\r\n"), V::BareCr),
        (format!("{h}\rX"), V::BareCr),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n".to_owned(), V::BareCr),
        (format!("{h}X: a\u{0}b\r\n\r\n"), V::Nul),
        (format!("{h}X: a\u{7f}b\r\n\r\n"), V::ControlCharacter),
        (format!("{h}: y\r\n\r\n"), V::EmptyHeaderName),
        (format!("{h}X(y): z\r\n\r\n"), V::HeaderName),
        (format!("{h}X\u{e9}: z\r\n\r\n"), V::HeaderName),
        (format!("{h}just words\r\n\r\n"), V::SpaceBeforeColon),
        (format!("{h}word\r\n\r\n"), V::BareCr),
        (" GET / HTTP/1.1\r\n\r\n".to_owned(), V::Method),
        ("G@T / HTTP/1.1\r\n\r\n".to_owned(), V::Method),
        (format!("{} / HTTP/1.1\r\n\r\n", "M".repeat(33)), V::Method),
        ("GET  / HTTP/1.1\r\n\r\n".to_owned(), V::Target),
        ("GET\t/ HTTP/1.1\r\n\r\n".to_owned(), V::Method),
        ("GET /\t HTTP/1.1\r\n\r\n".to_owned(), V::Target),
        ("GET /\u{e9} HTTP/1.1\r\n\r\n".to_owned(), V::Target),
        ("GET /\u{0} HTTP/1.1\r\n\r\n".to_owned(), V::Nul),
        ("GET / HTTP/1.1 \r\n\r\n".to_owned(), V::Version),
        ("GET / x HTTP/1.1\r\n\r\n".to_owned(), V::Version),
        ("GET / http/1.1\r\n\r\n".to_owned(), V::Version),
        ("GET / HTTP/1.12\r\n\r\n".to_owned(), V::Version),
        ("GET /\r\n\r\n".to_owned(), V::BareCr),
        ("GET / HTTP/1.2\r\n\r\n".to_owned(), V::UnsupportedVersion),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), V::UnsupportedVersion),
        ("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n".to_owned(), V::EmptyLines),
        ("\u{16}\u{3}\u{1}".to_owned(), V::ControlCharacter),
    ];
    for (input, violation) in table {
        let input = input.as_bytes();
        let shown = String::from_utf8_lossy(input);
        assert_eq!(scan(input), Err(*violation), "{shown:?}");
        for size in [1, 2, 7] {
            assert_eq!(scan_in_pieces(input, size, HeadLimits::default()), Err(*violation), "{shown:?} by {size}");
        }
    }
}

#[test]
fn a_bound_holds_exactly() {
    let limits = HeadLimits { bytes: 64, fields: 2, target: 8 };
    let fits = "GET /1234567 HTTP/1.1\r\nHost: a\r\nX: 0123456789012345678901234\r\n\r\n";
    assert_eq!(fits.len(), 64);
    assert!(matches!(scan_in_pieces(fits.as_bytes(), 64, limits), Ok(HeadProgress::Complete(64, _))));
    for (input, violation) in [
        (fits.replace("Host", "Hosts"), Violation::HeadTooLarge),
        (fits.replace("/1234567", "/12345678"), Violation::TargetTooLong),
        ("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n".to_owned(), Violation::TooManyHeaders),
    ] {
        for size in [1, 200] {
            assert_eq!(scan_in_pieces(input.as_bytes(), size, limits), Err(violation));
        }
    }
}

#[test]
fn a_head_without_an_end_is_refused_at_the_bound() {
    let mut scanner = HeadScan::new(HeadLimits::default());
    assert_eq!(scanner.feed(b"GET / HTTP/1.1\r\nX: "), Ok(HeadProgress::Partial));
    let refused = (0..100).find_map(|_| scanner.feed(&[b'a'; 1024]).err());
    assert_eq!(refused, Some(Violation::HeadTooLarge));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// No input panics, and cutting it differently changes nothing.
    #[test]
    fn cutting_a_head_changes_nothing(
        pieces in proptest::collection::vec(prop_oneof![
            Just("GET / HTTP/1.1\r\n".to_owned()), Just("POST /a HTTP/1.0\r\n".to_owned()), Just("\r\n".to_owned()),
            Just("Host: a\r\n".to_owned()), Just("Content-Length: 3\r\n".to_owned()),
            Just("Transfer-Encoding: chunked\r\n".to_owned()), Just("Upgrade: x\r\n".to_owned()),
            "[ -~\r\n\t\u{0}]{0,12}",
        ], 0..8),
        size in 1usize..20,
    ) {
        let input = pieces.concat().into_bytes();
        prop_assert_eq!(scan_in_pieces(&input, size, HeadLimits::default()), scan(&input));
    }

    /// What is accepted, a second and quite different parser reads in the same way.
    #[test]
    fn an_accepted_head_means_the_same_to_another_parser(
        fields in proptest::collection::vec(("[A-Za-z-]{1,17}", "[ -~\u{80}-\u{ff}]{0,20}"), 0..6),
        framing in prop_oneof![
            Just(""), Just("Content-Length: 17\r\n"), Just("transfer-encoding: Chunked\r\n"), Just("Content-Length: 1\r\n"),
        ],
    ) {
        let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let input = format!("PUT /t HTTP/1.1\r\n{framing}{fields}\r\n");
        if let Ok(HeadProgress::Complete(taken, head)) = scan(input.as_bytes()) {
            let mut storage = [httparse::EMPTY_HEADER; 32];
            let mut parsed = httparse::Request::new(&mut storage);
            prop_assert_eq!(parsed.parse(input.as_bytes()), Ok(httparse::Status::Complete(taken)));
            let values = |name: &str| -> Vec<Vec<u8>> {
                let same = |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case(name);
                parsed.headers.iter().filter(same).map(|header| header.value.to_vec()).collect()
            };
            let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
            let expected = match (lengths.as_slice(), codings.as_slice()) {
                ([], []) => BodyFraming::Empty,
                ([length], []) => match std::str::from_utf8(length).unwrap().parse().unwrap() {
                    0 => BodyFraming::Empty,
                    length => BodyFraming::Length(length),
                },
                ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => BodyFraming::Chunked,
                _ => return Err(TestCaseError::fail("accepted in spite of its framing fields")),
            };
            prop_assert_eq!(head.body, expected);
        }
    }
}

#[test]
fn the_first_violation_is_named_however_the_value_is_cut() {
    for (value, violation) in [
        ("Content-Length: 3`\x7f", Violation::ContentLength),
        ("Content-Length: 3\x7f`", Violation::ControlCharacter),
        ("Transfer-Encoding: chunkedx\0", Violation::TransferEncoding),
        ("Transfer-Encoding: chunked\0x", Violation::Nul),
    ] {
        let head = format!("POST / HTTP/1.1\r\n{value}\r\n\r\n");
        for size in [1, 7, head.len()] {
            assert_eq!(scan_in_pieces(head.as_bytes(), size, HeadLimits::default()), Err(violation), "{value:?}");
        }
    }
}
