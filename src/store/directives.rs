//! Stored directives: loaded whole under a lock, and saved where they changed.

mod rows;

use std::collections::BTreeSet;

use serde_json::Value;
use sqlx::{PgConnection, Postgres};
use uuid::Uuid;

use super::history::Line;
use super::{Store, StoreError};
use adjutant_domain::directive::Directive;
use adjutant_domain::effect::Lane;
use adjutant_domain::ids::{DirectiveId, Repo, Sha, StepId, TaskId};
use adjutant_domain::step::Step;
use adjutant_domain::task::TaskStatus;
use chrono::{DateTime, Utc};
use rows::{DirectiveRow, assemble, save_approval, save_evaluation, save_row, save_step, save_task};

/// One transaction. All its changes are stored, or none.
pub struct Transaction {
    pub(in crate::store) tx: sqlx::Transaction<'static, Postgres>,
    /// The events to append at the commit.
    pub(in crate::store) lines: Vec<Line>,
    /// The lanes in which work was queued.
    pub(in crate::store) lanes: Vec<Lane>,
    /// The version of persisted JSON that is written, which is also the newest that is read.
    pub(in crate::store) version: i32,
    /// Directives that were read in an older version. When one is saved, all its rows are written.
    older: BTreeSet<DirectiveId>,
    /// Directives that were locked here and have signals that wait for them.
    pub(in crate::store) has_waiting: BTreeSet<DirectiveId>,
}

/// The directives that have not ended, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Live {
    /// Those that this version can read.
    pub readable: Vec<DirectiveId>,
    /// Those that a newer version wrote, each with its version. Only processes of that version work on them.
    pub newer: Vec<(DirectiveId, i32)>,
}

impl Transaction {
    /// Waits until no other process is opening or looking up a directive of this issue.
    pub async fn lock_issue(&mut self, repo: u64, issue: u64) -> Result<(), StoreError> {
        let name = format!("issue/{repo}/{issue}");
        sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name).execute(&mut *self.tx).await?;
        Ok(())
    }

    /// The directive, locked against every other change until the end of the transaction.
    pub async fn lock(&mut self, id: DirectiveId) -> Result<Option<Directive>, StoreError> {
        let row = sqlx::query!(
            r#"SELECT state, state_version, EXISTS (
                   SELECT 1 FROM waiting_signals w WHERE w.directive_id = d.id AND w.error IS NULL) AS "waits!"
               FROM directives d WHERE id = $1 FOR UPDATE"#,
            id.0
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        if row.waits {
            self.has_waiting.insert(id);
        }
        if row.state_version < self.version {
            self.older.insert(id);
        }
        let row = DirectiveRow { state: row.state, state_version: row.state_version };
        Ok(Some(assemble(&mut self.tx, id, row, self.version).await?))
    }

    /// The live directive of an issue.
    pub async fn live_for_issue(&mut self, repo: u64, issue: u64) -> Result<Option<DirectiveId>, StoreError> {
        live_for_issue(&mut self.tx, repo, issue).await
    }

    /// How many directives an issue has had.
    pub async fn count_for_issue(&mut self, repo: u64, issue: u64) -> Result<u32, StoreError> {
        count_for_issue(&mut self.tx, repo, issue).await
    }

    /// Saves what differs from `before`. A directive that was locked in an older version is saved whole.
    pub async fn save(
        &mut self,
        before: Option<&Directive>,
        directive: &Directive,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let before = if self.older.remove(&directive.id) { None } else { before };
        save_row(&mut self.tx, directive, self.version).await?;
        let old_step = |step: &Step| before.and_then(|before| before.any_step(step.id));
        let present = directive.all_steps().enumerate();
        // Superseded steps have their rows already, with the generation and position from when they were current.
        for (position, step) in directive.earlier.iter().map(|step| (0, step)).chain(present) {
            if old_step(step) != Some(step) {
                save_step(&mut self.tx, directive, position, step).await?;
                save_evaluation(&mut self.tx, step, now).await?;
            }
        }
        for task in &directive.tasks {
            if before.and_then(|before| before.task(task.id)) != Some(task) {
                save_task(&mut self.tx, directive, task).await?;
            }
        }
        for (index, approval) in directive.approvals.iter().enumerate() {
            if before.and_then(|before| before.approvals.get(index)) != Some(approval) {
                save_approval(&mut self.tx, directive.id, approval).await?;
            }
        }
        Ok(())
    }
}

