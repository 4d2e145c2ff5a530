//! Permissions of the tokens of people, of the app and of its installations.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::Harness;

#[tokio::test]
async fn a_wrong_token_is_bad_credentials_and_none_is_asked_for() {
    let harness = Harness::start().await;
    let wrong = harness.call(Method::GET, "/repos/acme/widgets", "nobody", None).await;
    assert_eq!(wrong.body["message"], "Bad credentials");
    wrong.expect(401);
    harness.call(Method::GET, "/repos/acme/widgets", "", None).await.expect(200);
    harness.call(Method::GET, "/user", "", None).await.expect(401);
    let body = Some(json!({ "title": "Anonymous" }));
    harness.call(Method::POST, "/repos/acme/widgets/issues", "", body).await.expect(401);
}

#[tokio::test]
async fn tokens_are_taken_as_bearer_token_and_basic() {
    let harness = Harness::start().await;
    let basic = "Basic d3JpdGVyOnBsYXlncm91bmQtd3JpdGVy"; // writer:playground-writer
    for header in ["Bearer playground-writer", "token playground-writer", basic] {
        let url = format!("{}/api/v3/user", harness.playground.url);
        let answer = harness.client.get(url).header("authorization", header).send().await.unwrap();
        assert!(answer.headers().contains_key("x-github-request-id"));
        assert!(!answer.headers().contains_key("x-ratelimit-limit"));
        let user: Value = answer.json().await.unwrap();
        assert_eq!(user["login"], "writer", "{header}");
    }
}

#[tokio::test]
async fn the_app_authenticates_with_its_key_and_only_for_its_own_resources() {
    let harness = Harness::start().await;
    let token = harness.app_token();
    let app = harness.call(Method::GET, "/app", &token, None).await.expect(200);
    assert_eq!((app["id"].as_u64(), app["slug"].as_str()), (Some(1), Some("playground-app")));
    let installation = harness.call(Method::GET, "/repos/acme/widgets/installation", &token, None).await.expect(200);
    assert_eq!(installation["id"], harness.playground.installation_id);
    assert_eq!(installation["account"]["login"], "acme");
    harness.call(Method::GET, "/repos/acme/widgets/issues", &token, None).await.expect(403);
    harness.call(Method::GET, "/app", "playground-maintainer", None).await.expect(401);
}

#[tokio::test]
async fn an_app_token_with_unreasonable_claims_is_refused() {
    let harness = Harness::start().await;
    let now = chrono::Utc::now().timestamp();
    for claims in [
        json!({ "iss": "1", "iat": now - 60, "exp": now - 1 }),
        json!({ "iss": "1", "iat": now - 60, "exp": now + 3600 }),
        json!({ "iss": "1", "iat": now + 600, "exp": now + 660 }),
        json!({ "iss": "2", "iat": now - 60, "exp": now + 300 }),
    ] {
        harness.call(Method::GET, "/app", &harness.app_token_with(&claims), None).await.expect(401);
    }
}

#[tokio::test]
async fn an_installation_token_reaches_no_further_than_it_was_asked_for() {
    let harness = Harness::start().await;
    let token =
        harness.installation_token(json!({ "repositories": ["widgets"], "permissions": { "issues": "read" } })).await;
    assert!(token.starts_with("ghs_"));
    let issues = "/repos/acme/widgets/issues";
    harness.call(Method::GET, issues, &token, None).await.expect(200);
    let refused = harness.call(Method::POST, issues, &token, Some(json!({ "title": "No" }))).await;
    assert_eq!(refused.body["message"], "Resource not accessible by integration");
    refused.expect(403);
    harness.call(Method::GET, "/repos/acme/widgets/commits", &token, None).await.expect(403);
    harness.call(Method::GET, "/repos/acme/unknown", &token, None).await.expect(404);
    harness.call(Method::GET, "/user", &token, None).await.expect(403);
    let repositories = harness.call(Method::GET, "/installation/repositories", &token, None).await.expect(200);
    assert_eq!(repositories["total_count"], 1);
    harness.call(Method::DELETE, "/installation/token", &token, None).await.expect(204);
    harness.call(Method::GET, issues, &token, None).await.expect(401);
}

