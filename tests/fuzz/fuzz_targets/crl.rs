//! Revocation lists and trust bundles: what is accepted reads back as itself, is counted once and has one fingerprint
//! in any order; what is shown of it is safe to show.
//!
//! Input: a file, taken as lists and as roots.

#![no_main]

use jadegate_certs::{Crl, TrustBundle};
use jadegate_fuzz::assert_shown;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    match Crl::from_pem_or_der(input) {
        Ok(lists) => {
            assert!(!lists.is_empty());
            lists.iter().for_each(|list| judge(list, input.len()));
        }
        Err(error) => assert_shown(&error.to_string()),
    }
    match TrustBundle::from_inputs([input], []) {
        Ok(bundle) => {
            assert!(!bundle.roots.is_empty());
            let twice = TrustBundle::from_inputs([input, input], []).expect("once it was accepted");
            assert_eq!((twice.roots.len(), twice.fingerprint()), (bundle.roots.len(), bundle.fingerprint()));
            if let Ok(full) = TrustBundle::from_inputs([input], [input]) {
                assert!(!full.crls.is_empty());
                assert_ne!(full.fingerprint(), bundle.fingerprint());
            }
        }
        Err(error) => assert_shown(&error.to_string()),
    }
});

fn judge(list: &Crl, length: usize) {
    // An entry of a list has two octets at the least.
    assert!(list.der.len() <= length && list.revoked_count <= list.der.len() / 2);
    assert!(list.der.windows(list.issuer_der.len()).any(|window| window == list.issuer_der));
    let again = Crl::from_der(&list.der).expect("accepted before");
    assert_eq!((again.fingerprint(), again.revoked_count), (list.fingerprint(), list.revoked_count));
    assert_shown(&format!("{list:?}"));
}
