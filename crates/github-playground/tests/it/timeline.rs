//! The events of an issue in their order.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::Harness;

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|line| line["event"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_pull_requests_timeline_has_its_commits_reviews_comments_and_mentions() {
    let harness = Harness::start().await;
    harness.open_pull("topic", "README.md", "Topic\n", json!({})).await;
    let comment = json!({ "path": "README.md", "line": 1, "side": "RIGHT", "body": "Why?" });
    let review = json!({ "event": "COMMENT", "body": "One question", "comments": [comment] });
    harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", review).await.expect(200);
    harness.as_user("writer", Method::POST, "/issues/1/comments", json!({ "body": "Because." })).await.expect(201);
    harness
        .as_user("outsider", Method::POST, "/issues", json!({ "title": "Later", "body": "After #1." }))
        .await
        .expect(201);
    harness
        .as_user("outsider", Method::POST, "/issues", json!({ "title": "Other", "body": "See #12" }))
        .await
        .expect(201);
    harness.as_user("writer", Method::PATCH, "/pulls/1", json!({ "title": "Say topic" })).await.expect(200);
    harness.as_user("writer", Method::PATCH, "/pulls/1", json!({ "state": "closed" })).await.expect(200);
    let timeline = harness.get("/issues/1/timeline").await;
    let expected = ["committed", "reviewed", "line-commented", "commented", "cross-referenced", "renamed", "closed"];
    assert_eq!(names(&timeline), expected);
    assert_eq!(timeline[1]["state"], "commented");
    assert_eq!(timeline[2]["comments"][0]["body"], "Why?");
    assert_eq!(timeline[4]["source"]["issue"]["number"], 2);
    assert_eq!(timeline[5]["rename"], json!({ "from": "Change README.md", "to": "Say topic" }));
    let events = harness.get("/issues/1/events").await;
    assert_eq!(names(&events), ["renamed", "closed"]);
    let second = harness.as_user("writer", Method::GET, "/issues/1/timeline?per_page=3&page=3", Value::Null).await;
    assert!(second.headers["link"].to_str().unwrap().contains("rel=\"prev\""));
    assert_eq!(names(&second.body), ["closed"]);
}

#[tokio::test]
async fn the_events_of_a_repository_are_listed_newest_first_with_their_issues() {
    let harness = Harness::start().await;
    for title in ["One", "Two"] {
        harness.as_user("outsider", Method::POST, "/issues", json!({ "title": title })).await.expect(201);
    }
    harness.as_user("writer", Method::POST, "/issues/1/labels", json!(["bug"])).await.expect(200);
    let edit = json!({ "state": "closed", "state_reason": "not_planned" });
    harness.as_user("writer", Method::PATCH, "/issues/2", edit).await.expect(200);
    let events = harness.get("/issues/events").await;
    assert_eq!(names(&events), ["closed", "labeled"]);
    assert_eq!((&events[0]["issue"]["number"], &events[1]["issue"]["number"]), (&json!(2), &json!(1)));
    assert_eq!(events[0]["issue"]["state_reason"], "not_planned");
}
