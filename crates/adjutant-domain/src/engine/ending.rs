//! How a directive ends: its goal reached, or not.

use super::transition::{Followed, Transition};
use crate::actor::Actor;
use crate::approval::ApprovalStatus;
use crate::cause::{DirectiveFailure, StopReason};
use crate::closing::ClosingReason;
use crate::directive::DirectiveState;
use crate::effect::Effect;
use crate::event::EventKind;
use crate::ids::StepId;
use crate::step::PassedBy;

impl Transition {
    /// Ends a directive for good, because somebody wants it.
    pub(super) fn stop(&mut self, by: &Actor, how: StopReason, words: Option<&str>) -> Followed {
        self.answer_those(|_| true, ApprovalStatus::Denied, by.login(), words);
        self.fail(DirectiveFailure::Stopped { by: by.clone(), how })
    }

    /// Ends a directive without its goal: tasks called off, questions void, pull requests closed, branches kept.
    pub(super) fn fail(&mut self, reason: DirectiveFailure) -> Followed {
        if self.directive.status().is_over() {
            return Ok(());
        }
        self.cancel_tasks(|_| true);
        self.void_all_approvals();
        let open: Vec<StepId> = self
            .directive
            .all_steps()
            .filter(|step| step.open_pull().is_some() && !step.status().is_done())
            .map(|step| step.id)
            .collect();
        for step in open {
            self.effect(Effect::ClosePull { step, reason: ClosingReason::Failed(reason.clone()) });
        }
        self.conclude_checks();
        self.record(EventKind::DirectiveFailed { reason: reason.clone() }, None);
        self.move_directive(DirectiveState::Failed { at: self.now, failure: reason })
    }

    /// What was wanted is on the base.
    pub(super) fn complete(&mut self) -> Followed {
        if self.directive.status().is_over() {
            return Ok(());
        }
        self.cancel_tasks(|_| true);
        self.void_all_approvals();
        let reworks: u32 = self.directive.all_steps().map(|step| step.reworks).sum();
        let completed = EventKind::DirectiveCompleted {
            cost: self.directive.spent().to_string(),
            seconds: self.directive.clock.at(self.now),
            steps: self.directive.steps.len(),
            reworks,
        };
        self.conclude_checks();
        self.record(completed, None);
        self.move_directive(DirectiveState::Completed { at: self.now })?;
        self.effect(Effect::CloseIssue);
        Ok(())
    }

    /// The check of each pull request that was not merged says that it is over, also where it asked a person something.
    fn conclude_checks(&mut self) {
        let left: Vec<StepId> = self
            .directive
            .all_steps()
            .filter(|step| step.pull.is_some() && step.head().is_some() && !step.status().is_done())
            .map(|step| step.id)
            .collect();
        for step in left {
            self.effect(Effect::WriteCheck { step });
        }
    }

    /// The final pull request was merged: what was wanted is on the base.
    pub(super) fn final_merged(&mut self, by: &Actor) -> Followed {
        if self.directive.status().is_over() {
            return Ok(());
        }
        if let Some(final_step) = &self.directive.final_step {
            let id = final_step.id;
            let pull = final_step.pull.as_ref().map(|pull| pull.number);
            self.record(EventKind::PullMerged { pull, by: by.login().cloned() }, Some(id));
            self.accepted(id, by);
            self.pass(id, PassedBy::Merge)?;
        }
        self.close_rest();
        self.complete()
    }

    /// A person who merges has answered what was asked about it.
    pub(super) fn accepted(&mut self, id: StepId, by: &Actor) {
        if *by != Actor::Adjutant {
            self.answer(id, ApprovalStatus::Approved, by.login(), None);
        }
    }

    /// Closes what is still open where the directive ends well without it.
    pub(super) fn close_rest(&mut self) {
        let open: Vec<StepId> = self
            .directive
            .all_steps()
            .filter(|step| step.open_pull().is_some() && !step.status().is_done())
            .map(|step| step.id)
            .collect();
        for step in open {
            self.effect(Effect::ClosePull { step, reason: ClosingReason::GoalReached });
        }
    }
}
