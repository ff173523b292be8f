//! Verdicts: late, several, of another stream.

use super::NOTHING;
use crate::machine::tests::rig::{Rig, SECRET, resource, response};
use crate::*;

#[test]
fn several_pushes_before_a_verdict_come_to_the_newest_of_each_name() {
    let mut rig = Rig::world().open(&["a", "b"]);
    rig.arrived("n1", "1", &[("a", "one")]);
    assert_eq!(rig.arrived("n2", "2", &[("a", "two"), ("b", "two")]), NOTHING);
    assert_eq!(rig.arrived("n3", "3", &[("a", "three")]), NOTHING);
    let lines = rig.applied("a");
    assert_eq!(
        lines,
        ["send #1 Secret names[a b] version[1] nonce[n1]", "offer Secret a=3 three", "offer Secret b=2 two",]
    );
    rig.applied("a");
    assert_eq!(rig.applied("b"), ["send #1 Secret names[a b] version[3] nonce[n3]"], "n2 was never applied as such");
}

#[test]
fn a_fault_that_was_overtaken_is_forgotten_and_another_is_told() {
    let mut rig = Rig::world().open(&["a", "b"]);
    rig.arrived("n1", "1", &[("a", "one")]);
    let mut broken = response(SECRET, "n2", "2", &[]);
    for name in ["a", "b"] {
        broken.resources.push(resource(name, Body::Malformed("cut off".to_owned()), None));
    }
    rig.responded(broken);
    rig.arrived("n3", "3", &[("a", "three")]);
    rig.applied("a");
    assert_eq!(rig.applied("a"), ["send #1 Secret names[a b] version[1] nonce[n3] error[b: cut off]"]);
}

#[test]
fn a_verdict_after_its_stream_counts_for_what_is_held_and_answers_nothing() {
    let mut rig = Rig::delta().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    assert_eq!(rig.reopened(), ["send #2 Secret node[] subscribe[a]"]);
    assert_eq!(rig.applied("a"), NOTHING);
    assert_eq!(rig.held("a"), Some("1"));
    assert_eq!(rig.reopened(), ["send #3 Secret node[] subscribe[a] have[a=1]"]);
}

#[test]
fn what_waited_when_its_stream_broke_is_still_offered_but_not_answered() {
    let mut rig = Rig::world().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "one")]);
    rig.arrived("n2", "2", &[("a", "two")]);
    rig.closed();
    assert_eq!(rig.applied("a"), ["offer Secret a=2 two"], "the server may not be back for long");
    assert_eq!(rig.applied("a"), NOTHING);
    assert_eq!(rig.held("a"), Some("2"));
}

#[test]
fn a_response_on_a_new_stream_waits_for_the_verdict_of_the_old() {
    let mut rig = Rig::world().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "one")]);
    rig.reopened();
    assert_eq!(rig.arrived("m1", "2", &[("a", "two")]), NOTHING);
    assert_eq!(rig.applied("a"), ["offer Secret a=2 two"]);
    assert_eq!(rig.applied("a"), ["send #2 Secret names[a] version[2] nonce[m1]"]);
}

#[test]
fn a_verdict_on_a_name_dropped_meanwhile_claims_nothing() {
    let mut rig = Rig::delta().open(&["a", "b"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    rig.unsubscribe(&["a"]);
    rig.subscribe(&["a"]);
    assert_eq!(rig.applied("a"), ["send #1 Secret nonce[n1]"]);
    assert_eq!(rig.held("a"), None, "the application may have thrown it away");
    assert_eq!(rig.reopened(), ["send #2 Secret node[] subscribe[a b]"]);
}

#[test]
fn a_rejection_of_a_name_dropped_meanwhile_is_told_all_the_same() {
    let mut rig = Rig::delta().open(&["a", "b"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    rig.unsubscribe(&["a"]);
    assert_eq!(rig.rejected("a", "no"), ["send #1 Secret nonce[n1] error[a: no]"]);
}

#[test]
fn what_waits_for_a_name_that_is_dropped_is_never_offered() {
    let mut rig = Rig::world().open(&["a", "b"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    rig.arrived("n2", "2", &[("b", "y")]);
    rig.unsubscribe(&["b"]);
    let lines = rig.applied("a");
    assert_eq!(lines.len(), 2, "two ACKs: {lines:?}");
    assert!(lines.iter().all(|line| line.starts_with("send")));
}

#[test]
fn the_same_version_again_is_offered_again_and_acknowledged() {
    let mut rig = Rig::world().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    rig.applied("a");
    assert_eq!(rig.arrived("n2", "1", &[("a", "x")]), ["offer Secret a=1 x"]);
    assert_eq!(rig.applied("a"), ["send #1 Secret names[a] version[1] nonce[n2]"]);
}

#[test]
fn a_response_that_comes_twice_is_acknowledged_when_both_are_judged() {
    let mut rig = Rig::world().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    rig.subscribe(&["b"]);
    rig.arrived("n1", "1", &[("a", "x"), ("b", "y")]);
    assert_eq!(rig.applied("a"), ["offer Secret a=1 x", "offer Secret b=1 y"]);
    rig.applied("a");
    assert_eq!(rig.applied("b"), ["send #1 Secret names[a b] version[1] nonce[n1]"]);
}

#[test]
fn a_verdict_from_elsewhere_is_reported_and_changes_nothing() {
    let mut rig = Rig::world().open(&["a"]);
    let before = rig.machine.clone();
    let ticket = Ticket { type_url: SECRET.into(), name: "a".into() };
    let lines = rig.say(Event::Judged { ticket, verdict: Verdict::Applied });
    assert_eq!(lines, ["report stray_verdict Secret a"]);
    assert_eq!(rig.machine, before);
}
