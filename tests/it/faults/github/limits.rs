//! Rate limits with a time: the bot waits for that time, and nothing is lost.

use github_playground::{CallerKind, RequestAct, RequestFilter};

use super::{BY_ITSELF, FaultRule, of_the_bot, stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_secondary_limit_with_a_time_is_awaited() {
    let stage = stage(BY_ITSELF).await;
    for (status, path) in
        [(403, "/repos/*/*/pulls"), (429, "/repos/*/*/issues/*/comments"), (429, "/repos/*/*/check-runs")]
    {
        let act = RequestAct::SecondaryLimit { status, retry_after: Some(1) };
        stage.inject([of_the_bot(&["POST"], path, act).times(2)]);
    }
    let serve = stage.lives_through("Too fast").await;
    assert_eq!(stage.met("secondary_limit", ""), 6, "{:?}", stage.playground.injected_faults());
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_primary_limit_is_awaited() {
    let stage = stage(BY_ITSELF).await;
    stage.inject([of_the_bot(&[], "/repos/**", RequestAct::PrimaryLimit { reset_in: 2 }).after(12).times(1)]);
    stage.inject([of_the_bot(&[], "/repos/**", RequestAct::PrimaryLimit { reset_in: 2 }).after(40).times(1)]);
    let serve = stage.lives_through("Used up").await;
    assert_eq!(stage.met("primary_limit", ""), 2, "{:?}", stage.playground.injected_faults());
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_on_the_app_itself_is_awaited() {
    let stage = stage(BY_ITSELF).await;
    let as_the_app = RequestFilter { methods: Vec::new(), path: None, caller: Some(CallerKind::App) };
    let act = RequestAct::SecondaryLimit { status: 403, retry_after: Some(1) };
    stage.inject([FaultRule::to_requests(as_the_app, act).times(5)]);
    let serve = stage.lives_through("The app is limited").await;
    assert_eq!(stage.met("secondary_limit", ""), 5, "{:?}", stage.playground.injected_faults());
    drop(serve);
}
