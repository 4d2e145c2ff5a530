//! Answers that are lost, before or after the request was carried out.

use github_playground::{Body, RequestAct};

use super::{BY_ITSELF, FaultRule, Stage, of_the_bot, stage};

/// Every first write to each path has this fault, and so have pushes.
async fn survives(act: RequestAct, name: &str) -> Stage {
    let stage = stage(BY_ITSELF).await;
    let writes = ["POST", "PATCH", "PUT", "DELETE"];
    stage.inject([
        of_the_bot(&["POST"], "git/**/git-receive-pack", act.clone()).times(2),
        of_the_bot(&["POST"], "graphql", act.clone()).once(),
        of_the_bot(&writes, "/**", act).for_each().once(),
    ]);
    let serve = stage.lives_through(&format!("Answered with {name}")).await;
    for call in
        ["POST /repos/acme/widgets/pulls", "POST /repos/acme/widgets/check-runs", "/merge", "/comments", "git-receive"]
    {
        assert!(stage.met(name, call) > 0, "{call}: {:?}", stage.playground.injected_faults());
    }
    drop(serve);
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_done_and_whose_connection_broke_is_not_done_twice() {
    survives(RequestAct::DoneThenReset, "done_then_reset").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_done_and_answered_by_a_broken_gateway_is_not_done_twice() {
    survives(RequestAct::DoneThenBadGateway, "done_then_bad_gateway").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_done_and_never_answered_is_not_done_twice() {
    let stage = stage(BY_ITSELF).await;
    let act = RequestAct::DoneThenSilence;
    stage.inject([
        of_the_bot(&["POST"], "/repos/*/*/pulls", act.clone()).once(),
        of_the_bot(&["POST"], "/repos/*/*/check-runs", act.clone()).once(),
        of_the_bot(&["POST"], "/repos/*/*/issues/*/comments", act.clone()).once(),
        of_the_bot(&["PUT"], "/repos/*/*/pulls/*/merge", act).once(),
    ]);
    let serve = stage.lives_through("Never answered").await;
    assert_eq!(stage.met("done_then_silence", ""), 4, "{:?}", stage.playground.injected_faults());
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_before_the_request_was_done_is_opened_again() {
    survives(RequestAct::Reset, "reset").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_github_that_does_not_answer_is_asked_again() {
    let stage = stage(BY_ITSELF).await;
    stage.inject([
        FaultRule::to("POST", "/app/installations/*/access_tokens", RequestAct::Silence).once(),
        of_the_bot(&["GET"], "/repos/*/*/pulls/*", RequestAct::Silence).once(),
        of_the_bot(&["POST"], "/repos/*/*/check-runs", RequestAct::Silence).once(),
        of_the_bot(&["PUT"], "/repos/*/*/pulls/*/merge", RequestAct::Silence).once(),
    ]);
    let serve = stage.lives_through("Silence").await;
    assert_eq!(stage.met("silence", ""), 4, "{:?}", stage.playground.injected_faults());
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn internal_errors_of_github_cost_only_time() {
    let stage = stage(BY_ITSELF).await;
    let acts = [
        RequestAct::ServerError,
        RequestAct::BadGateway { body: Body::Html },
        RequestAct::Unavailable { body: Body::Json },
    ];
    for act in acts {
        stage.inject([of_the_bot(&[], "**", act).by_chance(0.15).times(12)]);
    }
    let serve = stage.lives_through("A bad day").await;
    for act in ["server_error", "bad_gateway", "unavailable"] {
        assert!(stage.met(act, "") > 0, "{act}");
    }
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_answers_are_awaited() {
    let stage = stage(BY_ITSELF).await;
    stage.inject([of_the_bot(&[], "**", RequestAct::Slow { ms: 150 })]);
    let serve = stage.lives_through("Slow").await;
    assert!(stage.met("slow", "") > 50);
    drop(serve);
}

/// GitHub is down when an agent has ended. Its work is submitted later, and the agent is not paid twice.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_not_run_again_because_its_work_could_not_be_pushed() {
    let stage = stage(BY_ITSELF).await;
    stage.inject([of_the_bot(&["POST"], "git/**/git-receive-pack", RequestAct::ServerError).times(3)]);
    let serve = stage.lives_through("Handed in late").await;
    assert_eq!(stage.met("server_error", "git-receive-pack"), 3, "{:?}", stage.playground.injected_faults());
    let told = "the agent had ended before; its work is submitted now";
    assert!(stage.log().contains(told), "{}", stage.told().await);
    drop(serve);
}
