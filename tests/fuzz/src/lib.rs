//! What several targets hold their inputs to.

use std::fmt::Debug;

use jadegate_certs::pem;

/// As long as a message for a log or a terminal may get.
pub const MAX_TEXT: usize = 24 << 10;

/// Holds a message to what a log and a terminal can bear: bounded, and without control characters.
pub fn assert_shown(text: &str) {
    assert!(text.len() <= MAX_TEXT, "a message of {} bytes", text.len());
    assert!(!text.chars().any(char::is_control), "a control character in {text:?}");
}

/// Holds `value`'s debug output to showing no 12 octets in a row of `secret`, in hex or as a list of numbers.
pub fn assert_redacted(value: &impl Debug, secret: &[u8]) {
    let shown = format!("{value:?}");
    for window in secret.windows(12).step_by(12) {
        let hex: String = window.iter().map(|octet| format!("{octet:02x}")).collect();
        assert!(!shown.contains(&hex), "a secret in hex in {shown}");
        let numbers = format!("{window:?}");
        assert!(!shown.contains(&numbers[1..numbers.len() - 1]), "a secret in {shown}");
    }
}

/// Whether trying a password on the input may take seconds, which the bounds of the product allow and fuzzing does not:
/// some number in it, perhaps of iterations, has three octets. Larger ones are refused before any work.
pub fn is_costly_to_open(bytes: &[u8]) -> bool {
    let number = |der: &[u8]| der.windows(2).any(|pair| pair == [2, 3]);
    let in_pem =
        || pem::parse(bytes).is_ok_and(|blocks| blocks.len() > 8 || blocks.iter().any(|block| number(&block.der)));
    if pem::is_pem(bytes) { in_pem() } else { number(bytes) }
}
