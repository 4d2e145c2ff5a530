//! What happens to pull requests, by us or by people.

use super::transition::{Followed, Transition};
use crate::actor::Actor;
use crate::approval::{ApprovalKind, ApprovalStatus};
use crate::cause::Cause;
use crate::closing::ClosingReason;
use crate::effect::Effect;
use crate::event::EventKind;
use crate::failure::MergeProblem;
use crate::ids::{Branch, Sha, StepId};
use crate::question::Question;
use crate::status::StepStatus;
use crate::step::{PassedBy, Pull, StepState, Submission};

impl Transition {
    /// The base branch has another name, to which GitHub leads the pull requests.
    pub(super) fn base_renamed(&mut self, from: &Branch, to: &Branch) {
        if self.directive.base.branch != *from || self.directive.status().is_over() {
            return;
        }
        self.directive.base.branch = to.clone();
        for step in self.directive.steps.iter_mut().chain(&mut self.directive.final_step) {
            if step.target == *from {
                step.target = to.clone();
            }
        }
        self.record(EventKind::BaseRenamed { from: from.clone(), to: to.clone() }, None);
    }

    /// A step's pull request is there: what was handed in is verified.
    pub(super) fn pull_opened(&mut self, id: StepId, pull: &Pull) -> Followed {
        let Ok(step) = self.step(id) else {
            self.earlier_pull_opened(id, pull);
            return Ok(());
        };
        if step.open_pull().is_some() {
            return Ok(());
        }
        // What a person accepted as it is waits for its merge, and is not verified again.
        let waits_for_it = matches!(step.state, StepState::HandedIn { .. });
        let skipped = step.status() == StepStatus::Skipped;
        let name = step.name.clone();
        self.with_step(id, |step| step.pull = Some(pull.clone()));
        self.record(EventKind::PullOpened { step: name, pull: pull.number, superseded: false }, Some(id));
        if self.directive.status().is_over() {
            let reason = self.directive.state.failure().cloned().map_or(ClosingReason::Ended, ClosingReason::Failed);
            self.effect(Effect::ClosePull { step: id, reason });
        } else if skipped {
            self.effect(Effect::ClosePull { step: id, reason: ClosingReason::Skipped });
        } else if waits_for_it {
            self.verify(id)?;
        }
        Ok(())
    }

    /// Somebody pushed: what they pushed is kept, and verified again.
    pub(super) fn head_moved(&mut self, id: StepId, head: &Sha, by: &Actor) -> Followed {
        let step = self.step(id)?;
        let handed_in = step.submission().is_some();
        // What Adjutant pushed while an agent works is no push of a person's.
        let own = step.progress.contains(head) && (step.status() == StepStatus::Running || !handed_in);
        if own || step.head() == Some(head) || step.status().is_done() || self.directive.status().is_over() {
            return Ok(());
        }
        // One that never had its turn has no branch: whatever was pushed is none of its.
        if step.status() != StepStatus::Running && !handed_in && step.pull.is_none() {
            return Ok(());
        }
        let (name, status) = (step.name.clone(), step.status());
        self.actor(by);
        self.record(EventKind::HeadMoved { step: name, head: head.clone(), by: by.login().cloned() }, Some(id));
        let mut candidate = self.candidate(id, Submission::Commit { head: head.clone() })?;
        candidate.pushed = true;
        match status {
            StepStatus::Evaluating | StepStatus::Blocked | StepStatus::Failed => {
                self.move_step(id, StepState::HandedIn { candidate })?;
                self.verify(id)
            }
            _ => {
                self.with_step(id, |step| step.state.note_pushed(*candidate));
                Ok(())
            }
        }
    }

    /// A pull request was merged, by us or by a person: its step has passed.
    pub(super) fn pull_merged(&mut self, id: StepId, by: &Actor) -> Followed {
        let Ok(step) = self.step(id) else { return self.earlier_pull_merged(id, by) };
        if step.status() == StepStatus::Passed {
            return Ok(());
        }
        let is_final = step.is_final();
        let pull = step.pull.as_ref().map(|pull| pull.number);
        self.actor(by);
        if is_final {
            return self.final_merged(by);
        }
        self.record(EventKind::PullMerged { pull, by: by.login().cloned() }, Some(id));
        self.accepted(id, by);
        self.pass(id, PassedBy::Merge)
    }

