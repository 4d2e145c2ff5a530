//! A second app has the same rights as the first one: its checks, its statuses, its permissions, and its webhooks.

use reqwest::Method;
use serde_json::{Value, json};

use super::registration::{Registered, authorize, manifest, register, submit, trade};
use super::support::{Harness, Receiver, wait_for};

/// Registers an app with many permissions, and installs it in addition to the first one. Returns the app and its token.
async fn second(harness: &Harness) -> (Registered, String) {
    let mut asked = manifest("http://127.0.0.1:9/hook");
    asked["default_events"] = json!(["check_suite"]);
    asked["default_permissions"] = json!({ "administration": "write", "checks": "write", "contents": "write",
        "statuses": "write", "pull_requests": "write", "metadata": "read" });
    let app = register(harness, &asked).await;
    submit(harness, "/apps/gear-counter/installations/new", &[("account", "acme")]).await;
    let here = harness.call(Method::GET, "/orgs/acme/installation", &app.jwt(), None).await.expect(200);
    let mint = format!("/app/installations/{}/access_tokens", here["id"]);
    let token = harness.call(Method::POST, &mint, &app.jwt(), None).await.expect(201)["token"].clone();
    (app, token.as_str().unwrap().to_owned())
}

async fn call(harness: &Harness, token: &str, method: Method, path: &str, body: Value) -> super::support::Reply {
    harness.call(method, &format!("/repos/acme/widgets{path}"), token, Some(body)).await
}

#[tokio::test]
async fn each_app_has_its_suite_and_gets_only_requests_for_its_own() {
    let harness = Harness::start().await;
    harness.playground.subscribe(&["check_suite"]);
    let receiver = Receiver::of(&harness).await;
    let (app, token) = second(&harness).await;
    let clone = harness.clone_as("playground-writer").await;
    let sha = clone.commit_on("feature", "A.md", "a\n").await;
    clone.git(&["push", "--quiet", "origin", "feature"]).await.unwrap();
    let suites = harness.get(&format!("/commits/{sha}/check-suites")).await;
    let slugs: Vec<_> = suites["check_suites"].as_array().unwrap().iter().map(|all| &all["app"]["slug"]).collect();
    assert_eq!(slugs, [&json!("playground-app"), &json!("gear-counter")]);
    let told = wait_for("the second app's delivery", async || {
        let all = harness.call(Method::GET, "/app/hook/deliveries", &app.jwt(), None).await.expect(200);
        let all = all.as_array().unwrap().clone();
        all.iter().find(|all| all["event"] == "check_suite").map(|all| (all["id"].clone(), all["action"].clone()))
    })
    .await;
    assert_eq!(told.1, "requested");
    let path = format!("/app/hook/deliveries/{}", told.0);
    let payload = harness.call(Method::GET, &path, &app.jwt(), None).await.expect(200)["request"]["payload"].clone();
    assert_eq!(payload["check_suite"]["app"]["slug"], "gear-counter");
    receiver.next("check_suite", "requested").await;
    let of_others = |all: &super::support::Received| all.payload["check_suite"]["app"]["slug"] == "gear-counter";
    assert!(!receiver.all().iter().any(of_others), "the first app was asked for the second one's");

    let setting = json!({ "auto_trigger_checks": [{ "app_id": app.0["id"], "setting": false }] });
    let path = "/check-suites/preferences";
    let kept = harness.as_user("maintainer", Method::PATCH, path, setting).await.expect(200);
    let kept = &kept["preferences"]["auto_trigger_checks"];
    assert_eq!((&kept[0]["setting"], &kept[1]["setting"]), (&json!(true), &json!(false)));
    let sha = clone.commit_on("feature", "A.md", "b\n").await;
    clone.git(&["push", "--quiet", "origin", "feature"]).await.unwrap();
    assert_eq!(harness.get(&format!("/commits/{sha}/check-suites")).await["total_count"], 1);
    let made = call(&harness, &token, Method::POST, "/check-suites", json!({ "head_sha": sha })).await.expect(201);
    assert_eq!(made["app"]["slug"], "gear-counter");
    harness.playground.uninstall();
    let sha = clone.commit_on("feature", "A.md", "c\n").await;
    clone.git(&["push", "--quiet", "origin", "feature"]).await.unwrap();
    assert_eq!(harness.get(&format!("/commits/{sha}/check-suites")).await["total_count"], 0, "nobody is there for one");
}

