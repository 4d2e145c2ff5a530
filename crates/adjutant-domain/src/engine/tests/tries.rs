//! Pauses between tries, and agents whose providers want to be left alone.

use super::*;
use crate::failure::AgentErrorKind;
use crate::task::{AgentPause, Task};

fn wants(kind: AgentErrorKind, seconds: u64) -> TaskOutcome {
    let reason = Failure::AgentReported { kind, message: "come back later".to_owned(), retry_after: Some(seconds) };
    TaskOutcome::Failed { reason }
}

fn crash() -> TaskOutcome {
    TaskOutcome::Failed { reason: Failure::AgentExited { status: 1 } }
}

/// The seconds between the end of the run before and the earliest start of the last one.
fn pause(world: &World) -> Option<i64> {
    let [.., before, last] = &world.directive.tasks[..] else { return None };
    Some((last.not_before? - before.finished_at?).num_seconds())
}

fn last(world: &World) -> &Task {
    world.directive.tasks.last().unwrap()
}

/// As [`World::started`]; no agent begins by itself.
fn started() -> World {
    World { busy: true, ..World::started(Policy::default(), single()) }
}

#[test]
fn tries_have_pauses_and_a_person_waits_for_none() {
    let mut world = started();
    assert_eq!(last(&world).not_before, None);
    for seconds in [30, 120] {
        world.finish(world.live(Some("a")), crash());
        assert_eq!(pause(&world), Some(seconds));
    }
    world.finish(world.live(Some("a")), crash());
    assert_eq!(world.status("a"), StepStatus::Failed);
    world.maintainer(None, Command::Retry { step: Some("a".to_owned()) });
    assert_eq!((world.status("a"), last(&world).not_before), (StepStatus::Running, None));
}

#[test]
fn a_planner_has_pauses_too_and_a_start_ends_them() {
    let mut world = World { busy: true, ..World::open(Policy::default()) };
    world.finish(world.live(None), crash());
    assert_eq!(pause(&world), Some(30));
    world.signal(Signal::TaskStarted { task: world.live(None) });
    assert_eq!(last(&world).not_before, None);
}

#[test]
fn what_is_wrong_with_the_change_itself_is_mended_without_a_pause() {
    let mut world = World::started(Policy::default(), single());
    world.finish(world.live(Some("a")), TaskOutcome::Refused { faults: vec!["a secret".to_owned()] });
    assert_eq!((world.status("a"), last(&world).not_before), (StepStatus::Running, None));
}

#[test]
fn a_pause_that_passed_while_the_directive_was_paused_is_not_waited_for_again() {
    let mut world = World::started(Policy::default(), single());
    world.maintainer(None, Command::Pause { now: false });
    world.finish(world.live(Some("a")), crash());
    world.waits(Duration::minutes(5));
    world.maintainer(None, Command::Resume);
    assert_eq!((world.status("a"), last(&world).not_before), (StepStatus::Running, None));
}

#[test]
fn a_provider_that_wants_to_be_left_alone_costs_no_try_and_asks_nobody() {
    let mut world = World { busy: true, ..World::open(Policy::default()) };
    for _ in 0..5 {
        world.finish(world.live(None), wants(AgentErrorKind::Quota, 18_000));
        assert_eq!((pause(&world), last(&world).attempt), (Some(18_000), 1));
    }
    world.planned(single());
    for _ in 0..5 {
        world.finish(world.live(Some("a")), wants(AgentErrorKind::Overloaded, 900));
        assert_eq!((pause(&world), last(&world).attempt), (Some(900), 1));
    }
    assert_eq!((world.status("a"), world.waiting()), (StepStatus::Running, Vec::new()));
    assert_eq!(world.directive.step_named("a").unwrap().failures, 0);
}

#[test]
fn a_provider_that_names_no_time_or_another_error_costs_tries() {
    for (kind, seconds) in [(AgentErrorKind::Quota, None), (AgentErrorKind::Tool, Some(900))] {
        let mut world = World::started(Policy::default(), single());
        for _ in 0..3 {
            let reason = Failure::AgentReported { kind, message: String::new(), retry_after: seconds };
            world.finish(world.live(Some("a")), TaskOutcome::Failed { reason });
        }
        assert_eq!(world.status("a"), StepStatus::Failed);
    }
}

#[test]
fn a_wish_for_a_short_pause_is_answered_with_longer_ones_while_it_lasts() {
    let mut world = started();
    for seconds in [30, 120, 600, 600] {
        world.finish(world.live(Some("a")), wants(AgentErrorKind::Overloaded, 0));
        assert_eq!(pause(&world), Some(seconds));
    }
}

