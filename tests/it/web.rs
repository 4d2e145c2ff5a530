//! The webhook receiver, through `serve`, on a real Postgres.

use std::net::SocketAddr;

use adjutant::serve::{ServeError, serve};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::pg::TestDatabase;
use crate::support::settings::{WEBHOOK_SECRET, settings};
use crate::support::until;

/// A running `serve` with its own database.
struct Served {
    database: TestDatabase,
    address: SocketAddr,
    client: Client,
    shutdown: CancellationToken,
    running: JoinHandle<Result<(), ServeError>>,
}

impl Served {
    async fn start() -> Self {
        let database = TestDatabase::new().await;
        let (send, ready) = oneshot::channel();
        let shutdown = CancellationToken::new();
        let settings = settings(&[("DATABASE_URL", &database.url())]);
        let running = tokio::spawn(serve(settings, shutdown.clone(), send));
        let address = ready.await.unwrap();
        Self { database, address, client: Client::new(), shutdown, running }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A delivery as GitHub sends it.
    fn delivery(&self, guid: &str, body: impl Into<Vec<u8>>) -> RequestBuilder {
        let body = body.into();
        self.client
            .post(self.url("/webhooks/github"))
            .header("content-type", "application/json")
            .header("x-github-event", "issues")
            .header("x-github-delivery", guid)
            .header("x-github-hook-installation-target-type", "integration")
            .header("x-github-hook-installation-target-id", "7")
            .header("x-hub-signature-256", sign(WEBHOOK_SECRET, &body))
            .body(body)
    }

    async fn rows(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM deliveries").fetch_one(&self.database.pool().await).await.unwrap()
    }

    async fn row(&self, guid: &str) -> (String, Option<String>, Option<String>, Option<i64>, Option<String>, Vec<u8>) {
        sqlx::query_as(
            "SELECT status, reason, action, installation_id, hook_target, body FROM deliveries WHERE guid = $1",
        )
        .bind(guid)
        .fetch_one(&self.database.pool().await)
        .await
        .unwrap()
    }

    async fn readiness(&self) -> StatusCode {
        self.client.get(self.url("/readyz")).send().await.unwrap().status()
    }
}

fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(text.lines().count(), 1, "an answer is one line: {text}");
    (status, serde_json::from_str(&text).unwrap())
}

fn payload() -> String {
    json!({"action": "labeled", "installation": {"id": 42}, "issue": {"title": "ü"}}).to_string()
}

#[tokio::test]
async fn a_signed_delivery_is_stored_as_it_came_before_it_is_accepted() {
    let served = Served::start().await;
    let (status, body) = answer(served.delivery("g-1", payload())).await;
    assert_eq!((status, body), (StatusCode::ACCEPTED, json!({"status": "stored"})));
    // The runtime may have read it already and found it incomplete. Its body stays unchanged.
    let (_, _, action, installation, target, body) = served.row("g-1").await;
    assert_eq!((action.as_deref(), installation), (Some("labeled"), Some(42)));
    assert_eq!((target.as_deref(), body), (Some("integration/7"), payload().into_bytes()));
}

#[tokio::test]
async fn a_redelivery_is_accepted_and_stored_once() {
    let served = Served::start().await;
    for expected in ["stored", "known", "known"] {
        // A ping is not suitable: if it has failed by then, it would be stored again.
        let mut request = served.delivery("g-1", payload()).build().unwrap();
        request.headers_mut().insert("x-github-event", "ping".parse().unwrap());
        let response = served.client.execute(request).await.unwrap();
        let (status, body) = (response.status(), response.json::<Value>().await.unwrap());
        assert_eq!((status, body), (StatusCode::ACCEPTED, json!({"status": expected})));
    }
    assert_eq!(served.rows().await, 1);
}

#[tokio::test]
async fn an_unsigned_or_wrongly_signed_delivery_is_refused_and_cannot_take_a_guid() {
    let served = Served::start().await;
    for signature in [None, Some(sign("another secret", payload().as_bytes())), Some("sha256=00".into())] {
        let mut request = served.delivery("g-1", payload()).build().unwrap();
        match signature {
            Some(value) => request.headers_mut().insert("x-hub-signature-256", value.parse().unwrap()),
            None => request.headers_mut().remove("x-hub-signature-256"),
        };
        let response = served.client.execute(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let body: Value = response.json().await.unwrap();
        assert!(body["error"].as_str().unwrap().to_lowercase().contains("signature"), "{body}");
    }
    assert_eq!(served.rows().await, 0);

    let (status, body) = answer(served.delivery("g-1", payload())).await;
    assert_eq!((status, body), (StatusCode::ACCEPTED, json!({"status": "stored"})));
}

#[tokio::test]
async fn a_delivery_without_githubs_headers_is_refused_with_the_headers_name() {
    let served = Served::start().await;
    for header in ["X-GitHub-Event", "X-GitHub-Delivery"] {
        for value in [None, Some(""), Some("a b")] {
            let mut request = served.delivery("g-1", payload()).build().unwrap();
            let name: http::HeaderName = header.parse().unwrap();
            match value {
                Some(value) => request.headers_mut().insert(name, value.parse().unwrap()),
                None => request.headers_mut().remove(name),
            };
            let response = served.client.execute(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::BAD_REQUEST);
            let body: Value = response.json().await.unwrap();
            assert!(body["error"].as_str().unwrap().contains(header), "{body}");
        }
    }
    assert_eq!(served.rows().await, 0);
}

#[tokio::test]
async fn a_body_beyond_25_mib_is_refused_whether_or_not_it_says_so() {
    let served = Served::start().await;
    let large = vec![b' '; (25 << 20) + 1];
    let announced = served.delivery("g-1", large.clone());
    assert_eq!(answer(announced).await.0, StatusCode::PAYLOAD_TOO_LARGE);

    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(head("transfer-encoding: chunked").as_bytes()).await.unwrap();
    for chunk in large.chunks(1 << 20) {
        stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await.unwrap();
        stream.write_all(chunk).await.unwrap();
        stream.write_all(b"\r\n").await.unwrap();
    }
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"HTTP/1.1 413");
    assert_eq!(served.rows().await, 0);
}

