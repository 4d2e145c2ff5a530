//! The final pull request, and chains without one.

use super::*;

#[test]
fn a_green_final_pull_request_waits_for_a_person_and_completes_when_merged() {
    let mut world = World::at_final(Policy::default());
    assert_eq!(world.waiting(), [ApprovalKind::Final]);
    world.approve("final");
    assert!(world.merges("final"));
    world.merged("final");
    assert_eq!(world.directive.status(), DirectiveStatus::Completed);
    assert!(world.has(&Effect::CloseIssue));
}

#[test]
fn only_full_auto_with_merge_auto_merges_a_green_final_by_itself() {
    let world = World::at_final(Policy { autonomy: Autonomy::FullAuto, merge: FinalMerge::Auto, ..Policy::default() });
    assert!(world.merges("final"));
    let world = World::at_final(Policy { autonomy: Autonomy::FullAuto, ..Policy::default() });
    assert!(!world.merges("final"));
}

#[test]
fn rework_of_the_final_pull_request_adds_a_step_and_proves_the_whole_again() {
    let mut world = World::at_final(Policy::default());
    world.maintainer(Some("final"), Command::Rework { text: "document it".to_owned() });
    assert_eq!(world.status("follow-up-1"), StepStatus::Running);
    assert!(world.directive.task(world.live(Some("follow-up-1"))).unwrap().instructions.contains("document it"));
    world.done("follow-up-1");
    world.integrated("whole-2");
    world.verified("final", green());
    assert_eq!(world.waiting(), [ApprovalKind::Final]);
}

#[test]
fn a_chain_of_one_step_goes_straight_to_the_base_and_a_person_merges() {
    let mut world = World::started(Policy::default(), single());
    assert_eq!(world.directive.step_named("a").unwrap().target, Branch::new("main"));
    world.changed("a", "a1");
    world.verified("a", green());
    assert_eq!(world.waiting(), [ApprovalKind::Final]);
    let step = world.id("a");
    world.signal(Signal::PullMerged { step, by: named("maintainer"), sha: None });
    assert_eq!(world.directive.status(), DirectiveStatus::Completed);
}

#[test]
fn direct_delivery_completes_on_the_last_merge() {
    let mut world = World::started(Policy { delivery: Delivery::Direct, ..Policy::default() }, diamond());
    for name in ["a", "b", "c"] {
        assert_eq!(world.directive.status(), DirectiveStatus::Active);
        world.changed(name, &format!("{name}1"));
        world.verified(name, green());
        world.approve(name);
        world.merged(name);
    }
    assert_eq!(world.directive.status(), DirectiveStatus::Completed);
}

#[test]
fn reports_alone_complete_without_a_final_pull_request() {
    let mut world = World::started(Policy::default(), diamond());
    for name in ["a", "b", "c"] {
        world.done(name);
    }
    world.signal(Signal::Integrated { head: Sha::new("base"), differs: false });
    assert_eq!(world.directive.status(), DirectiveStatus::Completed);
}

#[test]
fn an_integration_that_was_given_up_asks_a_person_and_is_tried_again_on_retry() {
    let mut world = World::started(Policy::default(), diamond());
    for name in ["a", "b", "c"] {
        world.done(name);
    }
    world.signal(Signal::EffectFailed { step: None, reason: Failure::External("the push was rejected".to_owned()) });
    assert_eq!((world.status("final"), world.waiting()), (StepStatus::Blocked, vec![ApprovalKind::StepBlocked]));
    world.maintainer(None, Command::Retry { step: Some("final".to_owned()) });
    assert!(world.has(&Effect::Integrate { round: 2 }));
}
