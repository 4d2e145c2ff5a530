//! What became of scores, stored: with the state or not at all, once.

use adjutant_domain::calibration::{ScoreOutcome, SettledScore};
use adjutant_domain::evaluation::Confidence;
use adjutant_domain::ids::{Sha, StepId};
use chrono::Utc;

use crate::directives::labelled;
use crate::support::pg::TestDatabase;

/// A directive with one step whose commit was proposed.
const PROPOSED: &str = "WITH step AS (
        INSERT INTO steps (id, directive_id, generation, position, name, kind, status, branch, state, in_proof)
        VALUES ($1, $2, 1, 0, 'a', 'implement', 'passed', 'a', '{}', false) RETURNING id)
    INSERT INTO evaluations (step_id, head, confidence, score, results, reasons, created_at)
    SELECT id, 'a1', 'green', 1.0, '[]', '[]', now() FROM step";

#[tokio::test]
async fn an_outcome_is_stored_with_its_transaction_and_once() {
    let database = TestDatabase::new().await;
    let (store, pool) = (database.store().await, database.pool().await);
    let now = Utc::now();
    let directive = adjutant_domain::engine::open(&labelled(), now).directive.unwrap();
    let mut transaction = store.begin().await.unwrap();
    transaction.save(None, &directive, now).await.unwrap();
    transaction.commit().await.unwrap();
    let step = StepId(uuid::Uuid::new_v4());
    sqlx::query(PROPOSED).bind(step.0).bind(directive.id.0).execute(&pool).await.unwrap();

    let merge = Sha::new("c".repeat(40));
    let settle = async |outcome, commit: Option<&Sha>, is_killed: bool| {
        let settled = SettledScore { step, head: Sha::new("a1"), outcome, merge_commit: commit.cloned() };
        let mut transaction = store.begin().await.unwrap();
        transaction.settle_score(&settled, now).await.unwrap();
        if !is_killed {
            transaction.commit().await.unwrap();
        }
        let counts = store.score_counts(Some("Acme/Widgets")).await.unwrap();
        counts.iter().map(|counted| (counted.confidence, counted.outcome, counted.count)).collect::<Vec<_>>()
    };
    let once = |outcome| vec![(Confidence::Green, outcome, 1)];
    assert_eq!(settle(ScoreOutcome::Reverted, None, false).await, [], "its merge was not counted");
    assert_eq!(settle(ScoreOutcome::Merged, Some(&merge), true).await, [], "killed before the commit");
    assert_eq!(settle(ScoreOutcome::Merged, Some(&merge), false).await, once(ScoreOutcome::Merged));
    assert_eq!(settle(ScoreOutcome::Reworked, None, false).await, once(ScoreOutcome::Merged), "the first stays");
    assert_eq!(store.step_of_merge(directive.repo.id, &merge).await.unwrap(), Some((directive.id, step)));
    for _ in 0..2 {
        assert_eq!(settle(ScoreOutcome::Reverted, None, false).await, once(ScoreOutcome::Reverted));
    }
    assert_eq!(settle(ScoreOutcome::Merged, None, false).await, once(ScoreOutcome::Reverted));
    assert_eq!(store.score_counts(Some("acme/other")).await.unwrap(), []);
    assert_eq!(store.score_counts(None).await.unwrap().len(), 1);
}
