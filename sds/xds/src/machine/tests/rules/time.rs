//! Times to live and the first fetch.

use super::ttl;
use crate::machine::tests::rig::{LISTENER, Rig, SECRET, resource, response, rules};
use crate::*;
use std::time::Duration;

const MINUTE: Option<Duration> = Some(Duration::from_secs(60));

fn lasting(nonce: &str, body: Body<String>, ttl: Option<Duration>) -> Response<String> {
    let mut response = response(SECRET, nonce, "1", &[]);
    response.resources.push(resource("a", body, ttl));
    response
}

#[test]
fn a_resource_expires_unless_it_is_sent_again() {
    let mut rig = Rig::delta().open(&["a"]);
    rig.responded(lasting("n1", Body::Value("x".to_owned()), MINUTE));
    assert_eq!(rig.applied("a")[0], "arm time to live of Secret a 60s");
    rig.closed();
    assert_eq!(rig.fired(ttl("a")), ["withdraw Secret a expired"], "that the stream broke is what it is for");
    rig.fired(Timer::Backoff);
    assert_eq!(rig.opened(), ["send #2 Secret node[] subscribe[a]"], "it is not held any more");
}

#[test]
fn a_heartbeat_prolongs_without_an_offer_and_is_acknowledged() {
    let mut rig = Rig::delta().open(&["a"]);
    rig.responded(lasting("n1", Body::Value("x".to_owned()), MINUTE));
    rig.applied("a");
    let lines = rig.responded(lasting("n2", Body::Heartbeat, MINUTE));
    assert_eq!(lines, ["arm time to live of Secret a 60s", "send #1 Secret nonce[n2]"]);
    let lines = rig.responded(lasting("n3", Body::Heartbeat, None));
    assert_eq!(lines[0], "disarm time to live of Secret a", "without a time it holds for good");
}

#[test]
fn a_heartbeat_of_another_version_prolongs_nothing() {
    let mut rig = Rig::delta().open(&["a"]);
    rig.responded(lasting("n1", Body::Value("x".to_owned()), MINUTE));
    rig.applied("a");
    let mut other = lasting("n2", Body::Heartbeat, MINUTE);
    other.resources[0].version = "7".into();
    assert_eq!(rig.responded(other), ["send #1 Secret nonce[n2]"]);
}

#[test]
fn a_heartbeat_for_what_is_being_judged_counts_when_it_is_applied() {
    let mut rig = Rig::delta().open(&["a"]);
    rig.responded(lasting("n1", Body::Value("x".to_owned()), None));
    rig.responded(lasting("n2", Body::Heartbeat, MINUTE));
    assert_eq!(rig.applied("a")[0], "arm time to live of Secret a 60s");
}

#[test]
fn a_rejected_resource_leaves_the_time_of_the_last_good_running() {
    let mut rig = Rig::delta().open(&["a"]);
    rig.responded(lasting("n1", Body::Value("x".to_owned()), MINUTE));
    rig.applied("a");
    rig.responded(lasting("n2", Body::Value("bad".to_owned()), None));
    assert_eq!(rig.rejected("a", "no"), ["send #1 Secret nonce[n2] error[a: no]"]);
}

#[test]
fn a_name_without_an_answer_in_time_is_told_and_stays_subscribed() {
    let mut rules = rules(Dialect::StateOfTheWorld);
    rules.kinds[0].initial_fetch_timeout = Some(Duration::from_secs(15));
    let mut rig = Rig::new(rules);
    let fetch = |name: &str| Timer::InitialFetch { type_url: SECRET.into(), name: name.into() };
    let lines = rig.subscribe(&["a", "b", "c"]);
    let armed = ["a", "b", "c"].map(|name| format!("arm initial fetch of Secret {name} 15s"));
    assert_eq!(lines[..3], armed);
    rig.opened();
    assert_eq!(rig.arrived("n1", "1", &[("a", "x")])[0], "disarm initial fetch of Secret a");
    rig.applied("a");
    assert_eq!(rig.unsubscribe(&["c"])[0], "disarm initial fetch of Secret c");
    assert_eq!(rig.fired(fetch("b")), ["timed out Secret b"]);
    assert_eq!(rig.arrived("n2", "2", &[("b", "y")]), ["offer Secret b=2 y"], "late is better than never");
}

#[test]
fn a_wildcard_is_answered_by_any_response() {
    let mut rules = rules(Dialect::Delta);
    rules.kinds[1].initial_fetch_timeout = Some(Duration::from_secs(15));
    let mut rig = Rig::new(rules);
    assert_eq!(rig.subscribe_to(LISTENER, &["*"])[0], "arm initial fetch of Listener * 15s");
    rig.opened();
    let lines = rig.responded(response(LISTENER, "n1", "", &[]));
    assert_eq!(lines[0], "disarm initial fetch of Listener *");
}
