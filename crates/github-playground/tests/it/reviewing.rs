//! Who is asked for a review, when a review counts, and what pushes do to it.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver};

fn logins(people: &Value) -> Vec<&str> {
    people.as_array().unwrap().iter().map(|person| person["login"].as_str().unwrap()).collect()
}

async fn push(harness: &Harness, branch: &str, file: &str, text: &str) -> String {
    let clone = harness.clone_as("playground-writer").await;
    let sha = clone.commit_on(branch, file, text).await;
    clone.git(&["push", "--quiet", "origin", branch]).await.unwrap();
    sha
}

/// Commits a CODEOWNERS file on the default branch.
async fn own(harness: &Harness, text: &str) {
    let clone = harness.clone_as("playground-maintainer").await;
    std::fs::create_dir_all(clone.path.join(".github")).unwrap();
    clone.commit_on("main", ".github/CODEOWNERS", text).await;
    clone.git(&["push", "--quiet", "origin", "main"]).await.unwrap();
}

#[tokio::test]
async fn a_request_is_for_collaborators_other_than_the_author_and_for_all_or_none() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let path = "/pulls/1/requested_reviewers";
    let both = json!({ "reviewers": ["maintainer", "nobody"] });
    let refused = harness.as_user("maintainer", Method::POST, path, both).await.expect(422);
    assert!(refused["message"].as_str().unwrap().starts_with("Reviews may only be requested from collaborators."));
    let own = harness.as_user("maintainer", Method::POST, path, json!({ "reviewers": ["writer"] })).await.expect(422);
    assert_eq!(own["message"], "Review cannot be requested from pull request author.");
    assert!(logins(&harness.get(path).await["users"]).is_empty(), "nobody is asked where one could not be");
    let two = json!({ "reviewers": ["maintainer", "triager"] });
    let asked = harness.as_user("maintainer", Method::POST, path, two).await.expect(201);
    assert_eq!(logins(&asked["requested_reviewers"]), ["maintainer", "triager"]);
    receiver.next("pull_request", "review_requested").await;
    let gone = json!({ "reviewers": ["triager"] });
    harness.as_user("writer", Method::DELETE, path, gone).await.expect(200);
    let removed = receiver.next("pull_request", "review_request_removed").await.payload;
    assert_eq!(removed["requested_reviewer"]["login"], "triager");
    let pending =
        harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", json!({ "body": "So far" })).await.expect(200);
    assert_eq!(logins(&harness.get(path).await["users"]), ["maintainer"], "a pending review answers no request");
    let submit = json!({ "event": "COMMENT" });
    let events = format!("/pulls/1/reviews/{}/events", pending["id"]);
    harness.as_user("maintainer", Method::POST, &events, submit).await.expect(200);
    assert!(logins(&harness.get(path).await["users"]).is_empty());
}

#[tokio::test]
async fn owners_are_asked_on_opening_or_when_a_draft_is_ready_and_the_last_line_counts() {
    let harness = Harness::start().await;
    own(&harness, "* @triager\n*.md @maintainer @writer\n").await;
    let receiver = Receiver::of(&harness).await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let asked = receiver.next("pull_request", "review_requested").await.payload;
    assert_eq!(asked["requested_reviewer"]["login"], "maintainer");
    // The author is also an owner but is not asked. A triager has no write access, and so is no owner.
    assert_eq!(logins(&harness.get("/pulls/1/requested_reviewers").await["users"]), ["maintainer"]);
    harness.open_pull("other", "other.txt", "one\n", json!({})).await;
    assert!(logins(&harness.get("/pulls/2/requested_reviewers").await["users"]).is_empty());
    let draft = harness.open_pull("draft", "draft.md", "one\n", json!({ "draft": true })).await;
    assert!(logins(&harness.get("/pulls/3/requested_reviewers").await["users"]).is_empty());
    let ready = "mutation($input: MarkPullRequestReadyForReviewInput!) { markPullRequestReadyForReview(input: $input) { clientMutationId } }";
    let input = json!({ "input": { "pullRequestId": draft["node_id"] } });
    harness.graphql("writer", ready, input).await;
    assert_eq!(logins(&harness.get("/pulls/3/requested_reviewers").await["users"]), ["maintainer"]);
    let errors = harness.get("/codeowners/errors").await;
    assert_eq!(
        (&errors["errors"][0]["kind"], &errors["errors"][0]["line"], &errors["errors"][0]["column"]),
        (&json!("Unknown owner"), &json!(1), &json!(3))
    );
}

#[tokio::test]
async fn a_required_code_owner_is_waited_for() {
    let harness = Harness::start().await;
    own(&harness, "*.md @maintainer\n").await;
    let reviews = json!({ "required_approving_review_count": 0, "require_code_owner_reviews": true });
    let body = json!({ "required_status_checks": null, "enforce_admins": true, "required_pull_request_reviews": reviews, "restrictions": null });
    harness.as_user("maintainer", Method::PUT, "/branches/main/protection", body).await.expect(200);
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    assert_eq!(harness.wait_mergeable(1, true).await["mergeable_state"], "blocked");
    let refused = harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(405);
    assert_eq!(refused["message"], "Waiting on code owner review from maintainer.");
    harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", json!({ "event": "APPROVE" })).await.expect(200);
    harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(200);
}