    /// A person closed a pull request unmerged. Only somebody with write access thereby says that a step is not wanted, and
    /// only where nothing else depends on it: everything else may be an accident, and asks.
    pub(super) fn pull_closed(&mut self, id: StepId, by: &Actor, may_decide: bool) -> Followed {
        let Ok(step) = self.step(id) else {
            self.earlier_pull_closed(id);
            return Ok(());
        };
        if step.status().is_done() || self.directive.status().is_over() || step.open_pull().is_none() {
            return Ok(());
        }
        let name = step.name.clone();
        let needed =
            self.directive.steps.iter().any(|other| other.depends_on.contains(&name) && !other.status().is_done());
        let carries_all = step.is_final() || (self.directive.steps.len() == 1 && self.directive.reaches_base(step));
        let pull = step.pull.as_ref().map(|pull| pull.number);
        self.actor(by);
        self.record(EventKind::PullClosed { pull, by: by.login().cloned() }, Some(id));
        let skips = may_decide && !needed && !carries_all;
        if may_decide {
            self.answer(id, ApprovalStatus::Denied, by.login(), None);
        } else {
            self.close_approvals(Some(id), ApprovalStatus::Stale, |_| true);
        }
        self.with_step(id, |step| step.pull.iter_mut().for_each(|pull| pull.closed = true));
        if skips { self.skip_step(id, by) } else { self.block(id, Cause::PullClosed { by: by.clone() }) }
    }

    /// A closed pull request was opened again: what it had come to is decided on again.
    pub(super) fn pull_reopened(&mut self, id: StepId, by: &Actor) -> Followed {
        let step = self.step(id)?;
        let Some(number) = step.pull.as_ref().filter(|pull| pull.closed).map(|pull| pull.number) else { return Ok(()) };
        if step.status().is_done() || self.directive.status().is_over() {
            return Ok(());
        }
        let blocked_by_it = matches!(step.state, StepState::Blocked { cause: Cause::PullClosed { .. }, .. });
        let (candidate, instructions) = (step.last(), self.assignment(step));
        self.actor(by);
        self.with_step(id, |step| step.pull.iter_mut().for_each(|pull| pull.closed = false));
        self.record(EventKind::PullReopened { pull: number, by: by.login().cloned() }, Some(id));
        if !blocked_by_it {
            return Ok(());
        }
        self.close_approvals(Some(id), ApprovalStatus::Stale, |_| true);
        match candidate.filter(|_| instructions.is_none()) {
            None => self.back_in_line(id, None),
            Some(candidate) if candidate.evaluation.is_some() => self.decide_on(id, candidate),
            Some(candidate) => {
                self.move_step(id, StepState::HandedIn { candidate })?;
                self.verify(id)
            }
        }
    }

    /// GitHub did not merge what was decided on: a person is told why.
    pub(super) fn merge_refused(&mut self, id: StepId, head: &Sha, problem: &MergeProblem) -> Followed {
        let step = self.step(id)?;
        let StepState::Merging { candidate, .. } = &step.state else { return Ok(()) };
        if candidate.submission.head() != Some(head) || self.directive.status().is_over() {
            return Ok(());
        }
        let (name, into_base, candidate) = (step.name.clone(), self.directive.reaches_base(step), candidate.clone());
        self.record(EventKind::MergeRefused { step: name.clone(), reason: problem.clone() }, Some(id));
        let kind = if into_base { ApprovalKind::Final } else { ApprovalKind::StepReview };
        self.ask_about(id, candidate, kind, Question::Unmerged { step: name, problem: problem.clone() })
    }

    /// The integration branch holds the newest base: the final pull request is opened, or verified again.
    pub(super) fn integrated(&mut self, head: &Sha, differs: bool) -> Followed {
        let Some(final_step) = &self.directive.final_step else { return Ok(()) };
        let (id, candidate) = (final_step.id, final_step.last());
        if !matches!(final_step.state, StepState::Integrating { .. }) || self.directive.status().is_over() {
            return Ok(());
        }
        if !differs {
            self.record(EventKind::BaseIntegrated { head: head.clone(), differs }, Some(id));
            self.move_step(id, StepState::Passed { by: PassedBy::NoChange, candidate })?;
            return self.complete();
        }
        self.record(EventKind::BaseIntegrated { head: head.clone(), differs }, Some(id));
        let candidate = self.candidate(id, Submission::Commit { head: head.clone() })?;
        self.move_step(id, StepState::HandedIn { candidate })?;
        self.verify(id)
    }
}