#[test]
fn a_judge_that_has_to_wait_judges_later() {
    let judge = Some(crate::policy::JudgePolicy { agent: Some("second".to_owned()), weight: 1.0 });
    let mut world = World::started(Policy { judge, ..Policy::default() }, single());
    assert_eq!(world.directive.agent_of(last(&world)), None);
    world.changed("a", "a-head");
    world.verified("a", green());
    world.busy = true;
    world.finish(last(&world).id, wants(AgentErrorKind::Quota, 3_600));
    assert_eq!((last(&world).kind, pause(&world)), (TaskKind::Judge, Some(3_600)));
    assert_eq!(world.directive.agent_of(last(&world)), Some("second"));
    assert_eq!((world.status("a"), world.waiting()), (StepStatus::Evaluating, Vec::new()));
}

#[test]
fn a_task_whose_agent_waits_says_so_once_for_each_time_until_it_starts() {
    let mut world = World::started(Policy::default(), single());
    let task = world.live(Some("a"));
    let pause = |hours| AgentPause {
        agent: "claude".to_owned(),
        why: AgentErrorKind::Quota,
        until: morning() + Duration::hours(hours),
    };
    for hours in [2, 2, 7, 7] {
        world.signal(Signal::AgentPaused { task, pause: pause(hours) });
    }
    let told = world.events.iter().filter(|event| matches!(event, EventKind::AgentPaused { .. })).count();
    assert_eq!((told, last(&world).agent_pause.as_ref()), (2, Some(&pause(7))));
    assert!(world.directive.clock.running_since.is_none(), "no time is counted");
    world.signal(Signal::TaskStarted { task });
    assert_eq!(last(&world).agent_pause, None);
    world.changed("a", "a-head");
    world.signal(Signal::AgentPaused { task, pause: pause(9) });
    assert_eq!(last(&world).agent_pause, None, "it has ended");
}

#[test]
fn a_run_that_the_money_does_not_cover_pauses_and_asks_and_costs_no_try() {
    let lacks = || TaskOutcome::Failed {
        reason: Failure::AgentReported {
            kind: AgentErrorKind::Budget,
            message: "the budget does not cover this request".to_owned(),
            retry_after: None,
        },
    };
    for name in [None, Some("a")] {
        let mut world = match name {
            None => World { busy: true, ..World::open(Policy::default()) },
            Some(_) => started(),
        };
        for total in [20.0, 30.0, 40.0, 50.0] {
            world.finish(world.live(name), lacks());
            assert_eq!(
                (world.directive.status(), world.waiting()),
                (DirectiveStatus::Paused, vec![ApprovalKind::Budget])
            );
            world.directive.policy.limits.cost_ceiling = Some(Usd::from_dollars(100.0));
            world.maintainer(None, Command::Budget { usd: total });
            assert_ne!(world.directive.status(), DirectiveStatus::Paused, "{name:?} {total}");
        }
        assert_eq!(world.live_count(), 1, "it is tried again, however often");
    }
}

/// As [`started`], with agents `own` and `spare` of which the second is the fallback.
fn with_fallback() -> World {
    let mut agents = crate::policy::AgentsPolicy::default();
    agents.name("fallback", "spare".to_owned());
    let policy = Policy { agent: Some("own".to_owned()), agents, ..Policy::default() };
    World { busy: true, ..World::started(policy, single()) }
}

#[test]
fn the_fallback_takes_the_next_try_at_once_and_then_the_own_agent_is_waited_for() {
    let mut world = with_fallback();
    assert_eq!(world.directive.agent_of(last(&world)), Some("own"));
    world.finish(world.live(Some("a")), wants(AgentErrorKind::Quota, 18_000));
    let next = (world.directive.agent_of(last(&world)), last(&world).not_before, last(&world).attempt);
    assert_eq!(next, (Some("spare"), None, 1));
    world.finish(world.live(Some("a")), wants(AgentErrorKind::Quota, 3_600));
    assert_eq!((world.directive.agent_of(last(&world)), pause(&world)), (Some("own"), Some(3_600)));
}

#[test]
fn the_fallback_takes_a_queued_task_whose_agent_waits_and_waits_itself_where_it_has_to() {
    let mut world = with_fallback();
    let task = world.live(Some("a"));
    world.directive.task_mut(task).unwrap().status = TaskStatus::Queued;
    let pause = |agent: &str| AgentPause {
        agent: agent.to_owned(),
        why: AgentErrorKind::Quota,
        until: morning() + Duration::hours(2),
    };
    world.signal(Signal::AgentPaused { task, pause: pause("own") });
    assert_eq!((world.directive.agent_of(last(&world)), &last(&world).agent_pause), (Some("spare"), &None));
    world.signal(Signal::AgentPaused { task, pause: pause("spare") });
    assert_eq!(last(&world).agent_pause, Some(pause("spare")));
}
