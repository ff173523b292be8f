//! PEM, certificates and private keys: what is accepted is within its bounds, reads back as itself, and does not depend
//! on how lines end; what is shown of it is safe to show.
//!
//! Input: a file.

#![no_main]

use jadegate_certs::certificate::MAX_CERTIFICATE;
use jadegate_certs::pem::{self, Block};
use jadegate_certs::{Certificate, PrivateKey};
use jadegate_fuzz::{assert_redacted, assert_shown};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    blocks(input);
    certificates(input);
    key(input);
});

fn blocks(input: &[u8]) {
    let blocks = pem::parse(input);
    let marked = [b"\xef\xbb\xbf", input].concat();
    if !input.starts_with(b"\xef\xbb\xbf") {
        assert!(same(&blocks, &pem::parse(&marked)), "a byte-order mark matters");
    }
    if !input.contains(&b'\r') {
        let crlf =
            input.iter().flat_map(|octet| if *octet == b'\n' { &b"\r\n"[..] } else { std::slice::from_ref(octet) });
        assert!(same(&blocks, &pem::parse(&crlf.copied().collect::<Vec<_>>())), "CRLF matters");
    }
    let blocks = match blocks {
        Ok(blocks) => blocks,
        Err(error) => return assert_shown(&error.to_string()),
    };
    assert!(blocks.is_empty() || pem::is_pem(input));
    let octets: usize = blocks.iter().map(|block| block.der.len()).sum();
    assert!(octets <= input.len());
    for block in &blocks {
        assert!(!block.der.is_empty() && block.label.len() <= 64);
        assert_shown(&block.label);
        assert_redacted(block, &block.der);
        let again = pem::parse(pem::encode(&block.label, &block.der).as_bytes()).expect("written by us");
        assert_eq!(again.len(), 1);
        assert_eq!((&again[0].label, &again[0].der), (&block.label, &block.der));
    }
}

fn same(one: &Result<Vec<Block>, pem::PemError>, other: &Result<Vec<Block>, pem::PemError>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => {
            let facts = |block: &Block| (block.label.clone(), block.der.clone(), block.line, block.headers.clone());
            one.iter().map(facts).eq(other.iter().map(facts))
        }
        (one, other) => one.as_ref().err() == other.as_ref().err(),
    }
}

fn certificates(input: &[u8]) {
    let certificates = match Certificate::from_pem_or_der(input) {
        Ok(certificates) => certificates,
        Err(error) => return assert_shown(&error.to_string()),
    };
    assert!(!certificates.is_empty());
    for certificate in &certificates {
        assert!(certificate.der().len() <= MAX_CERTIFICATE);
        let again = Certificate::from_pem_or_der(certificate.to_pem().as_bytes()).expect("written by us");
        assert_eq!(again, [certificate.clone()]);
        assert_shown(&format!("{certificate:?}"));
        for octets in [certificate.subject_der(), certificate.issuer_der(), certificate.spki_der()] {
            assert!(certificate.der().windows(octets.len()).any(|window| window == octets));
        }
    }
}

fn key(input: &[u8]) {
    let key = match PrivateKey::from_pem_or_der(input, None) {
        Ok(key) => key,
        Err(error) => return assert_shown(&error.to_string()),
    };
    assert!(key.matches_spki(key.spki_der()));
    assert_redacted(&key, key.pkcs8_der());
    assert_shown(&format!("{key:?}"));
    let again = PrivateKey::from_pkcs8(key.pkcs8_der()).expect("written by us");
    assert_eq!((again.kind(), again.pkcs8_der()), (key.kind(), key.pkcs8_der()));
}
