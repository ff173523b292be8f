//! Text from outside, made safe for a terminal and a log line.

/// Replaces control characters (also the bidirectional ones) by their escapes.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let turns_direction =
            matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || turns_direction {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("CN=site\u{1b}[2J\n"), "CN=site\\u{1b}[2J\\u{a}");
        assert_eq!(printable("CN=国密"), "CN=国密");
    }
}
