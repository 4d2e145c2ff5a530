//! Orders and approvals.

use super::*;

fn tell(text: &str) -> Command {
    Command::Tell { text: text.to_owned() }
}

/// What a step's agent was told, and by which of its tasks it was heard.
fn told(world: &World, name: &str) -> Vec<(String, Option<TaskId>)> {
    let step = world.directive.step_named(name).unwrap();
    step.told.iter().map(|told| (told.words.clone(), told.task)).collect()
}

fn reply(world: &World) -> &Notice {
    world.refusal().expect("a reply")
}

#[test]
fn what_an_agent_is_told_waits_for_its_next_run_and_starts_none() {
    let mut world = World::started(Policy::default(), diamond());
    let first = world.live(Some("a"));
    world.maintainer(None, tell("a mind the locale"));
    let step = StepName::new("a");
    assert_eq!(*reply(&world), Notice::Told { step: step.clone(), status: StepStatus::Running });
    assert_eq!((told(&world, "a"), world.live(Some("a"))), (vec![("mind the locale".to_owned(), None)], first));
    world.changed("a", "a1");
    assert_eq!(told(&world, "a").len(), 1, "this run had nothing of it");
    world.verified("a", yellow());
    world.maintainer(Some("a"), tell("and the time zone"));
    assert_eq!(*reply(&world), Notice::Told { step, status: StepStatus::Evaluating });
    assert_eq!(
        (world.live_count(), world.waiting()),
        (1, vec![ApprovalKind::StepReview]),
        "only `b` runs, and the question stays"
    );
    world.maintainer(Some("a"), Command::Rework { text: "shorter".to_owned() });
    let task = world.live(Some("a"));
    let both = ["mind the locale", "and the time zone"].map(|words| (words.to_owned(), Some(task)));
    assert_eq!(told(&world, "a"), both);
    world.changed("a", "a2");
    assert_eq!(told(&world, "a"), [], "it was handed over");
}

#[test]
fn what_an_agent_is_told_is_not_lost_with_a_run_that_comes_to_nothing() {
    let mut world = World::started(Policy::default(), diamond());
    world.maintainer(None, tell("c mind the locale"));
    world.done("a");
    world.done("b");
    let first = world.live(Some("c"));
    assert_eq!(told(&world, "c"), [("mind the locale".to_owned(), Some(first))]);
    world.maintainer(None, Command::Pause { now: true });
    world.maintainer(None, Command::Resume);
    let second = world.live(Some("c"));
    assert_eq!((first == second, told(&world, "c")), (false, vec![("mind the locale".to_owned(), Some(second))]));
    world.finish(second, TaskOutcome::Failed { reason: Failure::NoResult });
    world.finish(world.live(Some("c")), TaskOutcome::Refused { faults: vec!["a key".to_owned()] });
    let last = world.live(Some("c"));
    assert_eq!(told(&world, "c"), [("mind the locale".to_owned(), Some(last))]);
    world.maintainer(None, tell("c and the time zone"));
    world.changed("c", "c1");
    assert_eq!(told(&world, "c"), [("and the time zone".to_owned(), None)], "it came while the run was under way");
}

#[test]
fn nothing_is_told_where_nobody_would_hear_it() {
    let mut world = World::started(Policy::default(), diamond());
    world.done("a");
    world.maintainer(None, tell("a mind the locale"));
    assert_eq!(world.refused(), Refusal::AlreadyMerged);
    world.maintainer(None, tell("b"));
    assert_eq!(world.refused(), Refusal::NothingTold { step: StepName::new("b") });
    world.maintainer(None, tell("nobody mind the locale"));
    assert!(matches!(world.refused(), Refusal::NoSuchStep { .. }));
    world.order(actor("reader", Permission::Read), None, tell("b mind the locale"));
    assert!(matches!(reply(&world), Notice::NotAllowed { .. }));
    assert_eq!(told(&world, "b"), []);
}

#[test]
fn a_yellow_step_waits_for_a_person_and_merges_on_approve() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
    assert!(!world.merges("a"));
    world.approve("a");
    assert!(world.merges("a"));
    let approval = &world.directive.approvals[0];
    assert_eq!(
        (approval.status, approval.answered_by.as_ref().unwrap().as_str()),
        (ApprovalStatus::Approved, "maintainer")
    );
}

#[test]
fn a_persons_rework_is_followed_and_does_not_count() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    world.maintainer(Some("a"), Command::Rework { text: "use the existing parser".to_owned() });
    assert!(world.directive.task(world.live(Some("a"))).unwrap().instructions.contains("use the existing parser"));
    let step = world.directive.step_named("a").unwrap();
    assert_eq!((step.rework_cycles, step.reworks), (0, 1));
    assert_eq!(world.directive.approvals[0].status, ApprovalStatus::Denied);
    assert_eq!(world.directive.approvals[0].words.as_deref(), Some("use the existing parser"));
}

#[test]
fn on_the_issue_a_steps_name_follows_the_command() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    world.maintainer(None, Command::Rework { text: "a use the existing parser".to_owned() });
    assert_eq!(world.status("a"), StepStatus::Running);
    world.maintainer(None, Command::Rework { text: "nonsense".to_owned() });
    assert!(matches!(world.refused(), Refusal::NoSuchStep { name, .. } if name == "nonsense"));
}