/// The head of a delivery whose signature is well-formed and wrong.
fn head(more: &str) -> String {
    let signature = sign("another secret", b"");
    format!(
        "POST /webhooks/github HTTP/1.1\r\nhost: adjutant\r\nx-github-event: issues\r\nx-github-delivery: g-x\r\n\
         x-hub-signature-256: {signature}\r\n{more}\r\n\r\n"
    )
}

#[tokio::test]
async fn a_request_without_a_signature_is_refused_before_its_body_is_read() {
    let served = Served::start().await;
    let mut floods = Vec::new();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let unsigned =
            format!("POST /webhooks/github HTTP/1.1\r\nhost: adjutant\r\ncontent-length: {}\r\n\r\n", 24 << 20);
        stream.write_all(unsigned.as_bytes()).await.unwrap();
        floods.push(stream);
    }
    for stream in &mut floods {
        let mut line = [0; 12];
        stream.read_exact(&mut line).await.unwrap();
        assert_eq!(&line, b"HTTP/1.1 400");
    }
    assert_eq!(served.rows().await, 0);
}

#[tokio::test]
async fn many_connections_that_say_nothing_or_stop_within_a_body_keep_no_delivery_out() {
    let served = Served::start().await;
    let mut floods = Vec::new();
    for number in 0..300 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        if number % 2 == 0 {
            stream.write_all(head("content-length: 1000").as_bytes()).await.unwrap();
        }
        floods.push(stream);
    }
    assert_eq!(answer(served.delivery("g-1", payload())).await.0, StatusCode::ACCEPTED);
    assert_eq!(served.readiness().await, StatusCode::OK);
    // The oldest was closed for a newer one.
    assert_eq!(floods[1].read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_body_of_exactly_25_mib_is_taken() {
    let served = Served::start().await;
    let mut body = payload().into_bytes();
    body.resize(25 << 20, b' ');
    assert_eq!(answer(served.delivery("g-1", body)).await.0, StatusCode::ACCEPTED);
    assert_eq!(served.row("g-1").await.5.len(), 25 << 20);
}

#[tokio::test]
async fn a_signed_body_that_is_no_payload_is_kept_as_failed_with_the_reason() {
    let served = Served::start().await;
    for (guid, body) in [("g-1", "{\"action\": "), ("g-2", "[]"), ("g-3", "{\"action\": 1}"), ("g-4", "")] {
        assert_eq!(answer(served.delivery(guid, body)).await.0, StatusCode::ACCEPTED, "{body}");
        let (status, reason, .., kept) = served.row(guid).await;
        assert_eq!(status, "failed", "{body}");
        assert!(reason.unwrap().starts_with("the body is not the JSON object of a webhook"), "{body}");
        assert_eq!(kept, body.as_bytes());
    }
    let form = served.delivery("g-5", "payload=%7B%7D").header("content-type", "application/x-www-form-urlencoded");
    let mut form = form.build().unwrap();
    form.headers_mut().insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    assert_eq!(served.client.execute(form).await.unwrap().status(), StatusCode::ACCEPTED);
    assert!(served.row("g-5").await.1.unwrap().contains("set the webhook's content type"));
}

#[tokio::test]
async fn u_0000_in_the_action_does_not_keep_a_delivery_out() {
    let served = Served::start().await;
    assert_eq!(answer(served.delivery("g-1", r#"{"action": "a\u0000b"}"#)).await.0, StatusCode::ACCEPTED);
    assert_eq!(served.row("g-1").await.2.as_deref(), Some("a\u{fffd}b"));
}

#[tokio::test]
async fn while_the_database_is_down_deliveries_and_readiness_get_503() {
    let served = Served::start().await;
    assert_eq!(served.readiness().await, StatusCode::OK);
    served.database.go_away().await;

    let response = served.delivery("g-1", payload()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(served.readiness().await, StatusCode::SERVICE_UNAVAILABLE);
    let alive = served.client.get(served.url("/healthz")).send().await.unwrap();
    assert_eq!(alive.status(), StatusCode::OK);

    served.database.come_back().await;
    until("the database is found again", || async { served.readiness().await == StatusCode::OK }).await;
    let (status, body) = answer(served.delivery("g-1", payload())).await;
    assert_eq!((status, body), (StatusCode::ACCEPTED, json!({"status": "stored"})));
}

#[tokio::test]
async fn other_addresses_and_methods_are_answered_in_one_line() {
    let served = Served::start().await;
    assert_eq!(answer(served.client.get(served.url("/"))).await.0, StatusCode::NOT_FOUND);
    assert_eq!(answer(served.client.get(served.url("/webhooks/github"))).await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn it_stops_on_request_and_frees_its_address() {
    let served = Served::start().await;
    served.shutdown.cancel();
    served.running.await.unwrap().unwrap();
    tokio::net::TcpListener::bind(served.address).await.unwrap();
}

#[tokio::test]
async fn an_address_in_use_is_named_with_the_remedy() {
    let served = Served::start().await;
    let address = served.address.to_string();
    let settings = settings(&[("ADJUTANT_LISTEN", &address), ("DATABASE_URL", &served.database.url())]);
    let (ready, _) = oneshot::channel();
    let error = serve(settings, CancellationToken::new(), ready).await.unwrap_err().to_string();
    assert!(error.contains(&address) && error.contains("ADJUTANT_LISTEN"), "{error}");
}
