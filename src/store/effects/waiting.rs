//! Verifications that no worker has taken yet.

use std::time::Duration;

use crate::store::{Store, StoreError};
use adjutant_domain::effect::Effect;
use adjutant_domain::ids::{DirectiveId, StepId};
use adjutant_domain::persisted;

/// The most that are told of at a time.
const MOST: i64 = 50;

/// A verification that waits for a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingVerification {
    /// The effect's row.
    pub id: i64,
    pub directive: DirectiveId,
    /// Whose head; none where it is the base commit.
    pub step: Option<StepId>,
    /// Which verification of it.
    pub round: u32,
}

impl Store {
    /// The verifications that have been due for `long` and are not among `told`, the oldest first. A row that this version
    /// cannot read is left out: whoever claims it sets it aside.
    pub async fn waiting_verifications(
        &self,
        long: Duration,
        told: &[i64],
    ) -> Result<Vec<WaitingVerification>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT id, directive_id AS "directive_id!", payload, payload_version FROM effects
               WHERE lane = 'verifier' AND status = 'queued' AND directive_id IS NOT NULL
                     AND run_after <= now() - make_interval(secs => $1) AND id <> ALL($2)
               ORDER BY run_after, id LIMIT $3"#,
            long.as_secs_f64(),
            told,
            MOST,
        )
        .fetch_all(self.pool())
        .await?;
        let waiting = rows.into_iter().filter_map(|row| {
            let (step, round) = match persisted::read_effect(row.payload_version, row.payload).ok()? {
                Effect::Verify { step, round, .. } => (Some(step), round),
                Effect::VerifyBase { round } => (None, round),
                _ => return None,
            };
            Some(WaitingVerification { id: row.id, directive: DirectiveId(row.directive_id), step, round })
        });
        Ok(waiting.collect())
    }
}
