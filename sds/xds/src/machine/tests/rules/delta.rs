//! Delta: requests, names, removals.

use super::NOTHING;
use crate::machine::tests::rig::{LISTENER, Rig, SECRET, response};
use crate::*;

#[test]
fn a_new_stream_begins_with_all_names_and_the_versions_that_are_held() {
    let mut rig = Rig::delta().open(&["a", "b", "c"]);
    rig.arrived("n1", "1", &[("a", "x"), ("b", "bad"), ("c", "y")]);
    rig.applied("a");
    rig.rejected("b", "no");
    rig.applied("c");
    rig.arrived("n2", "2", &[("a", "unjudged")]);
    assert_eq!(rig.reopened(), ["send #2 Secret node[] subscribe[a b c] have[a=1 c=1]"], "only what was applied");
}

#[test]
fn names_are_added_and_removed_in_requests_of_their_own_at_any_time() {
    let mut rig = Rig::delta().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    assert_eq!(rig.subscribe(&["b", "c"]), ["send #1 Secret subscribe[b c]"], "while n1 is being judged");
    assert_eq!(rig.unsubscribe(&["c"]), ["send #1 Secret unsubscribe[c]"]);
    assert_eq!(rig.applied("a"), ["send #1 Secret nonce[n1]"]);
}

#[test]
fn a_removal_is_passed_on_and_acknowledged() {
    let mut rig = Rig::delta().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    rig.applied("a");
    let mut removal = response(SECRET, "n2", "", &[]);
    removal.removed.push("a".into());
    assert_eq!(rig.responded(removal), ["withdraw Secret a removed", "send #1 Secret nonce[n2]"]);
    assert_eq!(rig.reopened(), ["send #2 Secret node[] subscribe[a]"], "its version is not claimed any more");
}

#[test]
fn a_name_that_does_not_exist_is_reported_once() {
    let mut rig = Rig::delta().open(&["a"]);
    let mut removal = response(SECRET, "n1", "", &[]);
    removal.removed.push("a".into());
    assert_eq!(rig.responded(removal.clone())[0], "withdraw Secret a removed");
    assert_eq!(rig.responded(removal), ["send #1 Secret nonce[n1]"]);
    assert_eq!(rig.standing("a"), Some(&Standing::Gone));
}

#[test]
fn a_removal_waits_for_the_verdict_on_what_it_removes() {
    let mut rig = Rig::delta().open(&["a"]);
    rig.arrived("n1", "1", &[("a", "x")]);
    let mut removal = response(SECRET, "n2", "", &[]);
    removal.removed.push("a".into());
    assert_eq!(rig.responded(removal), NOTHING);
    let lines = rig.applied("a");
    assert_eq!(lines, ["send #1 Secret nonce[n1]", "withdraw Secret a removed", "send #1 Secret nonce[n2]"]);
}

#[test]
fn absence_never_means_removal() {
    let mut rig = Rig::delta();
    rig.subscribe_to(LISTENER, &["*"]);
    rig.opened();
    rig.responded(response(LISTENER, "n1", "1", &[("a", "x")]));
    rig.judged(LISTENER, "a", Verdict::Applied);
    let lines = rig.responded(response(LISTENER, "n2", "2", &[("b", "y")]));
    assert_eq!(lines, ["offer Listener b=2 y"]);
}

#[test]
fn the_wildcard_is_said_without_a_name_at_first_and_dropped_by_name() {
    let mut rig = Rig::delta();
    rig.subscribe_to(LISTENER, &["*"]);
    assert_eq!(rig.opened(), ["send #1 Listener node[] subscribe[]"]);
    assert_eq!(rig.subscribe_to(LISTENER, &["a"]), ["send #1 Listener subscribe[a]"]);
    assert_eq!(rig.unsubscribe_from(LISTENER, &["*"]), ["send #1 Listener unsubscribe[*]"]);
    assert_eq!(rig.reopened(), ["send #2 Listener node[] subscribe[a]"]);
    rig.subscribe_to(LISTENER, &["*"]);
    assert_eq!(rig.reopened(), ["send #3 Listener node[] subscribe[* a]"]);
}

#[test]
fn under_the_wildcard_a_new_stream_is_told_what_is_still_being_judged() {
    let mut rig = Rig::delta();
    rig.subscribe_to(LISTENER, &["*"]);
    rig.opened();
    rig.responded(response(LISTENER, "n1", "1", &[("a", "x")]));
    rig.responded(response(LISTENER, "n2", "2", &[("b", "y")]));
    let lines = rig.reopened();
    assert_eq!(lines, ["send #2 Listener node[] subscribe[] have[a= b=]"], "else their removal goes unheard");
    let mut removal = response(LISTENER, "m1", "", &[]);
    removal.removed.push("a".into());
    rig.responded(removal);
    let lines = rig.judged(LISTENER, "a", Verdict::Applied);
    assert_eq!(lines, ["offer Listener b=2 y", "withdraw Listener a removed"], "make before break");
}

#[test]
fn a_name_dropped_under_the_wildcard_stays_until_the_server_says_otherwise() {
    let mut rig = Rig::delta();
    rig.subscribe_to(LISTENER, &["*", "a"]);
    rig.opened();
    rig.responded(response(LISTENER, "n1", "1", &[("a", "x")]));
    rig.judged(LISTENER, "a", Verdict::Applied);
    assert_eq!(rig.unsubscribe_from(LISTENER, &["a"]), ["send #1 Listener unsubscribe[a]"]);
    let mut removal = response(LISTENER, "n2", "", &[]);
    removal.removed.push("a".into());
    assert_eq!(rig.responded(removal)[0], "withdraw Listener a removed");
}

#[test]
fn sent_and_removed_in_one_response_is_rejected() {
    let mut rig = Rig::delta().open(&["a"]);
    let mut odd = response(SECRET, "n1", "1", &[("a", "x")]);
    odd.removed.push("a".into());
    let lines = rig.responded(odd);
    assert_eq!(lines, ["send #1 Secret nonce[n1] error[a: both sent and removed in one response]"]);
}