#[tokio::test]
async fn a_token_for_more_than_the_installation_has_is_not_minted() {
    let harness = Harness::start().await;
    let path = format!("/app/installations/{}/access_tokens", harness.playground.installation_id);
    for body in [json!({ "permissions": { "administration": "write" } }), json!({ "repositories": ["unknown"] })] {
        harness.call(Method::POST, &path, &harness.app_token(), Some(body)).await.expect(422);
    }
}

#[tokio::test]
async fn a_private_repository_does_not_exist_for_strangers() {
    let harness = Harness::start().await;
    harness.playground.add_user("stranger");
    let new = Some(json!({ "name": "secret", "private": true }));
    harness.call(Method::POST, "/user/repos", "playground-writer", new).await.expect(201);
    harness.call(Method::GET, "/repos/writer/secret", "playground-writer", None).await.expect(200);
    for token in ["playground-stranger", "", &harness.installation_token(json!({})).await] {
        harness.call(Method::GET, "/repos/writer/secret", token, None).await.expect(404);
    }
}

#[tokio::test]
async fn permissions_are_shown_in_githubs_two_granularities() {
    let harness = Harness::start().await;
    for (login, permission, role) in [
        ("maintainer", "admin", "admin"),
        ("writer", "write", "write"),
        ("triager", "read", "triage"),
        ("outsider", "read", "read"),
    ] {
        let answer =
            harness.as_app(Method::GET, &format!("/collaborators/{login}/permission"), Value::Null).await.expect(200);
        assert_eq!((answer["permission"].as_str(), answer["role_name"].as_str()), (Some(permission), Some(role)));
    }
}

#[tokio::test]
async fn unknown_paths_and_bodies_without_json_are_refused_in_githubs_shape() {
    let harness = Harness::start().await;
    let missing = harness.call(Method::GET, "/no/such/thing", "playground-writer", None).await;
    assert_eq!(missing.body["message"], "Not Found");
    assert!(missing.body["documentation_url"].is_string());
    missing.expect(404);
    harness.call(Method::GET, "/repos/acme/widgets/issues/none", "playground-writer", None).await.expect(404);
    let limits = harness.call(Method::GET, "/rate_limit", "playground-writer", None).await;
    assert_eq!(limits.body["message"], "Rate limiting is not enabled.");
    limits.expect(404);
    let url = format!("{}/api/v3/repos/acme/widgets/issues", harness.playground.url);
    let broken =
        harness.client.post(url).header("authorization", "token playground-writer").body("{").send().await.unwrap();
    assert_eq!(broken.status(), 400);
    assert_eq!(broken.json::<Value>().await.unwrap()["message"], "Problems parsing JSON");
}

#[tokio::test]
async fn a_pusher_needs_write_access_and_a_token() {
    let harness = Harness::start().await;
    for token in ["playground-outsider", "playground-triager"] {
        let clone = harness.clone_as(token).await;
        clone.commit_on("forbidden", "notes.md", "no\n").await;
        let refused = clone.git(&["push", "origin", "forbidden"]).await.unwrap_err();
        assert!(refused.contains("403"), "{refused}");
    }
    let clone = harness.clone_as(&harness.installation_token(json!({})).await).await;
    clone.commit_on("from-the-app", "notes.md", "yes\n").await;
    clone.git(&["push", "--quiet", "origin", "from-the-app"]).await.unwrap();
    harness.get("/branches/from-the-app").await;
}

#[tokio::test]
async fn a_role_taken_away_is_gone_at_once() {
    let harness = Harness::start().await;
    let path = "/collaborators/writer";
    harness.as_user("writer", Method::PUT, path, json!({ "permission": "admin" })).await.expect(403);
    harness.as_user("maintainer", Method::PUT, path, json!({ "permission": "triage" })).await.expect(204);
    let answer = harness.as_app(Method::GET, "/collaborators/writer/permission", Value::Null).await.expect(200);
    assert_eq!(answer["role_name"], "triage");
    assert!(harness.playground.set_permission("writer", "none"));
    let answer = harness.as_app(Method::GET, "/collaborators/writer/permission", Value::Null).await.expect(200);
    assert_eq!(answer["role_name"], "read", "the repository is public");
}

