//! Read-only views for pages and the command line: directives in one row each, and the chains that a directive had.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;

use super::{Store, StoreError};
use adjutant_domain::approval::ApprovalKind;
use adjutant_domain::directive::Directive;
use adjutant_domain::ids::{DirectiveId, TaskId, Usd};
use adjutant_domain::status::DirectiveStatus;
use adjutant_domain::step::Step;

/// A directive in one row.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Summary {
    pub id: DirectiveId,
    /// `owner/name`.
    pub repo: String,
    pub issue: u64,
    /// The number of the directive among those of its issue, from one.
    pub ordinal: u32,
    /// The issue's title when the label was set.
    pub title: String,
    pub status: DirectiveStatus,
    /// Steps of its chain that passed or were skipped.
    pub steps_done: u32,
    /// Steps of its chain.
    pub steps: u32,
    /// What its tasks cost, in millionths of a US dollar.
    pub cost: Usd,
    /// Agents that are running now.
    pub running: u32,
    /// While it is paused, the reason: a word, or a word and who paused it.
    pub pause: Option<Value>,
    /// Its open questions to people.
    pub waiting: Vec<Question>,
    /// When the label was set.
    pub created_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// A question that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Question {
    pub kind: ApprovalKind,
    /// The name of the step it is about.
    pub step: Option<String>,
}

/// A step of an earlier generation of a chain.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct EarlierStep {
    pub generation: u32,
    /// The step as it was when the next generation replaced it.
    pub step: Step,
}

/// The newest run of a task: who did it, and where what it printed is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRun {
    pub task: TaskId,
    /// The agent's name in the operator's settings.
    pub agent: String,
    /// A path on the machine where it ran.
    pub log: String,
}

impl Store {
    /// The runs of a directive's tasks, of those that an agent was chosen for.
    pub async fn task_runs(&self, directive: DirectiveId) -> Result<Vec<TaskRun>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT id, agent AS "agent!", log_path AS "log!" FROM tasks
               WHERE directive_id = $1 AND agent IS NOT NULL AND log_path IS NOT NULL ORDER BY number"#,
            directive.0,
        )
        .fetch_all(self.pool())
        .await?;
        let runs = rows.into_iter().map(|row| TaskRun { task: TaskId(row.id), agent: row.agent, log: row.log });
        Ok(runs.collect())
    }

    /// A store that cannot change anything.
    pub fn read_only(options: PgConnectOptions) -> Self {
        Self::lazy(options.options([("default_transaction_read_only", "on")]))
    }

    /// Every directive, newest first.
    pub async fn summaries(&self) -> Result<Vec<Summary>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT d.id, d.repo_name, d.issue, d.ordinal, coalesce(d.state ->> 'title', '') AS "title!", d.status,
                      d.created_at, d.ended_at, coalesce(d.state #> '{state,paused,reasons,0}', d.state #> '{pause,reason}') AS pause,
                      (SELECT count(*) FROM steps s WHERE s.directive_id = d.id AND s.generation = d.generation
                          AND s.kind <> 'final' AND s.status IN ('passed', 'skipped')) AS "steps_done!",
                      (SELECT count(*) FROM steps s WHERE s.directive_id = d.id AND s.generation = d.generation
                          AND s.kind <> 'final') AS "steps!",
                      (SELECT least(coalesce(sum(t.cost_micros), 0), 9223372036854775807)::bigint FROM tasks t WHERE t.directive_id = d.id)
                          AS "cost!",
                      (SELECT count(*) FROM tasks t WHERE t.directive_id = d.id AND t.status = 'running')
                          AS "running!",
                      ARRAY(SELECT a.kind || ' ' || coalesce(s.name, '') FROM approvals a
                          LEFT JOIN steps s ON s.id = a.step_id
                          WHERE a.directive_id = d.id AND a.status = 'pending' ORDER BY a.number) AS "waiting!"
               FROM directives d ORDER BY d.created_at DESC, d.id"#
        )
        .fetch_all(self.pool())
        .await?;
        let summaries = rows.into_iter().filter_map(|row| {
            Some(Summary {
                id: DirectiveId(row.id),
                repo: row.repo_name,
                issue: u64::try_from(row.issue).unwrap_or(0),
                ordinal: u32::try_from(row.ordinal).unwrap_or(0),
                title: row.title,
                // A status that only a newer version knows cannot be shown.
                status: DirectiveStatus::parse(&row.status)?,
                steps_done: count(row.steps_done),
                steps: count(row.steps),
                cost: Usd(row.cost),
                running: count(row.running),
                pause: row.pause.filter(|pause| !pause.is_null()),
                waiting: row.waiting.iter().filter_map(|text| question(text)).collect(),
                created_at: row.created_at,
                ended_at: row.ended_at,
            })
        });
        Ok(summaries.collect())
    }

    /// The steps of all generations before the current one, in order.
    pub async fn earlier_steps(&self, directive: &Directive) -> Result<Vec<EarlierStep>, StoreError> {
        let rows = sqlx::query!(
            "SELECT id, generation FROM steps WHERE directive_id = $1 ORDER BY generation, kind = 'final', position",
            directive.id.0,
        )
        .fetch_all(self.pool())
        .await?;
        let earlier = rows.into_iter().filter_map(|row| {
            let step = directive.earlier.iter().find(|step| step.id.0 == row.id)?;
            Some(EarlierStep { generation: u32::try_from(row.generation).unwrap_or(0), step: step.clone() })
        });
        Ok(earlier.collect())
    }
}

fn question(text: &str) -> Option<Question> {
    let (kind, step) = text.split_once(' ')?;
    let step = Some(step.to_owned()).filter(|step| !step.is_empty());
    Some(Question { kind: ApprovalKind::parse(kind)?, step })
}

fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
