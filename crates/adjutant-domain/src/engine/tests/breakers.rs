//! Each breaker: it trips once, says so once, and is lifted by the command that it names.

use super::*;
use crate::policy::JudgePolicy;
use crate::task::{CapacityLimit, Measure, QueueReason};

fn costing(limit: f64, ceiling: Option<f64>) -> Policy {
    let mut policy = Policy::default();
    policy.limits.cost = Usd::from_dollars(limit);
    policy.limits.cost_ceiling = ceiling.map(Usd::from_dollars);
    policy
}

/// A dollar spent of 90 cents: `a` done, `b` still at work.
fn out_of_money() -> World {
    let mut world = World::started(costing(0.9, None), diamond());
    world.changed("a", "a1");
    assert_eq!(world.directive.spent(), Usd::from_dollars(1.0));
    assert_eq!(world.waiting(), [ApprovalKind::Budget]);
    world
}

fn reasons(world: &World) -> Vec<PauseReason> {
    world.directive.state.pause().into_iter().flat_map(|pause| pause.reasons.iter().cloned()).collect()
}

fn off() -> Signal {
    Signal::Unlabelled { actor: actor("triager", Permission::Read) }
}

fn on() -> Signal {
    Signal::Labelled(Box::new(labelled(Policy::default())))
}

#[test]
fn used_up_money_pauses_once_and_says_so_once() {
    let mut world = out_of_money();
    for _ in 0..5 {
        world.waits(Duration::minutes(1));
    }
    assert_eq!((world.directive.status(), world.count("breaker_tripped")), (DirectiveStatus::Paused, 1));
    assert_eq!((world.count("approval_required"), reasons(&world)), (1, vec![PauseReason::Cost]));
}

#[test]
fn resume_grants_the_same_money_again_in_the_name_of_who_said_so() {
    let mut world = out_of_money();
    world.maintainer(None, Command::Resume);
    assert_eq!((world.directive.status(), world.directive.budget()), (DirectiveStatus::Active, Usd::from_dollars(1.9)));
    let answered = &world.directive.approvals[0];
    assert_eq!(answered.status, ApprovalStatus::Approved);
    assert_eq!(answered.answered_by, Some(Login::new("maintainer")));
    assert_eq!((answered.words.as_deref(), answered.answered_at), (Some("As written."), Some(world.now)));
}

#[test]
fn a_budget_sets_another_total_and_goes_on() {
    let mut world = out_of_money();
    world.maintainer(None, Command::Budget { usd: 4.5 });
    assert_eq!((world.refusal(), world.directive.status()), (None, DirectiveStatus::Active));
    assert_eq!(
        (world.directive.budget(), world.directive.approvals[0].status),
        (Usd::from_dollars(4.5), ApprovalStatus::Approved)
    );
}

#[test]
fn a_budget_may_be_set_before_it_is_used_up_and_lowered_again() {
    let mut world = World::started(costing(10.0, Some(20.0)), diamond());
    for total in [20.0, 5.0] {
        world.maintainer(None, Command::Budget { usd: total });
        assert_eq!((world.refusal(), world.directive.budget()), (None, Usd::from_dollars(total)));
    }
    assert_eq!(world.directive.status(), DirectiveStatus::Active);
}

#[test]
fn a_budget_above_the_ceiling_or_below_what_is_spent_is_refused_with_the_numbers() {
    let mut world = out_of_money();
    world.maintainer(None, Command::Budget { usd: 4.51 });
    let usd = Usd::from_dollars;
    let over = Refusal::OverCeiling { total: usd(4.51), ceiling: usd(4.5), spent: usd(1.0), budget: usd(0.9) };
    assert_eq!(world.refused(), over);
    world.maintainer(None, Command::Budget { usd: 1.0 });
    assert_eq!(world.refused(), Refusal::AlreadySpent { spent: usd(1.0), ceiling: usd(4.5) });
    assert_eq!((world.directive.status(), world.directive.budget()), (DirectiveStatus::Paused, Usd::from_dollars(0.9)));
}

#[test]
fn at_the_ceiling_resume_grants_nothing_more() {
    let mut world = World::started(costing(0.9, Some(1.2)), diamond());
    world.changed("a", "a1");
    world.maintainer(None, Command::Resume);
    assert_eq!(world.directive.budget(), Usd::from_dollars(1.2), "the same again, as far as the ceiling");
    world.changed("b", "b1");
    assert_eq!(world.waiting(), [ApprovalKind::Budget]);
    world.maintainer(None, Command::Resume);
    assert!(matches!(world.refused(), Refusal::CeilingReached { ceiling, .. } if ceiling == Usd::from_dollars(1.2)));
    assert_eq!(world.directive.status(), DirectiveStatus::Paused);
}

