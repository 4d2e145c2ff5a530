//! Rulesets: the refs they apply to, who may bypass them, and their requirements.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver};

async fn ruleset(harness: &Harness, more: Value) -> Value {
    let mut body = json!({
        "name": "Main stays sound", "target": "branch", "enforcement": "active",
        "conditions": { "ref_name": { "include": ["~DEFAULT_BRANCH"], "exclude": [] } },
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    harness.as_user("maintainer", Method::POST, "/rulesets", body).await.expect(201)
}

fn pull_request(approvals: u64) -> Value {
    json!({ "type": "pull_request", "parameters": {
        "dismiss_stale_reviews_on_push": false, "require_code_owner_review": false, "require_last_push_approval": false,
        "required_approving_review_count": approvals, "required_review_thread_resolution": true,
    } })
}

fn checks(wanted: &Value) -> Value {
    let parameters = json!({ "required_status_checks": wanted, "strict_required_status_checks_policy": false });
    json!({ "type": "required_status_checks", "parameters": parameters })
}

#[tokio::test]
async fn a_ruleset_is_stored_shown_and_announced() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.playground.subscribe(&["repository_ruleset"]);
    let rules = json!([pull_request(1), checks(&json!([{ "context": "playground-app", "integration_id": 1 }])), { "type": "non_fast_forward" }]);
    let bypass = json!([{ "actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "pull_request" }]);
    let made = ruleset(&harness, json!({ "rules": rules, "bypass_actors": bypass })).await;
    assert_eq!(
        (&made["current_user_can_bypass"], &made["source"]),
        (&json!("pull_requests_only"), &json!("acme/widgets"))
    );
    receiver.next("repository_ruleset", "created").await;
    let path = format!("/rulesets/{}", made["id"]);
    assert_eq!(harness.get(&path).await, made);
    let for_reader = harness.as_user("outsider", Method::GET, &path, Value::Null).await.expect(200);
    assert!(
        for_reader.get("bypass_actors").is_none() && for_reader["current_user_can_bypass"] == "never",
        "{for_reader}"
    );
    assert_eq!(harness.get("/rulesets").await[0]["name"], "Main stays sound");
    let of_main = harness.get("/rules/branches/main").await;
    let kinds: Vec<&str> = of_main.as_array().unwrap().iter().filter_map(|rule| rule["type"].as_str()).collect();
    assert_eq!(kinds, ["pull_request", "required_status_checks", "non_fast_forward"]);
    assert_eq!(of_main[0]["ruleset_id"], made["id"]);
    assert_eq!(harness.get("/rules/branches/other").await, json!([]));
    let twin = json!({ "name": "Main stays sound", "enforcement": "active" });
    harness.as_user("maintainer", Method::POST, "/rulesets", twin).await.expect(422);
    harness
        .as_user("writer", Method::POST, "/rulesets", json!({ "name": "x", "enforcement": "active" }))
        .await
        .expect(404);
    harness.as_user("maintainer", Method::POST, "/rulesets", json!({ "name": "x" })).await.expect(422);
    let foreign = json!({ "rules": [checks(&json!([{ "context": "ci", "integration_id": 77 }]))] });
    harness.as_user("maintainer", Method::PUT, &path, foreign).await.expect(422);
    let off = json!({ "enforcement": "disabled", "rules": [{ "type": "deletion" }] });
    harness.as_user("maintainer", Method::PUT, &path, off).await.expect(200);
    let edited = receiver.next("repository_ruleset", "edited").await.payload;
    assert_eq!(edited["changes"]["enforcement"]["from"], "active");
    assert_eq!(edited["changes"]["rules"]["added"], json!([{ "type": "deletion" }]));
    assert_eq!(harness.get("/rules/branches/main").await, json!([]));
    harness.as_user("maintainer", Method::DELETE, &path, Value::Null).await.expect(204);
    receiver.next("repository_ruleset", "deleted").await;
    harness.as_user("maintainer", Method::GET, &path, Value::Null).await.expect(404);
}

#[tokio::test]
async fn all_rulesets_of_a_branch_hold_at_once_and_for_administrators_too() {
    let harness = Harness::start().await;
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    ruleset(&harness, json!({ "rules": [checks(&json!([{ "context": "ci" }]))] })).await;
    ruleset(&harness, json!({ "name": "Reviewed", "rules": [pull_request(1)], "conditions": { "ref_name": { "include": ["refs/heads/ma*"], "exclude": [] } } })).await;
    assert_eq!(harness.wait_mergeable(1, true).await["mergeable_state"], "blocked");
    let refused = harness.as_user("maintainer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(405);
    assert_eq!(
        refused["message"],
        "Repository rule violations found\n\nRequired status check \"ci\" is expected.\n\nAt least 1 approving review is required by reviewers with write access.\n\n"
    );
    let status = json!({ "context": "ci", "state": "success" });
    let path = format!("/statuses/{}", pull["head"]["sha"].as_str().unwrap());
    harness.as_user("writer", Method::POST, &path, status).await.expect(201);
    harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", json!({ "event": "APPROVE" })).await.expect(200);
    assert_eq!(harness.wait_mergeable(1, true).await["mergeable_state"], "clean");
    harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(200);
}

#[tokio::test]
async fn an_open_conversation_and_a_method_that_is_left_out_stop_a_merge() {
    let harness = Harness::start().await;
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let mut rule = pull_request(0);
    rule["parameters"]["allowed_merge_methods"] = json!(["squash"]);
    ruleset(&harness, json!({ "rules": [rule] })).await;
    let squash = json!({ "merge_method": "squash" });
    let refused = harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(405);
    assert_eq!(
        refused["message"],
        "Repository rule violations found\n\nMerge commits are not allowed on this repository.\n\n"
    );
    let comment =
        json!({ "body": "Why?", "path": "notes.md", "line": 1, "side": "RIGHT", "commit_id": pull["head"]["sha"] });
    harness.as_user("maintainer", Method::POST, "/pulls/1/comments", comment).await.expect(201);
    let refused = harness.as_user("writer", Method::PUT, "/pulls/1/merge", squash).await.expect(405);
    assert_eq!(
        refused["message"],
        "Repository rule violations found\n\nA conversation must be resolved before this pull request can be merged.\n\n"
    );
}

#[tokio::test]
async fn a_ruleset_stops_pushes_but_not_of_those_it_lets_pass() {
    let harness = Harness::start().await;
    let rules = json!([pull_request(0), { "type": "creation" }]);
    let everywhere = json!({ "ref_name": { "include": ["~ALL"], "exclude": ["refs/heads/free/**/*"] } });
    let made = ruleset(&harness, json!({ "rules": rules, "conditions": everywhere })).await;
    let clone = harness.clone_as("playground-writer").await;
    clone.commit_on("main", "notes.md", "one\n").await;
    let declined = clone.git(&["push", "origin", "main"]).await.unwrap_err();
    assert!(
        declined.contains("remote: error: GH013: Repository rule violations found for refs/heads/main."),
        "{declined}"
    );
    assert!(declined.contains("/acme/widgets/rules?ref=refs%2Fheads%2Fmain"), "{declined}");
    assert!(declined.contains("(push declined due to repository rule violations)"), "{declined}");
    let declined = clone.git(&["push", "origin", "main:new"]).await.unwrap_err();
    assert!(declined.contains("Cannot create ref due to creations being restricted."), "{declined}");
    clone.git(&["push", "--quiet", "origin", "main:free/new"]).await.unwrap();
    let put = json!({ "message": "Add", "content": "b25l" });
    let refused = harness.as_app(Method::PUT, "/contents/x.md", put.clone()).await.expect(409);
    assert_eq!(
        refused["message"],
        "Could not create file: Repository rule violations found\n\nChanges must be made through a pull request.\n\n"
    );
    let path = format!("/rulesets/{}", made["id"]);
    let by_way =
        |mode: &str| json!({ "bypass_actors": [{ "actor_id": 1, "actor_type": "Integration", "bypass_mode": mode }] });
    harness.as_user("maintainer", Method::PUT, &path, by_way("pull_request")).await.expect(200);
    harness.as_app(Method::PUT, "/contents/x.md", put.clone()).await.expect(409);
    harness.as_user("maintainer", Method::PUT, &path, by_way("always")).await.expect(200);
    harness.as_app(Method::PUT, "/contents/x.md", put).await.expect(201);
    let only_evaluated = json!({ "enforcement": "evaluate" });
    harness.as_user("maintainer", Method::PUT, &path, only_evaluated).await.expect(200);
    clone.git(&["push", "--quiet", "--force", "origin", "main:other"]).await.unwrap();
}

#[tokio::test]
async fn owners_and_teams_are_let_pass_where_a_ruleset_says_so() {
    let harness = Harness::start().await;
    let owner = harness.playground.token("maintainer");
    let org = async |method: Method, path: &str, body: Value| {
        harness.call(method, &format!("/orgs/acme/teams{path}"), &owner, Some(body)).await
    };
    let team = org(Method::POST, "", json!({ "name": "Gears" })).await.expect(201)["id"].clone();
    org(Method::PUT, "/gears/memberships/writer", json!({ "role": "member" })).await.expect(200);
    // The creator of a team is a member of it.
    org(Method::DELETE, "/gears/memberships/maintainer", json!({})).await.expect(204);
    let everywhere = json!({ "ref_name": { "include": ["~ALL"], "exclude": [] } });
    let made = ruleset(&harness, json!({ "rules": [{ "type": "creation" }], "conditions": everywhere })).await;
    let main = harness.get("/git/ref/heads/main").await["object"]["sha"].clone();
    let create = async |login: &str, name: &str| {
        let body = json!({ "ref": format!("refs/heads/{name}"), "sha": main });
        harness.as_user(login, Method::POST, "/git/refs", body).await.status.as_u16()
    };
    let let_pass = async |kind: &str, id: &Value| {
        let bypass = json!([{ "actor_id": id, "actor_type": kind, "bypass_mode": "always" }]);
        let path = format!("/rulesets/{}", made["id"]);
        harness.as_user("maintainer", Method::PUT, &path, json!({ "bypass_actors": bypass })).await.expect(200);
    };
    assert_eq!((create("maintainer", "a").await, create("writer", "a").await), (422, 422));
    let_pass("OrganizationAdmin", &json!(1)).await;
    assert_eq!((create("maintainer", "b").await, create("writer", "c").await), (201, 422));
    let_pass("Team", &team).await;
    assert_eq!(create("writer", "d").await, 422, "a team that may not write here");
    org(Method::PUT, "/gears/repos/acme/widgets", json!({ "permission": "push" })).await.expect(204);
    assert_eq!((create("maintainer", "e").await, create("writer", "f").await), (422, 201));
}
