//! Sub-issues.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver};

/// Opens issues, and returns their ids.
async fn open(harness: &Harness, count: u64) -> Vec<u64> {
    let mut ids = Vec::new();
    for number in 1..=count {
        let issue = json!({ "title": format!("Part {number}") });
        let issue = harness.as_user("writer", Method::POST, "/issues", issue).await.expect(201);
        ids.push(issue["id"].as_u64().unwrap());
    }
    ids
}

async fn add(harness: &Harness, parent: u64, id: u64, status: u16) -> Value {
    let path = format!("/issues/{parent}/sub_issues");
    harness.as_user("triager", Method::POST, &path, json!({ "sub_issue_id": id })).await.expect(status)
}

#[tokio::test]
async fn an_issue_has_ordered_sub_issues_and_each_has_one_parent() {
    let harness = Harness::start().await;
    harness.playground.subscribe(&["sub_issues"]);
    let receiver = Receiver::of(&harness).await;
    let ids = open(&harness, 4).await;
    let id = json!({ "sub_issue_id": ids[1] });
    harness.as_user("outsider", Method::POST, "/issues/1/sub_issues", id.clone()).await.expect(403);
    let parent = add(&harness, 1, ids[1], 201).await;
    assert_eq!(parent["sub_issues_summary"], json!({ "total": 1, "completed": 0, "percent_completed": 0 }));
    add(&harness, 1, ids[2], 201).await;
    add(&harness, 1, 1, 404).await;
    let twice = add(&harness, 4, ids[1], 422).await;
    assert!(twice["message"].as_str().unwrap().contains("may only have one parent"), "{twice}");
    add(&harness, 2, ids[0], 422).await;
    add(&harness, 1, ids[0], 422).await;
    let numbers = async || {
        let parts = harness.get("/issues/1/sub_issues").await;
        parts.as_array().unwrap().iter().map(|part| part["number"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers().await, [2, 3]);
    let order = json!({ "sub_issue_id": ids[2], "before_id": ids[1] });
    harness.as_user("triager", Method::PATCH, "/issues/1/sub_issues/priority", order).await.expect(200);
    assert_eq!(numbers().await, [3, 2]);
    let neither = json!({ "sub_issue_id": ids[2] });
    harness.as_user("triager", Method::PATCH, "/issues/1/sub_issues/priority", neither).await.expect(422);
    assert_eq!(harness.get("/issues/2/parent").await["number"], 1);
    assert!(harness.get("/issues/2").await["parent_issue_url"].as_str().unwrap().ends_with("/issues/1"));
    harness.as_user("writer", Method::PATCH, "/issues/3", json!({ "state": "closed" })).await.expect(200);
    assert_eq!(harness.get("/issues/1").await["sub_issues_summary"]["percent_completed"], 50);
    let replace = json!({ "sub_issue_id": ids[1], "replace_parent": true });
    harness.as_user("triager", Method::POST, "/issues/4/sub_issues", replace).await.expect(201);
    assert_eq!(numbers().await, [3]);
    let third = json!({ "sub_issue_id": ids[2] });
    harness.as_user("triager", Method::DELETE, "/issues/1/sub_issue", third.clone()).await.expect(200);
    harness.as_user("triager", Method::DELETE, "/issues/1/sub_issue", third).await.expect(404);
    harness.as_user("triager", Method::GET, "/issues/3/parent", Value::Null).await.expect(404);
    for (action, count) in
        [("sub_issue_added", 3), ("parent_issue_added", 3), ("sub_issue_removed", 2), ("parent_issue_removed", 2)]
    {
        assert_eq!(receiver.count("sub_issues", action, count).await, count, "{action}");
    }
    let added = receiver.next("sub_issues", "sub_issue_added").await.payload;
    assert_eq!((&added["sub_issue"]["number"], &added["parent_issue"]["number"]), (&json!(2), &json!(1)));
    let timeline = harness.get("/issues/1/timeline").await;
    assert_eq!(timeline[0]["event"], "sub_issue_added");
    assert_eq!(timeline[0]["sub_issue"]["number"], 2);
}

#[tokio::test]
async fn a_family_has_at_most_eight_levels() {
    let harness = Harness::start().await;
    let ids = open(&harness, 9).await;
    for parent in 1..8 {
        add(&harness, parent, ids[usize::try_from(parent).unwrap()], 201).await;
    }
    let deep = add(&harness, 8, ids[8], 422).await;
    assert!(deep["message"].as_str().unwrap().contains("8 layers"), "{deep}");
}
