//! How the verifiers fared on base commits, kept for the next directive on the same commit.

use sqlx::types::Json;

use super::{Store, StoreError};
use adjutant_domain::baseline::BaselineReport;
use adjutant_domain::ids::Sha;

impl Store {
    /// What was found on a base commit with these commands; `None` if that is not known.
    pub async fn baseline(&self, repo: u64, base: &Sha, way: &str) -> Result<Option<BaselineReport>, StoreError> {
        let report = sqlx::query_scalar!(
            r#"SELECT report AS "report: Json<serde_json::Value>" FROM baselines
               WHERE repo_id = $1 AND base = $2 AND way = $3"#,
            i64::try_from(repo).unwrap_or(i64::MAX),
            base.as_str(),
            way
        )
        .fetch_optional(&self.pool)
        .await?;
        // What another version wrote is found out again.
        Ok(report.and_then(|Json(report)| serde_json::from_value(report).ok()))
    }

    /// Keeps what was found. The latest of two tries stays.
    pub async fn keep_baseline(
        &self,
        repo: u64,
        base: &Sha,
        way: &str,
        report: &BaselineReport,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO baselines (repo_id, base, way, report) VALUES ($1, $2, $3, $4)
             ON CONFLICT (repo_id, base, way) DO UPDATE SET report = excluded.report, found_at = now()",
            i64::try_from(repo).unwrap_or(i64::MAX),
            base.as_str(),
            way,
            Json(report) as _
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
