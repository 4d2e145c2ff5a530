//! The outbox: effects wait here until they are done.
//!
//! [`super::queue`] has the parts that are shared with the inbox: leases, attempts, and what happens to an effect that
//! is not done. A coalescing effect that is requested again while it runs is queued again when that run ends.
//!
//! A claim reads each row separately, so that a row that this version cannot read does not affect others. Rows that a
//! newer version wrote are not claimed.

mod claims;
mod rows;
mod waiting;

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::directives::{Transaction, to_json};
use super::queue::{self, Held, Retry};
use super::{Store, StoreError};
use adjutant_domain::effect::{Effect, Lane};
use adjutant_domain::ids::DirectiveId;

pub use claims::{HeldTask, Wait};
pub(super) use rows::step_in;
pub use rows::{Claimed, Claims, Row, Unreadable};
use rows::{ClaimedRow, read_all};
pub use waiting::WaitingVerification;

impl Transaction {
    /// Queues an effect, once for its key. A coalescing effect, and one that failed, is queued again.
    pub async fn enqueue(&mut self, directive: DirectiveId, effect: &Effect) -> Result<(), StoreError> {
        self.enqueue_at(directive, effect, None).await
    }

    /// The same for an effect that is not due before that time.
    pub async fn enqueue_at(
        &mut self,
        directive: DirectiveId,
        effect: &Effect,
        not_before: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let of = effect.is_of_a_directive().then_some(directive.0);
        sqlx::query!(
            "INSERT INTO effects AS old (key, directive_id, kind, lane, payload, task_id, payload_version, run_after)
             VALUES ($1, $2, $3, $4, $5, $7, $8, coalesce($9, now()))
             ON CONFLICT (key) DO UPDATE SET
                 payload = excluded.payload,
                 payload_version = excluded.payload_version,
                 version = old.version + 1,
                 status = CASE WHEN old.status = 'running' THEN 'running' ELSE 'queued' END,
                 run_after = CASE WHEN old.status = 'queued' THEN old.run_after ELSE now() END,
                 attempts = CASE WHEN old.status IN ('done', 'failed') THEN 0 ELSE old.attempts END,
                 refusals = CASE WHEN old.status IN ('done', 'failed') THEN 0 ELSE old.refusals END,
                 failures = CASE WHEN old.status IN ('done', 'failed') THEN 0 ELSE old.failures END,
                 dropped = false
             WHERE $6 OR old.status = 'failed'",
            effect.key(directive),
            of,
            effect.kind(),
            effect.lane().as_str(),
            to_json(effect, "effect", directive.0)?,
            effect.coalesces(),
            effect.task().map(|task| task.0),
            self.version,
            not_before,
        )
        .execute(&mut *self.tx)
        .await?;
        self.lanes.push(effect.lane());
        Ok(())
    }

    /// Whether any of these effects was ever queued.
    pub async fn was_asked_for(&mut self, keys: &[String]) -> Result<bool, StoreError> {
        was_asked_for(&mut *self.tx, keys).await
    }

    /// Marks an effect as done in this transaction if its lease still holds.
    pub async fn finish_effect(&mut self, row: &Row) -> Result<Held, StoreError> {
        end(&mut *self.tx, row, "done", None).await
    }

    /// Sets an effect aside as failed in this transaction if its lease still holds. An effect that was requested again
    /// meanwhile is queued again.
    pub async fn fail_effect(&mut self, row: &Row, error: &str) -> Result<Held, StoreError> {
        end(&mut *self.tx, row, "failed", Some(error)).await
    }
}

async fn end(
    executor: impl sqlx::PgExecutor<'_>,
    row: &Row,
    status: &str,
    error: Option<&str>,
) -> Result<Held, StoreError> {
    let done = sqlx::query!(
        "UPDATE effects SET status = CASE WHEN version = $3 THEN $4::text ELSE 'queued' END, error = $5,
             attempts = CASE WHEN version = $3 AND $4::text = 'failed' THEN attempts ELSE 0 END,
             refusals = CASE WHEN version = $3 AND $4::text = 'failed' THEN refusals ELSE 0 END,
             finished_at = now(), run_after = now(), failures = 0, crashes = 0, lapses = 0, at_work = false, lease = NULL,
             lease_until = NULL
         WHERE id = $1 AND lease = $2",
        row.id,
        row.lease.token,
        row.version,
        status,
        error,
    )
    .execute(executor)
    .await?;
    Ok(Held::of(done.rows_affected()))
}

async fn was_asked_for(executor: impl sqlx::PgExecutor<'_>, keys: &[String]) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT 1 FROM effects WHERE key = ANY ($1)) AS "found!""#, keys,)
        .fetch_one(executor)
        .await?;
    Ok(found)
}

impl Store {
    /// Whether any of these effects was ever queued.
    pub async fn was_asked_for(&self, keys: &[String]) -> Result<bool, StoreError> {
        was_asked_for(self.pool(), keys).await
    }

