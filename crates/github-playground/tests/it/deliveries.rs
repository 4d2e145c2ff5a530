//! What the app can see of its own webhooks, and how it configures them.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use sha2::Sha256;

use super::support::{Harness, Receiver, Reply, wait_for};

impl Harness {
    async fn as_itself(&self, method: Method, path: &str, body: Value) -> Reply {
        let body = Some(body).filter(|body| !body.is_null());
        self.call(method, &format!("/app/hook{path}"), &self.app_token(), body).await
    }

    async fn deliveries(&self, query: &str) -> Vec<Value> {
        let list = self.as_itself(Method::GET, &format!("/deliveries?{query}"), Value::Null).await.expect(200);
        list.as_array().unwrap().clone()
    }

    /// Waits until this many deliveries are listed.
    async fn settled(&self, count: usize) -> Vec<Value> {
        wait_for("the deliveries", async || {
            Some(self.deliveries("per_page=100").await).filter(|all| all.len() == count)
        })
        .await
    }

    async fn open(&self, title: &str) {
        self.as_user("writer", Method::POST, "/issues", json!({ "title": title })).await.expect(201);
    }
}

/// The `next` link of a `Link` header, below `/app/hook/deliveries`.
fn next(reply: &Reply) -> Option<String> {
    let link = reply.headers.get("link")?.to_str().unwrap();
    let (address, rel) = link.split_once(">; ")?;
    assert_eq!(rel, "rel=\"next\"");
    address.split_once("/app/hook").map(|(_, path)| path.to_owned())
}

#[tokio::test]
async fn pages_are_turned_by_cursor_and_hold_each_delivery_once() {
    let harness = Harness::start().await;
    let _receiver = Receiver::of(&harness).await;
    for at in 0..5 {
        harness.open(&format!("Number {at}")).await;
    }
    let all = harness.settled(5).await;
    let (mut seen, mut path) = (Vec::new(), Some("/deliveries?per_page=2&status=success".to_owned()));
    let mut pages = 0;
    while let Some(page) = path {
        let reply = harness.as_itself(Method::GET, &page, Value::Null).await;
        path = next(&reply);
        assert!(path.as_ref().is_none_or(|path| path.contains("status=success") && path.contains("cursor=v1_")));
        seen.extend(reply.expect(200).as_array().unwrap().clone());
        pages += 1;
    }
    assert_eq!((pages, &seen), (3, &all));
    harness.as_itself(Method::GET, "/deliveries?cursor=nonsense", Value::Null).await.expect(400);
}

#[tokio::test]
async fn an_undelivered_webhook_is_a_failure_and_a_pending_one_is_not_listed() {
    let harness = Harness::start().await;
    harness.playground.set_webhook_url("http://127.0.0.1:9/hook");
    harness.open("Unreached").await;
    let failed = harness.settled(1).await;
    assert_eq!((&failed[0]["status"], &failed[0]["status_code"]), (&json!("failed to connect to host"), &json!(502)));
    assert_eq!(harness.deliveries("status=failure").await, failed);
    assert_eq!(harness.deliveries("status=success").await, Vec::<Value>::new());
    // A receiver that never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    harness.playground.set_webhook_url(format!("http://{}/hook", silent.local_addr().unwrap()));
    harness.open("Pending").await;
    let _line = silent.accept().await.unwrap();
    assert_eq!(harness.settled(1).await, failed);
}

#[tokio::test]
async fn a_delivery_is_shown_with_both_sides_and_sent_again_under_its_guid() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.open("Shown").await;
    let first = harness.settled(1).await.remove(0);
    let path = format!("/deliveries/{}", first["id"]);
    let whole = harness.as_itself(Method::GET, &path, Value::Null).await.expect(200);
    assert_eq!(whole["request"]["headers"]["X-GitHub-Delivery"], first["guid"]);
    assert_eq!(whole["request"]["payload"]["issue"]["title"], "Shown");
    assert_eq!((&whole["status"], &whole["status_code"]), (&json!("OK"), &json!(202)));
    assert!(whole["response"]["headers"].as_object().unwrap().contains_key("date"), "{whole}");
    harness.as_itself(Method::POST, &format!("{path}/attempts"), Value::Null).await.expect(202);
    let both = harness.settled(2).await;
    assert_eq!((&both[0]["guid"], &both[0]["redelivery"]), (&first["guid"], &json!(true)));
    assert_ne!(both[0]["id"], first["id"]);
    assert_eq!(receiver.all().len(), 2);
    harness.as_itself(Method::POST, "/deliveries/9/attempts", Value::Null).await.expect(404);
    let token = harness.playground.token("maintainer");
    harness.call(Method::GET, "/app/hook/deliveries", &token, None).await.expect(401);
}

#[tokio::test]
async fn after_three_days_a_delivery_is_forgotten() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.open("Old").await;
    let old = harness.settled(1).await.remove(0);
    let path = format!("/deliveries/{}", old["id"]);
    harness.playground.advance(Duration::from_mins(3 * 24 * 60 - 1));
    harness.as_itself(Method::GET, &path, Value::Null).await.expect(200);
    harness.open("Young").await;
    let _both = harness.settled(2).await;
    harness.playground.advance(Duration::from_mins(2));
    let left = harness.settled(1).await;
    assert_ne!(left[0]["id"], old["id"]);
    harness.as_itself(Method::GET, &path, Value::Null).await.expect(404);
    harness.as_itself(Method::POST, &format!("{path}/attempts"), Value::Null).await.expect(404);
    assert_eq!(receiver.all().len(), 2, "nothing was sent again");
}

