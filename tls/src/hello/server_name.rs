//! The server name extension: one DNS host name, or nothing.

use super::error::{HelloError, Problem};
use super::reader::Reader;

const WHAT: &str = "server_name";
const HOST_NAME: u8 = 0;
/// RFC 1035 2.3.4.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Reads the extension's body. RFC 6066 3: at most one name of a type; the only type is a DNS host name, no address.
pub(super) fn server_name(mut body: Reader<'_>) -> Result<Option<String>, HelloError> {
    let mut list = body.vector16(WHAT)?;
    body.end(WHAT)?;
    if list.is_empty() {
        return Err(list.error(WHAT, Problem::Empty));
    }
    let kind = list;
    if list.u8(WHAT)? != HOST_NAME {
        return Err(kind.error(WHAT, Problem::Illegal));
    }
    let name = list.vector16(WHAT)?;
    list.end(WHAT)?;
    match host_name(name.rest()) {
        Some(host) => Ok(Some(host)),
        None if name.is_empty() => Err(name.error(WHAT, Problem::Empty)),
        None => Err(name.error(WHAT, Problem::Illegal)),
    }
}

/// The name in lower case without a final dot, if it is letters, digits and hyphens in labels, and no IP address.
///
/// Underscores are taken too: service names of meshes and clouds have them, and they cannot be mistaken for anything.
fn host_name(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
    if bytes.is_empty() || bytes.len() > MAX_NAME || !bytes.split(|byte| *byte == b'.').all(is_label) {
        return None;
    }
    // A last label of digits alone is no top-level domain but an IPv4 address (RFC 3696 2); an IPv6 one has colons.
    let last = bytes.rsplit(|byte| *byte == b'.').next()?;
    if last.iter().all(u8::is_ascii_digit) {
        return None;
    }
    String::from_utf8(bytes.to_ascii_lowercase()).ok()
}

fn is_label(label: &[u8]) -> bool {
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !label.is_empty()
        && label.len() <= MAX_LABEL
        && label.iter().all(inner)
        && !label.starts_with(b"-")
        && !label.ends_with(b"-")
}
