//! What people do to Adjutant's pull requests with git and GitHub's own buttons.

use adjutant_domain::approval::{ApprovalKind, ApprovalStatus};
use adjutant_domain::status::StepStatus;
use serde_json::json;

use super::POLICY;
use crate::support::stage::{Stage, plan, step, write};

#[tokio::test]
async fn a_push_by_a_person_is_kept_and_evaluated_again() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &["a"])])],
        "a": [write([("a.txt", "ugly\n")])],
    });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    stage.asks(issue, "a").await;
    let branch = stage.step_is(issue, "a", "is there", |_| true).await.branch;
    let pushed = stage.as_("maintainer").push(branch.as_str(), "a.txt", "by hand\n").await;
    let step = stage.passed(issue, "a").await;
    assert_eq!(step.head.unwrap().as_str(), pushed, "green by now, it is merged as it was pushed");
    stage.asks(issue, "final").await;
    let directive = stage.directive_is(issue, "is there", |_| true).await;
    let asked = directive.approvals.iter().find(|approval| approval.kind == ApprovalKind::StepReview).unwrap();
    assert_eq!(asked.status, ApprovalStatus::Stale);
    assert_eq!(stage.file("adjutant/1-1/main", "a.txt").await.as_deref(), Some("by hand\n"));
    stage.strike().await;
}

#[tokio::test]
async fn pull_requests_that_a_person_merges_or_closes_are_passed_skipped_or_asked_about() {
    let ugly = |file: &str| json!([write([(file, "ugly\n")])]);
    let script = json!({
        "plan": [plan([step("merged", &[]), step("closed", &[]), step("needed", &[]), step("next", &["needed"])])],
        "merged": ugly("merged.txt"), "closed": ugly("closed.txt"), "needed": ugly("needed.txt"),
    });
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let mut pulls = Vec::new();
    for name in ["merged", "closed", "needed"] {
        pulls.push(stage.asks(issue, name).await);
    }
    maintainer.merge(pulls[0]).await;
    stage.passed(issue, "merged").await;
    maintainer.close(pulls[1]).await;
    stage.step_is(issue, "closed", "is skipped", |step| step.status == StepStatus::Skipped).await;
    maintainer.close(pulls[2]).await;
    stage.step_is(issue, "needed", "is blocked", |step| step.status == StepStatus::Blocked).await;
    stage.status_says(issue, "maintainer closed its pull request, and other steps depend on it").await;
    maintainer.comment(issue, "/skip needed").await;
    stage.asks(issue, "next").await;
    maintainer.comment(issue, "/approve next").await;
    let last = stage.asks(issue, "final").await;
    maintainer.merge(last).await;
    stage.completed(issue).await;
    assert_eq!(stage.file("main", "closed.txt").await, None);
    stage.strike().await;
}

#[tokio::test]
async fn closing_the_final_pull_request_stops_the_directive() {
    let stage = Stage::set(POLICY, json!({ "plan": [plan([step("a", &[]), step("b", &[])])] })).await;
    let issue = stage.directive("Do it.").await;
    let last = stage.asks(issue, "final").await;
    stage.as_("maintainer").close(last).await;
    stage.status_says(issue, "the final pull request was closed unmerged").await;
    stage.strike().await;
}
