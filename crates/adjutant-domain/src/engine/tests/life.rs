//! The directive's own life.

use super::*;
use crate::policy::options::label_override;

#[test]
fn closing_the_issue_stops_unless_the_final_pull_request_is_merged() {
    let closed = |final_merged| Signal::IssueClosed { actor: named("maintainer"), final_merged };
    let mut world = World::at_final(Policy::default());
    world.signal(closed(true));
    assert_eq!(world.directive.status(), DirectiveStatus::Completed);
    // Completion closes the issue, and hears of it.
    world.signal(closed(true));
    assert_eq!(world.directive.status(), DirectiveStatus::Completed);
    world.signal(Signal::Unlabelled { actor: actor("maintainer", Permission::Admin) });
    assert_eq!(world.directive.status(), DirectiveStatus::Archived);
    let mut world = World::at_final(Policy::default());
    world.signal(closed(false));
    assert_eq!(world.directive.status(), DirectiveStatus::Failed);
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::ClosePull { .. })));
    world.signal(closed(false));
    assert_eq!(world.directive.status(), DirectiveStatus::Archived);
}

#[test]
fn stop_calls_off_tasks_and_voids_questions() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    world.maintainer(None, Command::Stop);
    assert_eq!((world.directive.status(), world.live_count(), world.waiting()), (DirectiveStatus::Failed, 0, vec![]));
    let by = named("maintainer");
    assert_eq!(world.directive.state.failure(), Some(&DirectiveFailure::Stopped { by, how: StopReason::Command }));
}

#[test]
fn the_label_taken_off_pauses_and_put_back_resumes() {
    let mut world = World::started(Policy::default(), diamond());
    world.signal(Signal::Unlabelled { actor: actor("triager", Permission::Read) });
    assert_eq!(world.directive.status(), DirectiveStatus::Paused);
    world.changed("a", "a1");
    world.verified("a", green());
    assert!(!world.merges("a"), "nothing starts while paused");
    world.signal(Signal::Labelled(Box::new(labelled(Policy::default()))));
    assert_eq!(world.directive.status(), DirectiveStatus::Active);
    assert!(world.merges("a"), "what was decided meanwhile goes on");
}

#[test]
fn a_pause_during_planning_goes_back_to_planning_or_on_to_active() {
    let mut world = World::open(Policy::default());
    world.maintainer(None, Command::Pause { now: false });
    world.planned(diamond());
    world.signal(Signal::IntegrationCut);
    assert_eq!((world.directive.status(), world.live_count()), (DirectiveStatus::Paused, 0));
    world.maintainer(None, Command::Resume);
    assert_eq!((world.directive.status(), world.live_count()), (DirectiveStatus::Active, 2));
}

#[test]
fn pause_now_calls_off_what_runs_and_resume_starts_it_again() {
    let mut world = World::started(Policy::default(), diamond());
    world.maintainer(None, Command::Pause { now: true });
    assert_eq!((world.live_count(), world.status("a")), (0, StepStatus::Ready));
    world.maintainer(None, Command::Resume);
    assert_eq!((world.live_count(), world.status("a")), (2, StepStatus::Running));
}

#[test]
fn time_that_people_take_does_not_count() {
    let mut world = World::started(Policy::default(), single());
    world.changed("a", "a1");
    world.verified("a", green());
    let worked = world.directive.clock.at(world.now);
    world.now += Duration::hours(100);
    world.signal(Signal::Tick);
    assert_eq!((world.directive.status(), world.directive.clock.at(world.now)), (DirectiveStatus::Active, worked));
}

#[test]
fn a_command_that_the_states_forbid_names_both_ends() {
    use DirectiveStatus::{Active, Failed, Paused, Planning};
    let mut world = World::started(Policy::default(), diamond());
    let refused = |world: &mut World, command| {
        world.maintainer(None, command);
        world.refused()
    };
    assert_eq!(refused(&mut world, Command::Resume), Refusal::NothingPaused { status: Active });
    world.maintainer(None, Command::Pause { now: false });
    let again = refused(&mut world, Command::Pause { now: false });
    assert_eq!(again, Refusal::NotPossible { from: Paused, to: Paused });
    world.maintainer(None, Command::Stop);
    for (command, to) in [
        (Command::Stop, Failed),
        (Command::Pause { now: false }, Paused),
        (Command::Resume, Active),
        (Command::Replan { reason: String::new() }, Planning),
    ] {
        assert_eq!(refused(&mut world, command), Refusal::NotPossible { from: Failed, to });
    }
    assert_eq!(refused(&mut world, Command::Skip { step: None }), Refusal::Ended { status: Failed });
}

