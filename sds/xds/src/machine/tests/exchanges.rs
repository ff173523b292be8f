//! Whole exchanges as text, event by event with what the machine does about it, in `exchanges/`.
//!
//! `JADEGATE_UPDATE=1 cargo test -p jadegate-xds exchanges` writes them anew.

use super::rig::{LISTENER, Rig, SECRET, resource, response, rules};
use crate::*;
use std::path::Path;
use std::time::Duration;

fn check(name: &str, rig: &Rig) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/machine/tests/exchanges").join(name).with_extension("txt");
    if std::env::var_os("JADEGATE_UPDATE").is_some() {
        std::fs::write(&path, &rig.record).expect("the exchange can be written");
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(known == rig.record, "{} is not what happens now:\n{}", path.display(), rig.record);
}

/// One secret from the Istio agent: first answer, rotation, a bad rotation, the next.
#[test]
fn rotation() {
    let mut rig = Rig::world().open(&["default"]);
    rig.arrived("u1", "t1/1", &[("default", "pair 1")]);
    rig.applied("default");
    rig.arrived("u2", "t2/2", &[("default", "pair 2")]);
    rig.applied("default");
    rig.arrived("u3", "t3/3", &[("default", "pair 3")]);
    rig.rejected("default", "the key is not the certificate's");
    rig.arrived("u4", "t4/4", &[("default", "pair 4")]);
    rig.applied("default");
    check("rotation", &rig);
}

/// The CA is down when the agent has to rotate: the agent ends the stream at each attempt, and the next attempt is ours.
#[test]
fn outage() {
    let mut rig = Rig::world().open(&["default"]);
    rig.arrived("u1", "t1/1", &[("default", "pair 1")]);
    rig.applied("default");
    for _ in 0..4 {
        rig.closed_because("failed to generate secret for default");
        rig.fired(Timer::Backoff);
        rig.opened();
    }
    rig.arrived("v1", "t2/9", &[("default", "pair 2")]);
    rig.applied("default");
    rig.closed();
    check("outage", &rig);
}

/// Two names on one stream: every push after the first answer has one of them.
#[test]
fn partial_pushes() {
    let mut rig = Rig::world().open(&["default", "ROOTCA"]);
    rig.arrived("u1", "t1/1", &[("default", "pair 1"), ("ROOTCA", "roots 1")]);
    rig.applied("default");
    rig.applied("ROOTCA");
    rig.arrived("u2", "t2/2", &[("default", "pair 2")]);
    rig.applied("default");
    rig.closed();
    rig.fired(Timer::Backoff);
    rig.opened();
    check("partial-pushes", &rig);
}

/// A name is added while a push is under way: the request is stale, and nobody says so.
#[test]
fn race() {
    let mut rig = Rig::world().open(&["a"]);
    rig.arrived("u1", "1", &[("a", "one")]);
    rig.applied("a");
    rig.subscribe(&["b"]);
    rig.arrived("u2", "2", &[("a", "two")]);
    rig.rejected("a", "expired");
    rig.arrived("u3", "2", &[("b", "one")]);
    rig.applied("b");
    rig.unsubscribe(&["b"]);
    rig.subscribe(&["b"]);
    check("race", &rig);
}

/// A storm of pushes while one is judged, and the end of the stream before the verdict.
#[test]
fn storm() {
    let mut rig = Rig::world().open(&["a", "b"]);
    for push in 1..=5 {
        let name = if push % 2 == 1 { "a" } else { "b" };
        rig.arrived(&format!("u{push}"), &push.to_string(), &[(name, &format!("push {push}"))]);
    }
    rig.applied("a");
    rig.applied("b");
    rig.closed();
    rig.applied("a");
    rig.fired(Timer::Backoff);
    rig.opened();
    check("storm", &rig);
}

