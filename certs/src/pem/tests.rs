use proptest::prelude::*;

use super::*;

const ONE: &str = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";

fn labels(text: &str) -> Vec<String> {
    parse(text.as_bytes()).expect("well-formed").into_iter().map(|block| block.label).collect()
}

#[test]
fn blocks_are_read_however_their_surroundings_look() {
    let body = |text: &str| parse(text.as_bytes()).expect("well-formed")[0].der.to_vec();
    let crlf = ONE.replace('\n', "\r\n");
    let mac = ONE.replace('\n', "\r");
    for text in [
        ONE.to_owned(),
        crlf,
        mac,
        format!("\u{feff}{ONE}"),
        format!("Subject: CN=x\n  Issuer: -----\n{ONE}trailing text"),
        ONE.trim_end().to_owned(),
        ONE.replace("AQID", "A Q\n\tID  \n"),
        ONE.replace("AQID", "\nAQID\n\n"),
        format!("bag attributes -----BEGIN NOTHING\n{ONE}"),
    ] {
        assert_eq!(body(&text), [1, 2, 3], "{text:?}");
    }
    assert_eq!(labels("no block at all"), Vec::<String>::new());
}

#[test]
fn a_missing_newline_between_two_blocks_does_not_hide_one() {
    let glued = format!("{}{}", ONE.trim_end(), ONE.replace("CERTIFICATE", "PRIVATE KEY"));
    assert_eq!(labels(&glued), ["CERTIFICATE", "PRIVATE KEY"]);
    let one_line = "-----BEGIN A-----AQID-----END A----------BEGIN B-----AQID-----END B-----";
    assert_eq!(labels(one_line), ["A", "B"]);
}

#[test]
fn lines_and_headers_are_kept() {
    let text = "x\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAQID\n-----END RSA PRIVATE KEY-----\n";
    let block = parse(text.as_bytes()).expect("well-formed").remove(0);
    assert_eq!(block.line, 2);
    assert_eq!(block.headers[0], ("Proc-Type".to_owned(), "4,ENCRYPTED".to_owned()));
    assert_eq!(block.headers.len(), 2);
}

#[test]
fn a_broken_block_is_an_error_and_never_skipped() {
    for (text, reason) in [
        (ONE.replace("-----END CERTIFICATE-----", ""), "pem_unterminated"),
        (format!("-----BEGIN CERTIFICATE-----\nAQID\n{ONE}"), "pem_unterminated"),
        (ONE.replace("END CERTIFICATE", "END PRIVATE KEY"), "pem_label_mismatch"),
        (ONE.replace("AQID", "AQI*"), "pem_not_base64"),
        (ONE.replace("AQID", "AQI"), "pem_not_base64"),
        (ONE.replace("AQID\n", ""), "pem_empty_block"),
        (ONE.repeat(MAX_BLOCKS + 1), "pem_too_many_blocks"),
        (" ".repeat(MAX_INPUT + 1), "pem_too_large"),
    ] {
        let error = parse(text.as_bytes()).expect_err("broken");
        assert_eq!(error.reason(), reason, "{error}");
    }
    assert_eq!(parse(ONE.repeat(MAX_BLOCKS).as_bytes()).expect("at the limit").len(), MAX_BLOCKS);
}

#[test]
fn a_hostile_line_costs_no_more_than_its_length() {
    for piece in ["-", "-----", "-----BEGIN ", "-----BEGIN A-----", "-----END A-----"] {
        let text = piece.repeat(MAX_INPUT / piece.len());
        let _ = parse(text.as_bytes());
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_parsed_back(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 1..6),
        newline in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        gap in prop::sample::select(vec!["", "\n", "text\n", "# -- comment --\n"]),
    ) {
        let text: String = bodies.iter().map(|body| encode("CERTIFICATE", body) + gap).collect();
        let blocks = parse(text.replace('\n', newline).as_bytes()).expect("well-formed");
        let parsed: Vec<Vec<u8>> = blocks.iter().map(|block| block.der.to_vec()).collect();
        prop_assert_eq!(parsed, bodies);
    }

    #[test]
    fn any_octets_give_a_result(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_mixture_of_markers_gives_a_result(pieces in prop::collection::vec(
        prop::sample::select(vec!["-----BEGIN A-----", "-----END A-----", "-----BEGIN ", "-----", "\n", "\r", "AQID", "a: b", " "]), 0..30)) {
        let _ = parse(pieces.concat().as_bytes());
    }
}

#[test]
fn a_label_that_is_too_long_or_not_printable_is_text() {
    let longest = "A".repeat(MAX_LABEL);
    assert_eq!(labels(&ONE.replace("CERTIFICATE", &longest)), [longest.as_str()]);
    for odd in [format!("{longest}A"), "\u{1b}[2J".to_owned(), "国".to_owned()] {
        assert_eq!(labels(&ONE.replace("CERTIFICATE", &odd)), Vec::<String>::new(), "{odd:?}");
    }
}

#[test]
fn headers_are_bounded() {
    let with = |count| parse(ONE.replace("AQID", &("a:\n".repeat(count) + "\nAQID")).as_bytes());
    assert_eq!(with(MAX_HEADERS).expect("well-formed")[0].headers.len(), MAX_HEADERS);
    assert_eq!(with(MAX_HEADERS + 1).expect_err("too many").reason(), "pem_not_base64");
}

#[test]
fn a_message_lists_each_label_once_and_few_of_them() {
    let mut found = Vec::new();
    for number in 0..100 {
        note(&mut found, format!("BLOCK {}", number / 2));
    }
    assert_eq!(found.len(), MAX_LISTED);
    assert_eq!(found[..2], ["BLOCK 0", "BLOCK 1"]);
}
