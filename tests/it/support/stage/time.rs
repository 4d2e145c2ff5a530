//! Lets time pass without waiting.

use adjutant_domain::ids::DirectiveId;
use serde_json::Value;

use super::Stage;

impl Stage {
    /// Lets this many hours pass for a directive, by moving its stored times into the past.
    pub(crate) async fn hours_pass(&self, id: DirectiveId, hours: f64) {
        let mut tx = self.pool.begin().await.unwrap();
        sqlx::query(
            "UPDATE directives SET state = jsonb_set(state, '{clock,running_since}',
                 coalesce(to_jsonb((state #>> '{clock,running_since}')::timestamptz - make_interval(secs => $2 * 3600)), 'null'))
             WHERE id = $1",
        )
        .bind(id.0)
        .bind(hours)
        .execute(&mut *tx)
        .await
        .unwrap();
        sqlx::query(
            "UPDATE approvals SET asked_at = asked_at - make_interval(secs => $2 * 3600),
                 expires_at = expires_at - make_interval(secs => $2 * 3600),
                 state = state || jsonb_build_object(
                     'asked_at', (state ->> 'asked_at')::timestamptz - make_interval(secs => $2 * 3600),
                     'expires_at', (state ->> 'expires_at')::timestamptz - make_interval(secs => $2 * 3600))
             WHERE directive_id = $1 AND status IN ('pending', 'expired')",
        )
        .bind(id.0)
        .bind(hours)
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }

    /// Lets this many minutes have passed for the steps that wait for the repository's CI, until none waits. A decision
    /// that is made meanwhile may overwrite the times, so they are written again.
    pub(crate) async fn minutes_of_ci_pass(&self, minutes: f64) {
        self.until("no step waits for the CI", async || {
            let changed = sqlx::query(
                "UPDATE steps SET state = jsonb_set(state, '{state,awaiting_ci,wait}', jsonb_build_object(
                     'since', now() - make_interval(secs => $1 * 60), 'asked_at', now() - make_interval(secs => $1 * 60)))
                 WHERE state #> '{state,awaiting_ci,wait}' IS NOT NULL",
            )
            .bind(minutes)
            .execute(&self.pool)
            .await
            .unwrap();
            changed.rows_affected() == 0
        })
        .await;
    }

    /// The stored data of every event of this name, oldest first.
    pub(crate) async fn events(&self, name: &str) -> Vec<Value> {
        sqlx::query_scalar("SELECT data FROM events WHERE name = $1 ORDER BY id")
            .bind(name)
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// The breakers that tripped, oldest first.
    pub(crate) async fn breakers(&self) -> Vec<String> {
        let tripped = self.events("breaker_tripped").await;
        tripped.iter().map(|data| data["breaker"].as_str().unwrap().to_owned()).collect()
    }
}
