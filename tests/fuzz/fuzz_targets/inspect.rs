//! `jadegate inspect`: any file is described or refused, entries stand in the order of their lines, relations name
//! entries that are there, and neither text nor JSON is unsafe to show or holds a secret.
//!
//! Input: one byte that says whether a password is given, then the file.

#![no_main]

use jadegate_certs::inspect::{Content, Description, describe_bytes};
use jadegate_certs::{Password, PrivateKey, UnixTime};
use jadegate_fuzz::{assert_redacted, assert_shown, is_costly_to_open};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((with_password, file)) = input.split_first() else { return };
    let password = (with_password % 2 == 1 && !is_costly_to_open(file)).then(|| Password::new(*b"secret"));
    match describe_bytes(file, password.as_ref(), UnixTime(1_800_000_000)) {
        Ok(description) => judge(&description, file),
        Err(error) => assert_shown(&error.to_string()),
    }
});

fn judge(description: &Description, file: &[u8]) {
    assert!(!description.entries.is_empty());
    assert!(description.entries.is_sorted_by_key(|entry| entry.line));
    let text = description.to_string();
    assert!(!text.chars().any(|one| one.is_control() && one != '\n'), "a control character in {text:?}");
    let json = serde_json::to_value(description).expect("JSON");
    let entries = description.entries.len();
    for relation in json["relations"].as_array().expect("a list") {
        for (_, number) in relation.as_object().expect("named").iter().filter(|(_, value)| value.is_number()) {
            assert!(number.as_u64().is_some_and(|at| (1..=entries as u64).contains(&at)), "{relation}");
        }
    }
    for entry in &description.entries {
        if let Content::Unreadable { error, reason, .. } = &entry.content {
            assert!(!reason.is_empty());
            assert_shown(error);
        }
    }
    if let Ok(key) = PrivateKey::from_pem_or_der(file, None) {
        assert_redacted(description, key.pkcs8_der());
        let octets = key.pkcs8_der();
        // The version and the algorithm are the same for every key; what follows is not.
        let secret: String = octets[octets.len() / 3..][..12].iter().map(|octet| format!("{octet:02x}")).collect();
        assert!(!text.contains(&secret) && !json.to_string().contains(&secret));
    }
}
