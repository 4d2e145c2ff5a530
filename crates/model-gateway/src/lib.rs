//! Between a coding agent and a model's provider.
//!
//! ```text
//! agent ── request, with a run's own key ──→ gateway ── the same bytes, with the provider's key ──→ provider
//!                                              │  before: which call, which model, what may it cost at most? reserve it
//!                                              │  during: count what is streamed
//!       ←────────── the same bytes ────────────┘  after:  price what the provider counted; settle; a line in the ledger
//! ```
//!
//! In: a listener that belongs to one run of an agent ([`serve`]), the provider ([`Upstream`]), and the money of the run
//! ([`Pot`]). Out: the answers, a [`LedgerEntry`] of the ledger for each request, and the [`Totals`] of the run.
//!
//! Bytes pass as they are. Two things are changed: who pays (the credential), and how much the model may write (the
//! output cap), because without a cap no request has a price that can be known before it is made. Where a stream does not
//! report its tokens by itself, it is asked to.
//!
//! What never happens here: a provider's credential never reaches the agent. No request is sent whose highest price is
//! not reserved. A cost that is not known is never zero: the reservation is booked, and the line says that it is an
//! upper bound.

#![allow(missing_docs, reason = "a member whose name says all has no comment")]

mod body;
mod breaker;
mod forward;
mod input;
mod ledger;
mod litellm;
mod money;
mod pot;
mod price;
mod refusal;
mod repeats;
mod run;
mod serve;
mod upstream;
mod wire;

pub use ledger::{Ending, Ledger, LedgerEntry, MemoryLedger, Totals};
pub use money::Amount;
pub use pot::{Pot, Purse, PurseEmpty, PurseError, Unlimited, Withdrawal};
pub use price::{PriceChanges, PriceTable, PriceTableError, Rates};
pub use refusal::{BudgetStatus, Refusal};
pub use run::{Run, RunSettings};
pub use serve::{Served, serve};
pub use upstream::{Credential, Upstream, UpstreamError, UpstreamState};
pub use wire::{Api, Tokens};
