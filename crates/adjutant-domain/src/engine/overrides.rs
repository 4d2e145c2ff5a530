//! How much is done without asking, while a directive lives: labels make it stricter, `/autonomy` goes anywhere below
//! what the policy file allows.

use super::transition::{CommandResult, Followed, Transition, refused};
use crate::event::EventKind;
use crate::policy::options::{self, PolicyOverride};
use crate::policy::{Autonomy, Policy, PolicyFault};
use crate::refusal::Refusal;
use crate::signal::Requester;
use crate::step::{MergeRequest, Step, StepState, Submission};

/// What is wrong with the agents that a policy names, where it is known which ones there are.
pub(super) fn unknown_agents(policy: &Policy, known: Option<&[String]>) -> Vec<PolicyFault> {
    let Some(known) = known else { return Vec::new() };
    policy
        .named_agents()
        .filter(|(_, name)| !known.iter().any(|known| known == name))
        .map(|(key, name)| {
            let (name, known) = (name.to_owned(), known.to_vec());
            PolicyFault::UnknownAgent { key, name, known }
        })
        .collect()
}

impl Transition {
    /// A label that makes the policy stricter was set on a live directive. A bot's doing is no order.
    pub(super) fn overridden(&mut self, actor: &Requester, policy_override: &PolicyOverride) -> Followed {
        if actor.bot || self.directive.status().is_over() {
            return Ok(());
        }
        self.person(&actor.login);
        self.keep_ceiling();
        let mut overrides = std::mem::take(&mut self.directive.overrides);
        let policy = options::tighten(&self.directive.policy, std::slice::from_ref(policy_override), &mut overrides);
        self.directive.overrides = overrides;
        if policy != self.directive.policy {
            let (label, autonomy) = (policy_override.shown.clone(), policy.autonomy);
            self.record(EventKind::PolicyTightened { label, autonomy }, None);
            self.directive.policy = policy;
            self.decide_again()?;
        }
        Ok(())
    }

    /// `/autonomy`: anywhere up to what the policy file allows. What was asked already stays asked.
    pub(super) fn set_autonomy(&mut self, level: &str) -> CommandResult {
        let Some(wanted) = Autonomy::parse(level) else {
            return Err(refused(Refusal::UnknownLevel));
        };
        let (ceiling, present) = (self.directive.autonomy_ceiling(), self.directive.policy.autonomy);
        if wanted > ceiling {
            return Err(refused(Refusal::AboveCeiling { ceiling, present }));
        }
        self.keep_ceiling();
        self.directive.policy.autonomy = wanted;
        Ok(self.decide_again()?)
    }

    /// The policy's own level, before it is changed for the first time.
    fn keep_ceiling(&mut self) {
        self.directive.overrides.ceiling = Some(self.directive.autonomy_ceiling());
    }

    /// Merges that were decided on and not yet asked for are decided on again.
    pub(super) fn decide_again(&mut self) -> Followed {
        let undone = |step: &Step| match &step.state {
            StepState::Merging { candidate, request: MergeRequest::Wanted } if !self.accepted_by_person(step) => {
                Some((step.id, candidate.clone()))
            }
            _ => None,
        };
        let undone: Vec<_> = self.directive.all_steps().filter_map(undone).collect();
        undone.into_iter().try_for_each(|(id, candidate)| self.decide_on(id, candidate))
    }

    /// Whether a person said yes to a step's present head.
    fn accepted_by_person(&self, step: &Step) -> bool {
        let shown = step.submission().map(Submission::subject);
        self.directive.approvals.iter().any(|approval| {
            approval.step == Some(step.id)
                && Some(&approval.shown) == shown.as_ref()
                && approval.stands()
                && approval.answered_by.is_some()
        })
    }
}