#[test]
fn nothing_starts_once_the_money_is_used_up_neither_a_judge_nor_a_rework_nor_a_planner() {
    let judge = Some(JudgePolicy { agent: None, weight: 1.0 });
    let mut world = World::started(Policy { judge, ..costing(0.9, None) }, diamond());
    world.changed("a", "a1");
    world.verified("a", green());
    world.changed("b", "b1");
    world.verified("b", red());
    assert_eq!((world.live_count(), world.status("b")), (0, StepStatus::Rework));
    world.maintainer(None, Command::Budget { usd: 4.0 });
    let kinds: Vec<_> =
        world.directive.tasks.iter().filter(|task| task.status.is_live()).map(|task| task.kind).collect();
    assert_eq!(kinds, [TaskKind::Judge, TaskKind::Rework]);

    let mut world = World::open(costing(0.4, None));
    world.planned(json!({ "steps": [] }));
    assert_eq!((world.live_count(), world.directive.status()), (0, DirectiveStatus::Paused), "the plan is not mended");
}

#[test]
fn tasks_that_only_wait_for_a_worker_do_not_begin_once_the_money_is_used_up() {
    let mut world = World::started(costing(0.9, None), diamond());
    let (a, b) = (world.id("a"), world.id("b"));
    // As if only one agent were there: `b` is queued still when `a` ends.
    for task in world.directive.tasks.iter_mut().filter(|task| task.step == Some(b)) {
        task.status = TaskStatus::Queued;
    }
    world.changed("a", "a1");
    assert_eq!((world.live_count(), world.status("b")), (0, StepStatus::Ready));
    assert_eq!(world.directive.step(a).unwrap().status(), StepStatus::Evaluating);
    world.maintainer(None, Command::Resume);
    assert_eq!(world.status("b"), StepStatus::Running);
}

#[test]
fn used_up_time_pauses_once_and_resume_grants_the_same_again() {
    let mut world = World::started(Policy::default(), diamond());
    world.waits(Duration::hours(9));
    world.waits(Duration::hours(9));
    assert_eq!((reasons(&world), world.count("breaker_tripped")), (vec![PauseReason::WallTime], 1));
    world.maintainer(None, Command::Budget { usd: 20.0 });
    assert_eq!(world.directive.status(), DirectiveStatus::Paused, "money is not what it waits for");
    world.maintainer(None, Command::Resume);
    assert_eq!(
        (world.directive.status(), world.directive.approvals[0].status),
        (DirectiveStatus::Active, ApprovalStatus::Approved)
    );
    world.waits(Duration::hours(7));
    assert_eq!(world.directive.status(), DirectiveStatus::Active);
    world.waits(Duration::hours(2));
    assert_eq!((world.directive.status(), world.count("breaker_tripped")), (DirectiveStatus::Paused, 2));
}

#[test]
fn time_while_paused_or_waiting_for_people_or_for_a_worker_does_not_count() {
    let day = Duration::hours(24);
    let mut world = World::started(Policy::default(), diamond());
    let worked = |world: &World| world.directive.clock.at(world.now);
    world.maintainer(None, Command::Pause { now: false });
    let before = worked(&world);
    world.waits(day);
    world.maintainer(None, Command::Resume);
    assert_eq!(worked(&world), before, "paused, agents at work");

    let mut world = World::started(Policy { plan_approval: true, ..Policy::default() }, diamond());
    let before = worked(&world);
    world.waits(day);
    assert_eq!(worked(&world), before, "the plan waits");

    let mut world = World::started(Policy::default(), single());
    world.changed("a", "a1");
    world.verified("a", yellow());
    let before = worked(&world);
    world.waits(day);
    assert_eq!(worked(&world), before, "a step waits");

    let mut world = World::open(Policy::default());
    world.busy = true;
    world.planned(diamond());
    world.signal(Signal::IntegrationCut);
    assert_eq!(world.status("a"), StepStatus::Running);
    let before = worked(&world);
    world.waits(day);
    assert_eq!(worked(&world), before, "the queue is full of other work");

    let task = world.live(Some("a"));
    world.signal(Signal::TaskStarted { task });
    world.waits(Duration::hours(1));
    assert_eq!(worked(&world), before + 3_600 + 10, "an agent is at work");
    let held = QueueReason { by: CapacityLimit::Installation, limit: 1, taken: 1 };
    world.signal(Signal::TaskQueued { task, held });
    let before = worked(&world);
    world.waits(day);
    assert_eq!(worked(&world), before, "its process died, and it waits for a place");
}

