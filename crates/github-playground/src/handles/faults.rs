//! Fault injection by the program that holds the playground. The admin API and the seed file are the other two ways.

use crate::{
    faults::{FaultRule, FaultRuleError, InjectedFault},
    server::Playground,
};

impl Playground {
    /// Adds a rule after the existing ones.
    pub fn inject_fault(&self, rule: FaultRule) -> Result<(), FaultRuleError> {
        self.app_state.faults.add(vec![rule])
    }

    /// Sets the seed of the random numbers. It is 0 at the start.
    pub fn seed_faults(&self, seed: u64) {
        self.app_state.faults.seed(seed);
    }

    /// Removes all rules, sends the deliveries that were held back and shows hidden refs. The report stays.
    pub fn clear_faults(&self) {
        self.app_state.clear_faults();
    }

    /// The faults injected so far, in order.
    pub fn injected_faults(&self) -> Vec<InjectedFault> {
        self.app_state.faults.report()
    }

    /// Revokes every installation token that was minted so far.
    pub fn revoke_tokens(&self) {
        self.app_state.state().grants.clear();
    }
}
