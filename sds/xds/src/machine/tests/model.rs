//! The model checker: every interleaving of the machine, a server, an application and faults, up to a bound.
//!
//! The search is breadth first over states that are plain values. Each state that can be reached is checked as it is made
//! (`world.rs`: what may be sent, offered and withdrawn). A *move* is something that happens by itself sooner or later: a
//! message arrives, a verdict is given, a timer fires. A *fault* is everything else, from a budget: a resource changes, a
//! stream breaks, a name is dropped. Progress is then two statements about the graph:
//!
//! - where no move is left, the application has the newest good version of everything it wants;
//! - no sequence of moves goes round in a circle.
//!
//! So every run comes to such a state once faults cease, whatever the order of its moves; nothing is assumed of fairness
//! but that what can happen by itself does.
//!
//! The search goes over some six million states of two resources. The crate is optimised in development builds for it.
//! Times to live and initial fetches are not in the model; `rules/time.rs` and `properties.rs` have them.

mod client;
mod search;
mod server;
mod world;

use client::{Client, Flaw};
use search::{Counterexample, explore};
use server::{Lapse, Server};
use world::{Budget, World};

const NONE: Budget = Budget { changes: 0, bad: 0, removals: 0, breaks: 0, late: 0, repeats: 0, toggles: 0 };

fn world(server: Server, budget: Budget) -> World {
    World::new(Client::new(server, None), server, budget)
}

fn flawed(flaw: Flaw, server: Server, budget: Budget) -> World {
    World::new(Client::new(server, Some(flaw)), server, budget)
}

/// Explores and says how much that was, for `--nocapture`.
fn prove(name: &str, world: World) {
    let start = std::time::Instant::now();
    let explored = explore(world).unwrap_or_else(|counterexample| panic!("{name}: {counterexample}"));
    println!("{name}: {explored} in {:.1?}", start.elapsed());
    assert!(explored.states > 1000 && explored.quiet > 10, "{name}: that was no search: {explored}");
}

fn refute(world: World) -> Counterexample {
    explore(world).expect_err("the checker finds the flaw")
}

mod holds {
    use super::*;

    #[test]
    fn with_the_istio_agent_when_resources_change_and_streams_break() {
        prove("agent, one stream breaks", world(Server::Agent, Budget { changes: 2, bad: 1, breaks: 1, ..NONE }));
        prove("agent, two streams break", world(Server::Agent, Budget { changes: 1, bad: 1, breaks: 2, ..NONE }));
    }

    #[test]
    fn with_the_istio_agent_when_names_come_and_go() {
        prove("agent, names", world(Server::Agent, Budget { changes: 1, bad: 1, toggles: 2, ..NONE }));
        prove("agent, more names", world(Server::Agent, Budget { bad: 1, toggles: 3, ..NONE }));
        prove("agent, names and breaks", world(Server::Agent, Budget { bad: 1, breaks: 1, toggles: 2, ..NONE }));
    }

    #[test]
    fn with_the_istio_agent_when_messages_are_repeated_and_late() {
        let budget = Budget { bad: 1, breaks: 1, late: 1, repeats: 1, ..NONE };
        prove("agent, late and repeated", world(Server::Agent, budget));
    }

    #[test]
    fn with_a_server_that_is_silent_on_a_version_that_it_knows() {
        prove("silent", world(Server::Skipping, Budget { changes: 2, breaks: 1, ..NONE }));
        prove("silent, names", world(Server::Skipping, Budget { bad: 1, breaks: 1, toggles: 2, ..NONE }));
    }

    #[test]
    fn with_listeners_that_come_all_together() {
        let budget = Budget { changes: 1, removals: 1, breaks: 2, ..NONE };
        prove("whole, removals", world(Server::Whole, budget));
        let budget = Budget { changes: 1, bad: 1, breaks: 1, ..NONE };
        prove("whole, bad", world(Server::Whole, budget));
        let budget = Budget { removals: 1, breaks: 1, late: 1, repeats: 1, ..NONE };
        prove("whole, late and repeated", world(Server::Whole, budget));
        prove("whole, names", world(Server::Whole, Budget { breaks: 1, toggles: 3, ..NONE }));
        prove("whole, names and removals", world(Server::Whole, Budget { removals: 1, toggles: 2, ..NONE }));
    }

