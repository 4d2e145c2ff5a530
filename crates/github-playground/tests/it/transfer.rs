//! Issues that move to another repository: what goes along, where the old number leads, who is told.

use reqwest::{Method, redirect::Policy};
use serde_json::{Value, json};

use super::pages::Browser;
use super::support::{Receiver, Reply, World};

const TRANSFER: &str = "mutation($id: ID!, $to: ID!, $make: Boolean) { transferIssue(input: { issueId: $id, repositoryId: $to, \
                        createLabelsIfMissing: $make }) { issue { number title repository { nameWithOwner } labels(first: 9) { nodes { name } } } } }";

/// Another repository of the organisation.
async fn another(world: &World, more: Value) -> Value {
    let mut new = json!({ "name": "gears", "auto_init": true });
    new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = world.call(Method::POST, "/orgs/acme/repos", "playground-maintainer", Some(new)).await.expect(201);
    let writer = format!("/repos/acme/{}/collaborators/writer", made["name"].as_str().unwrap());
    let role = Some(json!({ "permission": "push" }));
    world.call(Method::PUT, &writer, "playground-maintainer", role).await;
    made
}

async fn transfer(world: &World, login: &str, issue: &Value, to: &Value, make: bool) -> Value {
    world.graphql(login, TRANSFER, json!({ "id": issue["node_id"], "to": to["node_id"], "make": make })).await
}

async fn there(world: &World, path: &str) -> Value {
    world.call(Method::GET, &format!("/repos/acme/gears{path}"), "playground-writer", None).await.expect(200)
}

/// Asks without being led on.
async fn stubborn(world: &World, method: Method, path: &str, token: &str) -> Reply {
    let client = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let request = client.request(method, format!("{}/api/v3/repos/acme/widgets{path}", world.playground.url));
    let response = request.bearer_auth(token).json(&json!({})).send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Reply { status, headers, body: response.json().await.unwrap_or_default() }
}

#[tokio::test]
async fn a_transferred_issue_takes_along_what_the_other_repository_has_too_and_its_old_number_leads_there() {
    let world = World::start().await;
    let gears = another(&world, json!({})).await;
    assert!(world.playground.add_repository_to_installation("acme/gears"));
    let receiver = Receiver::of(&world).await;
    for at in ["widgets", "gears"] {
        let milestone = Some(json!({ "title": "v1" }));
        let path = format!("/repos/acme/{at}/milestones");
        world.call(Method::POST, &path, "playground-maintainer", milestone).await.expect(201);
    }
    world.call(Method::POST, "/repos/acme/gears/issues", "playground-writer", Some(json!({ "title": "First" }))).await;
    world.as_user("writer", Method::POST, "/labels", json!({ "name": "only here" })).await.expect(201);
    let body = json!({ "title": "Grind", "body": "Teeth", "labels": ["bug", "only here"], "milestone": 1,
                       "assignees": ["writer", "triager"] });
    let issue = world.as_user("writer", Method::POST, "/issues", body).await.expect(201);
    let said = json!({ "body": "Which teeth?" });
    let comment = world.as_user("triager", Method::POST, "/issues/1/comments", said).await.expect(201);

    let moved = transfer(&world, "writer", &issue, &gears, false).await;
    let wanted = json!({ "number": 2, "title": "Grind", "repository": { "nameWithOwner": "acme/gears" },
                         "labels": { "nodes": [{ "name": "bug" }] } });
    assert_eq!(moved["data"]["transferIssue"]["issue"], wanted, "{moved}");
    let new = there(&world, "/issues/2").await;
    assert_ne!(new["id"], issue["id"]);
    assert_eq!((&new["body"], &new["milestone"]["title"]), (&json!("Teeth"), &json!("v1")));
    assert_eq!(new["assignees"].as_array().unwrap().len(), 1, "who cannot be assigned there is left out");
    let comments = there(&world, "/issues/2/comments").await;
    assert_eq!((&comments[0]["id"], &comments[0]["body"]), (&comment["id"], &json!("Which teeth?")));
    there(&world, &format!("/issues/comments/{}", comment["id"])).await;
    let events = there(&world, "/issues/2/events").await;
    assert_eq!(events.as_array().unwrap().last().unwrap()["event"], "transferred");
    assert!(world.get("/issues?state=all").await.as_array().unwrap().is_empty());

    let away = stubborn(&world, Method::GET, "/issues/1", "playground-writer").await;
    let place = format!("{}/api/v3/repositories/{}/issues/2", world.playground.url, gears["id"]);
    assert_eq!((away.status.as_u16(), away.headers["location"].to_str().unwrap()), (301, place.as_str()));
    stubborn(&world, Method::PATCH, "/issues/1", "playground-writer").await.expect(301);
    stubborn(&world, Method::GET, "/issues/1/labels", "playground-writer").await.expect(301);
    stubborn(&world, Method::GET, "/issues/1/comments", "playground-writer").await.expect(404);
    assert_eq!(world.get("/issues/1").await["title"], "Grind", "a client that follows finds it");

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
    let world = World::start().await;
    let gears = another(&world, json!({})).await;
    world.as_user("writer", Method::POST, "/labels", json!({ "name": "only here" })).await.expect(201);
    for title in ["Parent", "Child"] {
        let body = json!({ "title": title, "labels": ["only here"] });
        world.as_user("writer", Method::POST, "/issues", body).await.expect(201);
    }
    let child = world.get("/issues/2").await;
    let part = json!({ "sub_issue_id": child["id"] });
    world.as_user("writer", Method::POST, "/issues/1/sub_issues", part).await.expect(201);
    transfer(&world, "writer", &child, &gears, true).await;
    assert_eq!(there(&world, "/issues/1").await["labels"][0]["name"], "only here");
    let parts = world.get("/issues/1/sub_issues").await;
    assert_eq!(parts[0]["repository_url"], gears["url"]);
    assert_eq!(there(&world, "/issues/1/parent").await["number"], 1);
    let parent = world.get("/issues/1").await;
    transfer(&world, "writer", &parent, &gears, false).await;
    assert_eq!(there(&world, "/issues/1/parent").await["number"], 2);
}

