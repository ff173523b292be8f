//! What happens to the fields of a message on its way through.
//!
//! A request is checked (one `Host`, which is the target's authority), loses what concerns one connection only (RFC 9110
//! §7.6.1), and is told where it came from: the client's address is appended to `X-Forwarded-For`, `X-Forwarded-Proto` is
//! set, and a `Forwarded` field that is there gets an element of ours, so that no client can make itself the last one.
//! Everything else, `Date`, `Server` and `Via` included, is passed on as it is. Fields are changed in place; nothing is
//! copied that need not be.

use super::reject::Rejection;
use super::session::{Session, Transport};
use crate::upstream::UpstreamError;
use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, Entry, FORWARDED, HOST, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const GRPC_TRAILERS: &str = "grpc-status, grpc-message, grpc-status-details-bin";

/// What the request's `Connection` and `Upgrade` mean for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Switch {
    /// To these protocols, if the backend agrees.
    To(HeaderValue),
    /// The connection stays HTTP.
    None,
}

/// Whether the client says that this is its last request on the connection.
pub(super) fn is_last<B>(request: &Request<B>) -> bool {
    let says = |word| {
        has(request.headers(), &CONNECTION)
            && tokens(request.headers(), &CONNECTION).any(|token| token.eq_ignore_ascii_case(word))
    };
    match request.version() {
        Version::HTTP_10 => !says("keep-alive"),
        Version::HTTP_11 => says("close"),
        _ => false,
    }
}

/// Checks what the guard cannot see: the target and its `Host`.
pub(super) fn check<B>(request: &Request<B>, session: &Session) -> Result<(), Rejection> {
    let uri = request.uri();
    if request.method() == Method::CONNECT {
        return Err(Rejection::Connect);
    }
    if request.headers().len() > session.site.limits.headers {
        return Err(Rejection::TooManyHeaders);
    }
    let path = uri.path_and_query().map_or("", |target| target.as_str());
    if path.len() > super::TARGET_BYTES {
        return Err(Rejection::TargetTooLong);
    }
    match path.as_bytes().first() {
        Some(b'/') => {}
        Some(b'*') if path == "*" && request.method() == Method::OPTIONS => {}
        _ => return Err(Rejection::TargetForm),
    }
    if uri.scheme().is_some_and(|scheme| scheme.as_str() != "http" && scheme.as_str() != "https") {
        return Err(Rejection::TargetForm);
    }
    check_host(request)
}

fn check_host<B>(request: &Request<B>) -> Result<(), Rejection> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Rejection::SeveralHosts);
    }
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    match (host, authority) {
        (None, None) if request.version() == Version::HTTP_10 => Ok(()),
        (None, Some(authority)) if request.version() != Version::HTTP_11 => check_authority(authority),
        (None, _) => Err(Rejection::HostMissing),
        (Some(host), None) if host.is_empty() => Err(Rejection::HostMissing),
        (Some(host), Some(authority)) if !host.as_bytes().eq_ignore_ascii_case(authority) => {
            Err(Rejection::HostMismatch)
        }
        (Some(host), _) => check_authority(host.as_bytes()),
    }
}

/// The syntax of a `Host`: a name, an IPv4 address or a bracketed IPv6 address, and a port. The sub-delimiters and percent
/// signs that a URI would allow are refused: no name has them, and a comma could make two of one.
fn check_authority(authority: &[u8]) -> Result<(), Rejection> {
    let (name, port) = match authority.iter().rposition(|byte| *byte == b':') {
        Some(colon) if authority.last() != Some(&b']') => (&authority[..colon], &authority[colon + 1..]),
        _ => (authority, &b""[..]),
    };
    let is_port = port.len() <= 5 && port.iter().all(u8::is_ascii_digit);
    let is_name = match name {
        [b'[', address @ .., b']'] => {
            let part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
            !address.is_empty() && address.iter().all(part)
        }
        name => {
            let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
            !name.is_empty() && name.iter().all(part)
        }
    };
    if is_port && is_name { Ok(()) } else { Err(Rejection::Host) }
}

/// Turns the client's request into the one that goes on.
pub(super) fn forward<B>(request: &mut Request<B>, session: &Session) -> Result<Switch, Rejection> {
    let version = request.version();
    if version == Version::HTTP_10
        && request.uri().authority().is_none()
        && let Entry::Vacant(host) = request.headers_mut().entry(HOST)
        && let Ok(local) = HeaderValue::from_str(&session.site.local.to_string())
    {
        host.insert(local);
    }
    let headers = request.headers_mut();
    let switch = switch(headers, version);
    let trailers = has(headers, &TE) && tokens(headers, &TE).any(|token| token.eq_ignore_ascii_case("trailers"));
    let named = named_fields(headers);
    if named.iter().any(is_protected) {
        return Err(Rejection::Connection);
    }
    for name in named {
        headers.remove(name);
    }
    remove_hop_by_hop(headers);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if let Switch::To(protocols) = &switch {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocols.clone());
    }
    if version == Version::HTTP_2 {
        join_cookies(headers);
    }
    tell_origin(headers, session);
    Ok(switch)
}

