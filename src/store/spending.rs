//! The money that runs of agents spend on models.
//!
//! A run takes grants; what is granted and not yet booked is set aside. Takers of one installation take turns (an advisory
//! lock), so that the sum of all grants never exceeds a limit. A run is booked in the transaction in which the engine
//! counts its cost, so that it is never counted twice or not at all.
//!
//! Amounts are [`Amount`]s, in the database as `bigint`.

use chrono::{DateTime, Utc};
use model_gateway::{Amount, LedgerEntry};
use uuid::Uuid;

use super::directives::Transaction;
use super::{Store, StoreError};
use adjutant_domain::ids::{DirectiveId, TaskId, Usd};

/// A run that is about to begin.
#[derive(Debug, Clone)]
pub struct NewModelRun {
    pub run: Uuid,
    pub task: TaskId,
    pub directive: DirectiveId,
    pub repo: u64,
    pub installation: u64,
    pub agent: String,
}

/// The operator's limits for a day (UTC); `None` for no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayLimits {
    pub repository: Option<Usd>,
    pub installation: Option<Usd>,
}

/// An answer to a request for money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// So much is set aside for the run.
    Given { amount: Amount, left: Amount },
    /// A limit does not have the least that was asked for.
    Short { limit: SpendingLimit, left: Amount, held: Amount },
    /// The run is over: another one has taken its place.
    Over,
}

/// A limit of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpendingLimit {
    Directive(Usd),
    RepositoryDay(Usd),
    InstallationDay(Usd),
}

/// A run whose cost the engine has not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnbookedRun {
    pub run: Uuid,
    /// What it spent, or may have spent at most where its process died.
    pub cost: Amount,
    pub input_tokens: u64,
    pub output_tokens: u64,
}

/// One limit, with what is left of it.
struct Remaining {
    limit: SpendingLimit,
    left: Amount,
    held: Amount,
}

