//! Pauses: every reason that holds a directive back, and what lifts each.
//!
//! A directive may be paused for several reasons at once: the label was taken off while its budget was used up, say. It
//! goes on when the last of them is lifted, so that putting the label back never answers the question about money, and
//! money never overrules a person who said `/pause`. `/resume` lifts them all.

use super::transition::{Followed, Transition};
use crate::directive::{DirectiveState, NoReason, Pause, PauseReason, PauseReasons};
use crate::effect::{Effect, Notice};
use crate::event::EventKind;
use crate::signal::Requester;
use crate::task::TaskStatus;

impl Transition {
    /// The label was set again on a live directive: that lifts what taking it off had paused, and nothing else.
    pub(super) fn labelled(&mut self, actor: &Requester) -> Followed {
        let paused_by_label = |pause: &Pause| pause.reasons.iter().any(PauseReason::is_by_label);
        if actor.bot || !self.directive.state.pause().is_some_and(paused_by_label) {
            return Ok(());
        }
        self.person(&actor.login);
        if actor.may_command() {
            return self.lift(PauseReason::is_by_label);
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
        let paused = EventKind::DirectivePaused { reason: reason.clone() };
        let from = self.directive.state.underway();
        match (self.directive.state.pause_mut(), from) {
            (Some(pause), _) if pause.reasons.iter().any(|known| std::mem::discriminant(known) == kind) => {
                return Ok(false);
            }
            (Some(pause), _) => pause.reasons.push(reason),
            (None, Some(from)) => {
                let reasons = PauseReasons::new(reason);
                self.move_directive(DirectiveState::Paused(Pause { from, reasons }))?;
            }
            (None, None) => return Ok(false),
        }
        self.directive.paused_at = Some(self.now);
        self.record(paused, None);
        self.call_off(|task| task.status == TaskStatus::Queued)?;
        Ok(true)
    }

    /// Whether this is among the reasons of the pause.
    pub(super) fn is_paused_for(&self, reason: &PauseReason) -> bool {
        self.directive.state.pause().is_some_and(|pause| pause.is_for(reason))
    }

    /// Lifts the reasons that are picked, and goes back to where the pause began once none is left.
    pub(super) fn lift(&mut self, picked: impl Fn(&PauseReason) -> bool) -> Followed {
        let Some(Pause { from, reasons }) = self.directive.state.pause().cloned() else { return Ok(()) };
        let (lifted, left): (Vec<_>, Vec<_>) = Vec::from(reasons).into_iter().partition(picked);
        if lifted.is_empty() {
            return Ok(());
        }
        self.record(EventKind::DirectiveResumed { lifted, left: left.clone() }, None);
        match PauseReasons::try_from(left) {
            Ok(reasons) => {
                self.directive.state = DirectiveState::Paused(Pause { from, reasons });
                Ok(())
            }
            Err(NoReason) => self.move_directive(from.into()),
        }
    }
}
