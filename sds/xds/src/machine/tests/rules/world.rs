//! State of the world: requests, names, absence.

use super::NOTHING;
use crate::machine::tests::rig::{LISTENER, Rig, SECRET, resource, response};
use crate::*;

#[test]
fn a_response_is_acknowledged_when_all_of_it_is_applied() {
    let mut rig = Rig::world().open(&["a", "b"]);
    assert_eq!(rig.arrived("n1", "1", &[("a", "x"), ("b", "y")]), ["offer Secret a=1 x", "offer Secret b=1 y"]);
    assert_eq!(rig.applied("b"), NOTHING);
    assert_eq!(rig.applied("a"), ["send #1 Secret names[a b] version[1] nonce[n1]"]);
}

#[test]
fn a_rejection_carries_the_last_good_version_and_the_reason_and_the_last_good_stays() {
    let mut rig = Rig::world().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "good")]);
    rig.applied("a");
    rig.arrived("n2", "2", &[("a", "bad")]);
    let nack = rig.rejected("a", "key does not match");
    assert_eq!(nack, ["send #1 Secret names[a] version[1] nonce[n2] error[a: key does not match]"]);
    assert_eq!(rig.held("a"), Some("1"));
    rig.arrived("n3", "3", &[("a", "better")]);
    assert_eq!(rig.applied("a"), ["send #1 Secret names[a] version[3] nonce[n3]"], "the next is taken");
}

#[test]
fn the_first_response_rejected_has_no_version_to_go_back_to() {
    let mut rig = Rig::world().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "bad")]);
    assert_eq!(rig.rejected("a", "no"), ["send #1 Secret names[a] nonce[n1] error[a: no]"]);
    assert_eq!(rig.standing("a"), Some(&Standing::Awaited));
}

#[test]
fn one_bad_resource_does_not_stop_the_others() {
    let mut rig = Rig::world().open(&["a", "b"]);
    rig.arrived("n1", "1", &[("a", "bad"), ("b", "good")]);
    rig.rejected("a", "no");
    assert_eq!(rig.applied("b"), ["send #1 Secret names[a b] nonce[n1] error[a: no]"]);
    assert_eq!((rig.held("a"), rig.held("b")), (None, Some("1")));
}

#[test]
fn absence_from_a_partial_push_removes_nothing() {
    let mut rig = Rig::world().open(&["a", "b"]);
    rig.arrived("n1", "1", &[("a", "x"), ("b", "y")]);
    rig.applied("a");
    rig.applied("b");
    rig.arrived("n2", "2", &[("a", "z")]);
    assert_eq!(rig.applied("a"), ["send #1 Secret names[a b] version[2] nonce[n2]"]);
    assert_eq!((rig.held("a"), rig.held("b")), (Some("2"), Some("1")));
    assert_eq!(rig.arrived("n3", "3", &[]), ["send #1 Secret names[a b] version[3] nonce[n3]"]);
    assert_eq!(rig.held("b"), Some("1"));
}

#[test]
fn absence_from_the_whole_truth_removes() {
    let mut rig = Rig::world();
    rig.subscribe_to(LISTENER, &["*"]);
    rig.opened();
    rig.responded(response(LISTENER, "n1", "1", &[("a", "x"), ("b", "y")]));
    rig.judged(LISTENER, "a", Verdict::Applied);
    rig.judged(LISTENER, "b", Verdict::Applied);
    let lines = rig.responded(response(LISTENER, "n2", "2", &[("a", "z")]));
    assert_eq!(lines, ["offer Listener a=2 z", "withdraw Listener b absent"]);
}

#[test]
fn a_resource_that_is_present_but_bad_is_not_absent() {
    let mut rig = Rig::world();
    rig.subscribe_to(LISTENER, &["*"]);
    rig.opened();
    rig.responded(response(LISTENER, "n1", "1", &[("a", "x"), ("b", "y")]));
    rig.judged(LISTENER, "a", Verdict::Applied);
    rig.judged(LISTENER, "b", Verdict::Applied);
    let mut broken = response(LISTENER, "n2", "2", &[("a", "z")]);
    broken.resources.push(resource("b", Body::Malformed("truncated".to_owned()), None));
    assert_eq!(rig.responded(broken), ["offer Listener a=2 z"]);
    let mut nameless = response(LISTENER, "n3", "3", &[]);
    nameless.resources.push(resource("", Body::Malformed("truncated".to_owned()), None));
    rig.responded(nameless);
    let nack = rig.judged(LISTENER, "a", Verdict::Applied);
    assert!(nack.iter().all(|line| !line.starts_with("withdraw")), "it may have been any: {nack:?}");
}

