//! What became of scores, from GitHub to `adjutant calibration`.

use adjutant_domain::calibration::{OutcomeCounts, ScoreOutcome, TrackRecord};
use serde_json::json;

use super::POLICY;
use crate::support::stage::{Stage, plan, step, write};

/// Waits until this became of the repository's scores.
async fn became(stage: &Stage, is: impl Fn(&TrackRecord) -> bool) {
    stage.until("the scores are settled", async || is(&stage.track_record().await)).await;
}

fn tally(of: &[(ScoreOutcome, u64)]) -> OutcomeCounts {
    let mut tally = OutcomeCounts::default();
    for (outcome, count) in of {
        match outcome {
            ScoreOutcome::Merged => tally.merged = *count,
            ScoreOutcome::Reworked => tally.reworked = *count,
            ScoreOutcome::Closed => tally.closed = *count,
            ScoreOutcome::Reverted => tally.reverted = *count,
        }
    }
    tally
}

#[tokio::test]
async fn a_rework_a_merge_and_its_revert_are_remembered() {
    let script = json!({
        "plan": [plan([step("a", &[])])],
        "a": [write([("a.txt", "ugly\n")]), write([("a.txt", "fine\n")])],
    });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("One thing.").await;
    let pull = stage.asks(issue, "a").await;
    stage.as_("maintainer").comment(pull, "/rework Mend it.").await;
    stage.asks_at_rework(issue, "a", 1).await;
    became(&stage, |record| record.yellow == tally(&[(ScoreOutcome::Reworked, 1)])).await;
    stage.as_("maintainer").merge(pull).await;
    stage.completed(issue).await;
    became(&stage, |record| record.green == tally(&[(ScoreOutcome::Merged, 1)])).await;

    let merge = stage.get(&format!("/pulls/{pull}")).await["merge_commit_sha"].as_str().unwrap().to_owned();
    let message = format!("Revert \"a\"\n\nThis reverts commit {merge}.");
    stage.as_("maintainer").write_saying("main", "a.txt", "gone\n", &message).await;
    became(&stage, |record| record.green == tally(&[(ScoreOutcome::Reverted, 1)])).await;
    stage.strike().await;
}
