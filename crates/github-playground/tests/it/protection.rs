//! Protected branches: their requirements for a merge and for a push, and GitHub's messages for what is missing.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver};

/// A protection without requirements, except those in `more`.
fn protection(more: Value) -> Value {
    let mut body = json!({
        "required_status_checks": null, "enforce_admins": null, "required_pull_request_reviews": null, "restrictions": null,
    });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}

async fn protect(harness: &Harness, more: Value) -> Value {
    harness.as_user("maintainer", Method::PUT, "/branches/main/protection", protection(more)).await.expect(200)
}

async fn merge(harness: &Harness, login: &str) -> Value {
    let reply = harness.as_user(login, Method::PUT, "/pulls/1/merge", json!({})).await;
    json!([reply.status.as_u16(), reply.body["message"]])
}

async fn state(harness: &Harness) -> Value {
    harness.wait_mergeable(1, true).await["mergeable_state"].clone()
}

async fn status(harness: &Harness, sha: &Value, context: &str, state: &str) {
    let body = json!({ "context": context, "state": state });
    harness.as_user("writer", Method::POST, &format!("/statuses/{}", sha.as_str().unwrap()), body).await.expect(201);
}

#[tokio::test]
async fn a_protection_is_stored_shown_and_announced() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.playground.subscribe(&["branch_protection_rule"]);
    let path = "/branches/main/protection";
    let absent = harness.as_user("maintainer", Method::GET, path, Value::Null).await.expect(404);
    assert_eq!(absent["message"], "Branch not protected");
    for (login, expected) in [("writer", 404), ("outsider", 404)] {
        harness.as_user(login, Method::PUT, path, protection(json!({}))).await.expect(expected);
    }
    let partial = json!({ "enforce_admins": true, "restrictions": null });
    let refused = harness.as_user("maintainer", Method::PUT, path, partial).await.expect(422);
    let words = "Invalid request.\n\n\"required_status_checks\", \"required_pull_request_reviews\" weren't supplied.";
    assert_eq!(refused["message"], words);
    let all = json!({
        "required_status_checks": { "strict": true, "contexts": [], "checks": [{ "context": "playground-app", "app_id": 1 }, { "context": "ci", "app_id": -1 }] },
        "required_pull_request_reviews": {
            "required_approving_review_count": 2, "dismiss_stale_reviews": true, "require_code_owner_reviews": true,
            "bypass_pull_request_allowances": { "users": ["writer"], "apps": ["playground-app"], "teams": [] },
            "dismissal_restrictions": { "users": ["maintainer"], "teams": [] },
        },
        "enforce_admins": true, "restrictions": { "users": ["writer"], "teams": [], "apps": ["playground-app"] },
        "required_linear_history": true, "required_conversation_resolution": true,
    });
    let made = protect(&harness, all).await;
    assert_eq!(
        made["required_status_checks"]["checks"],
        json!([{ "context": "playground-app", "app_id": 1 }, { "context": "ci", "app_id": null }])
    );
    assert_eq!(harness.get(path).await, made);
    assert_eq!(
        receiver.next("branch_protection_rule", "created").await.payload["rule"]["required_approving_review_count"],
        2
    );
    let branch = harness.get("/branches/main").await;
    assert_eq!(
        (&branch["protected"], &branch["protection"]["required_status_checks"]["enforcement_level"]),
        (&json!(true), &json!("everyone"))
    );
    harness.as_user("maintainer", Method::DELETE, &format!("{path}/enforce_admins"), Value::Null).await.expect(204);
    let edited = receiver.next("branch_protection_rule", "edited").await.payload;
    assert_eq!(edited["changes"]["admin_enforced"]["from"], true);
    let on =
        harness.as_user("maintainer", Method::POST, &format!("{path}/enforce_admins"), Value::Null).await.expect(200);
    assert_eq!(on["enabled"], true);
    let patch = json!({ "required_approving_review_count": 1 });
    let reviews = format!("{path}/required_pull_request_reviews");
    let patched = harness.as_user("maintainer", Method::PATCH, &reviews, patch).await.expect(200);
    assert_eq!(
        (&patched["required_approving_review_count"], &patched["dismiss_stale_reviews"]),
        (&json!(1), &json!(true))
    );
    harness
        .as_user("maintainer", Method::PATCH, &reviews, json!({ "required_approving_review_count": 7 }))
        .await
        .expect(422);
    let checks = format!("{path}/required_status_checks");
    let patched = harness.as_user("maintainer", Method::PATCH, &checks, json!({ "strict": false })).await.expect(200);
    assert_eq!((&patched["strict"], patched["checks"].as_array().unwrap().len()), (&json!(false), 2));
    for part in [&reviews, &checks] {
        harness.as_user("maintainer", Method::DELETE, part, Value::Null).await.expect(204);
        harness.as_user("maintainer", Method::GET, part, Value::Null).await.expect(404);
    }
    harness.as_user("maintainer", Method::DELETE, path, Value::Null).await.expect(204);
    receiver.next("branch_protection_rule", "deleted").await;
    harness.as_user("maintainer", Method::GET, path, Value::Null).await.expect(404);
    assert_eq!(harness.get("/branches/main").await["protected"], false);
}

