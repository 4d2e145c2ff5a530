//! What comes of an agent's run on a step.

use super::transition::{Followed, Transition};
use crate::approval::{ApprovalKind, Subject};
use crate::cause::Cause;
use crate::closing::ClosingReason;
use crate::effect::Effect;
use crate::evaluation::{Evaluation, EvaluationReason};
use crate::event::EventKind;
use crate::failure::Failure;
use crate::ids::{Sha, StepId, TaskId, Usd};
use crate::question::Question;
use crate::signal::TaskOutcome;
use crate::step::{Candidate, Finding, StepState, Submission};
use crate::task::{Task, TaskKind, TaskStatus};

/// How often a task that could not be run is tried again.
const RETRIES: u32 = 2;
/// The most reasons of a refused change that are kept.
const MOST_FAULTS: usize = 100;

impl Transition {
    /// An agent began.
    pub(super) fn task_started(&mut self, id: TaskId) {
        let now = self.now;
        let Some(task) = self.directive.task_mut(id) else { return };
        (task.held, task.agent_pause, task.not_before) = (None, None, None);
        let Ok(running) = task.status.to(TaskStatus::Running) else { return };
        task.status = running;
        task.started_at = Some(now);
        let started = EventKind::TaskStarted { task: task.number, kind: task.kind, attempt: task.attempt };
        let step = task.step;
        self.agent();
        self.record(started, step);
    }

    /// An agent ended. What a task that was called off brings late is paid for and not used.
    pub(super) fn task_finished(&mut self, id: TaskId, outcome: &TaskOutcome, cost: Usd) -> Followed {
        self.agent();
        self.end_task(id, outcome, cost)
    }

    /// A task ends, by its agent or because a person called it off.
    pub(super) fn end_task(&mut self, id: TaskId, outcome: &TaskOutcome, cost: Usd) -> Followed {
        let now = self.now;
        let Some(task) = self.directive.task_mut(id) else { return Ok(()) };
        let unpaid = task.cost == Usd::ZERO && cost != Usd::ZERO;
        if unpaid {
            task.cost = cost;
        }
        if let TaskOutcome::Failed { reason } = outcome
            && reason.lacks_money()
        {
            self.directive.short_of_money = true;
        }
        let Some(task) = self.directive.task_mut(id) else { return Ok(()) };
        let end = match outcome {
            TaskOutcome::Failed { .. } | TaskOutcome::Barred { .. } => TaskStatus::Failed,
            TaskOutcome::Cancelled => TaskStatus::Cancelled,
            _ => TaskStatus::Succeeded,
        };
        let Ok(end) = task.status.to(end) else {
            let (step, number) = (task.step, task.number);
            if unpaid {
                self.record(EventKind::TaskPaidLate { task: number, cost }, step);
            }
            return Ok(());
        };
        task.status = end;
        task.finished_at = Some(now);
        (task.held, task.agent_pause, task.not_before) = (None, None, None);
        task.started_at.get_or_insert(now);
        if let TaskOutcome::Failed { reason } | TaskOutcome::Barred { reason } = outcome {
            task.failure = Some(reason.clone());
        }
        let (kind, step) = (task.kind, task.step);
        let finished = EventKind::TaskFinished {
            task: task.number,
            kind,
            status: end,
            cost: task.cost,
            seconds: task.started_at.map(|started| (now - started).num_seconds()),
            reason: task.failure.clone(),
            refused: matches!(outcome, TaskOutcome::Refused { .. }),
        };
        self.record(finished, step);
        match (kind, step) {
            (TaskKind::Plan, _) => self.planner_finished(outcome),
            (TaskKind::Judge, Some(step)) => self.judge_finished(step, outcome),
            (_, Some(step)) => self.step_worked(step, id, outcome),
            (_, None) => Ok(()),
        }
    }

    fn step_worked(&mut self, id: StepId, worked: TaskId, outcome: &TaskOutcome) -> Followed {
        if !matches!(self.step(id)?.state, StepState::Working { task, .. } if task == worked) {
            return Ok(());
        }
        if matches!(outcome, TaskOutcome::Changed { .. } | TaskOutcome::Unchanged { .. }) {
            self.with_step(id, |step| step.was_heard(worked));
        }
        match outcome {
            TaskOutcome::Changed { head, summary, findings } => self.step_changed(id, head, summary, findings),
            TaskOutcome::Unchanged { summary, report, evidence, head } => {
                self.step_unchanged(id, summary, report.as_deref(), evidence.as_deref(), head.as_ref())
            }
            TaskOutcome::Refused { faults } => {
                let text = format!("What was handed in was not taken:\n\n- {}", faults.join("\n- "));
                self.with_step(id, |step| step.failures = 0);
                let cause = Cause::ChangeRefused { faults: faults.iter().take(MOST_FAULTS).cloned().collect() };
                self.rework_or_block(id, text, cause)
            }
            TaskOutcome::Barred { reason } => self.block(id, Cause::Failure(reason.clone())),
            TaskOutcome::Cancelled => {
                let cause = self.step(id)?.state.cause().cloned();
                self.back_in_line(id, cause)
            }
            TaskOutcome::Failed { reason } => self.step_task_failed(id, reason),
            TaskOutcome::Asked { questions } => {
                if self.agent_asks(Some(id), questions)? {
                    return Ok(());
                }
                self.step_task_failed(id, &Failure::AsksTooOften)
            }
            TaskOutcome::Planned { .. } | TaskOutcome::Judged { .. } => self.step_task_failed(id, &Failure::NoWork),
        }
    }

