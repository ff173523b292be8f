//! One promise, one test.

use super::rig::{LISTENER, Rig, SECRET, resource, response, rules};
use crate::*;
use std::time::Duration;

const NOTHING: [&str; 0] = [];

fn ttl(name: &str) -> Timer {
    Timer::TimeToLive { type_url: SECRET.into(), name: name.into() }
}

mod streams {
    use super::*;

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
}

mod world {
    use super::*;

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
    fn a_new_stream_begins_with_the_version_only_if_all_that_is_wanted_is_held() {
        let mut rig = Rig::world().open(&["a"]);
        rig.arrived("n1", "1", &[("a", "x")]);
        rig.applied("a");
        assert_eq!(rig.reopened(), ["send #2 Secret node[] names[a] version[1]"], "and never with the old nonce");
        rig.closed();
        rig.subscribe(&["b"]);
        rig.fired(Timer::Backoff);
        assert_eq!(rig.opened(), ["send #3 Secret node[] names[a b]"], "a server at 1 would not send b");
    }

    #[test]
    fn a_name_dropped_and_wanted_again_between_streams_is_not_held() {
        let mut rig = Rig::world().open(&["a"]);
        rig.arrived("n1", "1", &[("a", "x")]);
        rig.applied("a");
        rig.closed();
        rig.unsubscribe(&["a"]);
        rig.subscribe(&["a"]);
        rig.fired(Timer::Backoff);
        assert_eq!(rig.opened(), ["send #2 Secret node[] names[a]"]);
    }

    #[test]
    fn a_rejected_version_is_offered_again_by_the_next_stream() {
        let mut rig = Rig::world().open(&["a", "b"]);
        rig.arrived("n1", "1", &[("a", "x"), ("b", "y")]);
        rig.applied("a");
        rig.applied("b");
        rig.arrived("n2", "2", &[("a", "not yet valid")]);
        rig.rejected("a", "no");
        rig.arrived("n3", "3", &[("b", "z")]);
        rig.applied("b");
        assert_eq!(rig.reopened(), ["send #2 Secret node[] names[a b]"], "a server at 3 would not send a");
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
        assert_eq!(rig.subscribe_to(LISTENER, &["*"]), ["send #1 Listener names[*]"]);
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
}

mod delta {
    use super::*;

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
}

mod verdicts {
    use super::*;

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
        assert_eq!(
            rig.applied("b"),
            ["send #1 Secret names[a b] version[3] nonce[n3]"],
            "n2 was never applied as such"
        );
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
}

mod time {
    use super::*;

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
}

mod outside {
    use super::*;

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
        let lines: Vec<String> =
            (0..3).flat_map(|n| rig.judged(LISTENER, &format!("r0-{n}"), Verdict::Applied)).collect();
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
}