#[tokio::test]
async fn a_required_check_must_come_from_the_app_it_is_pinned_to() {
    let harness = Harness::start().await;
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let sha = &pull["head"]["sha"];
    assert_eq!(state(&harness).await, "clean");
    let checks = json!({ "strict": false, "contexts": [], "checks": [{ "context": "playground-app", "app_id": 1 }] });
    protect(&harness, json!({ "required_status_checks": checks })).await;
    assert_eq!(state(&harness).await, "blocked");
    assert_eq!(merge(&harness, "writer").await, json!([405, "Required status check \"playground-app\" is expected."]));
    status(&harness, sha, "playground-app", "success").await;
    let foreign = json!([405, "Required status check \"playground-app\" was not set by the expected GitHub app."]);
    assert_eq!(merge(&harness, "writer").await, foreign);
    let run = json!({ "name": "playground-app", "head_sha": sha, "status": "in_progress" });
    let id = harness.as_app(Method::POST, "/check-runs", run).await.expect(201)["id"].clone();
    assert_eq!(
        merge(&harness, "writer").await,
        json!([405, "Required status check \"playground-app\" is in progress."])
    );
    for conclusion in ["failure", "cancelled", "timed_out", "action_required"] {
        harness
            .as_app(Method::PATCH, &format!("/check-runs/{id}"), json!({ "conclusion": conclusion }))
            .await
            .expect(200);
        assert_eq!(
            merge(&harness, "writer").await,
            json!([405, "Required status check \"playground-app\" is failing."])
        );
        assert_eq!(state(&harness).await, "blocked");
    }
    let neutral = json!({ "name": "playground-app", "head_sha": sha, "conclusion": "neutral" });
    harness.as_app(Method::POST, "/check-runs", neutral).await.expect(201);
    assert_eq!(state(&harness).await, "clean");
    assert_eq!(merge(&harness, "writer").await, json!([200, "Pull Request successfully merged"]));
}

#[tokio::test]
async fn an_optional_check_makes_a_pull_request_unstable_and_prevents_nothing() {
    let harness = Harness::start().await;
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    protect(&harness, json!({ "required_status_checks": { "strict": false, "contexts": ["ci"] } })).await;
    status(&harness, &pull["head"]["sha"], "ci", "success").await;
    status(&harness, &pull["head"]["sha"], "coverage", "failure").await;
    assert_eq!(state(&harness).await, "unstable");
    assert_eq!(merge(&harness, "writer").await[0], 200);
}

#[tokio::test]
async fn a_strict_check_wants_the_head_to_have_all_of_the_base() {
    let harness = Harness::start().await;
    let first = harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    protect(&harness, json!({ "required_status_checks": { "strict": true, "contexts": ["ci"] } })).await;
    status(&harness, &first["head"]["sha"], "ci", "success").await;
    assert_eq!(state(&harness).await, "clean");
    let put = json!({ "message": "Go on", "content": "b25l" });
    // The rules do not apply to an administrator, and the base moves.
    harness.as_user("maintainer", Method::PUT, "/contents/base.md", put.clone()).await.expect(201);
    assert_eq!(state(&harness).await, "behind");
    let stale = json!([409, "Head branch is out of date. Review and try the merge again."]);
    assert_eq!(merge(&harness, "writer").await, stale);
    harness.as_user("writer", Method::PUT, "/pulls/1/update-branch", json!({})).await.expect(202);
    assert_eq!(merge(&harness, "writer").await, json!([405, "Required status check \"ci\" is expected."]));
    status(&harness, &harness.get("/pulls/1").await["head"]["sha"], "ci", "success").await;
    assert_eq!(state(&harness).await, "clean");
    assert_eq!(merge(&harness, "writer").await[0], 200);
}

