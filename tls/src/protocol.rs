//! Names for what a handshake negotiates: protocol, engine, version, cipher suite, group, signature scheme.
//!
//! The code points are plain numbers from the wire, so that a value nobody has a name for can still be logged; names
//! are those of the IANA registries and, for TLCP, of GB/T 38636. Nothing here decides anything: see `policy`.

mod names;

use std::fmt;
use std::str::FromStr;

/// A protocol as operators tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// GB/T 38636: version 1.1, a signing and an encryption certificate.
    Tlcp,
    /// TLS 1.3 with the suites of RFC 8998, SM2 certificates and an SM2 group.
    Tls13Sm,
    /// TLS 1.3 with the usual suites.
    Tls13,
    /// TLS 1.2 with the usual suites.
    Tls12,
}

impl Protocol {
    /// Every protocol, the national ones first.
    pub const ALL: [Self; 4] = [Self::Tlcp, Self::Tls13Sm, Self::Tls13, Self::Tls12];

    /// The name used in configuration, logs and metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tlcp => "tlcp",
            Self::Tls13Sm => "tls1.3-sm",
            Self::Tls13 => "tls1.3",
            Self::Tls12 => "tls1.2",
        }
    }

    /// Whether it runs on national algorithms alone.
    pub const fn is_national(self) -> bool {
        matches!(self, Self::Tlcp | Self::Tls13Sm)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Protocol {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownName::new("protocol", text, Self::ALL.map(Self::as_str)))
    }
}

/// The library that runs a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// rustls over aws-lc-rs: standard TLS.
    Rustls,
    /// Tongsuo: TLCP, RFC 8998, and standard TLS where a listener asks for it.
    Tongsuo,
}

impl Engine {
    /// The name used in logs and metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rustls => "rustls",
            Self::Tongsuo => "tongsuo",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A version of standard TLS that this product speaks. Older ones are recognised (see [`version_name`]) and refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// TLS 1.2, RFC 5246.
    Tls12,
    /// TLS 1.3, RFC 8446.
    Tls13,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Self; 2] = [Self::Tls12, Self::Tls13];

    /// The number on the wire.
    pub const fn code(self) -> u16 {
        match self {
            Self::Tls12 => 0x0303,
            Self::Tls13 => 0x0304,
        }
    }

    /// The name used in configuration and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "tls1.2",
            Self::Tls13 => "tls1.3",
        }
    }

    /// The protocol that this version is.
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Tls12 => Protocol::Tls12,
            Self::Tls13 => Protocol::Tls13,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Version {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownName::new("TLS version", text, Self::ALL.map(Self::as_str)))
    }
}

/// The name of any version number that may stand in a hello, also of those that are never accepted.
pub const fn version_name(code: u16) -> Option<&'static str> {
    match code {
        0x0101 => Some("tlcp"),
        0x0200 | 0x0002 => Some("ssl2"),
        0x0300 => Some("ssl3"),
        0x0301 => Some("tls1.0"),
        0x0302 => Some("tls1.1"),
        0x0303 => Some("tls1.2"),
        0x0304 => Some("tls1.3"),
        _ => None,
    }
}

/// Whether a code point is one of the sixteen that clients send to keep servers tolerant (RFC 8701).
pub const fn is_grease(code: u16) -> bool {
    let [high, low] = code.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

macro_rules! code_point {
    ($(#[$doc:meta])* $name:ident, $what:literal, $table:path) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u16);

        impl $name {
            /// Its registered name, if it has one that we know.
            pub fn name(self) -> Option<&'static str> {
                names::name_of($table, self.0)
            }
        }

        /// The registered name, else the number, `0x1234`.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "0x{:04x}", self.0),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "(0x{:04x}"), self.0)?;
                if let Some(name) = self.name() {
                    write!(f, " {name}")?;
                }
                f.write_str(")")
            }
        }

        /// Takes the registered name or an alias, in any case.
        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                names::code_of($table, text)
                    .map(Self)
                    .ok_or_else(|| UnknownName::new($what, text, names::all($table)))
            }
        }
    };
}

code_point! {
    /// A cipher suite.
    Suite, "cipher suite", names::SUITES
}
code_point! {
    /// A key exchange group.
    Group, "group", names::GROUPS
}
code_point! {
    /// A signature scheme.
    Scheme, "signature scheme", names::SCHEMES
}

