//! The inbox: webhook deliveries, from the moment they are received until they are dealt with.
//!
//! `received → processing → processed | ignored | failed`, and back to `received` for another try. A delivery
//! in processing has a lease: when the process that claimed it dies, the lease lapses and another claims it.
//! The attempt's number fences the late one: an answer that comes after the lease was lost changes nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};

use sqlx::PgExecutor;

use super::directives::Transaction;
use super::{Store, StoreError};

/// A delivery as it is received, its signature already verified.
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
    /// Why nothing can be done with it, when that is known at once: it is then stored as failed.
    pub fault: Option<&'a str>,
}

/// Whether a delivery was seen for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It is stored now.
    New,
    /// Its GUID was there already: a redelivery, or a duplicate.
    Known,
    /// Its GUID was there already, given up: it is taken up again.
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
    /// Which attempt this is, from 1. It also names the lease: results of an older attempt are refused.
    pub attempt: i32,
    /// How often GitHub refused what it takes to read it.
    pub refusals: i32,
}

/// Whether a result was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The delivery's row has it.
    Taken,
    /// The lease was lost to another attempt; nothing was changed.
    LeaseLost,
}

impl Settled {
    fn of(rows: u64) -> Self {
        if rows == 1 { Self::Taken } else { Self::LeaseLost }
    }
}

impl Store {
    /// Stores a delivery, once for each GUID. One that was given up is taken up again: whoever sends it again has
    /// mended what was in its way.
    pub async fn receive_delivery(&self, new: &NewDelivery<'_>) -> Result<Receipt, StoreError> {
        let stored = sqlx::query_scalar!(
            r#"INSERT INTO deliveries (guid, event, action, installation_id, hook_target, body, reason, status, processed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7::text,
                     CASE WHEN $7::text IS NULL THEN 'received' ELSE 'failed' END,
                     CASE WHEN $7::text IS NULL THEN NULL ELSE now() END)
             ON CONFLICT (guid) DO UPDATE SET status = 'received', reason = NULL, attempts = 0, refusals = 0, run_after = now(),
                 processed_at = NULL
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

    /// Claims up to `limit` deliveries whose turn has come, oldest first, each for the time of `lease`. Two
    /// callers at once get different ones.
    pub async fn claim_deliveries(&self, limit: i64, lease: Duration) -> Result<Vec<Delivery>, StoreError> {
        let mut claimed = sqlx::query_as!(
            Delivery,
            r#"WITH due AS (
                 SELECT guid FROM deliveries
                 WHERE (status = 'received' AND run_after <= now())
                    OR (status = 'processing' AND lease_until <= now())
                 ORDER BY run_after, received_at
                 LIMIT $1
                 FOR UPDATE SKIP LOCKED
               )
               UPDATE deliveries SET status = 'processing',
                                     attempts = attempts + 1,
                                     lease_until = now() + make_interval(secs => $2)
               FROM due WHERE deliveries.guid = due.guid
               RETURNING deliveries.guid, event, action, installation_id, body, received_at, attempts AS attempt,
                         refusals"#,
            limit,
            lease.as_secs_f64(),
        )
        .fetch_all(self.pool())
        .await?;
        // UPDATE … RETURNING promises no order.
        claimed.sort_by(|a, b| (a.received_at, &a.guid).cmp(&(b.received_at, &b.guid)));
        Ok(claimed)
    }

    /// Marks a claimed delivery as dealt with.
    pub async fn delivery_processed(&self, guid: &str, attempt: i32) -> Result<Settled, StoreError> {
        processed(self.pool(), guid, attempt).await
    }

    /// Extends the lease on a claimed delivery.
    pub async fn keep_delivery(&self, delivery: &Delivery, lease: Duration) -> Result<Settled, StoreError> {
        let kept = sqlx::query!(
            "UPDATE deliveries SET lease_until = now() + make_interval(secs => $3)
             WHERE guid = $1 AND attempts = $2 AND status = 'processing'",
            delivery.guid,
            delivery.attempt,
            lease.as_secs_f64(),
        )
        .execute(self.pool())
        .await?;
        Ok(Settled::of(kept.rows_affected()))
    }