#[test]
fn a_named_listener_that_has_never_come_is_not_taken_for_removed() {
    let mut rig = Rig::world();
    rig.subscribe_to(LISTENER, &["a", "b"]);
    rig.opened();
    assert_eq!(rig.responded(response(LISTENER, "n1", "1", &[("a", "x")])), ["offer Listener a=1 x"]);
}

#[test]
fn a_change_of_names_carries_the_newest_nonce_and_the_accepted_version() {
    let mut rig = Rig::world().open(&["a"]);
    assert_eq!(rig.subscribe(&["b"]), ["send #1 Secret names[a b]"], "there is no nonce yet");
    rig.arrived("n1", "1", &[("a", "x")]);
    rig.applied("a");
    assert_eq!(rig.subscribe(&["c"]), ["send #1 Secret names[a b c] version[1] nonce[n1]"]);
    assert_eq!(rig.unsubscribe(&["b"]), ["send #1 Secret names[a c] version[1] nonce[n1]"]);
}

#[test]
fn a_change_of_names_waits_for_the_answer_that_is_due() {
    let mut rig = Rig::world().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    assert_eq!(rig.subscribe(&["b"]), NOTHING, "a request with n1 would look like its ACK");
    assert_eq!(rig.applied("a"), ["send #1 Secret names[a b] version[1] nonce[n1]"]);
}

#[test]
fn a_change_of_names_that_waited_for_a_rejection_goes_out_after_it() {
    let mut rig = Rig::world().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    rig.subscribe(&["b"]);
    let lines = rig.rejected("a", "no");
    let nack = "send #1 Secret names[a b] nonce[n1] error[a: no]";
    assert_eq!(lines, [nack, "send #1 Secret names[a b] nonce[n1]"], "the agent reads no names in a NACK");
}

#[test]
fn names_that_may_have_been_dropped_with_a_stale_nonce_are_said_again_after_a_rejection() {
    let mut rig = Rig::world().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    rig.applied("a");
    rig.subscribe(&["b"]);
    rig.arrived("n2", "2", &[("a", "bad")]);
    let lines = rig.rejected("a", "no");
    assert_eq!(lines.len(), 2, "n1 may have been stale: {lines:?}");
    assert_eq!(lines[1], "send #1 Secret names[a b] version[1] nonce[n2]");
    rig.arrived("n3", "3", &[("b", "y")]);
    rig.applied("b");
    rig.arrived("n4", "4", &[("a", "bad")]);
    assert_eq!(rig.rejected("a", "no").len(), 1, "b was heard of");
}

#[test]
fn a_name_dropped_and_wanted_again_is_asked_for_as_if_for_the_first_time() {
    let mut rig = Rig::world().open(&["a", "b"]);
    rig.arrived("n1", "1", &[("a", "x"), ("b", "y")]);
    rig.applied("a");
    rig.applied("b");
    rig.unsubscribe(&["b"]);
    assert_eq!(rig.subscribe(&["b"]), ["send #1 Secret names[a b]"], "no nonce that could be stale");
    rig.arrived("n2", "2", &[("a", "x")]);
    rig.unsubscribe(&["b"]);
    rig.subscribe(&["b"]);
    let lines = rig.applied("a");
    let ack = "send #1 Secret names[a b] version[2] nonce[n2]";
    assert_eq!(lines, [ack, "send #1 Secret names[a b]"], "the ACK looks as if nothing had changed");
}

#[test]
fn a_new_stream_begins_without_nonce_and_where_pushes_are_partial_without_version() {
    let mut rig = Rig::world().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    rig.applied("a");
    assert_eq!(rig.reopened(), ["send #2 Secret node[] names[a]"], "version 1 vouches for no other change");
}

