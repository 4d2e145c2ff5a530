//! What comes of an agent's run on a step.

use super::transition::Transition;
use crate::approval::ApprovalKind;
use crate::effect::Effect;
use crate::evaluation::Evaluation;
use crate::event::{Breaker, EventKind};
use crate::ids::{Sha, StepId, TaskId, Usd};
use crate::signal::TaskOutcome;
use crate::status::StepStatus;
use crate::step::{Finding, Instructions, MergeState};
use crate::task::{TaskKind, TaskStatus};

/// How often a task that could not be run is tried again.
const RETRIES: u32 = 2;

impl Transition {
    /// An agent began.
    pub(super) fn task_started(&mut self, id: TaskId) {
        let now = self.now;
        let Some(task) = self.directive.task_mut(id) else { return };
        task.held = None;
        let Ok(running) = task.status.to(TaskStatus::Running) else { return };
        task.status = running;
        task.started_at = Some(now);
        let started = EventKind::TaskStarted { task: task.number, kind: task.kind, attempt: task.attempt };
        let step = task.step;
        self.agent();
        self.record(started, step);
    }

    /// An agent ended. What a task that was called off brings late is paid for and not used.
    pub(super) fn task_finished(&mut self, id: TaskId, outcome: &TaskOutcome, cost: Usd) {
        self.agent();
        self.end_task(id, outcome, cost);
    }

