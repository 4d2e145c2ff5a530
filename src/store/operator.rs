//! What an operator sees of inbox and outbox, and may do to a row that is stuck.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::effects::step_in;
use super::{Store, StoreError};
use adjutant_domain::ids::{DirectiveId, TaskId};
use adjutant_domain::signal::Signal;

/// A row of the inbox or the outbox.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Entry {
    /// `delivery` or `effect`.
    pub queue: String,
    /// What it is found by: a delivery's GUID, an effect's natural key.
    pub key: String,
    /// A delivery's event, or what an effect does.
    pub kind: String,
    /// The directive it is for.
    pub directive: Option<Uuid>,
    /// Where it stands, in the words of its table.
    pub status: String,
    /// The number of claims so far.
    pub attempts: i32,
    /// Tries in a row that were put back.
    pub failures: i32,
    /// How often in a row the process ended that worked on it.
    pub crashes: i32,
    /// The version that it takes to handle it.
    pub version: i32,
    /// When it is due.
    pub run_after: DateTime<Utc>,
    /// Why it was not done.
    pub error: Option<String>,
    /// Whether an operator put it away.
    pub dropped: bool,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

/// What became of an operator's request.
#[derive(Debug, Clone, PartialEq)]
pub enum Operated {
    /// It is done; the row as it was before.
    Done(Entry),
    /// There is no such row.
    Unknown,
    /// A process works on it now.
    AtWork(Entry),
    /// It is done already, and there is nothing to try or to drop.
    Over(Entry),
}

impl Store {
    /// The rows that are not done: by default those that were set aside or put back, with `all` also those that wait their
    /// turn or are in hand, and those that an operator dropped. Oldest first.
    pub async fn queue_entries(&self, all: bool) -> Result<Vec<Entry>, StoreError> {
        let entries = sqlx::query_as!(
            Entry,
            r#"SELECT * FROM (
                 SELECT 'delivery' AS "queue!", guid AS "key!", event AS "kind!", NULL::uuid AS directive,
                        status AS "status!", attempts AS "attempts!", failures AS "failures!", crashes AS "crashes!",
                        needs_version AS "version!", run_after AS "run_after!", reason AS error, dropped AS "dropped!",
                        received_at AS "created_at!"
                 FROM deliveries WHERE status IN ('received', 'processing', 'failed')
                 UNION ALL
                 SELECT 'effect', key, kind, directive_id, status, attempts, failures, crashes, payload_version, run_after,
                        error, dropped, created_at
                 FROM effects WHERE status IN ('queued', 'running', 'failed')) AS entries
               WHERE $1 OR (NOT "dropped!" AND ("status!" = 'failed' OR "failures!" > 0 OR "crashes!" > 0))
               ORDER BY "created_at!", "key!""#,
            all,
        )
        .fetch_all(self.pool())
        .await?;
        Ok(entries)
    }

    /// One row, whatever its state, with its payload.
    pub async fn queue_entry(&self, key: &str) -> Result<Option<(Entry, Value)>, StoreError> {
        let row = sqlx::query!(
            r#"SELECT 'delivery' AS "queue!", guid AS "key!", event AS "kind!", NULL::uuid AS directive,
                      status AS "status!", attempts AS "attempts!", failures AS "failures!", crashes AS "crashes!",
                      needs_version AS "version!", run_after AS "run_after!", reason AS error, dropped AS "dropped!",
                      received_at AS "created_at!",
                      jsonb_build_object('action', action, 'bytes', length(body)) AS "payload!"
               FROM deliveries WHERE guid = $1
               UNION ALL
               SELECT 'effect', key, kind, directive_id, status, attempts, failures, crashes, payload_version, run_after,
                      error, dropped, created_at, payload
               FROM effects WHERE key = $1"#,
            key,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|row| {
            let entry = Entry {
                queue: row.queue,
                key: row.key,
                kind: row.kind,
                directive: row.directive,
                status: row.status,
                attempts: row.attempts,
                failures: row.failures,
                crashes: row.crashes,
                version: row.version,
                run_after: row.run_after,
                error: row.error,
                dropped: row.dropped,
                created_at: row.created_at,
            };
            (entry, row.payload)
        }))
    }

    /// Has a row that failed, or that waits for another try, tried anew: at once, and as if for the first time.
    pub async fn retry_entry(&self, key: &str) -> Result<Operated, StoreError> {
        let Some((entry, _)) = self.queue_entry(key).await? else { return Ok(Operated::Unknown) };
        let changed = if entry.queue == "delivery" {
            sqlx::query!(
                "UPDATE deliveries SET status = 'received', attempts = 0, failures = 0, refusals = 0, crashes = 0, lapses = 0,
                     dropped = false, run_after = now(), processed_at = NULL, lease = NULL, lease_until = NULL
                 WHERE guid = $1 AND (status IN ('received', 'failed') OR (status = 'processing' AND lease_until < now()))",
                key
            )
            .execute(self.pool())
            .await?
        } else {
            sqlx::query!(
                "UPDATE effects SET status = 'queued', attempts = 0, failures = 0, refusals = 0, crashes = 0, lapses = 0,
                     dropped = false, run_after = now(), lease = NULL, lease_until = NULL
                 WHERE key = $1 AND (status IN ('queued', 'failed') OR (status = 'running' AND lease_until < now()))",
                key
            )
            .execute(self.pool())
            .await?
        };
        Ok(outcome(changed.rows_affected(), entry))
    }

    /// Puts a row away for good. Where a directive would wait for it, a signal is left that says so.
    pub async fn drop_entry(&self, key: &str, why: &str) -> Result<Operated, StoreError> {
        let Some((entry, payload)) = self.queue_entry(key).await? else { return Ok(Operated::Unknown) };
        let mut transaction = self.begin().await?;
        let changed = if entry.queue == "delivery" {
            sqlx::query!(
                "UPDATE deliveries SET status = 'failed', dropped = true, reason = coalesce(reason, $2), lease = NULL,
                     processed_at = coalesce(processed_at, now()), lease_until = NULL, at_work = false
                 WHERE guid = $1 AND (status IN ('received', 'failed') OR (status = 'processing' AND lease_until < now()))",
                key,
                why,
            )
            .execute(&mut *transaction.tx)
            .await?
        } else {
            sqlx::query!(
                "UPDATE effects SET status = 'failed', dropped = true, error = coalesce(error, $2), finished_at = now(),
                     lease = NULL, lease_until = NULL, at_work = false
                 WHERE key = $1 AND (status IN ('queued', 'failed') OR (status = 'running' AND lease_until < now()))",
                key,
                why,
            )
            .execute(&mut *transaction.tx)
            .await?
        };
        let dropped = outcome(changed.rows_affected(), entry);
        if let Operated::Done(entry) = &dropped
            // Of one that had failed the directive was told then.
            && entry.status != "failed"
            && let Some(directive) = entry.directive.map(DirectiveId)
        {
            let task = payload.pointer("/run_task/task").and_then(Value::as_str);
            let task = task.and_then(|task| task.parse().ok()).map(TaskId);
            let signal = Signal::of_failed_effect(&entry.kind, task, step_in(&payload, &entry.kind), why);
            transaction.leave_signals(directive, signal.as_slice()).await?;
        }
        transaction.commit().await?;
        Ok(dropped)
    }
}

fn outcome(changed: u64, entry: Entry) -> Operated {
    match (changed, entry.status.as_str()) {
        (1.., _) => Operated::Done(entry),
        (0, "running" | "processing") => Operated::AtWork(entry),
        (0, _) => Operated::Over(entry),
    }
}
