//! Steps: scheduled, worked on, proved, reworked.

use super::*;

#[test]
fn independent_steps_run_side_by_side_and_dependents_wait() {
    let world = World::started(Policy::default(), diamond());
    assert_eq!(world.directive.status(), DirectiveStatus::Active);
    assert_eq!(world.status("a"), StepStatus::Running);
    assert_eq!(world.status("b"), StepStatus::Running);
    assert_eq!(world.status("c"), StepStatus::Pending);
}

#[test]
fn no_more_tasks_run_at_a_time_than_the_policy_allows() {
    let mut policy = Policy::default();
    policy.limits.parallel_tasks = 1;
    let mut world = World::started(policy, diamond());
    assert_eq!((world.live_count(), world.status("b")), (1, StepStatus::Ready));
    world.changed("a", "a1");
    assert_eq!(world.status("b"), StepStatus::Running);
}

#[test]
fn nothing_starts_before_the_integration_branch_is_there() {
    let mut world = World::open(Policy::default());
    world.planned(diamond());
    assert_eq!(world.live_count(), 0);
    world.signal(Signal::IntegrationCut);
    assert_eq!(world.live_count(), 2);
}

#[test]
fn a_green_step_merges_and_frees_its_dependents() {
    let mut world = World::started(Policy::default(), diamond());
    world.done("a");
    assert_eq!((world.status("a"), world.status("c")), (StepStatus::Passed, StepStatus::Pending));
    world.done("b");
    assert_eq!(world.status("c"), StepStatus::Running);
}

#[test]
fn a_step_is_passed_only_once_its_merge_is_confirmed() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", green());
    assert_eq!(world.status("a"), StepStatus::Evaluating);
}

#[test]
fn a_red_step_is_reworked_with_what_failed_until_the_reworks_are_used_up() {
    let mut world = World::started(Policy::default(), diamond());
    for cycle in 0..3 {
        world.changed("a", &format!("a{cycle}"));
        world.verified("a", red());
        let task = world.directive.task(world.live(Some("a"))).unwrap();
        assert_eq!(task.kind, TaskKind::Rework);
        assert!(task.instructions.contains("`test` failed") && task.instructions.contains("last line"));
    }
    world.changed("a", "a9");
    world.verified("a", red());
    assert_eq!((world.status("a"), world.waiting()), (StepStatus::Blocked, vec![ApprovalKind::StepBlocked]));
    world.approve("a");
    assert!(world.merges("a"), "approving a blocked step accepts it as it is");
}

#[test]
fn an_evaluation_of_an_older_head_is_void() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    let step = world.id("a");
    world.signal(Signal::HeadMoved { step, head: Sha::new("a2"), by: named("writer") });
    world.signal(Signal::Verified { step, head: Sha::new("a1"), results: green(), findings: Vec::new() });
    assert!(!world.merges("a"));
    assert!(world.directive.step(step).unwrap().state.evaluation().is_none());
}

#[test]
fn a_signal_that_comes_twice_does_nothing_the_second_time() {
    let mut world = World::started(Policy::default(), diamond());
    let task = world.live(Some("a"));
    let outcome = TaskOutcome::Changed { head: Sha::new("a1"), summary: "Did it.".to_owned(), findings: Vec::new() };
    world.finish(task, outcome.clone());
    let once = world.directive.clone();
    world.finish(task, outcome);
    assert_eq!((world.directive, world.effects), (once, Vec::new()));
}

#[test]
fn a_conflict_goes_to_rework_with_the_target_merged_in_and_does_not_count() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    let step = world.id("a");
    world.signal(Signal::Conflicted { step, head: Sha::new("a1"), paths: vec!["src/lib.rs".to_owned()] });
    let task = world.directive.task(world.live(Some("a"))).unwrap();
    assert!(task.merge_target && task.instructions.contains("src/lib.rs"));
    assert_eq!(world.directive.step(step).unwrap().rework_cycles, 0);
}

#[test]
fn a_task_that_cannot_be_run_is_tried_twice_more_and_then_asks() {
    let mut world = World::started(Policy::default(), diamond());
    for _ in 0..3 {
        assert_eq!(world.status("a"), StepStatus::Running);
        world.finish(
            world.live(Some("a")),
            TaskOutcome::Failed { reason: Failure::External("it left no result".to_owned()) },
        );
    }
    assert_eq!((world.status("a"), world.waiting()), (StepStatus::Failed, vec![ApprovalKind::StepBlocked]));
    world.maintainer(None, Command::Approve { step: Some("a".to_owned()) });
    assert!(matches!(world.refused(), Refusal::NothingToAccept { .. }));
    world.maintainer(None, Command::Retry { step: Some("a".to_owned()) });
    assert_eq!(world.status("a"), StepStatus::Running);
}

