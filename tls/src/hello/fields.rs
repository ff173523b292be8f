//! The ClientHello's fields and the extensions that matter before an engine is chosen.

use super::error::{HelloError, Problem};
use super::reader::Reader;
use super::server_name::server_name;
use super::{ClientHello, TLCP_VERSION};

pub(crate) const SERVER_NAME: u16 = 0;
pub(super) const SUPPORTED_GROUPS: u16 = 10;
pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
pub(crate) const ALPN: u16 = 16;
pub(super) const SESSION_TICKET: u16 = 35;
pub(super) const PRE_SHARED_KEY: u16 = 41;
pub(super) const EARLY_DATA: u16 = 42;
pub(super) const SUPPORTED_VERSIONS: u16 = 43;
pub(super) const KEY_SHARE: u16 = 51;

/// Clients in the field send about twenty. The bound keeps the search for duplicates cheap.
const MAX_EXTENSIONS: usize = 128;
/// Clients in the field send two or three. The bound keeps a hello of one-letter names from growing in memory.
const MAX_ALPN: usize = 64;

const RANDOM: usize = 32;
const MAX_SESSION_ID: usize = 32;

pub(super) fn client_hello(record_version: u16, body: &[u8]) -> Result<ClientHello, HelloError> {
    let mut reader = Reader::new(body);
    let mut hello =
        ClientHello { record_version, legacy_version: version(&mut reader, record_version)?, ..Default::default() };
    reader.take(RANDOM, "random")?;
    let session_id = reader.vector8("session_id")?;
    if session_id.rest().len() > MAX_SESSION_ID {
        return Err(session_id.error("session_id", Problem::TooLong));
    }
    hello.has_session_id = !session_id.is_empty();
    hello.suites = reader.vector16("cipher_suites")?.numbers("cipher_suites")?;
    let compression = reader.vector8("compression_methods")?;
    if compression.is_empty() {
        return Err(compression.error("compression_methods", Problem::Empty));
    }
    // Hellos without extensions are legal up to TLS 1.2 and usual in TLCP.
    if !reader.is_empty() {
        let list = reader.vector16("extensions")?;
        reader.end("extensions")?;
        extensions(&mut hello, list)?;
    }
    Ok(hello)
}

/// The message's version must be of the family that the record's version announced.
fn version(reader: &mut Reader<'_>, record_version: u16) -> Result<u16, HelloError> {
    let start = *reader;
    let version = reader.u16("client_version")?;
    let fits = match record_version {
        //= GB/T 38636-2020 6.3.3.2, 6.4.5.2: 0x0101 in the record and in the hello
        TLCP_VERSION => version == TLCP_VERSION,
        _ => version >> 8 == 3,
    };
    if fits { Ok(version) } else { Err(start.error("client_version", Problem::Illegal)) }
}

fn extensions(hello: &mut ClientHello, mut list: Reader<'_>) -> Result<(), HelloError> {
    hello.extensions.reserve(16);
    while !list.is_empty() {
        let start = list;
        let number = list.u16("extension")?;
        let what = name(number);
        let body = list.vector16(what)?;
        if hello.extensions.contains(&number) {
            return Err(start.error(what, Problem::Twice));
        }
        if hello.extensions.len() == MAX_EXTENSIONS {
            return Err(start.error("extensions", Problem::TooLong));
        }
        hello.extensions.push(number);
        //= RFC 8446 4.2.11: pre_shared_key is the last extension
        if number == PRE_SHARED_KEY && !list.is_empty() {
            return Err(start.error(what, Problem::OutOfPlace));
        }
        extension(hello, number, body)?;
    }
    Ok(())
}

fn extension(hello: &mut ClientHello, number: u16, mut body: Reader<'_>) -> Result<(), HelloError> {
    let what = name(number);
    match number {
        SERVER_NAME => hello.sni = server_name(body)?,
        SUPPORTED_GROUPS => hello.groups = whole16(body, what)?.numbers(what)?,
        SIGNATURE_ALGORITHMS => hello.schemes = whole16(body, what)?.numbers(what)?,
        ALPN => hello.alpn = protocols(whole16(body, what)?)?,
        SESSION_TICKET => hello.has_session_ticket = !body.is_empty(),
        PRE_SHARED_KEY => hello.has_pre_shared_key = true,
        EARLY_DATA => hello.has_early_data = true,
        SUPPORTED_VERSIONS => {
            let versions = body.vector8(what)?;
            body.end(what)?;
            hello.versions = versions.numbers(what)?;
        }
        KEY_SHARE => hello.key_shares = key_shares(whole16(body, what)?)?,
        _ => {}
    }
    Ok(())
}

/// An extension that is one list and nothing else.
fn whole16<'a>(mut body: Reader<'a>, what: &'static str) -> Result<Reader<'a>, HelloError> {
    let list = body.vector16(what)?;
    body.end(what)?;
    Ok(list)
}

fn protocols(mut list: Reader<'_>) -> Result<Vec<Vec<u8>>, HelloError> {
    const WHAT: &str = "application_layer_protocol_negotiation";
    if list.is_empty() {
        return Err(list.error(WHAT, Problem::Empty));
    }
    let mut names = Vec::new();
    while !list.is_empty() {
        if names.len() == MAX_ALPN {
            return Err(list.error(WHAT, Problem::TooLong));
        }
        let name = list.vector8(WHAT)?;
        if name.is_empty() {
            return Err(name.error(WHAT, Problem::Empty));
        }
        names.push(name.rest().to_vec());
    }
    Ok(names)
}

/// An empty list is legal: the client asks for a HelloRetryRequest.
fn key_shares(mut list: Reader<'_>) -> Result<Vec<u16>, HelloError> {
    const WHAT: &str = "key_share";
    let mut groups = Vec::new();
    while !list.is_empty() {
        groups.push(list.u16(WHAT)?);
        let share = list.vector16(WHAT)?;
        if share.is_empty() {
            return Err(share.error(WHAT, Problem::Empty));
        }
    }
    Ok(groups)
}

fn name(extension: u16) -> &'static str {
    match extension {
        SERVER_NAME => "server_name",
        SUPPORTED_GROUPS => "supported_groups",
        SIGNATURE_ALGORITHMS => "signature_algorithms",
        ALPN => "application_layer_protocol_negotiation",
        SESSION_TICKET => "session_ticket",
        PRE_SHARED_KEY => "pre_shared_key",
        EARLY_DATA => "early_data",
        SUPPORTED_VERSIONS => "supported_versions",
        KEY_SHARE => "key_share",
        _ => "extension",
    }
}
