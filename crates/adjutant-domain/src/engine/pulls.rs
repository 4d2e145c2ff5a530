//! What happens to pull requests, by us or by people.

use super::transition::{Followed, Transition};
use crate::actor::Actor;
use crate::approval::{ApprovalKind, ApprovalStatus};
use crate::effect::Effect;
use crate::event::EventKind;
use crate::ids::{Sha, StepId, StepName};
use crate::status::StepStatus;
use crate::step::{Instructions, PassedBy, Pull, Step, StepKind, StepState, Submission};

/// Why a pull request of a step that people gave up is closed.
const SKIPPED: &str = "this step was skipped";

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
        if self.directive.status.is_over() {
            let word = self.directive.failure.clone().unwrap_or_else(|| "the directive has ended".to_owned());
            self.effect(Effect::ClosePull { step: id, word });
        } else if skipped {
            self.effect(Effect::ClosePull { step: id, word: SKIPPED.to_owned() });
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
        if own || step.head() == Some(head) || step.status().is_done() || self.directive.status.is_over() {
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

    /// A person who merges has answered what was asked about it.
    fn accepted(&mut self, id: StepId, by: &Actor) {
        if *by != Actor::Adjutant {
            self.answer(id, ApprovalStatus::Approved, by.login(), Some("merged the pull request"));
        }
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

    /// The final pull request was merged: what was wanted is on the base.
    pub(super) fn final_merged(&mut self, by: &Actor) -> Followed {
        if self.directive.status.is_over() {
            return Ok(());
        }
        if let Some(final_step) = &self.directive.final_step {
            let id = final_step.id;
            let pull = final_step.pull.as_ref().map(|pull| pull.number);
            self.record(EventKind::PullMerged { pull, by: by.login().cloned() }, Some(id));
            self.accepted(id, by);
            self.pass(id, PassedBy::Merge)?;
        }
        self.close_rest("what was wanted is merged into the base");
        self.complete()
    }

    /// A person closed a pull request unmerged.
    pub(super) fn pull_closed(&mut self, id: StepId, by: &Actor) -> Followed {
        let Ok(step) = self.step(id) else {
            self.earlier_pull_closed(id);
            return Ok(());
        };
        if step.status().is_done() || self.directive.status.is_over() {
            return Ok(());
        }
        let name = step.name.clone();
        let needed =
            self.directive.steps.iter().any(|other| other.depends_on.contains(&name) && !other.status().is_done());
        let carries_all = step.is_final() || (self.directive.steps.len() == 1 && step.into_base);
        if step.open_pull().is_none() {
            return Ok(());
        }
        let pull = step.pull.as_ref().map(|pull| pull.number);
        self.actor(by);
        self.record(EventKind::PullClosed { pull, by: by.login().cloned() }, Some(id));
        self.answer(id, ApprovalStatus::Denied, by.login(), Some("closed the pull request"));
        self.with_step(id, |step| step.pull.iter_mut().for_each(|pull| pull.closed = true));
        if carries_all {
            self.stop(by, "the final pull request was closed unmerged")
        } else if needed {
            self.block(id, &format!("{by} closed its pull request, and other steps depend on it"))
        } else {
            self.skip_step(id, by)
        }
    }

    /// Goes on without a step.
    pub(super) fn skip_step(&mut self, id: StepId, by: &Actor) -> Followed {
        self.cancel_tasks(|task| task.step == Some(id));
        let step = self.step(id)?;
        let (cause, last) = (step.state.cause().map(str::to_owned), step.last());
        let open = step.open_pull().is_some();
        self.move_step(id, StepState::Skipped { by: by.clone(), cause, last })?;
        self.close_approvals(Some(id), ApprovalStatus::Stale, |_| true);
        if open {
            self.effect(Effect::ClosePull { step: id, word: SKIPPED.to_owned() });
        }
        Ok(())
    }

    /// GitHub did not merge what was decided on: a person is told why.
    pub(super) fn merge_refused(&mut self, id: StepId, head: &Sha, reason: &str) -> Followed {
        let step = self.step(id)?;
        let StepState::Merging { candidate, .. } = &step.state else { return Ok(()) };
        if candidate.submission.head() != Some(head) || self.directive.status.is_over() {
            return Ok(());
        }
        let (name, into_base, candidate) = (step.name.clone(), step.into_base, candidate.clone());
        self.record(EventKind::MergeRefused { step: name.clone(), reason: reason.to_owned() }, Some(id));
        let kind = if into_base { ApprovalKind::Final } else { ApprovalKind::StepReview };
        let words = reason.trim_end_matches('.');
        let question = format!("GitHub did not merge `{name}`: {words}. Merge it by hand, or `/approve` to try again.");
        self.ask_about(id, candidate, kind, question)
    }

    /// The integration branch holds the newest base: the final pull request is opened, or verified again.
    pub(super) fn integrated(&mut self, head: &Sha, differs: bool) -> Followed {
        let Some(final_step) = &self.directive.final_step else { return Ok(()) };
        let (id, candidate) = (final_step.id, final_step.last());
        if !matches!(final_step.state, StepState::Integrating { .. }) || self.directive.status.is_over() {
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

    /// A rework of the whole is a step more.
    pub(super) fn add_follow_up(&mut self, text: &str) {
        let names = (1..).map(|number| StepName::new(format!("follow-up-{number}")));
        let free = |name: &StepName| self.directive.steps.iter().all(|step| step.name != *name);
        let Some(name) = names.into_iter().find(free) else { return };
        let id = StepId::of(self.directive.id, self.directive.generation, &name);
        let branch = self.directive.step_branch(&name);
        let target = self.directive.integration_branch();
        let mut step = Step::new(id, name, StepKind::Implement, branch, target, false);
        step.description = "Mend what the final pull request was turned down for.".to_owned();
        step.task_plan = text.to_owned();
        let instructions = Instructions { text: text.to_owned(), merge_target: false };
        // It depends on nothing.
        step.state = StepState::Ready { instructions: Some(instructions), cause: None, last: None };
        self.directive.steps.push(step);
    }
}
