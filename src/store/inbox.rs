//! The inbox: webhook deliveries, from their receipt until they are handled.
//!
//! `received → processing → processed | ignored | failed`, and back to `received` for another try. [`super::queue`] has
//! the parts that are shared with the outbox: leases, attempts, and what happens to a delivery that is not done.

use std::time::Duration;

use chrono::{DateTime, Utc};

use sqlx::PgExecutor;

use super::directives::Transaction;
use super::queue::{self, Held, Lease, Record, Retry};
use super::{Store, StoreError};

/// A received delivery whose signature has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery<'a> {
    /// `X-GitHub-Delivery`: the same for every redelivery.
    pub guid: &'a str,
    /// `X-GitHub-Event`.
    pub event: &'a str,
    /// The payload's `action`.
    pub action: Option<&'a str>,
    /// The payload's `installation.id`.
    pub installation_id: Option<i64>,
    /// `X-GitHub-Hook-Installation-Target-Type` and `-ID`, as `type/id`.
    pub hook_target: Option<&'a str>,
    /// The raw body.
    pub body: &'a [u8],
    /// The reason, if it is known at once that the delivery cannot be handled. It is then stored as failed.
    pub fault: Option<&'a str>,
}

/// Whether a delivery is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It was stored.
    New,
    /// Its GUID was stored before: a redelivery, or a duplicate.
    Known,
    /// Its GUID was stored before and the delivery had failed: it is handled again.
    Again,
}

/// A delivery that this process holds a lease on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// `X-GitHub-Delivery`.
    pub guid: String,
    /// `X-GitHub-Event`.
    pub event: String,
    /// The payload's `action`.
    pub action: Option<String>,
    /// The payload's `installation.id`.
    pub installation_id: Option<i64>,
    /// The raw body.
    pub body: Vec<u8>,
    /// When it was first received.
    pub received_at: DateTime<Utc>,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// Its earlier failures.
    pub record: Record,
    lease: Lease,
}

