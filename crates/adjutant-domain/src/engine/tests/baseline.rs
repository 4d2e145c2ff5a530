//! The base commit before anything is planned, and the verifiers that a change is not held against.

use super::*;

fn waits(report: BaselineReport) -> World {
    let mut world = World::unverified(Policy::default());
    assert!(world.directive.tasks.is_empty(), "no agent is paid before the base is known");
    world.signal(Signal::BaseVerified { round: 1, report: Box::new(report) });
    world
}

#[test]
fn a_sound_base_is_planned_upon_at_once() {
    let world = waits(BaselineReport::default());
    assert_eq!(world.live_count(), 1);
    assert_eq!(world.directive.baseline.state, BaselineState::Settled);
}

#[test]
fn what_is_wrong_on_the_base_is_asked_once_before_a_planner_is_paid() {
    let mut world = waits(faulty_base());
    assert_eq!(world.live_count(), 0);
    let asked: Vec<_> = world.directive.waiting().map(|approval| approval.kind).collect();
    assert_eq!(asked, [ApprovalKind::Baseline]);
    world.signal(Signal::Tick);
    assert_eq!(world.directive.approvals.len(), 1);
    world.maintainer(None, Command::Approve { step: None });
    assert_eq!(world.live_count(), 1, "the planner works");
}

#[test]
fn a_failure_from_before_the_change_is_neutral_and_no_rework() {
    let mut world = waits(faulty_base());
    world.maintainer(None, Command::Approve { step: Some("baseline".to_owned()) });
    world.planned(single());
    world.changed("a", "a-head");
    let results = red().into_iter().map(|result| world.directive.baseline.weigh(result)).collect();
    world.verified("a", results);
    assert_eq!(world.status("a"), StepStatus::Evaluating, "a person is asked");
    let step = world.directive.step_named("a").unwrap();
    let evaluation = step.state.evaluation().unwrap();
    assert_eq!(evaluation.confidence, Confidence::Yellow);
    let reason = EvaluationReason::FailedBefore { verifier: "test".to_owned() };
    assert_eq!(evaluation.reasons, [EvaluationReason::NothingVerified, reason]);
    assert_eq!(step.rework_cycles, 0);
}

#[test]
fn the_base_is_verified_again_without_an_agent() {
    let mut world = waits(faulty_base());
    world.maintainer(None, Command::Verify { step: None });
    assert!(world.has(&Effect::VerifyBase { round: 2 }));
    assert_eq!(world.directive.waiting().count(), 0, "the question is answered");
    world.signal(Signal::BaseVerified { round: 1, report: Box::new(faulty_base()) });
    assert_eq!(world.directive.waiting().count(), 0, "a late answer of the first round is nothing");
    world.signal(Signal::BaseVerified { round: 2, report: Box::default() });
    assert_eq!(world.live_count(), 1);
}

#[test]
fn a_base_that_cannot_be_verified_at_all_is_asked_about_too() {
    let mut world = World::unverified(Policy::default());
    world.signal(Signal::BaseNotVerified { round: None, reason: Failure::Dropped });
    assert_eq!(world.directive.waiting().count(), 1);
    world.maintainer(None, Command::Approve { step: None });
    assert_eq!(world.live_count(), 1);
}

#[test]
fn a_late_failure_of_an_earlier_round_hides_no_newer_report() {
    let mut world = waits(faulty_base());
    world.maintainer(None, Command::Verify { step: None });
    let key = |round| Effect::VerifyBase { round }.key(world.directive.id);
    let failed = |key: &str| Signal::of_failed_effect("verify_base", key, None, None, Failure::Dropped).unwrap();
    let (first, second) = (failed(&key(1)), failed(&key(2)));
    world.signal(first);
    assert_eq!(world.directive.baseline.state, BaselineState::Running, "the second round is still at work");
    world.signal(second);
    assert_eq!(world.directive.baseline.state, BaselineState::Asked);
}

#[test]
fn a_failure_that_an_earlier_version_recorded_is_of_the_present_round() {
    let recorded = serde_json::json!({ "base_not_verified": { "reason": Failure::Dropped } });
    let read: Signal = serde_json::from_value(recorded).unwrap();
    assert_eq!(read, Signal::BaseNotVerified { round: None, reason: Failure::Dropped });
}

#[test]
fn a_step_whose_verifier_could_not_be_run_is_verified_again_by_a_command() {
    let mut world = World::started(Policy::default(), single());
    world.changed("a", "a-head");
    let step = world.id("a");
    let reason = Failure::VerifierNotRun { verifier: "test".to_owned(), error: "make: not found".to_owned() };
    world.signal(Signal::EffectFailed { step: Some(step), reason });
    assert_eq!(world.status("a"), StepStatus::Blocked);
    let tasks = world.directive.tasks.len();
    world.maintainer(None, Command::Verify { step: Some("a".to_owned()) });
    assert_eq!(world.status("a"), StepStatus::Evaluating);
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::Verify { .. })));
    assert_eq!(world.directive.tasks.len(), tasks, "no agent ran");
    world.maintainer(None, Command::Verify { step: Some("a".to_owned()) });
    assert_eq!(world.refusal(), Some(&Notice::Refused { reason: Refusal::NothingToVerify }));
}

#[test]
fn what_a_person_asked_for_is_not_dropped_by_a_verification() {
    let mut world = World::started(Policy::default(), single());
    world.changed("a", "a-head");
    world.verified("a", yellow());
    world.maintainer(Some("a"), Command::Rework { text: "Use the parser.".to_owned() });
    world.finish(world.live(Some("a")), TaskOutcome::Barred { reason: Failure::NoAgent });
    assert_eq!(world.status("a"), StepStatus::Blocked);
    world.maintainer(None, Command::Verify { step: None });
    assert_eq!(world.status("a"), StepStatus::Blocked, "the rework is still owed");
    assert_eq!(world.refusal(), Some(&Notice::Refused { reason: Refusal::NothingToVerify }));
}

#[test]
fn what_an_earlier_verification_found_is_found_again_or_gone() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a-head");
    let step = world.id("a");
    let (head, results) = (Sha::new("a-head"), green());
    let findings = vec![Finding { kind: FindingKind::WeakenedProof, text: "A flaky test failed.".to_owned() }];
    world.signal(Signal::Verified { step, head, results, findings });
    assert!(!world.merges("a"), "a person is asked");
    world.maintainer(None, Command::Verify { step: Some("a".to_owned()) });
    world.verified("a", green());
    assert!(world.merges("a"));
}

#[test]
fn nothing_is_planned_while_the_directive_is_over() {
    let mut world = World::unverified(Policy::default());
    world.maintainer(None, Command::Stop);
    world.signal(Signal::BaseVerified { round: 1, report: Box::default() });
    assert_eq!(world.directive.status(), DirectiveStatus::Failed);
    assert!(world.directive.tasks.is_empty());
}
