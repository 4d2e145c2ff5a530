//! The admin API: everything that the handles offer is also possible over HTTP, but not from another site's page.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Reply};

impl Harness {
    async fn admin(&self, method: Method, path: &str, body: Value) -> Reply {
        self.admin_with(method, path, body, &[]).await
    }

    async fn admin_with(&self, method: Method, path: &str, body: Value, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.client.request(method, format!("{}/_playground{path}", self.playground.url));
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        Reply { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null) }
    }
}

#[tokio::test]
async fn fault_rules_are_put_added_shown_reported_and_ended() {
    let harness = Harness::start().await;
    let rules = json!({ "seed": 7, "rules": [
        { "requests": { "methods": ["GET"], "path": "/meta" }, "does": "server_error", "times": 1 },
    ] });
    harness.admin(Method::PUT, "/faults", rules).await.expect(200);
    let limit = json!({ "name": "slow down", "requests": { "path": "/repos/**" },
        "does": { "secondary_limit": { "status": 429, "retry_after": 3 } } });
    harness.admin(Method::POST, "/faults", limit).await.expect(201);
    let refused = harness.as_user("writer", Method::GET, "/issues", Value::Null).await;
    assert_eq!(refused.headers["retry-after"], "3");
    refused.expect(429);
    let shown = harness.admin(Method::GET, "/faults", Value::Null).await.expect(200);
    let of = |at: usize| (&shown["rules"][at]["met"], &shown["rules"][at]["done"]);
    assert_eq!((of(0), of(1)), ((&json!(0), &json!(0)), (&json!(1), &json!(1))));
    let report = harness.admin(Method::GET, "/report", Value::Null).await.expect(200);
    let done = &report["injected"][0];
    assert_eq!((&done["rule"], &done["act"]), (&json!("slow down"), &json!("secondary_limit")));
    assert_eq!(done["what"], "GET /repos/acme/widgets/issues");
    harness.admin(Method::DELETE, "/faults", Value::Null).await.expect(204);
    harness.get("/issues").await;
}

