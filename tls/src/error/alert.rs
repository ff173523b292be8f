//! Alerts: numbers, names, and what a fatal one most likely means to whoever receives it.

use std::fmt;

pub(super) const HANDSHAKE_FAILURE: u8 = 40;
pub(super) const BAD_CERTIFICATE: u8 = 42;
pub(super) const UNSUPPORTED_CERTIFICATE: u8 = 43;
pub(super) const CERTIFICATE_REVOKED: u8 = 44;
pub(super) const CERTIFICATE_EXPIRED: u8 = 45;
pub(super) const CERTIFICATE_UNKNOWN: u8 = 46;
pub(super) const ILLEGAL_PARAMETER: u8 = 47;
pub(super) const UNKNOWN_CA: u8 = 48;
pub(super) const ACCESS_DENIED: u8 = 49;
pub(super) const DECODE_ERROR: u8 = 50;
pub(super) const DECRYPT_ERROR: u8 = 51;
pub(super) const PROTOCOL_VERSION: u8 = 70;
pub(super) const INTERNAL_ERROR: u8 = 80;
pub(super) const INAPPROPRIATE_FALLBACK: u8 = 86;
pub(super) const UNRECOGNIZED_NAME: u8 = 112;
pub(super) const CERTIFICATE_REQUIRED: u8 = 116;
pub(super) const NO_APPLICATION_PROTOCOL: u8 = 120;

/// The table by which an alert number is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertTable {
    /// RFC 8446 section 6 and the IANA registry.
    Tls,
    /// GB/T 38636-2020 6.4.3.3, with the gateway numbers of GM/T 0024.
    Tlcp,
}

/// An alert number with the table that gives it a name. Displays as `unknown_ca (48)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alert {
    number: u8,
    table: AlertTable,
}

impl Alert {
    /// Reads a number by a table.
    pub const fn new(number: u8, table: AlertTable) -> Self {
        Self { number, table }
    }

    /// The number on the wire.
    pub const fn number(self) -> u8 {
        self.number
    }

    /// Its name in its table.
    pub const fn name(self) -> Option<&'static str> {
        match (self.table, shared_name(self.number)) {
            (_, Some(name)) => Some(name),
            (AlertTable::Tls, None) => tls_name(self.number),
            (AlertTable::Tlcp, None) => tlcp_name(self.number),
        }
    }

    /// Displays it with the most likely meaning for us, who received it.
    pub fn explained(self) -> impl fmt::Display {
        fmt::from_fn(move |f| match self.meaning() {
            Some(meaning) => write!(f, "{self}: {meaning}"),
            None => write!(f, "{self}"),
        })
    }

    const fn meaning(self) -> Option<&'static str> {
        Some(match self.number {
            20 => "it could not authenticate a record of ours",
            40 => "nothing we offer suits it, or it demands a certificate",
            42 => "it finds our certificate damaged or badly signed",
            43 => "our certificate is of a kind it does not take",
            44 => "our certificate is revoked",
            45 => match self.table {
                AlertTable::Tls => "our certificate has expired",
                AlertTable::Tlcp => "our certificate has expired or is not valid yet",
            },
            46 => "it refuses our certificate for a reason it does not name",
            48 => "it does not trust the issuer of our certificate",
            49 => "our certificate is genuine, but not allowed there",
            51 => "a signature or key exchange of ours failed its check",
            70 => "it speaks none of our protocol versions",
            71 => "it demands stronger algorithms than we offer",
            80 => "it has trouble of its own",
            _ if matches!(self.table, AlertTable::Tlcp) => return None,
            86 => "it sees a downgrade",
            112 => "it has no certificate for the name we asked for",
            116 => "it demands a certificate of us",
            120 => "it speaks none of our application protocols",
            _ => return None,
        })
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.number),
            None => write!(f, "{}", self.number),
        }
    }
}

/// The entries that both tables have, under one name.
const fn shared_name(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        HANDSHAKE_FAILURE => "handshake_failure",
        BAD_CERTIFICATE => "bad_certificate",
        UNSUPPORTED_CERTIFICATE => "unsupported_certificate",
        CERTIFICATE_REVOKED => "certificate_revoked",
        CERTIFICATE_EXPIRED => "certificate_expired",
        CERTIFICATE_UNKNOWN => "certificate_unknown",
        ILLEGAL_PARAMETER => "illegal_parameter",
        UNKNOWN_CA => "unknown_ca",
        ACCESS_DENIED => "access_denied",
        DECODE_ERROR => "decode_error",
        DECRYPT_ERROR => "decrypt_error",
        PROTOCOL_VERSION => "protocol_version",
        71 => "insufficient_security",
        INTERNAL_ERROR => "internal_error",
        90 => "user_canceled",
        100 => "no_renegotiation",
        _ => return None,
    })
}

const fn tls_name(number: u8) -> Option<&'static str> {
    Some(match number {
        41 => "no_certificate",
        60 => "export_restriction",
        INAPPROPRIATE_FALLBACK => "inappropriate_fallback",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        UNRECOGNIZED_NAME => "unrecognized_name",
        113 => "bad_certificate_status_response",
        114 => "bad_certificate_hash_value",
        115 => "unknown_psk_identity",
        CERTIFICATE_REQUIRED => "certificate_required",
        117 => "general_error",
        NO_APPLICATION_PROTOCOL => "no_application_protocol",
        121 => "ech_required",
        _ => return None,
    })
}

const fn tlcp_name(number: u8) -> Option<&'static str> {
    Some(match number {
        200 => "unsupported_site2site",
        201 => "no_area",
        202 => "unsupported_areatype",
        203 => "bad_ibcparam",
        204 => "unsupported_ibcparam",
        205 => "identity_need",
        _ => return None,
    })
}