#[test]
fn the_label_put_back_by_who_may_not_is_answered_and_resumes_nothing() {
    let mut world = World::started(Policy::default(), diamond());
    world.signal(Signal::Unlabelled { actor: actor("triager", Permission::Read) });
    let by = |actor| Signal::Labelled(Box::new(Labelled { actor, ..labelled(Policy::default()) }));
    world.signal(by(actor("triager", Permission::Read)));
    assert_eq!(world.directive.status(), DirectiveStatus::Paused);
    let refused = |effect: &Effect| matches!(effect, Effect::Announce { notice: Notice::LabelRefused { .. }, .. });
    assert!(world.effects.iter().any(refused));
    world.signal(by(Requester { bot: true, ..actor("other[bot]", Permission::Admin) }));
    assert_eq!(
        (world.directive.status(), world.effects.len()),
        (DirectiveStatus::Paused, 0),
        "a bot's label is no order"
    );
}

#[test]
fn the_next_directive_of_an_issue_knows_the_one_before() {
    let first = open(&labelled(Policy::default()), morning()).directive.unwrap();
    assert_eq!(first.predecessor, None);
    let second = open(&Labelled { earlier: 1, ..labelled(Policy::default()) }, morning()).directive.unwrap();
    assert_eq!(second.predecessor, Some(first.id));
}

#[test]
fn an_issue_that_is_moved_away_or_deleted_stops_unless_all_was_delivered() {
    let gone = |final_merged| Signal::IssueGone { actor: named("maintainer"), final_merged };
    let mut world = World::at_final(Policy::default());
    world.signal(gone(false));
    let (by, how) = (named("maintainer"), StopReason::Issue(IssueEnd::Gone));
    assert_eq!(world.directive.state.failure(), Some(&DirectiveFailure::Stopped { by, how }));
    let mut world = World::at_final(Policy::default());
    world.signal(gone(true));
    assert_eq!(world.directive.status(), DirectiveStatus::Completed);
}

#[test]
fn every_signal_in_every_state_has_an_answer() {
    let worlds = [
        World::open(Policy::default()),
        World::started(Policy::default(), diamond()),
        World::started(Policy::default(), single()),
        World::at_final(Policy::default()),
    ];
    let someone = || actor("maintainer", Permission::Admin);
    for world in worlds {
        let step = world.directive.steps.first().map_or_else(|| StepId(uuid::Uuid::nil()), |step| step.id);
        let signals = [
            Signal::Unlabelled { actor: someone() },
            Signal::PolicyOverridden {
                actor: someone(),
                policy_override: label_override("directive", "directive:manual").unwrap(),
            },
            Signal::IssueClosed { actor: named("w"), final_merged: false },
            Signal::IntegrationCut,
            Signal::PullReady { step, by: None },
            Signal::Verified { step, head: Sha::new("x"), results: red(), findings: Vec::new() },
            Signal::Conflicted { step, head: Sha::new("x"), paths: Vec::new() },
            Signal::HeadMoved { step, head: Sha::new("x"), by: named("w") },
            Signal::PullMerged { step, by: named("w"), sha: None },
            Signal::PullClosed { step, by: named("w"), may_decide: true },
            Signal::BaseRenamed { from: Branch::new("main"), to: Branch::new("trunk") },
            Signal::PullReopened { step, by: named("w") },
            Signal::PullDrafted { step, by: named("w") },
            Signal::MergeRefused { step, head: Sha::new("x"), reason: MergeProblem::NotComputed },
            Signal::Integrated { head: Sha::new("x"), differs: true },
            Signal::EffectFailed { step: Some(step), reason: Failure::External("no".to_owned()) },
            Signal::EffectFailed { step: None, reason: Failure::External("no".to_owned()) },
            Signal::Tick,
        ];
        for first in &signals {
            for second in &signals {
                let once = decide(world.directive.clone(), first, world.now).directive.unwrap();
                let twice = decide(once, second, world.now);
                assert!(
                    !twice.events.iter().any(|event| matches!(event.kind, EventKind::TransitionRefused { .. })),
                    "{first:?} then {second:?}: {:?}",
                    twice.events
                );
            }
        }
        let tasks = world.directive.tasks.iter().filter(|task| task.status == TaskStatus::Running).count();
        assert!(tasks <= 3);
    }
}

#[test]
fn when_it_was_paused_last_stays_in_the_state_after_it_was_resumed() {
    let mut world = World::started(Policy::default(), diamond());
    assert_eq!(world.directive.paused_at, None);
    world.signal(Signal::Unlabelled { actor: actor("triager", Permission::Read) });
    let paused = world.now;
    world.maintainer(None, Command::Resume);
    assert_eq!((world.directive.status(), world.directive.paused_at), (DirectiveStatus::Active, Some(paused)));
}
