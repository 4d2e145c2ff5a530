//! Directives that a newer version of this program wrote to the same database.
//!
//! Only processes of that version work on them. This one makes no claim, no tick and no look for them. The log names
//! each once, and again every ten minutes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use adjutant_domain::ids::DirectiveId;
use adjutant_domain::persisted::STATE_VERSION;

/// How long no further log line is written about the same directive.
const SILENCE: Duration = Duration::from_mins(10);

/// When the last log line about each directive was written.
#[derive(Debug, Default)]
pub(super) struct Newer(Mutex<BTreeMap<DirectiveId, Instant>>);

impl Newer {
    /// Logs which directives are left to a newer version, at most once each per [`SILENCE`].
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
