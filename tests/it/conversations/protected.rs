//! A protected base: Adjutant merges if GitHub allows it, and otherwise says what GitHub requires.

use serde_json::json;

use super::POLICY;
use crate::support::stage::{Stage, plan, step};

#[tokio::test]
async fn a_required_check_that_is_pinned_to_adjutant_is_satisfied_by_its_own_check() {
    let stage = Stage::set(POLICY, json!({ "plan": [plan([step("a", &[]), step("b", &[])])] })).await;
    let checks = json!({ "strict": false, "contexts": [], "checks": [{ "context": "adjutant", "app_id": 1 }] });
    stage.as_("maintainer").protect("main", json!({ "required_status_checks": checks, "enforce_admins": true })).await;
    let issue = stage.directive("Do it.").await;
    let last = stage.asks(issue, "final").await;
    stage.as_("maintainer").comment(last, "/approve").await;
    stage.completed(issue).await;
    assert_eq!(stage.file("main", "a.txt").await.as_deref(), Some("a\n"));
    stage.strike().await;
}

#[tokio::test]
async fn a_required_review_is_requested_once_in_githubs_words_and_the_review_lets_the_merge_continue() {
    let stage = Stage::set(POLICY, json!({ "plan": [plan([step("a", &[]), step("b", &[])])] })).await;
    let reviews = json!({ "required_approving_review_count": 1 });
    stage
        .as_("maintainer")
        .protect("main", json!({ "required_pull_request_reviews": reviews, "enforce_admins": true }))
        .await;
    let issue = stage.directive("Do it.").await;
    let last = stage.asks(issue, "final").await;
    stage.as_("maintainer").comment(last, "/approve").await;
    let told = "GitHub did not merge `final`: At least 1 approving review is required by reviewers with write access. Merge it by hand";
    stage.status_says(issue, told).await;
    stage.as_("maintainer").review(last, "APPROVE", "", &[]).await;
    stage.completed(issue).await;
    assert_eq!(stage.file("main", "a.txt").await.as_deref(), Some("a\n"));
    stage.strike().await;
}

#[tokio::test]
async fn with_a_merge_queue_a_person_queues_what_adjutant_may_not_merge() {
    let stage = Stage::set(POLICY, json!({ "plan": [plan([step("a", &[]), step("b", &[])])] })).await;
    stage.as_("maintainer").require_queue("main").await;
    let issue = stage.directive("Do it.").await;
    let last = stage.asks(issue, "final").await;
    stage.as_("maintainer").comment(last, "/approve").await;
    let told = "GitHub did not merge `final`: Changes must be made through the merge queue. Merge it by hand";
    stage.status_says(issue, told).await;
    stage.quiet().await;
    assert_eq!(stage.happened("merge_refused").await, 1, "it is not tried again and again");
    stage.as_("maintainer").enqueue(last).await;
    stage.completed(issue).await;
    assert_eq!(stage.file("main", "a.txt").await.as_deref(), Some("a\n"));
    assert_eq!(stage.happened("merge_refused").await, 1);
    stage.strike().await;
}

#[tokio::test]
async fn the_required_check_of_a_branch_with_a_merge_queue_is_answered_for_each_group() {
    let stage = Stage::set(POLICY, json!({ "plan": [plan([step("a", &[]), step("b", &[])])] })).await;
    let checks = json!({ "strict": false, "contexts": [], "checks": [{ "context": "adjutant", "app_id": 1 }] });
    stage.as_("maintainer").protect("main", json!({ "required_status_checks": checks, "enforce_admins": true })).await;
    stage.as_("maintainer").require_queue("main").await;
    let issue = stage.directive("Do it.").await;
    let last = stage.asks(issue, "final").await;
    stage.as_("maintainer").comment(last, "/approve").await;
    stage.status_says(issue, "Changes must be made through the merge queue").await;
    let head = stage.get(&format!("/pulls/{last}")).await["head"]["sha"].as_str().unwrap().to_owned();
    stage
        .until("the check lets it into the queue", async || {
            let path = format!("/commits/{head}/check-runs?check_name=adjutant");
            stage.get(&path).await["check_runs"][0]["conclusion"] == "success"
        })
        .await;
    stage.as_("maintainer").enqueue(last).await;
    stage.completed(issue).await;
    assert_eq!(stage.file("main", "a.txt").await.as_deref(), Some("a\n"));
    stage.strike().await;
}