#[tokio::test]
async fn only_reviews_with_write_access_count() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let reviews = json!({ "required_approving_review_count": 1 });
    protect(&harness, json!({ "required_pull_request_reviews": reviews, "enforce_admins": true })).await;
    assert_eq!(state(&harness).await, "blocked");
    let wanted = json!([405, "At least 1 approving review is required by reviewers with write access."]);
    assert_eq!(merge(&harness, "maintainer").await, wanted);
    harness.as_user("outsider", Method::POST, "/pulls/1/reviews", json!({ "event": "APPROVE" })).await.expect(200);
    assert_eq!(merge(&harness, "maintainer").await, wanted);
    let no = json!({ "event": "REQUEST_CHANGES", "body": "No." });
    harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", no).await.expect(200);
    let against = json!([405, "1 review requesting changes by reviewers with write access."]);
    assert_eq!(merge(&harness, "writer").await, against);
    harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", json!({ "event": "APPROVE" })).await.expect(200);
    assert_eq!(state(&harness).await, "clean");
    assert_eq!(merge(&harness, "writer").await[0], 200);
}

#[tokio::test]
async fn administrators_pass_until_they_are_held_to_the_rules_too() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let checks = json!({ "strict": false, "contexts": ["ci", "lint"] });
    protect(&harness, json!({ "required_status_checks": checks.clone(), "enforce_admins": true })).await;
    let wanted = json!([405, "2 of 2 required status checks are expected."]);
    assert_eq!(merge(&harness, "maintainer").await, wanted);
    assert_eq!(merge(&harness, "writer").await, wanted);
    protect(&harness, json!({ "required_status_checks": checks })).await;
    assert_eq!(merge(&harness, "writer").await, wanted);
    assert_eq!(state(&harness).await, "blocked");
    assert_eq!(merge(&harness, "maintainer").await[0], 200);
}

#[tokio::test]
async fn a_push_to_a_protected_branch_is_declined_and_the_others_of_the_same_push_go_through() {
    let harness = Harness::start().await;
    let main = harness.get("/git/ref/heads/main").await["object"]["sha"].clone();
    protect(&harness, json!({ "required_pull_request_reviews": {} })).await;
    let clone = harness.clone_as("playground-writer").await;
    let mine = clone.commit_on("main", "notes.md", "one\n").await;
    let declined = clone.git(&["push", "origin", "main", "main:side"]).await.unwrap_err();
    assert!(
        declined.contains("remote: error: GH006: Protected branch update failed for refs/heads/main."),
        "{declined}"
    );
    assert!(declined.contains("remote: - Changes must be made through a pull request."), "{declined}");
    assert!(declined.contains("! [remote rejected] main -> main (protected branch hook declined)"), "{declined}");
    assert_eq!(harness.get("/git/ref/heads/main").await["object"]["sha"], main);
    assert_eq!(harness.get("/git/ref/heads/side").await["object"]["sha"], mine);
    let moved = json!({ "sha": mine });
    let refused = harness.as_user("writer", Method::PATCH, "/git/refs/heads/main", moved).await.expect(422);
    assert_eq!(refused["message"], "Changes must be made through a pull request.");
    let put = json!({ "message": "Add", "content": "b25l" });
    let refused = harness.as_user("writer", Method::PUT, "/contents/x.md", put.clone()).await.expect(409);
    assert_eq!(refused["message"], "Could not create file: Changes must be made through a pull request.");
    let into = json!({ "base": "main", "head": "side" });
    harness.as_user("writer", Method::POST, "/merges", into).await.expect(409);
    harness.as_app(Method::PUT, "/contents/x.md", put).await.expect(409);
    let admin = harness.clone_as("playground-maintainer").await;
    admin.commit_on("main", "admin.md", "one\n").await;
    admin.git(&["push", "--quiet", "origin", "main"]).await.unwrap();
}

#[tokio::test]
async fn a_protected_branch_cannot_be_forced_or_deleted_before_that_is_allowed() {
    let harness = Harness::start().await;
    let sha = harness.get("/git/ref/heads/main").await["object"]["sha"].clone();
    let kept = json!({ "ref": "refs/heads/kept", "sha": sha });
    harness.as_user("writer", Method::POST, "/git/refs", kept).await.expect(201);
    let path = "/branches/kept/protection";
    harness.as_user("maintainer", Method::PUT, path, protection(json!({}))).await.expect(200);
    let clone = harness.clone_as("playground-maintainer").await;
    clone.git(&["checkout", "--quiet", "kept"]).await.unwrap();
    clone.git(&["commit", "--quiet", "--amend", "-m", "Another history"]).await.unwrap();
    let forced = clone.git(&["push", "--force", "origin", "kept"]).await.unwrap_err();
    assert!(forced.contains("GH006") && forced.contains("remote: - Cannot force-push to this branch"), "{forced}");
    let gone = clone.git(&["push", "origin", ":kept"]).await.unwrap_err();
    assert!(gone.contains("remote: - Cannot delete this branch"), "{gone}");
    harness.as_user("maintainer", Method::DELETE, "/git/refs/heads/kept", Value::Null).await.expect(422);
    let free = protection(json!({ "allow_force_pushes": true, "allow_deletions": true }));
    harness.as_user("maintainer", Method::PUT, path, free).await.expect(200);
    clone.git(&["push", "--quiet", "--force", "origin", "kept"]).await.unwrap();
    clone.git(&["push", "--quiet", "origin", ":kept"]).await.unwrap();
}