    /// A task ends, by its agent or because a person called it off.
    pub(super) fn end_task(&mut self, id: TaskId, outcome: &TaskOutcome, cost: Usd) {
        let now = self.now;
        let Some(task) = self.directive.task_mut(id) else { return };
        let unpaid = task.cost == Usd::ZERO && cost != Usd::ZERO;
        if unpaid {
            task.cost = cost;
        }
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
            return;
        };
        task.status = end;
        task.finished_at = Some(now);
        task.held = None;
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
            (_, Some(step)) => self.step_worked(step, outcome),
            (_, None) => {}
        }
    }

    fn step_worked(&mut self, id: StepId, outcome: &TaskOutcome) {
        if self.directive.step(id).is_none_or(|step| step.status != StepStatus::Running) {
            return;
        }
        match outcome {
            TaskOutcome::Changed { head, summary, findings } => self.step_changed(id, head, summary, findings),
            TaskOutcome::Unchanged { summary, report, evidence, head } => {
                self.step_unchanged(id, summary, report.as_deref(), evidence.as_deref(), head.as_ref());
            }
            TaskOutcome::Refused { faults } => {
                let text = format!("What was handed in was not taken:\n\n- {}", faults.join("\n- "));
                self.with_step(id, |step| step.failures = 0);
                self.rework_or_block(id, text, "what the agent handed in was not taken");
            }
            TaskOutcome::Barred { reason } => self.block(id, reason),
            TaskOutcome::Cancelled => self.back_in_line(id),
            TaskOutcome::Failed { reason } => self.step_task_failed(id, reason),
            TaskOutcome::Planned { .. } | TaskOutcome::Judged { .. } => {
                self.step_task_failed(id, "the agent handed in something else than work on its step");
            }
        }
    }

    fn step_changed(&mut self, id: StepId, head: &Sha, summary: &str, findings: &[Finding]) {
        self.take_head(id, head);
        self.with_step(id, |step| {
            step.summary = Some(summary.to_owned());
            step.findings = findings.to_vec();
            step.report = None;
            step.instructions = None;
            step.failures = 0;
            step.reason = None;
        });
        self.set_step(id, StepStatus::Evaluating);
        if !self.asked_meanwhile(id) {
            self.prove(id);
        }
    }

    /// Goes on with what people asked for while the work was under way, and what was handed in does not do.
    fn asked_meanwhile(&mut self, id: StepId) -> bool {
        let words = self.directive.step_mut(id).and_then(|step| step.afterwards.take());
        if let Some(words) = words.clone() {
            self.rework(id, words, false, "more was asked for meanwhile");
        }
        words.is_some()
    }

    fn step_unchanged(
        &mut self,
        id: StepId,
        summary: &str,
        report: Option<&str>,
        evidence: Option<&str>,
        head: Option<&Sha>,
    ) {
        let Some(step) = self.directive.step(id) else { return };
        let (is_final, may_report) = (step.is_final(), step.kind.may_report());
        let has_pull = step.pull.is_some();
        self.with_step(id, |step| {
            step.summary = Some(summary.to_owned());
            step.instructions = None;
            step.failures = 0;
        });
        match (has_pull, head, report, evidence) {
            // A rework that changed nothing is proved as it stands.
            (_, Some(head), _, _) if has_pull || !is_final => {
                self.take_head(id, head);
                self.set_step(id, StepStatus::Evaluating);
                if !self.asked_meanwhile(id) {
                    self.prove(id);
                }
            }
            _ if is_final => self.block(id, "the conflicts with the base were not resolved"),
            (_, _, Some(report), _) if may_report && !report.trim().is_empty() => {
                self.take_report(id, report, Vec::new());
            }
            (_, _, report, Some(evidence)) if !evidence.trim().is_empty() => {
                let reasons = vec![format!("nothing was changed; the agent says it was there already: {evidence}")];
                self.take_report(id, report.unwrap_or(evidence), reasons);
            }
            _ => self.rework_or_block(
                id,
                "Nothing was changed. Do the work in the tree, or name in `evidence` where it is done already."
                    .to_owned(),
                "nothing was changed",
            ),
        }
    }

    /// A report takes the place of a commit: it is posted, and decided on like one.
    fn take_report(&mut self, id: StepId, report: &str, claims: Vec<String>) {
        let head = Sha::of_text(report);
        self.take_head(id, &head);
        self.with_step(id, |step| {
            step.report = Some(report.to_owned());
            step.evaluation = Some(Evaluation::of_report(head.clone(), None, &step.criteria, claims));
            step.reason = None;
        });
        let shown = self.directive.step(id).is_some_and(|step| step.open_pull().is_some());
        if shown {
            // What had been shown as a draft came to nothing.
            self.with_step(id, |step| step.pull.iter_mut().for_each(|pull| pull.closed = true));
            let word = "nothing in the tree had to change; what was found is on the issue".to_owned();
            self.effect(Effect::ClosePull { step: id, word });
        }
        self.set_step(id, StepStatus::Evaluating);
        if self.asked_meanwhile(id) {
            return;
        }
        // What no criterion is asked of, a judge has nothing to say about.
        let judged = self.directive.policy.judge.is_some()
            && self.directive.step(id).is_some_and(|step| !step.criteria.is_empty());
        if judged {
            self.with_step(id, |step| step.judge_due = true);
        } else {
            self.effect(Effect::PostReport { step: id, head });
            self.decide_on(id);
        }
    }

    /// A task that could not be run is tried again twice; then a person is asked.
    fn step_task_failed(&mut self, id: StepId, reason: &str) {
        self.with_step(id, |step| {
            step.failures += 1;
            step.reason = Some(reason.to_owned());
        });
        let Some(step) = self.directive.step(id) else { return };
        if step.failures <= RETRIES {
            self.back_in_line(id);
            return;
        }
        let (name, shown) = (step.name.clone(), step.head.clone().unwrap_or_else(|| Sha::of_text(reason)));
        self.set_step(id, StepStatus::Failed);
        let question = format!("The agent could not be run on `{name}`, tried {} times: {reason}", RETRIES + 1);
        self.ask(ApprovalKind::StepBlocked, Some(id), shown, question);
    }

    /// Back to where a task can be started from.
    pub(super) fn back_in_line(&mut self, id: StepId) {
        // The final pull request goes back to being brought up to the base, which finds its conflicts again.
        let Some(step) = self.directive.step(id) else { return };
        let status = if step.is_final() || step.instructions.is_some() {
            StepStatus::Rework
        } else if step.status == StepStatus::Blocked && !self.dependencies_done(step) {
            StepStatus::Pending
        } else {
            StepStatus::Ready
        };
        self.set_step(id, status);
    }

    /// A step gets a head: whatever was said about an earlier one is void.
    pub(super) fn take_head(&mut self, id: StepId, head: &Sha) {
        let now = self.now;
        let moved = self.directive.step(id).is_some_and(|step| step.head.as_ref() != Some(head));
        if !moved {
            return;
        }
        self.call_judge_off(id);
        self.with_step(id, |step| {
            step.head = Some(head.clone());
            step.head_at = Some(now);
            step.head_pushed = false;
            step.pre_approved = None;
            step.evaluation = None;
            step.merge = MergeState::Open;
        });
        self.close_approvals(Some(id), crate::approval::ApprovalStatus::Stale, |_| true);
    }

    /// What a judge is asked about is not what counts any more.
    fn call_judge_off(&mut self, id: StepId) {
        self.cancel_tasks(|task| task.step == Some(id) && task.kind == TaskKind::Judge);
        self.with_step(id, |step| step.judge_due = false);
    }

    /// Has a step done again by itself, or asks a person where those reworks are used up.
    pub(super) fn rework_or_block(&mut self, id: StepId, text: String, why: &str) {
        self.own_decision();
        let Some(step) = self.directive.step(id) else { return };
        if step.rework_cycles >= self.directive.policy.limits.rework_cycles {
            let cycles = step.rework_cycles;
            self.tripped(Breaker::ReworkCycles, self.directive.policy.limits.rework_cycles, cycles, Some(id));
            self.replan_or_block(id, &format!("{why}, after {cycles} reworks"));
            return;
        }
        // What was to resolve a conflict resolves it the next time too, and is told both.
        let conflict = step.instructions.clone().filter(|before| before.merge_target);
        let merge_target = conflict.is_some();
        let text = match conflict {
            Some(before) => format!("{}\n\n{text}", before.text),
            None => text,
        };
        self.with_step(id, |step| step.rework_cycles += 1);
        self.rework(id, text, merge_target, why);
    }

    /// Has a step done again.
    pub(super) fn rework(&mut self, id: StepId, text: String, merge_target: bool, why: &str) {
        let Some(step) = self.directive.step(id) else { return };
        let name = step.name.clone();
        if !self.set_step(id, StepStatus::Rework) {
            return;
        }
        self.record(EventKind::StepRework { step: name, why: why.to_owned() }, Some(id));
        self.call_judge_off(id);
        self.close_approvals(Some(id), crate::approval::ApprovalStatus::Stale, |_| true);
        self.with_step(id, |step| {
            step.reworks += 1;
            step.merge = MergeState::Open;
            step.pre_approved = None;
            step.reason = Some(why.to_owned());
        });
        let is_final = self.directive.step(id).is_some_and(crate::step::Step::is_final);
        if is_final && !merge_target {
            self.add_follow_up(&text);
        } else {
            self.with_step(id, |step| step.instructions = Some(Instructions { text, merge_target }));
        }
        self.effect(Effect::WriteCheck { step: id });
    }

    /// Leaves a step to a person.
    pub(super) fn block(&mut self, id: StepId, why: &str) {
        let Some(step) = self.directive.step(id) else { return };
        if step.status.is_done() || self.directive.status.is_over() {
            return;
        }
        let (name, status) = (step.name.clone(), step.status);
        let shown = step.head.clone().unwrap_or_else(|| Sha::of_text(why));
        self.own_decision();
        self.cancel_tasks(|task| task.step == Some(id));
        if status != StepStatus::Blocked && !self.set_step(id, StepStatus::Blocked) {
            return;
        }
        self.record(EventKind::StepBlocked { step: name.clone(), why: why.to_owned() }, Some(id));
        self.with_step(id, |step| {
            step.reason = Some(why.to_owned());
            step.merge = MergeState::Open;
            step.judge_due = false;
        });
        self.ask(ApprovalKind::StepBlocked, Some(id), shown, format!("`{name}` needs a person: {why}"));
        self.effect(Effect::WriteCheck { step: id });
    }
}