/// Turns the backend's response into the one that goes to the client.
pub(super) fn respond(headers: &mut HeaderMap, status: StatusCode) -> Result<(), UpstreamError> {
    settle_length(headers)?;
    let switched = status == StatusCode::SWITCHING_PROTOCOLS;
    let protocols = if switched { headers.get(UPGRADE).cloned() } else { None };
    let named = named_fields(headers);
    for name in named.iter().filter(|name| !is_protected(name)) {
        headers.remove(name);
    }
    remove_hop_by_hop(headers);
    if let Some(protocols) = protocols {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocols);
    }
    Ok(())
}

/// Leaves a `Content-Length` only where it says what the library read: the next reader must not find a second opinion.
fn settle_length(headers: &mut HeaderMap) -> Result<(), UpstreamError> {
    if has(headers, &TRANSFER_ENCODING)
        && let Some(coding) = headers.get(TRANSFER_ENCODING)
    {
        if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") || headers.get_all(TRANSFER_ENCODING).iter().count() > 1
        {
            return Err(UpstreamError::TransferEncoding);
        }
        headers.remove(CONTENT_LENGTH);
        return Ok(());
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let plain = lengths.next().is_none_or(|length| length.as_bytes().iter().all(u8::is_ascii_digit));
    if !plain || lengths.next().is_some() {
        // Equal ones, or the library would have refused them. It writes the number anew.
        headers.remove(CONTENT_LENGTH);
    }
    Ok(())
}

/// Declares the trailers of a gRPC response, which an HTTP/2 backend need not do, so that they reach an HTTP/1.1 client
/// that asked for them.
pub(super) fn declare_grpc_trailers(headers: &mut HeaderMap) {
    let grpc = headers
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|content| content.as_bytes().starts_with(b"application/grpc"));
    if grpc && !headers.contains_key(TRAILER) {
        headers.insert(TRAILER, HeaderValue::from_static(GRPC_TRAILERS));
    }
}

fn switch(headers: &HeaderMap, version: Version) -> Switch {
    if version != Version::HTTP_11 || !has(headers, &UPGRADE) {
        return Switch::None;
    }
    let Some(protocols) = headers.get(UPGRADE) else { return Switch::None };
    let asked = tokens(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    // `h2c` would open a second way into the backend, past every check of ours.
    let cleartext_http2 = tokens(headers, &UPGRADE).any(|token| token.eq_ignore_ascii_case("h2c"));
    if asked && !cleartext_http2 && headers.get_all(UPGRADE).iter().count() == 1 {
        Switch::To(protocols.clone())
    } else {
        Switch::None
    }
}

/// Whether the field is there. Comparing a handful of names costs less than hashing one, and most of what is looked for
/// is not there.
pub(super) fn has(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.keys().any(|present| present == name)
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    while let Some(name) = headers.keys().find(|name| is_hop_by_hop(name)).cloned() {
        headers.remove(name);
    }
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade" | "te" | "http2-settings"
    )
}

/// The fields that `Connection` names, without its usual words. Allocates only if there are any.
fn named_fields(headers: &HeaderMap) -> Vec<HeaderName> {
    if !has(headers, &CONNECTION) {
        return Vec::new();
    }
    tokens(headers, &CONNECTION)
        .filter(|token| !["keep-alive", "close", "upgrade", "te"].iter().any(|usual| token.eq_ignore_ascii_case(usual)))
        .filter_map(|token| HeaderName::from_bytes(token.as_bytes()).ok())
        .collect()
}

/// Removing one of these would change what the message means to the next hop.
fn is_protected(name: &HeaderName) -> bool {
    *name == HOST || *name == CONTENT_LENGTH || *name == X_FORWARDED_FOR || *name == X_FORWARDED_PROTO
}

/// The comma-separated words of a field.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> + use<'a> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

/// HTTP/2 may cut a cookie into crumbs; for HTTP/1.1 they have to be one field again (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(COOKIE).iter();
    if crumbs.next().is_none() || crumbs.next().is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, cookie);
    }
}

fn tell_origin(headers: &mut HeaderMap, session: &Session) {
    let proto = match session.site.transport {
        Transport::Tls => "https",
        Transport::Plaintext => "http",
    };
    append(headers, X_FORWARDED_FOR, &session.client);
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(proto));
    if has(headers, &FORWARDED) {
        let address = session.site.remote.ip().to_canonical();
        let element = if address.is_ipv4() {
            format!("for={address};proto={proto}")
        } else {
            format!("for=\"[{address}]\";proto={proto}")
        };
        if let Ok(element) = HeaderValue::from_str(&element) {
            append(headers, FORWARDED, &element);
        }
    }
}

/// Adds an element to the end of a list field, which becomes one line.
fn append(headers: &mut HeaderMap, name: HeaderName, element: &HeaderValue) {
    if !has(headers, &name) {
        headers.insert(name, element.clone());
        return;
    }
    let mut list: Vec<&[u8]> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
    list.push(element.as_bytes());
    if let Ok(list) = HeaderValue::from_bytes(&list.join(&b", "[..])) {
        headers.insert(name, list);
    }
}

/// The request target as the access log has it.
pub(super) fn target(uri: &Uri) -> &str {
    uri.path_and_query().map_or("", |target| target.as_str())
}

#[cfg(test)]
mod tests;