#[test]
fn time_in_which_verifiers_wait_for_their_turn_does_not_count() {
    let day = Duration::hours(24);
    let mut world = World::started(Policy::default(), single());
    let worked = |world: &World| world.directive.clock.at(world.now);
    world.busy = true;
    world.changed("a", "a1");
    let (step, round) = (Some(world.id("a")), 1);
    let places = QueueReason { by: CapacityLimit::Verifiers, limit: 2, taken: 2 };
    world.signal(Signal::VerifierProgress { step, round, progress: VerifierProgress::Queued(places) });
    let before = worked(&world);
    world.waits(day);
    assert_eq!(worked(&world), before, "other commits are verified");
    world.signal(Signal::VerifierProgress { step, round: 7, progress: VerifierProgress::Running });
    assert!(world.directive.clock.running_since.is_none(), "that is another verification");
    world.signal(Signal::VerifierProgress { step, round, progress: VerifierProgress::Running });
    world.signal(Signal::VerifierProgress { step, round, progress: VerifierProgress::Queued(places) });
    world.waits(Duration::hours(1));
    assert_eq!(worked(&world), before + 3_600 + 20, "they are at work, also where a wait is told late");
    world.verified("a", yellow());
    world.signal(Signal::VerifierProgress { step, round, progress: VerifierProgress::Running });
    assert!(world.directive.clock.running_since.is_none(), "a late word of it changes nothing");
}

#[test]
fn short_spells_of_work_add_up() {
    let mut clock = crate::directive::WorkClock::default();
    let mut now = morning();
    for _ in 0..10 {
        clock.set_running(true, now);
        now += Duration::milliseconds(300);
        clock.set_running(false, now);
    }
    assert_eq!(clock.at(now), 3);
}

#[test]
fn more_than_three_failed_steps_fail_the_directive_with_what_to_do() {
    let steps: Vec<_> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| json!({ "name": name, "type": "implement", "description": ".", "requirements": ["R1"] }))
        .collect();
    let mut policy = Policy::default();
    policy.limits.parallel_tasks = 4;
    let mut world = World::started(policy, json!({ "steps": steps }));
    for name in ["a", "b", "c", "d"] {
        assert_eq!(world.directive.status(), DirectiveStatus::Active, "before {name}");
        for _ in 0..3 {
            world
                .finish(world.live(Some(name)), TaskOutcome::Failed { reason: Failure::External("no key".to_owned()) });
        }
    }
    assert_eq!((world.directive.status(), world.count("breaker_tripped")), (DirectiveStatus::Failed, 1));
    let steps = ["a", "b", "c", "d"].map(StepName::new).to_vec();
    let last = Some(Cause::Failure(Failure::External("no key".to_owned())));
    assert_eq!(world.directive.state.failure(), Some(&DirectiveFailure::FailedSteps { steps, last }));
}

/// A run that did not say what it cost.
fn untold() -> Measure {
    let (run, exit) = (uuid::Uuid::from_u128(1), "exit 0".to_owned());
    Measure { run, exit, cost: Usd::ZERO, unknown: true, input_tokens: 0, output_tokens: 0 }
}

#[test]
fn an_agent_that_did_not_say_what_it_cost_does_not_run_again_in_full_auto() {
    let unmetered = |task| Signal::AgentUnmetered { task, agent: "own".to_owned() };
    let failure = Failure::AgentUnmetered { agent: "own".to_owned() };
    for autonomy in [Autonomy::Manual, Autonomy::Guardrails] {
        let mut world = World { busy: true, ..World::open(Policy { autonomy, ..Policy::default() }) };
        let task = world.live(None);
        world.signal(unmetered(task));
        assert_eq!(world.live(None), task, "people look at what it does");
    }
    let mut world = World::open(Policy { autonomy: Autonomy::FullAuto, ..Policy::default() });
    let task = world.live(None);
    world.signal(unmetered(task));
    assert_eq!(world.live(None), task, "it may say what its first run costs");
    world.signal(Signal::TaskMeasured { task, measure: untold() });
    world.planned(single());
    world.signal(unmetered(world.live(Some("a"))));
    assert_eq!(world.status("a"), StepStatus::Blocked);
    assert_eq!(world.directive.step_named("a").unwrap().state.cause(), Some(&Cause::Failure(failure)));
    world.maintainer(None, Command::Autonomy { level: "guardrails".to_owned() });
    world.maintainer(None, Command::Retry { step: Some("a".to_owned()) });
    world.signal(unmetered(world.live(Some("a"))));
    assert_eq!((world.status("a"), world.live_count()), (StepStatus::Running, 1));
}

#[test]
fn used_up_reworks_block_the_step_and_are_told_as_a_breaker() {
    let mut policy = Policy::default();
    policy.limits.rework_cycles = 1;
    let mut world = World::started(policy, single());
    for head in ["a1", "a2"] {
        world.changed("a", head);
        world.verified("a", red());
    }
    assert_eq!((world.status("a"), world.count("breaker_tripped")), (StepStatus::Blocked, 1));
}