#[test]
fn a_change_step_that_changed_nothing_is_sent_back() {
    let mut world = World::started(Policy::default(), diamond());
    let nothing = |evidence: Option<&str>| TaskOutcome::Unchanged {
        summary: "Nothing to do.".to_owned(),
        report: None,
        evidence: evidence.map(str::to_owned),
        head: None,
    };
    world.finish(world.live(Some("a")), nothing(None));
    assert!(world.directive.task(world.live(Some("a"))).unwrap().instructions.contains("Nothing was changed"));
    world.finish(world.live(Some("a")), nothing(Some("src/lib.rs has it")));
    assert_eq!(world.waiting(), [ApprovalKind::StepReview], "evidence is yellow: a person looks");
}

#[test]
fn a_report_is_posted_and_passes_without_a_pull_request_once_a_person_has_read_it() {
    let plan = json!({ "steps": [
        { "name": "look", "type": "research", "description": "Look.", "requirements": ["R1"] },
        { "name": "build", "type": "implement", "description": "Build.", "depends_on": ["look"] },
    ]});
    let mut world = World::started(Policy::default(), plan);
    let outcome = TaskOutcome::Unchanged {
        summary: "Looked.".to_owned(),
        report: Some("All in one file.".to_owned()),
        evidence: None,
        head: None,
    };
    world.finish(world.live(Some("look")), outcome);
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::PostReport { .. })));
    assert_eq!((world.status("look"), world.waiting()), (StepStatus::Evaluating, vec![ApprovalKind::StepReview]));
    world.maintainer(None, Command::Approve { step: Some("look".to_owned()) });
    assert_eq!((world.status("look"), world.status("build")), (StepStatus::Passed, StepStatus::Running));
}

#[test]
fn a_protected_path_waits_for_a_person_even_in_full_auto() {
    let mut world = World::started(Policy { autonomy: Autonomy::FullAuto, ..Policy::default() }, diamond());
    let findings = vec![Finding { kind: FindingKind::Protected, text: "`.github/x` was changed".to_owned() }];
    let outcome = TaskOutcome::Changed { head: Sha::new("a1"), summary: "Did it.".to_owned(), findings };
    world.finish(world.live(Some("a")), outcome);
    world.opened("a");
    world.verified("a", green());
    assert!(!world.merges("a"));
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
}

#[test]
fn a_step_closed_by_a_person_is_skipped_or_asks_where_others_need_it() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    let step = world.id("a");
    world.signal(Signal::PullClosed { step, by: named("maintainer"), may_decide: true });
    assert_eq!((world.status("a"), world.waiting()), (StepStatus::Blocked, vec![ApprovalKind::StepBlocked]));
    world.maintainer(None, Command::Retry { step: Some("a".to_owned()) });
    world.changed("a", "a2");
    world.verified("a", green());
    assert!(world.merges("a"), "wanted after all, it is opened again");
    world.merged("a");
    world.done("b");
    world.changed("c", "c1");
    let step = world.id("c");
    world.signal(Signal::PullClosed { step, by: named("maintainer"), may_decide: true });
    assert_eq!(world.status("c"), StepStatus::Skipped);
}

#[test]
fn a_refused_merge_tells_a_person_why() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", green());
    let step = world.id("a");
    let problem = MergeProblem::Refused { answer: "a review is required".to_owned() };
    world.signal(Signal::MergeRefused { step, head: Sha::new("a1"), reason: problem.clone() });
    let question = crate::question::Question::Unmerged { step: StepName::new("a"), problem };
    assert_eq!(world.directive.waiting().next().unwrap().question, question);
    world.approve("a");
    assert!(world.merges("a"), "and is tried again on their word");
}

#[test]
fn checks_asked_for_again_void_what_was_found_and_prove_the_same_commit_once_more() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    let again = |world: &World, head: &str| Signal::Rerequested {
        step: world.id("a"),
        head: Sha::new(head),
        by: Login::new("maintainer"),
    };
    let running = world.directive.clone();
    world.signal(again(&world, "a1"));
    assert_eq!(world.directive, running, "the verifiers are at it already");
    world.verified("a", yellow());
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
    let asked = world.directive.clone();
    world.signal(again(&world, "a0"));
    assert_eq!(world.directive, asked, "it is an older commit that is asked about");
    world.signal(again(&world, "a1"));
    assert!(world.waiting().is_empty());
    let verify = Effect::Verify { step: world.id("a"), head: Sha::new("a1"), round: 2 };
    assert!(world.has(&verify));
    world.verified("a", green());
    assert!(world.merges("a"));
}
