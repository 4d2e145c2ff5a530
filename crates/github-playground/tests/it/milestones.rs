//! Milestones, assignees, locks and labels: the data of an issue besides its text, and their webhooks.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver};

async fn open_issue(harness: &Harness, title: &str) -> Value {
    harness.as_user("outsider", Method::POST, "/issues", json!({ "title": title })).await.expect(201)
}

#[tokio::test]
async fn a_milestone_is_made_changed_closed_and_deleted() {
    let harness = Harness::start().await;
    harness.playground.subscribe(&["milestone"]);
    let receiver = Receiver::of(&harness).await;
    let asked = json!({ "title": "v1", "description": "First", "due_on": "2027-01-01T00:00:00Z" });
    harness.as_user("triager", Method::POST, "/milestones", asked.clone()).await.expect(403);
    let made = harness.as_user("writer", Method::POST, "/milestones", asked.clone()).await.expect(201);
    assert_eq!((&made["number"], &made["creator"]["login"]), (&json!(1), &json!("writer")));
    let twice = harness.as_user("writer", Method::POST, "/milestones", asked).await.expect(422);
    assert_eq!(twice["errors"][0]["code"], "already_exists");
    harness.as_user("writer", Method::POST, "/milestones", json!({ "title": "v2" })).await.expect(201);
    let titles = |list: &Value| list.as_array().unwrap().iter().map(|all| all["title"].clone()).collect::<Vec<_>>();
    assert_eq!(titles(&harness.get("/milestones?direction=desc").await), ["v2", "v1"]);
    let edit = json!({ "title": "v1.0", "state": "closed" });
    let closed = harness.as_user("writer", Method::PATCH, "/milestones/1", edit).await.expect(200);
    assert_eq!((&closed["state"], closed["closed_at"].is_string()), (&json!("closed"), true));
    assert_eq!(titles(&harness.get("/milestones").await), ["v2"]);
    assert_eq!(titles(&harness.get("/milestones?state=closed").await), ["v1.0"]);
    harness.as_user("writer", Method::PATCH, "/milestones/1", json!({ "state": "open" })).await.expect(200);
    harness.as_user("writer", Method::DELETE, "/milestones/1", Value::Null).await.expect(204);
    harness.as_user("writer", Method::GET, "/milestones/1", Value::Null).await.expect(404);
    let edited = receiver.next("milestone", "edited").await;
    assert_eq!(edited.payload["changes"], json!({ "title": { "from": "v1" } }));
    for action in ["created", "closed", "opened", "deleted"] {
        receiver.next("milestone", action).await;
    }
}

#[tokio::test]
async fn an_issue_goes_into_a_milestone_and_out_of_it() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    for title in ["v1", "v2"] {
        harness.as_user("writer", Method::POST, "/milestones", json!({ "title": title })).await.expect(201);
    }
    let asked = json!({ "title": "Grow", "milestone": 1, "assignees": ["writer"] });
    let issue = harness.as_user("triager", Method::POST, "/issues", asked).await.expect(201);
    assert_eq!((&issue["milestone"]["title"], &issue["assignee"]["login"]), (&json!("v1"), &json!("writer")));
    receiver.next("issues", "assigned").await;
    let unknown = harness.as_user("triager", Method::PATCH, "/issues/1", json!({ "milestone": 9 })).await.expect(422);
    assert_eq!(unknown["errors"][0]["field"], "milestone");
    harness.as_user("triager", Method::PATCH, "/issues/1", json!({ "milestone": 2 })).await.expect(200);
    assert_eq!(harness.get("/milestones/2").await["open_issues"], 1);
    assert_eq!(harness.get("/issues?milestone=2").await.as_array().unwrap().len(), 1);
    assert_eq!(harness.get("/issues?milestone=none").await, json!([]));
    harness.as_user("triager", Method::PATCH, "/issues/1", json!({ "milestone": null })).await.expect(200);
    assert_eq!(harness.get("/issues/1").await["milestone"], Value::Null);
    assert_eq!(receiver.count("issues", "milestoned", 2).await, 2);
    assert_eq!(receiver.count("issues", "demilestoned", 2).await, 2);
    let events = harness.get("/issues/1/events").await;
    let named: Vec<_> = events.as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(named, ["assigned", "milestoned", "demilestoned", "milestoned", "demilestoned"]);
    assert_eq!(events[1]["milestone"]["title"], "v1");
}

