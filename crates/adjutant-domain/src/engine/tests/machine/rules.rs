//! What must be true after every signal.

use std::collections::BTreeSet;

use super::super::*;
use super::stage::Stage;
use crate::engine::table::{Case, Next, Remaining, next};
use crate::evaluation::{Confidence, Evaluation};
use crate::event::EventKind;
use crate::ids::StepName;
use crate::replan::is_task_of_step;
use crate::step::{Candidate, MergeRequest, Step, StepState, Submission};

/// Everything that is checked of one decision.
pub(super) fn check(stage: &Stage, before: &Directive, signal: &Signal, decision: &Decision) {
    let directive = &stage.directive;
    for event in &decision.events {
        assert!(!matches!(event.kind, EventKind::TransitionRefused { .. }), "{event:?}");
    }
    effects_have_keys_of_their_own(stage, decision);
    for effect in &decision.effects {
        match effect {
            Effect::RunTask { task } => a_task_may_start(stage, before, *task),
            Effect::Merge { step, head, .. } => a_head_may_merge(stage, *step, head),
            Effect::Integrate { .. } => assert_eq!(directive.status(), DirectiveStatus::Active, "integrated meanwhile"),
            _ => {}
        }
    }
    one_task_a_step(directive);
    ready_means_ready(directive);
    what_is_done_stays_done(stage, before, signal);
    money_and_time_are_granted_by_people(before, directive, signal);
    answers_are_peoples(directive);
    words_are_about_what_is_there(stage);
    if directive.status().is_over() {
        assert!(!directive.tasks.iter().any(|task| task.status.is_live()), "tasks run after the end");
        assert_eq!(directive.waiting().count(), 0, "questions wait after the end");
    }
}

/// No two of one decision, and what costs or cannot be taken back never twice in a life.
fn effects_have_keys_of_their_own(stage: &Stage, decision: &Decision) {
    let keys: Vec<String> = decision.effects.iter().map(|effect| effect.key(stage.directive.id)).collect();
    let unique: BTreeSet<&String> = keys.iter().collect();
    assert_eq!(unique.len(), keys.len(), "two effects of one decision have the same key");
    for (effect, key) in decision.effects.iter().zip(&keys) {
        let once = matches!(
            effect,
            Effect::RunTask { .. }
                | Effect::VerifyBase { .. }
                | Effect::Verify { .. }
                | Effect::Merge { .. }
                | Effect::Integrate { .. }
        );
        assert!(!once || !stage.asked.contains(key), "{key} is asked for again, and would not be done");
    }
}

/// Nothing starts while paused, ended or over a limit, before its dependencies, or after it has passed.
fn a_task_may_start(stage: &Stage, before: &Directive, task: TaskId) {
    let directive = &stage.directive;
    let task = directive.task(task).unwrap();
    assert!(
        matches!(directive.status(), DirectiveStatus::Planning | DirectiveStatus::Active),
        "a {} task starts while {}",
        task.kind.as_str(),
        directive.status()
    );
    assert!(
        directive.spent() < directive.budget(),
        "a task starts with {} of {} spent",
        directive.spent(),
        directive.budget()
    );
    #[allow(clippy::cast_possible_truncation)] // a few hours
    let allowed = (directive.policy.limits.wall_time_hours * 3_600.0) as i64 + directive.clock.granted;
    assert!(
        directive.clock.at(stage.now) < allowed,
        "a task starts after {} s of {allowed} s",
        directive.clock.at(stage.now)
    );
    assert_eq!(directive.baseline.state, BaselineState::Settled, "an agent is paid before the base is known");
    let Some(step) = task.step else { return };
    let step = directive.step(step).unwrap();
    let done = |name: &StepName| directive.step_named(name.as_str()).is_some_and(|it| it.status().is_done());
    assert!(step.depends_on.iter().all(done), "{} starts before what it depends on", step.name);
    let was_done = before.step(step.id).is_some_and(|step| step.status().is_done());
    assert!(!was_done, "{} is done and is run again", step.name);
}

/// What is called ready is ready.
fn ready_means_ready(directive: &Directive) {
    let done = |name: &StepName| directive.step_named(name.as_str()).is_some_and(|it| it.status().is_done());
    for step in directive.steps.iter().filter(|step| step.status() == StepStatus::Ready) {
        assert!(step.depends_on.iter().all(done), "{} is ready before what it depends on", step.name);
    }
}

fn one_task_a_step(directive: &Directive) {
    let live: Vec<_> = directive.tasks.iter().filter(|task| task.status.is_live()).collect();
    let owners: BTreeSet<_> = live.iter().map(|task| task.step).collect();
    assert_eq!(owners.len(), live.len(), "two tasks of one step run");
    let working = live.iter().filter(|task| matches!(task.kind, TaskKind::Step | TaskKind::Rework)).count();
    assert!(working <= directive.policy.limits.parallel_tasks as usize, "{working} tasks at a time");
}

/// A head is merged because the table says so of its proof, or because somebody said yes to this very head.
fn a_head_may_merge(stage: &Stage, step: StepId, head: &Sha) {
    let directive = &stage.directive;
    let step = directive.step(step).unwrap();
    assert_eq!(directive.status(), DirectiveStatus::Active, "merged meanwhile");
    assert_eq!(step.head(), Some(head), "another head of {} is merged", step.name);
    assert!(accepted(stage, step, head), "{} is merged on nobody's word", step.name);
}

