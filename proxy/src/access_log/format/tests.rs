use super::super::record::{ConnectionRecord, RequestRecord, TlsRecord, UpstreamRecord};
use super::*;
use proptest::prelude::*;

fn record<'a>(
    path: &'a str,
    sni: &'a str,
    subject: &'a str,
    serials: &'a [String],
    text: &'a ConnectionText,
) -> AccessRecord<'a> {
    AccessRecord {
        time: UNIX_EPOCH + Duration::from_millis(1_709_210_096_007),
        connection: ConnectionRecord {
            id: 7,
            listener: "site",
            chain: "gm",
            remote: "192.0.2.1:5000".parse().unwrap(),
            local: "[2001:db8::1]:443".parse().unwrap(),
            tls: Some(TlsRecord {
                protocol: "tlcp",
                suite: Some("ECC_SM4_GCM_SM3"),
                group: None,
                scheme: Some("sm2sig_sm3"),
                sni: Some(sni),
                alpn: Some(b"h2\xff"),
                resumed: false,
                peer_subject: Some(subject),
                peer_spiffe_id: None,
                peer_serial: Some("0a"),
                own_serials: serials,
                generation: 3,
                ja4: None,
                handshake: Duration::from_micros(1_250),
            }),
            text,
        },
        request: Some(RequestRecord {
            protocol: "HTTP/2",
            method: "GET",
            path,
            authority: Some("a.example"),
            status: Some(200),
        }),
        upstream: Some(UpstreamRecord { backend: "web", address: Some("127.0.0.1:8080"), connect: None }),
        bytes_in: 0,
        bytes_out: 5,
        duration: Duration::from_millis(12),
        first_byte: None,
        failure: None,
    }
}

fn line(format: &Format, record: &AccessRecord<'_>) -> String {
    let mut out = Vec::new();
    format.write(record, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn the_json_line_holds_the_fields_with_their_types_and_leaves_out_the_absent() {
    let serials = vec!["01".to_owned(), "02".to_owned()];
    let line = line(&Format::json(), &record("/x?y", "a.example", "CN=client", &serials, &ConnectionText::default()));
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["time"], "2024-02-29T12:34:56.007Z");
    assert_eq!(value["own_serials"], serde_json::json!(["01", "02"]));
    assert_eq!(value["status"], 200);
    assert_eq!(value["handshake_ms"], 1.25);
    assert_eq!(value["resumed"], false);
    assert_eq!(value["kind"], "http");
    assert_eq!(value["local"], "[2001:db8::1]:443");
    assert!(value.get("failure").is_none() && value.get("first_byte_ms").is_none());
}

#[test]
fn the_lines_of_a_connection_share_what_is_of_the_connection_and_nothing_else() {
    let text = ConnectionText::default();
    let first = line(&Format::json(), &record("/first", "a.example", "CN=client", &[], &text));
    let second = line(&Format::json(), &record("/second", "a.example", "CN=client", &[], &text));
    assert_eq!(first.replace("/first", "/second"), second);
    let value: serde_json::Value = serde_json::from_str(&second).unwrap();
    assert_eq!((&value["sni"], &value["path"]), (&"a.example".into(), &"/second".into()));
    // Where they stand apart, the text would be written at the place of the first.
    let apart = FIELDS.chunk_by(|one, next| one.is_of_connection() == next.is_of_connection()).count();
    assert_eq!(apart, 3, "time, connection, exchange");
}

#[test]
fn numbers_and_addresses_are_written_as_the_standard_library_writes_them() {
    let text = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    };
    for number in [0, 1, 9, 10, 99, 100, 1_234_567_890, u64::MAX] {
        assert_eq!(text(&|out| write_number(number, 1, out)), format!("{number}"));
        assert_eq!(text(&|out| write_number(number, 3, out)), format!("{number:03}"));
    }
    for address in ["0.0.0.0:0", "255.255.255.255:65535", "10.0.100.1:80", "[::1]:443", "[2001:db8::ff]:1"] {
        assert_eq!(text(&|out| write_address(address.parse().unwrap(), out)), address);
    }
    let micros = |micros| text(&|out| write_plain(Value::Duration(Duration::from_micros(micros)), out));
    assert_eq!([micros(0), micros(7), micros(1_050), micros(61_000_999)], ["0.000", "0.007", "1.050", "61000.999"]);
}

#[test]
fn a_template_puts_every_operator_in_its_place() {
    let format =
        Format::template("%% %REQ(:METHOD)% \"%REQ(:PATH)%\" %RESPONSE_CODE% %TLS_JA4_FINGERPRINT% end").unwrap();
    assert_eq!(line(&format, &record("/a", "s", "CN=c", &[], &ConnectionText::default())), "% GET \"/a\" 200 - end\n");
}

#[test]
fn a_template_with_an_unknown_or_open_operator_is_refused_and_says_what_there_is() {
    let error = Format::template("%RESPONSE_CODES%").unwrap_err();
    assert!(error.to_string().contains("RESPONSE_CODE "), "{error}");
    assert_eq!(error.reason(), "unknown_operator");
    assert_eq!(Format::template("ab %START_TIME").unwrap_err(), FormatError::Unclosed { at: 3 });
}

#[test]
fn every_operator_that_is_listed_is_accepted() {
    for operator in operators() {
        Format::template(&format!("%{operator}%")).unwrap();
    }
}

#[test]
fn the_configuration_knows_every_operator() {
    assert_eq!(operators(), jadegate_config::ACCESS_OPERATORS);
}

#[test]
fn every_field_is_in_the_documentation() {
    let text = include_str!("../../../../docs/operations/access-log.md");
    for field in &FIELDS {
        let row = format!("| `{}` | `%{}%` |", field.key.trim_matches(['"', ':']), field.operator);
        assert!(text.contains(&row), "missing {row}");
    }
}

#[test]
fn what_a_peer_sends_cannot_start_a_new_line_of_a_template() {
    let format = Format::template("%REQ(:PATH)%|%DOWNSTREAM_PEER_SUBJECT%").unwrap();
    let line = line(&format, &record("/a\nforged", "s", "CN=\"x\\\u{7f}", &[], &ConnectionText::default()));
    assert_eq!(line, "/a\\nforged|CN=\\\"x\\\\\\u{7f}\n");
}

#[test]
fn times_are_right_on_the_edges_of_the_calendar() {
    for (seconds, expected) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_400, "2000-02-29T00:00:00.000Z"),
        (1_709_251_199, "2024-02-29T23:59:59.000Z"),
        (1_709_251_200, "2024-03-01T00:00:00.000Z"),
        (4_102_444_799, "2099-12-31T23:59:59.000Z"),
        (4_107_542_400, "2100-03-01T00:00:00.000Z"),
    ] {
        assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
    }
}

proptest! {
    #[test]
    fn a_json_string_is_read_back_as_it_was(text in any::<String>()) {
        let mut out = Vec::new();
        write_json_string(&text, &mut out);
        prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
    }

    #[test]
    fn any_record_is_one_line_of_valid_json(path in any::<String>(), sni in any::<String>(), subject in any::<String>()) {
        let text = ConnectionText::default();
        let record = record(&path, &sni, &subject, std::slice::from_ref(&subject), &text);
        let line = line(&Format::json(), &record);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(value["path"].as_str(), Some(path.as_str()));
        prop_assert_eq!(value["sni"].as_str(), Some(sni.as_str()));
        prop_assert_eq!(value["own_serials"][0].as_str(), Some(subject.as_str()));
        prop_assert_eq!(line.matches('\n').count(), 1);
    }
}
