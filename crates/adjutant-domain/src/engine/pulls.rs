//! What happens to pull requests, by us or by people.

use super::transition::{Followed, Transition};
use crate::actor::Actor;
use crate::approval::{ApprovalKind, ApprovalStatus};
use crate::cause::{Cause, StopReason};
use crate::closing::ClosingReason;
use crate::effect::Effect;
use crate::event::EventKind;
use crate::failure::MergeProblem;
use crate::ids::{Sha, StepId};
use crate::question::Question;
use crate::status::StepStatus;
use crate::step::{PassedBy, Pull, StepState, Submission};

impl Transition {
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

    /// A step's pull request is no draft any more.
    pub(super) fn pull_ready(&mut self, id: StepId) {
        let pull = self.directive.step_mut(id).and_then(|step| step.pull.as_mut());
        let Some(pull) = pull.filter(|pull| pull.draft) else { return };
        pull.draft = false;
        let number = pull.number;
        self.record(EventKind::PullReady { pull: number }, Some(id));
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

    /// A person closed a pull request unmerged.
    pub(super) fn pull_closed(&mut self, id: StepId, by: &Actor) -> Followed {
        let Ok(step) = self.step(id) else {
            self.earlier_pull_closed(id);
            return Ok(());
        };
        if step.status().is_done() || self.directive.status().is_over() {
            return Ok(());
        }
        let name = step.name.clone();
        let needed =
            self.directive.steps.iter().any(|other| other.depends_on.contains(&name) && !other.status().is_done());
        let carries_all = step.is_final() || (self.directive.steps.len() == 1 && self.directive.reaches_base(step));
        if step.open_pull().is_none() {
            return Ok(());
        }
        let pull = step.pull.as_ref().map(|pull| pull.number);
        self.actor(by);
        self.record(EventKind::PullClosed { pull, by: by.login().cloned() }, Some(id));
        self.answer(id, ApprovalStatus::Denied, by.login(), None);
        self.with_step(id, |step| step.pull.iter_mut().for_each(|pull| pull.closed = true));
        if carries_all {
            self.stop(by, StopReason::FinalPullClosed, None)
        } else if needed {
            self.block(id, Cause::PullClosed { by: by.clone() })
        } else {
            self.skip_step(id, by)
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
