//! What holds for every hello, however it is cut, and for bytes that are none.

use super::*;
use proptest::prelude::*;
use proptest::sample::Index;

fn any_fixture() -> impl Strategy<Value = Vec<u8>> {
    proptest::sample::select(fixtures::names()).prop_map(|name| fixtures::bytes(&name))
}

/// Feeds the bytes as they would arrive, the end of each piece given by an index into what is left.
fn in_pieces(bytes: &[u8], cuts: &[Index]) -> Result<Progress, HelloError> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let mut reader = HelloReader::new();
    for end in ends {
        match reader.examine(&bytes[..end])? {
            Progress::More => {}
            decided => return Ok(decided),
        }
    }
    Ok(Progress::More)
}

proptest! {
    #[test]
    fn the_pieces_in_which_a_hello_arrives_do_not_matter(
        bytes in any_fixture(),
        cuts in proptest::collection::vec(any::<Index>(), 0..40),
    ) {
        prop_assert_eq!(in_pieces(&bytes, &cuts), read(&bytes));
    }

    #[test]
    fn the_records_into_which_a_hello_is_cut_do_not_matter(
        bytes in any_fixture(),
        sizes in proptest::collection::vec(1..600_usize, 1..40),
        cuts in proptest::collection::vec(any::<Index>(), 0..40),
    ) {
        let (header, mut message) = bytes.split_at(5);
        let mut cut = Vec::new();
        for size in sizes.iter().cycle() {
            if message.is_empty() {
                break;
            }
            let (part, rest) = message.split_at(message.len().min(*size));
            cut.extend(record(&header[..3], part));
            message = rest;
        }
        prop_assert_eq!(in_pieces(&cut, &cuts), read(&bytes));
    }

    #[test]
    fn a_hello_that_is_cut_off_is_never_taken_for_whole(bytes in any_fixture(), end in any::<Index>()) {
        let end = end.index(bytes.len());
        prop_assert_eq!(read(&bytes[..end]), Ok(Progress::More));
    }

    #[test]
    fn a_changed_byte_never_panics_and_arrives_the_same_in_pieces(
        mut bytes in any_fixture(),
        at in any::<Index>(),
        value: u8,
        cuts in proptest::collection::vec(any::<Index>(), 0..8),
    ) {
        *at.get_mut(&mut bytes) = value;
        let whole = read(&bytes);
        // An error may come earlier in pieces; a hello may not differ.
        if let Ok(Progress::Hello(_)) = whole {
            prop_assert_eq!(in_pieces(&bytes, &cuts), whole);
        } else {
            prop_assert!(!matches!(in_pieces(&bytes, &cuts), Ok(Progress::Hello(_))));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
        let _ = ClientHello::parse(0x0303, &bytes);
        let _ = ClientHello::parse(TLCP_VERSION, &bytes);
        let _ = read(&record(&[22, 3, 1], &handshake(&bytes)));
    }

    #[test]
    fn arbitrary_extensions_never_panic_and_are_counted(
        list in proptest::collection::vec((0..60_u16, proptest::collection::vec(any::<u8>(), 0..24)), 0..12),
    ) {
        let draft = list.iter().fold(Draft::tls12(), |draft, (number, body)| draft.extension(*number, body.clone()));
        if let Ok(hello) = ClientHello::parse(0x0301, &draft.body()) {
            prop_assert_eq!(hello.extensions.len(), list.len());
            prop_assert_eq!(hello.ja4().len(), 36);
        }
    }
}
