//! The directive's own life: opened, paused, resumed, stopped, ended.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::turn::Turn;
use crate::approval::ApprovalStatus;
use crate::directive::{Base, Directive, PauseReason, WorkClock};
use crate::effect::Effect;
use crate::event::Severity;
use crate::ids::{DirectiveId, Login, StepId};
use crate::policy::Policy;
use crate::policy::options::{self, Wishes};
use crate::signal::{Actor, Labelled};
use crate::status::{DirectiveStatus, InvalidTransition};
use crate::step::MergeState;

/// A directive as it is before anything was done.
pub(super) fn draft(labelled: &Labelled, policy: &Policy, base: Base, now: DateTime<Utc>) -> Directive {
    let ordinal = labelled.earlier + 1;
    let mut wishes = Wishes { ceiling: Some(policy.autonomy), ..Wishes::default() };
    let policy = options::tighten(policy, &labelled.wishes, &mut wishes);
    Directive {
        id: DirectiveId::of(labelled.repo.id, labelled.issue, ordinal),
        repo: labelled.repo.clone(),
        issue: labelled.issue,
        ordinal,
        predecessor: (labelled.earlier > 0)
            .then(|| DirectiveId::of(labelled.repo.id, labelled.issue, labelled.earlier)),
        title: labelled.title.clone(),
        author: labelled.author.clone(),
        requested_by: labelled.actor.login.clone(),
        brief: labelled.brief.clone(),
        policy,
        wishes,
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
        earlier: Vec::new(),
        replans: Vec::new(),
        planning_from: 0,
        newer_text: None,
        unapproved_text: false,
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
        let data = json!({ "issue": self.d.issue, "title": self.d.title, "base": self.d.base.sha,
                           "predecessor": self.d.predecessor });
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
        if self.d.status != DirectiveStatus::Archived && self.set_status(DirectiveStatus::Archived) {
            self.info("directive_archived", None, json!({}));
        }
    }

    /// Why a person's order to go from one status to another is refused, and what is possible instead.
    pub(super) fn refused_transition(&self, to: DirectiveStatus) -> String {
        let from = self.d.status;
        let refused = InvalidTransition { what: "directive", from: from.as_str(), to: to.as_str() };
        let instead = match from {
            DirectiveStatus::Draft | DirectiveStatus::Planning | DirectiveStatus::Active => {
                "`/pause` pauses it, `/stop` ends it"
            }
            DirectiveStatus::Paused => "`/resume` goes on with it, `/stop` ends it",
            DirectiveStatus::Completed | DirectiveStatus::Failed | DirectiveStatus::Archived => {
                "it has ended; set the label again (on an open issue) to start a new one"
            }
        };
        format!("the {refused}: {instead}")
    }

    /// The issue was closed: the work is done if the final pull request is merged, and stopped otherwise. So it is where
    /// the issue was moved away or deleted. Whoever did it: that is a fact, and no order.
    pub(super) fn issue_closed(&mut self, actor: &Actor, final_merged: bool, how: &str) {
        self.actor(&actor.login);
        if !self.d.status.is_over() {
            let data = json!({ "by": actor.login, "how": how, "final_merged": final_merged });
            self.info("issue_closed", None, data);
        }
        if self.d.status == DirectiveStatus::Completed && final_merged {
            // The closing that completion itself brings, by the keyword or by Adjutant, puts nothing away.
        } else if self.d.status.is_over() {
            self.archive();
        } else if final_merged {
            self.final_merged(&actor.login);
        } else {
            self.stop(&actor.login, &format!("the issue was {how}"));
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
        let reworks: u32 = self.d.steps.iter().chain(&self.d.finale).map(|step| step.reworks).sum();
        let data = json!({ "cost": self.d.spent().to_string(), "seconds": self.d.clock.at(self.now),
                           "steps": self.d.steps.len(), "reworks": reworks });
        self.info("directive_completed", None, data);
        self.set_status(DirectiveStatus::Completed);
        self.effect(Effect::CloseIssue);
    }

    /// Something outside could not be done: the step it was for waits for a person, else the directive ends.
    pub(super) fn effect_failed(&mut self, step: Option<StepId>, reason: &str) {
        // Without a step it was for the whole, which is the final pull request's once there is one.
        let step = step.or(self.d.finale.as_ref().map(|finale| finale.id));
        self.event("effect_failed", Severity::Error, step, json!({ "reason": reason }));
        match step {
            Some(step) => self.block(step, reason),
            // While it is planned anew, it was for a chain that is superseded.
            None if !self.has_started() => {}
            None => self.fail(reason.to_owned()),
        }
    }
}
