//! One run of an agent, as the gateway knows it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::input::Inputs;
use crate::ledger::{Ledger, LedgerEntry, Totals};
use crate::pot::Pot;
use crate::refusal::BudgetStatus;
use crate::repeats::Repeats;
use crate::upstream::{Upstream, UpstreamError};

/// What a run may do.
#[derive(Clone)]
pub struct RunSettings {
    /// The run's name in the ledger.
    pub id: String,
    /// The key that its requests must come with. It is worth nothing anywhere else.
    pub key: String,
    pub upstream: Arc<Upstream>,
    /// Its money.
    pub pot: Pot,
    /// Whether a limit of money holds. A model without a price is refused then.
    pub limited: bool,
    /// How it is told that the money does not suffice.
    pub budget_status: BudgetStatus,
    /// The most tokens of output for one request.
    pub max_output: u64,
    /// Answered so often, among its last 40 requests or in a row, the same is refused.
    pub max_repeats: u32,
    pub ledger: Arc<dyn Ledger>,
}

impl fmt::Debug for RunSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunSettings")
            .field("id", &self.id)
            .field("upstream", &self.upstream.name)
            .finish_non_exhaustive()
    }
}

/// A run, and what is known of it so far.
#[derive(Debug)]
pub struct Run {
    pub(crate) settings: RunSettings,
    /// Answers on their way.
    pub(crate) answers: TaskTracker,
    pub(crate) ended: CancellationToken,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) inputs: Inputs,
    pub(crate) repeats: Repeats,
    totals: Totals,
}

impl Run {
    pub fn new(settings: RunSettings) -> Arc<Self> {
        let (answers, ended) = (TaskTracker::new(), CancellationToken::new());
        Arc::new(Self { settings, answers, ended, known: Mutex::default() })
    }

    /// What its requests come to so far.
    pub fn totals(&self) -> Totals {
        self.known().totals.clone()
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an entry and keeps it.
    pub(crate) async fn record(&self, entry: LedgerEntry) {
        self.known().totals.add(&entry);
        self.settings.ledger.record(entry).await;
    }

    pub(crate) fn refused(&self, name: &'static str, words: String) {
        self.known().totals.refused = Some((name, words));
    }

    pub(crate) fn failed(&self, error: UpstreamError) {
        self.known().totals.error = Some(error);
    }
}
