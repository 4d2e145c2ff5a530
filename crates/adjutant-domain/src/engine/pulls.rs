//! What happens to pull requests, by us or by people.

use super::planning::blank_step;
use super::transition::Transition;
use crate::actor::Actor;
use crate::approval::{ApprovalKind, ApprovalStatus};
use crate::effect::Effect;
use crate::event::EventKind;
use crate::ids::{Sha, StepId, StepName};
use crate::status::StepStatus;
use crate::step::{Instructions, MergeState, Pull, StepKind};

/// Why a pull request of a step that people gave up is closed.
const SKIPPED: &str = "this step was skipped";

impl Transition {
    /// A step's pull request is there: its head is proved.
    pub(super) fn pull_opened(&mut self, id: StepId, pull: &Pull) {
        let Some(step) = self.directive.step(id) else { return self.earlier_pull_opened(id, pull) };
        if step.open_pull().is_some() {
            return;
        }
        // What a person accepted as it is waits for its merge, and not for another proof.
        let proving = step.status == StepStatus::Evaluating && step.merge == MergeState::Open;
        let skipped = step.status == StepStatus::Skipped;
        let name = step.name.clone();
        self.with_step(id, |step| step.pull = Some(pull.clone()));
        self.record(EventKind::PullOpened { step: name, pull: pull.number, superseded: false }, Some(id));
        if self.directive.status.is_over() {
            let word = self.directive.failure.clone().unwrap_or_else(|| "the directive has ended".to_owned());
            self.effect(Effect::ClosePull { step: id, word });
        } else if skipped {
            self.effect(Effect::ClosePull { step: id, word: SKIPPED.to_owned() });
        } else if proving {
            self.prove(id);
        }
    }

    /// A step's pull request is no draft any more.
    pub(super) fn pull_ready(&mut self, id: StepId) {
        let pull = self.directive.step_mut(id).and_then(|step| step.pull.as_mut());
        let Some(pull) = pull.filter(|pull| pull.draft) else { return };
        pull.draft = false;
        let number = pull.number;
        self.record(EventKind::PullReady { pull: number }, Some(id));
    }

    /// Somebody pushed: what they pushed is kept, and proved again.
    pub(super) fn head_moved(&mut self, id: StepId, head: &Sha, by: &Actor) {
        let Some(step) = self.directive.step(id) else { return };
        // What Adjutant pushed while an agent works is no push of a person's.
        let own = step.progress.contains(head) && (step.status == StepStatus::Running || step.head.is_none());
        if own || step.head.as_ref() == Some(head) || step.status.is_done() || self.directive.status.is_over() {
            return;
        }
        // One that never had its turn has no branch: whatever was pushed is none of its.
        let began = matches!(step.status, StepStatus::Running | StepStatus::Evaluating);
        if !began && step.head.is_none() && step.pull.is_none() {
            return;
        }
        let (name, status) = (step.name.clone(), step.status);
        self.actor(by);
        self.record(EventKind::HeadMoved { step: name, head: head.clone(), by: by.login().cloned() }, Some(id));
        self.take_head(id, head);
        self.with_step(id, |step| {
            step.findings.clear();
            step.head_pushed = true;
        });
        match status {
            StepStatus::Evaluating => self.prove(id),
            StepStatus::Blocked | StepStatus::Failed if self.set_step(id, StepStatus::Evaluating) => self.prove(id),
            _ => {}
        }
    }

    /// A pull request was merged, by us or by a person: its step has passed.
    pub(super) fn pull_merged(&mut self, id: StepId, by: &Actor) {
        let Some(step) = self.directive.step(id) else { return self.earlier_pull_merged(id, by) };
        if step.merge == MergeState::Merged {
            return;
        }
        let is_final = step.is_final();
        let pull = step.pull.as_ref().map(|pull| pull.number);
        self.actor(by);
        if is_final {
            self.final_merged(by);
        } else {
            self.record(EventKind::PullMerged { pull, by: by.login().cloned() }, Some(id));
            self.accepted(id, by);
            self.pass(id);
        }
    }

    /// A person who merges has answered what was asked about it.
    fn accepted(&mut self, id: StepId, by: &Actor) {
        if *by != Actor::Adjutant {
            self.answer(id, ApprovalStatus::Approved, by.login(), Some("merged the pull request"));
        }
    }

    /// A step is done: merged, or its report accepted.
    pub(super) fn pass(&mut self, id: StepId) {
        let Some(step) = self.directive.step(id) else { return };
        // A person may merge what was not even evaluated, or a draft that waits for its agent: that is their word.
        if step.status.is_done() || step.never_began() {
            return;
        }
        let has_pull = step.pull.is_some();
        self.cancel_tasks(|task| task.step == Some(id));
        self.set_step(id, StepStatus::Passed);
        self.close_approvals(Some(id), ApprovalStatus::Stale, |_| true);
        self.with_step(id, |step| {
            step.merge = MergeState::Merged;
            step.instructions = None;
            step.reason = None;
        });
        if has_pull {
            self.effect(Effect::WriteCheck { step: id });
            self.effect(Effect::SyncPull { step: id });
            self.effect(Effect::DeleteBranch { step: id });
        }
    }

