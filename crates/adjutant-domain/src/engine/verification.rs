//! Proof: what the verifiers and the judge found, and what follows from it.

use super::table::{self, Case, Next, Remaining};
use super::transition::Transition;
use crate::approval::{ApprovalKind, ApprovalStatus};
use crate::effect::Effect;
use crate::evaluation::{Confidence, Evaluation, Judgement, Verdict, VerifierResult};
use crate::event::{Breaker, EventKind};
use crate::ids::{Login, Sha, StepId};
use crate::signal::TaskOutcome;
use crate::status::StepStatus;
use crate::step::{Finding, MergeState};

impl Transition {
    /// Sends a step's head to the verifiers, its pull request opened first.
    pub(super) fn prove(&mut self, id: StepId) {
        let Some(step) = self.directive.step(id) else { return };
        let Some(head) = step.head.clone() else { return };
        if step.open_pull().is_none() {
            self.effect(Effect::OpenPull { step: id });
            return;
        }
        let round = step.verifications + 1;
        self.with_step(id, |step| {
            step.verifications = round;
            // A rework may have left the head as it was: it is proved anew all the same.
            step.evaluation = None;
        });
        self.effect(Effect::SyncPull { step: id });
        self.effect(Effect::WriteCheck { step: id });
        self.own_decision();
        self.record(EventKind::VerificationStarted { head: head.clone(), round }, Some(id));
        self.effect(Effect::Verify { step: id, head, round });
    }

    /// Somebody wants a commit proved again: what was found before is void, and so are the questions about it.
    pub(super) fn rerequested(&mut self, id: StepId, head: &Sha, by: &Login) {
        let Some(step) = self.directive.step(id) else { return };
        let waits = matches!(step.status, StepStatus::Evaluating | StepStatus::Blocked);
        // Without an evaluation the verifiers are at it already; a merge that is on its way is not held up.
        let proved = step.evaluation.is_some() && step.merge == MergeState::Open && step.pull.is_some();
        if !waits || !proved || step.head.as_ref() != Some(head) || self.directive.status.is_over() {
            return;
        }
        let (name, blocked) = (step.name.clone(), step.status == StepStatus::Blocked);
        self.person(by);
        self.record(EventKind::VerificationRequested { step: name, head: head.clone(), by: by.clone() }, Some(id));
        self.cancel_tasks(|task| task.step == Some(id));
        self.close_approvals(Some(id), ApprovalStatus::Stale, |_| true);
        self.with_step(id, |step| step.evaluation = None);
        if blocked {
            self.set_step(id, StepStatus::Evaluating);
        }
        self.prove(id);
    }

    /// The verifiers are done. What they found at an older head is void.
    pub(super) fn verified(&mut self, id: StepId, head: &Sha, results: &[VerifierResult], findings: &[Finding]) {
        let (thresholds, has_judge) = (self.directive.policy.thresholds, self.directive.policy.judge.is_some());
        let is_over = self.directive.status.is_over();
        let Some(step) = self.directive.step_mut(id).filter(|_| !is_over) else { return };
        if step.status != StepStatus::Evaluating || step.head.as_ref() != Some(head) || step.evaluation.is_some() {
            return;
        }
        for finding in findings {
            if !step.findings.contains(finding) {
                step.findings.push(finding.clone());
            }
        }
        let evaluation = Evaluation::of(head.clone(), results.to_vec(), None, &step.findings, thresholds);
        let red = evaluation.confidence == Confidence::Red;
        step.evaluation = Some(evaluation);
        step.judge_due = has_judge && !red;
        if !step.judge_due {
            self.decide_on(id);
        }
    }

    /// The judge ended. One that could not be asked leaves the matter to a person.
    pub(super) fn judge_finished(&mut self, id: StepId, outcome: &TaskOutcome) {
        let thresholds = self.directive.policy.thresholds;
        let Some(step) = self.directive.step_mut(id) else { return };
        let Some(evaluation) = step.current_evaluation().cloned() else { return };
        if step.status != StepStatus::Evaluating {
            return;
        }
        let judged = match outcome {
            TaskOutcome::Judged { head, judgement } if *head == evaluation.head && step.is_by_report() => {
                Evaluation::of_report(evaluation.head, Some(judgement.clone()), &step.criteria, evaluation.reasons)
            }
            TaskOutcome::Judged { head, judgement } if *head == evaluation.head => {
                judged(&evaluation, judgement, &step.findings, thresholds)
            }
            TaskOutcome::Failed { reason } => {
                let mut unjudged = evaluation;
                unjudged.confidence = unjudged.confidence.min(Confidence::Yellow);
                unjudged.reasons.push(format!("the judge could not be asked: {reason}"));
                unjudged
            }
            TaskOutcome::Cancelled => return,
            _ => {
                let mut unjudged = evaluation;
                unjudged.confidence = unjudged.confidence.min(Confidence::Yellow);
                unjudged.reasons.push("the judge handed in no judgement".to_owned());
                unjudged
            }
        };
        step.evaluation = Some(judged);
        step.judge_due = false;
        if let Some(head) = step.head.clone().filter(|_| step.is_by_report()) {
            self.effect(Effect::PostReport { step: id, head });
        }
        self.decide_on(id);
    }

