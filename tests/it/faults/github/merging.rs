//! A `mergeable` that is not computed for a long time, and merges that are refused meanwhile.

use github_playground::RequestAct;

use super::{BY_ITSELF, of_the_bot, stage};

#[tokio::test(flavor = "multi_thread")]
async fn mergeability_that_takes_long_to_compute_is_awaited() {
    let stage = stage(BY_ITSELF).await;
    stage.inject([
        of_the_bot(&["GET"], "/repos/*/*/pulls/*", RequestAct::MergeableUnknown).times(12),
        of_the_bot(&["PUT"], "/repos/*/*/pulls/*/merge", RequestAct::Conflict).times(2),
    ]);
    let serve = stage.lives_through("Not computed yet").await;
    assert!(stage.met("mergeable_unknown", "/pulls/") > 3, "{:?}", stage.playground.injected_faults());
    assert_eq!(stage.met("conflict", "/merge"), 2);
    assert_eq!(stage.count("SELECT count(*) FROM approvals").await, 0, "nobody was asked");
    drop(serve);
}
