//! The description as text for a person.

use std::fmt;

use super::{CertificateFacts, Content, CrlFacts, Description, Relation, RequestFacts, Validity};
use crate::certificate::SubjectAltNames;
use crate::key::KeyKind;

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, entry) in self.entries.iter().enumerate() {
            write!(f, "{}. {}", position + 1, title(&entry.content))?;
            match entry.line {
                Some(line) => writeln!(f, " (line {line})")?,
                None => writeln!(f)?,
            }
            for (name, value) in rows(&entry.content) {
                writeln!(f, "     {name:<9} {value}")?;
            }
        }
        if !self.relations.is_empty() {
            writeln!(f)?;
        }
        for relation in &self.relations {
            writeln!(f, "   {}", sentence(relation))?;
        }
        Ok(())
    }
}

fn title(content: &Content) -> String {
    match content {
        Content::Certificate(facts) if facts.is_ca => format!("CA certificate {}", named(&facts.subject)),
        Content::Certificate(facts) => format!("certificate {}", named(&facts.subject)),
        Content::PrivateKey(facts) => format!("private key, {}", facts.key),
        Content::EncryptedKey => "private key, encrypted (give its password to see more)".to_owned(),
        Content::EncryptedArchive => "PKCS#12 archive (give its password to see more)".to_owned(),
        Content::Request(facts) => format!("certificate signing request {}", named(&facts.subject)),
        Content::RevocationList(facts) => format!("revocation list of {}", named(&facts.issuer)),
        Content::Unreadable { label, error, .. } => format!("unreadable {label}: {error}"),
        Content::Other { label } => format!("{label} (not used)"),
    }
}

fn named(name: &str) -> &str {
    if name.is_empty() { "(empty name)" } else { name }
}

fn rows(content: &Content) -> Vec<(&'static str, String)> {
    match content {
        Content::Certificate(facts) => certificate(facts),
        Content::PrivateKey(facts) => vec![("key", strength(facts.key)), ("spki", facts.spki_sha256.clone())],
        Content::Request(facts) => request(facts),
        Content::RevocationList(facts) => list(facts),
        _ => Vec::new(),
    }
}

/// Algorithm and size.
fn strength(kind: KeyKind) -> String {
    match kind {
        KeyKind::Rsa { bits } => format!("RSA, {bits} bits"),
        KeyKind::P256 => "ECDSA on P-256, 256 bits".to_owned(),
        KeyKind::P384 => "ECDSA on P-384, 384 bits".to_owned(),
        KeyKind::Ed25519 => "Ed25519, 256 bits".to_owned(),
        KeyKind::Sm2 => "SM2, 256 bits".to_owned(),
    }
}

fn certificate(facts: &CertificateFacts) -> Vec<(&'static str, String)> {
    let left = match facts.validity {
        Validity::Valid => format!("{} left", span(facts.seconds_left)),
        Validity::Expired => format!("EXPIRED {} ago", span(facts.seconds_left)),
        Validity::NotYetValid => "NOT YET VALID".to_owned(),
    };
    let key = match (&facts.key, &facts.key_problem) {
        (Some(kind), _) => kind.to_string(),
        (None, Some(problem)) => problem.clone(),
        (None, None) => "unknown".to_owned(),
    };
    let issuer = if facts.is_self_issued { "itself".to_owned() } else { named(&facts.issuer).to_owned() };
    let mut rows = vec![
        ("issuer", issuer),
        ("serial", facts.serial.clone()),
        ("valid", format!("{} to {}, {left}", facts.not_before, facts.not_after)),
        ("key", key),
        ("signed", facts.signature.to_string()),
    ];
    if let Some(usage) = facts.key_usage {
        rows.push(("usage", usage.to_string()));
    }
    if let Some(purposes) = &facts.extended_key_usage {
        rows.push(("purposes", purposes.names().join(", ")));
    }
    rows.extend(names(&facts.names));
    rows.push(("sha256", facts.sha256.clone()));
    rows.push(("spki", facts.spki_sha256.clone()));
    if let Some(fault) = &facts.fault {
        rows.push(("REFUSED", fault.text.clone()));
    }
    rows
}

fn request(facts: &RequestFacts) -> Vec<(&'static str, String)> {
    let verdict = if facts.signature_verifies { "" } else { ", DOES NOT VERIFY" };
    let key = facts.key.map_or_else(|| "not supported".to_owned(), |kind| kind.to_string());
    let mut rows = vec![("key", key), ("signed", format!("{}{verdict}", facts.signature))];
    rows.extend(names(&facts.names));
    rows.push(("spki", facts.spki_sha256.clone()));
    rows
}

fn list(facts: &CrlFacts) -> Vec<(&'static str, String)> {
    let next = match facts.next_update {
        Some(next) if facts.is_stale => format!("{next}, OVERDUE"),
        Some(next) => next.to_string(),
        None => "not stated".to_owned(),
    };
    let mut rows = vec![
        ("made", facts.this_update.to_string()),
        ("next", next),
        ("revoked", facts.revoked_count.to_string()),
        ("sha256", facts.sha256.clone()),
    ];
    if let Some(number) = &facts.number {
        rows.insert(0, ("number", number.clone()));
    }
    rows
}

fn names(names: &SubjectAltNames) -> Option<(&'static str, String)> {
    let all: Vec<String> = names
        .dns
        .iter()
        .map(|name| format!("DNS:{name}"))
        .chain(names.ip.iter().map(|address| format!("IP:{address}")))
        .chain(names.uri.iter().map(|uri| format!("URI:{uri}")))
        .chain(names.email.iter().map(|email| format!("email:{email}")))
        .chain((!names.other.is_empty()).then(|| format!("{} of other kinds", names.other.len())))
        .collect();
    (!all.is_empty()).then(|| ("names", all.join(", ")))
}

/// A length of time in the largest unit that says something.
fn span(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    let (count, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7199 => (seconds / 60, "minute"),
        7200..=172_799 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn sentence(relation: &Relation) -> String {
    match relation {
        Relation::KeyOf { key, entry } => format!("key {key} belongs to {entry}"),
        Relation::KeyOfNone { key } => format!("key {key} belongs to NONE of these"),
        Relation::KeyAlone { key } => format!("no certificate was given for key {key}"),
        Relation::SignedBy { certificate, issuer } if certificate == issuer => format!("{certificate} signed itself"),
        Relation::SignedBy { certificate, issuer } => format!("{certificate} is signed by {issuer}"),
        Relation::ListSignedBy { list, issuer } => format!("list {list} is signed by {issuer}"),
        Relation::Pair { sign, enc, fault: None } => format!("{sign} (sign) and {enc} (enc) are a TLCP pair"),
        Relation::Pair { sign, enc, fault: Some(fault) } => {
            format!("{sign} (sign) and {enc} (enc) are NOT a TLCP pair: {}", fault.text)
        }
    }
}
