//! Verification: what the verifiers and the judge found, and what follows from it.

use super::table::{self, Case, Next, Remaining};
use super::transition::{Followed, Transition};
use crate::approval::{ApprovalKind, ApprovalStatus};
use crate::baseline::BaselineState;
use crate::cause::Cause;
use crate::effect::Effect;
use crate::evaluation::{Confidence, Evaluation, EvaluationReason, Verdict, VerifierResult};
use crate::event::{Breaker, EventKind};
use crate::failure::Failure;
use crate::ids::{Login, Sha, StepId};
use crate::policy::CiPolicy;
use crate::question::{Question, Wanted};
use crate::signal::TaskOutcome;
use crate::status::StepStatus;
use crate::step::{
    Candidate, CiWait, Finding, FindingKind, MergeRequest, PassedBy, StepState, Submission, VerifierProgress,
};

impl Transition {
    /// Somebody wants a commit verified again: what was found before is void, and so are the questions about it.
    pub(super) fn rerequested(&mut self, id: StepId, head: &Sha, by: &Login) -> Followed {
        if self.step(id)?.head() == Some(head) {
            self.verify_again(id, by)?;
        }
        Ok(())
    }

    /// Verifies a step's head again, where it waits for people. Whether it does.
    pub(super) fn verify_again(&mut self, id: StepId, by: &Login) -> Followed<bool> {
        let step = self.step(id)?;
        // Before there is an evaluation the verifiers are at work, unless they could not be run and the step is blocked. A
        // merge that was asked for is not held up.
        let waits = match step.state {
            // What a person asked for meanwhile is not dropped.
            StepState::Blocked { instructions: Some(_), .. } => false,
            StepState::AwaitingCi { .. }
            | StepState::Blocked { cause: Cause::Failure(Failure::VerifierNotRun { .. }), .. } => true,
            StepState::Judging { .. } | StepState::AwaitingDecision { .. } | StepState::Blocked { .. } => {
                step.state.evaluation().is_some()
            }
            _ => false,
        };
        // A pull request that was closed stays so.
        let head = step.head().cloned().filter(|_| waits && step.open_pull().is_some());
        let Some(head) = head.filter(|_| !self.directive.status().is_over()) else { return Ok(false) };
        let (name, candidate) = (step.name.clone(), step.last());
        self.person(by);
        self.record(EventKind::VerificationRequested { step: name, head, by: by.clone() }, Some(id));
        self.cancel_tasks(|task| task.step == Some(id));
        self.close_approvals(Some(id), ApprovalStatus::Stale, |_| true);
        if let Some(mut candidate) = candidate {
            candidate.evaluation = None;
            // What verification found is found again.
            candidate.findings.retain(|finding| finding.kind == FindingKind::LeftOut);
            self.move_step(id, StepState::HandedIn { candidate })?;
        }
        self.verify(id)?;
        Ok(true)
    }

    /// The verifiers began, or they wait for their turn. What is told of an earlier verification is late.
    pub(super) fn verifier_progress(&mut self, id: Option<StepId>, round: u32, now: VerifierProgress) {
        let Some(id) = id else {
            let baseline = &mut self.directive.baseline;
            if baseline.state == BaselineState::Running && baseline.round == round {
                baseline.progress.go_on(now);
            }
            return;
        };
        self.with_step(id, |step| {
            if let StepState::Verifying { progress, .. } = &mut step.state
                && step.verifications == round
            {
                progress.go_on(now);
            }
        });
    }

    /// The verifiers are done. What they found at an older head is void.
    pub(super) fn verified(
        &mut self,
        id: StepId,
        head: &Sha,
        results: &[VerifierResult],
        findings: &[Finding],
    ) -> Followed {
        let step = self.step(id)?;
        let StepState::Verifying { candidate, .. } = &step.state else { return Ok(()) };
        if candidate.submission.head() != Some(head) || self.directive.status().is_over() {
            return Ok(());
        }
        let mut candidate = candidate.clone();
        let results: Vec<_> = results.iter().cloned().map(|result| step.past_runs.weigh(result)).collect();
        self.with_step(id, |step| step.past_runs.remember(&results));
        for finding in findings {
            if !candidate.findings.contains(finding) {
                candidate.findings.push(finding.clone());
            }
        }
        let thresholds = self.directive.policy.thresholds;
        let evaluation = Evaluation::of(head.clone(), results.clone(), &candidate.findings, thresholds);
        // What is red already goes to rework at once.
        if self.directive.policy.ci != CiPolicy::Off && evaluation.confidence != Confidence::Red {
            return self.await_ci(id, candidate, results);
        }
        self.evaluated(id, candidate, evaluation)
    }

