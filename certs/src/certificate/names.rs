//! subjectAltName, read strictly.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use crate::der::{self, DerError};

/// The names that a certificate is issued to. A name that cannot be read makes the certificate unreadable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SubjectAltNames {
    /// dNSName entries as written.
    pub dns: Vec<String>,
    /// iPAddress entries.
    pub ip: Vec<IpAddr>,
    /// uniformResourceIdentifier entries as written.
    pub uri: Vec<String>,
    /// rfc822Name entries as written.
    pub email: Vec<String>,
    /// Entries of other kinds, as DER.
    #[serde(skip)]
    pub other: Vec<Vec<u8>>,
    /// The whole extension value; `None` when the extension is absent.
    #[serde(skip)]
    pub raw_der: Option<Vec<u8>>,
}

impl SubjectAltNames {
    pub(crate) fn read(value: &[u8]) -> Result<Self, DerError> {
        let mut names = Self { raw_der: Some(value.to_vec()), ..Self::default() };
        let mut entries = der::whole_sequence(value)?;
        while !entries.is_empty() {
            let entry = entries.any()?;
            match entry.tag {
                0x81 => names.email.push(ia5(entry.value)?),
                0x82 => names.dns.push(ia5(entry.value)?),
                0x86 => names.uri.push(ia5(entry.value)?),
                0x87 => names.ip.push(address(entry.value)?),
                _ => names.other.push(entry.raw.to_vec()),
            }
        }
        Ok(names)
    }

    /// Whether there is no name of any kind.
    pub fn is_empty(&self) -> bool {
        self.dns.is_empty()
            && self.ip.is_empty()
            && self.uri.is_empty()
            && self.email.is_empty()
            && self.other.is_empty()
    }

    /// Whether both hold the same names, in whatever order.
    pub fn same_set(&self, other: &Self) -> bool {
        fn same<T: Ord>(a: &[T], b: &[T]) -> bool {
            let mut a: Vec<&T> = a.iter().collect();
            let mut b: Vec<&T> = b.iter().collect();
            a.sort_unstable();
            a.dedup();
            b.sort_unstable();
            b.dedup();
            a == b
        }
        let Self { dns, ip, uri, email, other: rest, raw_der: _ } = self;
        same(dns, &other.dns)
            && same(ip, &other.ip)
            && same(uri, &other.uri)
            && same(email, &other.email)
            && same(rest, &other.other)
    }
}

/// IA5String without control characters: a NUL or a newline in a name has only ever served an attack.
fn ia5(value: &[u8]) -> Result<String, DerError> {
    match std::str::from_utf8(value) {
        Ok(text) if text.bytes().all(|octet| (0x20..0x7f).contains(&octet)) => Ok(text.to_owned()),
        _ => Err(DerError),
    }
}

fn address(value: &[u8]) -> Result<IpAddr, DerError> {
    if let Ok(octets) = <[u8; 4]>::try_from(value) {
        return Ok(Ipv4Addr::from(octets).into());
    }
    <[u8; 16]>::try_from(value).map(|octets| Ipv6Addr::from(octets).into()).map_err(|_| DerError)
}