    /// Claims up to `limit` effects that are due or whose lease lapsed. Effects that are `in_hand` are never claimed: a
    /// process that was suspended for longer than its leases continues its own work and must not begin it a second
    /// time. Runs of agents are claimed within the limits that directives share; an installation has `per_installation`
    /// slots. Effects that a newer version wrote, or whose directive a newer version wrote, are left to that version.
    pub async fn claim_effects(
        &self,
        lane: Lane,
        limit: i64,
        lease: Duration,
        in_hand: &[i64],
        per_installation: u32,
    ) -> Result<Claims, StoreError> {
        self.release_lapsed_effects(lane, in_hand).await?;
        if lane == Lane::Agent {
            return self.claim_tasks(limit, lease, in_hand, per_installation).await;
        }
        let rows = sqlx::query_as!(
            ClaimedRow,
            r#"UPDATE effects SET status = 'running', attempts = attempts + 1, lease = gen_random_uuid(),
                 lease_until = now() + make_interval(secs => $3)
             WHERE id IN (
                 SELECT id FROM effects e
                 WHERE lane = $1 AND status = 'queued' AND run_after <= now() AND id <> ALL ($4) AND payload_version <= $5
                       AND NOT EXISTS (SELECT 1 FROM directives d WHERE d.id = e.directive_id AND d.state_version > $5)
                 ORDER BY run_after, id LIMIT $2 FOR UPDATE SKIP LOCKED)
             RETURNING id, directive_id, key, kind, task_id, payload, payload_version, attempts, failures, refusals, crashes,
                       lapses, lease AS "lease!", version"#,
            lane.as_str(),
            limit,
            lease.as_secs_f64(),
            in_hand,
            self.version,
        )
        .fetch_all(self.pool())
        .await?;
        Ok(read_all(rows, Vec::new()))
    }

    /// Takes back effects whose lease lapsed, and counts the lapse and the possible crash.
    async fn release_lapsed_effects(&self, lane: Lane, in_hand: &[i64]) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE effects AS e SET status = 'queued', lease = NULL, lease_until = NULL, at_work = false,
                 lapses = lapses + 1, crashed_with = CASE WHEN at_work THEN worker ELSE crashed_with END,
                 crashes = crashes + (at_work AND NOT EXISTS (
                     SELECT 1 FROM effects o WHERE o.id <> e.id
                         AND ((o.at_work AND o.worker = e.worker) OR o.crashed_with = e.worker)
                     UNION ALL
                     SELECT 1 FROM deliveries o
                         WHERE (o.at_work AND o.worker = e.worker) OR o.crashed_with = e.worker))::integer,
                 run_after = CASE WHEN at_work
                     THEN now() + make_interval(secs => 2 ^ least(crashes, 8) * (0.5 + abs(hashtext(key)::bigint) % 1000 / 1000.0))
                     ELSE run_after END
             WHERE lane = $1 AND status = 'running' AND lease_until < now() AND id <> ALL ($2)",
            lane.as_str(),
            in_hand,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    pub async fn heartbeat(&self, row: &Row, lease: Duration) -> Result<Held, StoreError> {
        queue::effects::keep(self.pool(), row.id, row.lease, lease).await
    }

    /// Records that this process is about to work on an effect.
    pub async fn begin_effect(&self, row: &Row) -> Result<Held, StoreError> {
        queue::effects::at_work(self.pool(), row.id, row.lease, true).await
    }

    /// Records that only an external process works on the effect now, which cannot end this process.
    pub async fn rest_effect(&self, row: &Row) -> Result<Held, StoreError> {
        queue::effects::at_work(self.pool(), row.id, row.lease, false).await
    }

    /// Reschedules an effect after `delay`.
    pub async fn retry_effect(&self, row: &Row, delay: Duration, error: &str, why: Retry) -> Result<Held, StoreError> {
        queue::effects::retry(self.pool(), row.id, row.lease, delay, error, why).await
    }

    /// Releases the lease on an effect that was not tried, so that another worker can claim it at once.
    pub async fn hand_back_effect(&self, row: &Row) -> Result<Held, StoreError> {
        queue::effects::hand_back(self.pool(), row.id, row.lease).await
    }

    /// Sets an effect aside as failed without a signal to its directive.
    pub async fn set_effect_aside(&self, row: &Row, error: &str) -> Result<Held, StoreError> {
        end(self.pool(), row, "failed", Some(error)).await
    }

    /// Makes every rescheduled effect and delivery due, because the cause of the failures is gone.
    pub async fn retry_now(&self) -> Result<u64, StoreError> {
        let effects = sqlx::query!(
            "UPDATE effects SET run_after = now()
             WHERE status = 'queued' AND run_after > now() AND error IS NOT NULL AND crashes = 0",
        )
        .execute(self.pool())
        .await?;
        let deliveries = sqlx::query!(
            "UPDATE deliveries SET run_after = now()
             WHERE status = 'received' AND run_after > now() AND reason IS NOT NULL AND crashes = 0",
        )
        .execute(self.pool())
        .await?;
        Ok(effects.rows_affected() + deliveries.rows_affected())
    }
}
