//! What is told of a superseded chain later.
//!
//! Races that are met here: a pull request may be opened or merged by an effect that was in hand when its chain was
//! superseded. The first is closed as soon as it is told of; what the second merged is carried over, into the next
//! plan or, where that is there already, into its chain.

use super::replan::closing_reason;
use super::transition::{Followed, Ignored, Transition};
use crate::actor::Actor;
use crate::approval::ApprovalStatus;
use crate::closing::ClosingReason;
use crate::effect::Effect;
use crate::event::EventKind;
use crate::ids::StepId;
use crate::replan::is_task_of_step;
use crate::status::StepStatus;
use crate::step::{PassedBy, Pull, Step, StepState};

impl Transition {
    /// An effect that was in hand when its chain was superseded has opened a pull request: it is closed.
    pub(super) fn earlier_pull_opened(&mut self, id: StepId, pull: &Pull) {
        let Some(step) = self.directive.earlier_step_mut(id) else { return };
        if step.open_pull().is_some() || step.status() == StepStatus::Passed {
            return;
        }
        step.pull = Some(pull.clone());
        let name = step.name.clone();
        let reason = closing_reason(&self.directive);
        self.record(EventKind::PullOpened { step: name, pull: pull.number, superseded: true }, Some(id));
        self.effect(Effect::ClosePull { step: id, reason });
        self.effect(Effect::WriteCheck { step: id });
    }

    /// A superseded pull request is closed.
    pub(super) fn earlier_pull_closed(&mut self, id: StepId) {
        if let Some(step) = self.directive.earlier_step_mut(id) {
            step.pull.iter_mut().for_each(|pull| pull.closed = true);
        }
    }

    /// A superseded pull request was merged after all: by a person, or by a merge that was asked for before.
    pub(super) fn earlier_pull_merged(&mut self, id: StepId, by: &Actor) -> Followed {
        let step = self.directive.earlier_step_mut(id).ok_or(Ignored::UnknownStep)?;
        if step.status().is_done() || step.never_began() {
            return Ok(());
        }
        let candidate = step.last();
        // Whatever a superseded step was left at, it may pass.
        step.transition(StepState::Passed { by: PassedBy::Merge, candidate }).map_err(|_| Ignored::Refused)?;
        let step = step.clone();
        self.actor(by);
        self.record(EventKind::SupersededMerged { step: step.name.clone(), by: by.login().cloned() }, Some(id));
        self.effect(Effect::WriteCheck { step: id });
        self.effect(Effect::SyncPull { step: id });
        self.effect(Effect::DeleteBranch { step: id });
        if step.is_final() {
            // It held what was there to be merged, and closes the issue.
            self.final_merged(by)
        } else if self.directive.plan.is_some() && !self.directive.status().is_over() {
            self.carry_late(&step)
        } else {
            Ok(())
        }
    }

    /// Brings what was merged late into a chain that was planned without knowing of it.
    fn carry_late(&mut self, earlier: &Step) -> Followed {
        let Some(same) = self.directive.step_named(earlier.name.as_str()) else {
            let mut late = self.taken_over(earlier, None);
            late.depends_on.clear();
            self.directive.steps.push(late);
            return Ok(());
        };
        if same.status().is_done() || !is_task_of_step(earlier, same) {
            return Ok(());
        }
        let (id, own_pull) = (same.id, same.open_pull().is_some());
        let candidate = if own_pull { same.last() } else { earlier.last() };
        self.cancel_tasks(|task| task.step == Some(id));
        self.move_step(id, StepState::Passed { by: PassedBy::Merge, candidate })?;
        self.close_approvals(Some(id), ApprovalStatus::Stale, |_| true);
        if own_pull {
            self.effect(Effect::ClosePull { step: id, reason: ClosingReason::MergedBefore });
            self.effect(Effect::WriteCheck { step: id });
        }
        let earlier = earlier.clone();
        self.with_step(id, |step| {
            step.target = earlier.target;
            if !own_pull {
                step.pull = earlier.pull;
            }
            step.summary = earlier.summary.or(step.summary.take());
        });
        Ok(())
    }
}
