//! Issues that are transferred: what moves with them, the redirect of the old number, and the webhooks.

use reqwest::{Method, redirect::Policy};
use serde_json::{Value, json};

use super::pages::Browser;
use super::support::{Harness, Receiver, Reply};

const TRANSFER: &str = "mutation($id: ID!, $to: ID!, $make: Boolean) { transferIssue(input: { issueId: $id, repositoryId: $to, \
                        createLabelsIfMissing: $make }) { issue { number title repository { nameWithOwner } labels(first: 9) { nodes { name } } } } }";

/// Another repository of the organisation.
async fn another(harness: &Harness, more: Value) -> Value {
    let mut new = json!({ "name": "gears", "auto_init": true });
    new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = harness.call(Method::POST, "/orgs/acme/repos", "playground-maintainer", Some(new)).await.expect(201);
    let writer = format!("/repos/acme/{}/collaborators/writer", made["name"].as_str().unwrap());
    let role = Some(json!({ "permission": "push" }));
    harness.call(Method::PUT, &writer, "playground-maintainer", role).await;
    made
}

async fn transfer(harness: &Harness, login: &str, issue: &Value, to: &Value, make: bool) -> Value {
    harness.graphql(login, TRANSFER, json!({ "id": issue["node_id"], "to": to["node_id"], "make": make })).await
}

async fn there(harness: &Harness, path: &str) -> Value {
    harness.call(Method::GET, &format!("/repos/acme/gears{path}"), "playground-writer", None).await.expect(200)
}

/// Sends a request without following redirects.
async fn stubborn(harness: &Harness, method: Method, path: &str, token: &str) -> Reply {
    let client = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let request = client.request(method, format!("{}/api/v3/repos/acme/widgets{path}", harness.playground.url));
    let response = request.bearer_auth(token).json(&json!({})).send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Reply { status, headers, body: response.json().await.unwrap_or_default() }
}

#[tokio::test]
async fn a_transferred_issue_keeps_what_the_other_repository_has_and_its_old_number_redirects() {
    let harness = Harness::start().await;
    let gears = another(&harness, json!({})).await;
    assert!(harness.playground.add_repository_to_installation("acme/gears"));
    let receiver = Receiver::of(&harness).await;
    for at in ["widgets", "gears"] {
        let milestone = Some(json!({ "title": "v1" }));
        let path = format!("/repos/acme/{at}/milestones");
        harness.call(Method::POST, &path, "playground-maintainer", milestone).await.expect(201);
    }
    harness
        .call(Method::POST, "/repos/acme/gears/issues", "playground-writer", Some(json!({ "title": "First" })))
        .await;
    harness.as_user("writer", Method::POST, "/labels", json!({ "name": "only here" })).await.expect(201);
    let body = json!({ "title": "Grind", "body": "Teeth", "labels": ["bug", "only here"], "milestone": 1,
                       "assignees": ["writer", "triager"] });
    let issue = harness.as_user("writer", Method::POST, "/issues", body).await.expect(201);
    let said = json!({ "body": "Which teeth?" });
    let comment = harness.as_user("triager", Method::POST, "/issues/1/comments", said).await.expect(201);

    let moved = transfer(&harness, "writer", &issue, &gears, false).await;
    let wanted = json!({ "number": 2, "title": "Grind", "repository": { "nameWithOwner": "acme/gears" },
                         "labels": { "nodes": [{ "name": "bug" }] } });
    assert_eq!(moved["data"]["transferIssue"]["issue"], wanted, "{moved}");
    let new = there(&harness, "/issues/2").await;
    assert_ne!(new["id"], issue["id"]);
    assert_eq!((&new["body"], &new["milestone"]["title"]), (&json!("Teeth"), &json!("v1")));
    assert_eq!(new["assignees"].as_array().unwrap().len(), 1, "who cannot be assigned there is left out");
    let comments = there(&harness, "/issues/2/comments").await;
    assert_eq!((&comments[0]["id"], &comments[0]["body"]), (&comment["id"], &json!("Which teeth?")));
    there(&harness, &format!("/issues/comments/{}", comment["id"])).await;
    let events = there(&harness, "/issues/2/events").await;
    assert_eq!(events.as_array().unwrap().last().unwrap()["event"], "transferred");
    assert!(harness.get("/issues?state=all").await.as_array().unwrap().is_empty());

    let away = stubborn(&harness, Method::GET, "/issues/1", "playground-writer").await;
    let place = format!("{}/api/v3/repositories/{}/issues/2", harness.playground.url, gears["id"]);
    assert_eq!((away.status.as_u16(), away.headers["location"].to_str().unwrap()), (301, place.as_str()));
    stubborn(&harness, Method::PATCH, "/issues/1", "playground-writer").await.expect(301);
    stubborn(&harness, Method::GET, "/issues/1/labels", "playground-writer").await.expect(301);
    stubborn(&harness, Method::GET, "/issues/1/comments", "playground-writer").await.expect(404);
    assert_eq!(harness.get("/issues/1").await["title"], "Grind", "a client that follows finds it");

    let told = receiver.next("issues", "transferred").await.payload;
    assert_eq!((&told["issue"]["number"], &told["repository"]["name"]), (&json!(1), &json!("widgets")));
    assert_eq!(told["changes"]["new_issue"]["number"], 2);
    assert_eq!(told["changes"]["new_repository"]["full_name"], "acme/gears");
    let opened = |all: &super::support::Received| all.payload["changes"]["old_issue"]["number"] == 1;
    let hook = super::support::wait_for("the opening there", async || receiver.all().into_iter().find(opened)).await;
    assert_eq!(
        (hook.payload["action"].as_str(), &hook.payload["repository"]["name"]),
        (Some("opened"), &json!("gears"))
    );
}

