//! The wait for the repository's own CI.

use super::*;
use crate::ci::{CiCheck, CiCheckState, CiReport};
use crate::policy::CiPolicy;

fn check(name: &str, state: CiCheckState) -> CiCheck {
    CiCheck { name: name.to_owned(), state, url: None, tail: String::new(), failed_before: false }
}

fn passed(name: &str) -> CiCheck {
    check(name, CiCheckState::Passed)
}

fn failed(name: &str) -> CiCheck {
    let tail = "assertion failed: 3 == 4".to_owned();
    CiCheck { tail, ..check(name, CiCheckState::Failed { conclusion: "failure".to_owned() }) }
}

/// A step whose verifiers passed, with the CI as this kind of verifier.
fn waiting(ci: CiPolicy) -> World {
    let mut world = World::started(Policy { ci, ..Policy::default() }, diamond());
    world.changed("a", "a1");
    world.verified("a", green());
    world
}

fn read(world: &mut World, checks: Vec<CiCheck>) {
    let report = Box::new(CiReport { checks, ..CiReport::default() });
    let step = world.id("a");
    world.signal(Signal::CiRead { step, head: Sha::new("a1"), report });
}

fn asks_github(world: &World) -> bool {
    world.effects.iter().any(|effect| matches!(effect, Effect::ReadCi { .. }))
}

fn is_awaited(world: &World) -> bool {
    matches!(world.directive.step_named("a").unwrap().state, StepState::AwaitingCi { .. })
}

#[test]
fn a_step_that_is_green_here_waits_for_the_repositorys_ci_and_merges_after_it() {
    let mut world = waiting(CiPolicy::Required);
    assert!(is_awaited(&world) && asks_github(&world));
    read(&mut world, vec![passed("lint"), check("build", CiCheckState::Pending)]);
    assert!(is_awaited(&world) && !asks_github(&world));
    let step = world.id("a");
    world.signal(Signal::CiChanged { step, head: Sha::new("older") });
    assert!(!asks_github(&world), "that is about another commit");
    world.signal(Signal::CiChanged { step, head: Sha::new("a1") });
    assert!(asks_github(&world));
    read(&mut world, vec![passed("lint"), passed("build")]);
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::Merge { .. })));
    let evaluation = world.directive.step_named("a").unwrap().state.evaluation().unwrap();
    assert_eq!(evaluation.confidence, Confidence::Green);
    assert_eq!(evaluation.results[1].summary, "2 checks passed");
}

#[test]
fn nothing_is_waited_for_where_the_policy_does_not_ask_or_the_verifiers_are_red() {
    let world = waiting(CiPolicy::Off);
    assert!(!is_awaited(&world) && !asks_github(&world));
    let mut world = World::started(Policy { ci: CiPolicy::Required, ..Policy::default() }, diamond());
    world.changed("a", "a1");
    world.verified("a", red());
    assert_eq!(world.directive.step_named("a").unwrap().rework_cycles, 1);
    assert_eq!(world.count("ci_awaited"), 0);
}

#[test]
fn the_time_of_the_wait_is_not_working_time() {
    let mut world = World::started(Policy { ci: CiPolicy::Required, ..Policy::default() }, single());
    world.changed("a", "a1");
    assert!(world.directive.clock.running_since.is_some());
    world.verified("a", green());
    assert!(is_awaited(&world) && world.directive.clock.running_since.is_none());
}

#[test]
fn a_red_ci_goes_to_rework_with_its_last_lines() {
    let mut world = waiting(CiPolicy::Required);
    read(&mut world, vec![failed("build"), passed("lint")]);
    let step = world.directive.step_named("a").unwrap();
    assert_eq!(step.rework_cycles, 1);
    let told = &world.directive.tasks.last().unwrap().instructions;
    assert!(told.contains("`ci` failed: 1 of 2 checks failed: build"), "{told}");
    assert!(told.contains("assertion failed: 3 == 4"), "{told}");
}

#[test]
fn a_ci_that_was_red_on_the_base_or_never_came_is_no_rework() {
    let mut world = waiting(CiPolicy::Required);
    read(&mut world, vec![CiCheck { failed_before: true, ..failed("build") }]);
    assert_eq!(world.waiting(), [ApprovalKind::StepReview], "a person decides where a required verifier says nothing");
    let evaluation = world.directive.step_named("a").unwrap().state.evaluation().unwrap();
    assert_eq!(evaluation.reasons, [EvaluationReason::FailedBefore { verifier: "ci".to_owned() }]);

    let mut world = waiting(CiPolicy::Optional);
    read(&mut world, Vec::new());
    assert!(is_awaited(&world));
    world.waits(Duration::minutes(3));
    assert!(asks_github(&world), "it is read again where no webhook came");
    read(&mut world, Vec::new());
    let evaluation = world.directive.step_named("a").unwrap().state.evaluation().unwrap();
    assert_eq!((evaluation.confidence, evaluation.results[1].verdict), (Confidence::Green, Verdict::Neutral));
    assert!(evaluation.results[1].summary.starts_with("no check appeared within 3 minutes: "));
}

#[test]
fn a_ci_that_does_not_end_is_waited_for_up_to_the_limit() {
    let mut world = waiting(CiPolicy::Required);
    read(&mut world, vec![check("build", CiCheckState::Pending)]);
    world.waits(Duration::minutes(50));
    assert!(is_awaited(&world));
    world.waits(Duration::minutes(11));
    assert!(is_awaited(&world) && asks_github(&world), "what was read an hour ago decides nothing");
    read(&mut world, vec![check("build", CiCheckState::Pending)]);
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
    let evaluation = world.directive.step_named("a").unwrap().state.evaluation().unwrap();
    assert_eq!(evaluation.results[1].summary, "not over within 60 minutes: build");
}

#[test]
fn a_ci_that_failed_while_nobody_looked_is_red_and_one_that_cannot_be_read_ends_the_wait() {
    let mut world = waiting(CiPolicy::Optional);
    world.waits(Duration::minutes(90));
    assert!(is_awaited(&world) && asks_github(&world));
    read(&mut world, vec![failed("build")]);
    let evaluation = world.directive.step_named("a").unwrap().state.evaluation().unwrap();
    assert_eq!(evaluation.results[1].verdict, Verdict::Fail);

    let mut world = waiting(CiPolicy::Required);
    world.waits(Duration::minutes(90));
    world.waits(Duration::minutes(11));
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
    let evaluation = world.directive.step_named("a").unwrap().state.evaluation().unwrap();
    assert!(evaluation.results[1].summary.contains("gave no answer"), "{:?}", evaluation.results[1]);
}

#[test]
fn a_new_head_ends_the_wait_for_the_old_one() {
    let mut world = waiting(CiPolicy::Required);
    let step = world.id("a");
    world.signal(Signal::HeadMoved { step, head: Sha::new("a2"), by: named("writer") });
    read(&mut world, vec![passed("build")]);
    assert_eq!(world.status("a"), StepStatus::Evaluating);
    assert!(world.directive.step_named("a").unwrap().state.evaluation().is_none(), "that was about the old head");
}
