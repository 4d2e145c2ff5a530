//! Issues, labels, comments, reactions, and lists in pages.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::Harness;

#[tokio::test]
async fn an_issues_history_lists_its_opening_labels_and_closing() {
    let harness = Harness::start().await;
    let issue =
        harness.as_user("outsider", Method::POST, "/issues", json!({ "title": "A bug", "labels": ["bug"] })).await;
    let issue = issue.expect(201);
    assert_eq!(issue["labels"], json!([]), "those without triage set no labels");
    let labels = harness.as_user("triager", Method::POST, "/issues/1/labels", json!(["bug"])).await.expect(200);
    assert_eq!(labels[0]["name"], "bug");
    harness.as_user("triager", Method::POST, "/issues/1/labels", json!({ "labels": ["unknown"] })).await.expect(403);
    harness.as_user("writer", Method::POST, "/issues/1/labels", json!({ "labels": ["directive"] })).await.expect(200);
    harness.as_user("writer", Method::DELETE, "/issues/1/labels/bug", Value::Null).await.expect(200);
    let closing = json!({ "state": "closed", "state_reason": "not_planned" });
    let closed = harness.as_user("outsider", Method::PATCH, "/issues/1", closing).await.expect(200);
    assert_eq!((closed["state"].as_str(), closed["state_reason"].as_str()), (Some("closed"), Some("not_planned")));
    let events = harness.get("/issues/1/events").await;
    let names: Vec<&str> = events.as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["labeled", "labeled", "unlabeled", "closed"]);
}

#[tokio::test]
async fn an_issue_without_a_title_or_with_too_long_a_body_is_invalid() {
    let harness = Harness::start().await;
    let untitled = harness.as_user("writer", Method::POST, "/issues", json!({ "body": "…" })).await.expect(422);
    assert_eq!(untitled["message"], "Invalid request.\n\n\"title\" wasn't supplied.");
    let blank = harness.as_user("writer", Method::POST, "/issues", json!({ "title": " " })).await.expect(422);
    assert_eq!(blank["errors"][0], json!({ "resource": "Issue", "field": "title", "code": "missing_field" }));
    harness
        .as_user("writer", Method::POST, "/issues", json!({ "title": "Long", "body": "x".repeat(65_537) }))
        .await
        .expect(422);
    harness
        .as_user("writer", Method::POST, "/issues", json!({ "title": "Long", "body": "x".repeat(65_536) }))
        .await
        .expect(201);
    let comment = json!({ "body": "x".repeat(65_537) });
    harness.as_user("writer", Method::POST, "/issues/1/comments", comment).await.expect(422);
}

#[tokio::test]
async fn the_apps_comments_say_so_and_may_be_edited_by_it() {
    let harness = Harness::start().await;
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Talk" })).await.expect(201);
    let comment = harness.as_app(Method::POST, "/issues/1/comments", json!({ "body": "Working." })).await.expect(201);
    assert_eq!(comment["performed_via_github_app"]["id"], 1);
    assert_eq!(
        (comment["user"]["login"].as_str(), comment["user"]["type"].as_str()),
        (Some("playground-app[bot]"), Some("Bot"))
    );
    let path = format!("/issues/comments/{}", comment["id"]);
    let edited = harness.as_app(Method::PATCH, &path, json!({ "body": "Done." })).await.expect(200);
    assert_eq!(edited["body"], "Done.");
    harness.as_user("outsider", Method::PATCH, &path, json!({ "body": "Mine." })).await.expect(403);
    harness.as_app(Method::DELETE, &path, Value::Null).await.expect(204);
    harness.as_app(Method::GET, &path, Value::Null).await.expect(404);
}