#[tokio::test]
async fn an_installation_token_that_ran_out_is_bad_credentials() {
    let harness = Harness::start().await;
    let token = harness.installation_token(json!({})).await;
    harness.call(Method::GET, "/repos/acme/widgets", &token, None).await.expect(200);
    harness.playground.expire_tokens();
    harness.call(Method::GET, "/repos/acme/widgets", &token, None).await.expect(401);
}

#[tokio::test]
async fn a_playground_that_was_stopped_no_longer_listens() {
    let Harness { playground, client, folder } = Harness::start().await;
    let url = format!("{}/api/v3/meta", playground.url);
    client.get(&url).send().await.unwrap();
    playground.shutdown().await;
    assert!(client.get(&url).send().await.is_err());
    drop(folder);
}

#[tokio::test]
async fn the_seed_can_be_hidden_from_those_without_a_role() {
    let harness = Harness::start().await;
    let stranger = harness.playground.add_user("stranger");
    harness.call(Method::GET, "/repos/acme/widgets", &stranger, None).await.expect(200);
    harness.playground.make_private();
    harness.call(Method::GET, "/repos/acme/widgets", &stranger, None).await.expect(404);
    harness.call(Method::GET, "/repos/acme/widgets", "", None).await.expect(404);
    harness.call(Method::GET, "/repos/acme/widgets", "playground-outsider", None).await.expect(200);
    let permission = harness.as_app(Method::GET, "/collaborators/stranger/permission", Value::Null).await.expect(200);
    assert_eq!(permission["permission"], "none");
}

#[tokio::test]
async fn nothing_is_answered_by_another_name_or_to_a_page_of_another_site() {
    let harness = Harness::start().await;
    let ask = async |method: Method, path: &str, headers: &[(&str, &str)]| {
        let mut request = harness.client.request(method, format!("{}{path}", harness.playground.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.bearer_auth("playground-maintainer").header("content-type", "application/json");
        request.body(r#"{"labels":["directive"],"query":"{viewer{login}}"}"#).send().await.unwrap().status().as_u16()
    };
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Wanted" })).await.expect(201);
    let places = [
        (Method::GET, "/api/v3/repos/acme/widgets/issues"),
        (Method::POST, "/api/v3/repos/acme/widgets/issues/1/labels"),
        (Method::POST, "/api/graphql"),
        (Method::GET, "/acme/widgets.git/info/refs?service=git-upload-pack"),
        (Method::GET, "/api/v3/"),
        (Method::GET, "/api/v3/nothing"),
        (Method::GET, "/login/oauth/authorize"),
        (Method::POST, "/login/oauth/access_token"),
        (Method::GET, "/nowhere/at/all"),
    ];
    for (method, path) in &places {
        for host in ["evil.example", "evil.example:3000", "127.0.0.1.evil.example", "localhost.evil.example"] {
            assert_eq!(ask(method.clone(), path, &[("host", host)]).await, 421, "{method} {path} by {host}");
        }
    }
    for (method, path) in &places[..4] {
        for origin in ["https://evil.example", "null", "http://192.0.2.1"] {
            assert_eq!(ask(method.clone(), path, &[("origin", origin)]).await, 403, "{method} {path} from {origin}");
        }
    }
    let label = "/api/v3/repos/acme/widgets/issues/1/labels";
    assert_eq!(ask(Method::POST, label, &[("sec-fetch-site", "cross-site")]).await, 403);
    assert_eq!(harness.get("/issues/1/labels").await, json!([]), "nothing of that was done");
    let own = [("host", "localhost:3000"), ("origin", "http://localhost:3000")];
    assert_eq!(ask(Method::POST, label, &own).await, 200);
    assert_eq!(ask(Method::GET, label, &[("host", "[::1]:3000")]).await, 200);
}
