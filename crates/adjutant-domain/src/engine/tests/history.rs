//! What the history says: every turn of a story, with who caused it and how much it matters.

use super::*;
use crate::event::{Event, Severity};

/// A turn's events, as `name by whom`, those that matter with their severity.
fn told(world: &World, signal: Signal) -> Vec<String> {
    let decision = decide(world.directive.clone(), &signal, world.now + Duration::seconds(10));
    let line = |event: Event| {
        let by = match event.actor {
            Actor::Person(login) => login.to_string(),
            Actor::Agent => "agent".to_owned(),
            Actor::Adjutant => "system".to_owned(),
            Actor::Unknown => "unknown".to_owned(),
        };
        let name = event.kind.name();
        match event.kind.severity() {
            Severity::Info => format!("{name} {by}"),
            severity => format!("{name} {by} ({})", severity.as_str()),
        }
    };
    decision.events.into_iter().map(line).collect()
}

fn order(command: Command) -> Signal {
    let at = morning() + Duration::days(1);
    Signal::Commanded(ordered(actor("maintainer", Permission::Admin), command, None, 77, at))
}

/// `a` waits for a person, an agent is at `b`.
fn midway() -> World {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    world.signal(Signal::TaskStarted { task: world.live(Some("b")) });
    world
}

#[test]
fn what_an_agent_does_is_its_own_and_what_follows_from_it_is_not() {
    let mut world = World::started(Policy::default(), diamond());
    let task = world.live(Some("a"));
    world.directive.task_mut(task).unwrap().status = TaskStatus::Queued;
    assert_eq!(told(&world, Signal::TaskStarted { task }), ["task_started agent"]);
    let finished = |outcome| Signal::TaskFinished { task, outcome, cost: Usd::from_dollars(0.5) };
    let changed = TaskOutcome::Changed { head: Sha::new("a1"), summary: String::new(), findings: Vec::new() };
    assert_eq!(told(&world, finished(changed)), ["task_finished agent", "step_status_changed agent"]);
    assert_eq!(
        told(&world, finished(TaskOutcome::Refused { faults: vec!["a secret".to_owned()] })),
        [
            "task_finished agent (warning)",
            "step_status_changed system",
            "step_rework system",
            "step_status_changed system",
            "step_started system"
        ]
    );
}

#[test]
fn a_stop_tells_of_every_task_and_question_that_it_ends() {
    assert_eq!(
        told(&midway(), order(Command::Stop)),
        [
            "approval_resolved maintainer",
            "task_cancelled maintainer",
            "directive_failed maintainer (error)",
            "status_changed maintainer",
            "command_taken maintainer"
        ]
    );
}

#[test]
fn a_pause_and_its_end_are_told_with_who_and_why() {
    let mut world = midway();
    assert_eq!(
        told(&world, order(Command::Pause { now: true })),
        [
            "status_changed maintainer",
            "directive_paused maintainer",
            "task_finished maintainer",
            "step_status_changed maintainer",
            "command_taken maintainer"
        ]
    );
    let unlabelled = Signal::Unlabelled { actor: actor("triager", Permission::Read) };
    assert_eq!(told(&world, unlabelled.clone()), ["status_changed triager", "directive_paused triager"]);
    world.signal(unlabelled);
    let again = Signal::Labelled(Box::new(labelled(Policy::default())));
    assert_eq!(told(&world, again), ["directive_resumed maintainer", "status_changed maintainer"]);
}

#[test]
fn a_refused_order_is_told_with_a_warning() {
    assert_eq!(told(&midway(), order(Command::Resume)), ["command_refused maintainer (warning)"]);
}

#[test]
fn an_order_is_told_with_its_words_but_not_with_a_book_of_them() {
    let world = midway();
    let words = |text: &str| {
        let signal = order(Command::Rework { text: text.to_owned() });
        let events = decide(world.directive.clone(), &signal, morning() + Duration::days(1)).events;
        let taken = events.into_iter().find_map(|event| match event.kind {
            EventKind::CommandTaken { order: Command::Rework { text }, .. } => Some(text),
            _ => None,
        });
        taken.unwrap()
    };
    assert_eq!(words("a use the parser"), "a use the parser");
    assert_eq!(words(&format!("a {}", "x".repeat(60_000))).len(), 500);
}

#[test]
fn what_happens_to_pull_requests_is_told() {
    let world = midway();
    let step = world.id("a");
    let by = named("writer");
    assert_eq!(told(&world, Signal::PullReady { step, by: None }), ["pull_ready system"]);
    let merged = told(&world, Signal::PullMerged { step, by: by.clone(), sha: None });
    assert_eq!(merged[..2], ["pull_merged writer", "approval_resolved writer"]);
    let closed = told(&world, Signal::PullClosed { step, by: by.clone(), may_decide: true });
    assert_eq!(closed[0], "pull_closed writer (warning)");
    let moved = told(&world, Signal::HeadMoved { step, head: Sha::new("a2"), by });
    assert_eq!(moved, ["head_moved writer", "approval_resolved writer", "verification_started writer"]);
    let refused = Signal::MergeRefused {
        step,
        head: Sha::new("a1"),
        reason: MergeProblem::Refused { answer: "a review is required".to_owned() },
    };
    assert_eq!(told(&world, refused.clone()), [""; 0], "no merge was asked for");
    let mut merging = midway();
    merging.approve("a");
    assert_eq!(told(&merging, refused)[0], "merge_refused system (warning)");
    let conflict = Signal::Conflicted { step, head: Sha::new("a1"), paths: vec!["src/lib.rs".to_owned()] };
    assert_eq!(told(&world, conflict)[0], "conflict_found system (warning)");
    let given_up = Signal::EffectFailed { step: Some(step), reason: Failure::External("no".to_owned()) };
    assert_eq!(told(&world, given_up)[..2], ["effect_failed system (error)", "step_status_changed system"]);
}

#[test]
fn an_end_and_what_comes_after_it_are_told() {
    let mut world = World::at_final(Policy::default());
    let maintainer = || actor("maintainer", Permission::Admin);
    let merged = Signal::PullMerged { step: world.id("final"), by: named("maintainer"), sha: None };
    assert_eq!(
        told(&world, merged.clone()),
        [
            "pull_merged maintainer",
            "approval_resolved maintainer",
            "step_status_changed maintainer",
            "directive_completed maintainer",
            "status_changed maintainer"
        ]
    );
    world.signal(merged);
    let unlabelled = Signal::Unlabelled { actor: maintainer() };
    assert_eq!(told(&world, unlabelled), ["status_changed maintainer", "directive_archived maintainer"]);
    let gone = Signal::IssueGone { actor: named("maintainer"), final_merged: false };
    assert_eq!(told(&midway(), gone)[0], "issue_closed maintainer");
}

#[test]
fn a_run_that_was_called_off_still_tells_what_it_cost() {
    let mut world = midway();
    let task = world.live(Some("b"));
    world.maintainer(None, Command::Skip { step: Some("b".to_owned()) });
    let late = Signal::TaskFinished { task, outcome: TaskOutcome::Cancelled, cost: Usd::from_dollars(0.5) };
    assert_eq!(told(&world, late.clone()), ["task_paid_late agent"]);
    world.signal(late.clone());
    assert_eq!(told(&world, late), [""; 0], "once");
}