/// Delta: the two halves of a pair from istiod, of which one does not exist yet; a break; one half rotated and one removed.
#[test]
fn pair() {
    let mut rules = rules(Dialect::Delta);
    rules.kinds[0].initial_fetch_timeout = Some(Duration::from_secs(15));
    rules.limits.text = 40;
    let (sign, enc) = ("kubernetes://gw-sign", "kubernetes://gw-enc");
    let mut rig = Rig::new(rules).open(&[sign, enc]);
    let mut first = response(SECRET, "n1", "v1", &[(sign, "sign 1")]);
    first.removed.push(enc.into());
    rig.responded(first);
    rig.applied(sign);
    rig.arrived("n2", "v2", &[(enc, "enc 1")]);
    rig.applied(enc);
    rig.closed();
    rig.fired(Timer::Backoff);
    rig.opened();
    let mut second = response(SECRET, "m1", "v3", &[(sign, "sign 2")]);
    second.removed.push(enc.into());
    rig.responded(second);
    rig.rejected(sign, "no enc certificate goes with it");
    check("pair", &rig);
}

/// Delta: a resource with a time to live, prolonged twice and then not.
#[test]
fn time_to_live() {
    let minute = Some(Duration::from_secs(60));
    let mut rig = Rig::delta().open(&["a"]);
    let mut lasting = |nonce: &str, body: Body<String>| {
        let mut response = response(SECRET, nonce, "1", &[]);
        response.resources.push(resource("a", body, minute));
        rig.responded(response)
    };
    lasting("n1", Body::Value("one".to_owned()));
    lasting("n2", Body::Heartbeat);
    rig.applied("a");
    let mut heartbeat = response(SECRET, "n3", "1", &[]);
    heartbeat.resources.push(resource("a", Body::Heartbeat, minute));
    rig.responded(heartbeat);
    rig.closed();
    rig.fired(Timer::TimeToLive { type_url: SECRET.into(), name: "a".into() });
    rig.fired(Timer::Backoff);
    rig.opened();
    check("time-to-live", &rig);
}

/// An aggregated stream: all listeners, and secrets by name; one bad listener among good ones; one gone.
#[test]
fn aggregated() {
    let mut rig = Rig::world();
    rig.subscribe_to(LISTENER, &["*"]);
    rig.opened();
    rig.responded(response(LISTENER, "l1", "1", &[("http", "one"), ("https", "one")]));
    rig.judged(LISTENER, "http", Verdict::Applied);
    rig.judged(LISTENER, "https", Verdict::Rejected("unknown filter".to_owned()));
    rig.subscribe(&["default"]);
    rig.arrived("s1", "1", &[("default", "pair")]);
    rig.responded(response(LISTENER, "l2", "2", &[("https", "two")]));
    rig.judged(LISTENER, "https", Verdict::Applied);
    rig.applied("default");
    rig.closed();
    rig.fired(Timer::Backoff);
    rig.opened();
    check("aggregated", &rig);
}

/// What a confused server sends, and what becomes of it.
#[test]
fn nonsense() {
    let mut rules = rules(Dialect::StateOfTheWorld);
    rules.kinds.truncate(1);
    rules.kinds[0].unrequested = Unrequested::Reject;
    rules.limits.detail = 200;
    let mut rig = Rig::new(rules).open(&["a"]);
    rig.arrived("", "1", &[("a", "no nonce")]);
    rig.applied("a");
    rig.arrived("u2", "2", &[("a", "once"), ("a", "twice")]);
    rig.arrived("u3", "3", &[("bogus", "another name")]);
    rig.arrived("u4", "4", &[]);
    rig.responded(response(LISTENER, "u5", "5", &[("a", "another type")]));
    let mut broken = response(SECRET, "u6", "6", &[("", "nameless")]);
    broken.resources.push(resource("a", Body::Malformed("not a Secret".to_owned()), None));
    rig.responded(broken);
    rig.arrived("u7", "7", &[("a", "good at last")]);
    rig.applied("a");
    check("nonsense", &rig);
}
