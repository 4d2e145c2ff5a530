//! The repository's policy, taken anew by a person's order, and the plan with it.
//!
//! `/reload` and `/replan` carry what the policy file said when they were read. What it says holds from here on, but for
//! what the directive is built upon already: its label, its base branch, and how it delivers once there is a plan. An order
//! about the policy never loosens the autonomy that a person or a label had lowered.

use super::overrides::unknown_agents;
use super::transition::{CommandResult, Transition, refused};
use crate::actor::Actor;
use crate::approval::{ApprovalKind, ApprovalStatus};
use crate::baseline::BaselineState;
use crate::directive::Underway;
use crate::effect::{Effect, Notice};
use crate::event::{Breaker, EventKind};
use crate::ids::{Sha, StepId};
use crate::policy::options::{self, PolicyOverrides};
use crate::policy::{Policy, PolicyFault};
use crate::refusal::Refusal;
use crate::replan::ReplanReason;
use crate::signal::{Commanded, PolicyRead};

/// What a reading of the policy changed.
struct Taken {
    /// The policy's keys with another value than before.
    changed: Vec<String>,
    /// The base commit that the work starts from now, where that moved.
    base: Option<Sha>,
}

impl Transition {
    /// `/reload`: the policy is taken anew, the base commit is verified again, and so is what waited for a verification.
    pub(super) fn reload(&mut self, commanded: &Commanded) -> CommandResult {
        let Some(read) = &commanded.policy else { return Err(refused(Refusal::PolicyNotRead)) };
        let Taken { changed, base } = self.take_policy(read)?;
        self.tell_reloaded(commanded, changed, base);
        self.base_of_another_policy();
        self.decide_again()?;
        let steps: Vec<StepId> = self.directive.all_steps().map(|step| step.id).collect();
        for id in steps {
            self.verify_again(id, &commanded.actor.login)?;
        }
        Ok(())
    }

    /// A person wants another plan. Where the issue was edited, its text as it is now becomes the brief.
    pub(super) fn replan_by_person(&mut self, commanded: &Commanded, reason: &str) -> CommandResult {
        if self.has_started() && !self.plans_left() {
            let limit = self.directive.policy.limits.chain_generations;
            self.tripped(Breaker::ChainGenerations, limit, self.directive.plan_number(), None);
            return Err(Notice::Refused { reason: Refusal::PlansUsedUp { limit } });
        }
        self.reload_to_replan(commanded)?;
        let edited = self.take_newer_text();
        let by = &commanded.actor.login;
        Ok(self.replan(&Actor::Person(by.clone()), ReplanReason::Words(reason.trim().to_owned()), edited)?)
    }

    /// What a `/replan` takes of the policy before it plans anew. An order that was stored by an older version read none.
    pub(super) fn reload_to_replan(&mut self, commanded: &Commanded) -> CommandResult {
        let Some(read) = &commanded.policy else { return Ok(()) };
        let Taken { changed, base } = self.take_policy(read)?;
        if !changed.is_empty() || base.is_some() {
            self.tell_reloaded(commanded, changed, base);
            self.base_of_another_policy();
        }
        Ok(())
    }

    fn take_policy(&mut self, read: &PolicyRead) -> Result<Taken, Notice> {
        let broken = |faults: &[PolicyFault]| refused(Refusal::PolicyBroken { faults: faults.to_vec() });
        let written = read.policy.as_ref().map_err(|faults| broken(faults))?;
        let unknown = unknown_agents(written, read.agents.as_deref());
        if !unknown.is_empty() {
            return Err(broken(&unknown));
        }
        let before = self.directive.policy.clone();
        let mut overrides = PolicyOverrides { ceiling: Some(written.autonomy), ..PolicyOverrides::default() };
        let mut policy = options::tighten(written, &read.overrides, &mut overrides);
        policy.autonomy = policy.autonomy.min(before.autonomy);
        policy.label.clone_from(&before.label);
        policy.base.clone_from(&before.base);
        if self.has_started() || !self.directive.earlier.is_empty() {
            policy.delivery = before.delivery;
        }
        let changed = changed_keys(&before, &policy);
        self.directive.policy = policy;
        self.directive.overrides = overrides;
        Ok(Taken { changed, base: self.move_base(read) })
    }

    /// The work starts from the base branch's present head, as long as nothing was begun on another commit.
    fn move_base(&mut self, read: &PolicyRead) -> Option<Sha> {
        let begun = self.directive.integration_cut
            || self.directive.state.underway() != Some(Underway::Planning)
            || !self.directive.earlier.is_empty()
            || self.directive.tasks.iter().any(|task| task.status.is_live());
        let found = read.base.as_ref().filter(|base| !begun && base.branch == self.directive.base.branch)?;
        let moved = found.sha != self.directive.base.sha;
        self.directive.base.sha.clone_from(&found.sha);
        moved.then(|| found.sha.clone())
    }

    /// What was found on the base commit, and asked about it, was by another policy.
    fn base_of_another_policy(&mut self) {
        self.close_approvals(None, ApprovalStatus::Stale, |approval| approval.kind == ApprovalKind::Baseline);
        self.directive.baseline.state = BaselineState::Missing;
    }

    fn tell_reloaded(&mut self, commanded: &Commanded, changed: Vec<String>, base: Option<Sha>) {
        self.record(EventKind::PolicyReloaded { changed: changed.clone(), base: base.clone() }, None);
        let (source, to) = (commanded.source.clone(), commanded.actor.login.clone());
        self.effect(Effect::Reply { source, to, notice: Notice::Reloaded { changed, base } });
    }
}

/// The keys of the policy file that have another value in one policy than in the other.
fn changed_keys(before: &Policy, after: &Policy) -> Vec<String> {
    let members = |policy| match serde_json::to_value(policy) {
        Ok(serde_json::Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    };
    let before = members(before);
    members(after).into_iter().filter(|(key, value)| before.get(key) != Some(value)).map(|(key, _)| key).collect()
}
