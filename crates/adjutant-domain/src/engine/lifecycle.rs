//! The directive's own life: opened, paused, resumed, stopped, ended.

use super::transition::{Followed, Transition};
use crate::actor::Actor;
use crate::cause::{Cause, DirectiveFailure, IssueEnd, StopReason};
use crate::directive::{DirectiveState, PauseReason};
use crate::event::EventKind;
use crate::failure::Failure;
use crate::ids::StepId;
use crate::signal::Requester;
use crate::status::DirectiveStatus;

impl Transition {
    /// Leaves the draft: planning starts.
    pub(super) fn begin(&mut self) -> Followed {
        let directive = &self.directive;
        let opened = EventKind::DirectiveOpened {
            issue: directive.issue,
            title: directive.title.clone(),
            base: directive.base.sha.clone(),
            predecessor: directive.predecessor,
        };
        self.record(opened, None);
        self.move_directive(DirectiveState::Planning)
    }

    /// Taking the label off pauses, and puts away what has ended. A bot's doing is no order.
    pub(super) fn unlabelled(&mut self, actor: &Requester) -> Followed {
        if actor.bot {
            return Ok(());
        }
        self.person(&actor.login);
        if self.directive.status().is_over() {
            self.archive()
        } else {
            self.pause(PauseReason::Unlabelled(actor.login.clone())).map(drop)
        }
    }

    fn archive(&mut self) -> Followed {
        if let Some(archived) = self.directive.state.put_away() {
            self.move_directive(archived)?;
            self.record(EventKind::DirectiveArchived {}, None);
        }
        Ok(())
    }

    /// The issue was closed: the work is done if the final pull request is merged, and stopped otherwise. So it is where
    /// the issue was moved away or deleted. Whoever did it: that is a fact, and no order.
    pub(super) fn issue_closed(&mut self, actor: &Actor, final_merged: bool, how: IssueEnd) -> Followed {
        self.actor(actor);
        if !self.directive.status().is_over() {
            let by = actor.login().cloned();
            self.record(EventKind::IssueClosed { by, how, final_merged }, None);
        }
        if self.directive.status() == DirectiveStatus::Completed && final_merged {
            // The closing that completion itself brings, by the keyword or by Adjutant, puts nothing away.
            Ok(())
        } else if self.directive.status().is_over() {
            self.archive()
        } else if final_merged {
            self.final_merged(actor)
        } else {
            self.stop(actor, StopReason::Issue(how), None)
        }
    }

    /// Something outside could not be done: the step it was for waits for a person, else the directive ends.
    pub(super) fn effect_failed(&mut self, step: Option<StepId>, reason: &Failure) -> Followed {
        // Without a step it was for the whole, which is the final pull request's once there is one.
        let step = step.or(self.directive.final_step.as_ref().map(|final_step| final_step.id));
        self.record(EventKind::EffectFailed { reason: reason.clone() }, step);
        match step {
            Some(step) => self.block(step, Cause::Failure(reason.clone())),
            // While it is planned anew, it was for a chain that is superseded.
            None if !self.has_started() => Ok(()),
            None => self.fail(DirectiveFailure::Failure(reason.clone())),
        }
    }
}
