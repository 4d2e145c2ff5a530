//! What inbox and outbox have in common: leases, attempts, and what becomes of a row that is not done.
//!
//! `queued → running → done | failed`, and back to `queued`. A claim draws a lease with a time on it; whoever comes back
//! with an old one is told so ([`Held::No`]) and changes nothing. Each table has words of its own for the states, and
//! `queue!` makes the same statements of them, so that one rule stands in one place.
//!
//! **What is counted.** `attempts` are claims. `failures` are tries in a row that were put back; pauses grow with them, and a
//! process that is killed adds none. A *crash* is a lease that lapsed while this program's own code was at work on the row,
//! which is written before the work begins and taken back while an agent or a verifier runs: those run in processes of their
//! own and cannot end this one. Of several rows that were at work in one process none can be blamed, and none is. After [`CRASHES`] in a row a row is not handled any more, and set aside. Whoever stops a process by
//! SIGTERM has its rows handed back; `kill -9` counts where it hits a row that is at work, for which the window is short.
//! Any lapsed lease counts as a *lapse*, and [`LAPSES`] of them in a row are the bound of last resort. A try that ends,
//! in whatever way, sets both back to nothing.
//!
//! A row whose process ended while at work on it waits for a moment of its own length before it is claimed again, so that what
//! was in the same hands by chance is not there again when the one that does the harm is.

use uuid::Uuid;

/// After so many crashes in a row a row is set aside.
pub const CRASHES: i32 = 3;
/// After so many lapsed leases in a row a row is set aside.
pub const LAPSES: i32 = 15;

/// A claim on a row: its fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub(super) token: Uuid,
    pub(super) attempt: i32,
}

/// Whether the lease still held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Held {
    /// It did, and what was asked is done.
    Yes,
    /// Another worker has taken the row over: nothing was changed.
    No,
}

impl Held {
    pub(super) fn of(rows: u64) -> Self {
        if rows == 1 { Self::Yes } else { Self::No }
    }
}

/// Why a row is put back to be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It did not work this time.
    Failed,
    /// It was refused, which is believed after a few times.
    Refused,
}

/// How a row fared so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Record {
    /// Tries in a row that were put back.
    pub failures: u32,
    /// The number of refusals so far.
    pub refusals: u32,
    /// Crashes in a row.
    pub crashes: u32,
    /// Lapsed leases in a row.
    pub lapses: u32,
}

impl Record {
    pub(super) fn of(failures: i32, refusals: i32, crashes: i32, lapses: i32) -> Self {
        let count = |number: i32| u32::try_from(number).unwrap_or(0);
        Self { failures: count(failures), refusals: count(refusals), crashes: count(crashes), lapses: count(lapses) }
    }

    /// Why the row is not to be handled any more, if so.
    pub fn ended_its_processes(&self) -> Option<String> {
        let (crashes, lapses) = (i64::from(self.crashes), i64::from(self.lapses));
        if crashes >= i64::from(CRASHES) {
            Some(format!("the process that worked on it ended {crashes} times in a row"))
        } else if lapses >= i64::from(LAPSES) {
            Some(format!("it was begun {lapses} times in a row and never ended"))
        } else {
            None
        }
    }
}

/// The statements that are the same for both tables.
macro_rules! queue {
    (
        $module:ident, table = $table:tt, key = $id:tt: $key:ty, queued = $queued:tt, running = $running:tt,
        reason = $reason:tt
    ) => {
        /// The statements on one table.
        pub(super) mod $module {
            use std::time::Duration;

            use sqlx::PgExecutor;

            use super::{Held, Lease, Retry};
            use crate::store::StoreError;

            pub(in crate::store) async fn keep(
                executor: impl PgExecutor<'_>,
                key: $key,
                lease: Lease,
                time: Duration,
            ) -> Result<Held, StoreError> {
                let kept = sqlx::query!(
                    "UPDATE "
                        + $table
                        + " SET lease_until = now() + make_interval(secs => $4)
                     WHERE "
                        + $id
                        + " = $1 AND lease = $2 AND attempts = $3 AND status = '"
                        + $running
                        + "'",
                    key,
                    lease.token,
                    lease.attempt,
                    time.as_secs_f64(),
                )
                .execute(executor)
                .await?;
                Ok(Held::of(kept.rows_affected()))
            }

            /// Writes down whether this program's own code is at work on a row.
            pub(in crate::store) async fn at_work(
                executor: impl PgExecutor<'_>,
                key: $key,
                lease: Lease,
                at_work: bool,
            ) -> Result<Held, StoreError> {
                let written = sqlx::query!(
                    "UPDATE "
                        + $table
                        + " SET at_work = $4,
                         worker = CASE WHEN $4 THEN current_setting('adjutant.worker', true) ELSE worker END
                     WHERE "
                        + $id
                        + " = $1 AND lease = $2 AND attempts = $3 AND status = '"
                        + $running
                        + "'",
                    key,
                    lease.token,
                    lease.attempt,
                    at_work,
                )
                .execute(executor)
                .await?;
                Ok(Held::of(written.rows_affected()))
            }

            /// Puts a row back to be tried again after `delay`, and says why.
            pub(in crate::store) async fn retry(
                executor: impl PgExecutor<'_>,
                key: $key,
                lease: Lease,
                delay: Duration,
                reason: &str,
                why: Retry,
            ) -> Result<Held, StoreError> {
                let put = sqlx::query!(
                    "UPDATE "
                        + $table
                        + " SET status = '"
                        + $queued
                        + "', "
                        + $reason
                        + " = $5,
                         run_after = now() + make_interval(secs => $4), failures = failures + 1,
                         refusals = refusals + $6, crashes = 0, lapses = 0, at_work = false, lease = NULL,
                         lease_until = NULL
                     WHERE "
                        + $id
                        + " = $1 AND lease = $2 AND attempts = $3 AND status = '"
                        + $running
                        + "'",
                    key,
                    lease.token,
                    lease.attempt,
                    delay.as_secs_f64(),
                    reason,
                    i32::from(why == Retry::Refused),
                )
                .execute(executor)
                .await?;
                Ok(Held::of(put.rows_affected()))
            }

            /// Hands a row back untried, for another worker to take at once.
            pub(in crate::store) async fn hand_back(
                executor: impl PgExecutor<'_>,
                key: $key,
                lease: Lease,
            ) -> Result<Held, StoreError> {
                let put = sqlx::query!(
                    "UPDATE "
                        + $table
                        + " SET status = '"
                        + $queued
                        + "', run_after = now(),
                         attempts = greatest(attempts - 1, 0), at_work = false, lease = NULL, lease_until = NULL
                     WHERE "
                        + $id
                        + " = $1 AND lease = $2 AND attempts = $3 AND status = '"
                        + $running
                        + "'",
                    key,
                    lease.token,
                    lease.attempt,
                )
                .execute(executor)
                .await?;
                Ok(Held::of(put.rows_affected()))
            }
        }
    };
}

queue!(effects, table = "effects", key = "id": i64, queued = "queued", running = "running", reason = "error");
queue!(
    deliveries, table = "deliveries", key = "guid": &str, queued = "received", running = "processing",
    reason = "reason"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_crashes_in_a_row_or_many_lapses_are_enough() {
        let record = |crashes, lapses| Record { crashes, lapses, ..Record::default() }.ended_its_processes();
        assert_eq!(record(2, 14), None);
        assert!(record(3, 3).unwrap().contains("3 times"));
        assert!(record(0, 15).unwrap().contains("15 times"));
    }
}
