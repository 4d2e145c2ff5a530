//! What starts next: ready steps within the limits, and the final pull request when all are done.

use super::planning::blank_step;
use super::transition::Transition;
use crate::effect::Effect;
use crate::event::EventKind;
use crate::ids::{StepId, StepName};
use crate::status::{DirectiveStatus, StepStatus};
use crate::step::{MergeState, Step, StepKind};
use crate::task::TaskKind;

impl Transition {
    /// Starts whatever has become possible.
    pub(super) fn advance(&mut self) {
        self.check_breakers();
        self.expire();
        self.plan_if_needed();
        let is_cut = self.directive.integration_cut || !self.needs_integration();
        if self.directive.status != DirectiveStatus::Active || !is_cut {
            return;
        }
        self.merge_wanted();
        self.start_judges();
        self.make_ready();
        self.start_ready();
        if !self.directive.steps.is_empty() && self.directive.steps.iter().all(|step| step.status.is_done()) {
            self.finish();
        }
    }

    /// Asks GitHub for the merges that were decided on.
    fn merge_wanted(&mut self) {
        let wanted: Vec<_> = self
            .directive
            .steps
            .iter()
            .chain(&self.directive.final_step)
            .filter(|step| step.merge == MergeState::Wanted && step.status == StepStatus::Evaluating)
            .filter(|step| step.open_pull().is_some())
            .filter_map(|step| Some((step.id, step.head.clone()?, step.verifications + 1)))
            .collect();
        for (step, head, round) in wanted {
            self.with_step(step, |step| {
                step.merge = MergeState::Requested;
                step.verifications = round;
            });
            self.record(EventKind::MergeRequested { head: head.clone() }, Some(step));
            self.effect(Effect::Merge { step, head, round });
        }
    }

    fn make_ready(&mut self) {
        let ready: Vec<StepId> = self
            .directive
            .steps
            .iter()
            .filter(|step| step.status == StepStatus::Pending && self.dependencies_done(step))
            .map(|step| step.id)
            .collect();
        for id in ready {
            self.set_step(id, StepStatus::Ready);
        }
    }

    pub(super) fn dependencies_done(&self, step: &Step) -> bool {
        step.depends_on
            .iter()
            .all(|name| self.directive.step_named(name.as_str()).is_some_and(|dep| dep.status.is_done()))
    }

    /// How many tasks may start beside those that are live.
    fn places(&self) -> usize {
        let live = self.directive.tasks.iter().filter(|task| task.status.is_live()).count();
        (self.directive.policy.limits.parallel_tasks as usize).saturating_sub(live)
    }

    /// Has heads judged that the verifiers are done with.
    fn start_judges(&mut self) {
        let judged = |id| self.directive.tasks.iter().any(|task| task.step == Some(id) && task.status.is_live());
        let due: Vec<StepId> = self
            .directive
            .steps
            .iter()
            .chain(&self.directive.final_step)
            .filter(|step| step.judge_due && step.status == StepStatus::Evaluating)
            .filter(|step| step.current_evaluation().is_some() && !judged(step.id))
            .map(|step| step.id)
            .take(self.places())
            .collect();
        for id in due {
            self.start_task(TaskKind::Judge, Some(id), 1, String::new(), false);
        }
    }

    fn start_ready(&mut self) {
        let startable: Vec<StepId> = self
            .directive
            .steps
            .iter()
            .chain(&self.directive.final_step)
            .filter(|step| match step.status {
                StepStatus::Ready => true,
                StepStatus::Rework => step.instructions.is_some(),
                _ => false,
            })
            // What was blocked before its turn may be sent to work by a person: it waits for its turn all the same.
            .filter(|step| self.dependencies_done(step))
            .map(|step| step.id)
            .take(self.places())
            .collect();
        for id in startable {
            self.start_step(id);
        }
    }

    fn start_step(&mut self, id: StepId) {
        let Some(step) = self.directive.step(id) else { return };
        let kind = if step.instructions.is_some() { TaskKind::Rework } else { TaskKind::Step };
        let (name, attempt) = (step.name.clone(), step.failures + 1);
        let instructions = step.instructions.clone();
        if !self.set_step(id, StepStatus::Running) {
            return;
        }
        self.record(EventKind::StepStarted { step: name, kind, attempt }, Some(id));
        let (text, merge_target) = instructions.map_or_else(Default::default, |it| (it.text, it.merge_target));
        self.start_task(kind, Some(id), attempt, text, merge_target);
    }

    /// Every step is done: what landed on the integration branch goes to the base.
    fn finish(&mut self) {
        if self.directive.steps.iter().all(|step| step.into_base) {
            self.complete();
            return;
        }
        let final_step = match &self.directive.final_step {
            None => self.new_final_step(),
            Some(final_step) if final_step.status == StepStatus::Rework && final_step.instructions.is_none() => {
                final_step.id
            }
            Some(_) => return,
        };
        if self.set_step(final_step, StepStatus::Running) {
            self.directive.integrations += 1;
            self.effect(Effect::Integrate { round: self.directive.integrations });
        }
    }

    fn new_final_step(&mut self) -> StepId {
        let name = StepName::new("final");
        let id = StepId::of(self.directive.id, self.directive.generation, &name);
        let mut final_step = blank_step(
            id,
            name,
            StepKind::Final,
            self.directive.integration_branch(),
            self.directive.base.branch.clone(),
            true,
        );
        final_step.description = "Bring the integration branch to the base.".to_owned();
        final_step.requirements =
            self.directive.brief.requirements.iter().map(|requirement| requirement.id.clone()).collect();
        final_step.criteria = self.directive.brief.criteria.iter().map(|criterion| criterion.id.clone()).collect();
        final_step.status = StepStatus::Ready;
        self.directive.final_step = Some(final_step);
        id
    }
}