#[tokio::test]
async fn a_list_of_those_who_may_push_leaves_out_all_others() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let only_app = json!({ "users": [], "teams": [], "apps": ["playground-app"] });
    protect(&harness, json!({ "restrictions": only_app })).await;
    let refused = merge(&harness, "writer").await;
    assert!(refused[1].as_str().unwrap().starts_with("You're not authorized to push to this branch."), "{refused}");
    let sha = harness.get("/pulls/1").await["head"]["sha"].clone();
    let merged = harness.as_app(Method::PUT, "/pulls/1/merge", json!({ "sha": sha })).await;
    merged.expect(200);
}

#[tokio::test]
async fn a_linear_history_takes_squashes_only() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    protect(&harness, json!({ "required_linear_history": true })).await;
    assert_eq!(state(&harness).await, "clean");
    let refused = json!([405, "Merge commits are not allowed on this repository."]);
    assert_eq!(merge(&harness, "writer").await, refused);
    let clone = harness.clone_as("playground-writer").await;
    clone.git(&["merge", "--quiet", "--no-ff", "-m", "Merge", "origin/feature"]).await.unwrap();
    let declined = clone.git(&["push", "origin", "main"]).await.unwrap_err();
    assert!(declined.contains("This branch must not contain merge commits."), "{declined}");
    let squash = json!({ "merge_method": "squash" });
    harness.as_user("writer", Method::PUT, "/pulls/1/merge", squash).await.expect(200);
}

#[tokio::test]
async fn a_push_of_the_head_may_do_what_its_pull_request_may() {
    let harness = Harness::start().await;
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let checks = json!({ "strict": false, "contexts": ["ci"] });
    let reviews = json!({ "required_approving_review_count": 0 });
    protect(&harness, json!({ "required_status_checks": checks, "required_pull_request_reviews": reviews })).await;
    let clone = harness.clone_as("playground-writer").await;
    clone.git(&["merge", "--quiet", "--ff-only", "origin/feature"]).await.unwrap();
    let declined = clone.git(&["push", "origin", "main"]).await.unwrap_err();
    assert!(declined.contains("Required status check \"ci\" is expected."), "{declined}");
    status(&harness, &pull["head"]["sha"], "ci", "success").await;
    clone.git(&["push", "--quiet", "origin", "main"]).await.unwrap();
    assert_eq!(harness.get("/pulls/1").await["merged"], true);
}

#[tokio::test]
async fn the_parts_of_a_protection_are_read_one_by_one_by_administrators() {
    let harness = Harness::start().await;
    let part = |name: &str| format!("/branches/main/protection/{name}");
    let read = async |login: &str, name: &str| harness.as_user(login, Method::GET, &part(name), Value::Null).await;
    for name in ["enforce_admins", "required_pull_request_reviews", "required_status_checks"] {
        assert_eq!(read("maintainer", name).await.expect(404)["message"], "Branch not protected");
    }
    protect(&harness, json!({ "enforce_admins": true })).await;
    assert_eq!(read("maintainer", "enforce_admins").await.expect(200)["enabled"], true);
    for name in ["required_pull_request_reviews", "required_status_checks"] {
        read("maintainer", name).await.expect(404);
    }
    let checks = json!({ "strict": true, "contexts": [], "checks": [{ "context": "playground-app", "app_id": 1 }] });
    let reviews = json!({ "required_approving_review_count": 2, "require_code_owner_reviews": true });
    protect(&harness, json!({ "required_status_checks": checks, "required_pull_request_reviews": reviews })).await;
    let shown = read("maintainer", "required_status_checks").await.expect(200);
    assert_eq!((&shown["strict"], &shown["contexts"]), (&json!(true), &json!(["playground-app"])));
    let shown = read("maintainer", "required_pull_request_reviews").await.expect(200);
    assert_eq!(
        (&shown["required_approving_review_count"], &shown["require_code_owner_reviews"]),
        (&json!(2), &json!(true))
    );
    for name in ["enforce_admins", "required_pull_request_reviews", "required_status_checks"] {
        read("writer", name).await.expect(404);
    }
}
