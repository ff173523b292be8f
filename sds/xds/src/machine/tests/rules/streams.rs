//! The stream: opened, closed, broken, opened again.

use super::{NOTHING, ttl};
use crate::machine::tests::rig::{LISTENER, Rig, SECRET, response};
use crate::*;

#[test]
fn the_first_subscription_opens_the_stream_and_the_last_unsubscription_closes_it() {
    let mut rig = Rig::world();
    assert_eq!(rig.subscribe(&["a"]), ["open #1"]);
    assert_eq!(rig.opened(), ["send #1 Secret node[] names[a]"]);
    assert_eq!(rig.unsubscribe(&["a"]), ["close #1"]);
    assert_eq!(rig.machine.phase(), Phase::Idle);
    assert_eq!(rig.subscribe(&["b"]), ["open #2"], "never a second before the first is closed");
}

#[test]
fn an_attempt_is_given_up_when_nothing_is_wanted_any_more() {
    let mut rig = Rig::world();
    rig.subscribe(&["a"]);
    assert_eq!(rig.unsubscribe(&["a"]), ["close #1"]);
    assert_eq!(rig.opened(), NOTHING, "too late");
    assert_eq!(rig.machine.phase(), Phase::Idle);
}

#[test]
fn the_node_goes_out_once_on_each_stream_with_the_first_message_of_all_kinds() {
    let mut rig = Rig::world();
    rig.subscribe(&["a"]);
    rig.subscribe_to(LISTENER, &["*"]);
    assert_eq!(rig.opened(), ["send #1 Secret node[] names[a]", "send #1 Listener names[]"]);
    assert_eq!(rig.reopened(), ["send #2 Secret node[] names[a]", "send #2 Listener names[]"]);
}

#[test]
fn a_broken_stream_is_opened_again_for_ever_after_a_capped_wait() {
    let mut rig = Rig::world();
    rig.subscribe(&["a"]);
    for (failure, seconds) in [1, 2, 4, 8, 8, 8].into_iter().enumerate() {
        assert_eq!(rig.closed(), [format!("arm backoff {seconds}s")]);
        assert_eq!(rig.machine.phase(), Phase::Waiting);
        assert_eq!(rig.fired(Timer::Backoff), [format!("open #{}", failure + 2)]);
    }
    assert_eq!((rig.machine.failures(), rig.machine.last_close()), (6, Some("broken pipe")));
}

#[test]
fn the_wait_starts_small_again_only_after_a_useful_response() {
    let mut rig = Rig::world().open(&["a"]);
    rig.reopened();
    rig.arrived("n1", "1", &[]);
    assert_eq!(rig.machine.failures(), 1, "an empty response is no use");
    rig.arrived("n2", "2", &[("a", "bad")]);
    rig.rejected("a", "expired");
    assert_eq!(rig.machine.failures(), 1, "nor is a bad one");
    rig.arrived("n3", "3", &[("a", "good")]);
    assert_eq!(rig.machine.failures(), 1, "nor one that nobody has judged");
    rig.applied("a");
    assert_eq!(rig.machine.failures(), 0);
    assert_eq!(rig.closed(), ["arm backoff 1s"]);
}

#[test]
fn nothing_is_opened_when_the_wait_is_over_and_nothing_is_wanted() {
    let mut rig = Rig::world().open(&["a"]);
    rig.closed();
    assert_eq!(rig.unsubscribe(&["a"]), NOTHING);
    assert_eq!(rig.fired(Timer::Backoff), NOTHING);
    assert_eq!(rig.machine.phase(), Phase::Idle);
}

#[test]
fn subscribing_does_not_shorten_the_wait() {
    let mut rig = Rig::world().open(&["a"]);
    rig.closed();
    assert_eq!(rig.subscribe(&["b"]), NOTHING);
    assert_eq!(rig.unsubscribe(&["a", "b"]), NOTHING);
    assert_eq!(rig.subscribe(&["c"]), NOTHING);
    assert_eq!(rig.fired(Timer::Backoff), ["open #2"]);
}

#[test]
fn events_of_an_older_stream_change_nothing() {
    let mut rig = Rig::world().open(&["a"]);
    let old = rig.stream();
    rig.reopened();
    let before = rig.machine.clone();
    let late = response(SECRET, "n9", "9", &[("a", "old")]);
    assert_eq!(rig.say(Event::Arrived { stream: old, response: late }), NOTHING);
    assert_eq!(rig.say(Event::Opened { stream: old }), NOTHING);
    assert_eq!(rig.say(Event::Closed { stream: old, reason: String::new(), dice: Dice(0) }), NOTHING);
    assert_eq!(rig.machine, before);
}

#[test]
fn a_timer_that_is_not_armed_does_nothing() {
    let mut rig = Rig::world().open(&["a"]);
    let before = rig.machine.clone();
    assert_eq!(rig.fired(Timer::Backoff), NOTHING);
    assert_eq!(rig.fired(ttl("a")), NOTHING);
    assert_eq!(rig.machine, before);
}

#[test]
fn all_wanted_where_something_was_dropped_gets_a_stream_of_its_own() {
    let mut rig = Rig::delta();
    rig.subscribe_to(LISTENER, &["*", "a"]);
    rig.opened();
    assert_eq!(rig.unsubscribe_from(LISTENER, &["*"]), ["send #1 Listener unsubscribe[*]"]);
    assert_eq!(rig.subscribe_to(LISTENER, &["*"]), ["close #1", "open #2"], "what is under way may be of before");
    assert_eq!(rig.opened(), ["send #2 Listener node[] subscribe[* a]"]);
    let mut rig = Rig::delta();
    rig.subscribe_to(LISTENER, &["a", "b"]);
    rig.opened();
    rig.unsubscribe_from(LISTENER, &["b"]);
    assert_eq!(
        rig.subscribe_to(LISTENER, &["*"]),
        ["close #1", "open #2"],
        "b may be under way, and be removed unheard"
    );
}
