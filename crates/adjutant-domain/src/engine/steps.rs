//! The moves that a step makes, whatever led to them: verified, done again, blocked, skipped, passed.

use super::transition::{Followed, Transition};
use crate::actor::Actor;
use crate::approval::{ApprovalKind, ApprovalStatus, Subject};
use crate::baseline::BaselineState;
use crate::cause::Cause;
use crate::closing::ClosingReason;
use crate::effect::Effect;
use crate::event::EventKind;
use crate::ids::{StepId, StepName};
use crate::question::Question;
use crate::status::StepStatus;
use crate::step::{Candidate, Instructions, PassedBy, Step, StepKind, StepState, Submission, VerifierProgress};
use crate::task::TaskKind;

impl Transition {
    /// Sends what was handed in to the verifiers; its pull request is opened first.
    pub(super) fn verify(&mut self, id: StepId) -> Followed {
        let step = self.step(id)?;
        let Some(head) = step.head().cloned() else { return Ok(()) };
        if step.open_pull().is_none() {
            self.effect(Effect::OpenPull { step: id });
            return Ok(());
        }
        // A verifier that is red before any change is held against none, so the base comes first.
        if self.directive.baseline.state != BaselineState::Settled {
            return Ok(());
        }
        let round = step.verifications + 1;
        if let Some(mut candidate) = step.last() {
            // A rework may have left the head as it was: it is verified anew all the same.
            candidate.evaluation = None;
            candidate.ci = None;
            self.move_step(id, StepState::Verifying { candidate, progress: VerifierProgress::Waiting })?;
        }
        self.with_step(id, |step| step.verifications = round);
        self.effect(Effect::SyncPull { step: id });
        self.effect(Effect::WriteCheck { step: id });
        self.own_decision();
        self.record(EventKind::VerificationStarted { head: head.clone(), round }, Some(id));
        self.effect(Effect::Verify { step: id, head, round });
        Ok(())
    }

    /// A submission takes the place of the one before: whatever was said about that is void. The same one again keeps what
    /// is known of it.
    pub(super) fn candidate(&mut self, id: StepId, submission: Submission) -> Followed<Box<Candidate>> {
        if let Some(known) = self.step(id)?.last().filter(|known| known.submission == submission) {
            return Ok(known);
        }
        self.void_last(id);
        Ok(Box::new(Candidate::new(submission, self.now)))
    }

    /// What was asked about the last submission, of a person or a judge, is not what counts any more.
    pub(super) fn void_last(&mut self, id: StepId) {
        self.cancel_tasks(|task| task.step == Some(id) && task.kind == TaskKind::Judge);
        self.close_approvals(Some(id), ApprovalStatus::Stale, |_| true);
    }

    /// What a step's next agent is told, or its present one was told, beyond the plan.
    pub(super) fn assignment(&self, step: &Step) -> Option<Instructions> {
        self.directive.assignment(step)
    }

    /// Back to where a task can be started from.
    pub(super) fn back_in_line(&mut self, id: StepId, cause: Option<Cause>) -> Followed {
        let step = self.step(id)?;
        let last = step.last();
        let to = match self.assignment(step) {
            Some(instructions) => StepState::Reworking { instructions, cause, last },
            // The final pull request goes back to being brought up to the base, which finds its conflicts again.
            None if step.is_final() => StepState::AwaitingSteps { cause, last },
            None if step.status() == StepStatus::Blocked && !self.dependencies_done(step) => StepState::Pending,
            None => StepState::Ready { instructions: None, cause, last },
        };
        self.move_step(id, to)
    }

    pub(super) fn dependencies_done(&self, step: &Step) -> bool {
        step.depends_on
            .iter()
            .all(|name| self.directive.step_named(name.as_str()).is_some_and(|dep| dep.status().is_done()))
    }

