//! What the properties found, kept as stories.

use super::*;

#[test]
fn a_step_that_was_blocked_before_its_turn_waits_for_its_turn_when_it_is_tried_again() {
    let mut world = World::started(Policy::default(), diamond());
    let step = Some(world.id("c"));
    world.signal(Signal::EffectFailed { step, reason: Failure::External("no permission".to_owned()) });
    assert_eq!(world.status("c"), StepStatus::Blocked);
    world.maintainer(None, Command::Retry { step: Some("c".to_owned()) });
    assert_eq!((world.status("c"), world.live_count()), (StepStatus::Pending, 2));
    world.signal(Signal::EffectFailed { step, reason: Failure::External("no permission".to_owned()) });
    world.maintainer(None, Command::Rework { text: "c with care".to_owned() });
    assert_eq!(
        (world.status("c"), world.live_count()),
        (StepStatus::Rework, 2),
        "sent to work, after what is before it"
    );
    world.done("a");
    world.done("b");
    assert_eq!(world.status("c"), StepStatus::Running);
}

#[test]
fn what_verifiers_find_after_the_end_asks_nobody() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.maintainer(None, Command::Stop);
    for results in [yellow(), red()] {
        let step = world.id("a");
        world.signal(Signal::Verified { step, head: Sha::new("a1"), results, findings: Vec::new() });
        assert_eq!((world.waiting(), world.effects.len(), world.status("a")), (vec![], 0, StepStatus::Evaluating));
    }
}

#[test]
fn a_stricter_label_asks_nothing_about_a_step_that_was_skipped_before_its_merge() {
    let auto = Policy { autonomy: Autonomy::FullAuto, ..Policy::default() };
    let mut world = World::started(auto, diamond());
    world.changed("a", "a1");
    world.maintainer(None, Command::Pause { now: false });
    world.verified("a", green());
    world.maintainer(None, Command::Skip { step: Some("a".to_owned()) });
    world.maintainer(None, Command::Autonomy { level: "manual".to_owned() });
    assert_eq!((world.status("a"), world.waiting()), (StepStatus::Skipped, vec![]));
}

#[test]
fn a_judge_is_called_off_when_what_it_is_asked_about_counts_no_more() {
    let judge = crate::policy::JudgePolicy { agent: None, weight: 1.0 };
    let judging = || {
        let mut world = World::started(Policy { judge: Some(judge.clone()), ..Policy::default() }, diamond());
        world.changed("a", "a1");
        world.verified("a", green());
        let asked = world.live(Some("a"));
        assert_eq!(world.directive.task(asked).unwrap().kind, TaskKind::Judge);
        (world, asked)
    };
    let (mut world, asked) = judging();
    world.maintainer(None, Command::Rework { text: "a with care".to_owned() });
    assert_eq!(world.directive.task(asked).unwrap().status, TaskStatus::Cancelled);
    assert_eq!(world.directive.task(world.live(Some("a"))).unwrap().kind, TaskKind::Rework, "and nobody else is at it");

    let (mut world, asked) = judging();
    let pushed = Signal::HeadMoved { step: world.id("a"), head: Sha::new("a2"), by: named("writer") };
    world.signal(pushed);
    assert_eq!(world.directive.task(asked).unwrap().status, TaskStatus::Cancelled);
    let step = world.id("a");
    world.signal(Signal::Verified { step, head: Sha::new("a2"), results: green(), findings: Vec::new() });
    assert_ne!(world.live(Some("a")), asked, "the new head is judged by another");
}

#[test]
fn words_about_a_plan_that_waits_may_begin_with_the_name_of_one_of_its_steps() {
    let mut world = World::open(Policy { plan_approval: true, ..Policy::default() });
    world.planned(diamond());
    world.maintainer(None, Command::Rework { text: "a should be split in two".to_owned() });
    assert_eq!((world.refusal(), world.waiting()), (None, vec![]));
    assert_eq!(world.directive.planning_words.as_ref().unwrap().words, "a should be split in two");
}

#[test]
fn a_second_reviewers_words_on_the_final_pull_request_are_a_step_of_their_own() {
    let mut world = World::at_final(Policy::default());
    for text in ["name the unit", "and the error"] {
        world.maintainer(None, Command::Rework { text: format!("final {text}") });
    }
    let asked: Vec<_> =
        world.directive.steps.iter().filter(|step| step.name.as_str().starts_with("follow-up-")).collect();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].task_plan.contains("and the error"), "{}", asked[1].task_plan);
}

#[test]
fn a_conflict_whose_resolution_was_not_taken_stays_a_conflict() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    let step = world.id("a");
    world.signal(Signal::Conflicted { step, head: Sha::new("a1"), paths: vec!["src/lib.rs".to_owned()] });
    let resolving = world.live(Some("a"));
    world.finish(resolving, TaskOutcome::Refused { faults: vec!["a secret".to_owned()] });
    let again = world.directive.task(world.live(Some("a"))).unwrap();
    assert!(again.merge_target, "the target is merged in once more");
    assert!(again.instructions.contains("src/lib.rs") && again.instructions.contains("a secret"), "{again:?}");
}
