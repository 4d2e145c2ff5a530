//! The rows of a directive, one function per statement.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::{signed, to_json};
use crate::store::StoreError;
use adjutant_domain::approval::Approval;
use adjutant_domain::directive::Directive;
use adjutant_domain::ids::{DirectiveId, Login};
use adjutant_domain::persisted::{self, DirectiveRows, STATE_VERSION, StepRow};
use adjutant_domain::step::Step;
use adjutant_domain::task::Task;

/// The columns of a directive's own row.
pub(super) struct DirectiveRow {
    pub(super) state: Value,
    pub(super) state_version: i32,
}

/// Builds a directive from its row and the rows that belong to it, if their version is at most `readable`.
pub(super) async fn assemble(
    connection: &mut PgConnection,
    id: DirectiveId,
    row: DirectiveRow,
    readable: i32,
) -> Result<Directive, StoreError> {
    let version = row.state_version;
    if version > readable {
        return Err(StoreError::Newer { what: "directive", id: id.to_string(), found: version, readable });
    }
    let steps = sqlx::query_as!(
        StepRow,
        "SELECT generation, kind, state FROM steps WHERE directive_id = $1 ORDER BY generation, kind = 'final', position",
        id.0,
    )
    .fetch_all(&mut *connection)
    .await?;
    let tasks = sqlx::query_scalar!("SELECT state FROM tasks WHERE directive_id = $1 ORDER BY number", id.0)
        .fetch_all(&mut *connection)
        .await?;
    let approvals = sqlx::query_scalar!("SELECT state FROM approvals WHERE directive_id = $1 ORDER BY number", id.0)
        .fetch_all(&mut *connection)
        .await?;
    let rows = DirectiveRows { state: row.state, steps, tasks, approvals };
    persisted::read_directive(version.min(STATE_VERSION), rows)
        .map_err(|error| StoreError::of_read("directive", id.to_string(), error))
}

pub(super) async fn save_row(
    connection: &mut PgConnection,
    directive: &Directive,
    version: i32,
) -> Result<(), StoreError> {
    let state = persisted::own_state(directive).map_err(|error| StoreError::Unreadable {
        what: "directive",
        id: directive.id.to_string(),
        error,
    })?;
    sqlx::query!(
        "INSERT INTO directives (id, repo_id, repo_name, installation_id, issue, ordinal, status, generation, state,
                                 created_at, ended_at, open_pull_limit, state_version, budget_micros)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, generation = excluded.generation,
             state = excluded.state, ended_at = excluded.ended_at, state_version = excluded.state_version,
             budget_micros = excluded.budget_micros",
        directive.id.0,
        signed(directive.repo.id),
        directive.repo.full_name(),
        signed(directive.repo.installation),
        signed(directive.issue),
        small(directive.ordinal),
        directive.status().as_str(),
        small(directive.generation),
        state,
        directive.created_at,
        directive.state.ended_at(),
        small(directive.policy.limits.open_pull_requests),
        version,
        directive.budget().0.max(0),
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn save_step(
    connection: &mut PgConnection,
    directive: &Directive,
    position: usize,
    step: &Step,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO steps (id, directive_id, generation, position, name, kind, status, branch, pull_number, head, state,
                            pull_open, in_proof)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (id) DO UPDATE SET status = excluded.status,
             pull_number = excluded.pull_number, head = excluded.head, state = excluded.state,
             pull_open = excluded.pull_open, in_proof = excluded.in_proof",
        step.id.0,
        directive.id.0,
        small(directive.generation),
        i32::try_from(position).unwrap_or(i32::MAX),
        step.name.as_str(),
        step.kind.as_str(),
        step.status().as_str(),
        step.branch.as_str(),
        step.pull.as_ref().map(|pull| signed(pull.number)),
        step.submission().map(|submission| submission.hash().to_string()),
        to_json(step, "step", step.id.0)?,
        step.open_pull().is_some(),
        step.state.is_before_decision(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn save_evaluation(
    connection: &mut PgConnection,
    step: &Step,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(evaluation) = step.state.evaluation() else { return Ok(()) };
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

pub(super) async fn save_task(
    connection: &mut PgConnection,
    directive: &Directive,
    task: &Task,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO tasks (id, directive_id, number, kind, step_id, status, attempt, cost_micros, started_at,
                            finished_at, state, exit, input_tokens, output_tokens, opens_pull, held, wanted_agent,
                            paused_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, cost_micros = excluded.cost_micros,
             started_at = excluded.started_at, finished_at = excluded.finished_at, state = excluded.state,
             exit = excluded.exit, input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
             held = excluded.held, wanted_agent = excluded.wanted_agent, paused_until = excluded.paused_until",
        task.id.0,
        directive.id.0,
        small(task.number),
        task.kind.as_str(),
        task.step.map(|step| step.0),
        task.status.as_str(),
        small(task.attempt),
        task.cost.0,
        task.started_at,
        task.finished_at,
        to_json(task, "task", task.id.0)?,
        task.measured.as_ref().map(|measure| measure.exit.as_str()),
        signed(task.input_tokens),
        signed(task.output_tokens),
        directive.opens_pull(task),
        task.held.is_some(),
        directive.agent_of(task),
        task.agent_pause.as_ref().map(|pause| pause.until),
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn save_approval(
    connection: &mut PgConnection,
    directive: DirectiveId,
    approval: &Approval,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO approvals (id, directive_id, number, kind, step_id, shown, status, asked_at, answered_by,
                                answered_at, state, urgency, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, answered_by = excluded.answered_by,
             answered_at = excluded.answered_at, state = excluded.state",
        approval.id.0,
        directive.0,
        small(approval.number),
        approval.kind.as_str(),
        approval.step.map(|step| step.0),
        approval.shown.hash(),
        approval.status.as_str(),
        approval.asked_at,
        approval.answered_by.as_ref().map(Login::as_str),
        approval.answered_at,
        to_json(approval, "approval", approval.id.0)?,
        approval.urgency.as_str(),
        approval.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
