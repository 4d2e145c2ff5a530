//! Pull requests: opened, moved by pushes, reviewed.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver};

#[tokio::test]
async fn mergeability_is_null_at_first_and_then_what_git_says() {
    let harness = Harness::start().await;
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    assert_eq!(pull["mergeable"], Value::Null);
    assert_eq!(pull["mergeable_state"], "unknown");
    assert_eq!((pull["commits"].as_u64(), pull["changed_files"].as_u64()), (Some(1), Some(1)));
    assert_eq!(pull["additions"], 1);
    let known = harness.wait_mergeable(1, true).await;
    assert_eq!(known["mergeable_state"], "clean");
    let files = harness.get("/pulls/1/files").await;
    assert_eq!((files[0]["filename"].as_str(), files[0]["status"].as_str()), (Some("notes.md"), Some("added")));
    let commits = harness.get("/pulls/1/commits").await;
    assert_eq!(commits[0]["sha"], pull["head"]["sha"]);
}

#[tokio::test]
async fn two_changes_of_one_line_do_not_merge() {
    let harness = Harness::start().await;
    harness.open_pull("ours", "notes.md", "ours\n", json!({})).await;
    harness.open_pull("theirs", "notes.md", "theirs\n", json!({})).await;
    harness.wait_mergeable(1, true).await;
    harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(200);
    let conflicting = harness.wait_mergeable(2, false).await;
    assert_eq!(conflicting["mergeable_state"], "dirty");
    harness.as_user("writer", Method::PUT, "/pulls/2/merge", json!({})).await.expect(405);
}

#[tokio::test]
async fn impossible_pull_requests_are_refused_in_githubs_words() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let post = async |body: Value| {
        harness.as_user("writer", Method::POST, "/pulls", body).await.expect(422)["errors"][0].clone()
    };
    let twin = post(json!({ "title": "Again", "head": "acme:feature", "base": "main" })).await;
    assert_eq!(twin["message"], "A pull request already exists for acme:feature.");
    let empty = post(json!({ "title": "Nothing", "head": "main", "base": "main" })).await;
    assert_eq!(empty["message"], "No commits between main and main");
    let headless = post(json!({ "title": "Headless", "head": "nowhere", "base": "main" })).await;
    assert_eq!(headless, json!({ "resource": "PullRequest", "field": "head", "code": "invalid" }));
}

#[tokio::test]
async fn a_push_moves_the_head_and_git_can_fetch_it_by_number() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    harness.wait_mergeable(1, true).await;
    let clone = harness.clone_as("playground-writer").await;
    let sha = clone.commit_on("feature", "notes.md", "one\ntwo\n").await;
    clone.git(&["push", "--quiet", "origin", "feature"]).await.unwrap();
    let pull = harness.get("/pulls/1").await;
    assert_eq!(pull["head"]["sha"], sha);
    assert_eq!(pull["commits"], 2);
    harness.wait_mergeable(1, true).await;
    clone.git(&["fetch", "--quiet", "origin", "refs/pull/1/head", "refs/pull/1/merge"]).await.unwrap();
    assert_eq!(clone.git(&["rev-parse", "FETCH_HEAD"]).await.unwrap(), sha);
}

#[tokio::test]
async fn deleting_a_branch_closes_what_comes_from_it_and_what_targets_it() {
    let harness = Harness::start().await;
    harness.open_pull("lower", "notes.md", "one\n", json!({})).await;
    let clone = harness.clone_as("playground-writer").await;
    clone.git(&["checkout", "--quiet", "lower"]).await.unwrap();
    clone.commit_on("upper", "more.md", "two\n").await;
    clone.git(&["push", "--quiet", "origin", "upper"]).await.unwrap();
    let stacked = json!({ "title": "Upper", "head": "upper", "base": "lower" });
    harness.as_user("writer", Method::POST, "/pulls", stacked).await.expect(201);
    harness.as_user("writer", Method::DELETE, "/git/refs/heads/lower", Value::Null).await.expect(204);
    for number in [1, 2] {
        let pull = harness.get(&format!("/pulls/{number}")).await;
        assert_eq!((pull["state"].as_str(), pull["merged"].as_bool()), (Some("closed"), Some(false)));
    }
    harness.as_user("writer", Method::PATCH, "/pulls/2", json!({ "state": "open" })).await.expect(422);
}

