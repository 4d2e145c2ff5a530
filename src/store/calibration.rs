//! What became of scores: written beside the state that it follows from, read by repository.

use chrono::{DateTime, Utc};

use super::directives::Transaction;
use super::{Store, StoreError};
use adjutant_domain::calibration::{ScoreCount, ScoreOutcome, SettledScore};
use adjutant_domain::evaluation::Confidence;
use adjutant_domain::ids::{DirectiveId, Sha, StepId};

impl Transaction {
    /// Stores what became of a score. The first outcome stays, but for a counted merge that is taken back.
    pub async fn settle_score(&mut self, settled: &SettledScore, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE evaluations SET outcome = $3, outcome_at = $4, merge_commit = coalesce($5, merge_commit)
             WHERE step_id = $1 AND head = $2 AND CASE WHEN $3 = 'reverted' THEN outcome = 'merged' ELSE outcome IS NULL END",
            settled.step.0,
            settled.head.as_str(),
            settled.outcome.as_str(),
            now,
            settled.merge_commit.as_ref().map(Sha::as_str),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}

impl Store {
    /// What became of the scores of one repository (`owner/name`), or of all.
    pub async fn score_counts(&self, repo: Option<&str>) -> Result<Vec<ScoreCount>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT e.confidence, e.score, e.outcome AS "outcome!", count(*) AS "count!"
               FROM evaluations e JOIN steps s ON s.id = e.step_id JOIN directives d ON d.id = s.directive_id
               WHERE e.outcome IS NOT NULL AND ($1::text IS NULL OR lower(d.repo_name) = lower($1))
               GROUP BY e.confidence, e.score, e.outcome"#,
            repo,
        )
        .fetch_all(self.pool())
        .await?;
        let counts = rows.into_iter().filter_map(|row| {
            let confidence = match row.confidence.as_str() {
                "green" => Confidence::Green,
                "yellow" => Confidence::Yellow,
                _ => return None,
            };
            let outcome = ScoreOutcome::parse(&row.outcome)?;
            Some(ScoreCount { confidence, score: row.score, outcome, count: u64::try_from(row.count).ok()? })
        });
        Ok(counts.collect())
    }

    /// The step whose merge made this commit of a repository.
    pub async fn step_of_merge(&self, repo: u64, commit: &Sha) -> Result<Option<(DirectiveId, StepId)>, StoreError> {
        let row = sqlx::query!(
            "SELECT s.directive_id, s.id FROM evaluations e JOIN steps s ON s.id = e.step_id
             JOIN directives d ON d.id = s.directive_id
             WHERE d.repo_id = $1 AND e.merge_commit = $2 LIMIT 1",
            i64::try_from(repo).unwrap_or(i64::MAX),
            commit.as_str(),
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|row| (DirectiveId(row.directive_id), StepId(row.id))))
    }
}