#[tokio::test]
async fn a_push_that_changes_the_diff_dismisses_approvals_where_that_is_wanted() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    let reviews = json!({ "required_approving_review_count": 1, "dismiss_stale_reviews": true, "require_last_push_approval": true });
    let body = json!({ "required_status_checks": null, "enforce_admins": false, "required_pull_request_reviews": reviews, "restrictions": null });
    harness.as_user("maintainer", Method::PUT, "/branches/main/protection", body).await.expect(200);
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", json!({ "event": "APPROVE" })).await.expect(200);
    assert_eq!(harness.wait_mergeable(1, true).await["mergeable_state"], "clean");
    // The base moves and is merged into the head. The pull request proposes the same as before.
    let put = json!({ "message": "Go on", "content": "b25l" });
    harness.as_user("maintainer", Method::PUT, "/contents/base.md", put).await.expect(201);
    harness.as_user("writer", Method::PUT, "/pulls/1/update-branch", json!({})).await.expect(202);
    assert_eq!(harness.get("/pulls/1/reviews").await[0]["state"], "APPROVED");
    push(&harness, "feature", "notes.md", "one\ntwo\n").await;
    let dismissed = receiver.next("pull_request_review", "dismissed").await.payload;
    assert_eq!((&dismissed["review"]["state"], &dismissed["sender"]["login"]), (&json!("dismissed"), &json!("writer")));
    assert_eq!(harness.get("/pulls/1/reviews").await[0]["state"], "DISMISSED");
    assert_eq!(harness.wait_mergeable(1, true).await["mergeable_state"], "blocked");
}

#[tokio::test]
async fn a_review_is_edited_and_dismissed_by_those_who_may_and_with_a_reason() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    for (event, message) in [
        ("APPROVE", "Can not approve your own pull request"),
        ("REQUEST_CHANGES", "Can not request changes on your own pull request"),
    ] {
        let refused = harness
            .as_user("writer", Method::POST, "/pulls/1/reviews", json!({ "event": event, "body": "x" }))
            .await
            .expect(422);
        assert_eq!(refused["errors"][0], message);
    }
    let no = json!({ "event": "REQUEST_CHANGES", "body": "No." });
    let review = harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", no).await.expect(200);
    let path = format!("/pulls/1/reviews/{}", review["id"]);
    harness.as_user("writer", Method::PUT, &path, json!({ "body": "Yes." })).await.expect(403);
    let edited = harness.as_user("maintainer", Method::PUT, &path, json!({ "body": "Not yet." })).await.expect(200);
    assert_eq!(edited["body"], "Not yet.");
    assert_eq!(receiver.next("pull_request_review", "edited").await.payload["changes"]["body"]["from"], "No.");
    let dismissals = format!("{path}/dismissals");
    harness.as_user("writer", Method::PUT, &dismissals, json!({ "message": "" })).await.expect(422);
    harness.as_user("triager", Method::PUT, &dismissals, json!({ "message": "Outdated" })).await.expect(403);
    let gone = harness.as_user("writer", Method::PUT, &dismissals, json!({ "message": "Outdated" })).await.expect(200);
    assert_eq!(gone["state"], "DISMISSED");
    receiver.next("pull_request_review", "dismissed").await;
    harness.as_user("writer", Method::PUT, &dismissals, json!({ "message": "Again" })).await.expect(422);
}

#[tokio::test]
async fn a_comment_moves_with_its_line_and_is_outdated_where_the_line_changed() {
    let harness = Harness::start().await;
    let pull = harness.open_pull("feature", "notes.md", "one\ntwo\nthree\n", json!({})).await;
    let comment = |line: u64| json!({ "body": "Why?", "path": "notes.md", "line": line, "side": "RIGHT", "commit_id": pull["head"]["sha"] });
    let post = async |line: u64| {
        harness.as_user("maintainer", Method::POST, "/pulls/1/comments", comment(line)).await.expect(201)["id"].clone()
    };
    let (second, third) = (post(2).await, post(3).await);
    let first = harness.get(&format!("/pulls/comments/{second}")).await;
    assert_eq!(
        (&first["position"], &first["original_position"], &first["original_line"]),
        (&json!(2), &json!(2), &json!(2))
    );
    let sha = push(&harness, "feature", "notes.md", "zero\none\ntwo\nTHREE\n").await;
    let moved = harness.get(&format!("/pulls/comments/{second}")).await;
    assert_eq!((&moved["line"], &moved["position"], &moved["original_line"]), (&json!(3), &json!(3), &json!(2)));
    assert_eq!((&moved["commit_id"], &moved["original_commit_id"]), (&json!(sha), &pull["head"]["sha"]));
    let outdated = harness.get(&format!("/pulls/comments/{third}")).await;
    assert_eq!(
        (&outdated["line"], &outdated["position"], &outdated["original_line"]),
        (&Value::Null, &Value::Null, &json!(3))
    );
    assert_eq!(outdated["commit_id"], pull["head"]["sha"]);
}