    /// The final pull request was merged: what was wanted is on the base.
    pub(super) fn final_merged(&mut self, by: &Actor) {
        if self.directive.status.is_over() {
            return;
        }
        if let Some(final_step) = &self.directive.final_step {
            let id = final_step.id;
            let pull = final_step.pull.as_ref().map(|pull| pull.number);
            self.record(EventKind::PullMerged { pull, by: by.login().cloned() }, Some(id));
            self.accepted(id, by);
            self.pass(id);
        }
        self.close_rest("what was wanted is merged into the base");
        self.complete();
    }

    /// A person closed a pull request unmerged.
    pub(super) fn pull_closed(&mut self, id: StepId, by: &Actor) {
        let Some(step) = self.directive.step(id) else { return self.earlier_pull_closed(id) };
        if step.status.is_done() || self.directive.status.is_over() {
            return;
        }
        let name = step.name.clone();
        let needed =
            self.directive.steps.iter().any(|other| other.depends_on.contains(&name) && !other.status.is_done());
        let carries_all = step.is_final() || (self.directive.steps.len() == 1 && step.into_base);
        if step.open_pull().is_none() {
            return;
        }
        let pull = step.pull.as_ref().map(|pull| pull.number);
        self.actor(by);
        self.record(EventKind::PullClosed { pull, by: by.login().cloned() }, Some(id));
        self.answer(id, ApprovalStatus::Denied, by.login(), Some("closed the pull request"));
        self.with_step(id, |step| step.pull.iter_mut().for_each(|pull| pull.closed = true));
        if carries_all {
            self.stop(by, "the final pull request was closed unmerged");
        } else if needed {
            self.block(id, &format!("{by} closed its pull request, and other steps depend on it"));
        } else {
            self.skip_step(id);
        }
    }

    /// Goes on without a step.
    pub(super) fn skip_step(&mut self, id: StepId) {
        self.cancel_tasks(|task| task.step == Some(id));
        if self.set_step(id, StepStatus::Skipped) {
            // A merge that was decided on, and not asked for yet, is called off.
            self.with_step(id, |step| {
                if step.merge == MergeState::Wanted {
                    step.merge = MergeState::Open;
                }
            });
            self.close_approvals(Some(id), ApprovalStatus::Stale, |_| true);
            let open = self.directive.step(id).is_some_and(|step| step.open_pull().is_some());
            if open {
                self.effect(Effect::ClosePull { step: id, word: SKIPPED.to_owned() });
            }
        }
    }

    /// GitHub did not merge what was decided on: a person is told why.
    pub(super) fn merge_refused(&mut self, id: StepId, head: &Sha, reason: &str) {
        let Some(step) = self.directive.step(id) else { return };
        let asked = step.status == StepStatus::Evaluating && step.head.as_ref() == Some(head);
        if !asked || self.directive.status.is_over() {
            return;
        }
        let (name, into_base) = (step.name.clone(), step.into_base);
        self.with_step(id, |step| step.merge = MergeState::Open);
        self.record(EventKind::MergeRefused { step: name.clone(), reason: reason.to_owned() }, Some(id));
        let kind = if into_base { ApprovalKind::Final } else { ApprovalKind::StepReview };
        let words = reason.trim_end_matches('.');
        let question = format!("GitHub did not merge `{name}`: {words}. Merge it by hand, or `/approve` to try again.");
        self.ask(kind, Some(id), head.clone(), question);
    }

    /// The integration branch holds the newest base: the final pull request is opened, or proved again.
    pub(super) fn integrated(&mut self, head: &Sha, differs: bool) {
        let Some(final_step) = &self.directive.final_step else { return };
        let (id, status) = (final_step.id, final_step.status);
        if status != StepStatus::Running || self.directive.status.is_over() {
            return;
        }
        if !differs {
            self.record(EventKind::BaseIntegrated { head: head.clone(), differs }, Some(id));
            self.pass_without_change(id);
            return;
        }
        self.record(EventKind::BaseIntegrated { head: head.clone(), differs }, Some(id));
        self.take_head(id, head);
        self.with_step(id, |final_step| {
            // The integration branch may have come back to a head that was proved before.
            final_step.evaluation = None;
        });
        self.set_step(id, StepStatus::Evaluating);
        self.prove(id);
    }

    fn pass_without_change(&mut self, id: StepId) {
        self.set_step(id, StepStatus::Passed);
        self.complete();
    }

    /// A rework of the whole is a step more.
    pub(super) fn add_follow_up(&mut self, text: &str) {
        let names = (1..).map(|number| StepName::new(format!("follow-up-{number}")));
        let free = |name: &StepName| self.directive.steps.iter().all(|step| step.name != *name);
        let Some(name) = names.into_iter().find(free) else { return };
        let id = StepId::of(self.directive.id, self.directive.generation, &name);
        let branch = self.directive.step_branch(&name);
        let target = self.directive.integration_branch();
        let mut step = blank_step(id, name, StepKind::Implement, branch, target, false);
        step.description = "Mend what the final pull request was turned down for.".to_owned();
        step.task_plan = text.to_owned();
        step.instructions = Some(Instructions { text: text.to_owned(), merge_target: false });
        self.directive.steps.push(step);
    }
}
