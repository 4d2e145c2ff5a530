//! Approvals that are taken back: by `/unapprove`, or because the comment or review that gave them says so no longer.
//!
//! An approval counts for as long as the person stands by it, until GitHub is asked for the merge. What is taken back stays in the
//! history. Who takes back need not be asked for a permission by the engine where a text changed: it only makes Adjutant ask again.

use super::approvals::written_before;
use super::transition::{CommandResult, Followed, Transition, refused};
use crate::actor::Actor;
use crate::approval::{Approval, ApprovalStatus, Given};
use crate::command::Command;
use crate::effect::{Effect, Notice};
use crate::event::EventKind;
use crate::ids::{ApprovalId, StepId};
use crate::refusal::Refusal;
use crate::signal::{Commanded, SourceKind};
use crate::step::{MergeRequest, StepState, Submission};

impl Transition {
    /// Writes down by what the approval was given that a command just gave.
    pub(super) fn note_given(&mut self, id: StepId, commanded: &Commanded) {
        let (now, by) = (self.now, Some(&commanded.actor.login));
        let just_given = |it: &&mut Approval| {
            it.step == Some(id)
                && it.status == ApprovalStatus::Approved
                && it.answered_at == Some(now)
                && it.answered_by.as_ref() == by
                && it.given.is_none()
        };
        if let Some(approval) = self.directive.approvals.iter_mut().rfind(just_given) {
            approval.given = Some(Given { source: commanded.source.clone(), at: commanded.at });
        }
    }

    /// A comment or review was read again: an approval that it no longer gives is taken back.
    pub(super) fn source_read(&mut self, kind: SourceKind, id: u64, commands: &[Command], by: &Actor) -> Followed {
        let gone: Vec<Approval> =
            self.directive.approvals.iter().filter(|it| it.stands_by(kind, id)).cloned().collect();
        for approval in gone {
            let Some(step) = approval.step.and_then(|step| self.directive.step(step)) else { continue };
            // What was merged, or replaced by a newer commit, asks nobody any more.
            if step.status().is_done() || !self.standing(step.id).any(|it| it.id == approval.id) {
                continue;
            }
            let still = commands.iter().any(|command| match command {
                Command::Approve { step: None } => true,
                Command::Approve { step: Some(name) } => step.name.as_str() == name,
                _ => false,
            });
            if still {
                continue;
            }
            let (id, name) = (step.id, step.name.clone());
            let asked_for = is_asked_for(&step.state);
            self.actor(by);
            self.take_back(id, &[approval.id])?;
            if asked_for && let (Some(given), Some(to)) = (approval.given, approval.answered_by) {
                let notice = refused(Refusal::MergeAskedFor { step: name });
                self.effect(Effect::Reply { source: given.source, to, notice });
            }
        }
        Ok(())
    }

    /// `/unapprove`: takes back every approval of a step that was written before.
    pub(super) fn unapprove(&mut self, id: StepId, commanded: &Commanded) -> CommandResult {
        let step = self.step(id)?;
        let name = step.name.clone();
        let (asked_for, passed) = (is_asked_for(&step.state), matches!(step.state, StepState::Passed { .. }));
        if passed {
            return Err(refused(Refusal::AlreadyMerged));
        }
        let older = |it: &Approval| {
            let written = it.given.as_ref().map(|given| given.at).or(it.answered_at);
            written.is_none_or(|at| !written_before(commanded.at, at))
        };
        let standing: Vec<ApprovalId> = self.standing(id).filter(|it| older(it)).map(|it| it.id).collect();
        self.with_step(id, |step| {
            if let Some(candidate) = step.state.candidate_mut() {
                candidate.unapproved_at = candidate.unapproved_at.max(Some(commanded.at));
            }
        });
        self.take_back(id, &standing)?;
        if standing.is_empty() {
            return Err(refused(Refusal::NothingToTakeBack { step: name }));
        }
        if asked_for { Err(refused(Refusal::MergeAskedFor { step: name })) } else { Ok(()) }
    }

    /// The only step whose approval could be taken back, for a bare `/unapprove` on the issue.
    pub(super) fn only_approved(&self) -> Result<StepId, Notice> {
        let approved = |id: &StepId| self.standing(*id).next().is_some();
        let steps = self.directive.all_steps().filter(|step| !step.status().is_done()).map(|step| step.id);
        let steps: Vec<StepId> = steps.filter(approved).collect();
        match steps.as_slice() {
            [only] => Ok(*only),
            _ => Err(refused(Refusal::StepNeeded { command: "unapprove".to_owned() })),
        }
    }

    /// The approvals of what a step handed in last that stand.
    fn standing(&self, id: StepId) -> impl Iterator<Item = &Approval> {
        let step = self.directive.step(id);
        let shown = step.and_then(|step| step.submission()).map(Submission::subject);
        let of_step = move |it: &&Approval| it.step == Some(id) && it.stands() && Some(&it.shown) == shown.as_ref();
        self.directive.approvals.iter().filter(of_step)
    }

    /// Takes approvals of a step back. Without another one that stands, the step waits for people again.
    fn take_back(&mut self, id: StepId, which: &[ApprovalId]) -> Followed {
        let (now, by) = (self.now, self.by.login().cloned());
        let late = is_asked_for(&self.step(id)?.state);
        let mut taken = Vec::new();
        for approval in self.directive.approvals.iter_mut().filter(|it| which.contains(&it.id)) {
            approval.taken_back_at = Some(now);
            taken.push((approval.kind, approval.shown.hash().to_owned()));
        }
        if taken.is_empty() {
            return Ok(());
        }
        for (kind, shown) in taken {
            self.record(EventKind::ApprovalTakenBack { r#type: kind, by: by.clone(), shown, late }, Some(id));
        }
        let other = self.standing(id).find_map(|approval| approval.answered_by.clone());
        self.with_step(id, |step| {
            if let Some(candidate) = step.state.candidate_mut() {
                candidate.pre_approved = candidate.pre_approved.take().and(other.clone());
            }
        });
        let StepState::Merging { candidate, request: MergeRequest::Wanted } = &self.step(id)?.state else {
            return Ok(());
        };
        if other.is_some() {
            return Ok(());
        }
        let mut candidate = candidate.clone();
        candidate.pre_approved = None;
        if candidate.evaluation.is_some() {
            return self.decide_on(id, candidate);
        }
        // A person had accepted it though it was never verified.
        self.move_step(id, StepState::HandedIn { candidate })?;
        self.verify(id)
    }
}

/// Whether GitHub was asked for the merge.
fn is_asked_for(state: &StepState) -> bool {
    matches!(state, StepState::Merging { request: MergeRequest::Requested, .. })
}