impl Suite {
    /// TLCP: static SM2 key exchange, SM4-GCM.
    pub const ECC_SM4_GCM_SM3: Self = Self(0xe053);
    /// TLCP: static SM2 key exchange, SM4-CBC.
    pub const ECC_SM4_CBC_SM3: Self = Self(0xe013);
    /// TLCP: ephemeral SM2 key exchange, SM4-GCM; needs a client certificate pair.
    pub const ECDHE_SM4_GCM_SM3: Self = Self(0xe051);
    /// TLCP: ephemeral SM2 key exchange, SM4-CBC; needs a client certificate pair.
    pub const ECDHE_SM4_CBC_SM3: Self = Self(0xe011);
    /// RFC 8998, SM4-GCM.
    pub const TLS_SM4_GCM_SM3: Self = Self(0x00c6);
    /// RFC 8998, SM4-CCM.
    pub const TLS_SM4_CCM_SM3: Self = Self(0x00c7);
    /// RFC 7507: "I offer less than I could, because an earlier try failed".
    pub const TLS_FALLBACK_SCSV: Self = Self(0x5600);

    /// Every suite that some policy may negotiate, those of one protocol together, in our order of preference.
    ///
    /// In TLCP, ECC stands before ECDHE, which forces a certificate pair on every client.
    pub const SUPPORTED: [Self; 15] = [
        Self::ECC_SM4_GCM_SM3,
        Self::ECC_SM4_CBC_SM3,
        Self::ECDHE_SM4_GCM_SM3,
        Self::ECDHE_SM4_CBC_SM3,
        Self::TLS_SM4_GCM_SM3,
        Self::TLS_SM4_CCM_SM3,
        Self(0x1302),
        Self(0x1301),
        Self(0x1303),
        Self(0xc02c),
        Self(0xc02b),
        Self(0xcca9),
        Self(0xc030),
        Self(0xc02f),
        Self(0xcca8),
    ];

    /// The protocol that it belongs to, if it is spoken here at all.
    pub const fn protocol(self) -> Option<Protocol> {
        match self.0 {
            0xe011 | 0xe013 | 0xe051 | 0xe053 => Some(Protocol::Tlcp),
            0x00c6 | 0x00c7 => Some(Protocol::Tls13Sm),
            0x1301..=0x1303 => Some(Protocol::Tls13),
            0xc02b | 0xc02c | 0xc02f | 0xc030 | 0xcca8 | 0xcca9 => Some(Protocol::Tls12),
            _ => None,
        }
    }
}

impl Group {
    /// RFC 8998: the SM2 curve.
    pub const CURVE_SM2: Self = Self(0x0029);
    /// The SM2 curve together with ML-KEM-768.
    pub const CURVE_SM2_MLKEM768: Self = Self(0x11ee);
    /// X25519 together with ML-KEM-768.
    pub const X25519_MLKEM768: Self = Self(0x11ec);
    /// P-256 together with ML-KEM-768.
    pub const SECP256R1_MLKEM768: Self = Self(0x11eb);
    /// X25519.
    pub const X25519: Self = Self(0x001d);
    /// P-256.
    pub const SECP256R1: Self = Self(0x0017);
    /// P-384.
    pub const SECP384R1: Self = Self(0x0018);

    /// Every group that some policy may negotiate.
    pub const SUPPORTED: [Self; 7] = [
        Self::CURVE_SM2_MLKEM768,
        Self::CURVE_SM2,
        Self::X25519_MLKEM768,
        Self::X25519,
        Self::SECP256R1,
        Self::SECP384R1,
        Self::SECP256R1_MLKEM768,
    ];

    /// Whether a handshake of `protocol` may use it. TLCP has no choice of groups; hybrids need TLS 1.3.
    pub const fn serves(self, protocol: Protocol) -> bool {
        match self {
            Self::CURVE_SM2 | Self::CURVE_SM2_MLKEM768 => matches!(protocol, Protocol::Tls13Sm),
            Self::X25519_MLKEM768 | Self::SECP256R1_MLKEM768 => matches!(protocol, Protocol::Tls13),
            Self::X25519 | Self::SECP256R1 | Self::SECP384R1 => matches!(protocol, Protocol::Tls13 | Protocol::Tls12),
            _ => false,
        }
    }
}

impl Scheme {
    /// RFC 8998: SM2 with SM3.
    pub const SM2SIG_SM3: Self = Self(0x0708);
}

/// A name that is in no table, with the names that are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {given:?}; known are {}", .known.join(", "))]
pub struct UnknownName {
    /// What kind of thing was named.
    pub what: &'static str,
    /// The name as given.
    pub given: String,
    /// The names that would have been taken.
    pub known: Vec<&'static str>,
}

impl UnknownName {
    /// Notes that `given` is none of `known`.
    pub fn new(what: &'static str, given: &str, known: impl IntoIterator<Item = &'static str>) -> Self {
        Self { what, given: given.to_owned(), known: known.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests;