    /// The verifiers are done and not red: the repository's own CI is waited for.
    fn await_ci(&mut self, id: StepId, candidate: Box<Candidate>, results: Vec<VerifierResult>) -> Followed {
        let Some(head) = candidate.submission.head().cloned() else { return Ok(()) };
        let round = self.step(id)?.verifications;
        let wait = CiWait { since: self.now, asked_at: self.now };
        self.move_step(id, StepState::AwaitingCi { candidate, results, wait })?;
        self.own_decision();
        self.record(EventKind::CiAwaited { head: head.clone() }, Some(id));
        self.effect(Effect::WriteCheck { step: id });
        self.effect(Effect::ReadCi { step: id, head, round });
        Ok(())
    }

    /// What was found without a judge: a judge is asked where there is one, else it is decided on.
    pub(super) fn evaluated(&mut self, id: StepId, mut candidate: Box<Candidate>, evaluation: Evaluation) -> Followed {
        let wanted = match candidate.submission {
            Submission::Report { .. } => true,
            Submission::Commit { .. } => evaluation.confidence != Confidence::Red,
        };
        if wanted && self.directive.policy.judge.is_some() {
            return self.move_step(id, StepState::Judging { candidate, evaluation, task: None });
        }
        candidate.evaluation = Some(evaluation);
        self.decide_on(id, candidate)
    }

    /// The judge ended. One that could not be asked leaves the matter to a person.
    pub(super) fn judge_finished(&mut self, id: StepId, outcome: &TaskOutcome) -> Followed {
        let thresholds = self.directive.policy.thresholds;
        let step = self.step(id)?;
        let StepState::Judging { candidate, evaluation, .. } = &step.state else { return Ok(()) };
        let (mut candidate, evaluation) = (candidate.clone(), evaluation.clone());
        let judged = match outcome {
            TaskOutcome::Judged { head, judgement } if *head == evaluation.head => {
                let covered = self.directive.criteria_of(step);
                if candidate.submission.head().is_none() {
                    evaluation.judged_report(judgement.clone(), &covered, thresholds)
                } else {
                    evaluation.judged(judgement.clone(), &covered, thresholds)
                }
            }
            // Its agent has to wait, or lacks money, and judges then.
            TaskOutcome::Failed { reason } if reason.costs_no_try() => {
                return self.move_step(id, StepState::Judging { candidate, evaluation, task: None });
            }
            TaskOutcome::Failed { reason } => {
                unjudged(evaluation, EvaluationReason::NotJudged { failure: reason.clone() })
            }
            // It waits for its turn again.
            TaskOutcome::Cancelled => {
                return self.move_step(id, StepState::Judging { candidate, evaluation, task: None });
            }
            _ => unjudged(evaluation, EvaluationReason::NoJudgement),
        };
        candidate.evaluation = Some(judged);
        self.decide_on(id, candidate)
    }

