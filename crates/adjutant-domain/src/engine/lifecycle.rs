//! The directive's own life: opened, paused, resumed, stopped, ended.

use chrono::{DateTime, Utc};

use super::transition::{Followed, Transition};
use crate::actor::Actor;
use crate::directive::{Base, Directive, PauseReason, WorkClock};
use crate::event::EventKind;
use crate::ids::{DirectiveId, StepId};
use crate::policy::Policy;
use crate::policy::options::{self, PolicyOverrides};
use crate::signal::{Labelled, Requester};
use crate::status::DirectiveStatus;

/// A directive as it is before anything was done.
pub(super) fn draft(labelled: &Labelled, policy: &Policy, base: Base, now: DateTime<Utc>) -> Directive {
    let ordinal = labelled.earlier + 1;
    let mut overrides = PolicyOverrides { ceiling: Some(policy.autonomy), ..PolicyOverrides::default() };
    let policy = options::tighten(policy, &labelled.overrides, &mut overrides);
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
        overrides,
        base,
        status: DirectiveStatus::Draft,
        pause: None,
        paused_at: None,
        failure: None,
        generation: 0,
        planning_faults: Vec::new(),
        planning_words: None,
        plan: None,
        integration_cut: false,
        integrations: 0,
        steps: Vec::new(),
        final_step: None,
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
        self.set_status(DirectiveStatus::Planning)
    }

    /// Taking the label off pauses, and puts away what has ended. A bot's doing is no order.
    pub(super) fn unlabelled(&mut self, actor: &Requester) -> Followed {
        if actor.bot {
            return Ok(());
        }
        self.person(&actor.login);
        if self.directive.status.is_over() {
            self.archive()
        } else {
            self.pause(PauseReason::Unlabelled(actor.login.clone())).map(drop)
        }
    }

    fn archive(&mut self) -> Followed {
        if self.directive.status != DirectiveStatus::Archived {
            self.set_status(DirectiveStatus::Archived)?;
            self.record(EventKind::DirectiveArchived {}, None);
        }
        Ok(())
    }

    /// The issue was closed: the work is done if the final pull request is merged, and stopped otherwise. So it is where
    /// the issue was moved away or deleted. Whoever did it: that is a fact, and no order.
    pub(super) fn issue_closed(&mut self, actor: &Actor, final_merged: bool, how: &str) -> Followed {
        self.actor(actor);
        if !self.directive.status.is_over() {
            let (by, how) = (actor.login().cloned(), how.to_owned());
            self.record(EventKind::IssueClosed { by, how, final_merged }, None);
        }
        if self.directive.status == DirectiveStatus::Completed && final_merged {
            // The closing that completion itself brings, by the keyword or by Adjutant, puts nothing away.
            Ok(())
        } else if self.directive.status.is_over() {
            self.archive()
        } else if final_merged {
            self.final_merged(actor)
        } else {
            self.stop(actor, &format!("the issue was {how}"))
        }
    }

    /// Something outside could not be done: the step it was for waits for a person, else the directive ends.
    pub(super) fn effect_failed(&mut self, step: Option<StepId>, reason: &str) -> Followed {
        // Without a step it was for the whole, which is the final pull request's once there is one.
        let step = step.or(self.directive.final_step.as_ref().map(|final_step| final_step.id));
        self.record(EventKind::EffectFailed { reason: reason.to_owned() }, step);
        match step {
            Some(step) => self.block(step, reason),
            // While it is planned anew, it was for a chain that is superseded.
            None if !self.has_started() => Ok(()),
            None => self.fail(reason.to_owned()),
        }
    }
}
