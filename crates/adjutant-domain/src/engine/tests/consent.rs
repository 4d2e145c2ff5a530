//! Approvals that are taken back.

use super::*;
use crate::step::MergeRequest;

/// `a` is being verified, and the maintainer has approved it in comment 1.
fn pre_approved() -> World {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.comments = 0;
    world.approve("a");
    world
}

/// `a` was verified and approved in a comment, and the pause keeps its merge from being asked for.
fn paused() -> World {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    world.maintainer(None, Command::Pause { now: false });
    world.approve("a");
    assert!(matches!(state(&world), StepState::Merging { request: MergeRequest::Wanted, .. }));
    world
}

fn state(world: &World) -> &StepState {
    &world.directive.step(world.id("a")).unwrap().state
}

/// The comment of the last order says this now.
fn says(world: &mut World, commands: &[Command]) {
    let (kind, id) = (SourceKind::IssueComment, world.comments);
    world.signal(Signal::SourceRead { kind, id, commands: commands.to_vec(), by: named("maintainer") });
}

fn approve(step: Option<&str>) -> Command {
    Command::Approve { step: step.map(str::to_owned) }
}

fn unapprove() -> Command {
    Command::Unapprove { step: None }
}

#[test]
fn an_approval_is_taken_back_while_it_is_verified_and_the_step_asks() {
    for now in [vec![], vec![Command::Status], vec![approve(Some("b"))]] {
        let mut world = pre_approved();
        says(&mut world, &now);
        assert_eq!(world.count("approval_taken_back"), 1, "{now:?}");
        world.verified("a", yellow());
        assert_eq!(world.waiting(), [ApprovalKind::StepReview], "{now:?}");
        assert!(!world.merges("a"));
    }
    let mut world = pre_approved();
    world.maintainer(Some("a"), unapprove());
    world.verified("a", yellow());
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
}

#[test]
fn an_edit_that_still_approves_takes_nothing_back() {
    for now in [approve(None), approve(Some("a"))] {
        let mut world = pre_approved();
        says(&mut world, &[Command::Status, now]);
        world.verified("a", yellow());
        assert!(world.merges("a"));
    }
}

#[test]
fn an_approval_whose_merge_is_not_asked_for_yet_is_taken_back_and_asked_for_again() {
    let mut world = paused();
    says(&mut world, &[]);
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
    world.maintainer(None, Command::Resume);
    assert!(!world.merges("a"));

    let mut world = paused();
    world.maintainer(None, unapprove());
    assert_eq!((world.refusal(), world.waiting()), (None, vec![ApprovalKind::StepReview]), "the only one approved");
    world.approve("a");
    world.maintainer(None, Command::Resume);
    assert!(world.merges("a"));
}

#[test]
fn what_was_accepted_unverified_is_verified_when_the_approval_is_taken_back() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    let step = world.id("a");
    world.signal(Signal::EffectFailed { step: Some(step), reason: Failure::External("no disk".to_owned()) });
    world.maintainer(None, Command::Pause { now: false });
    world.approve("a");
    says(&mut world, &[]);
    assert!(matches!(state(&world), StepState::Verifying { .. }), "{:?}", state(&world));
}

#[test]
fn after_the_merge_was_asked_for_the_answer_says_that_it_is_too_late() {
    let late = Refusal::MergeAskedFor { step: StepName::new("a") };
    let mut world = pre_approved();
    world.verified("a", yellow());
    assert!(world.merges("a"));
    says(&mut world, &[]);
    assert_eq!(world.refused(), late);
    let before = world.directive.clone();
    says(&mut world, &[]);
    assert_eq!((world.refusal(), &world.directive), (None, &before), "a replay is nothing");

    let mut world = pre_approved();
    world.verified("a", yellow());
    world.maintainer(Some("a"), unapprove());
    assert_eq!(world.refused(), late);
    world.merged("a");
    world.maintainer(Some("a"), unapprove());
    assert_eq!(world.refused(), Refusal::AlreadyMerged);
}

#[test]
fn what_approved_nothing_and_what_comes_late_changes_nothing() {
    let mut world = pre_approved();
    let before = world.directive.clone();
    let by = named("writer");
    for kind in [SourceKind::Review, SourceKind::ReviewComment, SourceKind::IssueComment] {
        let id = if kind == SourceKind::IssueComment { 7 } else { 1 };
        world.signal(Signal::SourceRead { kind, id, commands: Vec::new(), by: by.clone() });
        assert_eq!(world.directive, before, "{kind:?}");
    }
    // It was written before the approval.
    let (maintainer, early) = (actor("maintainer", Permission::Admin), world.now - Duration::seconds(60));
    world.order_at(maintainer.clone(), Some("a"), unapprove(), None, Some(early));
    assert_eq!(world.refused(), Refusal::NothingToTakeBack { step: StepName::new("a") });
    world.verified("a", yellow());
    assert!(world.merges("a"));

    // The approval was written before, and arrives after it was taken back.
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    let at = |seconds| Some(world.now + Duration::seconds(seconds));
    let (first, second) = (at(5), at(9));
    world.order_at(maintainer.clone(), Some("a"), unapprove(), None, second);
    world.order_at(maintainer, Some("a"), approve(None), None, first);
    assert_eq!(world.refused(), Refusal::TakenBackSince);
    world.verified("a", yellow());
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
}

#[test]
fn an_approval_of_what_was_merged_or_replaced_is_history() {
    let mut world = pre_approved();
    world.verified("a", yellow());
    world.merged("a");
    let before = world.directive.clone();
    says(&mut world, &[]);
    assert_eq!(world.directive, before, "merged");

    let mut world = pre_approved();
    let first = world.comments;
    let step = world.id("a");
    world.signal(Signal::HeadMoved { step, head: Sha::new("a2"), by: named("writer") });
    let before = world.directive.clone();
    let (kind, by) = (SourceKind::IssueComment, named("maintainer"));
    world.signal(Signal::SourceRead { kind, id: first, commands: Vec::new(), by });
    assert_eq!(world.directive, before, "replaced");
}

#[test]
fn another_persons_approval_still_stands() {
    let mut world = pre_approved();
    world.order(actor("writer", Permission::Write), Some("a"), approve(None));
    let (kind, by) = (SourceKind::IssueComment, named("maintainer"));
    world.signal(Signal::SourceRead { kind, id: 1, commands: Vec::new(), by: by.clone() });
    let candidate = state(&world).candidate().unwrap();
    assert_eq!(candidate.pre_approved, Some(Login::new("writer")));
    world.signal(Signal::SourceRead { kind, id: 2, commands: Vec::new(), by });
    world.verified("a", yellow());
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
}

#[test]
fn only_people_with_write_access_take_back_by_command() {
    let mut world = pre_approved();
    world.order(actor("triager", Permission::Read), Some("a"), unapprove());
    world.verified("a", yellow());
    assert!(world.merges("a"));
}