    /// Follows the table of autonomy and confidence.
    pub(super) fn decide_on(&mut self, id: StepId, candidate: Box<Candidate>) -> Followed {
        let Some(evaluation) = candidate.evaluation.clone() else { return Ok(()) };
        let by_report = candidate.submission.head().is_none();
        if by_report {
            self.effect(Effect::PostReport { step: id, head: candidate.submission.hash() });
        }
        let step = self.step(id)?;
        let case = Case {
            autonomy: self.directive.policy.autonomy,
            confidence: evaluation.confidence,
            into_base: self.directive.reaches_base(step) && !by_report,
            merge: self.directive.policy.merge,
            needs_person: Evaluation::needs_person(&candidate.findings),
            remaining: match step.rework_cycles < self.directive.policy.limits.rework_cycles {
                true => Remaining::Rework,
                false if self.plans_left() => Remaining::Plan,
                false => Remaining::Nothing,
            },
        };
        let (name, into_base) = (step.name.clone(), case.into_base);
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
            Next::Merge => self.request_merge(id, candidate),
            Next::Ask if candidate.pre_approved.is_some() => self.request_merge(id, candidate),
            Next::Ask => {
                let kind = if into_base { ApprovalKind::Final } else { ApprovalKind::StepReview };
                let wanted = match (by_report, into_base) {
                    (true, _) => Wanted::AcceptReport,
                    (false, true) => Wanted::MergeIntoBase,
                    (false, false) => Wanted::Merge,
                };
                let (confidence, reasons) = (evaluation.confidence, evaluation.reasons);
                let question = Question::Review { step: name, confidence, reasons, wanted };
                self.ask_about(id, candidate, kind, question)
            }
            Next::Rework => {
                self.keep(id, candidate);
                self.with_step(id, |step| step.rework_cycles += 1);
                let what = if by_report {
                    "The report".to_owned()
                } else {
                    format!("The work at {}", evaluation.head.short())
                };
                let cause = Cause::Red { reasons: evaluation.reasons.clone() };
                self.rework(id, &rework_text(&evaluation, &what), false, cause)
            }
            Next::Replan | Next::Block => {
                self.keep(id, candidate);
                let cycles = self.step(id)?.rework_cycles;
                self.tripped(Breaker::ReworkCycles, self.directive.policy.limits.rework_cycles, cycles, Some(id));
                self.replan_or_block(id, Cause::StillRed { reworks: cycles, reasons: evaluation.reasons })
            }
        }
    }

    /// Asks a person whether what was handed in may be merged or accepted.
    pub(super) fn ask_about(
        &mut self,
        id: StepId,
        candidate: Box<Candidate>,
        kind: ApprovalKind,
        question: Question,
    ) -> Followed {
        let shown = candidate.submission.subject();
        // The urgency of a question depends on what was found.
        self.keep(id, candidate.clone());
        let approval = self.ask(kind, Some(id), shown, question);
        self.move_step(id, StepState::AwaitingDecision { candidate, approval })
    }

    /// Writes down what became known of a submission, where the step still stands at it.
    pub(super) fn keep(&mut self, id: StepId, candidate: Box<Candidate>) {
        self.with_step(id, |step| {
            if let Some(known) = step.state.candidate_mut() {
                *known = *candidate;
            }
        });
    }

    /// Merges a step's pull request as it stands, or accepts its report.
    pub(super) fn request_merge(&mut self, id: StepId, candidate: Box<Candidate>) -> Followed {
        if candidate.submission.head().is_none() {
            self.keep(id, candidate);
            return self.pass(id, PassedBy::Report);
        }
        self.move_step(id, StepState::Merging { candidate, request: MergeRequest::Wanted })?;
        let open = self.step(id)?.open_pull().is_some();
        self.effect(if open { Effect::WriteCheck { step: id } } else { Effect::OpenPull { step: id } });
        Ok(())
    }

    /// The head does not merge into its target: the conflict is resolved by an agent. Such reworks do not count.
    pub(super) fn conflicted(&mut self, id: StepId, head: &Sha, paths: &[String]) -> Followed {
        let step = self.step(id)?;
        let integrating = matches!(step.state, StepState::Integrating { .. });
        let verifying = step.status() == StepStatus::Evaluating && step.head() == Some(head);
        if !(integrating || verifying) || self.directive.status().is_over() {
            return Ok(());
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
        self.rework(id, &text, true, Cause::Conflict { target })
    }
}

/// An evaluation that no judge has confirmed is at most yellow.
fn unjudged(mut evaluation: Evaluation, why: EvaluationReason) -> Evaluation {
    evaluation.confidence = evaluation.confidence.min(Confidence::Yellow);
    evaluation.reasons.push(why);
    evaluation
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
