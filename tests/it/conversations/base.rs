//! The base branch: it moves, it conflicts, it is not the default branch.

use serde_json::json;

use super::{POLICY, policy};
use crate::support::stage::{Stage, keep, plan, step, write};

#[tokio::test]
async fn a_base_that_moved_is_merged_in_before_the_final_pull_request() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &[])])],
        "b": [{ "wait": "b", "write": { "b.txt": "b\n" } }],
    });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    stage.agent_waits_for("b").await;
    stage.as_("writer").write("main", "news.txt", Some("moved on\n")).await;
    stage.say("b");
    let last = stage.asks(issue, "final").await;
    assert_eq!(stage.file("adjutant/1-1/main", "news.txt").await.as_deref(), Some("moved on\n"));
    stage.as_("maintainer").comment(last, "/approve").await;
    stage.completed(issue).await;
    assert_eq!(stage.file("main", "news.txt").await.as_deref(), Some("moved on\n"));
    assert_eq!(stage.file("main", "a.txt").await.as_deref(), Some("a\n"));
    stage.strike().await;
}

#[tokio::test]
async fn an_agent_resolves_a_conflict_with_the_base_before_and_after_the_final_pull_request_opens() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &[])])],
        "a": [write([("a.txt", "ours\n")])],
        "b": [{ "wait": "b", "write": { "b.txt": "b\n" } }],
        "final": [
            keep("told.md", [("a.txt", "ours\ntheirs\n")]),
            keep("told.md", [("a.txt", "ours\ntheirs again\n")]),
        ],
    });
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    stage.agent_waits_for("b").await;
    stage.as_("writer").write("main", "a.txt", Some("theirs\n")).await;
    stage.say("b");
    let last = stage.asks_at_rework(issue, "final", 1).await;
    let told = stage.file("adjutant/1-1/main", "told.md").await.unwrap();
    assert!(told.contains("`a.txt`") && told.contains("conflict"), "{told}");

    // The base moves again while the final pull request waits, so the approved commit no longer merges.
    stage.as_("writer").write("main", "a.txt", Some("theirs again\n")).await;
    maintainer.comment(last, "/approve").await;
    stage.asks_at_rework(issue, "final", 2).await;
    maintainer.comment(last, "/approve").await;
    stage.completed(issue).await;
    assert_eq!(stage.file("main", "a.txt").await.as_deref(), Some("ours\ntheirs again\n"));
    stage.strike().await;
}

#[tokio::test]
async fn the_issue_is_closed_by_adjutant_when_the_base_is_not_the_default_branch() {
    let stage = Stage::set(&policy("base: develop"), json!({ "plan": [plan([step("a", &[]), step("b", &[])])] })).await;
    stage.as_("maintainer").branch("develop").await;
    let issue = stage.directive("Do it.").await;
    let last = stage.asks(issue, "final").await;
    assert_eq!(stage.get(&format!("/pulls/{last}")).await["base"]["ref"], "develop");
    stage.as_("maintainer").merge(last).await;
    stage.completed(issue).await;
    assert_eq!(stage.file("develop", "a.txt").await.as_deref(), Some("a\n"));
    assert_eq!(stage.file("main", "a.txt").await, None);
    stage.strike().await;
}