#[tokio::test]
async fn bad_rules_change_nothing_and_every_fault_is_reported_with_its_place() {
    let harness = Harness::start().await;
    let good = json!({ "rules": [{ "requests": { "path": "/repos/**" }, "does": "not_found" }] });
    harness.admin(Method::PUT, "/faults", good).await.expect(200);
    let bad = json!({ "rules": [{ "requests": { "path": "x" }, "does": "reset", "chance": 7 }, { "does": "drop" }] });
    let told = harness.admin(Method::PUT, "/faults", bad).await.expect(422);
    let faults: Vec<&str> = told["errors"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for place in ["rules[0].requests.path: `x`", "rules[0].chance: 7", "rules[1].requests, deliveries, refs"] {
        assert!(faults.iter().any(|fault| fault.starts_with(place)), "{place} is missing in {faults:?}");
    }
    harness.admin(Method::POST, "/faults", json!([])).await.expect(422);
    harness.admin(Method::PUT, "/faults", json!({ "rulez": [] })).await.expect(422);
    let request = harness.client.put(format!("{}/_playground/faults", harness.playground.url));
    let request = request.header("content-type", "application/json").body("{");
    assert_eq!(request.send().await.unwrap().status(), 400);
    harness.as_user("writer", Method::GET, "/issues", Value::Null).await.expect(404);
}

#[tokio::test]
async fn the_clock_moves_forward_and_tokens_end() {
    let harness = Harness::start().await;
    let path = "/repos/acme/widgets/issues";
    let now = |reply: Value| reply["now"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let before = now(harness.admin(Method::GET, "/clock", Value::Null).await.expect(200));
    let token = harness.installation_token(json!({})).await;
    let after = now(harness.admin(Method::POST, "/clock", json!({ "advance": 3599 })).await.expect(200));
    assert!((3599..3620).contains(&(after - before).num_seconds()));
    harness.call(Method::GET, path, &token, None).await.expect(200);
    for bad in [json!({ "advance": -1 }), json!({ "advance": i64::MAX }), json!({ "advance": "1" }), json!({})] {
        harness.admin(Method::POST, "/clock", bad).await.expect(422);
    }
    harness.admin(Method::POST, "/tokens/expire", json!({})).await.expect(200);
    harness.call(Method::GET, path, &token, None).await.expect(401);
    let token = harness.installation_token(json!({})).await;
    let revoked = harness.admin(Method::POST, "/tokens/revoke", json!({})).await.expect(200);
    assert!(revoked["revoked"].as_u64().unwrap() >= 1);
    harness.call(Method::GET, path, &token, None).await.expect(401);
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let harness = Harness::start().await;
    let rules = json!({ "rules": [{ "requests": {}, "does": "silence" }] });
    let mut refusals = Vec::new();
    for headers in [
        [("host", "evil.example:3000")],
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("content-type", "text/plain")],
        [("content-type", "application/x-www-form-urlencoded")],
    ] {
        let mut request = harness.client.put(format!("{}/_playground/faults", harness.playground.url));
        if headers[0].0 != "content-type" {
            request = request.header("content-type", "application/json");
        }
        let request = request.header(headers[0].0, headers[0].1).body(rules.to_string());
        refusals.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(refusals, [421, 403, 403, 415, 415]);
    harness.admin_with(Method::GET, "/report", Value::Null, &[("host", "evil.example")]).await.expect(421);
    harness.admin_with(Method::GET, "/report", Value::Null, &[("origin", "http://localhost:8080")]).await.expect(200);
    harness.get("/issues").await;
    harness.admin(Method::GET, "/nothing", Value::Null).await.expect(404);
    harness.admin(Method::PATCH, "/clock", json!({})).await.expect(404);
}

#[tokio::test]
async fn an_installation_is_suspended_and_woken() {
    let harness = Harness::start().await;
    let token = harness.installation_token(json!({})).await;
    let path = "/repos/acme/widgets/issues";
    let of = |act: &str| format!("/installations/{}/{act}", harness.playground.installation_id);
    harness.admin(Method::POST, &of("suspend"), json!({})).await.expect(204);
    harness.call(Method::GET, path, &token, None).await.expect(403);
    harness.admin(Method::POST, &of("unsuspend"), json!({})).await.expect(204);
    harness.call(Method::GET, path, &token, None).await.expect(200);
    let told = harness.admin(Method::POST, "/installations/7/suspend", json!({})).await.expect(404);
    let known = harness.playground.installation_id.to_string();
    assert!(told["errors"][0].as_str().unwrap().ends_with(&known), "{told}");
}

#[tokio::test]
async fn the_script_of_the_ci_is_set_while_it_runs() {
    let harness = Harness::start().await;
    let stuck = json!([{ "job": "test", "never": "queued" }]);
    assert_eq!(harness.admin(Method::POST, "/ci", stuck).await.expect(200)["rules"], 1);
    let clone = harness.clone_as("playground-maintainer").await;
    std::fs::create_dir_all(clone.path.join(".github/workflows")).unwrap();
    let sha = clone.commit_on("topic", ".github/workflows/ci.yml", "on: push\njobs: { test: { runs-on: x } }\n").await;
    clone.git(&["push", "--quiet", "origin", "topic"]).await.unwrap();
    let path = format!("/actions/runs?head_sha={sha}");
    let run = async |status: &str| {
        super::support::wait_for(status, async || {
            let found = harness.get(&format!("{path}&status={status}")).await;
            (found["total_count"] == 1).then_some(())
        })
        .await;
    };
    run("queued").await;
    for (method, bad) in [
        (Method::POST, json!([{ "color": "red" }])),
        (Method::PUT, json!([{ "after": -1 }])),
        (Method::PUT, json!("x")),
    ] {
        let refused = harness.admin(method, "/ci", bad).await.expect(422);
        assert_eq!(refused["errors"].as_array().unwrap().len(), 1, "{refused}");
    }
    run("queued").await;
    let red = json!([{ "conclusion": "failure" }]);
    assert_eq!(harness.admin(Method::PUT, "/ci", red).await.expect(200)["rules"], 1);
    run("failure").await;
    assert_eq!(harness.admin(Method::DELETE, "/ci", Value::Null).await.expect(200)["rules"], 0);
}

#[tokio::test]
async fn acts_of_githubs_web_pages_are_available_here() {
    let harness = Harness::start().await;
    let own = harness.playground.installation_id;
    let shown = async || {
        let path = format!("/app/installations/{own}");
        harness.call(Method::GET, &path, &harness.app_token(), None).await.expect(200)
    };
    assert_eq!(shown().await["repository_selection"], "selected");
    let of = |act: &str| format!("/installations/{own}/{act}");
    harness.admin(Method::POST, &of("all-repositories"), json!({})).await.expect(204);
    assert_eq!(shown().await["repository_selection"], "all");

    let asked = harness.admin(Method::POST, "/app/permissions", json!({ "administration": "write" })).await.expect(200);
    assert_eq!(asked["permissions"]["administration"], "write");
    harness.admin(Method::POST, "/app/permissions", json!({ "magic": "write" })).await.expect(422);
    assert_eq!(shown().await["permissions"]["administration"], Value::Null, "nobody granted it");
    harness.admin(Method::POST, &of("accept-permissions"), json!({})).await.expect(204);
    assert_eq!(shown().await["permissions"]["administration"], "write");
    for act in ["all-repositories", "accept-permissions"] {
        harness.admin(Method::POST, &format!("/installations/7/{act}"), json!({})).await.expect(404);
    }

    let accept = json!({ "repository": "acme/widgets" });
    harness.admin(Method::POST, "/transfers/accept", accept.clone()).await.expect(404);
    harness.as_user("maintainer", Method::POST, "/transfer", json!({ "new_owner": "writer" })).await.expect(202);
    harness.admin(Method::POST, "/transfers/accept", accept).await.expect(204);
    let moved = harness.call(Method::GET, "/repos/writer/widgets", "playground-writer", None).await.expect(200);
    assert_eq!(moved["owner"]["login"], "writer");
}
