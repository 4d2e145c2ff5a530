//! The history: events are added at the end of a transaction, and read in the order of their ids.
//!
//! A row gets its identity value when it is added, but becomes visible when its transaction commits. A smaller id could
//! therefore become visible after a larger one, and a reader that remembers the last id it saw would miss it. To
//! prevent this, all events of a transaction are added last, under one advisory lock that is held until the commit. Ids
//! then grow in the order in which events become visible, for each directive and for all together. Nothing else is
//! locked after this lock, so it cannot take part in a deadlock, and it is held for only one statement and the commit.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::directives::Transaction;
use super::{Store, StoreError, listen};
use adjutant_domain::actor::Actor;
use adjutant_domain::event::{Event, EventKind};
use adjutant_domain::ids::{DirectiveId, Login};

/// The key of the advisory lock under which events are added.
const ORDER: i64 = 0x0061_646a_6576_6e74;

/// A stored event of a directive's history.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct RecordedEvent {
    /// Grows in the order in which events become visible.
    pub id: i64,
    pub directive: DirectiveId,
    pub at: DateTime<Utc>,
    /// The event's kind, in snake case.
    pub name: String,
    /// `info`, `warning` or `error`.
    pub severity: String,
    /// `user`, `agent`, `system` (Adjutant itself) or `unknown`.
    pub actor: String,
    /// The login, if the actor was a user.
    pub login: Option<String>,
    /// The name of the step it is about.
    pub step: Option<String>,
    pub data: Value,
}

impl RecordedEvent {
    /// The kind with its typed data; `None` if another version wrote an event that this one cannot read. Such an event
    /// is shown by its stored name and data.
    pub fn kind(&self) -> Option<EventKind> {
        EventKind::read(&self.name, &self.data)
    }
}

/// An event that is added at the end of its transaction.
pub(in crate::store) struct Line {
    directive: DirectiveId,
    event: Event,
    at: DateTime<Utc>,
}

impl Transaction {
    /// Appends to a directive's history when the transaction commits.
    pub fn append_events(&mut self, directive: DirectiveId, events: &[Event], now: DateTime<Utc>) {
        self.lines.extend(events.iter().map(|event| Line { directive, event: event.clone(), at: now }));
    }

    /// Commits, and notifies every listening process.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        let newest = self.write_history().await?;
        if newest.is_some() || !self.lanes.is_empty() {
            listen::notify(&mut self.tx, newest, &self.lanes).await?;
        }
        Ok(self.tx.commit().await?)
    }

    async fn write_history(&mut self) -> Result<Option<i64>, StoreError> {
        if self.lines.is_empty() {
            return Ok(None);
        }
        sqlx::query!("SELECT pg_advisory_xact_lock($1)", ORDER).execute(&mut *self.tx).await?;
        let mut newest = None;
        for line in std::mem::take(&mut self.lines) {
            newest = Some(write(&mut self.tx, &line).await?);
        }
        Ok(newest)
    }
}

async fn write(connection: &mut PgConnection, line: &Line) -> Result<i64, StoreError> {
    let event = &line.event;
    let (actor, login) = match &event.actor {
        Actor::Person(login) => ("user", Some(login)),
        Actor::Agent => ("agent", None),
        Actor::Adjutant => ("system", None),
        Actor::Unknown => ("unknown", None),
    };
    let id = sqlx::query_scalar!(
        "INSERT INTO events (directive_id, at, name, severity, actor_kind, actor_login, step_id, data)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
        line.directive.0,
        line.at,
        event.kind.name(),
        event.kind.severity().as_str(),
        actor,
        login.map(Login::as_str),
        event.step.map(|step| step.0),
        event.kind.data(),
    )
    .fetch_one(connection)
    .await?;
    Ok(id)
}

struct Row {
    id: i64,
    directive_id: Uuid,
    at: DateTime<Utc>,
    name: String,
    severity: String,
    actor_kind: String,
    actor_login: Option<String>,
    step: Option<String>,
    data: Value,
}

impl From<Row> for RecordedEvent {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            directive: DirectiveId(row.directive_id),
            at: row.at,
            name: row.name,
            severity: row.severity,
            actor: row.actor_kind,
            login: row.actor_login,
            step: row.step,
            data: row.data,
        }
    }
}

impl Store {
    /// Up to `limit` events of all directives that became visible after the event `after` (0 for all), oldest first.
    pub async fn events_after(&self, after: i64, limit: i64) -> Result<Vec<RecordedEvent>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT e.id, e.directive_id, e.at, e.name, e.severity, e.actor_kind, e.actor_login,
                      s.name AS "step?", e.data
               FROM events e LEFT JOIN steps s ON s.id = e.step_id
               WHERE e.id > $1 ORDER BY e.id LIMIT $2"#,
            after,
            limit,
        )
        .fetch_all(self.pool())
        .await?;
        Ok(rows.into_iter().map(RecordedEvent::from).collect())
    }

    /// The same for one directive.
    pub async fn events_of(&self, of: DirectiveId, after: i64, limit: i64) -> Result<Vec<RecordedEvent>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT e.id, e.directive_id, e.at, e.name, e.severity, e.actor_kind, e.actor_login,
                      s.name AS "step?", e.data
               FROM events e LEFT JOIN steps s ON s.id = e.step_id
               WHERE e.directive_id = $1 AND e.id > $2 ORDER BY e.id LIMIT $3"#,
            of.0,
            after,
            limit,
        )
        .fetch_all(self.pool())
        .await?;
        Ok(rows.into_iter().map(RecordedEvent::from).collect())
    }

    /// The id of the newest event, 0 if there is none.
    pub async fn newest_event(&self) -> Result<i64, StoreError> {
        let newest = sqlx::query_scalar!("SELECT max(id) FROM events").fetch_one(self.pool()).await?;
        Ok(newest.unwrap_or(0))
    }
}
