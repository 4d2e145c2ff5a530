//! Pull requests that people hold back by converting them to drafts.
//!
//! GitHub merges no draft. A pull request that somebody other than Adjutant converted to a draft is worked on, verified and
//! decided on as any other, and is merged only after somebody with write access marked it ready for review, or after the
//! person who holds it (or an administrator) approved it.

use super::transition::{Followed, Transition};
use crate::actor::Actor;
use crate::effect::Effect;
use crate::event::EventKind;
use crate::ids::StepId;
use crate::signal::{Commanded, Permission, Requester};
use crate::step::{Hold, MergeRequest, StepState};

impl Transition {
    /// Somebody converted a pull request to a draft. A merge that was asked for is asked for again afterwards.
    pub(super) fn pull_drafted(&mut self, id: StepId, by: &Actor) -> Followed {
        let step = self.step(id)?;
        let Some(pull) = step.open_pull().filter(|_| !step.status().is_done()) else { return Ok(()) };
        // A look at GitHub may find it before or after the webhook that names the person.
        let is_known = pull.hold.as_ref().is_some_and(|hold| hold.by == *by || *by == Actor::Unknown);
        if *by == Actor::Adjutant || is_known || self.directive.status().is_over() {
            return Ok(());
        }
        let (number, hold) = (pull.number, Hold { by: by.clone(), at: self.now });
        let merging = match &step.state {
            StepState::Merging { candidate, .. } => Some(candidate.clone()),
            _ => None,
        };
        self.actor(by);
        self.with_step(id, |step| {
            if let Some(pull) = &mut step.pull {
                pull.draft = true;
                pull.hold = Some(hold);
            }
        });
        self.record(EventKind::PullHeld { pull: number, by: by.login().cloned() }, Some(id));
        if let Some(candidate) = merging {
            self.move_step(id, StepState::Merging { candidate, request: MergeRequest::Wanted })?;
        }
        self.effect(Effect::WriteCheck { step: id });
        Ok(())
    }

    /// A pull request is no draft any more: by Adjutant, or by somebody who thereby lets go of it.
    pub(super) fn pull_ready(&mut self, id: StepId, by: Option<&Requester>) {
        let Some(pull) = self.directive.step(id).and_then(|step| step.pull.as_ref()) else { return };
        let (number, was_draft) = (pull.number, pull.draft);
        self.with_step(id, |step| step.pull.iter_mut().for_each(|pull| pull.draft = false));
        if was_draft {
            self.record(EventKind::PullReady { pull: number }, Some(id));
        }
        if let Some(by) = by.filter(|by| by.may_command()) {
            self.person(&by.login);
            self.release(id);
        }
    }

    /// An approval lets go of the pull request where it is by the person who holds it or by an administrator.
    pub(super) fn release_by_approval(&mut self, id: StepId, commanded: &Commanded) {
        let hold = self.directive.step(id).and_then(|step| step.pull.as_ref()?.hold.clone());
        let Some(hold) = hold.filter(|hold| commanded.at.timestamp() >= hold.at.timestamp()) else { return };
        let by = &commanded.actor;
        if hold.by.login() == Some(&by.login) || by.permission >= Permission::Admin {
            self.release(id);
        }
    }

    fn release(&mut self, id: StepId) {
        let Some(pull) = self.directive.step_mut(id).and_then(|step| step.pull.as_mut()) else { return };
        if pull.hold.take().is_none() {
            return;
        }
        let (number, by) = (pull.number, self.by.login().cloned());
        self.record(EventKind::PullReleased { pull: number, by }, Some(id));
        self.effect(Effect::WriteCheck { step: id });
    }
}
