//! The outbox: effects wait here until they are done.
//!
//! A claim draws a new lease; whoever comes back with an old one is told so and changes nothing. An effect that
//! is asked for again while it runs (a coalescing one) is queued again when that run ends.

use std::time::Duration;

use uuid::Uuid;

use super::directives::{Unit, to_json};
use super::{Store, StoreError};
use crate::domain::effect::{Effect, Lane};
use crate::domain::ids::DirectiveId;

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
    lease: Uuid,
    version: i32,
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

impl Unit {
    /// Queues an effect, once for its key. A coalescing one, and one that was given up, is queued anew.
    pub async fn enqueue(&mut self, directive: DirectiveId, effect: &Effect) -> Result<(), StoreError> {
        let of = effect.is_of_a_directive().then_some(directive.0);
        sqlx::query!(
            "INSERT INTO effects AS old (key, directive_id, kind, lane, payload) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (key) DO UPDATE SET
                 payload = excluded.payload,
                 version = old.version + 1,
                 status = CASE WHEN old.status = 'running' THEN 'running' ELSE 'queued' END,
                 run_after = CASE WHEN old.status = 'queued' THEN old.run_after ELSE now() END,
                 attempts = CASE WHEN old.status IN ('done', 'failed') THEN 0 ELSE old.attempts END
             WHERE $6 OR old.status = 'failed'",
            effect.key(directive),
            of,
            effect.kind(),
            effect.lane().as_str(),
            to_json(effect, "effect", directive.0)?,
            effect.coalesces(),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Marks an effect done in this transaction, if its lease still holds.
    pub async fn finish_effect(&mut self, claimed: &Claimed) -> Result<Held, StoreError> {
        let done = sqlx::query!(
            "UPDATE effects SET status = CASE WHEN version = $3 THEN 'done' ELSE 'queued' END,
                 finished_at = now(), run_after = now(), attempts = 0, lease = NULL, lease_until = NULL, error = NULL
             WHERE id = $1 AND lease = $2",
            claimed.id,
            claimed.lease,
            claimed.version,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(Held::of(done.rows_affected()))
    }

    /// Gives an effect up in this transaction, if its lease still holds.
    pub async fn fail_effect(&mut self, claimed: &Claimed, error: &str) -> Result<Held, StoreError> {
        let done = sqlx::query!(
            "UPDATE effects SET status = 'failed', finished_at = now(), lease = NULL, lease_until = NULL, error = $3
             WHERE id = $1 AND lease = $2",
            claimed.id,
            claimed.lease,
            error,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(Held::of(done.rows_affected()))
    }
}

impl Store {
    /// Takes up to `limit` effects that are due, or whose worker's lease lapsed; never one of those `in_hand`: a process
    /// that stood still for longer than its leases goes on with its own work when it wakes, and does not begin it anew.
    pub async fn claim_effects(
        &self,
        lane: Lane,
        limit: i64,
        lease: Duration,
        in_hand: &[i64],
    ) -> Result<Vec<Claimed>, StoreError> {
        let rows = sqlx::query!(
            "UPDATE effects SET status = 'running', attempts = attempts + 1, lease = gen_random_uuid(),
                 lease_until = now() + make_interval(secs => $3)
             WHERE id IN (
                 SELECT id FROM effects
                 WHERE lane = $1 AND ((status = 'queued' AND run_after <= now())
                                      OR (status = 'running' AND lease_until < now() AND id <> ALL ($4)))
                 ORDER BY run_after, id LIMIT $2 FOR UPDATE SKIP LOCKED)
             RETURNING id, directive_id, payload, attempts, lease, version",
            lane.as_str(),
            limit,
            lease.as_secs_f64(),
            in_hand,
        )
        .fetch_all(self.pool())
        .await?;
        rows.into_iter()
            .map(|row| {
                let lease = row.lease.unwrap_or_default();
                let effect = serde_json::from_value(row.payload).map_err(|error| StoreError::Unreadable {
                    what: "effect",
                    id: lease,
                    error,
                })?;
                Ok(Claimed {
                    id: row.id,
                    effect,
                    directive: row.directive_id.map(DirectiveId),
                    attempt: u32::try_from(row.attempts).unwrap_or(1),
                    lease,
                    version: row.version,
                })
            })
            .collect()
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
