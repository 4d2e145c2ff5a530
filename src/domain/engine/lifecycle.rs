//! The directive's own life: opened, paused, resumed, stopped, ended.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::turn::Turn;
use crate::domain::approval::ApprovalStatus;
use crate::domain::directive::{Base, Directive, PauseReason, WorkClock};
use crate::domain::effect::Effect;
use crate::domain::event::Severity;
use crate::domain::ids::{DirectiveId, Login, StepId};
use crate::domain::policy::Policy;
use crate::domain::signal::{Actor, Labelled};
use crate::domain::status::DirectiveStatus;
use crate::domain::step::MergeState;

/// A directive as it is before anything was done.
pub(super) fn draft(labelled: &Labelled, policy: Policy, base: Base, now: DateTime<Utc>) -> Directive {
    let ordinal = labelled.earlier + 1;
    Directive {
        id: DirectiveId::of(labelled.repo.id, labelled.issue, ordinal),
        repo: labelled.repo.clone(),
        issue: labelled.issue,
        ordinal,
        title: labelled.title.clone(),
        author: labelled.author.clone(),
        requested_by: labelled.actor.login.clone(),
        brief: labelled.brief.clone(),
        policy,
        base,
        status: DirectiveStatus::Draft,
        pause: None,
        failure: None,
        generation: 0,
        planning_faults: Vec::new(),
        planning_words: None,
        plan: None,
        integration_cut: false,
        integrations: 0,
        steps: Vec::new(),
        finale: None,
        tasks: Vec::new(),
        approvals: Vec::new(),
        budget: None,
        clock: WorkClock::default(),
        created_at: now,
        ended_at: None,
    }
}

impl Turn {
    /// Leaves the draft: planning starts.
    pub(super) fn begin(&mut self) {
        let data = json!({ "issue": self.d.issue, "title": self.d.title, "base": self.d.base.sha });
        self.info("directive_opened", None, data);
        self.set_status(DirectiveStatus::Planning);
    }

    /// Taking the label off pauses, and puts away what has ended. A bot's doing is no order.
    pub(super) fn unlabelled(&mut self, actor: &Actor) {
        if actor.bot {
            return;
        }
        self.actor(&actor.login);
        if self.d.status.is_over() {
            self.archive();
        } else {
            self.pause(PauseReason::Unlabelled(actor.login.clone()));
        }
    }

    fn archive(&mut self) {
        if self.d.status != DirectiveStatus::Archived {
            self.set_status(DirectiveStatus::Archived);
        }
    }

    /// The issue was closed: the work is done if the final pull request is merged, and stopped otherwise.
    pub(super) fn issue_closed(&mut self, actor: &Actor, final_merged: bool) {
        self.actor(&actor.login);
        if self.d.status == DirectiveStatus::Completed && final_merged {
            // The closing that completion itself brings, by the keyword or by Adjutant, puts nothing away.
        } else if self.d.status.is_over() {
            self.archive();
        } else if final_merged {
            self.final_merged(&actor.login);
        } else {
            self.stop(&actor.login, "the issue was closed");
        }
    }

    /// Ends a directive for good in a person's name.
    pub(super) fn stop(&mut self, by: &Login, why: &str) {
        self.answer_those(|_| true, ApprovalStatus::Denied, by, Some(why));
        self.fail(format!("stopped by {by}: {why}"));
    }

    /// Ends a directive without its goal: tasks called off, questions void, pull requests closed, branches kept.
    pub(super) fn fail(&mut self, reason: String) {
        if self.d.status.is_over() {
            return;
        }
        self.cancel_tasks(|_| true);
        self.void_all_approvals();
        let open: Vec<StepId> = self
            .d
            .steps
            .iter()
            .chain(&self.d.finale)
            .filter(|step| step.open_pull().is_some() && step.merge != MergeState::Merged && !step.status.is_done())
            .map(|step| step.id)
            .collect();
        for step in open {
            self.effect(Effect::ClosePull { step, word: reason.clone() });
        }
        self.d.pause = None;
        self.event("directive_failed", Severity::Error, None, json!({ "reason": reason }));
        self.d.failure = Some(reason);
        self.set_status(DirectiveStatus::Failed);
    }

    /// What was wanted is on the base.
    pub(super) fn complete(&mut self) {
        if self.d.status.is_over() {
            return;
        }
        self.cancel_tasks(|_| true);
        self.void_all_approvals();
        self.d.pause = None;
        let data = json!({ "cost": self.d.spent().to_string(), "seconds": self.d.clock.at(self.now) });
        self.info("directive_completed", None, data);
        self.set_status(DirectiveStatus::Completed);
        self.effect(Effect::CloseIssue);
    }

    fn void_all_approvals(&mut self) {
        let now = self.now;
        for approval in &mut self.d.approvals {
            if approval.status.is_waiting() {
                approval.status = ApprovalStatus::Stale;
                approval.answered_at = Some(now);
            }
        }
    }

    /// Something outside could not be done: the step it was for waits for a person, else the directive ends.
    pub(super) fn effect_failed(&mut self, step: Option<StepId>, reason: &str) {
        // Without a step it was for the whole, which is the final pull request's once there is one.
        match step.or(self.d.finale.as_ref().map(|finale| finale.id)) {
            Some(step) => self.block(step, reason),
            None => self.fail(reason.to_owned()),
        }
    }
}
