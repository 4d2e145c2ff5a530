//! Commands: who may run them, their syntax, and what is not a command.

use adjutant_domain::step::StepState;
use serde_json::{Value, json};

use super::POLICY;
use crate::support::stage::{Stage, plan, step, write};

/// Two parallel steps, both yellow until they are reworked.
fn two_ugly() -> Value {
    json!({
        "plan": [plan([step("a", &[]), step("b", &[])])],
        "a": [write([("a.txt", "ugly\n")])],
        "b": [write([("b.txt", "ugly\n")])],
    })
}

#[tokio::test]
async fn a_yellow_step_asks_and_approve_merges_it() {
    let stage = Stage::set(POLICY, two_ugly()).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let (a, _) = (stage.asks(issue, "a").await, stage.asks(issue, "b").await);

    // On the issue, a command without a name is ambiguous; on the pull request it is not.
    maintainer.comment(issue, "/approve").await;
    let answer = stage.expect(issue, "several things wait").await;
    assert!(answer.contains("`/approve a`") && answer.contains("`/approve b`"), "{answer}");
    let order = stage.as_("writer").comment(a, "/approve").await;
    stage.passed(issue, "a").await;
    stage.reacted(order, "rocket").await;
    maintainer.comment(a, "/approve").await;
    stage.expect(a, "already merged").await;
    maintainer.comment(issue, "/approve b").await;
    stage.passed(issue, "b").await;
    stage.asks(issue, "final").await;
    stage.strike().await;
}

#[tokio::test]
async fn an_approving_review_counts_for_the_commit_that_was_reviewed() {
    let stage = Stage::set(POLICY, two_ugly()).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let (a, b) = (stage.asks(issue, "a").await, stage.asks(issue, "b").await);
    maintainer.review(a, "APPROVE", "", &[]).await;
    stage.passed(issue, "a").await;

    let before = stage.step_is(issue, "b", "has a head", |step| step.head().is_some()).await;
    maintainer.push(before.branch.as_str(), "b.txt", "still ugly\n").await;
    stage
        .step_is(issue, "b", "is proved again", |step| {
            step.head() != before.head() && step.state.evaluation().is_some()
        })
        .await;
    stage.as_("writer").review_of(b, before.head().unwrap().as_str(), "APPROVE").await;
    stage.expect(b, "the branch has moved since").await;
    stage.as_("writer").review(b, "APPROVE", "Fine now.", &[]).await;
    stage.passed(issue, "b").await;
    stage.strike().await;
}

#[tokio::test]
async fn an_approval_by_a_bot_an_outsider_or_an_edit_does_not_count() {
    let stage = Stage::set(POLICY, two_ugly()).await;
    let issue = stage.directive("Do it.").await;
    let a = stage.asks(issue, "a").await;
    stage.asks(issue, "b").await;

    let order = stage.as_("outsider").comment(a, "/approve").await;
    stage.expect(a, "`outsider` does not have it").await;
    stage.as_("triager").review(a, "APPROVE", "", &[]).await;
    stage.expect(a, "`triager` does not have it").await;
    stage.as_app_comment(a, "/approve").await;
    stage.expect(a, "/approve").await;
    let edited = stage.as_("maintainer").comment(a, "Let me see.").await;
    stage.as_("maintainer").edit(edited, "/approve").await;
    stage.quiet().await;

    stage.reacted(order, "-1").await;
    assert!(stage.reactions(edited).await.is_empty());
    let step = stage.step_is(issue, "a", "is there", |_| true).await;
    let StepState::AwaitingDecision { candidate, .. } = step.state else { panic!("{:?}", step.state) };
    assert_eq!(candidate.pre_approved, None);
    stage.strike().await;
}

#[tokio::test]
async fn commands_in_code_and_quotes_are_ignored_and_a_misspelt_one_gets_one_short_reply() {
    let stage = Stage::set(POLICY, two_ugly()).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let a = stage.asks(issue, "a").await;
    stage.asks(issue, "b").await;
    for talk in
        ["```\n/approve\n```", "> /approve", "    /stop", "Say `/approve` when it is good.", "- /approve", "/lgtm"]
    {
        maintainer.comment(a, talk).await;
    }
    maintainer.comment(a, "/aprove").await;
    let reply = stage.expect(a, "did you mean `/approve`?").await;
    assert!(reply.lines().count() <= 3, "{reply}");
    maintainer.comment(issue, "/help").await;
    stage.expect(issue, "| `/approve").await;
    stage.quiet().await;
    let step = stage.step_is(issue, "a", "is there", |_| true).await;
    assert!(matches!(step.state, StepState::AwaitingDecision { .. }), "{:?}", step.state);
    stage.strike().await;
}