    /// Follows the table of autonomy and confidence.
    pub(super) fn decide_on(&mut self, id: StepId) {
        // What was given up meanwhile is decided on no more.
        let Some(step) = self.directive.step(id).filter(|step| step.status == StepStatus::Evaluating) else { return };
        let Some(evaluation) = step.current_evaluation().cloned() else { return };
        let by_report = step.is_by_report();
        let case = Case {
            autonomy: self.directive.policy.autonomy,
            confidence: evaluation.confidence,
            into_base: step.into_base && !by_report,
            merge: self.directive.policy.merge,
            needs_person: Evaluation::needs_person(&step.findings),
            remaining: match step.rework_cycles < self.directive.policy.limits.rework_cycles {
                true => Remaining::Rework,
                false if self.plans_left() => Remaining::Plan,
                false => Remaining::Nothing,
            },
        };
        let (name, pre_approved, into_base) = (step.name.clone(), step.pre_approved.clone(), case.into_base);
        self.own_decision();
        let completed = EventKind::EvaluationCompleted {
            step: name.clone(),
            head: evaluation.head.clone(),
            confidence: evaluation.confidence,
            score: evaluation.score,
            reasons: evaluation.reasons.clone(),
        };
        self.record(completed, Some(id));
        self.effect(Effect::WriteCheck { step: id });
        match table::next(case) {
            Next::Merge => self.request_merge(id),
            Next::Ask if pre_approved.is_some() => self.request_merge(id),
            Next::Ask => {
                let kind = if into_base { ApprovalKind::Final } else { ApprovalKind::StepReview };
                let question = question(name.as_str(), &evaluation, into_base, by_report);
                self.ask(kind, Some(id), evaluation.head, question);
            }
            Next::Rework => {
                self.with_step(id, |step| step.rework_cycles += 1);
                let what = if by_report {
                    "The report".to_owned()
                } else {
                    format!("The work at {}", evaluation.head.short())
                };
                self.rework(id, rework_text(&evaluation, &what), false, &evaluation.reasons.join("; "));
            }
            Next::Replan | Next::Block => {
                let cycles = self.directive.step(id).map_or(0, |step| step.rework_cycles);
                self.tripped(Breaker::ReworkCycles, self.directive.policy.limits.rework_cycles, cycles, Some(id));
                let why = format!("still red after {cycles} reworks ({})", evaluation.reasons.join("; "));
                self.replan_or_block(id, &why);
            }
        }
    }

    /// Merges a step's pull request as it stands, or accepts its report.
    pub(super) fn request_merge(&mut self, id: StepId) {
        let Some(step) = self.directive.step(id) else { return };
        if step.is_by_report() {
            self.pass(id);
            return;
        }
        let open = step.open_pull().is_some();
        self.with_step(id, |step| step.merge = MergeState::Wanted);
        self.effect(if open { Effect::WriteCheck { step: id } } else { Effect::OpenPull { step: id } });
    }

    /// The head does not merge into its target: the conflict is resolved by an agent. Such reworks do not count.
    pub(super) fn conflicted(&mut self, id: StepId, head: &Sha, paths: &[String]) {
        let Some(step) = self.directive.step(id) else { return };
        let integrating = step.is_final() && step.status == StepStatus::Running;
        let proving = step.status == StepStatus::Evaluating && step.head.as_ref() == Some(head);
        if !(integrating || proving) || self.directive.status.is_over() {
            return;
        }
        let target = step.target.clone();
        let found = EventKind::ConflictFound {
            step: step.name.clone(),
            head: head.clone(),
            target: target.clone(),
            paths: paths.to_vec(),
        };
        self.record(found, Some(id));
        let text = format!(
            "The branch `{target}` was merged in and these files are in conflict: {}. \
             Resolve the conflicts so that both sides' intentions hold, and leave no conflict markers.",
            paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ")
        );
        self.rework(id, text, true, &format!("it no longer merges into `{target}`"));
    }
}

fn judged(
    before: &Evaluation,
    judgement: &Judgement,
    findings: &[Finding],
    thresholds: crate::policy::Thresholds,
) -> Evaluation {
    Evaluation::of(before.head.clone(), before.results.clone(), Some(judgement.clone()), findings, thresholds)
}

fn question(name: &str, evaluation: &Evaluation, into_base: bool, by_report: bool) -> String {
    let what = match (by_report, into_base) {
        (true, _) => "May this report be accepted?",
        (false, true) => "May this be merged into the base?",
        (false, false) => "May this step be merged?",
    };
    if evaluation.reasons.is_empty() {
        format!("`{name}` is {}. {what}", evaluation.confidence.as_str())
    } else {
        let reasons = evaluation.reasons.join("; ");
        format!("`{name}` is {}: {}. {what}", evaluation.confidence.as_str(), reasons.trim_end_matches('.'))
    }
}

/// What a rework is told: what failed, with the last lines of output, and which criteria are unmet.
fn rework_text(evaluation: &Evaluation, what: &str) -> String {
    let mut text = format!("{what} was turned down.\n");
    for failed in evaluation.results.iter().filter(|result| result.verdict == Verdict::Fail) {
        let kind = if failed.required { "required" } else { "optional" };
        text.push_str(&format!("\nThe {kind} verifier `{}` failed: {}\n", failed.name, failed.summary));
        if !failed.tail.is_empty() {
            text.push_str(&format!("Its last lines of output:\n\n{}\n", indented(&failed.tail)));
        }
    }
    if let Some(judgement) = &evaluation.judgement {
        for unmet in judgement.criteria.iter().filter(|criterion| !criterion.met) {
            text.push_str(&format!("\nCriterion {} is unmet: {}\n", unmet.id, unmet.note));
        }
    }
    text
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