    #[test]
    fn with_a_delta_server_when_resources_change_and_streams_break() {
        prove("delta", world(Server::Delta, Budget { changes: 1, bad: 1, breaks: 1, ..NONE }));
        prove("delta, removals", world(Server::Delta, Budget { changes: 1, removals: 1, breaks: 2, ..NONE }));
        let budget = Budget { changes: 1, breaks: 1, late: 1, repeats: 1, ..NONE };
        prove("delta, late and repeated", world(Server::Delta, budget));
    }

    #[test]
    fn with_a_delta_server_when_names_come_and_go() {
        prove("delta, names", world(Server::Delta, Budget { changes: 1, breaks: 1, toggles: 2, ..NONE }));
    }

    #[test]
    fn with_a_delta_server_that_is_asked_for_all() {
        prove("delta, all", world(Server::DeltaAll, Budget { changes: 1, bad: 1, breaks: 1, ..NONE }));
        prove("delta, all, removals", world(Server::DeltaAll, Budget { changes: 1, removals: 1, breaks: 1, ..NONE }));
        prove("delta, all and by name", world(Server::DeltaAll, Budget { changes: 1, toggles: 2, ..NONE }));
        let budget = Budget { removals: 1, breaks: 1, toggles: 1, ..NONE };
        prove("delta, all and by name, breaks", world(Server::DeltaAll, budget));
    }
}

/// Far beyond the bound of the search, one way at a time.
mod holds_on_long_ways {
    use super::*;
    use proptest::prelude::*;

    const LONG: Budget = Budget { changes: 20, bad: 15, removals: 0, breaks: 10, late: 5, repeats: 10, toggles: 20 };

    /// Goes where the picks say, then on by moves alone until none is left.
    fn walk(mut world: World, picks: &[u8]) -> Result<(), String> {
        let mut trace = Vec::new();
        let mut picks = picks.iter();
        for _ in 0..2000 {
            let moves = world.moves();
            let step = match picks.next() {
                Some(pick) => {
                    let steps: Vec<_> = moves.into_iter().chain(world.faults()).collect();
                    steps.get(usize::from(*pick) % steps.len().max(1)).cloned()
                }
                None if moves.is_empty() => {
                    return world.check_at_rest().map_err(|fault| format!("{fault}: {trace:?}"));
                }
                None => moves.first().cloned(),
            };
            let Some(step) = step else { continue };
            trace.push(step.clone());
            world.take(&step).map_err(|fault| format!("{fault}: {trace:?}"))?;
        }
        Err(format!("it does not come to rest: {trace:?}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn with_every_server(picks in prop::collection::vec(any::<u8>(), 0..300)) {
            for server in [Server::Agent, Server::Skipping, Server::Whole, Server::Delta, Server::DeltaAll] {
                let removals = if matches!(server, Server::Agent | Server::Skipping) { 0 } else { 10 };
                let result = walk(world(server, Budget { removals, ..LONG }), &picks);
                prop_assert_eq!(result, Ok(()), "{:?}", server);
            }
        }
    }
}

/// The same with more of everything.
mod holds_further {
    use super::*;

    #[test]
    fn with_the_istio_agent() {
        let budget = Budget { changes: 2, bad: 1, breaks: 2, late: 1, ..NONE };
        prove("agent, breaks", world(Server::Agent, budget));
        let budget = Budget { changes: 1, bad: 1, breaks: 1, late: 1, repeats: 1, ..NONE };
        prove("agent, late and repeated", world(Server::Agent, budget));
        prove("agent, names", world(Server::Agent, Budget { changes: 1, bad: 1, toggles: 3, ..NONE }));
        let budget = Budget { changes: 1, bad: 1, breaks: 1, toggles: 2, ..NONE };
        prove("agent, names and breaks", world(Server::Agent, budget));
        prove("silent", world(Server::Skipping, budget));
    }

    #[test]
    fn with_listeners_that_come_all_together() {
        let budget = Budget { changes: 1, bad: 1, removals: 1, breaks: 1, repeats: 1, ..NONE };
        prove("whole", world(Server::Whole, budget));
    }

    #[test]
    fn with_a_delta_server() {
        let budget = Budget { changes: 1, bad: 1, removals: 1, breaks: 1, ..NONE };
        prove("delta", world(Server::Delta, budget));
        prove("delta, all", world(Server::DeltaAll, budget));
        prove("delta, names", world(Server::Delta, Budget { bad: 1, removals: 1, breaks: 1, toggles: 2, ..NONE }));
        let budget = Budget { removals: 1, breaks: 1, toggles: 2, ..NONE };
        prove("delta, all and by name", world(Server::DeltaAll, budget));
        prove("delta, all and by name", world(Server::DeltaAll, Budget { changes: 1, toggles: 3, ..NONE }));
    }
}

mod finds {
    use super::*;

