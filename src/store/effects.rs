//! The outbox: effects wait here until they are done.
//!
//! A claim draws a new lease; whoever comes back with an old one is told so and changes nothing. An effect that
//! is asked for again while it runs (a coalescing one) is queued again when that run ends.

mod claims;

use std::time::Duration;

use uuid::Uuid;

use super::directives::{Transaction, to_json};
use super::{Store, StoreError};
use adjutant_domain::effect::{Effect, Lane};
use adjutant_domain::ids::DirectiveId;
use adjutant_domain::persisted::{self, STATE_VERSION};

pub use claims::{Claims, HeldTask};

/// An effect in hand.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Its row.
    pub id: i64,
    /// What is to be done.
    pub effect: Effect,
    /// For which directive; none where it stands for itself.
    pub directive: Option<DirectiveId>,
    /// Which try this is, counted from one.
    pub attempt: u32,
    /// How often it was refused before.
    pub refusals: u32,
    lease: Uuid,
    version: i32,
}

/// An effect in hand, as its row says.
struct ClaimedRow {
    id: i64,
    directive_id: Option<Uuid>,
    key: String,
    payload: serde_json::Value,
    payload_version: i32,
    attempts: i32,
    refusals: i32,
    lease: Option<Uuid>,
    version: i32,
}

impl ClaimedRow {
    fn read(self) -> Result<Claimed, StoreError> {
        let lease = self.lease.unwrap_or_default();
        let effect = persisted::read_effect(self.payload_version.min(STATE_VERSION), self.payload)
            .map_err(|error| StoreError::of_read("effect", self.key, error))?;
        Ok(Claimed {
            id: self.id,
            effect,
            directive: self.directive_id.map(DirectiveId),
            attempt: u32::try_from(self.attempts).unwrap_or(1),
            refusals: u32::try_from(self.refusals).unwrap_or(0),
            lease,
            version: self.version,
        })
    }
}

/// Whether the lease still held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Held {
    /// It did, and what was asked is done.
    Yes,
    /// Another worker has taken the effect over: nothing was changed.
    No,
}

impl Held {
    fn of(rows: u64) -> Self {
        if rows == 1 { Self::Yes } else { Self::No }
    }
}

impl Transaction {
    /// Queues an effect, once for its key. A coalescing one, and one that was given up, is queued anew.
    pub async fn enqueue(&mut self, directive: DirectiveId, effect: &Effect) -> Result<(), StoreError> {
        let of = effect.is_of_a_directive().then_some(directive.0);
        sqlx::query!(
            "INSERT INTO effects AS old (key, directive_id, kind, lane, payload, task_id, payload_version)
             VALUES ($1, $2, $3, $4, $5, $7, $8)
             ON CONFLICT (key) DO UPDATE SET
                 payload = excluded.payload,
                 payload_version = excluded.payload_version,
                 version = old.version + 1,
                 status = CASE WHEN old.status = 'running' THEN 'running' ELSE 'queued' END,
                 run_after = CASE WHEN old.status = 'queued' THEN old.run_after ELSE now() END,
                 attempts = CASE WHEN old.status IN ('done', 'failed') THEN 0 ELSE old.attempts END,
                 refusals = CASE WHEN old.status IN ('done', 'failed') THEN 0 ELSE old.refusals END
             WHERE $6 OR old.status = 'failed'",
            effect.key(directive),
            of,
            effect.kind(),
            effect.lane().as_str(),
            to_json(effect, "effect", directive.0)?,
            effect.coalesces(),
            effect.task().map(|task| task.0),
            self.version,
        )
        .execute(&mut *self.tx)
        .await?;
        self.lanes.push(effect.lane());
        Ok(())
    }

    /// Whether one of these effects was ever asked for.
    pub async fn was_asked_for(&mut self, keys: &[String]) -> Result<bool, StoreError> {
        was_asked_for(&mut *self.tx, keys).await
    }