#[tokio::test]
async fn a_comment_on_the_diff_is_changed_and_deleted_by_its_author_and_those_who_may_write() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let head = harness.get("/pulls/1").await["head"]["sha"].clone();
    let comment = json!({ "body": "Why?", "path": "notes.md", "line": 1, "side": "RIGHT", "commit_id": head });
    let made = harness.as_user("outsider", Method::POST, "/pulls/1/comments", comment).await.expect(201);
    let path = format!("/pulls/comments/{}", made["id"]);
    harness.as_user("triager", Method::PATCH, &path, json!({ "body": "Because." })).await.expect(403);
    harness.as_user("outsider", Method::PATCH, &path, json!({ "body": " " })).await.expect(422);
    let edited = harness.as_user("outsider", Method::PATCH, &path, json!({ "body": "Why not?" })).await.expect(200);
    assert_eq!(edited["body"], "Why not?");
    let told = receiver.next("pull_request_review_comment", "edited").await.payload;
    assert_eq!((&told["changes"]["body"]["from"], &told["comment"]["body"]), (&json!("Why?"), &json!("Why not?")));
    harness.as_user("triager", Method::DELETE, &path, Value::Null).await.expect(403);
    harness.as_user("writer", Method::DELETE, &path, Value::Null).await.expect(204);
    assert_eq!(receiver.next("pull_request_review_comment", "deleted").await.payload["comment"]["id"], made["id"]);
    harness.as_user("writer", Method::GET, &path, Value::Null).await.expect(404);
    assert_eq!(harness.get("/pulls/1/comments").await, json!([]));
}

#[tokio::test]
async fn only_a_review_that_nobody_saw_is_deleted_and_its_comments_with_it() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let remark = json!({ "path": "notes.md", "line": 1, "side": "RIGHT", "body": "Hm." });
    let pending = json!({ "body": "Later", "comments": [remark] });
    let review = harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", pending).await.expect(200);
    assert_eq!(review["state"], "PENDING");
    let path = format!("/pulls/1/reviews/{}", review["id"]);
    harness.as_user("writer", Method::DELETE, &path, Value::Null).await.expect(422);
    let gone = harness.as_user("maintainer", Method::DELETE, &path, Value::Null).await.expect(200);
    assert_eq!(gone["id"], review["id"]);
    harness.as_user("maintainer", Method::GET, &path, Value::Null).await.expect(404);
    let said = json!({ "event": "COMMENT", "body": "Seen" });
    let review = harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", said).await.expect(200);
    let path = format!("/pulls/1/reviews/{}", review["id"]);
    let refused = harness.as_user("maintainer", Method::DELETE, &path, Value::Null).await.expect(422);
    assert_eq!(refused["errors"], json!(["Can not delete a non-pending pull request review"]));
    receiver.next("pull_request_review", "submitted").await;
    assert_eq!(receiver.count("pull_request_review", "submitted", 1).await, 1, "nobody heard of the first");
}

#[tokio::test]
async fn a_team_owns_code_by_any_of_its_members() {
    let harness = Harness::start().await;
    let owner = harness.playground.token("maintainer");
    let teams = async |method: Method, path: &str, body: Value| {
        harness.call(method, &format!("/orgs/acme/teams{path}"), &owner, Some(body)).await
    };
    teams(Method::POST, "", json!({ "name": "Gears" })).await.expect(201);
    teams(Method::PUT, "/gears/memberships/triager", json!({ "role": "member" })).await.expect(200);
    // The creator of a team is a member of it.
    teams(Method::DELETE, "/gears/memberships/maintainer", json!({})).await.expect(204);
    own(&harness, "*.md @acme/gears\n").await;
    let faults = harness.get("/codeowners/errors").await;
    assert_eq!(faults["errors"][0]["kind"], "Unknown owner", "a team that may not write owns nothing");
    teams(Method::PUT, "/gears/repos/acme/widgets", json!({ "permission": "push" })).await.expect(204);
    assert_eq!(harness.get("/codeowners/errors").await["errors"], json!([]));
    let protection = json!({ "required_status_checks": null, "enforce_admins": true, "restrictions": null,
        "required_pull_request_reviews": { "require_code_owner_reviews": true, "required_approving_review_count": 1 } });
    harness.as_user("maintainer", Method::PUT, "/branches/main/protection", protection).await.expect(200);
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let approve = || json!({ "event": "APPROVE" });
    harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", approve()).await.expect(200);
    let refused = harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(405);
    let refused = refused["message"].as_str().unwrap();
    assert!(refused.contains("Waiting on code owner review from acme/gears."), "{refused}");
    harness.as_user("triager", Method::POST, "/pulls/1/reviews", approve()).await.expect(200);
    harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(200);
}
