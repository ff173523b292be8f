//! What a listener presents: whatever the inputs are, a secret that is published keeps what its type promises, and a
//! refusal is safe to show.
//!
//! Input: one byte that says which secret; then its inputs with a line `%%` between them: certificates and key (four
//! inputs for a pair), or an archive with its password, or ticket keys.

#![no_main]

use std::sync::Arc;

use jadegate_certs::credential::CredentialPair;
use jadegate_certs::material::Secret;
use jadegate_certs::source::{CredentialInput, CredentialSpec, Input, PairSpec, SecretSpec, TicketKeysSpec, load_once};
use jadegate_certs::{Credential, KeyKind, UnixTime, rules};
use jadegate_fuzz::{assert_redacted, assert_shown, is_costly_to_open};
use libfuzzer_sys::fuzz_target;

/// Within the validity of the seeds.
const NOW: UnixTime = UnixTime(1_800_000_000);

fuzz_target!(|input: &[u8]| {
    let Some((kind, rest)) = input.split_first() else { return };
    let parts = split(rest);
    let part = |index: usize| Input::inline(parts.get(index).copied().unwrap_or_default());
    let spec = match kind % 4 {
        0 => SecretSpec::Credential(credential(part(0), part(1))),
        1 => SecretSpec::Pair(PairSpec { sign: credential(part(0), part(1)), enc: credential(part(2), part(3)) }),
        2 if is_costly_to_open(parts[0]) => return,
        2 => SecretSpec::Credential(CredentialSpec {
            material: CredentialInput::Pkcs12(part(0)),
            password: parts.get(1).map(|_| part(1)),
            ocsp: None,
        }),
        _ => SecretSpec::TicketKeys(TicketKeysSpec { keys: Input::inline(rest) }),
    };
    assert_redacted(&spec, rest);
    match load_once(&spec, NOW) {
        Ok(secret) => judge(&secret),
        Err(refusal) => {
            assert!(!refusal.reason.is_empty());
            assert_shown(&refusal.to_string());
        }
    }
});

fn credential(certificate: Input, key: Input) -> CredentialSpec {
    CredentialSpec { material: CredentialInput::Pem { certificate, key }, password: None, ocsp: None }
}

fn split(mut rest: &[u8]) -> Vec<&[u8]> {
    const MARK: &[u8] = b"\n%%\n";
    let mut parts = Vec::new();
    while let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) {
        parts.push(&rest[..at]);
        rest = &rest[at + MARK.len()..];
    }
    parts.push(rest);
    parts
}

fn judge(secret: &Secret) {
    match secret {
        Secret::Credential(credential) => judge_credential(credential),
        Secret::Pair(CredentialPair { sign, enc }) => {
            judge_credential(sign);
            judge_credential(enc);
            assert_eq!((sign.kind(), enc.kind()), (KeyKind::Sm2, KeyKind::Sm2));
            assert_ne!(sign.key.spki_der(), enc.key.spki_der());
            rules::check_pair(sign.leaf(), enc.leaf()).expect("published");
        }
        Secret::TicketKeys(file) => file.keys().iter().for_each(|key| assert_redacted(file, key.as_slice())),
        Secret::Trust(bundle) => panic!("nobody asked for {bundle:?}"),
    }
    assert_eq!(secret.version().len(), 16);
    assert_eq!(Arc::new(secret.clone()).version(), secret.version());
}

fn judge_credential(credential: &Credential) {
    let leaf = credential.leaf();
    assert!(credential.key.matches_spki(leaf.spki_der()));
    assert!(credential.chain.iter().all(|one| one.not_before() <= NOW && NOW <= one.not_after()));
    assert!(credential.chain.windows(2).all(|pair| pair[0].is_signed_by(&pair[1])));
    rules::check_own_leaf(leaf, NOW).expect("published");
    assert_redacted(credential, credential.key.pkcs8_der());
}
