//! Questions to people: how urgent they are, when they expire, what an answer is about.
//!
//! A question that expires stays: its siblings go on, people are reminded once, and a late answer counts. What an
//! answer was given to is checked here: it passes only what was shown when it was written.

use chrono::{DateTime, Duration, Utc};

use super::transition::{Followed, Transition};
use crate::approval::{Approval, ApprovalKind, ApprovalStatus, Subject, Urgency};
use crate::directive::PauseReason;
use crate::effect::Effect;
use crate::evaluation::Confidence;
use crate::event::EventKind;
use crate::ids::{ApprovalId, Login, StepId};
use crate::question::Question;

/// Whether a comment of that date is older than something of ours. GitHub's dates are whole seconds: what was written
/// within the same second counts as after it.
pub(super) fn written_before(comment: DateTime<Utc>, ours: DateTime<Utc>) -> bool {
    comment.timestamp() < ours.timestamp()
}

impl Transition {
    /// A question as it is put now.
    pub(super) fn new_approval(
        &self,
        kind: ApprovalKind,
        step: Option<StepId>,
        shown: Subject,
        question: Question,
    ) -> Approval {
        let number = u32::try_from(self.directive.approvals.len()).unwrap_or(u32::MAX).saturating_add(1);
        let hours = self.directive.policy.limits.approval_hours;
        #[allow(clippy::cast_possible_truncation)] // the policy allows a year at most
        let patience = Duration::milliseconds((hours * 3_600_000.0) as i64);
        Approval {
            id: ApprovalId::of(self.directive.id, number),
            number,
            kind,
            step,
            shown,
            status: ApprovalStatus::Pending,
            urgency: self.urgency(kind, step),
            question,
            asked_at: self.now,
            expires_at: (hours > 0.0).then(|| self.now + patience),
            answered_by: None,
            answered_at: None,
            words: None,
            given: None,
            taken_back_at: None,
        }
    }

    /// By how much waits for the answer.
    fn urgency(&self, kind: ApprovalKind, step: Option<StepId>) -> Urgency {
        let evaluation = step.and_then(|id| self.directive.step(id)).and_then(|step| step.state.evaluation());
        let green = evaluation.is_some_and(|evaluation| evaluation.confidence == Confidence::Green);
        match kind {
            ApprovalKind::Budget | ApprovalKind::Baseline => Urgency::Critical,
            ApprovalKind::Plan | ApprovalKind::StepBlocked => Urgency::High,
            ApprovalKind::StepReview if green => Urgency::Low,
            ApprovalKind::StepReview | ApprovalKind::Final => Urgency::Normal,
        }
    }

