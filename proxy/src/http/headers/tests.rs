use super::super::tests::harness::session;
use super::*;

fn request(version: Version, target: &str, fields: &[(&'static str, &str)]) -> Request<()> {
    let mut request = Request::builder().version(version).uri(target).body(()).unwrap();
    for (name, value) in fields {
        request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    request
}

fn forwarded(version: Version, target: &str, fields: &[(&'static str, &str)]) -> Result<Request<()>, Rejection> {
    let session = session();
    let mut request = request(version, target, fields);
    check(&request, &session)?;
    forward(&mut request, &session)?;
    Ok(request)
}

fn values(request: &Request<()>, name: &str) -> Vec<String> {
    request.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

#[test]
fn requests_whose_host_is_in_doubt_are_refused_by_name() {
    use Rejection as R;
    type Fields = &'static [(&'static str, &'static str)];
    let table: &[(Version, &str, Fields, Rejection)] = &[
        (Version::HTTP_11, "/", &[], R::HostMissing),
        (Version::HTTP_11, "/", &[("host", "")], R::HostMissing),
        (Version::HTTP_11, "/", &[("host", "a"), ("host", "a")], R::SeveralHosts),
        (Version::HTTP_11, "/", &[("host", "a"), ("host", "b")], R::SeveralHosts),
        (Version::HTTP_11, "/", &[("host", "a b")], R::Host),
        (Version::HTTP_11, "/", &[("host", "a,b")], R::Host),
        (Version::HTTP_11, "/", &[("host", "user@a")], R::Host),
        (Version::HTTP_11, "/", &[("host", "a/b")], R::Host),
        (Version::HTTP_11, "/", &[("host", "a:b")], R::Host),
        (Version::HTTP_11, "/", &[("host", ":80")], R::Host),
        (Version::HTTP_11, "http://a/", &[], R::HostMissing),
        (Version::HTTP_11, "http://a/", &[("host", "b")], R::HostMismatch),
        (Version::HTTP_11, "http://a:80/", &[("host", "a")], R::HostMismatch),
        (Version::HTTP_11, "http://user@a/", &[("host", "a")], R::HostMismatch),
        (Version::HTTP_11, "http://user@a/", &[("host", "user@a")], R::Host),
        (Version::HTTP_11, "ftp://a/", &[("host", "a")], R::TargetForm),
        (Version::HTTP_11, "a:80", &[("host", "a:80")], R::TargetForm),
        (Version::HTTP_11, "*", &[("host", "a")], R::TargetForm),
        (Version::HTTP_2, "/", &[], R::HostMissing),
        (Version::HTTP_2, "https://a/", &[("host", "b")], R::HostMismatch),
        (Version::HTTP_2, "https://user@a/", &[], R::Host),
        (Version::HTTP_11, "/", &[("host", "a"), ("connection", "host")], R::Connection),
        (Version::HTTP_11, "/", &[("host", "a"), ("connection", "close, Content-Length")], R::Connection),
        (Version::HTTP_11, "/", &[("host", "a"), ("connection", "x-forwarded-for")], R::Connection),
    ];
    for (version, target, fields, rejection) in table {
        assert_eq!(forwarded(*version, target, fields).map(drop), Err(*rejection), "{target} {fields:?}");
    }
    for (version, target, fields) in [
        (Version::HTTP_11, "/", &[("host", "a.example:8443")][..]),
        (Version::HTTP_11, "/", &[("host", "[::1]:80")]),
        (Version::HTTP_11, "/", &[("host", "a_b-c")]),
        (Version::HTTP_11, "http://A/", &[("host", "a")]),
        (Version::HTTP_10, "/", &[]),
        (Version::HTTP_2, "https://a/", &[]),
        (Version::HTTP_2, "https://a/", &[("host", "A")]),
    ] {
        assert!(forwarded(version, target, fields).is_ok(), "{target} {fields:?}");
    }
}

#[test]
fn fields_of_one_connection_do_not_go_on() {
    let fields = [
        ("host", "a"),
        ("connection", "keep-alive, X-Private"),
        ("connection", "x-other"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("te", "trailers, deflate"),
        ("upgrade", "websocket"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
        ("x-private", "1"),
        ("x-other", "2"),
        ("x-kept", "3"),
    ];
    let request = forwarded(Version::HTTP_11, "/", &fields).unwrap();
    let names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    assert_eq!(values(&request, "te"), ["trailers"]);
    assert_eq!(values(&request, "x-kept"), ["3"]);
}

#[test]
fn an_upgrade_goes_on_if_it_was_asked_for_properly_and_is_not_h2c() {
    let session = session();
    let switch = |fields: &[(&'static str, &str)], version| {
        let mut request = request(version, "/", fields);
        let switch = forward(&mut request, &session).unwrap();
        (switch, values(&request, "upgrade"), values(&request, "connection"))
    };
    let asked = [("host", "a"), ("connection", "Upgrade"), ("upgrade", "websocket")];
    let (to, upgrade, connection) = switch(&asked, Version::HTTP_11);
    assert_eq!(to, Switch::To(HeaderValue::from_static("websocket")));
    assert_eq!((upgrade, connection), (vec!["websocket".to_owned()], vec!["upgrade".to_owned()]));
    for (fields, version) in [
        (&[("connection", "upgrade, http2-settings"), ("upgrade", "h2c")][..], Version::HTTP_11),
        (&[("connection", "upgrade"), ("upgrade", "websocket, H2C")], Version::HTTP_11),
        (&[("upgrade", "websocket")], Version::HTTP_11),
        (&[("connection", "upgrade"), ("upgrade", "websocket")], Version::HTTP_10),
    ] {
        assert_eq!(switch(fields, version), (Switch::None, vec![], vec![]), "{fields:?}");
    }
}

#[test]
fn the_backend_learns_where_the_request_came_from() {
    let request = forwarded(Version::HTTP_11, "/", &[("host", "a")]).unwrap();
    assert_eq!(values(&request, "x-forwarded-for"), ["192.0.2.7"]);
    assert_eq!(values(&request, "x-forwarded-proto"), ["http"]);
    assert!(values(&request, "forwarded").is_empty());
    let claimed = [
        ("host", "a"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-for", "10.0.0.2"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=10.0.0.1"),
    ];
    let request = forwarded(Version::HTTP_11, "/", &claimed).unwrap();
    assert_eq!(values(&request, "x-forwarded-for"), ["10.0.0.1, 10.0.0.2, 192.0.2.7"]);
    assert_eq!(values(&request, "x-forwarded-proto"), ["http"]);
    assert_eq!(values(&request, "forwarded"), ["for=10.0.0.1, for=192.0.2.7;proto=http"]);
}

#[test]
fn the_crumbs_of_an_http2_cookie_become_one() {
    let request = forwarded(Version::HTTP_2, "https://a/", &[("cookie", "a=1"), ("cookie", "b=2")]).unwrap();
    assert_eq!(values(&request, "cookie"), ["a=1; b=2"]);
}

#[test]
fn a_response_loses_what_concerns_one_connection() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("connection", "close, x-private"),
        ("transfer-encoding", "chunked"),
        ("x-private", "1"),
        ("date", "now"),
        ("server", "s"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    respond(&mut headers, StatusCode::OK).unwrap();
    let names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["date", "server"]);
}

#[test]
fn a_response_has_one_length_or_none() {
    let lengths = |fields: &[(&'static str, &'static str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        respond(&mut headers, StatusCode::OK).map_err(|error| error.reason())?;
        Ok(headers.get_all(CONTENT_LENGTH).iter().count())
    };
    assert_eq!(lengths(&[("content-length", "5")]), Ok(1));
    assert_eq!(lengths(&[("content-length", "5"), ("content-length", "5")]), Ok(0));
    assert_eq!(lengths(&[("content-length", "5, 5")]), Ok(0));
    assert_eq!(lengths(&[("content-length", "5"), ("transfer-encoding", "Chunked")]), Ok(0));
    for coding in ["gzip", "gzip, chunked", "identity", "chunked, chunked"] {
        assert_eq!(lengths(&[("transfer-encoding", coding)]), Err("upstream_transfer_encoding"));
    }
}

#[test]
fn trailers_of_a_grpc_response_are_declared() {
    let mut headers = HeaderMap::new();
    declare_grpc_trailers(&mut headers);
    assert!(headers.is_empty());
    headers.insert("content-type", HeaderValue::from_static("application/grpc+proto"));
    declare_grpc_trailers(&mut headers);
    assert!(headers.contains_key(TRAILER));
}
