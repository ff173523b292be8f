//! Durations and sizes: the text, the pattern that the schema shows for it, and the value.
//!
//! Pattern and parser say the same; a property test holds them together.

use std::time::Duration;

/// Pattern of [`duration`].
pub(crate) const DURATION_PATTERN: &str = "^[0-9]{1,9}(ms|s|m|h|d)$";
/// Pattern of [`duration_or_off`].
pub(crate) const DURATION_OR_OFF_PATTERN: &str = "^(off|[0-9]{1,9}(ms|s|m|h|d))$";
/// Pattern of [`size`].
pub(crate) const SIZE_PATTERN: &str = "^[0-9]{1,9}(B|KiB|MiB|GiB)$";

/// `500ms`, `10s`, `5m`, `2h`, `1d`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// A duration, or `off`.
pub(crate) fn duration_or_off(text: &str) -> Option<Option<Duration>> {
    if text == "off" { Some(None) } else { duration(text).map(Some) }
}

/// `512B`, `64KiB`, `1MiB`, `1GiB`.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let shift = match unit {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    (1..=9).contains(&digits).then(|| number.parse().ok()).flatten().map(|number| (number, unit))
}

/// Whether `text` fits one of the patterns above; `None` = a pattern that is not one of them.
pub(crate) fn fits(pattern: &str, text: &str) -> Option<bool> {
    match pattern {
        DURATION_PATTERN => Some(duration(text).is_some()),
        DURATION_OR_OFF_PATTERN => Some(duration_or_off(text).is_some()),
        SIZE_PATTERN => Some(size(text).is_some()),
        _ => None,
    }
}

/// What a pattern above asks for, in words.
pub(crate) fn described(pattern: &str) -> &'static str {
    match pattern {
        DURATION_OR_OFF_PATTERN => "a duration such as 500ms, 10s, 5m or 2h, or off",
        SIZE_PATTERN => "a size such as 16384, 64KiB or 1MiB",
        _ => "a duration such as 500ms, 10s, 5m or 2h",
    }
}
