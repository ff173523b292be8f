//! Guesses what was meant by a word that is not known.

/// Longer words are not compared: the guess would be worthless and the comparison slow.
const MAX_COMPARED: usize = 80;

/// The candidate that `given` resembles most, if it resembles any.
pub(crate) fn nearest<'c>(given: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if given.len() > MAX_COMPARED {
        return None;
    }
    let bare = |word: &str| word.to_ascii_lowercase().replace(['_', '.', ' '], "-");
    let wanted = bare(given);
    let scored = candidates.into_iter().map(|candidate| {
        let candidate_bare = bare(candidate);
        let distance = strsim::damerau_levenshtein(&wanted, &candidate_bare);
        let longest = wanted.len().max(candidate_bare.len());
        // `certificate` for `certificates`, `cert` for `certificate`.
        let contained = wanted.len() >= 4 && candidate_bare.starts_with(&wanted);
        (distance, contained || distance * 3 <= longest, candidate)
    });
    scored.filter(|(_, close, _)| *close).min_by_key(|(distance, ..)| *distance).map(|(.., candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let keys = ["certificates", "policy", "min", "max", "client_auth", "strict_sni", "tls1.3-sm"];
        for (given, expected) in [
            ("polcy", Some("policy")),
            ("Policy", Some("policy")),
            ("certificate", Some("certificates")),
            ("clientAuth", Some("client_auth")),
            ("client-auth", Some("client_auth")),
            ("cert", Some("certificates")),
            ("tls1.3sm", Some("tls1.3-sm")),
            ("backend", None),
            ("x", None),
        ] {
            assert_eq!(nearest(given, keys), expected, "{given}");
        }
        assert_eq!(nearest(&"policy".repeat(1000), keys), None);
    }
}
