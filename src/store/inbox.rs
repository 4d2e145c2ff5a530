//! The inbox: webhook deliveries, from the moment they are received until they are dealt with.
//!
//! `received → processing → processed | ignored | failed`, and back to `received` for another try. A delivery
//! in processing has a lease: when the process that claimed it dies, the lease lapses and another claims it.
//! The attempt's number fences the late one: an answer that comes after the lease was lost changes nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};

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
    /// Stores a delivery, once for each GUID.
    pub async fn receive_delivery(&self, new: &NewDelivery<'_>) -> Result<Receipt, StoreError> {
        let done = sqlx::query!(
            "INSERT INTO deliveries (guid, event, action, installation_id, hook_target, body, reason, status, processed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7::text,
                     CASE WHEN $7::text IS NULL THEN 'received' ELSE 'failed' END,
                     CASE WHEN $7::text IS NULL THEN NULL ELSE now() END)
             ON CONFLICT (guid) DO NOTHING",
            new.guid,
            new.event,
            new.action,
            new.installation_id,
            new.hook_target,
            new.body,
            new.fault,
        )
        .execute(self.pool())
        .await?;
        Ok(if done.rows_affected() == 1 { Receipt::New } else { Receipt::Known })
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
               RETURNING deliveries.guid, event, action, installation_id, body, received_at, attempts AS attempt"#,
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
        let done = sqlx::query!(
            "UPDATE deliveries SET status = 'processed', reason = NULL, processed_at = now(), lease_until = NULL
             WHERE guid = $1 AND attempts = $2 AND status = 'processing'",
            guid,
            attempt,
        )
        .execute(self.pool())
        .await?;
        Ok(Settled::of(done.rows_affected()))
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