    /// Explores what a flaw does and says by which kind of fault it was found.
    fn found(flaw: Flaw, server: Server, budget: Budget, fault: &str) {
        let counterexample = refute(flawed(flaw, server, budget));
        println!("{flaw:?}: {counterexample}");
        assert!(counterexample.fault.contains(fault), "{flaw:?}: {counterexample}");
    }

    #[test]
    fn an_ack_of_what_was_not_judged() {
        found(Flaw::AcknowledgesOnArrival, Server::Agent, NONE, "was not applied");
    }

    #[test]
    fn an_ack_of_what_was_rejected() {
        let budget = Budget { bad: 1, ..NONE };
        found(Flaw::AcknowledgesTheRejected, Server::Agent, budget, "was not applied");
        found(Flaw::AcknowledgesTheRejected, Server::Delta, budget, "was not applied");
    }

    #[test]
    fn a_nonce_of_another_stream() {
        let budget = Budget { breaks: 1, ..NONE };
        found(Flaw::KeepsTheNonce, Server::Agent, budget, "is not of this stream");
        found(Flaw::KeepsTheNonce, Server::Delta, budget, "is not of this stream");
    }

    #[test]
    fn names_that_a_new_stream_is_not_told() {
        let budget = Budget { changes: 1, breaks: 1, ..NONE };
        found(Flaw::ForgetsNames, Server::Agent, budget, "rests at");
        found(Flaw::ForgetsNames, Server::Delta, budget, "rests at");
    }

    #[test]
    fn an_update_lost_while_another_was_judged() {
        let budget = Budget { changes: 1, ..NONE };
        found(Flaw::LosesWhatArrivesMeanwhile, Server::Agent, budget, "rests at");
        found(Flaw::LosesWhatArrivesMeanwhile, Server::Delta, budget, "rests at");
    }

    #[test]
    fn versions_claimed_that_are_not_held() {
        found(Flaw::ClaimsTheOffered, Server::Delta, Budget { breaks: 1, ..NONE }, "is claimed at");
    }

    #[test]
    fn a_client_that_gives_up() {
        found(Flaw::GivesUp, Server::Agent, Budget { breaks: 1, ..NONE }, "rests at");
    }

    #[test]
    fn a_partial_push_taken_for_the_whole_truth() {
        found(Flaw::TakesAbsenceForRemoval, Server::Agent, Budget { changes: 1, ..NONE }, "was never removed");
    }

    #[test]
    fn a_last_good_one_displaced_by_a_bad_one() {
        found(Flaw::WithdrawsTheLastGood, Server::Agent, Budget { bad: 1, ..NONE }, "was never removed");
    }

    #[test]
    fn names_lost_with_a_stale_nonce_and_a_rejection() {
        let budget = Budget { bad: 1, toggles: 2, ..NONE };
        found(Flaw::SaysNothingAfterRejection, Server::Agent, budget, "rests at");
    }

    #[test]
    fn a_name_wanted_again_that_the_server_takes_for_old() {
        let budget = Budget { changes: 1, toggles: 2, ..NONE };
        found(Flaw::AsksAgainBesideANonce, Server::Agent, budget, "rests at");
    }

    #[test]
    fn a_version_said_to_a_server_that_is_then_silent() {
        found(Flaw::AlwaysResumes, Server::Skipping, Budget { breaks: 1, toggles: 2, ..NONE }, "rests at");
    }

    #[test]
    fn a_removal_that_the_wildcard_never_hears_of() {
        let budget = Budget { removals: 1, breaks: 1, ..NONE };
        found(Flaw::ForgetsWhatIsBeingJudged, Server::DeltaAll, budget, "rests at");
    }

    #[test]
    fn a_second_stream() {
        found(Flaw::OpensASecond, Server::Agent, Budget { breaks: 1, ..NONE }, "a second stream");
    }

    #[test]
    fn a_server_that_does_not_push() {
        let mut world = world(Server::Agent, Budget { changes: 1, ..NONE });
        world.lapse = Some(Lapse::PushesNothing);
        assert!(refute(world).fault.contains("rests at"));
    }
}
