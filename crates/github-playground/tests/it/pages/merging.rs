//! The merge box of a pull request's page, and the page of the merge queue.

use reqwest::Method;
use serde_json::json;

use super::Browser;
use crate::support::{Harness, Receiver};

#[tokio::test]
async fn a_page_says_what_the_rules_miss_and_has_the_pull_request_wait_in_line_by_forms_alone() {
    let harness = Harness::start().await;
    harness.require_queue(json!({})).await;
    harness.playground.subscribe(&["merge_group"]);
    harness.as_user("maintainer", Method::PATCH, "", json!({ "allow_auto_merge": true })).await.expect(200);
    let hooks = Receiver::of(&harness).await;
    let pull = harness.open_pull("feature", "notes.txt", "one\n", json!({})).await;
    harness.wait_mergeable(1, true).await;

    let outsider = Browser::acting_as(&harness, "outsider").await.open("/acme/widgets/pull/1").await;
    let acts = ["merge", "auto-merge", "enqueue", "dequeue"].map(str::to_owned);
    assert!(!acts.iter().any(|act| outsider.forms().contains(act)), "{:?}", outsider.forms());
    let mut writer = Browser::acting_as(&harness, "writer").await;
    let page = writer.open("/acme/widgets/pull/1").await;
    assert_eq!(page.words_of(".reasons li"), ["Required status check \"ci\" is expected."]);
    assert!(!page.forms().contains(&"merge".to_owned()), "the queue merges, and nobody else");
    let page = writer.send(page.form("enqueue").press("Add to the merge queue")).await;
    assert!(page.refusal().contains("Required status check \"ci\" is expected."), "{}", page.refusal());
    let page = writer.open("/acme/widgets/pull/1").await;
    let page = writer.send(page.form("auto-merge").choose("method", "squash").press("Enable auto-merge")).await;
    let armed = hooks.next("pull_request", "auto_merge_enabled").await.payload;
    assert_eq!(armed["pull_request"]["auto_merge"]["merge_method"], "squash");
    assert!(page.words().contains("writer wants it merged as soon as nothing is missing"), "{}", page.words());
    let page = writer.send(page.form("no-auto-merge").press("Do not merge it by itself")).await;
    assert!(!page.words().contains("as soon as nothing is missing"), "{}", page.words());

    let status = json!({ "context": "ci", "state": "success" });
    let path = format!("/statuses/{}", pull["head"]["sha"].as_str().unwrap());
    harness.as_user("writer", Method::POST, &path, status).await.expect(201);
    let page = writer.open("/acme/widgets/pull/1").await;
    assert_eq!(page.words_of(".reasons li"), [""; 0]);
    let page = writer.send(page.form("enqueue").press("Add to the merge queue")).await;
    assert!(page.words().contains("It is number 1 in the merge queue."), "{}", page.words());
    assert!(page.words().contains("writer put this into the merge queue"), "{}", page.words());
    let group = hooks.next("merge_group", "checks_requested").await.payload["merge_group"].clone();
    let queue = writer.open("/acme/widgets/queue/main").await;
    let row = queue.words_of(".rows li").join(" ");
    let sha = &group["head_sha"].as_str().unwrap()[..7];
    assert!(row.starts_with("Change notes.txt #1") && row.contains("awaiting checks") && row.contains(sha), "{row}");
    let page = writer.open("/acme/widgets/pull/1").await;
    let page = writer.send(page.form("dequeue").press("Remove from the queue")).await;
    assert!(page.words().contains("writer took this out of the merge queue"), "{}", page.words());
    let queue = writer.open("/acme/widgets/queue/main").await;
    assert!(queue.words().contains("Nobody is in line."), "{}", queue.words());
    let absent = format!("{}/acme/widgets/queue/other", harness.playground.url);
    assert_eq!(harness.client.get(absent).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_user_with_a_bypass_is_informed_of_it() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.txt", "one\n", json!({})).await;
    let protection = json!({
        "required_status_checks": null, "enforce_admins": false, "restrictions": null,
        "required_pull_request_reviews": { "required_approving_review_count": 1 },
    });
    harness.as_user("maintainer", Method::PUT, "/branches/main/protection", protection).await.expect(200);
    let wanted = "At least 1 approving review is required by reviewers with write access.";
    for (login, excused) in [("writer", false), ("maintainer", true)] {
        let page = Browser::acting_as(&harness, login).await.open("/acme/widgets/pull/1").await;
        assert_eq!(page.words_of(".reasons li"), [wanted]);
        assert_eq!(page.words().contains("They do not hold for you."), excused, "{login}");
    }
}
