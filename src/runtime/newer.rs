//! Directives that a newer version of this program wrote, which works on the same database or did.
//!
//! They are left to that version: no claim, no tick, no look. The log says so once for each, and again after a while.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use adjutant_domain::ids::DirectiveId;
use adjutant_domain::persisted::STATE_VERSION;

/// How long nothing more is said of a directive.
const SILENCE: Duration = Duration::from_mins(10);

/// When it was last said of which directive.
#[derive(Debug, Default)]
pub(super) struct Newer(Mutex<BTreeMap<DirectiveId, Instant>>);

impl Newer {
    /// Says which directives are left alone, each once in a while.
    pub(super) fn tell(&self, newer: &[(DirectiveId, i32)]) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|id, _| newer.iter().any(|(newer, _)| newer == id));
        for (id, version) in newer {
            if told.get(id).is_none_or(|at| at.elapsed() >= SILENCE) {
                told.insert(*id, Instant::now());
                tracing::warn!(
                    directive = %id,
                    version,
                    readable = STATE_VERSION,
                    "directive {id} was written by a newer version; it is left to processes of that version"
                );
            }
        }
    }
}
