//! The operator's view of inbox and outbox, and the operations on a stuck row.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::effects::step_in;
use super::{Store, StoreError};
use adjutant_domain::failure::Failure;
use adjutant_domain::ids::{DirectiveId, TaskId};
use adjutant_domain::signal::Signal;

/// A row of the inbox or the outbox.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct QueueEntry {
    /// `delivery` or `effect`.
    pub queue: String,
    /// A delivery's GUID, or an effect's natural key.
    pub key: String,
    /// A delivery's event, or an effect's kind.
    pub kind: String,
    /// The directive it is for.
    pub directive: Option<Uuid>,
    /// The status as its table stores it.
    pub status: String,
    /// The number of claims so far.
    pub attempts: i32,
    /// Failed tries in a row.
    pub failures: i32,
    /// How often in a row the process ended while working on it.
    pub crashes: i32,
    /// The version that can handle it.
    pub version: i32,
    /// When it is due.
    pub run_after: DateTime<Utc>,
    /// The reason of the last failure.
    pub error: Option<String>,
    /// Whether an operator dropped it.
    pub dropped: bool,
    pub created_at: DateTime<Utc>,
}

/// The outcome of an operator's request.
#[derive(Debug, Clone, PartialEq)]
pub enum Operated {
    /// It was done. The row as it was before.
    Done(QueueEntry),
    /// There is no such row.
    Unknown,
    /// A process is working on it now.
    AtWork(QueueEntry),
    /// It is done already, so it can be neither retried nor dropped.
    Over(QueueEntry),
}

impl Store {
    /// The rows that are not done, oldest first. By default those that failed or were rescheduled; with `all` also
    /// those that are queued or claimed, and those that an operator dropped.
    pub async fn queue_entries(&self, all: bool) -> Result<Vec<QueueEntry>, StoreError> {
        let entries = sqlx::query_as!(
            QueueEntry,
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
    pub async fn queue_entry(&self, key: &str) -> Result<Option<(QueueEntry, Value)>, StoreError> {
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
            let entry = QueueEntry {
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

    /// Queues a failed or rescheduled row again, due at once and with its counters reset.
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

    /// Drops a row permanently. If a directive would wait for it, a signal is left that says so.
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
            // A failed row has informed its directive already.
            && entry.status != "failed"
            && let Some(directive) = entry.directive.map(DirectiveId)
        {
            let task = payload.pointer("/run_task/task").and_then(Value::as_str);
            let task = task.and_then(|task| task.parse().ok()).map(TaskId);
            let step = step_in(&payload, &entry.kind);
            let signal = Signal::of_failed_effect(&entry.kind, key, task, step, Failure::Dropped);
            transaction.leave_signals(directive, signal.as_slice()).await?;
        }
        transaction.commit().await?;
        Ok(dropped)
    }
}

fn outcome(changed: u64, entry: QueueEntry) -> Operated {
    match (changed, entry.status.as_str()) {
        (1.., _) => Operated::Done(entry),
        (0, "running" | "processing") => Operated::AtWork(entry),
        (0, _) => Operated::Over(entry),
    }
}
