use super::*;
use proptest::prelude::*;

fn scan_in_pieces(input: &[u8], size: usize) -> Result<ChunkProgress, Violation> {
    let mut scanner = ChunkScan::new(HeadLimits::default());
    let mut offset = 0;
    for piece in input.chunks(size.max(1)) {
        match scanner.feed(piece)? {
            ChunkProgress::Partial => offset += piece.len(),
            ChunkProgress::Complete(taken) => return Ok(ChunkProgress::Complete(offset + taken)),
        }
    }
    Ok(ChunkProgress::Partial)
}

#[test]
fn honest_bodies_end_where_they_end() {
    for body in [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "00A\r\n0123456789\r\n000\r\n\r\n",
        "5;name=value\r\nhello\r\n0;last\r\n\r\n",
        "0\r\nX-Sum: 1\r\nY: 2\r\n\r\n",
    ] {
        let input = format!("{body}GET / HTTP/1.1\r\n");
        for size in [1, 3, 1000] {
            assert_eq!(
                scan_in_pieces(input.as_bytes(), size),
                Ok(ChunkProgress::Complete(body.len())),
                "{body:?} by {size}"
            );
        }
    }
}

#[test]
fn a_body_that_goes_on_is_partial() {
    for input in ["", "5", "5\r", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n", "0\r\n", "0\r\nX: y\r\n"] {
        assert_eq!(scan_in_pieces(input.as_bytes(), 100), Ok(ChunkProgress::Partial), "{input:?}");
    }
}

#[test]
fn ambiguous_chunks_are_refused_by_name() {
    use Violation as V;
    let long = format!("5;{}\r\nhello\r\n", "x".repeat(257));
    let many = format!("{}0\r\n\r\n", format!("1;{}\r\na\r\n", "x".repeat(200)).repeat(25));
    let table: &[(&str, Violation)] = &[
        ("\r\n", V::ChunkSize),
        (";x\r\n", V::ChunkSize),
        ("g\r\n", V::ChunkSize),
        ("+5\r\nhello\r\n", V::ChunkSize),
        ("-5\r\nhello\r\n", V::ChunkSize),
        ("0x5\r\nhello\r\n", V::ChunkSize),
        (" 5\r\nhello\r\n", V::ChunkSize),
        ("5 \r\nhello\r\n", V::ChunkSize),
        ("5 ;x\r\nhello\r\n", V::ChunkSize),
        ("5_0\r\n", V::ChunkSize),
        ("10000000000000000\r\n", V::ChunkSize),
        ("FFFFFFFFFFFFFFFF\r\n", V::ChunkSize),
        ("0000000000000000005\r\nhello\r\n", V::ChunkSize),
        ("5\nhello\r\n", V::BareLf),
        ("5\rhello\r\n", V::BareCr),
        ("5;a\nb\r\nhello\r\n", V::BareLf),
        ("5;a\u{0}\r\nhello\r\n", V::Nul),
        ("5\r\nhelloX\r\n", V::ChunkEnd),
        ("5\r\nhello\n0\r\n\r\n", V::ChunkEnd),
        ("5\r\nhello\rX", V::ChunkEnd),
        ("5\r\nhello0\r\n\r\n", V::ChunkEnd),
        ("0\r\nX: y\n\r\n", V::BareLf),
        ("0\r\n X: y\r\n\r\n", V::ObsFold),
        ("0\r\nContent-Length: 5\r\n\r\n", V::TrailerField),
        ("0\r\ntransfer-encoding: chunked\r\n\r\n", V::TrailerField),
        ("0\r\nHost: b\r\n\r\n", V::TrailerField),
        ("0\r\nGET / HTTP/1.1\r\n\r\n", V::SpaceBeforeColon),
        (&long, V::ChunkExtension),
        (&many, V::ChunkExtension),
    ];
    for (input, violation) in table {
        for size in [1, 2, 5, 10_000] {
            assert_eq!(scan_in_pieces(input.as_bytes(), size), Err(*violation), "{input:?} by {size}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn cutting_a_body_changes_nothing(input in "([0-9a-fg;\r\n ]|\r\n|0\r\n\r\n){0,40}", size in 1usize..9) {
        prop_assert_eq!(scan_in_pieces(input.as_bytes(), size), scan_in_pieces(input.as_bytes(), 1000));
    }

    #[test]
    fn what_was_chunked_is_found_again(chunks in proptest::collection::vec("[a-z\r\n]{1,30}", 0..6), size in 1usize..40) {
        let mut body: String = chunks.iter().map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len())).collect();
        body.push_str("0\r\n\r\n");
        let input = format!("{body}0\r\n\r\n");
        prop_assert_eq!(scan_in_pieces(input.as_bytes(), size), Ok(ChunkProgress::Complete(body.len())));
    }
}
