//! Repositories that do not allow every way to merge.

use serde_json::{Value, json};

use super::POLICY;
use crate::support::stage::{Stage, plan, step};

fn allowed(merge: bool, squash: bool, rebase: bool) -> Value {
    json!({ "allow_merge_commit": merge, "allow_squash_merge": squash, "allow_rebase_merge": rebase })
}

fn two_steps() -> Value {
    json!({ "plan": [plan([step("a", &[]), step("b", &["a"])])] })
}

/// Brings a directive of two steps to its end, and returns the number of parents of each commit on the base: that of the
/// newest first.
async fn to_the_end(stage: &Stage) -> Vec<usize> {
    let before = stage.get("/git/ref/heads/main").await["object"]["sha"].clone();
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "final").await;
    stage.as_("maintainer").comment(pull, "/approve").await;
    stage.completed(issue).await;
    let commits = stage.get("/commits?sha=main&per_page=20").await;
    let parents = |commit: &Value| commit["parents"].as_array().unwrap().len();
    commits.as_array().unwrap().iter().take_while(|commit| commit["sha"] != before).map(parents).collect()
}

#[tokio::test]
async fn a_repository_that_allows_only_squash_gets_one_commit() {
    let stage = Stage::set(POLICY, two_steps()).await;
    stage.as_("maintainer").set_up(allowed(false, true, false)).await;
    assert_eq!(to_the_end(&stage).await, [1]);
    stage.strike().await;
}

#[tokio::test]
async fn a_repository_that_allows_only_merge_commits_gets_one_for_each_step() {
    let stage = Stage::set(POLICY, two_steps()).await;
    stage.as_("maintainer").set_up(allowed(true, false, false)).await;
    let parents = to_the_end(&stage).await;
    assert_eq!(parents.iter().filter(|parents| **parents == 2).count(), 3, "{parents:?}");
    stage.strike().await;
}

#[tokio::test]
async fn a_repository_that_allows_only_rebases_gets_no_merge_commit() {
    let stage = Stage::set(POLICY, two_steps()).await;
    stage.as_("maintainer").set_up(allowed(false, false, true)).await;
    assert_eq!(to_the_end(&stage).await, [1, 1]);
    stage.strike().await;
}

/// The app cannot read classic protection: the refused method is followed by the next.
#[tokio::test]
async fn a_protected_linear_history_takes_a_squash_after_a_refusal() {
    let stage = Stage::set(POLICY, two_steps()).await;
    stage.as_("maintainer").protect("main", json!({ "required_linear_history": true, "enforce_admins": true })).await;
    assert_eq!(to_the_end(&stage).await, [1]);
    stage.strike().await;
}

#[tokio::test]
async fn rulesets_choose_the_method_too() {
    let stage = Stage::set(POLICY, two_steps()).await;
    let maintainer = stage.as_("maintainer");
    maintainer.rule("main", "required_linear_history", Value::Null).await;
    let pull_request = json!({
        "allowed_merge_methods": ["merge", "rebase"], "dismiss_stale_reviews_on_push": false,
        "require_code_owner_review": false, "require_last_push_approval": false,
        "required_approving_review_count": 0, "required_review_thread_resolution": false,
    });
    maintainer.rule("main", "pull_request", pull_request).await;
    assert_eq!(to_the_end(&stage).await, [1, 1], "rebased: only that is left");
    stage.strike().await;
}

#[tokio::test]
async fn the_method_of_the_policy_is_the_only_one_into_the_base() {
    let stage = Stage::set(&format!("merge_method: squash\n{POLICY}"), two_steps()).await;
    let maintainer = stage.as_("maintainer");
    maintainer.set_up(allowed(true, false, true)).await;
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "final").await;
    maintainer.comment(pull, "/approve").await;
    let told = "the repository's settings or the rules of `main` allow none of: squash merges";
    stage.status_says(issue, told).await;
    maintainer.set_up(allowed(false, true, false)).await;
    maintainer.comment(pull, "/approve").await;
    stage.completed(issue).await;
    stage.strike().await;
}