#[tokio::test]
async fn an_issue_moves_only_where_github_lets_it() {
    let world = World::start().await;
    let gears = another(&world, json!({})).await;
    let own = Some(json!({ "name": "own", "auto_init": true }));
    let own = world.call(Method::POST, "/user/repos", "playground-writer", own).await.expect(201);
    let issue = world.as_user("outsider", Method::POST, "/issues", json!({ "title": "Mine" })).await.expect(201);
    let kind = async |login: &str, issue: &Value, to: &Value| {
        transfer(&world, login, issue, to, false).await["errors"][0]["type"].clone()
    };
    for login in ["outsider", "triager"] {
        assert_eq!(kind(login, &issue, &gears).await, "FORBIDDEN", "{login}: whoever opened it");
    }
    assert_eq!(kind("writer", &issue, &own).await, "UNPROCESSABLE", "another owner's");
    let widgets = world.get("").await;
    assert_eq!(kind("writer", &issue, &widgets).await, "UNPROCESSABLE", "where it is");
    assert_eq!(kind("writer", &issue, &json!({ "node_id": "R_none" })).await, "NOT_FOUND");
    world.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let pull = world.get("/pulls/2").await;
    assert_eq!(kind("writer", &pull, &gears).await, "NOT_FOUND", "a pull request is no issue");
    world.as_user("maintainer", Method::PATCH, "", json!({ "private": true })).await.expect(200);
    assert_eq!(kind("writer", &issue, &gears).await, "UNPROCESSABLE", "what is private stays private");
    let hidden = Some(json!({ "private": true }));
    world.call(Method::PATCH, "/repos/acme/gears", "playground-maintainer", hidden).await.expect(200);
    transfer(&world, "writer", &issue, &gears, false).await;
    // To those who may not see the other repository there is nothing.
    stubborn(&world, Method::GET, "/issues/1", "playground-writer").await.expect(301);
    stubborn(&world, Method::GET, "/issues/1", "playground-triager").await.expect(404);
}

#[tokio::test]
async fn the_page_of_an_issue_transfers_it_and_the_old_one_leads_on() {
    let world = World::start().await;
    another(&world, json!({})).await;
    world.as_user("outsider", Method::POST, "/issues", json!({ "title": "Grind" })).await.expect(201);
    let mut triager = Browser::acting_as(&world, "triager").await;
    assert!(triager.open("/acme/widgets/issues/1").await.words_of("#transfer").is_empty());
    let mut writer = Browser::acting_as(&world, "writer").await;
    let page = writer.open("/acme/widgets/issues/1").await;
    let page = writer.send(page.form("transfer").press("Transfer this issue")).await;
    assert_eq!((page.at.as_str(), page.words_of("h1")), ("/acme/gears/issues/1", vec!["Grind #1".to_owned()]));
}