    /// Marks an effect done in this transaction, if its lease still holds.
    pub async fn finish_effect(&mut self, claimed: &Claimed) -> Result<Held, StoreError> {
        let done = sqlx::query!(
            "UPDATE effects SET status = CASE WHEN version = $3 THEN 'done' ELSE 'queued' END,
                 finished_at = now(), run_after = now(), attempts = 0, refusals = 0, lease = NULL, lease_until = NULL, error = NULL
             WHERE id = $1 AND lease = $2",
            claimed.id,
            claimed.lease,
            claimed.version,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(Held::of(done.rows_affected()))
    }

    /// Gives an effect up in this transaction, if its lease still holds. One that was asked for again meanwhile begins anew.
    pub async fn fail_effect(&mut self, claimed: &Claimed, error: &str) -> Result<Held, StoreError> {
        let done = sqlx::query!(
            "UPDATE effects SET status = CASE WHEN version = $4 THEN 'failed' ELSE 'queued' END,
                 finished_at = now(), run_after = now(), lease = NULL, lease_until = NULL, error = $3,
                 attempts = CASE WHEN version = $4 THEN attempts ELSE 0 END,
                 refusals = CASE WHEN version = $4 THEN refusals ELSE 0 END
             WHERE id = $1 AND lease = $2",
            claimed.id,
            claimed.lease,
            error,
            claimed.version,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(Held::of(done.rows_affected()))
    }
}

async fn was_asked_for(executor: impl sqlx::PgExecutor<'_>, keys: &[String]) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT 1 FROM effects WHERE key = ANY ($1)) AS "found!""#, keys,)
        .fetch_one(executor)
        .await?;
    Ok(found)
}

impl Store {
    /// Whether one of these effects was ever asked for.
    pub async fn was_asked_for(&self, keys: &[String]) -> Result<bool, StoreError> {
        was_asked_for(self.pool(), keys).await
    }

    /// Takes up to `limit` effects that are due, or whose worker's lease lapsed; never one of those `in_hand`: a process
    /// that stood still for longer than its leases goes on with its own work when it wakes, and does not begin it anew.
    /// Runs of agents are taken within the limits that directives share, of which an installation has `per_installation`
    /// places.
    pub async fn claim_effects(
        &self,
        lane: Lane,
        limit: i64,
        lease: Duration,
        in_hand: &[i64],
        per_installation: u32,
    ) -> Result<Claims, StoreError> {
        if lane == Lane::Agent {
            return self.claim_tasks(limit, lease, in_hand, per_installation).await;
        }
        let rows = sqlx::query_as!(
            ClaimedRow,
            "UPDATE effects SET status = 'running', attempts = attempts + 1, lease = gen_random_uuid(),
                 lease_until = now() + make_interval(secs => $3)
             WHERE id IN (
                 SELECT id FROM effects
                 WHERE lane = $1 AND ((status = 'queued' AND run_after <= now())
                                      OR (status = 'running' AND lease_until < now() AND id <> ALL ($4)))
                 ORDER BY run_after, id LIMIT $2 FOR UPDATE SKIP LOCKED)
             RETURNING id, directive_id, key, payload, payload_version, attempts, refusals, lease, version",
            lane.as_str(),
            limit,
            lease.as_secs_f64(),
            in_hand,
        )
        .fetch_all(self.pool())
        .await?;
        let taken: Result<_, _> = rows.into_iter().map(ClaimedRow::read).collect();
        Ok(Claims { taken: taken?, held: Vec::new() })
    }

    /// Extends a lease.
    pub async fn heartbeat(&self, claimed: &Claimed, lease: Duration) -> Result<Held, StoreError> {
        let beat = sqlx::query!(
            "UPDATE effects SET lease_until = now() + make_interval(secs => $3) WHERE id = $1 AND lease = $2",
            claimed.id,
            claimed.lease,
            lease.as_secs_f64(),
        )
        .execute(self.pool())
        .await?;
        Ok(Held::of(beat.rows_affected()))
    }

    /// Puts an effect that was refused back to be tried again after `delay`, and counts the refusal.
    pub async fn retry_refused(&self, claimed: &Claimed, delay: Duration, error: &str) -> Result<Held, StoreError> {
        let put = sqlx::query!(
            "UPDATE effects SET status = 'queued', run_after = now() + make_interval(secs => $3), error = $4,
                 refusals = refusals + 1, lease = NULL, lease_until = NULL
             WHERE id = $1 AND lease = $2",
            claimed.id,
            claimed.lease,
            delay.as_secs_f64(),
            error,
        )
        .execute(self.pool())
        .await?;
        Ok(Held::of(put.rows_affected()))
    }

    /// Makes every effect and delivery due that was put back for another try: what stood in their way is gone.
    pub async fn retry_now(&self) -> Result<u64, StoreError> {
        let effects = sqlx::query!(
            "UPDATE effects SET run_after = now()
             WHERE status = 'queued' AND run_after > now() AND error IS NOT NULL",
        )
        .execute(self.pool())
        .await?;
        let deliveries = sqlx::query!(
            "UPDATE deliveries SET run_after = now()
             WHERE status = 'received' AND run_after > now() AND reason IS NOT NULL",
        )
        .execute(self.pool())
        .await?;
        Ok(effects.rows_affected() + deliveries.rows_affected())
    }

    /// Puts an effect back to be tried again after `delay`.
    pub async fn retry_effect(&self, claimed: &Claimed, delay: Duration, error: &str) -> Result<Held, StoreError> {
        let put = sqlx::query!(
            "UPDATE effects SET status = 'queued', run_after = now() + make_interval(secs => $3), error = $4,
                 lease = NULL, lease_until = NULL
             WHERE id = $1 AND lease = $2",
            claimed.id,
            claimed.lease,
            delay.as_secs_f64(),
            error,
        )
        .execute(self.pool())
        .await?;
        Ok(Held::of(put.rows_affected()))
    }

    /// Hands an effect back untried, for another worker to take at once.
    pub async fn hand_back_effect(&self, claimed: &Claimed) -> Result<Held, StoreError> {
        let put = sqlx::query!(
            "UPDATE effects SET status = 'queued', run_after = now(), attempts = attempts - 1,
                 lease = NULL, lease_until = NULL
             WHERE id = $1 AND lease = $2",
            claimed.id,
            claimed.lease,
        )
        .execute(self.pool())
        .await?;
        Ok(Held::of(put.rows_affected()))
    }
}
