//! What a run asked for in vain.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::RefusedHost;

/// More hosts are not kept.
const MOST: usize = 50;

/// Each refused host once.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<BTreeSet<RefusedHost>>);

impl Refusals {
    pub(super) fn record(&self, refused: RefusedHost) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST {
            kept.insert(refused);
        }
    }

    pub(super) fn list(&self) -> Vec<RefusedHost> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
