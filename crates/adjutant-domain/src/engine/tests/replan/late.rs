//! What is told of a chain after it was superseded.

use super::*;
use crate::ids::StepName;

fn order_on(world: &mut World, pull: u64, command: Command) {
    world.comments += 1;
    let (actor, at) = (actor("maintainer", Permission::Admin), world.now + Duration::seconds(5));
    world.signal(Signal::Commanded(ordered(actor, command, Some(pull), world.comments, at)));
}

#[test]
fn a_merge_that_was_asked_for_before_the_replan_is_carried_over_when_it_is_told_of() {
    let late = |world: &mut World, step| {
        world.signal(Signal::PullMerged { step, by: Actor::Adjutant, sha: None });
    };
    let asked = || {
        let mut world = World::started(Policy::default(), diamond());
        world.changed("a", "a1");
        world.verified("a", green());
        assert!(world.merges("a"));
        let a = world.id("a");
        world.maintainer(None, replan(""));
        (world, a)
    };
    // Told before there is a plan.
    let (mut world, a) = asked();
    late(&mut world, a);
    assert!(world.has(&Effect::DeleteBranch { step: a }));
    world.planned(diamond());
    assert_eq!((world.status("a"), world.status("b")), (StepStatus::Passed, StepStatus::Running));
    // Told when the next chain does the same already.
    let (mut world, a) = asked();
    world.planned(diamond());
    let again = world.live(Some("a"));
    late(&mut world, a);
    assert_eq!(
        (world.status("a"), world.directive.task(again).unwrap().status),
        (StepStatus::Passed, TaskStatus::Cancelled)
    );
    world.done("b");
    assert_eq!(world.status("c"), StepStatus::Running);
    // Told when the next chain does something else.
    let (mut world, a) = asked();
    world.planned(with_task("a", "Another A."));
    late(&mut world, a);
    assert_eq!(world.status("a"), StepStatus::Running);
    // Told when the next chain does not know of it: twice is once.
    let (mut world, a) = asked();
    world.planned(json!({ "steps": [{ "name": "d", "type": "test", "description": "D.", "requirements": ["R1"] },
                                    { "name": "e", "type": "test", "description": "E." }] }));
    late(&mut world, a);
    late(&mut world, a);
    let names: Vec<_> = world.directive.steps.iter().map(|step| (step.name.as_str(), step.status())).collect();
    assert_eq!(names, [("d", StepStatus::Running), ("e", StepStatus::Running), ("a", StepStatus::Passed)]);
}

#[test]
fn work_that_was_merged_late_closes_the_pull_request_that_would_have_brought_it_again() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", green());
    let before = world.id("a");
    world.maintainer(None, replan(""));
    world.planned(diamond());
    world.changed("a", "a2");
    world.signal(Signal::PullMerged { step: before, by: named("maintainer"), sha: None });
    assert_eq!(world.status("a"), StepStatus::Passed);
    assert!(closes(&world, world.id("a")).is_some());
}

#[test]
fn a_pull_request_that_was_being_opened_is_closed_when_it_is_told_of() {
    let mut world = World::started(Policy::default(), diamond());
    let outcome = TaskOutcome::Changed { head: Sha::new("a1"), summary: "Did it.".to_owned(), findings: Vec::new() };
    world.finish(world.live(Some("a")), outcome);
    let step = world.id("a");
    assert!(world.has(&Effect::OpenPull { step }));
    world.maintainer(None, replan("not so"));
    assert_eq!(closes(&world, step), None, "there is none yet");
    let pull = Pull::new(101, "node".to_owned(), true);
    world.signal(Signal::PullOpened { step, pull });
    let reason = ReplanReason::Words("not so".to_owned());
    let closed = ClosingReason::Replanned { generation: 2, by: named("maintainer"), reason };
    assert_eq!(closes(&world, step), Some(closed));
    world.signal(Signal::PullClosed { step, by: Actor::Adjutant, may_decide: false });
    assert!(world.directive.earlier_step(step).unwrap().open_pull().is_none());
    assert_eq!(world.directive.status(), DirectiveStatus::Planning);
}

#[test]
fn an_order_on_a_pull_request_of_an_earlier_plan_is_refused_with_where_to_look() {
    let mut world = halfway(Policy::default());
    let pull = world.directive.step_named("b").unwrap().pull.clone().unwrap().number;
    world.maintainer(None, replan(""));
    world.planned(diamond());
    order_on(&mut world, pull, Command::Approve { step: None });
    assert_eq!(world.refused(), Refusal::EarlierPlan { step: StepName::new("b"), issue: 12 });
    order_on(&mut world, pull, replan("once more"));
    assert_eq!((world.refusal(), world.directive.status()), (None, DirectiveStatus::Planning));
}

#[test]
fn a_final_pull_request_that_was_merged_after_all_completes_the_directive() {
    for planned in [false, true] {
        let mut world = World::at_final(Policy::default());
        let first = world.id("final");
        world.maintainer(None, replan("d is missing"));
        if planned {
            world.planned(json!({ "steps": [{ "name": "d", "type": "implement", "description": "D." }] }));
            world.changed("d", "d1");
        }
        world.signal(Signal::PullMerged { step: first, by: named("maintainer"), sha: None });
        assert_eq!((world.directive.status(), world.live_count()), (DirectiveStatus::Completed, 0));
        if planned {
            assert!(closes(&world, world.id("d")).is_some(), "what is open is closed with a word");
        }
    }
}

#[test]
fn an_integration_given_up_for_a_superseded_chain_ends_nothing() {
    let mut world = World::started(Policy::default(), diamond());
    for name in ["a", "b", "c"] {
        world.done(name);
    }
    world.maintainer(None, replan(""));
    world.signal(Signal::EffectFailed { step: None, reason: Failure::External("the push was rejected".to_owned()) });
    assert_eq!(world.directive.status(), DirectiveStatus::Planning);
}

#[test]
fn a_superseded_step_that_never_had_its_turn_is_not_passed_by_a_merge() {
    let mut world = World::started(Policy::default(), diamond());
    let c = world.id("c");
    world.maintainer(None, replan(""));
    world.signal(Signal::PullMerged { step: c, by: named("maintainer"), sha: None });
    assert_eq!(world.directive.earlier_step(c).unwrap().status(), StepStatus::Pending);
    world.planned(diamond());
    assert_eq!(world.status("c"), StepStatus::Pending);
}