    /// Has a step done again.
    pub(super) fn rework(&mut self, id: StepId, text: &str, merge_target: bool, why: Cause) -> Followed {
        let step = self.step(id)?;
        let (name, mut last) = (step.name.clone(), step.last());
        if let Some(last) = &mut last {
            last.pre_approved = None;
        }
        let cause = Some(why.clone());
        let follow_up = step.is_final() && !merge_target;
        let to = if follow_up {
            StepState::AwaitingSteps { cause, last }
        } else {
            StepState::Reworking { instructions: Instructions { text: text.to_owned(), merge_target }, cause, last }
        };
        self.move_step(id, to)?;
        self.record(EventKind::StepRework { step: name, why }, Some(id));
        self.void_last(id);
        self.with_step(id, |step| step.reworks += 1);
        if follow_up {
            self.add_follow_up(text);
        }
        self.effect(Effect::WriteCheck { step: id });
        Ok(())
    }

    /// A rework of the whole is a step more.
    pub(super) fn add_follow_up(&mut self, text: &str) {
        let names = (1..).map(|number| StepName::new(format!("follow-up-{number}")));
        let free = |name: &StepName| self.directive.steps.iter().all(|step| step.name != *name);
        let Some(name) = names.into_iter().find(free) else { return };
        let id = StepId::of(self.directive.id, self.directive.generation, &name);
        let branch = self.directive.step_branch(&name);
        let target = self.directive.integration_branch();
        let mut step = Step::new(id, name, StepKind::Implement, branch, target);
        step.description = "Mend what the final pull request was turned down for.".to_owned();
        step.task_plan = text.to_owned();
        let instructions = Instructions { text: text.to_owned(), merge_target: false };
        // It depends on nothing.
        step.state = StepState::Ready { instructions: Some(instructions), cause: None, last: None };
        self.directive.steps.push(step);
    }

    /// Leaves a step to a person.
    pub(super) fn block(&mut self, id: StepId, why: Cause) -> Followed {
        let step = self.step(id)?;
        if step.status().is_done() || self.directive.status().is_over() {
            return Ok(());
        }
        let (name, instructions, last) = (step.name.clone(), self.assignment(step), step.last());
        let question = Question::Blocked { step: name.clone(), cause: why.clone() };
        let shown = step.submission().map_or_else(|| Subject::Question(question.digest()), Submission::subject);
        self.own_decision();
        self.cancel_tasks(|task| task.step == Some(id));
        self.move_step(id, StepState::Blocked { cause: why.clone(), instructions, last })?;
        self.record(EventKind::StepBlocked { step: name, why }, Some(id));
        self.ask(ApprovalKind::StepBlocked, Some(id), shown, question);
        self.effect(Effect::WriteCheck { step: id });
        Ok(())
    }

    /// Goes on without a step.
    pub(super) fn skip_step(&mut self, id: StepId, by: &Actor) -> Followed {
        self.cancel_tasks(|task| task.step == Some(id));
        let step = self.step(id)?;
        let (cause, last) = (step.state.cause().cloned(), step.last());
        let open = step.open_pull().is_some();
        self.move_step(id, StepState::Skipped { by: by.clone(), cause, last })?;
        self.close_approvals(Some(id), ApprovalStatus::Stale, |_| true);
        if open {
            self.effect(Effect::ClosePull { step: id, reason: ClosingReason::Skipped });
        }
        Ok(())
    }

    /// A step is done: merged, or its report accepted.
    pub(super) fn pass(&mut self, id: StepId, how: PassedBy) -> Followed {
        let step = self.step(id)?;
        // A person may merge what was not even evaluated, or a draft that waits for its agent: that is their word.
        if step.status().is_done() || step.never_began() {
            return Ok(());
        }
        let (has_pull, candidate) = (step.pull.is_some(), step.last());
        self.cancel_tasks(|task| task.step == Some(id));
        self.move_step(id, StepState::Passed { by: how, candidate })?;
        self.close_approvals(Some(id), ApprovalStatus::Stale, |_| true);
        if has_pull {
            self.effect(Effect::WriteCheck { step: id });
            self.effect(Effect::SyncPull { step: id });
            self.effect(Effect::DeleteBranch { step: id });
        }
        Ok(())
    }
}