#[tokio::test]
async fn rules_know_the_second_app_by_its_checks_and_let_it_pass() {
    let harness = Harness::start().await;
    let (app, token) = second(&harness).await;
    let ruleset = |pinned: &Value| {
        json!({ "name": "Counted", "target": "branch", "enforcement": "active",
            "conditions": { "ref_name": { "include": ["~DEFAULT_BRANCH"], "exclude": [] } },
            "bypass_actors": [{ "actor_id": app.0["id"], "actor_type": "Integration", "bypass_mode": "always" }],
            "rules": [{ "type": "required_status_checks", "parameters": { "strict_required_status_checks_policy": false,
                "required_status_checks": [{ "context": "teeth", "integration_id": pinned }] } }] })
    };
    call(&harness, &token, Method::POST, "/rulesets", ruleset(&json!(424_242))).await.expect(422);
    let made = call(&harness, &token, Method::POST, "/rulesets", ruleset(&app.0["id"])).await.expect(201);
    assert_eq!(made["current_user_can_bypass"], "always");
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let path = format!("/statuses/{}", pull["head"]["sha"].as_str().unwrap());
    let passed = || json!({ "context": "teeth", "state": "success" });
    harness.as_user("writer", Method::POST, &path, passed()).await.expect(201);
    let refused = harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(405);
    let refused = refused["message"].as_str().unwrap();
    assert!(refused.contains("\"teeth\" was not set by the expected GitHub app"), "{refused}");
    call(&harness, &token, Method::POST, &path, passed()).await.expect(201);
    harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(200);

    let put = || json!({ "message": "Add", "content": "b25l" });
    harness.as_app(Method::PUT, "/contents/first.md", put()).await.expect(409);
    call(&harness, &token, Method::PUT, "/contents/second.md", put()).await.expect(201);
    let protection = json!({ "required_status_checks": null, "enforce_admins": true,
        "required_pull_request_reviews": { "dismissal_restrictions": { "users": [], "teams": [], "apps": ["gear-counter"] },
            "required_approving_review_count": 1 },
        "restrictions": { "users": [], "teams": [], "apps": ["gear-counter"] } });
    let kept = call(&harness, &token, Method::PUT, "/branches/main/protection", protection).await.expect(200);
    assert_eq!(kept["restrictions"]["apps"][0]["slug"], "gear-counter");
    harness.open_pull("other", "other.md", "one\n", json!({})).await;
    let review = json!({ "event": "APPROVE" });
    let review = harness.as_user("maintainer", Method::POST, "/pulls/2/reviews", review).await.expect(200);
    let dismiss = format!("/pulls/2/reviews/{}/dismissals", review["id"]);
    harness.as_app(Method::PUT, &dismiss, json!({ "message": "No" })).await.expect(403);
    call(&harness, &token, Method::PUT, &dismiss, json!({ "message": "Counted anew" })).await.expect(200);
}

#[tokio::test]
async fn a_user_acting_through_an_app_is_limited_to_its_administration_permission() {
    let harness = Harness::start().await;
    let app = register(&harness, &manifest("http://127.0.0.1:9/hook")).await;
    submit(&harness, "/apps/gear-counter/installations/new", &[("account", "acme")]).await;
    let code = authorize(&harness, &app, "maintainer").await;
    let granted = trade(&harness, &app, json!({ "code": code })).await;
    let token = granted["access_token"].as_str().unwrap();
    let protection = json!({ "required_status_checks": null, "enforce_admins": null,
        "required_pull_request_reviews": null, "restrictions": null });
    let own = harness.playground.token("maintainer");
    call(&harness, &own, Method::PUT, "/branches/main/protection", protection.clone()).await.expect(200);
    for (method, path, body) in [
        (Method::PUT, "/branches/main/protection", protection),
        (Method::DELETE, "/branches/main/protection", json!({})),
        (Method::POST, "/rulesets", json!({ "name": "Mine", "enforcement": "active" })),
    ] {
        let refused = call(&harness, token, method, path, body).await;
        assert_eq!(refused.body["message"], "Resource not accessible by integration", "{path}");
        refused.expect(403);
    }
    harness.call(Method::GET, "/repos/acme/widgets/branches/main/protection", token, None).await.expect(403);
    let role = Some(json!({ "role": "admin" }));
    let membership = "/orgs/acme/memberships/outsider";
    harness.call(Method::PUT, membership, token, role.clone()).await.expect(403);
    harness.call(Method::PUT, membership, &own, role).await.expect(200);
}
