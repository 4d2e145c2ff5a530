//! An entry for every request, and what a run's entries come to.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use crate::money::Amount;
use crate::wire::{Api, Tokens};

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The provider answered, to the end.
    Answered,
    /// The answer began and did not come to its end: by the provider, the agent or a limit.
    Cut,
    /// The provider answered with an error.
    Failed,
    /// It was not passed on: a word for the reason.
    Refused(&'static str),
}

impl Ending {
    /// A word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Cut => "cut",
            Self::Failed => "failed",
            Self::Refused(reason) => reason,
        }
    }
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The run that made it.
    pub run: String,
    pub at: DateTime<Utc>,
    pub api: Api,
    pub provider: String,
    pub model: String,
    pub ending: Ending,
    /// The status that the agent was answered with.
    pub status: u16,
    pub tokens: Tokens,
    /// What it cost; `None` where the model has no price.
    pub cost: Option<Amount>,
    /// Whether tokens and cost are an upper bound, because the provider did not report them.
    pub bound: bool,
    /// From the request to the end of the answer, in milliseconds.
    pub millis: u64,
}

/// Where entries are kept. An entry is recorded before the end of its answer is passed on.
pub trait Ledger: Send + Sync + 'static {
    fn record(&self, entry: LedgerEntry) -> BoxFuture<'_, ()>;
}

/// A ledger in memory.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<Vec<LedgerEntry>>);

impl MemoryLedger {
    /// All entries so far.
    pub fn entries(&self) -> Vec<LedgerEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Ledger for MemoryLedger {
    fn record(&self, entry: LedgerEntry) -> BoxFuture<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        Box::pin(async {})
    }
}

/// What a run's requests come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests that were passed on.
    pub requests: u64,
    pub tokens: Tokens,
    pub cost: Amount,
    /// Requests of a model without a price.
    pub unpriced: u64,
    /// Requests whose cost is an upper bound.
    pub bounds: u64,
    /// The last request that was not passed on for a reason that ends a run, in words.
    pub refused: Option<(&'static str, String)>,
    /// The last error of the provider that no later answer followed.
    pub error: Option<crate::upstream::UpstreamError>,
}

impl Totals {
    pub(crate) fn add(&mut self, entry: &LedgerEntry) {
        if !matches!(entry.ending, Ending::Refused(_)) {
            self.requests += 1;
        }
        let (sum, one) = (&mut self.tokens, &entry.tokens);
        sum.input = sum.input.saturating_add(one.input);
        sum.cache_read = sum.cache_read.saturating_add(one.cache_read);
        sum.cache_write = sum.cache_write.saturating_add(one.cache_write);
        sum.cache_write_1h = sum.cache_write_1h.saturating_add(one.cache_write_1h);
        sum.output = sum.output.saturating_add(one.output);
        sum.searches = sum.searches.saturating_add(one.searches);
        match entry.cost {
            Some(cost) => self.cost += cost,
            None => self.unpriced += 1,
        }
        self.bounds += u64::from(entry.bound);
        if entry.ending == Ending::Answered {
            self.error = None;
        }
    }
}
