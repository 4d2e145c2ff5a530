//! Pull requests that people convert to drafts, close and open again, and base branches that are renamed.

use super::*;

/// Step `a` is at work, and somebody converts its pull request to a draft.
fn held(policy: Policy) -> World {
    let mut world = World::started(policy, diamond());
    world.changed("a", "a1");
    let step = world.id("a");
    world.signal(Signal::PullReady { step, by: None });
    world.signal(Signal::PullDrafted { step, by: named("writer") });
    world
}

#[test]
fn a_draft_of_a_persons_is_verified_and_not_merged_before_it_is_marked_as_ready() {
    let mut world = held(Policy::default());
    world.verified("a", green());
    assert!(!world.merges("a"));
    let state = world.directive.step_named("a").unwrap().state.clone();
    assert!(matches!(state, StepState::Merging { .. }), "it was decided on: {state:?}");
    let step = world.id("a");
    for nobody in
        [actor("outsider", Permission::Read), Requester { bot: true, ..actor("helper[bot]", Permission::Write) }]
    {
        world.signal(Signal::PullReady { step, by: Some(nobody) });
        assert!(!world.merges("a"));
    }
    world.signal(Signal::PullReady { step, by: Some(actor("maintainer", Permission::Write)) });
    assert!(world.merges("a"));
}

#[test]
fn an_approval_lets_go_of_a_draft_where_the_person_holds_it_or_is_an_administrator() {
    for (login, permission, merges) in [
        ("writer", Permission::Write, true),
        ("somebody", Permission::Write, false),
        ("owner", Permission::Admin, true),
    ] {
        let mut world = held(Policy::default());
        world.verified("a", yellow());
        world.order(actor(login, permission), Some("a"), Command::Approve { step: None });
        assert_eq!(world.merges("a"), merges, "{login}");
        assert_eq!(world.waiting(), [], "the approval counts all the same");
    }
}

#[test]
fn a_merge_that_was_asked_for_is_asked_for_again_after_a_hold() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", green());
    assert!(world.merges("a"));
    let step = world.id("a");
    world.signal(Signal::PullDrafted { step, by: named("writer") });
    assert!(!world.merges("a"));
    world.signal(Signal::PullReady { step, by: Some(actor("writer", Permission::Write)) });
    assert!(world.merges("a"));
    // GitHub had merged it before.
    world.merged("a");
    assert_eq!(world.status("a"), StepStatus::Passed);
}

#[test]
fn what_a_look_finds_is_followed_by_the_person_whom_the_webhook_names_and_adjutant_holds_nothing_back() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    let step = world.id("a");
    world.signal(Signal::PullDrafted { step, by: Actor::Adjutant });
    assert!(world.directive.step(step).unwrap().hold().is_none());
    let by = |world: &World| world.directive.step(step).unwrap().hold().unwrap().by.clone();
    for (told, holds) in
        [(Actor::Unknown, Actor::Unknown), (named("writer"), named("writer")), (Actor::Unknown, named("writer"))]
    {
        world.signal(Signal::PullDrafted { step, by: told });
        assert_eq!(by(&world), holds);
    }
    assert_eq!(world.count("pull_held"), 2);
}

#[test]
fn the_final_pull_request_closed_unmerged_asks_and_opened_again_it_goes_on() {
    let mut world = World::at_final(Policy::default());
    let step = world.id("final");
    let asked = world.waiting();
    world.signal(Signal::PullClosed { step, by: named("maintainer"), may_decide: true });
    assert_eq!((world.status("final"), world.waiting()), (StepStatus::Blocked, vec![ApprovalKind::StepBlocked]));
    world.signal(Signal::PullReopened { step, by: named("maintainer") });
    assert_eq!((world.status("final"), world.waiting()), (StepStatus::Evaluating, asked));
    world.approve("final");
    assert!(world.merges("final"));
}

#[test]
fn a_pull_request_closed_by_somebody_without_write_access_asks_and_answers_nothing() {
    let mut world = World::started(Policy::default(), diamond());
    world.done("a");
    world.done("b");
    world.changed("c", "c1");
    let step = world.id("c");
    world.signal(Signal::PullClosed { step, by: named("triager"), may_decide: false });
    assert_eq!((world.status("c"), world.waiting()), (StepStatus::Blocked, vec![ApprovalKind::StepBlocked]));
    world.signal(Signal::PullReopened { step, by: named("triager") });
    assert_eq!(world.status("c"), StepStatus::Evaluating, "it is verified again");
    world.verified("c", green());
    assert!(world.merges("c"));
}

#[test]
fn a_renamed_base_branch_is_followed_once() {
    let mut world = World::at_final(Policy::default());
    let (from, to) = (world.directive.base.branch.clone(), Branch::new("trunk"));
    let renamed = Signal::BaseRenamed { from, to: to.clone() };
    world.signal(renamed.clone());
    world.signal(renamed);
    assert_eq!((&world.directive.base.branch, world.reaches_base("final")), (&to, true));
    assert_eq!(world.count("base_renamed"), 1);
    world.approve("final");
    assert!(world.merges("final"));
}