    fn step_changed(&mut self, id: StepId, head: &Sha, summary: &str, findings: &[Finding]) -> Followed {
        let mut candidate = self.candidate(id, Submission::Commit { head: head.clone() })?;
        candidate.findings = findings.to_vec();
        self.hand_in(id, candidate, summary)?;
        if self.asked_meanwhile(id)? { Ok(()) } else { self.verify(id) }
    }

    fn hand_in(&mut self, id: StepId, candidate: Box<Candidate>, summary: &str) -> Followed {
        self.move_step(id, StepState::HandedIn { candidate })?;
        self.with_step(id, |step| {
            step.summary = Some(summary.to_owned());
            step.failures = 0;
        });
        Ok(())
    }

    /// Goes on with what people asked for while the work was under way, and what was handed in does not do.
    fn asked_meanwhile(&mut self, id: StepId) -> Followed<bool> {
        let words = self.directive.step_mut(id).and_then(|step| step.afterwards.take());
        if let Some(words) = words.clone() {
            self.rework(id, &words, false, Cause::MoreRequested)?;
        }
        Ok(words.is_some())
    }

    fn step_unchanged(
        &mut self,
        id: StepId,
        summary: &str,
        report: Option<&str>,
        evidence: Option<&str>,
        head: Option<&Sha>,
    ) -> Followed {
        let step = self.step(id)?;
        let (is_final, may_report) = (step.is_final(), step.kind.may_report());
        let has_pull = step.pull.is_some();
        match (head, report, evidence) {
            // A rework that changed nothing is verified as it stands.
            (Some(head), _, _) if has_pull || !is_final => {
                let candidate = self.candidate(id, Submission::Commit { head: head.clone() })?;
                self.hand_in(id, candidate, summary)?;
                if self.asked_meanwhile(id)? { Ok(()) } else { self.verify(id) }
            }
            _ if is_final => {
                self.note_summary(id, summary);
                self.block(id, Cause::ConflictsLeft)
            }
            (_, Some(report), _) if may_report && !report.trim().is_empty() => {
                self.take_report(id, summary, report, Vec::new())
            }
            (_, report, Some(evidence)) if !evidence.trim().is_empty() => {
                let reasons = vec![EvaluationReason::ClaimedDone { evidence: evidence.to_owned() }];
                self.take_report(id, summary, report.unwrap_or(evidence), reasons)
            }
            _ => {
                self.note_summary(id, summary);
                self.rework_or_block(
                    id,
                    "Nothing was changed. Do the work in the tree, or name in `evidence` where it is done already."
                        .to_owned(),
                    Cause::NothingChanged,
                )
            }
        }
    }

    fn note_summary(&mut self, id: StepId, summary: &str) {
        self.with_step(id, |step| {
            step.summary = Some(summary.to_owned());
            step.failures = 0;
        });
    }

    /// A report takes the place of a commit: it is posted, and decided on like one.
    fn take_report(&mut self, id: StepId, summary: &str, report: &str, claims: Vec<EvaluationReason>) -> Followed {
        let candidate = self.candidate(id, Submission::report(report))?;
        if self.step(id)?.open_pull().is_some() {
            // The draft that had been shown is of no use any more.
            self.with_step(id, |step| step.pull.iter_mut().for_each(|pull| pull.closed = true));
            self.effect(Effect::ClosePull { step: id, reason: ClosingReason::NothingChanged });
        }
        self.hand_in(id, candidate.clone(), summary)?;
        if self.asked_meanwhile(id)? {
            return Ok(());
        }
        let evaluation = Evaluation::of_report(candidate.submission.hash(), claims);
        self.evaluated(id, candidate, evaluation)
    }

    /// A task that could not be run is tried again twice; then a person is asked. At once, where only a person can help:
    /// the step is blocked then and not failed, so that one lost key does not end a directive of many steps. A provider that
    /// wants to be left alone for a time costs no try.
    fn step_task_failed(&mut self, id: StepId, reason: &Failure) -> Followed {
        if reason.needs_mending() {
            return self.block(id, Cause::Failure(reason.clone()));
        }
        if reason.costs_no_try() {
            return self.back_in_line(id, Some(Cause::Failure(reason.clone())));
        }
        self.with_step(id, |step| step.failures += 1);
        let step = self.step(id)?;
        if step.failures <= RETRIES {
            return self.back_in_line(id, Some(Cause::Failure(reason.clone())));
        }
        let (instructions, last) = (self.assignment(step), step.last());
        let question = Question::NotRun { step: step.name.clone(), tries: RETRIES + 1, failure: reason.clone() };
        let shown = step.submission().map_or_else(|| Subject::Question(question.digest()), Submission::subject);
        self.move_step(id, StepState::Failed { cause: Cause::Failure(reason.clone()), instructions, last })?;
        self.ask(ApprovalKind::StepBlocked, Some(id), shown, question);
        Ok(())
    }

    /// Ends the live tasks that `which` picks as called off, so that their work goes back in line.
    pub(super) fn call_off(&mut self, which: impl Fn(&Task) -> bool) -> Followed {
        let by = self.by.clone();
        let picked = self.directive.tasks.iter().filter(|task| task.status.is_live() && which(task));
        let picked: Vec<_> = picked.map(|task| task.id).collect();
        for id in picked {
            self.end_task(id, &TaskOutcome::Cancelled, Usd::ZERO)?;
        }
        self.by = by;
        Ok(())
    }
}
