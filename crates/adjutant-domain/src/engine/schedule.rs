//! What starts next: ready steps within the limits, and the final pull request when all are done.

use super::transition::{Followed, Transition};
use crate::effect::Effect;
use crate::event::EventKind;
use crate::ids::{StepId, StepName};
use crate::status::{DirectiveStatus, StepStatus};
use crate::step::{MergeRequest, Step, StepKind, StepState};
use crate::task::TaskKind;

impl Transition {
    /// Starts whatever has become possible.
    pub(super) fn advance(&mut self) -> Followed {
        self.check_breakers()?;
        self.take_overdue_defaults()?;
        self.expire();
        self.verify_base_if_missing();
        self.plan_if_needed();
        let is_cut = self.directive.integration_cut || !self.needs_integration();
        if self.directive.status() != DirectiveStatus::Active || !is_cut {
            return Ok(());
        }
        self.merge_wanted()?;
        self.start_judges()?;
        self.make_ready()?;
        self.start_ready()?;
        if !self.directive.steps.is_empty() && self.directive.steps.iter().all(|step| step.status().is_done()) {
            self.finish()?;
        }
        Ok(())
    }

    /// Asks GitHub for the merges that were decided on.
    fn merge_wanted(&mut self) -> Followed {
        let wanted = |step: &Step| match &step.state {
            StepState::Merging { candidate, request: MergeRequest::Wanted }
                if step.open_pull().is_some() && step.hold().is_none() =>
            {
                Some((step.id, candidate.clone(), candidate.submission.head()?.clone(), step.verifications + 1))
            }
            _ => None,
        };
        let wanted: Vec<_> = self.directive.all_steps().filter_map(wanted).collect();
        for (step, candidate, head, round) in wanted {
            self.move_step(step, StepState::Merging { candidate, request: MergeRequest::Requested })?;
            self.with_step(step, |step| step.verifications = round);
            self.record(EventKind::MergeRequested { head: head.clone() }, Some(step));
            self.effect(Effect::Merge { step, head, round });
        }
        Ok(())
    }

    fn make_ready(&mut self) -> Followed {
        let pending = self.directive.steps.iter().filter(|step| step.status() == StepStatus::Pending);
        let ready: Vec<StepId> = pending.filter(|step| self.dependencies_done(step)).map(|step| step.id).collect();
        ready.into_iter().try_for_each(|id| self.move_step(id, StepState::READY))
    }

    /// How many tasks may start beside those that are live.
    fn places(&self) -> usize {
        let live = self.directive.tasks.iter().filter(|task| task.status.is_live()).count();
        (self.directive.policy.limits.parallel_tasks as usize).saturating_sub(live)
    }

    /// Has judged what the verifiers are done with.
    fn start_judges(&mut self) -> Followed {
        let due = |step: &Step| match &step.state {
            StepState::Judging { candidate, evaluation, task: None } => {
                Some((step.id, candidate.clone(), evaluation.clone()))
            }
            _ => None,
        };
        let due: Vec<_> = self.directive.all_steps().filter_map(due).take(self.places()).collect();
        for (id, candidate, evaluation) in due {
            let task = Some(self.next_task().0);
            self.move_step(id, StepState::Judging { candidate, evaluation, task })?;
            self.start_task(TaskKind::Judge, Some(id), 1, String::new(), false);
        }
        Ok(())
    }

    fn start_ready(&mut self) -> Followed {
        let startable: Vec<StepId> = self
            .directive
            .all_steps()
            .filter(|step| matches!(step.state, StepState::Ready { .. } | StepState::Reworking { .. }))
            // What was blocked before its turn may be sent to work by a person: it waits for its turn all the same.
            .filter(|step| self.dependencies_done(step))
            .map(|step| step.id)
            .take(self.places())
            .collect();
        startable.into_iter().try_for_each(|id| self.start_step(id))
    }

    fn start_step(&mut self, id: StepId) -> Followed {
        let step = self.step(id)?;
        let instructions = self.directive.assignment(step);
        let kind = if instructions.is_some() { TaskKind::Rework } else { TaskKind::Step };
        let (name, attempt) = (step.name.clone(), step.failures + 1);
        let (cause, last) = (step.state.cause().cloned(), step.last());
        let (task, _) = self.next_task();
        self.move_step(id, StepState::Working { task, cause, last })?;
        self.with_step(id, |step| step.hand_over(task));
        self.record(EventKind::StepStarted { step: name, kind, attempt }, Some(id));
        let (text, merge_target) = instructions.map_or_else(Default::default, |it| (it.text, it.merge_target));
        self.start_task(kind, Some(id), attempt, text, merge_target);
        Ok(())
    }

    /// Every step is done: what landed on the integration branch goes to the base.
    fn finish(&mut self) -> Followed {
        if self.directive.steps.iter().all(|step| self.directive.reaches_base(step)) {
            return self.complete();
        }
        let (id, cause, last) = match &self.directive.final_step {
            None => (self.new_final_step(), None, None),
            Some(Step { id, state: StepState::AwaitingSteps { cause, last }, .. }) => {
                (*id, cause.clone(), last.clone())
            }
            Some(_) => return Ok(()),
        };
        self.move_step(id, StepState::Integrating { cause, last })?;
        self.directive.integrations += 1;
        self.effect(Effect::Integrate { round: self.directive.integrations });
        Ok(())
    }

    fn new_final_step(&mut self) -> StepId {
        let name = StepName::new("final");
        let id = StepId::of(self.directive.id, self.directive.generation, &name);
        let mut final_step = Step::new(
            id,
            name,
            StepKind::Final,
            self.directive.integration_branch(),
            self.directive.base.branch.clone(),
        );
        final_step.description = "Bring the integration branch to the base.".to_owned();
        final_step.requirements =
            self.directive.brief.requirements.iter().map(|requirement| requirement.id.clone()).collect();
        final_step.criteria = self.directive.brief.criteria.iter().map(|criterion| criterion.id.clone()).collect();
        final_step.state = StepState::READY;
        self.directive.final_step = Some(final_step);
        id
    }
}
