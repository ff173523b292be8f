//! What an operator reads in the process log: one line for each thing that happened, and none for what did not.

use jadegate_certs::certificate::Certificate;
use jadegate_tests::jadegate::{self, Jadegate};
use jadegate_tests::net;
use jadegate_tests::pki::Pki;
use jadegate_tests::wait::{self, PATIENCE};
use serde_json::Value;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};

const QUIET: &str = "log: { access: { path: off } }\n";

fn listener(name: &str, address: &str) -> String {
    format!("  - {{ name: {name}, bind: \"{address}\", tls: none, backend: \"127.0.0.1:9\" }}\n")
}

/// The lines that contain all of these.
fn lines<'a>(log: &'a str, needles: &[&str]) -> Vec<&'a str> {
    log.lines().filter(|line| needles.iter().all(|needle| line.contains(needle))).collect()
}

/// The address that a line names.
fn address(line: &str) -> SocketAddr {
    let word = line.split_whitespace().find_map(|word| word.strip_prefix("address="));
    word.unwrap_or_else(|| panic!("no address in {line}")).parse().expect("an address")
}

#[test]
fn each_port_that_opens_is_one_line_with_its_real_address_and_so_is_the_admin() {
    let one = format!("{QUIET}listeners:\n{}", listener("first", "127.0.0.1:0"));
    let jadegate = Jadegate::start(&one).expect("it starts");
    let log = jadegate.wait_log("configuration taken").expect("taken");
    let opened = lines(&log, &["first", "address="]);
    assert_eq!(opened.len(), 1, "{log}");
    TcpStream::connect(address(opened[0])).expect("the port that the line names is open");
    let admin = lines(&log, &["admin", "address="]);
    assert_eq!(admin.iter().map(|line| address(line)).collect::<Vec<_>>(), [jadegate.admin], "{log}");
    assert!(!log.contains(":0 ") && !log.contains(":0\n"), "a port of nobody: {log}");
    // A reload tells of what it opens and of nothing else.
    jadegate.reconfigure(&format!("{one}{}", listener("second", "127.0.0.1:0"))).expect("written");
    let log = jadegate.wait_log("configuration taken generation=2").expect("taken");
    let opened = lines(&log, &["second", "address="]);
    assert_eq!(opened.len(), 1, "{log}");
    TcpStream::connect(address(opened[0])).expect("the port that the line names is open");
    assert_eq!(lines(&log, &["port is open"]).len(), 2, "{log}");
    assert_eq!(lines(&log, &["admin is open"]).len(), 1, "{log}");
}

/// Runs a configuration that does not start; gives the one error, after which nothing more is said.
fn failed_start(yaml: &str) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("jadegate.yaml");
    fs::write(&file, yaml).expect("written");
    let finished = jadegate::command(&["run", "-c", file.to_str().expect("a name")]).expect("it ends");
    assert_eq!(finished.status.code(), Some(1), "{}", finished.output);
    assert!(!finished.output.contains("drain"), "there was nothing to drain: {}", finished.output);
    let errors = lines(&finished.output, &["ERROR"]);
    assert_eq!((errors.len(), errors.last().copied()), (1, finished.output.lines().last()), "{}", finished.output);
    errors[0].to_owned()
}

#[test]
fn a_start_that_fails_says_why_and_tells_of_no_drain() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let in_use = taken.local_addr().expect("an address").to_string();
    let told = failed_start(&format!("{QUIET}listeners:\n{}", listener("busy", &in_use)));
    assert!(told.contains(&in_use) && told.contains("busy"), "{told}");

    // Good in itself, and of no use to a policy of standard protocols only.
    let pki = Pki::new().expect("certificates");
    let (cert, key) = (pki.server_sm2.cert.display(), pki.server_sm2.key.display());
    let unusable = format!(
        "{QUIET}listeners: [{{ name: site, bind: \"{}\", backend: \"127.0.0.1:9\", \
         tls: {{ policy: standard, certificates: [{{ cert: {cert}, key: {key} }}] }} }}]\n",
        net::free_address().expect("a port")
    );
    let told = failed_start(&unusable);
    assert!(told.contains("site") && told.contains("no_usable_credential"), "{told}");

    // The twin that starts, and is told to end, does tell of its drain.
    let started = Jadegate::start(&format!("{QUIET}listeners:\n{}", listener("free", "127.0.0.1:0"))).expect("starts");
    let told = started.stop().expect("it ends").success().expect("gracefully");
    assert!(told.contains("draining") && told.contains("drained"), "{told}");
}

/// Two problems, the second of them with a line feed in a value.
const BROKEN: &str = "listeners:\n  - { bind: nowhere, tls: none, backend: \"127.0.0.1:9\" }\n\"two\\nlines\": 1\n";

/// Starts with this log, gives it a broken configuration and returns the lines about that.
fn refused(log: &str) -> Vec<String> {
    let jadegate = Jadegate::start(&format!("{log}listeners:\n{}", listener("first", "127.0.0.1:0"))).expect("starts");
    // The last line of a start; what comes after it is about the reload.
    jadegate.wait_log("configuration taken").expect("taken");
    let whole = || Ok(Some(jadegate.log()).filter(|log| log.ends_with('\n')));
    let before = wait::until("the end of that line", PATIENCE, whole).expect("it comes").len();
    jadegate.reconfigure(BROKEN).expect("written");
    jadegate.wait_log("lines").expect("refused");
    let told = jadegate.stop().expect("it ends").output.split_off(before);
    told.lines().filter(|line| !line.to_lowercase().contains("drain")).map(str::to_owned).collect()
}