impl Store {
    /// Stores that a run begins.
    pub async fn begin_model_run(&self, new: &NewModelRun) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO model_runs (run, task_id, directive_id, repo_id, installation_id, agent)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (run) DO NOTHING",
            new.run,
            new.task.0,
            new.directive.0,
            number(new.repo),
            number(new.installation),
            new.agent,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Sets money aside for a run: at least `least`, and up to `wanted`.
    pub async fn grant(
        &self,
        run: &NewModelRun,
        limits: DayLimits,
        least: Amount,
        wanted: Amount,
    ) -> Result<Grant, StoreError> {
        let mut tx = self.pool().begin().await?;
        sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", format!("spending/{}", run.installation))
            .execute(&mut *tx)
            .await?;
        // A separate statement, because its snapshot must begin after the lock was obtained.
        let row = sqlx::query!(
            r#"WITH held AS (
                 SELECT run, directive_id, repo_id, CASE WHEN ended THEN spent ELSE greatest(granted, spent) END AS taken,
                        CASE WHEN ended THEN 0 ELSE granted - least(spent, granted) END AS unspent,
                        booked, started_at >= date_trunc('day', now(), 'UTC') AS today
                 FROM model_runs WHERE (directive_id = $1 AND NOT booked)
                       OR (installation_id = $3 AND started_at >= date_trunc('day', now(), 'UTC')))
               SELECT (SELECT booked OR ended FROM model_runs WHERE run = $4) AS "over!",
                      (SELECT budget_micros FROM directives WHERE id = $1) AS budget,
                      (SELECT coalesce(sum(cost_micros), 0)::bigint FROM tasks WHERE directive_id = $1) AS "counted!",
                      coalesce(sum(taken) FILTER (WHERE directive_id = $1 AND NOT booked), 0)::bigint AS "directive!",
                      coalesce(sum(unspent) FILTER (WHERE directive_id = $1 AND NOT booked AND run <> $4), 0)::bigint AS "directive_held!",
                      coalesce(sum(taken) FILTER (WHERE repo_id = $2 AND today), 0)::bigint AS "repository!",
                      coalesce(sum(unspent) FILTER (WHERE repo_id = $2 AND today AND run <> $4), 0)::bigint AS "repository_held!",
                      coalesce(sum(taken) FILTER (WHERE today), 0)::bigint AS "installation!",
                      coalesce(sum(unspent) FILTER (WHERE today AND run <> $4), 0)::bigint AS "installation_held!"
               FROM held"#,
            run.directive.0,
            number(run.repo),
            number(run.installation),
            run.run,
        )
        .fetch_one(&mut *tx)
        .await?;
        if row.over {
            return Ok(Grant::Over);
        }
        let remaining = |limit: Usd, counted: i64, taken: i64, held: i64, name: fn(Usd) -> SpendingLimit| Remaining {
            limit: name(limit),
            left: dollars(limit.0) - dollars(counted) - amount(taken),
            held: amount(held),
        };
        let directive = row.budget.map(|budget| {
            remaining(Usd(budget), row.counted, row.directive, row.directive_held, SpendingLimit::Directive)
        });
        let repository = limits
            .repository
            .map(|limit| remaining(limit, 0, row.repository, row.repository_held, SpendingLimit::RepositoryDay));
        let installation = limits
            .installation
            .map(|limit| remaining(limit, 0, row.installation, row.installation_held, SpendingLimit::InstallationDay));
        let tightest =
            [directive, repository, installation].into_iter().flatten().min_by_key(|remaining| remaining.left);
        let Some(Remaining { limit, left, held }) = tightest else {
            return Ok(Grant::Given { amount: wanted, left: Amount::MAX });
        };
        let given = wanted.min(left);
        if given < least {
            return Ok(Grant::Short { limit, left, held });
        }
        // Looked at again, because the run may have been closed meanwhile.
        let granted = sqlx::query!(
            "UPDATE model_runs SET granted = granted + $2 WHERE run = $1 AND NOT booked AND NOT ended",
            run.run,
            stored(given)
        );
        if granted.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(Grant::Over);
        }
        tx.commit().await?;
        Ok(Grant::Given { amount: given, left: left - given })
    }

    /// Puts back what a run does not need.
    pub async fn return_grant(&self, run: Uuid, amount: Amount) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE model_runs SET granted = greatest(granted - $2, spent) WHERE run = $1 AND NOT booked AND NOT ended",
            run,
            stored(amount)
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Keeps an entry for a request, and counts what it cost. A run that is over has counted it already. The same key again
    /// does nothing: the answer to the first writing may have been lost.
    pub async fn keep_model_request(&self, run: Uuid, key: Uuid, entry: &LedgerEntry) -> Result<(), StoreError> {
        let LedgerEntry { tokens, .. } = entry;
        sqlx::query!(
            "WITH kept AS (
               INSERT INTO model_requests (run, at, provider, api, model, ending, status, input, cache_read, cache_write,
                                           output, searches, cost, bound, millis, key)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
               ON CONFLICT (key) DO NOTHING RETURNING cost)
             UPDATE model_runs SET spent = spent + coalesce((SELECT cost FROM kept), 0)
             WHERE run = $1 AND NOT ended AND NOT booked",
            run,
            entry.at,
            entry.provider,
            entry.api.as_str(),
            entry.model,
            entry.ending.as_str(),
            i16::try_from(entry.status).unwrap_or_default(),
            number(tokens.input),
            number(tokens.cache_read),
            number(tokens.cache_write.saturating_add(tokens.cache_write_1h)),
            number(tokens.output),
            number(tokens.searches),
            entry.cost.map(stored),
            entry.bound,
            number(entry.millis),
            key,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// A run has ended, and what it spent is known.
    pub async fn end_model_run(&self, run: Uuid) -> Result<(), StoreError> {
        sqlx::query!("UPDATE model_runs SET ended = true WHERE run = $1", run).execute(self.pool()).await?;
        Ok(())
    }

    /// Closes the runs of a task whose cost the engine has not counted, and returns them. Whoever has claimed the task knows
    /// that they are lost. Their processes may be alive all the same: they are given nothing more, and can put nothing back
    /// that is counted here.
    pub async fn close_lost_model_runs(&self, task: TaskId) -> Result<Vec<UnbookedRun>, StoreError> {
        sqlx::query!(
            "UPDATE model_runs SET ended = true, spent = greatest(granted, spent)
             WHERE task_id = $1 AND NOT booked AND NOT ended",
            task.0
        )
        .execute(self.pool())
        .await?;
        let rows = sqlx::query!(
            r#"SELECT r.run, r.spent AS "cost!",
                      coalesce(sum(q.input + q.cache_read + q.cache_write), 0)::bigint AS "input!",
                      coalesce(sum(q.output), 0)::bigint AS "output!"
               FROM model_runs r LEFT JOIN model_requests q ON q.run = r.run
               WHERE r.task_id = $1 AND NOT r.booked GROUP BY r.run ORDER BY r.started_at"#,
            task.0
        )
        .fetch_all(self.pool())
        .await?;
        let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
        let runs = rows.into_iter().map(|row| UnbookedRun {
            run: row.run,
            cost: amount(row.cost),
            input_tokens: unsigned(row.input),
            output_tokens: unsigned(row.output),
        });
        Ok(runs.collect())
    }
}