#[tokio::test]
async fn labels_are_made_where_that_is_asked_for_and_families_stay_together() {
    let harness = Harness::start().await;
    let gears = another(&harness, json!({})).await;
    harness.as_user("writer", Method::POST, "/labels", json!({ "name": "only here" })).await.expect(201);
    for title in ["Parent", "Child"] {
        let body = json!({ "title": title, "labels": ["only here"] });
        harness.as_user("writer", Method::POST, "/issues", body).await.expect(201);
    }
    let child = harness.get("/issues/2").await;
    let part = json!({ "sub_issue_id": child["id"] });
    harness.as_user("writer", Method::POST, "/issues/1/sub_issues", part).await.expect(201);
    transfer(&harness, "writer", &child, &gears, true).await;
    assert_eq!(there(&harness, "/issues/1").await["labels"][0]["name"], "only here");
    let parts = harness.get("/issues/1/sub_issues").await;
    assert_eq!(parts[0]["repository_url"], gears["url"]);
    assert_eq!(there(&harness, "/issues/1/parent").await["number"], 1);
    let parent = harness.get("/issues/1").await;
    transfer(&harness, "writer", &parent, &gears, false).await;
    assert_eq!(there(&harness, "/issues/1/parent").await["number"], 2);
}

#[tokio::test]
async fn an_issue_moves_only_where_github_lets_it() {
    let harness = Harness::start().await;
    let gears = another(&harness, json!({})).await;
    let own = Some(json!({ "name": "own", "auto_init": true }));
    let own = harness.call(Method::POST, "/user/repos", "playground-writer", own).await.expect(201);
    let issue = harness.as_user("outsider", Method::POST, "/issues", json!({ "title": "Mine" })).await.expect(201);
    let kind = async |login: &str, issue: &Value, to: &Value| {
        transfer(&harness, login, issue, to, false).await["errors"][0]["type"].clone()
    };
    for login in ["outsider", "triager"] {
        assert_eq!(kind(login, &issue, &gears).await, "FORBIDDEN", "{login}: whoever opened it");
    }
    assert_eq!(kind("writer", &issue, &own).await, "UNPROCESSABLE", "another owner's");
    let widgets = harness.get("").await;
    assert_eq!(kind("writer", &issue, &widgets).await, "UNPROCESSABLE", "where it is");
    assert_eq!(kind("writer", &issue, &json!({ "node_id": "R_none" })).await, "NOT_FOUND");
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let pull = harness.get("/pulls/2").await;
    assert_eq!(kind("writer", &pull, &gears).await, "NOT_FOUND", "a pull request is no issue");
    harness.as_user("maintainer", Method::PATCH, "", json!({ "private": true })).await.expect(200);
    assert_eq!(kind("writer", &issue, &gears).await, "UNPROCESSABLE", "what is private stays private");
    let hidden = Some(json!({ "private": true }));
    harness.call(Method::PATCH, "/repos/acme/gears", "playground-maintainer", hidden).await.expect(200);
    transfer(&harness, "writer", &issue, &gears, false).await;
    // For people who may not see the other repository, there is no redirect.
    stubborn(&harness, Method::GET, "/issues/1", "playground-writer").await.expect(301);
    stubborn(&harness, Method::GET, "/issues/1", "playground-triager").await.expect(404);
}

#[tokio::test]
async fn the_page_of_an_issue_transfers_it_and_the_old_one_leads_on() {
    let harness = Harness::start().await;
    another(&harness, json!({})).await;
    harness.as_user("outsider", Method::POST, "/issues", json!({ "title": "Grind" })).await.expect(201);
    let mut triager = Browser::acting_as(&harness, "triager").await;
    assert!(triager.open("/acme/widgets/issues/1").await.words_of("#transfer").is_empty());
    let mut writer = Browser::acting_as(&harness, "writer").await;
    let page = writer.open("/acme/widgets/issues/1").await;
    let page = writer.send(page.form("transfer").press("Transfer this issue")).await;
    assert_eq!((page.at.as_str(), page.words_of("h1")), ("/acme/gears/issues/1", vec!["Grind #1".to_owned()]));
}