#[tokio::test]
async fn the_configuration_is_shown_masked_and_a_new_secret_signs_from_then_on() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    let config = harness.as_itself(Method::GET, "/config", Value::Null).await.expect(200);
    assert_eq!((&config["secret"], &config["content_type"]), (&json!("********"), &json!("json")));
    let changed = json!({ "secret": "another secret", "insecure_ssl": 1 });
    let shown = harness.as_itself(Method::PATCH, "/config", changed).await.expect(200);
    assert_eq!(
        (&shown["secret"], &shown["insecure_ssl"], &shown["url"]),
        (&json!("********"), &json!("1"), &config["url"])
    );
    harness.open("Signed anew").await;
    let hook = receiver.next("issues", "opened").await;
    assert!(!hook.signed, "the old secret signs no more");
    let delivery = harness.settled(1).await.remove(0);
    let whole =
        harness.as_itself(Method::GET, &format!("/deliveries/{}", delivery["id"]), Value::Null).await.expect(200);
    let headers = &whole["request"]["headers"];
    let mut mac = Hmac::<Sha256>::new_from_slice(b"another secret").unwrap();
    mac.update(hook.payload.to_string().as_bytes());
    let wanted = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(
        (&headers["X-Hub-Signature-256"], hook.headers["x-hub-signature-256"].to_str().unwrap()),
        (&json!(wanted), &*wanted)
    );
    assert!(headers["X-Hub-Signature"].as_str().unwrap().starts_with("sha1="));
    harness.as_itself(Method::PATCH, "/config", json!({ "secret": "" })).await.expect(200);
    let bare = harness.as_itself(Method::GET, "/config", Value::Null).await.expect(200);
    assert!(bare.get("secret").is_none(), "{bare}");
}

#[tokio::test]
async fn a_form_carries_the_payload_in_a_field() {
    let harness = Harness::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/form", listener.local_addr().unwrap());
    let (sender, mut received) = tokio::sync::mpsc::channel(1);
    let take = move |headers: HeaderMap, form: axum::Form<std::collections::BTreeMap<String, String>>| {
        let sender = sender.clone();
        async move { sender.send((headers, form.0)).await.map_err(|_| StatusCode::GONE) }
    };
    let router = axum::Router::new().route("/form", axum::routing::post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    harness.as_itself(Method::PATCH, "/config", json!({ "url": url, "content_type": "form" })).await.expect(200);
    harness.open("In a form: ä & ö = +%").await;
    let (ping, _) = received.recv().await.unwrap();
    assert_eq!(ping["x-github-event"], "ping", "where there was no address, the hook is tried first");
    let (headers, form) = received.recv().await.unwrap();
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    let payload: Value = serde_json::from_str(&form["payload"]).unwrap();
    assert_eq!(payload["issue"]["title"], "In a form: ä & ö = +%");
}

#[tokio::test]
async fn a_configuration_that_makes_no_sense_changes_nothing() {
    let harness = Harness::start().await;
    let _receiver = Receiver::of(&harness).await;
    let before = harness.as_itself(Method::GET, "/config", Value::Null).await.expect(200);
    for (bad, field) in [
        (json!({ "url": "ftp://127.0.0.1/", "secret": "x" }), "url"),
        (json!({ "url": "nonsense" }), "url"),
        (json!({ "content_type": "xml" }), "content_type"),
        (json!({ "insecure_ssl": "yes", "content_type": "form" }), "insecure_ssl"),
    ] {
        let refused = harness.as_itself(Method::PATCH, "/config", bad).await.expect(422);
        assert_eq!(refused["errors"][0]["field"], field);
    }
    assert_eq!(harness.as_itself(Method::GET, "/config", Value::Null).await.expect(200), before);
    let token = harness.playground.token("maintainer");
    harness.call(Method::PATCH, "/app/hook/config", &token, Some(json!({}))).await.expect(401);
}

#[tokio::test]
async fn a_payload_over_25_megabytes_is_not_delivered() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    let clone = harness.clone_as("playground-writer").await;
    // A push's payload has twenty commits, each with its whole message.
    std::fs::write(clone.path.join("../message"), "a long story ".repeat(220_000)).unwrap();
    for _ in 0..10 {
        clone.git(&["commit", "--quiet", "--allow-empty", "--file", "../message"]).await.unwrap();
    }
    clone.git(&["push", "--quiet", "origin", "HEAD:refs/heads/wordy"]).await.unwrap();
    harness.open("After it").await;
    receiver.next("issues", "opened").await;
    assert_eq!(receiver.next("create", "").await.payload["ref"], "wordy");
    assert!(receiver.all().iter().all(|hook| hook.event != "push"), "it is too large");
    assert!(harness.deliveries("per_page=100").await.iter().all(|listed| listed["event"] != "push"));
}
