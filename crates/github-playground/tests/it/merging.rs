//! Merging, the guard on its sha, and the issues that a merge closes.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::Harness;

#[tokio::test]
async fn a_merge_needs_the_head_that_was_seen() {
    let harness = Harness::start().await;
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    harness.wait_mergeable(1, true).await;
    let stale = json!({ "sha": "0123456789012345678901234567890123456789" });
    let refused = harness.as_user("writer", Method::PUT, "/pulls/1/merge", stale).await.expect(409);
    assert_eq!(refused["message"], "Head branch was modified. Review and try the merge again.");
    harness.as_user("writer", Method::GET, "/pulls/1/merge", Value::Null).await.expect(404);
    let merged = harness
        .as_user("writer", Method::PUT, "/pulls/1/merge", json!({ "sha": pull["head"]["sha"] }))
        .await
        .expect(200);
    assert_eq!(
        (merged["merged"].as_bool(), merged["message"].as_str()),
        (Some(true), Some("Pull Request successfully merged"))
    );
    let after = harness.get("/pulls/1").await;
    assert_eq!((after["state"].as_str(), after["merged"].as_bool()), (Some("closed"), Some(true)));
    assert_eq!(after["merge_commit_sha"], merged["sha"]);
    assert_eq!(after["merged_by"]["login"], "writer");
    harness.as_user("writer", Method::GET, "/pulls/1/merge", Value::Null).await.expect(204);
    harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(405);
    assert_eq!(harness.get("/branches/main").await["commit"]["sha"], merged["sha"]);
}

#[tokio::test]
async fn a_squash_is_one_commit_and_a_rebase_keeps_all() {
    let harness = Harness::start().await;
    for (number, method, commits) in [(1, "squash", 1), (2, "rebase", 2), (3, "merge", 3)] {
        let before = harness.get("/branches/main").await["commit"]["sha"].as_str().unwrap().to_owned();
        let clone = harness.clone_as("playground-writer").await;
        clone.commit_on(method, &format!("{method}-1.md"), "one\n").await;
        clone.commit_on(method, &format!("{method}-2.md"), "two\n").await;
        clone.git(&["push", "--quiet", "origin", method]).await.unwrap();
        let new = json!({ "title": format!("By {method}"), "head": method, "base": "main" });
        harness.as_user("writer", Method::POST, "/pulls", new).await.expect(201);
        let body = json!({ "merge_method": method });
        harness.as_user("writer", Method::PUT, &format!("/pulls/{number}/merge"), body).await.expect(200);
        let compared = harness.get(&format!("/compare/{before}...main")).await;
        assert_eq!(compared["total_commits"], commits, "{method}");
        assert_eq!(compared["files"].as_array().unwrap().len(), 2, "{method}");
    }
    let newest = harness.get("/commits?per_page=1").await;
    assert_eq!(newest[0]["commit"]["message"], "Merge pull request #3 from acme/merge\n\nBy merge");
}

#[tokio::test]
async fn a_squash_of_one_commit_is_called_after_it_unless_the_repository_says_otherwise() {
    let harness = Harness::start().await;
    let squash = async |number: u64, file: &str| {
        harness.open_pull(file, file, "one\n", json!({ "title": "Ours", "body": "Why." })).await;
        let body = json!({ "merge_method": "squash" });
        harness.as_user("writer", Method::PUT, &format!("/pulls/{number}/merge"), body).await.expect(200);
        harness.get("/commits?per_page=1").await[0]["commit"]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(squash(1, "one.md").await, "Write one.md (#1)");
    let wording = json!({ "squash_merge_commit_title": "PR_TITLE", "squash_merge_commit_message": "PR_BODY" });
    harness.as_user("maintainer", Method::PATCH, "", wording).await.expect(200);
    assert_eq!(squash(2, "two.md").await, "Ours (#2)\n\nWhy.");
}

#[tokio::test]
async fn keywords_close_issues_on_the_default_branch_only() {
    let harness = Harness::start().await;
    for title in ["Kept", "Closed"] {
        harness.as_user("writer", Method::POST, "/issues", json!({ "title": title })).await.expect(201);
    }
    let main = harness.get("/git/ref/heads/main").await["object"]["sha"].clone();
    let side = json!({ "ref": "refs/heads/side", "sha": main });
    harness.as_user("writer", Method::POST, "/git/refs", side).await.expect(201);
    harness.open_pull("first", "one.md", "one\n", json!({ "base": "side", "body": "Fixes #1" })).await;
    harness.open_pull("second", "two.md", "two\n", json!({ "body": "Part of #1. Closes #2." })).await;
    for number in [3, 4] {
        harness.as_user("writer", Method::PUT, &format!("/pulls/{number}/merge"), json!({})).await.expect(200);
    }
    assert_eq!(harness.get("/issues/1").await["state"], "open");
    let closed = harness.get("/issues/2").await;
    assert_eq!((closed["state"].as_str(), closed["state_reason"].as_str()), (Some("closed"), Some("completed")));
}

#[tokio::test]
async fn drafts_do_not_merge_and_graphql_makes_them_ready() {
    let harness = Harness::start().await;
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({ "draft": true })).await;
    let refused = harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(405);
    assert_eq!(refused["message"], "Pull Request is still a draft");
    let query = "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { number isDraft } } }";
    let answer = harness.graphql("writer", query, json!({ "id": pull["node_id"] })).await;
    assert_eq!(
        answer["data"]["markPullRequestReadyForReview"]["pullRequest"],
        json!({ "number": 1, "isDraft": false })
    );
    assert_eq!(harness.get("/pulls/1").await["draft"], false);
    let wrong = harness.graphql("writer", query, json!({ "id": "PR_nothing" })).await;
    assert_eq!(wrong["errors"][0]["type"], "NOT_FOUND");
    harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(200);
}

