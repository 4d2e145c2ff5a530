//! Workflows that are started by hand.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver, wait_for};

const DEPLOY: &str = "name: Deploy\non:\n  workflow_dispatch:\n    inputs:\n      where: { required: true }\n      \
                      how: { type: choice, options: [fast, safe], default: safe }\n  repository_dispatch:\n    types: [deploy]\n\
                      jobs: { deploy: { runs-on: x } }\n";

async fn harness_with(file: &str, text: &str) -> (Harness, String) {
    let harness = Harness::start().await;
    let clone = harness.clone_as("playground-maintainer").await;
    std::fs::create_dir_all(clone.path.join(".github/workflows")).unwrap();
    let sha = clone.commit_on("main", &format!(".github/workflows/{file}"), text).await;
    clone.git(&["push", "--quiet", "origin", "main"]).await.unwrap();
    wait_for("the workflow", async || (harness.get("/actions/workflows").await["total_count"] == 1).then_some(()))
        .await;
    (harness, sha)
}

#[tokio::test]
async fn a_workflow_is_dispatched_with_the_inputs_it_declares() {
    let (harness, sha) = harness_with("deploy.yml", DEPLOY).await;
    harness.playground.subscribe(&["workflow_dispatch"]);
    let receiver = Receiver::of(&harness).await;
    let path = "/actions/workflows/deploy.yml/dispatches";
    let ask = async |body: Value, status: u16| -> String {
        let answer = harness.as_user("writer", Method::POST, path, body).await.expect(status);
        answer["message"].as_str().unwrap_or_default().to_owned()
    };
    let inputs = |inputs: Value| json!({ "ref": "main", "inputs": inputs });
    assert!(ask(json!({}), 422).await.contains("\"ref\" wasn't supplied"));
    assert_eq!(ask(json!({ "ref": "nowhere" }), 422).await, "No ref found for: nowhere");
    assert_eq!(ask(inputs(json!({})), 422).await, "Required input 'where' not provided");
    assert_eq!(ask(inputs(json!({ "where": "x", "who": "y" })), 422).await, "Unexpected inputs provided: [\"who\"]");
    assert!(
        ask(inputs(json!({ "where": "x", "how": "loud" })), 422).await.contains("not in the list of allowed values")
    );
    let many: serde_json::Map<String, Value> = (0..26).map(|n| (format!("i{n}"), json!("x"))).collect();
    assert!(ask(json!({ "ref": "main", "inputs": many }), 422).await.contains("properties are allowed"));
    let good = inputs(json!({ "where": "here" }));
    harness.as_user("triager", Method::POST, path, good.clone()).await.expect(403);
    // The app may only read the results of Actions.
    let refused = harness.as_app(Method::POST, path, good.clone()).await.expect(403);
    assert_eq!(refused["message"], "Resource not accessible by integration");
    harness.as_user("writer", Method::POST, "/actions/workflows/none.yml/dispatches", good.clone()).await.expect(404);
    ask(good, 204).await;
    let run = wait_for("the run", async || {
        let runs = harness.get("/actions/workflows/deploy.yml/runs?event=workflow_dispatch&status=success").await;
        runs["workflow_runs"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!((&run["head_sha"], &run["head_branch"]), (&json!(sha), &json!("main")));
    let told = receiver.next("workflow_dispatch", "").await.payload;
    assert_eq!(told["inputs"], json!({ "where": "here", "how": "safe" }));
    assert_eq!((&told["ref"], &told["workflow"]), (&json!("refs/heads/main"), &json!(".github/workflows/deploy.yml")));
}

#[tokio::test]
async fn a_workflow_without_the_trigger_is_not_dispatched() {
    let (harness, _) = harness_with("ci.yml", "on: push\njobs: { a: { runs-on: x } }\n").await;
    let path = "/actions/workflows/ci.yml/dispatches";
    let refused = harness.as_user("writer", Method::POST, path, json!({ "ref": "main" })).await.expect(422);
    assert_eq!(refused["message"], "Workflow does not have 'workflow_dispatch' trigger");
}

#[tokio::test]
async fn a_repository_is_dispatched_by_any_name_and_runs_what_is_on_its_default_branch() {
    let (harness, sha) = harness_with("deploy.yml", DEPLOY).await;
    harness.playground.subscribe(&["repository_dispatch"]);
    let receiver = Receiver::of(&harness).await;
    let ask = async |body: Value, status: u16| {
        harness.as_app(Method::POST, "/dispatches", body).await.expect(status);
    };
    ask(json!({}), 422).await;
    ask(json!({ "event_type": "x".repeat(101) }), 422).await;
    let many: serde_json::Map<String, Value> = (0..11).map(|n| (format!("k{n}"), json!(n))).collect();
    ask(json!({ "event_type": "deploy", "client_payload": many }), 422).await;
    ask(json!({ "event_type": "deploy", "client_payload": { "k": "x".repeat(65_536) } }), 422).await;
    let token = harness.installation_token(json!({ "permissions": { "contents": "read" } })).await;
    let path = "/repos/acme/widgets/dispatches";
    harness.call(Method::POST, path, &token, Some(json!({ "event_type": "deploy" }))).await.expect(403);
    ask(json!({ "event_type": "other" }), 204).await;
    ask(json!({ "event_type": "deploy", "client_payload": { "unit": 7 } }), 204).await;
    let told = receiver.next("repository_dispatch", "deploy").await.payload;
    assert_eq!((&told["client_payload"], &told["branch"]), (&json!({ "unit": 7 }), &json!("main")));
    let runs = wait_for("the run", async || {
        let runs = harness.get("/actions/runs?event=repository_dispatch&status=success").await;
        (runs["total_count"] == 1).then_some(runs)
    })
    .await;
    let run = &runs["workflow_runs"][0];
    assert_eq!((&run["head_sha"], &run["display_title"]), (&json!(sha), &json!("deploy")));
    assert_eq!(run["actor"]["login"], "playground-app[bot]");
}
