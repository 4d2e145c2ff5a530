//! The parts that inbox and outbox share: leases, attempts, and what happens to a row that is not done.
//!
//! `queued → running → done | failed`, and back to `queued`. A claim takes a lease that expires. A worker whose lease
//! was lost gets [`Held::No`] and changes nothing. Each table has its own words for the states, and `queue!` generates
//! the same statements for both, so that each rule is written once.
//!
//! **What is counted.** `attempts` are claims. `failures` are failed tries in a row; the pauses grow with them, and a
//! killed process adds none. A *crash* is a lease that lapsed while this program's own code was working on the row. The
//! row records that before the work begins, and clears it while an agent or a verifier runs, because those are external
//! processes that cannot end this one. If several rows were being worked on in one process, none can be blamed, and
//! none is. After [`CRASHES`] crashes in a row, a row is set aside. SIGTERM releases a process's rows. `kill -9` counts
//! against a row that is being worked on, but that time is short. Every lapsed lease counts as a *lapse*, and
//! [`LAPSES`] of them in a row are the last resort. A try that ends in any way resets both counts.
//!
//! A row whose process ended while working on it is delayed before it can be claimed again, and the delay differs from
//! row to row. The rows that shared a process by chance are then no longer claimed together with the one that ends
//! processes.

use uuid::Uuid;

use adjutant_domain::failure::Failure;

/// The number of crashes in a row after which a row is set aside.
pub const CRASHES: i32 = 3;
/// The number of lapsed leases in a row after which a row is set aside.
pub const LAPSES: i32 = 15;

/// A claim on a row. It works as a fence: an old lease changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub(super) token: Uuid,
    pub(super) attempt: i32,
}

/// Whether the lease still held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Held {
    /// It held, and the change was made.
    Yes,
    /// Another worker has claimed the row, and nothing was changed.
    No,
}

impl Held {
    pub(super) fn of(rows: u64) -> Self {
        if rows == 1 { Self::Yes } else { Self::No }
    }
}

/// Why a row is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// This try failed.
    Failed,
    /// It was refused. The refusal is accepted after a few tries.
    Refused,
}

/// The earlier failures of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Record {
    /// Failed tries in a row.
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

    /// Why the row must not be handled any more, if that is so.
    pub fn ended_its_processes(&self) -> Option<Failure> {
        if i64::from(self.crashes) >= i64::from(CRASHES) {
            Some(Failure::ProcessesEnded { times: self.crashes })
        } else if i64::from(self.lapses) >= i64::from(LAPSES) {
            Some(Failure::NeverEnded { times: self.lapses })
        } else {
            None
        }
    }
}

/// The statements that both tables share.
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

            /// Records whether this program's own code is working on a row.
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

            /// Reschedules a row after `delay`, with the reason.
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

            /// Releases the lease on a row that was not tried, so that another worker can claim it at once.
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
        assert_eq!(record(3, 3), Some(Failure::ProcessesEnded { times: 3 }));
        assert_eq!(record(0, 15), Some(Failure::NeverEnded { times: 15 }));
    }
}
