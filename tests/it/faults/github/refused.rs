//! Temporary refusals that look permanent: none is accepted at once.

use github_playground::{RefAct, RequestAct};

use super::{BY_ITSELF, FaultRule, of_the_bot, stage};

/// The first write to each path is refused, and also two reads.
async fn survives(act: RequestAct, name: &str) {
    let stage = stage(BY_ITSELF).await;
    stage.inject([
        of_the_bot(&["POST", "PATCH", "PUT", "DELETE"], "/**", act.clone()).for_each().once(),
        of_the_bot(&["POST"], "graphql", act.clone()).once(),
        // With two writes of one effect that is below the five refusals after which one is believed.
        of_the_bot(&["GET"], "/**", act).by_chance(0.15).times(2),
    ]);
    let serve = stage.lives_through(&format!("Refused with {name}")).await;
    for call in
        ["POST /repos/acme/widgets/pulls", "POST /repos/acme/widgets/check-runs", "/merge", "/comments", "graphql"]
    {
        assert!(stage.met(name, call) > 0, "{call}: {:?}", stage.playground.injected_faults());
    }
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_refused_for_a_moment_have_no_effect() {
    survives(RequestAct::Unauthorized, "unauthorized").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_for_a_moment_is_tried_again() {
    survives(RequestAct::Forbidden, "forbidden").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_not_found_for_a_moment_is_tried_again() {
    survives(RequestAct::NotFound, "not_found").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_momentary_conflict_blocks_nothing() {
    survives(RequestAct::Conflict, "conflict").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_refused_for_a_moment_are_sent_again() {
    survives(RequestAct::Unprocessable, "unprocessable").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_branch_that_is_not_visible_everywhere_is_awaited() {
    let stage = stage(BY_ITSELF).await;
    stage.inject([FaultRule::to_new_refs("refs/heads/**", RefAct::Hidden { reads: None, ms: Some(1500) })]);
    let serve = stage.lives_through("Hidden branches").await;
    assert!(stage.met("hidden", "g1-alpha") > 0, "{:?}", stage.playground.injected_faults());
    drop(serve);
}
