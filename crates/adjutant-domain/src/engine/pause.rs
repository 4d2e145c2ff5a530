//! Pauses: every reason that holds a directive back, and what lifts each.
//!
//! A directive may be paused for several reasons at once: the label was taken off while its budget was used up, say. It
//! goes on when the last of them is lifted, so that putting the label back never answers the question about money, and
//! money never overrules a person who said `/pause`. `/resume` lifts them all.

use super::transition::{Followed, Transition};
use crate::directive::{Pause, PauseReason};
use crate::effect::{Effect, Notice};
use crate::event::EventKind;
use crate::signal::Requester;
use crate::status::DirectiveStatus;
use crate::task::TaskStatus;

impl Transition {
    /// The label was set again on a live directive: that lifts what taking it off had paused, and nothing else.
    pub(super) fn labelled(&mut self, actor: &Requester) -> Followed {
        let paused_by_label = |pause: &Pause| pause.reasons().any(is_by_label);
        if actor.bot || !self.directive.pause.as_ref().is_some_and(paused_by_label) {
            return Ok(());
        }
        self.person(&actor.login);
        if actor.may_command() {
            return self.lift(is_by_label);
        }
        let notice = Notice::LabelRefused { login: actor.login.to_string() };
        let (command, why) = ("label".to_owned(), notice.clone());
        self.record(EventKind::CommandRefused { command, order: None, pull: None, why }, None);
        let (repo, issue, to) = (self.directive.repo.clone(), self.directive.issue, actor.login.clone());
        self.effect(Effect::Announce { repo, issue, to, notice });
        Ok(())
    }

    /// Nothing new starts until the reason is lifted. Running agents go on; tasks that only wait for a worker go back
    /// in line. Says whether it was not paused for such a reason before.
    pub(super) fn pause(&mut self, reason: PauseReason) -> Followed<bool> {
        let kind = std::mem::discriminant(&reason);
        let from = self.directive.status;
        let paused = EventKind::DirectivePaused { reason: reason.clone() };
        match &mut self.directive.pause {
            Some(pause) if pause.reasons().any(|known| std::mem::discriminant(known) == kind) => return Ok(false),
            Some(pause) => pause.also.push(reason),
            None if !matches!(from, DirectiveStatus::Planning | DirectiveStatus::Active) => return Ok(false),
            None => {
                self.set_status(DirectiveStatus::Paused)?;
                self.directive.pause = Some(Pause { from, reason, also: Vec::new() });
            }
        }
        self.directive.paused_at = Some(self.now);
        self.record(paused, None);
        self.call_off(|task| task.status == TaskStatus::Queued)?;
        Ok(true)
    }

    /// Whether this is among the reasons of the pause.
    pub(super) fn is_paused_for(&self, reason: &PauseReason) -> bool {
        self.directive.pause.as_ref().is_some_and(|pause| pause.reasons().any(|known| known == reason))
    }

    /// Lifts the reasons that are picked, and goes back to where the pause began once none is left.
    pub(super) fn lift(&mut self, picked: impl Fn(&PauseReason) -> bool) -> Followed {
        let Some(pause) = self.directive.pause.take() else { return Ok(()) };
        let from = pause.from;
        let (lifted, mut left): (Vec<_>, Vec<_>) = std::iter::once(pause.reason).chain(pause.also).partition(picked);
        if !lifted.is_empty() {
            self.record(EventKind::DirectiveResumed { lifted, left: left.clone() }, None);
        }
        if left.is_empty() {
            self.set_status(from)?;
        } else {
            let reason = left.remove(0);
            self.directive.pause = Some(Pause { from, reason, also: left });
        }
        Ok(())
    }
}

fn is_by_label(reason: &PauseReason) -> bool {
    matches!(reason, PauseReason::Unlabelled(_))
}