#[tokio::test]
async fn a_pull_request_whose_commits_were_pushed_to_its_base_is_merged() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let clone = harness.clone_as("playground-maintainer").await;
    clone.git(&["push", "--quiet", "origin", "origin/feature:refs/heads/main"]).await.unwrap();
    let pull = harness.get("/pulls/1").await;
    assert_eq!((pull["state"].as_str(), pull["merged"].as_bool()), (Some("closed"), Some(true)));
}

#[tokio::test]
async fn branches_merge_without_a_pull_request_and_say_what_they_did() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let merge = json!({ "base": "main", "head": "feature" });
    let commit = harness.as_user("writer", Method::POST, "/merges", merge.clone()).await.expect(201);
    assert_eq!(commit["parents"].as_array().unwrap().len(), 2);
    harness.as_user("writer", Method::POST, "/merges", merge).await.expect(204);
    harness.as_user("writer", Method::POST, "/merges", json!({ "base": "main", "head": "nowhere" })).await.expect(404);
}

#[tokio::test]
async fn a_head_that_is_behind_is_updated_from_its_base() {
    let harness = Harness::start().await;
    harness.open_pull("behind", "one.md", "one\n", json!({})).await;
    let nothing = harness.as_user("writer", Method::PUT, "/pulls/1/update-branch", json!({})).await.expect(422);
    assert_eq!(nothing["message"], "There are no new commits on the base branch.");
    let put = json!({ "message": "Move on", "content": "b25l" });
    harness.as_user("writer", Method::PUT, "/contents/two.md", put).await.expect(201);
    let stale = json!({ "expected_head_sha": "0123456789012345678901234567890123456789" });
    harness.as_user("writer", Method::PUT, "/pulls/1/update-branch", stale).await.expect(422);
    harness.as_user("writer", Method::PUT, "/pulls/1/update-branch", json!({})).await.expect(202);
    let pull = harness.get("/pulls/1").await;
    assert_eq!((pull["commits"].as_u64(), pull["changed_files"].as_u64()), (Some(2), Some(1)));
    let compared = harness.get("/compare/main...behind").await;
    assert_eq!(compared["status"], "ahead");
}

#[tokio::test]
async fn a_merged_pull_request_cannot_be_reopened_in_any_way() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(200);
    for path in ["/pulls/1", "/issues/1"] {
        harness.as_user("writer", Method::PATCH, path, json!({ "state": "open" })).await.expect(422);
    }
}

#[tokio::test]
async fn merges_at_once_all_land_or_say_why_not() {
    let harness = Harness::start().await;
    let clone = harness.clone_as("playground-writer").await;
    for n in 1..=4 {
        clone.git(&["checkout", "--quiet", "-B", &format!("b{n}"), "origin/main"]).await.unwrap();
        clone.commit_on(&format!("b{n}"), &format!("{n}.md"), "text\n").await;
        clone.git(&["push", "--quiet", "origin", &format!("b{n}")]).await.unwrap();
        let new = json!({ "title": format!("No. {n}"), "head": format!("b{n}"), "base": "main" });
        harness.as_user("writer", Method::POST, "/pulls", new).await.expect(201);
    }
    let merge = |n: u32| {
        let (harness, body) = (&harness, json!({ "merge_method": "squash" }));
        async move { harness.as_user("writer", Method::PUT, &format!("/pulls/{n}/merge"), body).await.status }
    };
    let (a, b, c, d) = tokio::join!(merge(1), merge(2), merge(3), merge(4));
    assert_eq!([a, b, c, d].map(|status| status.as_u16()), [200; 4]);
    for n in 1..=4 {
        harness.get(&format!("/contents/{n}.md")).await;
    }
}