#[test]
fn on_a_pull_request_only_its_own_step_may_be_named() {
    let mut world = World::started(Policy::default(), diamond());
    for name in ["a", "b"] {
        world.changed(name, &format!("{name}1"));
        world.verified(name, yellow());
    }
    let named = |name: &str| Some(name.to_owned());
    for command in [
        Command::Approve { step: named("b") },
        Command::Approve { step: named("plan") },
        Command::Unapprove { step: named("b") },
        Command::Retry { step: named("b") },
        Command::Verify { step: named("b") },
        Command::Skip { step: named("but") },
    ] {
        let before = world.directive.clone();
        world.maintainer(Some("a"), command.clone());
        assert!(matches!(world.refused(), Refusal::OtherStep { step, .. } if step.as_str() == "a"), "{command:?}");
        assert_eq!(world.directive.approvals, before.approvals, "{command:?}");
        assert_eq!((world.status("a"), world.status("b")), (before_status(&before, "a"), before_status(&before, "b")));
    }
    world.maintainer(Some("a"), Command::Approve { step: named("a") });
    assert!(world.merges("a") && !world.merges("b"));
}

fn before_status(directive: &Directive, name: &str) -> StepStatus {
    directive.step_named(name).unwrap().status()
}

#[test]
fn a_bare_approve_on_the_issue_answers_the_only_question_or_lists_them() {
    let mut world = World::started(Policy::default(), diamond());
    for name in ["a", "b"] {
        world.changed(name, &format!("{name}1"));
        world.verified(name, yellow());
    }
    world.maintainer(None, Command::Approve { step: None });
    assert_eq!(world.refusal(), Some(&Notice::WhichApproval { steps: vec!["a".to_owned(), "b".to_owned()] }));
    world.maintainer(None, Command::Approve { step: Some("b".to_owned()) });
    assert!(world.merges("b"));
    world.maintainer(None, Command::Approve { step: None });
    assert!(world.merges("a"));
}

#[test]
fn orders_without_write_access_are_refused_and_change_nothing() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    world.order(actor("triager", Permission::Read), Some("a"), Command::Approve { step: None });
    assert_eq!(world.refusal(), Some(&Notice::NotAllowed { login: "triager".to_owned() }));
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::React { reaction: Reaction::ThumbsDown, .. })));
}

#[test]
fn people_without_write_access_are_told_once_and_what_they_wrote_never_counts() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    let approve = || Command::Approve { step: None };
    world.order(actor("outsider", Permission::Read), Some("a"), approve());
    assert_eq!(world.effects.iter().filter(|effect| matches!(effect, Effect::Reply { .. })).count(), 1);
    let (told, written) = (world.events.len(), world.now + Duration::minutes(5));
    for _ in 0..60 {
        world.order_at(actor("outsider", Permission::None), Some("a"), approve(), None, Some(written));
        assert_eq!((world.effects.len(), world.events.len()), (0, told));
    }
    // They have got write access since: a look at GitHub finds what was not answered.
    world.order_at(actor("outsider", Permission::Write), Some("a"), approve(), None, Some(written));
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
    world.order_at(
        actor("outsider", Permission::Write),
        Some("a"),
        approve(),
        None,
        Some(written + Duration::seconds(1)),
    );
    assert!(world.merges("a"));
}

#[test]
fn a_bots_order_is_not_even_answered() {
    let mut world = World::started(Policy::default(), diamond());
    let bot = Requester { bot: true, ..actor("other[bot]", Permission::Admin) };
    world.order(bot, None, Command::Stop);
    assert_eq!((world.directive.status(), world.effects.len()), (DirectiveStatus::Active, 0));
}

#[test]
fn an_approval_never_passes_a_head_that_it_was_not_given_for() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    let written = world.now;
    let step = world.id("a");
    world.signal(Signal::HeadMoved { step, head: Sha::new("a2"), by: named("writer") });
    assert_eq!(world.directive.approvals[0].status, ApprovalStatus::Stale);
    let maintainer = || actor("maintainer", Permission::Admin);
    world.order_at(maintainer(), Some("a"), Command::Approve { step: None }, None, Some(written));
    assert_eq!(world.refused(), Refusal::HeadMoved);
    world.order_at(maintainer(), Some("a"), Command::Approve { step: None }, Some("a1"), None);
    assert!(world.refusal().is_some(), "a review of the old head");
    world.verified("a", yellow());
    assert!(!world.merges("a"));
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
}

#[test]
fn an_approval_written_while_checks_run_is_kept_for_that_head() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.approve("a");
    assert_eq!(world.refusal(), None);
    world.verified("a", yellow());
    assert!(world.merges("a"));
}

#[test]
fn an_early_approval_does_not_override_red() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.approve("a");
    world.verified("a", red());
    assert_eq!(world.status("a"), StepStatus::Running);
    assert!(!world.merges("a"));
}

#[test]
fn an_approval_of_something_merged_is_told_so() {
    let mut world = World::started(Policy::default(), diamond());
    world.done("a");
    world.approve("a");
    assert_eq!(world.refused(), Refusal::AlreadyMerged);
}