#[test]
fn a_full_house_is_told_once_for_as_long_as_a_task_waits() {
    let mut world = World::open(Policy::default());
    world.busy = true;
    world.planned(single());
    let task = world.live(Some("a"));
    let held = |taken| Signal::TaskQueued { task, held: QueueReason { by: CapacityLimit::OpenPulls, limit: 5, taken } };
    for taken in [5, 5, 6] {
        world.signal(held(taken));
    }
    assert_eq!((world.count("breaker_tripped"), world.directive.task(task).unwrap().held.unwrap().taken), (1, 5));
    world.signal(Signal::TaskStarted { task });
    assert_eq!(world.directive.task(task).unwrap().held, None);
    world.changed("a", "a1");
    world.signal(held(5));
    assert_eq!(world.count("breaker_tripped"), 1, "what has ended waits for nothing");
}

#[test]
fn the_label_put_back_does_not_answer_the_question_about_money() {
    let mut world = out_of_money();
    world.signal(off());
    assert_eq!(reasons(&world), [PauseReason::Cost, PauseReason::Unlabelled(Login::new("triager"))]);
    world.signal(on());
    assert_eq!((reasons(&world), world.waiting()), (vec![PauseReason::Cost], vec![ApprovalKind::Budget]));
    world.maintainer(None, Command::Budget { usd: 4.0 });
    assert_eq!(world.directive.status(), DirectiveStatus::Active);
}

#[test]
fn money_does_not_overrule_a_person_who_paused() {
    let mut world = out_of_money();
    world.maintainer(None, Command::Pause { now: false });
    assert_eq!(world.refusal(), None);
    world.maintainer(None, Command::Budget { usd: 4.0 });
    assert_eq!(reasons(&world), [PauseReason::Commanded(Login::new("maintainer"))]);
    world.signal(on());
    assert_eq!(world.directive.status(), DirectiveStatus::Paused, "the label lifts only what the label paused");
    world.maintainer(None, Command::Resume);
    assert_eq!(world.directive.status(), DirectiveStatus::Active);
}

#[test]
fn resume_lifts_every_reason_at_once() {
    let mut world = out_of_money();
    world.signal(off());
    world.maintainer(None, Command::Pause { now: false });
    assert_eq!(reasons(&world).len(), 3);
    world.maintainer(None, Command::Pause { now: false });
    let paused = DirectiveStatus::Paused;
    assert_eq!(world.refused(), Refusal::NotPossible { from: paused, to: paused });
    world.maintainer(None, Command::Resume);
    assert_eq!((world.directive.status(), world.waiting()), (DirectiveStatus::Active, vec![]));
    world.maintainer(None, Command::Resume);
    assert_eq!(world.refused(), Refusal::NothingPaused { status: DirectiveStatus::Active });
}

#[test]
fn a_resume_written_before_the_money_was_used_up_grants_none() {
    let mut world = World::started(costing(0.9, None), diamond());
    world.maintainer(None, Command::Pause { now: false });
    let written = world.now;
    world.changed("a", "a1");
    world.maintainer(None, Command::Resume);
    assert_eq!(reasons(&world), [PauseReason::Cost]);
    let by = actor("maintainer", Permission::Admin);
    world.order_at(by, None, Command::Resume, None, Some(written));
    assert_eq!(world.refused(), Refusal::BudgetUsedUpSince);
    assert_eq!(world.directive.budget(), Usd::from_dollars(0.9));
}

#[test]
fn pause_now_calls_off_what_runs_even_where_it_was_paused_before() {
    let mut world = World::started(Policy::default(), diamond());
    world.maintainer(None, Command::Pause { now: false });
    assert_eq!(world.live_count(), 2, "running agents finish");
    world.maintainer(None, Command::Pause { now: true });
    assert_eq!((world.refusal(), world.live_count(), world.status("a")), (None, 0, StepStatus::Ready));
}

#[test]
fn a_judge_who_was_called_off_is_asked_again_after_the_pause() {
    let judge = Some(JudgePolicy { agent: None, weight: 1.0 });
    let mut world = World::started(Policy { judge, ..Policy::default() }, single());
    world.changed("a", "a1");
    world.verified("a", green());
    assert_eq!(world.directive.task(world.live(Some("a"))).unwrap().kind, TaskKind::Judge);
    world.maintainer(None, Command::Pause { now: true });
    assert_eq!(world.live_count(), 0);
    world.maintainer(None, Command::Resume);
    assert_eq!(world.directive.task(world.live(Some("a"))).unwrap().kind, TaskKind::Judge);
}
