//! Approvals live for as long as people stand by them.

use adjutant_domain::status::DirectiveStatus;
use adjutant_domain::step::StepState;
use serde_json::json;

use super::POLICY;
use crate::support::stage::{Stage, plan, step, write};

async fn approved(stage: &Stage, issue: u64) {
    stage.step_is(issue, "a", "is to be merged", |step| matches!(step.state, StepState::Merging { .. })).await;
}

#[tokio::test]
async fn an_approval_that_was_dismissed_deleted_edited_or_taken_back_is_asked_for_again() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &["a"])])],
        "a": [write([("a.txt", "ugly\n")])],
    });
    let stage = Stage::set(POLICY, script).await;
    let (maintainer, writer) = (stage.as_("maintainer"), stage.as_("writer"));
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    // What is approved meanwhile merges after the pause.
    maintainer.comment(issue, "/pause").await;
    stage.status_is(issue, DirectiveStatus::Paused).await;

    let review = maintainer.review(pull, "APPROVE", "", &[]).await;
    approved(&stage, issue).await;
    // Somebody else's review is not the one that approved.
    let other = writer.review(pull, "APPROVE", "", &[]).await;
    stage.quiet().await;
    writer.dismiss(pull, other).await;
    stage.quiet().await;
    approved(&stage, issue).await;
    maintainer.dismiss(pull, review).await;
    stage.asks(issue, "a").await;

    let comment = maintainer.comment(pull, "/approve").await;
    approved(&stage, issue).await;
    maintainer.delete(comment).await;
    stage.asks(issue, "a").await;

    let comment = maintainer.comment(issue, "/approve a").await;
    approved(&stage, issue).await;
    maintainer.edit(comment, "Fine.\n\n/approve a").await;
    stage.quiet().await;
    approved(&stage, issue).await;
    maintainer.edit(comment, "Let me look again.").await;
    stage.asks(issue, "a").await;

    maintainer.comment(pull, "/approve").await;
    approved(&stage, issue).await;
    writer.comment(issue, "/unapprove").await;
    stage.asks(issue, "a").await;

    maintainer.comment(issue, "/resume").await;
    stage.status_is(issue, DirectiveStatus::Active).await;
    stage.quiet().await;
    stage.asks(issue, "a").await;
    assert_eq!(stage.happened("approval_taken_back").await, 4);
    maintainer.comment(pull, "/unapprove").await;
    stage.expect(pull, "no approval of `a` stands that could be taken back").await;
    maintainer.comment(pull, "/approve").await;
    stage.passed(issue, "a").await;
    stage.strike().await;
}