#[tokio::test]
async fn pull_requests_are_found_by_head_base_and_state() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    for (query, count) in
        [("head=acme:feature", 1), ("head=acme:other", 0), ("base=main", 1), ("base=dev", 0), ("state=closed", 0)]
    {
        assert_eq!(harness.get(&format!("/pulls?{query}")).await.as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn reviews_are_given_by_others_and_carry_their_comments() {
    let harness = Harness::start().await;
    let pull = harness.open_pull("feature", "notes.md", "one\ntwo\n", json!({})).await;
    let approve = json!({ "event": "APPROVE" });
    let own = harness.as_user("writer", Method::POST, "/pulls/1/reviews", approve.clone()).await.expect(422);
    assert_eq!(own["errors"][0], "Can not approve your own pull request");
    let approved = harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", approve).await.expect(200);
    assert_eq!((approved["state"].as_str(), &approved["commit_id"]), (Some("APPROVED"), &pull["head"]["sha"]));
    let changes = json!({
        "event": "REQUEST_CHANGES", "body": "Use the parser.",
        "comments": [{ "path": "notes.md", "line": 2, "side": "RIGHT", "body": "Here." }],
    });
    let requested = harness.as_user("triager", Method::POST, "/pulls/1/reviews", changes).await.expect(200);
    let comments = harness.get(&format!("/pulls/1/reviews/{}/comments", requested["id"])).await;
    assert_eq!(comments[0]["diff_hunk"], "@@ -0,0 +1,2 @@\n+one\n+two");
    let path = format!("/pulls/1/comments/{}/replies", comments[0]["id"]);
    let reply = harness.as_app(Method::POST, &path, json!({ "body": "Done." })).await.expect(201);
    assert_eq!(reply["in_reply_to_id"], comments[0]["id"]);
    let outside = json!({ "event": "COMMENT", "comments": [{ "path": "notes.md", "line": 9, "body": "Where?" }] });
    harness.as_user("triager", Method::POST, "/pulls/1/reviews", outside).await.expect(422);
    let dismissal = format!("/pulls/1/reviews/{}/dismissals", approved["id"]);
    let dismissed =
        harness.as_user("writer", Method::PUT, &dismissal, json!({ "message": "Outdated." })).await.expect(200);
    assert_eq!(dismissed["state"], "DISMISSED");
}

#[tokio::test]
async fn a_pending_review_is_its_authors_secret_until_submitted() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let pending =
        harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", json!({ "body": "Hm." })).await.expect(200);
    assert_eq!(pending["state"], "PENDING");
    let seen = harness.as_user("triager", Method::GET, "/pulls/1/reviews", Value::Null).await.expect(200);
    assert_eq!(seen, json!([]));
    let submit = format!("/pulls/1/reviews/{}/events", pending["id"]);
    harness.as_user("maintainer", Method::POST, &submit, json!({ "event": "COMMENT" })).await.expect(200);
    let seen = harness.as_user("triager", Method::GET, "/pulls/1/reviews", Value::Null).await.expect(200);
    assert_eq!(seen[0]["state"], "COMMENTED");
}

#[tokio::test]
async fn a_forced_push_may_bring_another_history_or_nothing_at_all() {
    let harness = Harness::start().await;
    harness.open_pull("orphaned", "notes.md", "one\n", json!({})).await;
    harness.open_pull("emptied", "more.md", "one\n", json!({})).await;
    let clone = harness.clone_as("playground-writer").await;
    clone.git(&["checkout", "--quiet", "--orphan", "other"]).await.unwrap();
    clone.git(&["commit", "--quiet", "-m", "Another beginning"]).await.unwrap();
    let force = ["push", "--quiet", "--force", "origin", "other:orphaned", "origin/main:refs/heads/emptied"];
    clone.git(&force).await.unwrap();
    let orphaned = harness.get("/pulls/1").await;
    assert_eq!(orphaned["head"]["sha"], clone.git(&["rev-parse", "other"]).await.unwrap());
    assert_eq!(orphaned["state"], "open");
    harness.wait_mergeable(1, false).await;
    let emptied = harness.get("/pulls/2").await;
    assert_eq!((emptied["state"].as_str(), emptied["merged"].as_bool()), (Some("closed"), Some(false)));
}

#[tokio::test]
async fn a_commit_names_the_pull_requests_that_bring_it_or_brought_it() {
    let harness = Harness::start().await;
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let head = pull["head"]["sha"].as_str().unwrap().to_owned();
    let of = async |sha: &str| {
        let found = harness.get(&format!("/commits/{sha}/pulls")).await;
        found.as_array().unwrap().iter().map(|pull| pull["number"].clone()).collect::<Vec<_>>()
    };
    let main = harness.get("/git/ref/heads/main").await["object"]["sha"].as_str().unwrap().to_owned();
    assert!(of(&main).await.is_empty());
    assert_eq!(of(&head).await, [1]);
    harness.wait_mergeable(1, true).await;
    let squash = json!({ "merge_method": "squash" });
    let merged = harness.as_user("writer", Method::PUT, "/pulls/1/merge", squash).await.expect(200);
    assert_eq!(of(merged["sha"].as_str().unwrap()).await, [1], "the commit that the merge made");
    assert_eq!(of(&head).await, [1]);
    harness.as_user("writer", Method::GET, "/commits/none/pulls", Value::Null).await.expect(422);
}

#[tokio::test]
async fn changes_of_a_pull_request_as_an_issue_have_its_own_event() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    harness.as_user("writer", Method::POST, "/milestones", json!({ "title": "v1" })).await.expect(201);
    let assignee = json!({ "assignees": ["maintainer"] });
    harness.as_user("triager", Method::POST, "/issues/1/assignees", assignee.clone()).await.expect(201);
    harness.as_user("triager", Method::DELETE, "/issues/1/assignees", assignee).await.expect(200);
    for milestone in [json!(1), Value::Null] {
        harness.as_user("triager", Method::PATCH, "/issues/1", json!({ "milestone": milestone })).await.expect(200);
    }
    harness.as_user("triager", Method::POST, "/issues/1/labels", json!(["bug"])).await.expect(200);
    harness.as_user("triager", Method::DELETE, "/issues/1/labels/bug", Value::Null).await.expect(200);
    harness.as_user("writer", Method::PUT, "/issues/1/lock", Value::Null).await.expect(204);
    harness.as_user("writer", Method::DELETE, "/issues/1/lock", Value::Null).await.expect(204);
    let draft =
        "mutation($id: ID!) { convertPullRequestToDraft(input: { pullRequestId: $id }) { pullRequest { isDraft } } }";
    let done = harness.graphql("writer", draft, json!({ "id": pull["node_id"] })).await;
    assert_eq!(done["data"]["convertPullRequestToDraft"]["pullRequest"]["isDraft"], true, "{done}");
    for (action, member, told) in [
        ("assigned", "/assignee/login", json!("maintainer")),
        ("unassigned", "/assignee/login", json!("maintainer")),
        ("milestoned", "/milestone/title", json!("v1")),
        ("demilestoned", "/milestone/title", json!("v1")),
        ("unlabeled", "/label/name", json!("bug")),
        ("unlocked", "/pull_request/locked", json!(false)),
        ("converted_to_draft", "/pull_request/draft", json!(true)),
    ] {
        let payload = receiver.next("pull_request", action).await.payload;
        assert_eq!(payload.pointer(member), Some(&told), "{action}");
        assert_eq!(payload["number"], 1);
    }
    assert!(receiver.all().iter().all(|hook| hook.event != "issues"), "a pull request's are not an issue's");
}

#[tokio::test]
async fn a_pull_request_from_a_branch_of_the_repository_needs_write_access() {
    let harness = Harness::start().await;
    let clone = harness.clone_as("playground-writer").await;
    clone.commit_on("feature", "notes.md", "one\n").await;
    clone.git(&["push", "--quiet", "origin", "feature"]).await.unwrap();
    let new = || json!({ "title": "Mine", "head": "feature", "base": "main" });
    for login in ["outsider", "triager"] {
        let refused = harness.as_user(login, Method::POST, "/pulls", new()).await.expect(422);
        let fault = json!([{ "resource": "PullRequest", "code": "custom", "message": "must be a collaborator" }]);
        assert_eq!((&refused["message"], &refused["errors"]), (&json!("Validation Failed"), &fault), "{login}");
    }
    assert_eq!(harness.get("/pulls").await, json!([]));
    harness.as_user("writer", Method::POST, "/pulls", new()).await.expect(201);
}
