//! Parts that no other test uses: the root, the lists of people, the issues of a person, reactions that are removed.

use octocrab::models::{Author, issues::Issue, meta::ApiRoot};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::Harness;

async fn read(harness: &Harness, path: &str) -> Value {
    harness.call(Method::GET, path, "playground-maintainer", None).await.expect(200)
}

#[tokio::test]
async fn the_root_says_where_everything_is() {
    let harness = Harness::start().await;
    for path in ["", "/"] {
        let root: ApiRoot = serde_json::from_value(read(&harness, path).await).unwrap();
        assert!(root.rate_limit_url.ends_with("/api/v3/rate_limit"), "{path}");
    }
    assert_eq!(harness.call(Method::GET, "/", "playground-nobody", None).await.status, 401);
    assert_eq!(harness.call(Method::GET, "/zen", "", None).await.status, 200);
    assert_eq!(harness.call(Method::GET, "/octocat-of-no-name", "", None).await.status, 404);
    let app = read(&harness, "/apps/playground-app").await;
    assert_eq!((&app["slug"], &app["owner"]["login"]), (&json!("playground-app"), &json!("acme")));
    harness.call(Method::GET, "/apps/no-such-app", "playground-maintainer", None).await.expect(404);
}

#[tokio::test]
async fn people_are_listed_by_their_ids_and_from_one_on() {
    let harness = Harness::start().await;
    let all: Vec<Author> = serde_json::from_value(read(&harness, "/users").await).unwrap();
    let logins: Vec<&str> = all.iter().map(|user| user.login.as_str()).collect();
    assert_eq!(logins, ["acme", "maintainer", "writer", "triager", "outsider", "github"]);
    let rest = read(&harness, &format!("/users?since={}", all[1].id)).await;
    assert_eq!(rest.as_array().unwrap().len(), 4);
    assert_eq!(read(&harness, "/users/writer").await["type"], "User");
    let by_id = read(&harness, &format!("/user/{}", all[2].id)).await;
    assert_eq!(by_id["login"], "writer");
    assert_eq!(read(&harness, "/orgs/acme").await["login"], "acme");
}

#[tokio::test]
async fn somebodys_issues_are_found_across_repositories() {
    let harness = Harness::start().await;
    for (title, assignees) in [("Mine", json!(["writer"])), ("Nobody's", json!([]))] {
        let body = json!({ "title": title, "assignees": assignees });
        harness.as_user("maintainer", Method::POST, "/issues", body).await.expect(201);
    }
    let of = async |login: &str, query: &str| {
        let token = harness.playground.token(login);
        let answer = harness.call(Method::GET, &format!("/issues{query}"), &token, None).await.expect(200);
        let issues: Vec<Issue> = serde_json::from_value(answer).unwrap();
        issues.into_iter().map(|issue| issue.title).collect::<Vec<_>>()
    };
    assert_eq!(of("writer", "").await, ["Mine"]);
    assert_eq!(of("maintainer", "").await, Vec::<String>::new());
    assert_eq!(of("maintainer", "?filter=created").await, ["Nobody's", "Mine"]);
    assert_eq!(of("maintainer", "?filter=created&direction=asc").await, ["Mine", "Nobody's"]);
    assert_eq!(of("maintainer", "?filter=created&state=closed").await, Vec::<String>::new());
    let own = read(&harness, "/user/issues?filter=all").await;
    assert_eq!(own[0]["repository"]["full_name"], "acme/widgets");
    harness.call(Method::GET, "/issues", "", None).await.expect(404);
}

#[tokio::test]
async fn a_person_can_remove_their_own_reactions() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let post = async |path: &str, body: Value| harness.as_user("writer", Method::POST, path, body).await.expect(201);
    let comment = post("/issues/1/comments", json!({ "body": "Hm." })).await["id"].clone();
    let head = harness.get("/pulls/1").await["head"]["sha"].clone();
    let remark = json!({ "body": "Here.", "path": "notes.md", "line": 1, "side": "RIGHT", "commit_id": head });
    let remark = post("/pulls/1/comments", remark).await["id"].clone();
    assert_eq!(harness.get("/pulls/comments").await.as_array().unwrap().len(), 1);
    for place in ["/issues/1".to_owned(), format!("/issues/comments/{comment}"), format!("/pulls/comments/{remark}")] {
        let reaction = post(&format!("{place}/reactions"), json!({ "content": "heart" })).await["id"].clone();
        let path = format!("{place}/reactions/{reaction}");
        let theirs = harness.as_user("outsider", Method::DELETE, &path, Value::Null).await.status;
        assert!([403, 404].contains(&theirs.as_u16()), "{place}: {theirs}");
        harness.as_user("writer", Method::DELETE, &path, Value::Null).await.expect(204);
        assert_eq!(harness.get(&format!("{place}/reactions")).await, json!([]));
        harness.as_user("writer", Method::DELETE, &path, Value::Null).await.expect(404);
    }
}

#[tokio::test]
async fn the_readme_and_the_tags_are_found() {
    let harness = Harness::start().await;
    let readme = harness.get("/readme").await;
    assert_eq!((&readme["path"], &readme["encoding"]), (&json!("README.md"), &json!("base64")));
    let clone = harness.clone_as("playground-writer").await;
    clone.git(&["tag", "v1"]).await.unwrap();
    clone.git(&["push", "--quiet", "origin", "v1"]).await.unwrap();
    let tags = harness.get("/tags").await;
    assert_eq!((&tags[0]["name"], tags.as_array().unwrap().len()), (&json!("v1"), 1));
    harness.as_user("writer", Method::GET, "/readme?ref=no-such-branch", Value::Null).await.expect(404);
}