#[tokio::test]
async fn the_same_reaction_twice_is_one_reaction() {
    let harness = Harness::start().await;
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Nice" })).await.expect(201);
    let comment =
        harness.as_user("writer", Method::POST, "/issues/1/comments", json!({ "body": "/approve" })).await.expect(201);
    let path = format!("/issues/comments/{}/reactions", comment["id"]);
    let first = harness.as_app(Method::POST, &path, json!({ "content": "eyes" })).await.expect(201);
    let again = harness.as_app(Method::POST, &path, json!({ "content": "eyes" })).await.expect(200);
    assert_eq!(first["id"], again["id"]);
    harness.as_app(Method::POST, &path, json!({ "content": "party" })).await.expect(422);
    let shown = harness.get(&format!("/issues/comments/{}", comment["id"])).await;
    assert_eq!(shown["reactions"]["eyes"], 1);
    harness.as_app(Method::DELETE, &format!("{path}/{}", first["id"]), Value::Null).await.expect(204);
    assert_eq!(harness.get(&path).await, json!([]));
}

#[tokio::test]
async fn lists_come_in_pages_whose_links_have_the_host_that_was_called() {
    let harness = Harness::start().await;
    for number in 1..=5 {
        harness
            .as_user("writer", Method::POST, "/issues", json!({ "title": format!("No. {number}") }))
            .await
            .expect(201);
    }
    let path = "/repos/acme/widgets/issues?state=all&per_page=2&page=2";
    let page = harness.call(Method::GET, path, "playground-writer", None).await;
    let numbers: Vec<u64> =
        page.body.as_array().unwrap().iter().map(|issue| issue["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [3, 2]);
    let base = format!("{}/api/v3/repos/acme/widgets/issues?state=all&per_page=2", harness.playground.url);
    let link = |page: u32, rel: &str| format!("<{base}&page={page}>; rel=\"{rel}\"");
    let wanted = [link(1, "prev"), link(3, "next"), link(3, "last"), link(1, "first")].join(", ");
    assert_eq!(page.headers["link"].to_str().unwrap(), wanted);
    let all = harness.call(Method::GET, "/repos/acme/widgets/issues", "playground-writer", None).await;
    assert!(!all.headers.contains_key("link"));
}

#[tokio::test]
async fn issues_are_found_by_state_and_labels() {
    let harness = Harness::start().await;
    for labels in [json!(["bug"]), json!(["bug", "enhancement"]), json!([])] {
        harness
            .as_user("writer", Method::POST, "/issues", json!({ "title": "One", "labels": labels }))
            .await
            .expect(201);
    }
    assert_eq!(harness.get("/issues?labels=bug,enhancement").await.as_array().unwrap().len(), 1);
    assert_eq!(harness.get("/issues?labels=bug").await.as_array().unwrap().len(), 2);
    harness.as_user("writer", Method::PATCH, "/issues/1", json!({ "state": "closed" })).await.expect(200);
    assert_eq!(harness.get("/issues?labels=bug").await.as_array().unwrap().len(), 1);
    assert_eq!(harness.get("/issues?state=all").await.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn an_issue_is_deleted_by_administrators_and_its_number_is_not_given_again() {
    let harness = Harness::start().await;
    let issue = harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Gone" })).await.expect(201);
    let query = "mutation($id: ID!) { deleteIssue(input: {issueId: $id}) { repository { nameWithOwner } } }";
    let variables = json!({ "id": issue["node_id"] });
    let refused = harness.graphql("writer", query, variables.clone()).await;
    assert_eq!(refused["errors"][0]["type"], "FORBIDDEN");
    let deleted = harness.graphql("maintainer", query, variables).await;
    assert_eq!(deleted["data"]["deleteIssue"]["repository"]["nameWithOwner"], "acme/widgets");
    let gone = harness.as_user("writer", Method::GET, "/issues/1", Value::Null).await.expect(410);
    assert_eq!(gone["message"], "This issue was deleted");
    let said = json!({ "body": "Too late" });
    harness.as_user("writer", Method::POST, "/issues/1/comments", said).await.expect(410);
    let next = harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Next" })).await.expect(201);
    assert_eq!(next["number"], 2);
}

#[tokio::test]
async fn graphql_reacts_looks_and_refuses_what_it_does_not_have() {
    let harness = Harness::start().await;
    let issue = harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Nice" })).await.expect(201);
    let react = format!(
        "mutation {{ addReaction(input: {{subjectId: \"{}\", content: ROCKET}}) {{ reaction {{ content }} subject {{ id }} }} }}",
        issue["node_id"].as_str().unwrap()
    );
    let answer = harness.graphql("triager", &react, json!({})).await;
    assert_eq!(answer["data"]["addReaction"]["reaction"]["content"], "ROCKET");
    assert_eq!(answer["data"]["addReaction"]["subject"]["id"], issue["node_id"]);
    assert_eq!(harness.get("/issues/1").await["reactions"]["rocket"], 1);
    let look = "query Look($n: Int!) { repository(owner: \"acme\", name: \"widgets\") { one: issue(number: $n) { ...Short } } } \
                fragment Short on Issue { title author { login } }";
    let seen = harness.graphql("triager", look, json!({ "n": 1 })).await;
    assert_eq!(seen["data"]["repository"]["one"], json!({ "title": "Nice", "author": { "login": "writer" } }));
    let unknown = harness.graphql("triager", "mutation { launchRockets(input: {}) { ok } }", json!({})).await;
    assert_eq!(unknown["errors"][0]["message"], "Field 'launchRockets' doesn't exist on type 'Mutation'");
    let unknown = harness.graphql("triager", "{ viewer { shoeSize } }", json!({})).await;
    assert_eq!(unknown["errors"][0]["extensions"]["code"], "undefinedField");
}

#[tokio::test]
async fn labels_that_are_refused_leave_an_issue_and_the_labels_as_they_were() {
    let harness = Harness::start().await;
    harness.as_user("triager", Method::POST, "/issues", json!({ "title": "Before" })).await.expect(201);
    let labels = harness.get("/labels?per_page=100").await;
    for (login, wrong) in [
        ("writer", json!(["new", "  "])),
        ("triager", json!(["bug", "new"])),
        ("writer", json!(["new", "x".repeat(51)])),
    ] {
        let edit = json!({ "title": "After", "labels": wrong });
        assert!(harness.as_user(login, Method::PATCH, "/issues/1", edit).await.status.is_client_error());
    }
    let issue = harness.get("/issues/1").await;
    assert_eq!((&issue["title"], &issue["labels"]), (&json!("Before"), &json!([])));
    assert_eq!(harness.get("/labels?per_page=100").await, labels, "none was made on the way");
}

#[tokio::test]
async fn a_label_is_read_by_its_name_whatever_its_letters() {
    let harness = Harness::start().await;
    let made = json!({ "name": "needs: a/b", "color": "AA00FF", "description": "Both" });
    let made = harness.as_user("writer", Method::POST, "/labels", made).await.expect(201);
    assert_eq!(harness.get("/labels/Needs%3A%20a%2FB").await, made);
    assert_eq!((&made["color"], &made["default"]), (&json!("aa00ff"), &json!(false)));
    harness.as_user("writer", Method::GET, "/labels/none", Value::Null).await.expect(404);
}

#[tokio::test]
async fn an_issue_is_assigned_to_those_with_a_role_and_nobody_else() {
    let harness = Harness::start().await;
    harness.playground.add_user("stranger");
    let fault = json!([{ "resource": "Issue", "field": "assignees", "code": "invalid" }]);
    let faults = |refused: &Value| {
        let mut all = refused["errors"].clone();
        all.as_array_mut().unwrap().iter_mut().for_each(|one| drop(one.as_object_mut().unwrap().remove("value")));
        all
    };
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Ours" })).await.expect(201);
    for login in ["stranger", "playground-app[bot]", "acme", "nobody"] {
        let new = json!({ "title": "Theirs", "assignees": ["triager", login] });
        let refused = harness.as_user("writer", Method::POST, "/issues", new).await.expect(422);
        assert_eq!(faults(&refused), fault, "{login}");
        let edit = json!({ "title": "Theirs", "assignees": [login] });
        let refused = harness.as_user("writer", Method::PATCH, "/issues/1", edit).await.expect(422);
        assert_eq!(faults(&refused), fault, "{login}");
    }
    let left = harness.get("/issues").await;
    assert_eq!((left.as_array().unwrap().len(), &left[0]["title"]), (1, &json!("Ours")));
    let edit = json!({ "assignees": ["triager", "outsider"] });
    let edited = harness.as_user("writer", Method::PATCH, "/issues/1", edit).await.expect(200);
    assert_eq!(edited["assignees"].as_array().unwrap().len(), 2);
}
