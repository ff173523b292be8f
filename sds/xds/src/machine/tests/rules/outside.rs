//! What comes from outside and should not.

use super::NOTHING;
use crate::machine::tests::rig::{LISTENER, Rig, SECRET, response, rules};
use crate::*;

#[test]
fn a_resource_that_nobody_asked_for_is_ignored() {
    let mut rig = Rig::world().open(&["a"]);
    let lines = rig.arrived("n1", "1", &[("bogus", "x")]);
    assert_eq!(lines, ["report unrequested Secret bogus", "send #1 Secret names[a] version[1] nonce[n1]"]);
}

#[test]
fn a_resource_that_nobody_asked_for_is_rejected_where_that_is_the_rule() {
    let mut rules = rules(Dialect::StateOfTheWorld);
    rules.kinds[0].unrequested = Unrequested::Reject;
    let mut rig = Rig::new(rules).open(&["a", "b"]);
    let lines = rig.arrived("n1", "1", &[("bogus", "x")]);
    assert_eq!(lines, ["send #1 Secret names[a b] nonce[n1] error[bogus: nobody asked for it]"]);
    rig.unsubscribe(&["b"]);
    let lines = rig.arrived("n2", "2", &[("b", "sent before the server knew")]);
    assert_eq!(lines[0], "report unrequested Secret b");
    assert_eq!(lines[1], "send #1 Secret names[a] version[2] nonce[n2]");
}

#[test]
fn a_name_twice_in_one_response_is_rejected_and_neither_is_offered() {
    let mut rig = Rig::world().open(&["a", "b"]);
    let lines = rig.arrived("n1", "1", &[("a", "x"), ("a", "y"), ("b", "z")]);
    assert_eq!(lines, ["offer Secret b=1 z"]);
    assert_eq!(rig.applied("b"), ["send #1 Secret names[a b] nonce[n1] error[a: twice in one response]"]);
}

#[test]
fn another_type_on_a_stream_of_one_kind_is_rejected() {
    let mut rules = rules(Dialect::StateOfTheWorld);
    rules.kinds.truncate(1);
    let mut rig = Rig::new(rules).open(&["a"]);
    let lines = rig.responded(response(LISTENER, "n1", "1", &[("a", "x")]));
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("nonce[n1] error[type URL is type.test/Listener where"), "{lines:?}");
}

#[test]
fn a_type_that_was_not_asked_for_is_not_answered() {
    let mut rig = Rig::world().open(&["a"]);
    let lines = rig.responded(response(LISTENER, "n1", "1", &[("l", "x")]));
    assert_eq!(lines, ["report unasked_type Listener"], "an answer would be a subscription to all");
    let lines = rig.responded(response("type.test/Other", "n1", "1", &[]));
    assert_eq!(lines, ["report unasked_type Other"]);
}

#[test]
fn a_response_without_a_nonce_is_used_and_not_answered() {
    let mut rig = Rig::world().open(&["a"]);
    assert_eq!(rig.arrived("", "1", &[("a", "x")]), ["report unanswerable Secret", "offer Secret a=1 x"]);
    assert_eq!(rig.applied("a"), NOTHING, "an empty nonce asks again, and would be answered again");
    assert_eq!(rig.arrived(&"n".repeat(21), "2", &[])[0], "report unanswerable Secret");
}

#[test]
fn more_resources_than_the_limit_are_rejected_as_a_whole_and_nothing_is_lost() {
    let mut rig = Rig::world().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    rig.applied("a");
    let flood: Vec<String> = (0..7).map(|number| format!("r{number}")).collect();
    let flood: Vec<(&str, &str)> = flood.iter().map(|name| (name.as_str(), "x")).collect();
    let nack = rig.arrived("n2", "2", &flood);
    assert_eq!(nack, ["send #1 Secret names[a] version[1] nonce[n2] error[7 resources where 6 is the limit]"]);
    assert_eq!(rig.held("a"), Some("1"));
}

#[test]
fn the_wildcard_brings_no_more_than_the_limit_however_it_is_split() {
    let mut rig = Rig::delta();
    rig.subscribe_to(LISTENER, &["*"]);
    rig.opened();
    let mut offered = 0;
    for part in 0..5 {
        let names: Vec<String> = (0..3).map(|number| format!("r{part}-{number}")).collect();
        let resources: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
        let nonce = format!("n{part}");
        offered += rig.responded(response(LISTENER, &nonce, "1", &resources)).len();
    }
    assert_eq!(offered, 3, "the rest waits");
    let lines: Vec<String> = (0..3).flat_map(|n| rig.judged(LISTENER, &format!("r0-{n}"), Verdict::Applied)).collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("offer")).count(), 3, "six in all: {lines:?}");
}

#[test]
fn names_are_bounded() {
    let mut rig = Rig::world();
    let long = "x".repeat(21);
    let lines = rig.subscribe(&["a", "b", "c", "d", "e", &long, ""]);
    let refused = lines.iter().filter(|line| line.starts_with("report name_refused"));
    assert_eq!(refused.count(), 3, "the fifth, the long one and the empty one: {lines:?}");
    rig.opened();
    let lines = rig.arrived("n1", "1", &[(&long, "x"), ("*", "y"), ("", "z")]);
    assert!(lines[0].contains("error["), "{lines:?}");
}

#[test]
fn a_reason_is_cut_to_its_limit() {
    let mut rig = Rig::world().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    let lines = rig.rejected("a", &"y".repeat(1000));
    assert!(lines[0].len() < 130 && lines[0].ends_with("…]"), "{lines:?}");
    let stream = rig.stream();
    rig.say(Event::Closed { stream, reason: "z".repeat(1000), dice: Dice(0) });
    assert!(rig.machine.last_close().is_some_and(|reason| reason.len() < 70));
}

#[test]
fn debug_output_shows_no_payload() {
    let event = Event::Arrived { stream: StreamId(1), response: response(SECRET, "n1", "1", &[("a", "PRIVATE")]) };
    assert!(!format!("{event:?}").contains("PRIVATE"));
}
