//! Issues that are part of others.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Receiver, World};

/// Opens issues, and answers with their ids.
async fn open(world: &World, count: u64) -> Vec<u64> {
    let mut ids = Vec::new();
    for number in 1..=count {
        let issue = json!({ "title": format!("Part {number}") });
        let issue = world.as_user("writer", Method::POST, "/issues", issue).await.expect(201);
        ids.push(issue["id"].as_u64().unwrap());
    }
    ids
}

async fn add(world: &World, parent: u64, id: u64, status: u16) -> Value {
    let path = format!("/issues/{parent}/sub_issues");
    world.as_user("triager", Method::POST, &path, json!({ "sub_issue_id": id })).await.expect(status)
}

#[tokio::test]
async fn an_issue_has_parts_in_an_order_and_each_part_one_parent() {
    let world = World::start().await;
    world.playground.subscribe(&["sub_issues"]);
    let receiver = Receiver::of(&world).await;
    let ids = open(&world, 4).await;
    let id = json!({ "sub_issue_id": ids[1] });
    world.as_user("outsider", Method::POST, "/issues/1/sub_issues", id.clone()).await.expect(403);
    let parent = add(&world, 1, ids[1], 201).await;
    assert_eq!(parent["sub_issues_summary"], json!({ "total": 1, "completed": 0, "percent_completed": 0 }));
    add(&world, 1, ids[2], 201).await;
    add(&world, 1, 1, 404).await;
    let twice = add(&world, 4, ids[1], 422).await;
    assert!(twice["message"].as_str().unwrap().contains("may only have one parent"), "{twice}");
    add(&world, 2, ids[0], 422).await;
    add(&world, 1, ids[0], 422).await;
    let numbers = async || {
        let parts = world.get("/issues/1/sub_issues").await;
        parts.as_array().unwrap().iter().map(|part| part["number"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers().await, [2, 3]);
    let order = json!({ "sub_issue_id": ids[2], "before_id": ids[1] });
    world.as_user("triager", Method::PATCH, "/issues/1/sub_issues/priority", order).await.expect(200);
    assert_eq!(numbers().await, [3, 2]);
    let neither = json!({ "sub_issue_id": ids[2] });
    world.as_user("triager", Method::PATCH, "/issues/1/sub_issues/priority", neither).await.expect(422);
    assert_eq!(world.get("/issues/2/parent").await["number"], 1);
    assert!(world.get("/issues/2").await["parent_issue_url"].as_str().unwrap().ends_with("/issues/1"));
    world.as_user("writer", Method::PATCH, "/issues/3", json!({ "state": "closed" })).await.expect(200);
    assert_eq!(world.get("/issues/1").await["sub_issues_summary"]["percent_completed"], 50);
    let replace = json!({ "sub_issue_id": ids[1], "replace_parent": true });
    world.as_user("triager", Method::POST, "/issues/4/sub_issues", replace).await.expect(201);
    assert_eq!(numbers().await, [3]);
    let third = json!({ "sub_issue_id": ids[2] });
    world.as_user("triager", Method::DELETE, "/issues/1/sub_issue", third.clone()).await.expect(200);
    world.as_user("triager", Method::DELETE, "/issues/1/sub_issue", third).await.expect(404);
    world.as_user("triager", Method::GET, "/issues/3/parent", Value::Null).await.expect(404);
    for (action, count) in
        [("sub_issue_added", 3), ("parent_issue_added", 3), ("sub_issue_removed", 2), ("parent_issue_removed", 2)]
    {
        assert_eq!(receiver.count("sub_issues", action, count).await, count, "{action}");
    }
    let added = receiver.next("sub_issues", "sub_issue_added").await.payload;
    assert_eq!((&added["sub_issue"]["number"], &added["parent_issue"]["number"]), (&json!(2), &json!(1)));
    let timeline = world.get("/issues/1/timeline").await;
    assert_eq!(timeline[0]["event"], "sub_issue_added");
    assert_eq!(timeline[0]["sub_issue"]["number"], 2);
}

#[tokio::test]
async fn a_family_has_at_most_eight_levels() {
    let world = World::start().await;
    let ids = open(&world, 9).await;
    for parent in 1..8 {
        add(&world, parent, ids[usize::try_from(parent).unwrap()], 201).await;
    }
    let deep = add(&world, 8, ids[8], 422).await;
    assert!(deep["message"].as_str().unwrap().contains("8 layers"), "{deep}");
}