/// How a delivery ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending<'a> {
    /// It was handled.
    Processed,
    /// It needs no action, for this reason.
    Ignored(&'a str),
    /// It cannot be handled, for this reason.
    Failed(&'a str),
}

impl<'a> Ending<'a> {
    fn columns(self) -> (&'static str, Option<&'a str>) {
        match self {
            Self::Processed => ("processed", None),
            Self::Ignored(reason) => ("ignored", Some(reason)),
            Self::Failed(reason) => ("failed", Some(reason)),
        }
    }
}

impl Store {
    /// Stores a delivery, once for each GUID. A failed one is handled again, because whoever redelivers it has fixed
    /// the cause.
    pub async fn receive_delivery(&self, new: &NewDelivery<'_>) -> Result<Receipt, StoreError> {
        let stored = sqlx::query_scalar!(
            r#"INSERT INTO deliveries (guid, event, action, installation_id, hook_target, body, reason, status, processed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7::text,
                     CASE WHEN $7::text IS NULL THEN 'received' ELSE 'failed' END,
                     CASE WHEN $7::text IS NULL THEN NULL ELSE now() END)
             ON CONFLICT (guid) DO UPDATE SET status = 'received', reason = NULL, attempts = 0, refusals = 0, failures = 0, crashes = 0,
                 lapses = 0, dropped = false, run_after = now(), processed_at = NULL
             WHERE deliveries.status = 'failed' AND excluded.status = 'received'
             RETURNING (xmax = 0) AS "new!""#,
            new.guid,
            new.event,
            new.action,
            new.installation_id,
            new.hook_target,
            new.body,
            new.fault,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(match stored {
            Some(true) => Receipt::New,
            Some(false) => Receipt::Again,
            None => Receipt::Known,
        })
    }

    /// Claims up to `limit` deliveries that are due and that this version can handle, oldest first, each for the time
    /// of `lease`. Two concurrent callers get different ones.
    pub async fn claim_deliveries(&self, limit: i64, lease: Duration) -> Result<Vec<Delivery>, StoreError> {
        self.release_lapsed_deliveries().await?;
        let rows = sqlx::query!(
            r#"WITH due AS (
                 SELECT guid FROM deliveries
                 WHERE status = 'received' AND run_after <= now() AND needs_version <= $3
                 ORDER BY run_after, received_at
                 LIMIT $1
                 FOR UPDATE SKIP LOCKED
               )
               UPDATE deliveries SET status = 'processing',
                                     attempts = attempts + 1,
                                     lease = gen_random_uuid(),
                                     lease_until = now() + make_interval(secs => $2)
               FROM due WHERE deliveries.guid = due.guid
               RETURNING deliveries.guid, event, action, installation_id, body, received_at, attempts, failures, refusals,
                         crashes, lapses, lease AS "lease!""#,
            limit,
            lease.as_secs_f64(),
            self.version,
        )
        .fetch_all(self.pool())
        .await?;
        let mut claimed: Vec<_> = rows
            .into_iter()
            .map(|row| Delivery {
                guid: row.guid,
                event: row.event,
                action: row.action,
                installation_id: row.installation_id,
                body: row.body,
                received_at: row.received_at,
                attempt: row.attempts,
                record: Record::of(row.failures, row.refusals, row.crashes, row.lapses),
                lease: Lease { token: row.lease, attempt: row.attempts },
            })
            .collect();
        // `UPDATE … RETURNING` guarantees no order.
        claimed.sort_by(|a, b| (a.received_at, &a.guid).cmp(&(b.received_at, &b.guid)));
        Ok(claimed)
    }

    /// Takes back deliveries whose lease lapsed, and counts the lapse and the possible crash.
    async fn release_lapsed_deliveries(&self) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE deliveries AS e SET status = 'received', lease = NULL, lease_until = NULL, at_work = false,
                 lapses = lapses + 1, crashed_with = CASE WHEN at_work THEN worker ELSE crashed_with END,
                 crashes = crashes + (at_work AND NOT EXISTS (
                     SELECT 1 FROM deliveries o WHERE o.guid <> e.guid
                         AND ((o.at_work AND o.worker = e.worker) OR o.crashed_with = e.worker)
                     UNION ALL
                     SELECT 1 FROM effects o
                         WHERE (o.at_work AND o.worker = e.worker) OR o.crashed_with = e.worker))::integer,
                 run_after = CASE WHEN at_work
                     THEN now() + make_interval(secs => 2 ^ least(crashes, 8) * (0.5 + abs(hashtext(guid)::bigint) % 1000 / 1000.0))
                     ELSE run_after END
             WHERE status = 'processing' AND lease_until <= now()"
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Extends the lease on a claimed delivery.
    pub async fn keep_delivery(&self, delivery: &Delivery, lease: Duration) -> Result<Held, StoreError> {
        queue::deliveries::keep(self.pool(), &delivery.guid, delivery.lease, lease).await
    }

    /// Records that this process is about to work on a claimed delivery.
    pub async fn begin_delivery(&self, delivery: &Delivery) -> Result<Held, StoreError> {
        queue::deliveries::at_work(self.pool(), &delivery.guid, delivery.lease, true).await
    }

    /// Ends a claimed delivery.
    pub async fn end_delivery(&self, delivery: &Delivery, ending: Ending<'_>) -> Result<Held, StoreError> {
        end(self.pool(), delivery, ending).await
    }

    /// Reschedules a claimed delivery after `delay`, with the reason.
    pub async fn retry_delivery(
        &self,
        delivery: &Delivery,
        delay: Duration,
        reason: &str,
        why: Retry,
    ) -> Result<Held, StoreError> {
        queue::deliveries::retry(self.pool(), &delivery.guid, delivery.lease, delay, reason, why).await
    }

    /// Leaves a claimed delivery to a process that supports this version.
    pub async fn leave_delivery_to_version(&self, delivery: &Delivery, version: i32) -> Result<Held, StoreError> {
        let mut tx = self.pool().begin().await?;
        sqlx::query!(
            "UPDATE deliveries SET needs_version = $3 WHERE guid = $1 AND lease = $2",
            delivery.guid,
            delivery.lease.token,
            version,
        )
        .execute(&mut *tx)
        .await?;
        let held = queue::deliveries::hand_back(&mut *tx, &delivery.guid, delivery.lease).await?;
        tx.commit().await?;
        Ok(held)
    }
}

/// How often GitHub is asked to redeliver one delivery, and the pause after the first request. Each further pause is
/// twice as long.
const ASKS: i32 = 6;
const ASK_AGAIN: Duration = Duration::from_mins(1);

impl Store {
    /// Whether GitHub may be asked now to redeliver a delivery: it is not in the inbox, and was not requested recently
    /// or too often. Only one caller gets `true`, and that caller sends the request.
    pub async fn may_ask_again(&self, guid: &str) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "INSERT INTO redeliveries AS old (guid)
             SELECT $1 WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE guid = $1)
             ON CONFLICT (guid) DO UPDATE SET asks = old.asks + 1, asked_at = now()
             WHERE old.asks < $2 AND old.asked_at < now() - make_interval(secs => $3 * 2 ^ (old.asks - 1))",
            guid,
            ASKS,
            ASK_AGAIN.as_secs_f64(),
        )
        .execute(self.pool())
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

impl Transaction {
    /// Ends a claimed delivery in this transaction if its lease still holds.
    pub async fn end_delivery(&mut self, delivery: &Delivery, ending: Ending<'_>) -> Result<Held, StoreError> {
        end(&mut *self.tx, delivery, ending).await
    }
}

async fn end(executor: impl PgExecutor<'_>, delivery: &Delivery, ending: Ending<'_>) -> Result<Held, StoreError> {
    let (status, reason) = ending.columns();
    let done = sqlx::query!(
        "UPDATE deliveries SET status = $4, reason = $5, processed_at = now(), failures = 0, crashes = 0, lapses = 0,
             at_work = false, lease = NULL, lease_until = NULL
         WHERE guid = $1 AND lease = $2 AND attempts = $3 AND status = 'processing'",
        delivery.guid,
        delivery.lease.token,
        delivery.lease.attempt,
        status,
        reason,
    )
    .execute(executor)
    .await?;
    Ok(Held::of(done.rows_affected()))
}