fn accepted(stage: &Stage, step: &Step, head: &Sha) -> bool {
    let by_report = step.report().is_some();
    let table = |evaluation: &Evaluation| {
        evaluation.confidence != Confidence::Red
            && next(Case {
                autonomy: stage.directive.policy.autonomy,
                confidence: evaluation.confidence,
                into_base: stage.directive.reaches_base(step) && !by_report,
                merge: stage.directive.policy.merge,
                needs_person: Evaluation::needs_person(step.findings()),
                remaining: Remaining::Rework,
            }) == Next::Merge
    };
    stage.blessed.contains(&(step.id, head.clone())) || step.state.evaluation().is_some_and(table)
}

/// What was passed or skipped stays so; a step passes because it was merged, accepted, or nothing was left to merge.
fn what_is_done_stays_done(stage: &Stage, before: &Directive, signal: &Signal) {
    for step in stage.directive.all_steps().chain(&stage.directive.earlier) {
        let Some(was) = before.any_step(step.id) else { continue };
        if was.status().is_done() {
            assert_eq!(was.status(), step.status(), "{} was done", step.name);
            continue;
        }
        if step.status() != StepStatus::Passed {
            continue;
        }
        let merged = match signal {
            Signal::PullMerged { step: merged, .. } => *merged == step.id || carries(before, *merged, step),
            Signal::IssueClosed { final_merged, .. } | Signal::IssueGone { final_merged, .. } => {
                *final_merged && step.is_final()
            }
            Signal::Integrated { differs, .. } => !differs && step.is_final(),
            _ => false,
        };
        let hash = step.submission().map(Submission::hash);
        let reported = step.report().is_some() && hash.is_some_and(|hash| accepted(stage, step, &hash));
        assert!(merged || reported, "{} passed on {signal:?}", step.name);
    }
}

/// Whether the work of a step was merged under the plan before: the same step, by its name and task.
fn carries(before: &Directive, merged: StepId, step: &Step) -> bool {
    before.earlier_step(merged).is_some_and(|earlier| {
        !earlier.status().is_done() && earlier.name == step.name && is_task_of_step(earlier, step)
    })
}

fn money_and_time_are_granted_by_people(before: &Directive, after: &Directive, signal: &Signal) {
    let granted = after.budget() > before.budget() || after.clock.granted > before.clock.granted;
    let by_a_person = match signal {
        Signal::Commanded(commanded) => commanded.actor.may_command(),
        Signal::Labelled(labelled) => labelled.actor.may_command(),
        _ => false,
    };
    assert!(!granted || by_a_person, "{signal:?} granted more");
    let (level, was) = (after.policy.autonomy, before.policy.autonomy);
    assert!(level <= was || by_a_person, "{signal:?} loosened the autonomy");
    assert!(level <= before.autonomy_ceiling() && after.autonomy_ceiling() == before.autonomy_ceiling(), "{level:?}");
}

/// Nobody says yes who may give no orders. (Whoever closes a pull request says no.)
fn answers_are_peoples(directive: &Directive) {
    for approval in directive.approvals.iter().filter(|approval| approval.status == ApprovalStatus::Approved) {
        let by = approval.answered_by.as_ref().map(Login::as_str);
        assert!(matches!(by, None | Some("maintainer" | "writer")), "{by:?} answered {approval:?}");
    }
}

/// A question is about the head that there is, and so is a yes that waits for its proof or its merge.
fn words_are_about_what_is_there(stage: &Stage) {
    let directive = &stage.directive;
    for approval in directive.waiting().filter(|it| matches!(it.kind, ApprovalKind::StepReview | ApprovalKind::Final)) {
        let step = approval.step.and_then(|step| directive.step(step));
        let subject = step.and_then(|step| step.submission()).map(Submission::subject);
        assert_eq!(subject.as_ref(), Some(&approval.shown), "a question about something else waits");
        let asked = step.is_some_and(
            |step| matches!(step.state, StepState::AwaitingDecision { approval: asked, .. } if asked == approval.id),
        );
        assert!(asked, "a question waits that its step does not wait for");
    }
    let is_done = |step: StepId| directive.step(step).is_none_or(|step| step.status().is_done());
    assert!(!directive.waiting().any(|it| it.step.is_some_and(is_done)), "a question about what is done waits");
    for step in directive.all_steps() {
        let Some(candidate) = step.state.candidate() else { continue };
        let Candidate { submission, pre_approved, .. } = candidate;
        let head = submission.hash();
        // What was carried over was said yes to under the plan before.
        let carried = directive.earlier.iter().filter(|it| step.status().is_done() && it.name == step.name);
        let mut known_as = carried.map(|it| it.id).chain([step.id]);
        let blessed = known_as.any(|id| stage.blessed.contains(&(id, head.clone())));
        assert!(pre_approved.is_none() || blessed, "a yes to another head of {} is kept", step.name);
        // A merge that GitHub was asked for before the rules became stricter is under way.
        let tightened = directive.policy.autonomy != directive.autonomy_ceiling();
        let wanted = match step.state {
            StepState::Merging { request: MergeRequest::Wanted, .. } => true,
            StepState::Merging { request: MergeRequest::Requested, .. } => !tightened,
            _ => false,
        };
        assert!(
            !wanted || blessed || accepted(stage, step, &head),
            "the merge of {} is wanted on nobody's word",
            step.name
        );
    }
}

/// What a helpful maintainer says to a paused directive.
pub(super) fn resume(_: &Directive) -> Command {
    Command::Resume
}
