//! The report as a person reads it.

use std::fmt;

use super::attempt::Attempt;

/// All tries of one server.
pub(super) struct Table<'a> {
    pub(super) address: &'a str,
    pub(super) attempts: &'a [Attempt],
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.address)?;
        writeln!(f, "  {:<10} {:<46} {:<18} RESULT", "PROTOCOL", "SUITE", "GROUP")?;
        let mut shown: Vec<(&str, &[String])> = Vec::new();
        for attempt in self.attempts {
            let taken = attempt.taken.as_ref();
            let group = taken.and_then(|taken| taken.group.as_deref()).or(attempt.group.as_deref()).unwrap_or("-");
            write!(f, "  {:<10} {:<46} {:<18} ", attempt.protocol, attempt.suite, group)?;
            if let Some(taken) = taken {
                let alpn = taken.alpn.as_deref().map_or_else(String::new, |alpn| format!(", {alpn}"));
                writeln!(f, "yes ({} µs{alpn})", taken.handshake_microseconds)?;
                if !shown.iter().any(|(protocol, _)| *protocol == attempt.protocol) {
                    shown.push((attempt.protocol, &taken.certificates));
                }
            } else {
                writeln!(f, "no: {}", attempt.refused.as_ref().map_or("", |refused| refused.text.as_str()))?;
            }
        }
        if !shown.is_empty() {
            writeln!(f, "\nCertificates shown (not verified)")?;
        }
        for (protocol, certificates) in shown {
            writeln!(f, "  {protocol:<10} {}", certificates.join(" | "))?;
        }
        Ok(())
    }
}
