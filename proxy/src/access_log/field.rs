//! The fields of a record: one list that serves the JSON writer, the templates and the documentation.

use super::record::{AccessRecord, ConnectionRecord, RequestRecord, TlsRecord, UpstreamRecord};
use jadegate_certs::identity::SpiffeId;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// The value of a field, not yet written in any format.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Absent,
    /// What has nothing in it that a format would have to escape, by its kind.
    Word(&'a str),
    Text(&'a str),
    Bytes(&'a [u8]),
    Identity(&'a SpiffeId),
    List(&'a [String]),
    Number(u64),
    Flag(bool),
    Address(SocketAddr),
    Time(SystemTime),
    Duration(Duration),
}

/// One field: its JSON key, its operator in templates, and where its value is.
#[derive(Clone, Copy)]
pub(super) struct Field {
    /// The key as it stands in the object, quotes and colon with it.
    pub(super) key: &'static str,
    pub(super) operator: &'static str,
    source: Source,
}

/// What a field is taken from.
#[derive(Clone, Copy)]
enum Source {
    /// The connection: the same in each of its lines.
    Connection(for<'a> fn(&'a ConnectionRecord<'a>) -> Value<'a>),
    /// The whole record.
    Exchange(for<'a> fn(&'a AccessRecord<'a>) -> Value<'a>),
}

impl Field {
    /// The value in this record.
    pub(super) fn value<'a>(&self, record: &'a AccessRecord<'a>) -> Value<'a> {
        match self.source {
            Source::Connection(value) => value(&record.connection),
            Source::Exchange(value) => value(record),
        }
    }

    /// Whether all lines of a connection have the same value.
    pub(super) const fn is_of_connection(&self) -> bool {
        matches!(self.source, Source::Connection(_))
    }
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.operator)
    }
}

macro_rules! field {
    ($source:ident, $key:literal, $operator:literal, $value:expr) => {
        Field { key: concat!("\"", $key, "\":"), operator: $operator, source: Source::$source($value) }
    };
}

fn text(value: Option<&str>) -> Value<'_> {
    value.map_or(Value::Absent, Value::Text)
}

fn duration(value: Option<Duration>) -> Value<'static> {
    value.map_or(Value::Absent, Value::Duration)
}

fn tls<'a>(connection: &'a ConnectionRecord<'a>, pick: fn(&'a TlsRecord<'a>) -> Value<'a>) -> Value<'a> {
    connection.tls.as_ref().map_or(Value::Absent, pick)
}

fn request<'a>(record: &'a AccessRecord<'a>, pick: fn(&'a RequestRecord<'a>) -> Value<'a>) -> Value<'a> {
    record.request.as_ref().map_or(Value::Absent, pick)
}

fn upstream<'a>(record: &'a AccessRecord<'a>, pick: fn(&'a UpstreamRecord<'a>) -> Value<'a>) -> Value<'a> {
    record.upstream.as_ref().map_or(Value::Absent, pick)
}

/// Every field, in the order of the JSON object; those of the connection stand together, so that the text of them all is
/// made once. Operators are Envoy's where Envoy has the same thing.
pub(super) static FIELDS: [Field; 34] = [
    field!(Exchange, "time", "START_TIME", |r| Value::Time(r.time)),
    field!(Connection, "listener", "LISTENER", |c| Value::Text(c.listener)),
    field!(Connection, "chain", "FILTER_CHAIN_NAME", |c| Value::Text(c.chain)),
    field!(Connection, "connection", "CONNECTION_ID", |c| Value::Number(c.id)),
    field!(Connection, "remote", "DOWNSTREAM_REMOTE_ADDRESS", |c| Value::Address(c.remote)),
    field!(Connection, "local", "DOWNSTREAM_LOCAL_ADDRESS", |c| Value::Address(c.local)),
    field!(Connection, "tls_protocol", "DOWNSTREAM_TLS_VERSION", |c| tls(c, |t| Value::Text(t.protocol))),
    field!(Connection, "tls_suite", "DOWNSTREAM_TLS_CIPHER", |c| tls(c, |t| text(t.suite))),
    field!(Connection, "tls_group", "DOWNSTREAM_TLS_GROUP", |c| tls(c, |t| text(t.group))),
    field!(Connection, "tls_scheme", "DOWNSTREAM_TLS_SIGNATURE_SCHEME", |c| tls(c, |t| text(t.scheme))),
    field!(Connection, "sni", "REQUESTED_SERVER_NAME", |c| tls(c, |t| text(t.sni))),
    field!(Connection, "alpn", "DOWNSTREAM_ALPN", |c| tls(c, |t| t.alpn.map_or(Value::Absent, Value::Bytes))),
    field!(Connection, "resumed", "DOWNSTREAM_TLS_RESUMED", |c| tls(c, |t| Value::Flag(t.resumed))),
    field!(Connection, "peer_subject", "DOWNSTREAM_PEER_SUBJECT", |c| tls(c, |t| text(t.peer_subject))),
    field!(Connection, "peer_spiffe_id", "DOWNSTREAM_PEER_SPIFFE_ID", |c| {
        tls(c, |t| t.peer_spiffe_id.map_or(Value::Absent, Value::Identity))
    }),
    field!(Connection, "peer_serial", "DOWNSTREAM_PEER_SERIAL", |c| tls(c, |t| text(t.peer_serial))),
    field!(Connection, "own_serials", "DOWNSTREAM_LOCAL_SERIALS", |c| tls(c, |t| Value::List(t.own_serials))),
    field!(Connection, "generation", "TLS_GENERATION", |c| tls(c, |t| Value::Number(t.generation))),
    field!(Connection, "ja4", "TLS_JA4_FINGERPRINT", |c| tls(c, |t| text(t.ja4))),
    field!(Connection, "handshake_ms", "DOWNSTREAM_HANDSHAKE_DURATION", |c| tls(c, |t| Value::Duration(t.handshake))),
    field!(Exchange, "protocol", "PROTOCOL", |r| request(r, |q| Value::Word(q.protocol))),
    field!(Exchange, "method", "REQ(:METHOD)", |r| request(r, |q| Value::Text(q.method))),
    field!(Exchange, "path", "REQ(:PATH)", |r| request(r, |q| Value::Text(q.path))),
    field!(Exchange, "authority", "REQ(:AUTHORITY)", |r| request(r, |q| text(q.authority))),
    field!(Exchange, "status", "RESPONSE_CODE", |r| {
        request(r, |q| q.status.map_or(Value::Absent, |status| Value::Number(u64::from(status))))
    }),
    field!(Exchange, "bytes_in", "BYTES_RECEIVED", |r| Value::Number(r.bytes_in)),
    field!(Exchange, "bytes_out", "BYTES_SENT", |r| Value::Number(r.bytes_out)),
    field!(Exchange, "duration_ms", "DURATION", |r| Value::Duration(r.duration)),
    field!(Exchange, "first_byte_ms", "RESPONSE_DURATION", |r| duration(r.first_byte)),
    field!(Exchange, "backend", "UPSTREAM_CLUSTER", |r| upstream(r, |u| Value::Text(u.backend))),
    field!(Exchange, "upstream", "UPSTREAM_HOST", |r| upstream(r, |u| text(u.address))),
    field!(Exchange, "upstream_connect_ms", "UPSTREAM_CONNECT_DURATION", |r| upstream(r, |u| duration(u.connect))),
    field!(Exchange, "failure", "RESPONSE_CODE_DETAILS", |r| text(r.failure)),
    field!(Exchange, "kind", "KIND", |r| Value::Word(if r.request.is_some() { "http" } else { "tcp" })),
];