impl Transaction {
    /// The engine has counted what a run cost.
    pub async fn book_model_run(&mut self, run: Uuid) -> Result<(), StoreError> {
        sqlx::query!("UPDATE model_runs SET booked = true WHERE run = $1", run).execute(&mut *self.tx).await?;
        Ok(())
    }
}

/// What a group of requests cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostRow {
    pub group: String,
    pub requests: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cost: Amount,
    /// Requests of a model without a price.
    pub unpriced: u64,
    /// Requests whose cost is an upper bound.
    pub bounds: u64,
}

/// By what costs are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostGroup {
    Directive,
    Repository,
    Agent,
    Model,
    StepType,
    Day,
}

impl CostGroup {
    fn as_str(self) -> &'static str {
        match self {
            Self::Directive => "directive",
            Self::Repository => "repository",
            Self::Agent => "agent",
            Self::Model => "model",
            Self::StepType => "step_type",
            Self::Day => "day",
        }
    }
}

impl Store {
    /// What was spent on models since a time, dearest first.
    pub async fn costs(
        &self,
        group: CostGroup,
        repo: Option<&str>,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<CostRow>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT CASE $1 WHEN 'directive' THEN d.repo_name || '#' || d.issue
                              WHEN 'repository' THEN d.repo_name
                              WHEN 'agent' THEN r.agent
                              WHEN 'model' THEN q.model
                              WHEN 'step_type' THEN coalesce(s.kind, t.kind, 'unknown')
                              ELSE to_char(q.at AT TIME ZONE 'UTC', 'YYYY-MM-DD') END AS "name!",
                      count(*) AS "requests!", sum(q.input + q.cache_read + q.cache_write)::bigint AS "input!",
                      sum(q.output)::bigint AS "output!", coalesce(sum(q.cost), 0)::bigint AS "cost!",
                      count(*) FILTER (WHERE q.cost IS NULL) AS "unpriced!", count(*) FILTER (WHERE q.bound) AS "bounds!"
               FROM model_requests q JOIN model_runs r ON r.run = q.run JOIN directives d ON d.id = r.directive_id
               LEFT JOIN tasks t ON t.id = r.task_id LEFT JOIN steps s ON s.id = t.step_id
               WHERE ($2::text IS NULL OR lower(d.repo_name) = lower($2)) AND ($3::timestamptz IS NULL OR q.at >= $3)
               GROUP BY 1 ORDER BY 5 DESC, 1"#,
            group.as_str(),
            repo,
            since,
        )
        .fetch_all(self.pool())
        .await?;
        let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
        let rows = rows.into_iter().map(|row| CostRow {
            group: row.name,
            requests: unsigned(row.requests),
            input_tokens: unsigned(row.input),
            output_tokens: unsigned(row.output),
            cost: amount(row.cost),
            unpriced: unsigned(row.unpriced),
            bounds: unsigned(row.bounds),
        });
        Ok(rows.collect())
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn stored(amount: Amount) -> i64 {
    number(amount.0)
}

fn amount(stored: i64) -> Amount {
    Amount(u64::try_from(stored).unwrap_or_default())
}

fn dollars(micros: i64) -> Amount {
    Amount::from_micros(u64::try_from(micros).unwrap_or_default())
}