impl Store {
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(Transaction {
            tx: self.pool().begin().await?,
            lines: Vec::new(),
            lanes: Vec::new(),
            version: self.version,
            older: BTreeSet::new(),
            has_waiting: BTreeSet::new(),
        })
    }

    /// A directive as it is now, not locked.
    pub async fn directive(&self, id: DirectiveId) -> Result<Option<Directive>, StoreError> {
        let mut tx = self.pool().begin().await?;
        let row = sqlx::query_as!(DirectiveRow, "SELECT state, state_version FROM directives WHERE id = $1", id.0)
            .fetch_optional(&mut *tx)
            .await?;
        match row {
            Some(row) => Ok(Some(assemble(&mut tx, id, row, self.version).await?)),
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

    /// Every directive that has not ended, oldest first. Those of a newer version are listed separately.
    pub async fn live_directives(&self) -> Result<Live, StoreError> {
        let rows = sqlx::query!(
            "SELECT id, state_version FROM directives WHERE status NOT IN ('completed', 'failed', 'archived')
             ORDER BY created_at"
        )
        .fetch_all(self.pool())
        .await?;
        let mut live = Live::default();
        for row in rows {
            if row.state_version > self.version {
                live.newer.push((DirectiveId(row.id), row.state_version));
            } else {
                live.readable.push(DirectiveId(row.id));
            }
        }
        Ok(live)
    }

    /// The repository of a directive.
    pub async fn repo_of(&self, id: DirectiveId) -> Result<Option<Repo>, StoreError> {
        let row = sqlx::query!("SELECT repo_id, repo_name, installation_id FROM directives WHERE id = $1", id.0)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.and_then(|row| {
            let (owner, name) = row.repo_name.split_once('/')?;
            Some(Repo {
                id: u64::try_from(row.repo_id).ok()?,
                owner: owner.to_owned(),
                name: name.to_owned(),
                installation: u64::try_from(row.installation_id).ok()?,
            })
        }))
    }

    /// Whether a live directive waits for the verification of this head of a step in its current plan.
    pub async fn is_verifying(&self, id: DirectiveId, step: StepId, head: &Sha) -> Result<bool, StoreError> {
        let waits = sqlx::query_scalar!(
            r#"SELECT EXISTS (
                   SELECT 1 FROM steps s JOIN directives d ON d.id = s.directive_id AND d.generation = s.generation
                   WHERE d.id = $1 AND s.id = $2 AND s.head = $3 AND s.status = 'evaluating'
                     AND d.status NOT IN ('completed', 'failed', 'archived')) AS "waits!""#,
            id.0,
            step.0,
            head.as_str(),
        )
        .fetch_one(self.pool())
        .await?;
        Ok(waits)
    }

    /// The status comment's id, if the comment was written.
    pub async fn status_comment(&self, id: DirectiveId) -> Result<Option<u64>, StoreError> {
        let comment = sqlx::query_scalar!("SELECT status_comment_id FROM directives WHERE id = $1", id.0)
            .fetch_optional(self.pool())
            .await?
            .flatten();
        Ok(comment.and_then(|comment| u64::try_from(comment).ok()))
    }

    /// Stores the status comment's id.
    pub async fn remember_status_comment(&self, id: DirectiveId, comment: u64) -> Result<(), StoreError> {
        sqlx::query!("UPDATE directives SET status_comment_id = $2 WHERE id = $1", id.0, signed(comment))
            .execute(self.pool())
            .await?;
        Ok(())
    }

    pub async fn task_status(&self, id: TaskId) -> Result<Option<TaskStatus>, StoreError> {
        let status =
            sqlx::query_scalar!("SELECT status FROM tasks WHERE id = $1", id.0).fetch_optional(self.pool()).await?;
        Ok(status.as_deref().and_then(TaskStatus::parse))
    }

    /// Stores which agent runs a task, and where its log is.
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

pub(in crate::store) fn to_json(
    value: &impl serde::Serialize,
    what: &'static str,
    id: Uuid,
) -> Result<Value, StoreError> {
    serde_json::to_value(value).map_err(|error| StoreError::Unreadable { what, id: id.to_string(), error })
}

/// GitHub's ids and numbers are far below 2^63. A larger one matches no row.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
