//! Directives at rest: loaded whole under a lock, saved where they changed.

use serde_json::Value;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::directive::Directive;
use crate::domain::event::{Event, EventActor};
use crate::domain::ids::{DirectiveId, TaskId};
use crate::domain::step::Step;
use crate::domain::task::TaskStatus;
use chrono::{DateTime, Utc};

/// One transaction: what happens in it happens whole or not at all.
pub struct Unit {
    pub(in crate::store) tx: Transaction<'static, Postgres>,
}

impl Unit {
    /// Makes it so.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }

    /// Waits until no other process opens or looks for a directive of this issue.
    pub async fn lock_issue(&mut self, repo: u64, issue: u64) -> Result<(), StoreError> {
        let name = format!("issue/{repo}/{issue}");
        sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name).execute(&mut *self.tx).await?;
        Ok(())
    }

    /// The directive, locked against every other change until the end of the transaction.
    pub async fn lock(&mut self, id: DirectiveId) -> Result<Option<Directive>, StoreError> {
        let row = sqlx::query!("SELECT state FROM directives WHERE id = $1 FOR UPDATE", id.0)
            .fetch_optional(&mut *self.tx)
            .await?;
        match row {
            Some(row) => Ok(Some(assemble(&mut self.tx, id, row.state).await?)),
            None => Ok(None),
        }
    }

    /// The live directive of an issue.
    pub async fn live_for_issue(&mut self, repo: u64, issue: u64) -> Result<Option<DirectiveId>, StoreError> {
        live_for_issue(&mut self.tx, repo, issue).await
    }

    /// How many directives an issue has had.
    pub async fn count_for_issue(&mut self, repo: u64, issue: u64) -> Result<u32, StoreError> {
        count_for_issue(&mut self.tx, repo, issue).await
    }

    /// Saves what differs from `before`.
    pub async fn save(
        &mut self,
        before: Option<&Directive>,
        directive: &Directive,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        save_row(&mut self.tx, directive).await?;
        let old_step = |step: &Step| before.and_then(|before| before.step(step.id));
        for (position, step) in directive.steps.iter().chain(&directive.finale).enumerate() {
            if old_step(step) != Some(step) {
                save_step(&mut self.tx, directive, position, step).await?;
                save_evaluation(&mut self.tx, step, now).await?;
            }
        }
        for task in &directive.tasks {
            if before.and_then(|before| before.task(task.id)) != Some(task) {
                save_task(&mut self.tx, directive.id, task).await?;
            }
        }
        for (index, approval) in directive.approvals.iter().enumerate() {
            if before.and_then(|before| before.approvals.get(index)) != Some(approval) {
                save_approval(&mut self.tx, directive.id, approval).await?;
            }
        }
        Ok(())
    }

    /// Appends to a directive's history.
    pub async fn append_events(
        &mut self,
        directive: DirectiveId,
        events: &[Event],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        for event in events {
            append_event(&mut self.tx, directive, event, now).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Begins a transaction.
    pub async fn begin(&self) -> Result<Unit, StoreError> {
        Ok(Unit { tx: self.pool().begin().await? })
    }

    /// A directive as it stands now, not locked.
    pub async fn directive(&self, id: DirectiveId) -> Result<Option<Directive>, StoreError> {
        let mut tx = self.pool().begin().await?;
        let row = sqlx::query!("SELECT state FROM directives WHERE id = $1", id.0).fetch_optional(&mut *tx).await?;
        match row {
            Some(row) => Ok(Some(assemble(&mut tx, id, row.state).await?)),
            None => Ok(None),
        }
    }

    /// The newest directive of an issue.
    pub async fn newest_for_issue(&self, repo: u64, issue: u64) -> Result<Option<DirectiveId>, StoreError> {
        let id = sqlx::query_scalar!(
            "SELECT id FROM directives WHERE repo_id = $1 AND issue = $2 ORDER BY ordinal DESC LIMIT 1",
            signed(repo),
            signed(issue),
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(id.map(DirectiveId))
    }

    /// The live directive of an issue.
    pub async fn live_directive_for_issue(&self, repo: u64, issue: u64) -> Result<Option<DirectiveId>, StoreError> {
        let mut connection = self.pool().acquire().await?;
        live_for_issue(&mut connection, repo, issue).await
    }

    /// The newest directive that has a pull request of that number.
    pub async fn directive_for_pull(&self, repo: u64, pull: u64) -> Result<Option<DirectiveId>, StoreError> {
        let id = sqlx::query_scalar!(
            "SELECT d.id FROM directives d JOIN steps s ON s.directive_id = d.id
             WHERE d.repo_id = $1 AND s.pull_number = $2 ORDER BY d.created_at DESC LIMIT 1",
            signed(repo),
            signed(pull),
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(id.map(DirectiveId))
    }

    /// How many directives an issue has had.
    pub async fn count_for_issue(&self, repo: u64, issue: u64) -> Result<u32, StoreError> {
        let mut connection = self.pool().acquire().await?;
        count_for_issue(&mut connection, repo, issue).await
    }

    /// Every directive that has not ended, oldest first.
    pub async fn live_directives(&self) -> Result<Vec<DirectiveId>, StoreError> {
        let ids = sqlx::query_scalar!(
            "SELECT id FROM directives WHERE status NOT IN ('completed', 'failed', 'archived') ORDER BY created_at"
        )
        .fetch_all(self.pool())
        .await?;
        Ok(ids.into_iter().map(DirectiveId).collect())
    }

    /// The status comment's id, once it was written.
    pub async fn status_comment(&self, id: DirectiveId) -> Result<Option<u64>, StoreError> {
        let comment = sqlx::query_scalar!("SELECT status_comment_id FROM directives WHERE id = $1", id.0)
            .fetch_optional(self.pool())
            .await?
            .flatten();
        Ok(comment.and_then(|comment| u64::try_from(comment).ok()))
    }

    /// Remembers the status comment.
    pub async fn remember_status_comment(&self, id: DirectiveId, comment: u64) -> Result<(), StoreError> {
        sqlx::query!("UPDATE directives SET status_comment_id = $2 WHERE id = $1", id.0, signed(comment))
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// Where a task stands.
    pub async fn task_status(&self, id: TaskId) -> Result<Option<TaskStatus>, StoreError> {
        let status =
            sqlx::query_scalar!("SELECT status FROM tasks WHERE id = $1", id.0).fetch_optional(self.pool()).await?;
        Ok(status.as_deref().and_then(TaskStatus::parse))
    }

    /// Remembers which agent runs a task, and where its log is.
    pub async fn remember_task_run(&self, id: TaskId, agent: &str, log: &str) -> Result<(), StoreError> {
        sqlx::query!("UPDATE tasks SET agent = $2, log_path = $3 WHERE id = $1", id.0, agent, log)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}

async fn live_for_issue(
    connection: &mut PgConnection,
    repo: u64,
    issue: u64,
) -> Result<Option<DirectiveId>, StoreError> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM directives WHERE repo_id = $1 AND issue = $2
         AND status NOT IN ('completed', 'failed', 'archived')",
        signed(repo),
        signed(issue),
    )
    .fetch_optional(connection)
    .await?;
    Ok(id.map(DirectiveId))
}

async fn count_for_issue(connection: &mut PgConnection, repo: u64, issue: u64) -> Result<u32, StoreError> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM directives WHERE repo_id = $1 AND issue = $2"#,
        signed(repo),
        signed(issue),
    )
    .fetch_one(connection)
    .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Puts a directive together from its row and the rows that belong to it.
async fn assemble(connection: &mut PgConnection, id: DirectiveId, mut state: Value) -> Result<Directive, StoreError> {
    let generation = state.get("generation").and_then(Value::as_i64).unwrap_or(0);
    let generation = i32::try_from(generation).unwrap_or(i32::MAX);
    let rows = sqlx::query!(
        "SELECT kind, state FROM steps WHERE directive_id = $1 AND generation = $2 ORDER BY position",
        id.0,
        generation,
    )
    .fetch_all(&mut *connection)
    .await?;
    let (finals, steps): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.kind == "final");
    let tasks = sqlx::query_scalar!("SELECT state FROM tasks WHERE directive_id = $1 ORDER BY number", id.0)
        .fetch_all(&mut *connection)
        .await?;
    let approvals = sqlx::query_scalar!("SELECT state FROM approvals WHERE directive_id = $1 ORDER BY number", id.0)
        .fetch_all(&mut *connection)
        .await?;
    if let Value::Object(fields) = &mut state {
        fields.insert("steps".to_owned(), steps.into_iter().map(|row| row.state).collect());
        fields.insert("finale".to_owned(), finals.into_iter().next().map_or(Value::Null, |row| row.state));
        fields.insert("tasks".to_owned(), Value::Array(tasks));
        fields.insert("approvals".to_owned(), Value::Array(approvals));
    }
    serde_json::from_value(state).map_err(|error| StoreError::Unreadable { what: "directive", id: id.0, error })
}

async fn save_row(connection: &mut PgConnection, directive: &Directive) -> Result<(), StoreError> {
    let mut state = to_json(directive, "directive", directive.id.0)?;
    if let Value::Object(fields) = &mut state {
        for own_table in ["steps", "finale", "tasks", "approvals"] {
            fields.remove(own_table);
        }
    }
    sqlx::query!(
        "INSERT INTO directives (id, repo_id, repo_name, installation_id, issue, ordinal, status, generation, state,
                                 created_at, ended_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, generation = excluded.generation,
             state = excluded.state, ended_at = excluded.ended_at",
        directive.id.0,
        signed(directive.repo.id),
        directive.repo.full_name(),
        signed(directive.repo.installation),
        signed(directive.issue),
        small(directive.ordinal),
        directive.status.as_str(),
        small(directive.generation),
        state,
        directive.created_at,
        directive.ended_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn save_step(
    connection: &mut PgConnection,
    directive: &Directive,
    position: usize,
    step: &Step,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO steps (id, directive_id, generation, position, name, kind, status, branch, pull_number, head, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (id) DO UPDATE SET position = excluded.position, status = excluded.status,
             pull_number = excluded.pull_number, head = excluded.head, state = excluded.state",
        step.id.0,
        directive.id.0,
        small(directive.generation),
        i32::try_from(position).unwrap_or(i32::MAX),
        step.name.as_str(),
        step.kind.as_str(),
        step.status.as_str(),
        step.branch.as_str(),
        step.pull.as_ref().map(|pull| signed(pull.number)),
        step.head.as_ref().map(crate::domain::ids::Sha::as_str),
        to_json(step, "step", step.id.0)?,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn save_evaluation(connection: &mut PgConnection, step: &Step, now: DateTime<Utc>) -> Result<(), StoreError> {
    let Some(evaluation) = &step.evaluation else { return Ok(()) };
    let judgement = evaluation.judgement.as_ref().map(|judgement| to_json(judgement, "judgement", step.id.0));
    sqlx::query!(
        "INSERT INTO evaluations (step_id, head, confidence, score, results, judgement, reasons, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (step_id, head) DO UPDATE SET confidence = excluded.confidence, score = excluded.score,
             results = excluded.results, judgement = excluded.judgement, reasons = excluded.reasons",
        step.id.0,
        evaluation.head.as_str(),
        evaluation.confidence.as_str(),
        evaluation.score,
        to_json(&evaluation.results, "evaluation", step.id.0)?,
        judgement.transpose()?,
        to_json(&evaluation.reasons, "evaluation", step.id.0)?,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn save_task(
    connection: &mut PgConnection,
    directive: DirectiveId,
    task: &crate::domain::task::Task,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO tasks (id, directive_id, number, kind, step_id, status, attempt, cost_micros, started_at,
                            finished_at, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, cost_micros = excluded.cost_micros,
             started_at = excluded.started_at, finished_at = excluded.finished_at, state = excluded.state",
        task.id.0,
        directive.0,
        small(task.number),
        task.kind.as_str(),
        task.step.map(|step| step.0),
        task.status.as_str(),
        small(task.attempt),
        task.cost.0,
        task.started_at,
        task.finished_at,
        to_json(task, "task", task.id.0)?,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn save_approval(
    connection: &mut PgConnection,
    directive: DirectiveId,
    approval: &crate::domain::approval::Approval,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO approvals (id, directive_id, number, kind, step_id, shown, status, asked_at, answered_by,
                                answered_at, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, answered_by = excluded.answered_by,
             answered_at = excluded.answered_at, state = excluded.state",
        approval.id.0,
        directive.0,
        small(approval.number),
        approval.kind.as_str(),
        approval.step.map(|step| step.0),
        approval.shown.as_str(),
        approval.status.as_str(),
        approval.asked_at,
        approval.answered_by.as_ref().map(crate::domain::ids::Login::as_str),
        approval.answered_at,
        to_json(approval, "approval", approval.id.0)?,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn append_event(
    connection: &mut PgConnection,
    directive: DirectiveId,
    event: &Event,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (actor, login) = match &event.actor {
        EventActor::User(login) => ("user", Some(login.as_str())),
        EventActor::Agent => ("agent", None),
        EventActor::System => ("system", None),
    };
    sqlx::query!(
        "INSERT INTO events (directive_id, at, name, severity, actor_kind, actor_login, step_id, data)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        directive.0,
        now,
        event.name,
        event.severity.as_str(),
        actor,
        login,
        event.step.map(|step| step.0),
        event.data,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(in crate::store) fn to_json(
    value: &impl serde::Serialize,
    what: &'static str,
    id: Uuid,
) -> Result<Value, StoreError> {
    serde_json::to_value(value).map_err(|error| StoreError::Unreadable { what, id, error })
}

/// GitHub's ids and numbers are far below 2^63; one that is not would be nobody's.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
