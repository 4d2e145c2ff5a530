//! Questions to people: how long they wait, and what an answer passes.

use super::*;

const DAY: Duration = Duration::hours(24);

/// `a` is yellow and waits, `b` is at work.
fn yellow_a() -> World {
    let mut policy = Policy::default();
    policy.limits.wall_time_hours = 700.0;
    let mut world = World::started(policy, diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    world
}

fn reminders(world: &World) -> usize {
    world.effects.iter().filter(|effect| matches!(effect, Effect::Remind { .. })).count()
}

fn by() -> Requester {
    actor("maintainer", Permission::Admin)
}

#[test]
fn a_question_that_nobody_answers_expires_is_reminded_of_once_and_waits_on() {
    let mut world = yellow_a();
    world.waits(DAY * 2);
    assert_eq!((reminders(&world), world.directive.approvals[0].status), (0, ApprovalStatus::Pending));
    world.waits(DAY * 2);
    let approval = world.directive.approvals[0].id;
    assert!(world.has(&Effect::Remind { approval }));
    for _ in 0..3 {
        world.waits(DAY);
        assert_eq!(reminders(&world), 0);
    }
    assert_eq!(world.directive.approvals[0].status, ApprovalStatus::Expired);
    assert_eq!((world.waiting(), world.count("approval_expired")), (vec![ApprovalKind::StepReview], 1));
}

#[test]
fn siblings_go_on_beside_an_expired_question_and_a_late_answer_counts() {
    let mut world = yellow_a();
    world.waits(DAY * 4);
    world.done("b");
    world.approve("a");
    assert!(world.merges("a"));
    let approval = &world.directive.approvals[0];
    assert_eq!(
        (approval.status, approval.answered_by.clone()),
        (ApprovalStatus::Approved, Some(Login::new("maintainer")))
    );
    assert!(approval.answered_at > approval.expires_at);
}

#[test]
fn a_new_head_makes_an_expired_question_stale_and_its_successor_is_reminded_of_itself() {
    let mut world = yellow_a();
    world.waits(DAY * 4);
    let step = world.id("a");
    world.signal(Signal::HeadMoved { step, head: Sha::new("a2"), by: named("writer") });
    assert_eq!(world.directive.approvals[0].status, ApprovalStatus::Stale);
    world.verified("a", yellow());
    world.waits(DAY * 4);
    let approval = world.directive.waiting().next().unwrap().id;
    assert!(world.has(&Effect::Remind { approval }));
}

#[test]
fn without_hours_nothing_expires() {
    let mut policy = Policy::default();
    policy.limits.approval_hours = 0.0;
    let mut world = World::started(policy, single());
    world.changed("a", "a1");
    world.verified("a", yellow());
    world.waits(DAY * 1_000);
    assert_eq!((reminders(&world), world.directive.approvals[0].expires_at), (0, None));
}

#[test]
fn nobody_is_reminded_of_what_a_person_paused_until_it_goes_on() {
    let mut world = yellow_a();
    world.maintainer(None, Command::Pause { now: false });
    world.waits(DAY * 4);
    assert_eq!((reminders(&world), world.directive.approvals[0].status), (0, ApprovalStatus::Pending));
    world.maintainer(None, Command::Resume);
    assert_eq!(reminders(&world), 1);
}

#[test]
fn a_question_about_money_is_reminded_of_though_it_pauses() {
    let mut policy = Policy::default();
    policy.limits.cost = Usd::from_dollars(0.1);
    let mut world = World::open(policy);
    world.planned(diamond());
    world.waits(DAY * 4);
    assert_eq!((reminders(&world), world.waiting()), (1, vec![ApprovalKind::Budget]));
}

#[test]
fn the_urgency_says_how_much_waits() {
    let urgency = |world: &World| world.directive.waiting().next().unwrap().urgency;
    assert_eq!(urgency(&yellow_a()), Urgency::Normal);
    let mut world = World::started(Policy { autonomy: Autonomy::Manual, ..Policy::default() }, single());
    assert_eq!(urgency(&world), Urgency::High, "the plan");
    world.maintainer(None, Command::Approve { step: None });
    world.changed("a", "a1");
    world.verified("a", green());
    assert_eq!(urgency(&world), Urgency::Normal, "into the base");
    let mut world = World::started(Policy::default(), single());
    for _ in 0..3 {
        world.finish(world.live(Some("a")), TaskOutcome::Failed { reason: Failure::External("no key".to_owned()) });
    }
    assert_eq!(urgency(&world), Urgency::High, "blocked");
    let mut policy = Policy::default();
    policy.limits.cost = Usd::from_dollars(0.1);
    let mut world = World::open(policy);
    world.planned(diamond());
    assert_eq!(urgency(&world), Urgency::Critical, "money");
}

#[test]
fn an_approval_of_a_plan_is_not_about_the_plan_after_it() {
    let mut world = World::started(Policy { plan_approval: true, ..Policy::default() }, diamond());
    let written = world.now;
    world.maintainer(None, Command::Rework { text: "one step".to_owned() });
    world.planned(single());
    world.order_at(by(), None, Command::Approve { step: None }, None, Some(written));
    assert_eq!(world.refused(), Refusal::PlanChanged);
    assert_eq!(world.directive.status(), DirectiveStatus::Planning);
    world.maintainer(None, Command::Approve { step: None });
    assert_eq!(world.directive.status(), DirectiveStatus::Active);
}

#[test]
fn the_questions_about_the_plan_and_about_money_are_answered_one_by_one() {
    let mut policy = Policy { plan_approval: true, ..Policy::default() };
    policy.limits.cost = Usd::from_dollars(0.2);
    let mut world = World::open(policy);
    world.planned(diamond());
    assert_eq!(world.waiting(), [ApprovalKind::Plan, ApprovalKind::Budget]);
    world.maintainer(None, Command::Approve { step: Some("budget".to_owned()) });
    assert_eq!(world.waiting(), [ApprovalKind::Plan]);
    world.maintainer(None, Command::Budget { usd: 0.5 });
    assert!(matches!(world.refused(), Refusal::AlreadySpent { .. }));
}

#[test]
fn an_approval_written_before_a_step_was_blocked_does_not_accept_it_red() {
    let mut policy = Policy::default();
    policy.limits.rework_cycles = 0;
    let mut world = World::started(policy, single());
    world.changed("a", "a1");
    let written = world.now;
    world.verified("a", red());
    assert_eq!(world.waiting(), [ApprovalKind::StepBlocked]);
    world.order_at(by(), Some("a"), Command::Approve { step: None }, None, Some(written));
    assert!(matches!(world.refused(), Refusal::BlockedSince { .. }), "{:?}", world.refused());
    // A review of that very commit, handed in while it was being proved, saw no red either.
    world.order_at(by(), Some("a"), Command::Approve { step: None }, Some("a1"), Some(written));
    assert!(matches!(world.refused(), Refusal::BlockedSince { .. }), "{:?}", world.refused());
    assert!(!world.merges("a"));
    world.approve("a");
    assert!(world.merges("a"));
}

#[test]
fn a_comment_of_the_second_in_which_somebody_pushed_may_be_about_the_head_before() {
    let mut world = yellow_a();
    let step = world.id("a");
    world.signal(Signal::HeadMoved { step, head: Sha::new("a2"), by: named("writer") });
    let pushed = world.now;
    world.order_at(by(), Some("a"), Command::Approve { step: None }, None, Some(pushed));
    assert_eq!(world.refused(), Refusal::HeadMoved);
    world.order_at(by(), Some("a"), Command::Approve { step: None }, None, Some(pushed + Duration::seconds(1)));
    assert_eq!(world.refusal(), None);
}

#[test]
fn who_answered_when_to_which_sha_and_with_what_words_is_kept_on_every_path() {
    let kept = |world: &World, index: usize| {
        let approval = &world.directive.approvals[index];
        let by = approval.answered_by.as_ref().map(ToString::to_string);
        let at = approval.answered_at.is_some();
        (
            approval.status,
            by.unwrap_or_default(),
            approval.shown.hash().to_owned(),
            approval.words.clone().unwrap_or_default(),
            at,
        )
    };
    let expected = |status, words: &str| (status, "maintainer".to_owned(), "a1".to_owned(), words.to_owned(), true);

    let mut world = yellow_a();
    world.approve("a");
    assert_eq!(kept(&world, 0), expected(ApprovalStatus::Approved, "As written."));

    let mut world = yellow_a();
    world.maintainer(Some("a"), Command::Rework { text: "shorter".to_owned() });
    assert_eq!(kept(&world, 0), expected(ApprovalStatus::Denied, "shorter"));

    let mut world = yellow_a();
    world.maintainer(Some("a"), Command::Skip { step: None });
    assert_eq!(kept(&world, 0), expected(ApprovalStatus::Denied, "As written."));

    let mut world = yellow_a();
    let step = world.id("a");
    world.signal(Signal::PullMerged { step, by: named("maintainer"), sha: None });
    assert_eq!(kept(&world, 0), expected(ApprovalStatus::Approved, ""), "a button has no words");

    let mut world = yellow_a();
    world.signal(Signal::PullClosed { step, by: named("maintainer"), may_decide: true });
    assert_eq!(kept(&world, 0), expected(ApprovalStatus::Denied, ""));

    let mut world = yellow_a();
    world.maintainer(None, Command::Stop);
    assert_eq!(kept(&world, 0), expected(ApprovalStatus::Denied, "As written."));

    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.approve("a");
    world.approve("a");
    assert_eq!(kept(&world, 0), expected(ApprovalStatus::Approved, "As written."), "before it was proved");
    assert_eq!(world.directive.approvals.len(), 1);

    let mut world = yellow_a();
    world.signal(Signal::PullMerged { step, by: Actor::Adjutant, sha: None });
    assert_eq!(world.directive.approvals[0].answered_by, None, "Adjutant answers nothing");
    assert_eq!(world.directive.approvals[0].status, ApprovalStatus::Stale);
}
