//! The fields of a record: one list that serves the JSON writer, the templates and the documentation.

use super::record::{AccessRecord, RequestRecord, TlsRecord, UpstreamRecord};
use jadegate_certs::identity::SpiffeId;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// The value of a field, not yet written in any format.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Absent,
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
    pub(super) key: &'static str,
    pub(super) operator: &'static str,
    pub(super) value: for<'a> fn(&'a AccessRecord<'a>) -> Value<'a>,
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.operator)
    }
}

const fn field(
    key: &'static str,
    operator: &'static str,
    value: for<'a> fn(&'a AccessRecord<'a>) -> Value<'a>,
) -> Field {
    Field { key, operator, value }
}

fn text(value: Option<&str>) -> Value<'_> {
    value.map_or(Value::Absent, Value::Text)
}

fn duration(value: Option<Duration>) -> Value<'static> {
    value.map_or(Value::Absent, Value::Duration)
}

fn tls<'a>(record: &'a AccessRecord<'a>, pick: fn(&'a TlsRecord<'a>) -> Value<'a>) -> Value<'a> {
    record.connection.tls.as_ref().map_or(Value::Absent, pick)
}

fn request<'a>(record: &'a AccessRecord<'a>, pick: fn(&'a RequestRecord<'a>) -> Value<'a>) -> Value<'a> {
    record.request.as_ref().map_or(Value::Absent, pick)
}

fn upstream<'a>(record: &'a AccessRecord<'a>, pick: fn(&'a UpstreamRecord<'a>) -> Value<'a>) -> Value<'a> {
    record.upstream.as_ref().map_or(Value::Absent, pick)
}

/// Every field, in the order of the JSON object. Operators are Envoy's where Envoy has the same thing.
pub(super) static FIELDS: [Field; 34] = [
    field("time", "START_TIME", |r| Value::Time(r.time)),
    field("listener", "LISTENER", |r| Value::Text(r.connection.listener)),
    field("chain", "FILTER_CHAIN_NAME", |r| Value::Text(r.connection.chain)),
    field("connection", "CONNECTION_ID", |r| Value::Number(r.connection.id)),
    field("remote", "DOWNSTREAM_REMOTE_ADDRESS", |r| Value::Address(r.connection.remote)),
    field("local", "DOWNSTREAM_LOCAL_ADDRESS", |r| Value::Address(r.connection.local)),
    field("protocol", "PROTOCOL", |r| request(r, |q| Value::Text(q.protocol))),
    field("method", "REQ(:METHOD)", |r| request(r, |q| Value::Text(q.method))),
    field("path", "REQ(:PATH)", |r| request(r, |q| Value::Text(q.path))),
    field("authority", "REQ(:AUTHORITY)", |r| request(r, |q| text(q.authority))),
    field("status", "RESPONSE_CODE", |r| {
        request(r, |q| q.status.map_or(Value::Absent, |status| Value::Number(u64::from(status))))
    }),
    field("tls_protocol", "DOWNSTREAM_TLS_VERSION", |r| tls(r, |t| Value::Text(t.protocol))),
    field("tls_suite", "DOWNSTREAM_TLS_CIPHER", |r| tls(r, |t| text(t.suite))),
    field("tls_group", "DOWNSTREAM_TLS_GROUP", |r| tls(r, |t| text(t.group))),
    field("tls_scheme", "DOWNSTREAM_TLS_SIGNATURE_SCHEME", |r| tls(r, |t| text(t.scheme))),
    field("sni", "REQUESTED_SERVER_NAME", |r| tls(r, |t| text(t.sni))),
    field("alpn", "DOWNSTREAM_ALPN", |r| tls(r, |t| t.alpn.map_or(Value::Absent, Value::Bytes))),
    field("resumed", "DOWNSTREAM_TLS_RESUMED", |r| tls(r, |t| Value::Flag(t.resumed))),
    field("peer_subject", "DOWNSTREAM_PEER_SUBJECT", |r| tls(r, |t| text(t.peer_subject))),
    field("peer_spiffe_id", "DOWNSTREAM_PEER_SPIFFE_ID", |r| {
        tls(r, |t| t.peer_spiffe_id.map_or(Value::Absent, Value::Identity))
    }),
    field("peer_serial", "DOWNSTREAM_PEER_SERIAL", |r| tls(r, |t| text(t.peer_serial))),
    field("own_serials", "DOWNSTREAM_LOCAL_SERIALS", |r| tls(r, |t| Value::List(t.own_serials))),
    field("generation", "TLS_GENERATION", |r| tls(r, |t| Value::Number(t.generation))),
    field("ja4", "TLS_JA4_FINGERPRINT", |r| tls(r, |t| text(t.ja4))),
    field("handshake_ms", "DOWNSTREAM_HANDSHAKE_DURATION", |r| tls(r, |t| Value::Duration(t.handshake))),
    field("bytes_in", "BYTES_RECEIVED", |r| Value::Number(r.bytes_in)),
    field("bytes_out", "BYTES_SENT", |r| Value::Number(r.bytes_out)),
    field("duration_ms", "DURATION", |r| Value::Duration(r.duration)),
    field("first_byte_ms", "RESPONSE_DURATION", |r| duration(r.first_byte)),
    field("backend", "UPSTREAM_CLUSTER", |r| upstream(r, |u| Value::Text(u.backend))),
    field("upstream", "UPSTREAM_HOST", |r| upstream(r, |u| text(u.address))),
    field("upstream_connect_ms", "UPSTREAM_CONNECT_DURATION", |r| upstream(r, |u| duration(u.connect))),
    field("failure", "RESPONSE_CODE_DETAILS", |r| text(r.failure)),
    field("kind", "KIND", |r| Value::Text(if r.request.is_some() { "http" } else { "tcp" })),
];