#[tokio::test]
async fn each_change_of_assignees_is_announced() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    open_issue(&harness, "Who?").await;
    let all = json!({ "assignees": ["writer", "maintainer", "nobody"] });
    let issue = harness.as_user("triager", Method::POST, "/issues/1/assignees", all).await.expect(201);
    assert_eq!(issue["assignees"].as_array().unwrap().len(), 2, "who cannot be assigned is left out");
    let one = json!({ "assignees": ["writer"] });
    harness.as_user("outsider", Method::DELETE, "/issues/1/assignees", one.clone()).await.expect(403);
    let issue = harness.as_user("triager", Method::DELETE, "/issues/1/assignees", one).await.expect(200);
    assert_eq!(issue["assignees"][0]["login"], "maintainer");
    assert_eq!(receiver.count("issues", "assigned", 2).await, 2);
    assert_eq!(receiver.next("issues", "unassigned").await.payload["assignee"]["login"], "writer");
    let events = harness.get("/issues/1/events").await;
    assert_eq!(
        (&events[2]["assignee"]["login"], &events[2]["assigner"]["login"]),
        (&json!("writer"), &json!("triager"))
    );
}

#[tokio::test]
async fn users_with_push_access_can_comment_in_a_locked_conversation() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    open_issue(&harness, "Loud").await;
    harness.as_user("triager", Method::PUT, "/issues/1/lock", Value::Null).await.expect(403);
    let reason = json!({ "lock_reason": "boring" });
    harness.as_user("writer", Method::PUT, "/issues/1/lock", reason).await.expect(422);
    let reason = json!({ "lock_reason": "too heated" });
    harness.as_user("writer", Method::PUT, "/issues/1/lock", reason).await.expect(204);
    let issue = harness.get("/issues/1").await;
    assert_eq!((&issue["locked"], &issue["active_lock_reason"]), (&json!(true), &json!("too heated")));
    let comment = json!({ "body": "And another thing" });
    let refused = harness.as_user("outsider", Method::POST, "/issues/1/comments", comment.clone()).await.expect(403);
    assert_eq!(refused["message"], "Unable to create comment because issue is locked.");
    harness.as_user("writer", Method::POST, "/issues/1/comments", comment.clone()).await.expect(201);
    harness.as_app(Method::POST, "/issues/1/comments", comment.clone()).await.expect(201);
    harness.as_user("writer", Method::DELETE, "/issues/1/lock", Value::Null).await.expect(204);
    harness.as_user("outsider", Method::POST, "/issues/1/comments", comment).await.expect(201);
    assert_eq!(receiver.next("issues", "locked").await.payload["issue"]["locked"], true);
    receiver.next("issues", "unlocked").await;
    assert_eq!(harness.get("/issues/1/events").await[0]["lock_reason"], "too heated");
    harness.open_pull("topic", "A.md", "a\n", json!({})).await;
    harness.as_user("writer", Method::PUT, "/issues/2/lock", Value::Null).await.expect(204);
    assert_eq!(harness.get("/pulls/2").await["locked"], true);
    receiver.next("pull_request", "locked").await;
}

#[tokio::test]
async fn labels_are_announced_and_are_removed_from_issues_without_an_event() {
    let harness = Harness::start().await;
    harness.playground.subscribe(&["label"]);
    let receiver = Receiver::of(&harness).await;
    let label = json!({ "name": "big", "color": "AA0000", "description": "Takes long" });
    harness.as_user("writer", Method::POST, "/labels", label).await.expect(201);
    open_issue(&harness, "Big").await;
    harness.as_user("writer", Method::POST, "/issues/1/labels", json!(["big", "new"])).await.expect(200);
    assert_eq!(receiver.count("label", "created", 2).await, 2, "one of them by setting it");
    let taken = harness.as_user("writer", Method::PATCH, "/labels/big", json!({ "new_name": "BUG" })).await.expect(422);
    assert_eq!(taken["errors"][0]["code"], "already_exists");
    harness.as_user("writer", Method::PATCH, "/labels/big", json!({ "new_name": "huge" })).await.expect(200);
    let edited = receiver.next("label", "edited").await;
    assert_eq!(edited.payload["changes"], json!({ "name": { "from": "big" } }));
    assert_eq!(harness.get("/issues/1").await["labels"][0]["name"], "huge");
    harness.as_user("writer", Method::DELETE, "/labels/huge", Value::Null).await.expect(204);
    receiver.next("label", "deleted").await;
    assert_eq!(harness.get("/issues/1").await["labels"].as_array().unwrap().len(), 1);
    harness.as_user("writer", Method::DELETE, "/issues/1/labels", Value::Null).await.expect(204);
    assert_eq!(receiver.next("issues", "unlabeled").await.payload["label"]["name"], "new");
    assert_eq!(receiver.count("issues", "unlabeled", 1).await, 1, "none for the deleted one");
}
