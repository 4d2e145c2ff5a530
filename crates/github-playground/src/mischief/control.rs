//! The first of three doors to it: a test's hands. The others are the admin API and the seed file.

use super::{Misbehaved, Misbehaviour, MisbehaviourError};
use crate::{Playground, hub::Hub, state::Id};

impl Playground {
    /// Adds a rule behind those there are.
    pub fn misbehave(&self, rule: Misbehaviour) -> Result<(), MisbehaviourError> {
        self.hub.mischief.add(vec![rule])
    }

    /// Has chance drawn from this seed from now on; it starts with 0.
    pub fn misbehave_from(&self, seed: u64) {
        self.hub.mischief.seed(seed);
    }

    /// Ends all misbehaviour: no rule is left, what was held back goes out, hidden refs show. The report stays.
    pub fn behave(&self) {
        self.hub.behave();
    }

    /// What was done so far, in order.
    pub fn misbehaved(&self) -> Vec<Misbehaved> {
        self.hub.mischief.report()
    }

    /// Takes every installation token minted so far away, as their owner, or GitHub after finding one in public, would.
    pub fn revoke_tokens(&self) {
        self.hub.state().grants.clear();
    }
}

impl Hub {
    /// Whether a ref that is there cannot be seen yet. It counts as a look.
    pub(crate) fn overlooks(&self, repo: Id, name: &str) -> bool {
        self.mischief.is_on() && {
            let now = self.state().now();
            self.mischief.is_hidden(now, repo, name)
        }
    }
}
