//! One request of the admin: what it may ask, and who answers.

use std::fmt::Write;
use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;

use super::{Hosts, View, certificates, configuration, page};

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Path and purpose of each endpoint.
const ENDPOINTS: [(&str, &str); 6] = [
    ("/", "overview for people"),
    ("/healthz", "200 while the process runs"),
    ("/readyz", "200 when every port is open, else 503 with what is missing"),
    ("/metrics", "metrics for Prometheus"),
    ("/config", "the running configuration, without keys"),
    ("/certs", "every secret: source, generation, validity, refusals"),
];

/// A response before its headers.
struct Answer {
    status: StatusCode,
    kind: &'static str,
    body: String,
}

impl Answer {
    fn text(status: StatusCode, body: impl Into<String>) -> Self {
        Self { status, kind: TEXT, body: body.into() }
    }

    const fn ok(kind: &'static str, body: String) -> Self {
        Self { status: StatusCode::OK, kind, body }
    }
}

/// Answers.
pub(super) fn respond(view: &View, hosts: Hosts, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let answer = if hosts == Hosts::Addresses && !host_is_address(request.headers()) {
        Answer::text(StatusCode::MISDIRECTED_REQUEST, "the Host of the request is neither an address nor localhost\n")
    } else if request.method() != Method::GET && request.method() != Method::HEAD {
        Answer::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here\n")
    } else {
        route(view, request.uri().path())
    };
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    );
    if answer.status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

fn route(view: &View, path: &str) -> Answer {
    match path {
        "/" => Answer::ok(HTML, page::render(view)),
        "/healthz" => Answer::text(StatusCode::OK, "ok\n"),
        "/readyz" => readiness(view),
        "/metrics" => Answer::ok(OPENMETRICS, view.metrics.encode()),
        "/config" => Answer::ok(JSON, format!("{:#}\n", configuration::document(view))),
        "/certs" => Answer::ok(JSON, format!("{:#}\n", certificates::document(view))),
        _ => {
            let mut text = "no such page; there are:\n".to_owned();
            for (path, purpose) in ENDPOINTS {
                // Writing into a String does not fail.
                let _ = writeln!(text, "{path:<10} {purpose}");
            }
            Answer::text(StatusCode::NOT_FOUND, text)
        }
    }
}

fn readiness(view: &View) -> Answer {
    let reasons = view.unready();
    if reasons.is_empty() {
        return Answer::text(StatusCode::OK, "ready\n");
    }
    let mut text = "not ready\n".to_owned();
    for reason in reasons {
        text.push_str(&reason);
        text.push('\n');
    }
    Answer::text(StatusCode::SERVICE_UNAVAILABLE, text)
}

impl View {
    /// Why the process is not ready; empty = it is.
    pub(super) fn unready(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.drain.draining() {
            reasons.push("draining".to_owned());
        }
        let snapshot = self.snapshot.load();
        reasons.extend(
            snapshot.missing().map(|(listener, missing)| format!("listener {}, {missing}", listener.config.name)),
        );
        let status = self.status.load();
        reasons.extend(status.unopened.iter().map(|(listener, why)| format!("listener {listener}: {why}")));
        reasons
    }
}

/// Whether the Host is an IP address or `localhost`, with or without a port. A request without a Host is HTTP/1.0 by
/// hand, which no browser sends.
fn host_is_address(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let Some(host) = hosts.next() else { return true };
    if hosts.next().is_some() {
        return false;
    }
    let Ok(host) = host.to_str() else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(hosts: &[&str]) -> HeaderMap {
        hosts.iter().map(|host| (header::HOST, HeaderValue::from_str(host).unwrap())).collect()
    }

    #[test]
    fn an_address_or_localhost_is_a_fine_host() {
        for host in ["127.0.0.1", "127.0.0.1:9901", "[::1]:9901", "[::1]", "localhost", "LOCALHOST:1", "10.1.2.3"] {
            assert!(host_is_address(&headers(&[host])), "{host}");
        }
        assert!(host_is_address(&headers(&[])));
    }

    #[test]
    fn a_name_that_somebody_else_controls_is_not() {
        for host in ["evil.example", "evil.example:9901", "localhost.evil.example", "127.0.0.1.evil.example", "", ":80"]
        {
            assert!(!host_is_address(&headers(&[host])), "{host}");
        }
        assert!(!host_is_address(&headers(&["localhost", "evil.example"])));
    }
}
