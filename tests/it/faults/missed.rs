//! Webhooks that are lost, duplicated, late and out of order.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::sync::mpsc;

use super::stage::{Stage, WELL};

/// A person approves the plan; everything else is automatic.
const PLAN_APPROVAL: &str =
    "autonomy: full_auto\nmerge: auto\nplan_approval: true\nsetup: []\nverifiers:\n  - name: test\n    run: \"true\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_label_set_during_a_downtime_starts_a_directive_after_the_restart() {
    let stage = Stage::set("true").await;
    stage.serve().await.kill().await;
    let issue = stage.label("Set while it was down").await;
    // A person's comment without a command has no effect.
    stage.comment(issue, "Is anybody there?").await;
    let serve = stage.serve().await;
    stage.completes(issue, &["alpha"]).await;
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_during_a_downtime_is_found_after_the_restart() {
    let policy = "autonomy: full_auto\nmerge: auto\nplan_approval: true\nsetup: []\nverifiers:\n  - name: test\n    run: \"true\"\n";
    let stage = Stage::with_policy(policy).await;
    let serve = stage.serve().await;
    let issue = stage.label("Approved while it was down").await;
    let waiting = "SELECT count(*) FROM approvals WHERE kind = 'plan' AND status = 'pending'";
    stage.wait("the plan waits", async || (stage.count(waiting).await == 1).then_some(())).await;
    serve.kill().await;
    stage.comment(issue, "/approve").await;
    let serve = stage.serve().await;
    stage.completes(issue, &["alpha"]).await;
    let taken = "SELECT count(*) FROM events WHERE name = 'command_taken'";
    assert_eq!(stage.count(taken).await, 1, "it was given once");
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicated_late_and_reversed_webhooks_change_nothing() {
    let stage = Stage::with_policy(PLAN_APPROVAL).await;
    stage.agent(&["alpha", "beta"], WELL);
    let serve = stage.serve().await;
    stage.playground.set_webhook_url(bad_postman(format!("http://{}/webhooks/github", stage.address)).await);
    let issue = stage.label("Badly delivered").await;
    let waiting = "SELECT count(*) FROM approvals WHERE kind = 'plan' AND status = 'pending'";
    stage.wait("the plan waits", async || (stage.count(waiting).await == 1).then_some(())).await;
    stage.comment(issue, "/approve").await;
    stage.completes(issue, &["alpha", "beta"]).await;
    let orders = "SELECT count(*) FROM events WHERE name IN ('command_taken', 'command_refused')";
    assert_eq!(stage.count(orders).await, 1, "an order that comes twice is one order");
    let given_up = "SELECT count(*) FROM deliveries WHERE status = 'failed'";
    assert_eq!(stage.count(given_up).await, 0, "{}", stage.told().await);
    drop(serve);
}

type Letter = (HeaderMap, Bytes);

/// Receives webhooks and forwards them in batches, the last one first, each of them twice.
async fn bad_postman(to: String) -> String {
    let (sender, mut letters) = mpsc::unbounded_channel::<Letter>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", post(take)).with_state(Arc::new(sender));
    tokio::spawn(async move { axum::serve(listener, router).await });
    tokio::spawn(async move {
        let http = reqwest::Client::new();
        while let Some(first) = letters.recv().await {
            let mut bag = vec![first];
            while let Ok(Some(letter)) = tokio::time::timeout(Duration::from_millis(150), letters.recv()).await {
                bag.push(letter);
                if bag.len() == 8 {
                    break;
                }
            }
            for (headers, body) in bag.iter().rev().chain(&bag) {
                let answer = http.post(&to).headers(headers.clone()).body(body.clone()).send().await.unwrap();
                assert_eq!(answer.status(), StatusCode::ACCEPTED);
            }
        }
    });
    format!("http://{address}/")
}

async fn take(State(sender): State<Arc<mpsc::UnboundedSender<Letter>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let kept = headers.iter().filter(|(name, _)| name.as_str().starts_with("x-") || name.as_str() == "content-type");
    let kept = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    sender.send((kept, body)).unwrap();
    StatusCode::ACCEPTED
}