#[test]
fn a_refused_reload_is_whole_lines_in_text() {
    let lines = refused(QUIET);
    for line in &lines {
        let mut words = line.split_whitespace();
        let (time, level) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        assert!(time.ends_with('Z') && ["INFO", "ERROR"].contains(&level), "torn apart: {line}\n{lines:#?}");
        assert!(line.contains("reload=1"), "{line}");
    }
    let errors: Vec<_> = lines.iter().filter(|line| line.contains("ERROR")).collect();
    let [fact, first, second] = errors[..] else { panic!("{lines:#?}") };
    assert!(fact.contains("refused") && fact.contains("problems=2"), "{fact}");
    assert!(first.contains("jadegate.yaml:3:") && first.contains("listeners[0].bind"), "{first}");
    assert!(first.contains("nowhere") && first.contains("todo="), "{first}");
    assert!(second.contains("jadegate.yaml:4:") && second.contains("todo="), "{second}");
}

#[test]
fn a_refused_reload_is_whole_objects_in_json() {
    let lines = refused("log: { format: json, access: { path: off } }\n");
    let events: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{lines:#?}")))
        .collect();
    let errors: Vec<_> = events.iter().filter(|event| event["level"] == "ERROR").collect();
    let [fact, first, second] = errors[..] else { panic!("{lines:#?}") };
    assert!(errors.iter().all(|event| event["reload"] == 1), "{lines:#?}");
    assert_eq!(fact["problems"], 2);
    for (event, place) in [(first, "jadegate.yaml:3:"), (second, "jadegate.yaml:4:")] {
        assert!(event["at"].as_str().is_some_and(|at| at.contains(place)), "{event}");
        assert!(event["todo"].is_string() && event["message"].is_string(), "{event}");
    }
}

/// Protocols of both engines.
const PROTOCOLS: [&str; 4] = ["tlcp", "tls1.3-sm", "tls1.3", "tls1.2"];

/// What the log says of a handshake in this protocol that failed for one of these reasons, once it says it.
fn failure(jadegate: &Jadegate, protocol: &str, reasons: &[&str]) -> Value {
    let found = || {
        jadegate.log().lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(|event| {
            event["protocol"] == protocol && event["reason"].as_str().is_some_and(|reason| reasons.contains(&reason))
        })
    };
    wait::until(protocol, PATIENCE, || Ok(found())).unwrap_or_else(|error| panic!("{error:#}\n{}", jadegate.log()))
}

#[test]
fn a_failed_handshake_names_the_certificate_that_the_client_showed_whatever_the_engine() {
    let [ours, strangers] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    for directory in [&ours, &strangers] {
        let path = directory.path().join("certs");
        jadegate::command(&["certs", "dev", path.to_str().expect("a name")]).expect("runs").success().expect("made");
    }
    let at = |name: &str| ours.path().join("certs").join(name).display().to_string();
    let address = net::free_address().expect("a port").to_string();
    let jadegate = Jadegate::start(&format!(
        "log: {{ format: json, access: {{ path: off }} }}
listeners:
  - bind: \"{address}\"
    backend: \"127.0.0.1:9\"
    tls:
      policy: gm-preferred
      certificates:
        - {{ cert: {}, key: {} }}
        - {{ sign: {{ cert: {}, key: {} }}, enc: {{ cert: {}, key: {} }} }}
      client_auth: {{ trust: {{ ca: [{}, {}] }} }}
",
        at("server.pem"),
        at("server.key"),
        at("sm2-server-sign.pem"),
        at("sm2-server-sign.key"),
        at("sm2-server-enc.pem"),
        at("sm2-server-enc.key"),
        at("ca.pem"),
        at("sm2-ca.pem")
    ))
    .expect("it starts");

    let certs = strangers.path().join("certs");
    jadegate::command(&["probe", &address, "--certs", certs.to_str().expect("a name")]).expect("it ends");
    let leaf = |name: &str| {
        let pem = fs::read(certs.join(name)).expect("readable");
        Certificate::from_pem_or_der(&pem).expect("certificates").swap_remove(0)
    };
    let [sign, enc, standard] = ["sm2-client-sign.pem", "sm2-client-enc.pem", "client.pem"].map(leaf);
    for protocol in PROTOCOLS {
        // Both authorities have one name, and one of the engines tries the root of that name before it gives up.
        let event = failure(&jadegate, protocol, &["peer_certificate_untrusted", "peer_certificate_bad_signature"]);
        // Of a pair, that one is named which was judged first and did not pass.
        let shown: &[&Certificate] = match protocol {
            "tlcp" => &[&sign, &enc],
            "tls1.3-sm" => &[&sign],
            _ => &[&standard],
        };
        let named = |one: &Certificate| event["peer_subject"] == one.subject() && event["peer_serial"] == one.serial();
        assert!(shown.iter().any(|one| named(one)), "{event}");
    }

    // The twin: nothing was shown, and nothing is named.
    jadegate::command(&["probe", &address]).expect("it ends");
    for protocol in PROTOCOLS {
        let event = failure(&jadegate, protocol, &["peer_certificate_absent"]);
        assert!(event.get("peer_subject").is_none() && event.get("peer_serial").is_none(), "{event}");
    }
}