    /// Reminds people of what has waited for too long, once each. Nobody is reminded of what a person put to sleep.
    pub(super) fn expire(&mut self) {
        let (now, asleep) = (self.now, self.is_put_to_sleep());
        let mut overdue = Vec::new();
        for approval in &mut self.directive.approvals {
            let due = approval.expires_at.is_some_and(|at| at <= now);
            if due
                && !asleep
                && let Ok(expired) = approval.status.to(ApprovalStatus::Expired)
            {
                approval.status = expired;
                overdue.push((approval.id, approval.kind, approval.step, approval.asked_at));
            }
        }
        for (approval, kind, step, asked_at) in overdue {
            self.record(EventKind::ApprovalExpired { r#type: kind, asked_at }, step);
            self.effect(Effect::Remind { approval });
        }
    }

    /// Gives the waiting approvals of a step (or of the directive itself) that `which` picks their end, in nobody's name.
    pub(super) fn close_approvals(
        &mut self,
        step: Option<StepId>,
        status: ApprovalStatus,
        which: impl Fn(&Approval) -> bool,
    ) {
        self.resolve(|approval| approval.step == step && which(approval), status, None);
    }

    /// Voids every question that waits.
    pub(super) fn void_all_approvals(&mut self) {
        self.resolve(|_| true, ApprovalStatus::Stale, None);
    }

    /// Answers the waiting approvals of a step. `by` is none where GitHub did not name the person.
    pub(super) fn answer(&mut self, step: StepId, status: ApprovalStatus, by: Option<&Login>, words: Option<&str>) {
        self.answer_those(|approval| approval.step == Some(step), status, by, words);
    }

    /// Answers a question about the directive itself in a person's name.
    pub(super) fn answer_own(&mut self, kind: ApprovalKind, status: ApprovalStatus, by: &Login, words: Option<&str>) {
        self.answer_those(|approval| approval.step.is_none() && approval.kind == kind, status, Some(by), words);
    }

    /// Answers the waiting approvals that `which` picks.
    pub(super) fn answer_those(
        &mut self,
        which: impl Fn(&Approval) -> bool,
        status: ApprovalStatus,
        by: Option<&Login>,
        words: Option<&str>,
    ) {
        self.resolve(which, status, Some((by, words)));
    }

    /// Gives the waiting approvals that `which` picks their end, and each a line in the history.
    fn resolve(
        &mut self,
        which: impl Fn(&Approval) -> bool,
        status: ApprovalStatus,
        answer: Option<(Option<&Login>, Option<&str>)>,
    ) {
        let now = self.now;
        let mut resolved = Vec::new();
        for approval in &mut self.directive.approvals {
            if which(approval)
                && let Ok(end) = approval.status.to(status)
            {
                approval.status = end;
                approval.answered_at = Some(now);
                if let Some((by, words)) = answer {
                    approval.answered_by = by.cloned();
                    approval.words = words.map(str::to_owned);
                }
                resolved.push((approval.step, approval.kind, approval.shown.hash().to_owned()));
            }
        }
        for (step, kind, shown) in resolved {
            let by = answer.and_then(|(by, _)| by.cloned());
            let words = answer.and_then(|(_, words)| words.map(str::to_owned));
            self.record(EventKind::ApprovalResolved { r#type: kind, status, shown, by, words }, step);
        }
    }

    /// Somebody accepts what is still being verified: written down, and used where the evaluation leaves it to people. A second
    /// person's approval is written down too: it stands when the first one is taken back.
    pub(super) fn pre_approve(&mut self, id: StepId, by: &Login, words: Option<&str>) -> Followed {
        let step = self.step(id)?;
        let Some(candidate) = step.state.candidate() else { return Ok(()) };
        let subject = candidate.submission.subject();
        let same = |it: &Approval| it.step == Some(id) && it.shown == subject && it.answered_by.as_ref() == Some(by);
        if self.directive.approvals.iter().any(|approval| approval.stands() && same(approval)) {
            return Ok(());
        }
        let kind = if self.directive.reaches_base(step) { ApprovalKind::Final } else { ApprovalKind::StepReview };
        let shown = candidate.submission.subject();
        let approval = self.new_approval(kind, Some(id), shown.clone(), Question::PreApproved);
        self.directive.approvals.push(Approval {
            status: ApprovalStatus::Approved,
            answered_by: Some(by.clone()),
            answered_at: Some(self.now),
            words: words.map(str::to_owned),
            ..approval
        });
        self.with_step(id, |step| {
            if let Some(candidate) = step.state.candidate_mut() {
                candidate.pre_approved.get_or_insert_with(|| by.clone());
            }
        });
        self.record(
            EventKind::HeadPreApproved { r#type: kind, by: by.clone(), shown: shown.hash().to_owned() },
            Some(id),
        );
        Ok(())
    }

    /// Asks a person. The same question about the same thing is asked once, and a step asks one thing at a time.
    pub(super) fn ask(
        &mut self,
        kind: ApprovalKind,
        step: Option<StepId>,
        shown: Subject,
        question: Question,
    ) -> ApprovalId {
        let same = |approval: &Approval| approval.kind == kind && approval.step == step && approval.shown == shown;
        let asked = self.directive.waiting().find(|approval| same(approval) && approval.question == question);
        if let Some(asked) = asked {
            return asked.id;
        }
        self.own_decision();
        self.close_approvals(step, ApprovalStatus::Stale, |approval| step.is_some() || approval.kind == kind);
        let (about, asked) = (shown.hash().to_owned(), question.clone());
        self.record(EventKind::ApprovalRequired { r#type: kind, shown: about, question: asked }, step);
        let approval = self.new_approval(kind, step, shown, question);
        let id = approval.id;
        self.directive.approvals.push(approval);
        if let Some(step) = step {
            self.effect(Effect::WriteCheck { step });
        }
        id
    }

    /// Whether a person, by label or command, wants nothing done.
    pub(super) fn is_put_to_sleep(&self) -> bool {
        self.directive.state.pause().is_some_and(|pause| pause.reasons.iter().any(PauseReason::is_by_person))
    }
}
