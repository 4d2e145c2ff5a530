//! Webhooks: signed, complete, stored, and redelivered on request.

use std::collections::BTreeSet;

use octocrab::models::webhook_events::WebhookEvent;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver, wait_for};

#[tokio::test]
async fn a_label_reaches_the_app_signed_and_with_githubs_headers() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Do it" })).await.expect(201);
    harness.as_user("triager", Method::POST, "/issues/1/labels", json!(["bug"])).await.expect(200);
    let hook = receiver.next("issues", "labeled").await;
    assert!(hook.signed);
    assert_eq!(hook.payload["label"]["name"], "bug");
    assert_eq!(hook.payload["issue"]["labels"][0]["name"], "bug");
    assert_eq!(hook.payload["sender"]["login"], "triager");
    assert_eq!(hook.payload["repository"]["full_name"], "acme/widgets");
    assert_eq!(hook.payload["organization"]["login"], "acme");
    assert_eq!(hook.payload["installation"]["id"], harness.playground.installation_id);
    let header = |name: &str| hook.headers[name].to_str().unwrap().to_owned();
    assert!(header("user-agent").starts_with("GitHub-Hookshot/"));
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("x-github-hook-installation-target-type"), "integration");
    assert_eq!(header("x-github-hook-installation-target-id"), "1");
    assert!(uuid::Uuid::parse_str(&hook.guid).is_ok());
}

#[tokio::test]
async fn the_events_of_a_pull_request_are_announced() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.open_pull("feature", "notes.md", "one\n", json!({ "draft": true })).await;
    let clone = harness.clone_as("playground-writer").await;
    let sha = clone.commit_on("feature", "notes.md", "one\ntwo\n").await;
    clone.git(&["push", "--quiet", "origin", "feature"]).await.unwrap();
    let synchronized = receiver.next("pull_request", "synchronize").await;
    assert_eq!(synchronized.payload["after"], sha);
    assert_eq!(synchronized.payload["pull_request"]["head"]["sha"], sha);
    harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", json!({ "event": "APPROVE" })).await.expect(200);
    let review = receiver.next("pull_request_review", "submitted").await;
    assert_eq!(review.payload["review"]["state"], "approved");
    let comment = json!({ "body": "Why?", "path": "notes.md", "line": 1, "side": "RIGHT", "commit_id": sha });
    harness.as_user("maintainer", Method::POST, "/pulls/1/comments", comment).await.expect(201);
    receiver.next("pull_request_review_comment", "created").await;
    let run = json!({ "name": "test", "head_sha": sha, "conclusion": "success" });
    harness.as_app(Method::POST, "/check-runs", run).await.expect(201);
    let completed = receiver.next("check_run", "completed").await;
    assert_eq!(completed.payload["sender"]["type"], "Bot");
    assert_eq!(completed.payload["check_run"]["pull_requests"][0]["number"], 1);
    receiver.next("check_suite", "completed").await;
    harness.as_user("writer", Method::DELETE, "/git/refs/heads/feature", Value::Null).await.expect(204);
    assert_eq!(receiver.next("pull_request", "closed").await.payload["pull_request"]["merged"], false);
    assert_eq!(receiver.next("delete", "").await.payload["ref"], "feature");
    let kinds: BTreeSet<String> = receiver.all().into_iter().map(|hook| hook.event).collect();
    assert!(kinds.is_superset(&["push", "create", "check_suite"].map(str::to_owned).into()), "{kinds:?}");
    for hook in receiver.all() {
        assert!(hook.signed);
        let read = WebhookEvent::try_from_header_and_body(&hook.event, &hook.payload.to_string());
        let read = read.unwrap_or_else(|error| panic!("{} does not read: {error}: {}", hook.event, hook.payload));
        assert!(read.sender.is_some() && read.repository.is_some() && read.installation.is_some());
    }
}

#[tokio::test]
async fn a_delivery_is_remembered_and_sent_again_under_its_guid() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Again" })).await.expect(201);
    let first = receiver.next("issues", "opened").await;
    let app = harness.app_token();
    let delivered = wait_for("the delivery's answer", async || {
        let listed = harness.call(Method::GET, "/app/hook/deliveries", &app, None).await.expect(200);
        listed.as_array().unwrap().iter().find(|all| all["guid"] == first.guid && all["status_code"] == 202).cloned()
    })
    .await;
    let path = format!("/app/hook/deliveries/{}", delivered["id"]);
    let whole = harness.call(Method::GET, &path, &app, None).await.expect(200);
    assert_eq!(whole["request"]["payload"], first.payload);
    assert_eq!(whole["request"]["headers"]["X-GitHub-Event"], "issues");
    harness.call(Method::POST, &format!("{path}/attempts"), &app, None).await.expect(202);
    wait_for("the second attempt", async || {
        let twins = receiver.all().into_iter().filter(|hook| hook.guid == first.guid).count();
        (twins == 2).then_some(())
    })
    .await;
    harness.call(Method::GET, "/app/hook/deliveries", "playground-maintainer", None).await.expect(401);
}

#[tokio::test]
async fn a_receiver_that_is_not_there_leaves_a_failed_delivery() {
    let harness = Harness::start().await;
    harness.playground.set_webhook_url("http://127.0.0.1:9/hook");
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Lost" })).await.expect(201);
    let app = harness.app_token();
    wait_for("the failure", async || {
        let failed = harness.call(Method::GET, "/app/hook/deliveries?status=failure", &app, None).await.expect(200);
        failed.as_array().unwrap().iter().any(|all| all["status"] == "failed to connect to host").then_some(())
    })
    .await;
}
