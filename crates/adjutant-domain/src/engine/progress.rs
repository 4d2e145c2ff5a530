//! Work in progress: what an agent has so far is pushed and shown as a draft before it is handed in.
//!
//! A head is remembered *before* it is pushed. So whenever a process dies, no branch stands at a head of ours that nobody
//! knows, and what Adjutant pushed is never taken for a person's push. No verifier runs on such a head, and nobody is asked
//! about it: [`Step::head`](crate::step::Step::head) is what was handed in.

use super::transition::Transition;
use crate::directive::Directive;
use crate::effect::Effect;
use crate::ids::{Sha, StepId, TaskId};
use crate::status::StepStatus;
use crate::task::{Measure, TaskStatus};

impl Transition {
    /// A head is about to be pushed.
    pub(super) fn task_pushes(&mut self, task: TaskId, head: &Sha) {
        self.silent = true;
        // Whether or not it is called off meanwhile: the push may follow all the same, and is no person's.
        if let Some(id) = self.directive.task(task).and_then(|task| task.step) {
            self.with_step(id, |step| step.remember_progress(head));
        }
    }

    /// It is there: the first one gets a pull request, as a draft.
    pub(super) fn task_pushed(&mut self, task: TaskId) {
        self.silent = true;
        let Some(id) = self.step_at_work(task) else { return };
        if self.directive.step(id).is_some_and(|step| step.pull.is_none() && step.may_show_progress()) {
            self.effect(Effect::OpenPull { step: id });
        }
    }

    /// How an agent's run went, whatever comes of it. Told once a run, so that what a run cost is known even where the
    /// process that paid for it died before it could settle the task.
    pub(super) fn task_measured(&mut self, id: TaskId, measure: &Measure) {
        let Some(task) = self.directive.task_mut(id) else { return };
        if task.measured.as_ref().is_some_and(|known| known.run == measure.run) {
            return;
        }
        task.cost = task.cost + measure.cost;
        task.unknown_runs = task.unknown_runs.saturating_add(u32::from(measure.unknown));
        // An agent says what it likes.
        task.input_tokens = task.input_tokens.saturating_add(measure.input_tokens);
        task.output_tokens = task.output_tokens.saturating_add(measure.output_tokens);
        task.measured = Some(measure.clone());
    }

    fn step_at_work(&self, task: TaskId) -> Option<StepId> {
        let task = self.directive.task(task).filter(|task| task.status == TaskStatus::Running)?;
        self.directive.step(task.step?).filter(|step| step.status() == StepStatus::Running).map(|step| step.id)
    }

    /// Pull requests say how far their steps have come: where that changed, they are written anew.
    pub(super) fn keep_pulls_in_step(&mut self, before: &Directive) {
        let changed = |step: &&crate::step::Step| {
            let Some(was) = before.step(step.id) else { return false };
            let told = |directive: &Directive, step: &crate::step::Step| {
                let why = step.state.cause().filter(|_| step.submission().is_none()).cloned();
                (step.phase(directive), why)
            };
            was.open_pull().is_some() && step.open_pull().is_some() && told(before, was) != told(&self.directive, step)
        };
        let steps: Vec<StepId> = self.directive.all_steps().filter(changed).map(|step| step.id).collect();
        for step in steps {
            self.effect(Effect::SyncPull { step });
        }
    }
}