    /// Marks a claimed delivery as one that asks for nothing, and why.
    pub async fn delivery_ignored(&self, guid: &str, attempt: i32, reason: &str) -> Result<Settled, StoreError> {
        let done = sqlx::query!(
            "UPDATE deliveries SET status = 'ignored', reason = $3, processed_at = now(), lease_until = NULL
             WHERE guid = $1 AND attempts = $2 AND status = 'processing'",
            guid,
            attempt,
            reason,
        )
        .execute(self.pool())
        .await?;
        Ok(Settled::of(done.rows_affected()))
    }

    /// Gives a claimed delivery up, and says why.
    pub async fn delivery_failed(&self, guid: &str, attempt: i32, reason: &str) -> Result<Settled, StoreError> {
        let done = sqlx::query!(
            "UPDATE deliveries SET status = 'failed', reason = $3, processed_at = now(), lease_until = NULL
             WHERE guid = $1 AND attempts = $2 AND status = 'processing'",
            guid,
            attempt,
            reason,
        )
        .execute(self.pool())
        .await?;
        Ok(Settled::of(done.rows_affected()))
    }

    /// Puts a claimed delivery back for another try at `when`, says why, and counts a refusal.
    pub async fn retry_refused_delivery_at(
        &self,
        delivery: &Delivery,
        when: DateTime<Utc>,
        reason: &str,
    ) -> Result<Settled, StoreError> {
        let done = sqlx::query!(
            "UPDATE deliveries SET status = 'received', reason = $4, run_after = $3, lease_until = NULL,
                 refusals = refusals + 1
             WHERE guid = $1 AND attempts = $2 AND status = 'processing'",
            delivery.guid,
            delivery.attempt,
            when,
            reason,
        )
        .execute(self.pool())
        .await?;
        Ok(Settled::of(done.rows_affected()))
    }

    /// Puts a claimed delivery back for another try at `when`, and says why.
    pub async fn retry_delivery_at(
        &self,
        guid: &str,
        attempt: i32,
        when: DateTime<Utc>,
        reason: &str,
    ) -> Result<Settled, StoreError> {
        let done = sqlx::query!(
            "UPDATE deliveries SET status = 'received', reason = $4, run_after = $3, lease_until = NULL
             WHERE guid = $1 AND attempts = $2 AND status = 'processing'",
            guid,
            attempt,
            when,
            reason,
        )
        .execute(self.pool())
        .await?;
        Ok(Settled::of(done.rows_affected()))
    }
}

/// How often GitHub is asked for one delivery, and how long after the first time it is asked again; each time after
/// that takes twice as long.
const ASKS: i32 = 6;
const ASK_AGAIN: Duration = Duration::from_mins(1);

impl Store {
    /// Whether GitHub may be asked now to send a delivery again: it is not in the inbox and was not
    /// asked for lately or too often. Says yes to one caller only, who then asks.
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
    /// Marks a claimed delivery as dealt with in this transaction, if its lease still holds.
    pub async fn finish_delivery(&mut self, delivery: &Delivery) -> Result<Settled, StoreError> {
        processed(&mut *self.tx, &delivery.guid, delivery.attempt).await
    }
}

async fn processed(executor: impl PgExecutor<'_>, guid: &str, attempt: i32) -> Result<Settled, StoreError> {
    let done = sqlx::query!(
        "UPDATE deliveries SET status = 'processed', reason = NULL, processed_at = now(), lease_until = NULL
             WHERE guid = $1 AND attempts = $2 AND status = 'processing'",
        guid,
        attempt,
    )
    .execute(executor)
    .await?;
    Ok(Settled::of(done.rows_affected()))
}