#[test]
fn a_new_stream_begins_with_the_version_of_the_whole_truth_if_all_of_it_is_held() {
    let mut rig = Rig::world();
    rig.subscribe_to(LISTENER, &["*"]);
    rig.opened();
    rig.responded(response(LISTENER, "n1", "1", &[("a", "x"), ("b", "y")]));
    rig.judged(LISTENER, "a", Verdict::Applied);
    assert_eq!(rig.reopened(), ["send #2 Listener node[] names[]"], "b is not held yet");
    rig.judged(LISTENER, "b", Verdict::Applied);
    assert_eq!(rig.reopened(), ["send #3 Listener node[] names[] version[1]"]);
    rig.responded(response(LISTENER, "n2", "2", &[("a", "x"), ("b", "bad")]));
    rig.judged(LISTENER, "a", Verdict::Applied);
    rig.judged(LISTENER, "b", Verdict::Rejected("no".to_owned()));
    assert_eq!(rig.reopened(), ["send #4 Listener node[] names[]"], "what was rejected gets another chance");
}

#[test]
fn a_name_wanted_since_the_last_stream_keeps_the_server_from_being_silent() {
    let mut rig = Rig::world();
    rig.subscribe_to(LISTENER, &["a"]);
    rig.opened();
    rig.responded(response(LISTENER, "n1", "1", &[("a", "x")]));
    rig.judged(LISTENER, "a", Verdict::Applied);
    rig.closed();
    rig.subscribe_to(LISTENER, &["b"]);
    rig.fired(Timer::Backoff);
    assert_eq!(rig.opened(), ["send #2 Listener node[] names[a b]"], "a server at 1 would not send b");
    rig.unsubscribe_from(LISTENER, &["b"]);
    assert_eq!(rig.reopened(), ["send #3 Listener node[] names[a]"], "until the truth has come for these names");
    rig.responded(response(LISTENER, "n2", "1", &[("a", "x")]));
    rig.judged(LISTENER, "a", Verdict::Applied);
    assert_eq!(rig.reopened(), ["send #4 Listener node[] names[a] version[1]"]);
    rig.closed();
    rig.unsubscribe_from(LISTENER, &["a"]);
    rig.subscribe_to(LISTENER, &["a"]);
    rig.fired(Timer::Backoff);
    assert_eq!(rig.opened(), ["send #5 Listener node[] names[a]"], "a was dropped meanwhile");
}

#[test]
fn all_dropped_and_wanted_again_is_sent_again() {
    let mut rig = Rig::world();
    rig.subscribe_to(LISTENER, &["*"]);
    rig.opened();
    rig.responded(response(LISTENER, "n1", "1", &[("a", "x")]));
    rig.judged(LISTENER, "a", Verdict::Applied);
    rig.unsubscribe_from(LISTENER, &["*"]);
    rig.subscribe_to(LISTENER, &["*"]);
    assert_eq!(rig.opened(), ["send #2 Listener node[] names[]"], "no version: the application has nothing");
}

#[test]
fn all_is_wanted_by_saying_no_name_until_a_name_was_said() {
    let mut rig = Rig::world();
    rig.subscribe_to(LISTENER, &["*"]);
    assert_eq!(rig.opened(), ["send #1 Listener node[] names[]"]);
    assert_eq!(rig.subscribe_to(LISTENER, &["a"]), ["send #1 Listener names[* a]"]);
    assert_eq!(rig.unsubscribe_from(LISTENER, &["*"]), ["send #1 Listener names[a]"]);
    rig.subscribe(&["s"]);
    assert_eq!(rig.unsubscribe_from(LISTENER, &["a"]), ["send #1 Listener names[]"], "now it is nothing");
    rig.subscribe_to(LISTENER, &["c", "*"]);
    assert_eq!(rig.opened(), ["send #2 Secret node[] names[s]", "send #2 Listener names[* c]"]);
    assert_eq!(rig.unsubscribe_from(LISTENER, &["c"]), ["send #2 Listener names[*]"], "and now it has to be said");
}

#[test]
fn removals_are_no_part_of_state_of_the_world() {
    let mut rig = Rig::world().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    rig.applied("a");
    let mut odd = response(SECRET, "n2", "2", &[]);
    odd.removed.push("a".into());
    rig.responded(odd);
    assert_eq!(rig.held("a"), Some("1"));
}
