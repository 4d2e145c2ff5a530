//! The history, read back.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Store, StoreError};
use crate::domain::ids::DirectiveId;

/// A line of a directive's history, as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct PastEvent {
    /// Grows with time.
    pub id: i64,
    /// Whose history.
    pub directive: DirectiveId,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened, in snake case.
    pub name: String,
    /// `info`, `warning` or `error`.
    pub severity: String,
    /// `user`, `agent` or `system`.
    pub actor: String,
    /// Who, where it was a user.
    pub login: Option<String>,
    /// The name of the step it is about.
    pub step: Option<String>,
    /// Its details.
    pub data: Value,
}

impl Store {
    /// Up to `limit` events that were kept after the event `after` (0 for all), oldest first, of every directive.
    pub async fn events_after(&self, after: i64, limit: i64) -> Result<Vec<PastEvent>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT e.id, e.directive_id, e.at, e.name, e.severity, e.actor_kind, e.actor_login,
                      s.name AS "step?", e.data
               FROM events e LEFT JOIN steps s ON s.id = e.step_id
               WHERE e.id > $1 ORDER BY e.id LIMIT $2"#,
            after,
            limit,
        )
        .fetch_all(self.pool())
        .await?;
        let events = rows.into_iter().map(|row| PastEvent {
            id: row.id,
            directive: DirectiveId(row.directive_id),
            at: row.at,
            name: row.name,
            severity: row.severity,
            actor: row.actor_kind,
            login: row.actor_login,
            step: row.step,
            data: row.data,
        });
        Ok(events.collect())
    }
}
