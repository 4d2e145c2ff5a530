//! What happens to pull requests when their branches are renamed, retargeted, deleted or created again.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver};

async fn branch(harness: &Harness, name: &str, from: &str) -> Value {
    let sha = harness.get(&format!("/git/ref/heads/{from}")).await["object"]["sha"].clone();
    let made = json!({ "ref": format!("refs/heads/{name}"), "sha": sha });
    harness.as_user("writer", Method::POST, "/git/refs", made).await.expect(201);
    sha
}

#[tokio::test]
async fn a_change_of_the_base_is_announced_with_the_old_one_and_changes_the_diff() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.open_pull("first", "one.md", "one\n", json!({})).await;
    let clone = harness.clone_as("playground-writer").await;
    clone.git(&["checkout", "--quiet", "-b", "second", "origin/first"]).await.unwrap();
    clone.commit_on("second", "two.md", "two\n").await;
    clone.git(&["push", "--quiet", "origin", "second"]).await.unwrap();
    let stacked = json!({ "title": "On top", "head": "second", "base": "first" });
    let opened = harness.as_user("writer", Method::POST, "/pulls", stacked).await.expect(201);
    assert_eq!(opened["commits"], 1);
    let onto = json!({ "base": "main" });
    let moved = harness.as_user("writer", Method::PATCH, "/pulls/2", onto).await.expect(200);
    assert_eq!(
        (&moved["commits"], &moved["base"]["ref"], &moved["mergeable"]),
        (&json!(2), &json!("main"), &Value::Null)
    );
    let edited = receiver.next("pull_request", "edited").await.payload;
    assert_eq!(
        (&edited["changes"]["base"]["ref"]["from"], &edited["changes"]["base"]["sha"]["from"]),
        (&json!("first"), &opened["base"]["sha"])
    );
    harness.as_user("writer", Method::PATCH, "/pulls/2", json!({ "base": "nowhere" })).await.expect(422);
}

#[tokio::test]
async fn deleting_a_branch_by_hand_closes_the_pull_requests_from_it_and_into_it() {
    let harness = Harness::start().await;
    branch(&harness, "side", "main").await;
    harness.open_pull("first", "one.md", "one\n", json!({ "base": "side" })).await;
    harness.open_pull("second", "two.md", "two\n", json!({})).await;
    for name in ["side", "second"] {
        harness.as_user("writer", Method::DELETE, &format!("/git/refs/heads/{name}"), Value::Null).await.expect(204);
    }
    for number in [1, 2] {
        let pull = harness.get(&format!("/pulls/{number}")).await;
        assert_eq!((&pull["state"], &pull["merged"]), (&json!("closed"), &json!(false)));
        let open = json!({ "state": "open" });
        harness.as_user("writer", Method::PATCH, &format!("/pulls/{number}"), open).await.expect(422);
    }
}

#[tokio::test]
async fn a_closed_pull_request_can_be_reopened_unless_its_head_was_forced() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    harness.as_user("writer", Method::PATCH, "/pulls/1", json!({ "state": "closed" })).await.expect(200);
    let clone = harness.clone_as("playground-writer").await;
    let sha = clone.commit_on("feature", "notes.md", "one\ntwo\n").await;
    clone.git(&["push", "--quiet", "origin", "feature"]).await.unwrap();
    let opened = harness.as_user("writer", Method::PATCH, "/pulls/1", json!({ "state": "open" })).await.expect(200);
    assert_eq!(opened["head"]["sha"], sha);
    receiver.next("pull_request", "reopened").await;
    harness.as_user("writer", Method::PATCH, "/pulls/1", json!({ "state": "closed" })).await.expect(200);
    clone.git(&["commit", "--quiet", "--amend", "-m", "Another"]).await.unwrap();
    clone.git(&["push", "--quiet", "--force", "origin", "feature"]).await.unwrap();
    let refused = harness.as_user("writer", Method::PATCH, "/pulls/1", json!({ "state": "open" })).await.expect(422);
    let words = "state cannot be changed. The feature branch was force-pushed or recreated.";
    assert_eq!(refused["errors"][0]["message"], words);
}

#[tokio::test]
async fn a_renamed_branch_takes_its_protection_and_what_targets_it_along() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let protection = json!({ "required_status_checks": null, "enforce_admins": null, "required_pull_request_reviews": null, "restrictions": null });
    harness.as_user("maintainer", Method::PUT, "/branches/main/protection", protection).await.expect(200);
    let trunk = json!({ "new_name": "trunk" });
    harness.as_user("writer", Method::POST, "/branches/main/rename", trunk.clone()).await.expect(403);
    harness
        .as_user("maintainer", Method::POST, "/branches/main/rename", json!({ "new_name": "feature" }))
        .await
        .expect(422);
    harness.as_user("maintainer", Method::POST, "/branches/none/rename", trunk.clone()).await.expect(404);
    let renamed = harness.as_user("maintainer", Method::POST, "/branches/main/rename", trunk).await.expect(201);
    assert_eq!((&renamed["name"], &renamed["protected"]), (&json!("trunk"), &json!(true)));
    assert_eq!(harness.get("").await["default_branch"], "trunk");
    let pull = harness.wait_mergeable(1, true).await;
    assert_eq!((&pull["state"], &pull["base"]["ref"]), (&json!("open"), &json!("trunk")));
    assert_eq!(receiver.next("pull_request", "edited").await.payload["changes"]["base"]["ref"]["from"], "main");
    harness.as_user("writer", Method::POST, "/branches/feature/rename", json!({ "new_name": "x/y" })).await.expect(201);
    assert_eq!(harness.get("/pulls/1").await["state"], "closed");
    let clone = harness.clone_as("playground-writer").await;
    assert_eq!(clone.git(&["rev-parse", "--abbrev-ref", "HEAD"]).await.unwrap(), "trunk");
}

#[tokio::test]
async fn deleting_a_merged_head_retargets_the_pull_requests_on_top() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    let setting = json!({ "delete_branch_on_merge": true });
    harness.as_user("maintainer", Method::PATCH, "", setting).await.expect(200);
    harness.open_pull("first", "one.md", "one\n", json!({})).await;
    let clone = harness.clone_as("playground-writer").await;
    clone.git(&["checkout", "--quiet", "-b", "second", "origin/first"]).await.unwrap();
    clone.commit_on("second", "two.md", "two\n").await;
    clone.git(&["push", "--quiet", "origin", "second"]).await.unwrap();
    let stacked = json!({ "title": "On top", "head": "second", "base": "first" });
    harness.as_user("writer", Method::POST, "/pulls", stacked).await.expect(201);
    harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(200);
    let on_top = harness.get("/pulls/2").await;
    assert_eq!(
        (&on_top["state"], &on_top["base"]["ref"], &on_top["commits"]),
        (&json!("open"), &json!("main"), &json!(1))
    );
    assert_eq!(receiver.next("pull_request", "edited").await.payload["number"], 2);
    assert_eq!(receiver.next("delete", "").await.payload["ref"], "first");
    harness.as_user("writer", Method::GET, "/git/ref/heads/first", Value::Null).await.expect(404);
}

#[tokio::test]
async fn a_method_that_the_repository_does_not_offer_is_refused() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    harness.as_user("maintainer", Method::PATCH, "", json!({ "allow_squash_merge": false })).await.expect(200);
    let refused =
        harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({ "merge_method": "squash" })).await.expect(405);
    assert_eq!(refused["message"], "Squash merges are not allowed on this repository.");
    harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({ "merge_method": "rebase" })).await.expect(200);
}
