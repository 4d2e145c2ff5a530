//! How fast and how small the playground is: `cargo bench --bench playground`.
//!
//! It runs the program itself, as a process of its own beside this one, and asks it over HTTP as a client would. Printed are the
//! time to start (median of ten), API requests a second, webhooks a second, and what 10,000 issues take in memory.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::{Router, routing::post};
use reqwest::{Client, Method};
use serde_json::{Value, json};

const CLIENTS: usize = 16;
const FOR: Duration = Duration::from_secs(5);
const ISSUES: u64 = 10_000;
const COMMENTS: u64 = 3;

/// A playground as a process.
struct Running {
    child: Child,
    api: String,
    started: Duration,
}

impl Running {
    fn start(data: &Path, more: &[&str]) -> Self {
        let from = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_adjutant"))
            .args(["playground", "--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("it was asked for");
        BufReader::new(out).read_line(&mut line).expect("it prints one line");
        let started = from.elapsed();
        let facts: Value = serde_json::from_str(&line).expect("the line is JSON");
        let api = format!("{}/repos/acme/widgets", facts["api_url"].as_str().expect("it says where"));
        Self { child, api, started }
    }

    /// What it holds in memory, in MiB.
    fn mebibytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
    }

    fn stop(mut self) {
        self.child.kill().expect("it runs until now");
        self.child.wait().expect("it ends");
    }
}

async fn call(client: &Client, method: Method, url: String, body: Option<Value>) {
    let mut request = client.request(method, url).bearer_auth("playground-maintainer").header("user-agent", "bench");
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.expect("it answers");
    assert!(response.status().is_success(), "{}", response.status());
    response.bytes().await.expect("to the end");
}

/// Does something from all clients at once until the time is over, and answers with how often a second.
async fn often<F: Future<Output = ()> + Send>(act: impl Fn(u64) -> F + Clone + Send + 'static) -> f64 {
    let (count, from) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (count, act) = (count.clone(), act.clone());
        clients.push(async move {
            while from.elapsed() < FOR {
                act(count.fetch_add(1, Ordering::Relaxed)).await;
            }
        });
    }
    futures_util::future::join_all(clients).await;
    #[expect(clippy::cast_precision_loss, reason = "a count of seconds' work is small")]
    let done = count.load(Ordering::Relaxed) as f64;
    done / from.elapsed().as_secs_f64()
}

/// Does something so many times, from all clients at once.
async fn times<F: Future<Output = ()>>(count: u64, act: impl Fn(u64) -> F) {
    use futures_util::StreamExt;
    futures_util::stream::iter(0..count).for_each_concurrent(CLIENTS, act).await;
}

async fn requests(client: &Client, api: &str) {
    let of = |client: &Client, api: &str| (client.clone(), api.to_owned());
    for (what, reads) in [
        ("GET an issue, GET a list of 30, POST a comment (6:3:1)", None),
        ("GET an issue", Some(true)),
        ("GET a list of 30", Some(false)),
    ] {
        let (client, api) = of(client, api);
        let rate = often(move |turn| {
            let (client, api) = (client.clone(), api.clone());
            async move {
                let number = turn % ISSUES + 1;
                match (reads, turn % 10) {
                    (Some(true), _) | (None, 0..=5) => {
                        call(&client, Method::GET, format!("{api}/issues/{number}"), None).await;
                    }
                    (Some(false), _) | (None, 6..=8) => {
                        call(&client, Method::GET, format!("{api}/issues?page={}", turn % 50 + 1), None).await;
                    }
                    _ => {
                        call(
                            &client,
                            Method::POST,
                            format!("{api}/issues/{number}/comments"),
                            Some(json!({ "body": "x".repeat(300) })),
                        )
                        .await;
                    }
                }
            }
        })
        .await;
        println!("{rate:8.0} requests/s   {what}");
    }
}

async fn webhooks(client: &Client, data: &Path) {
    let received = Arc::new(AtomicU64::new(0));
    let counter = received.clone();
    let sink = Router::new().route(
        "/",
        post(move |_: axum::body::Bytes| async move {
            counter.fetch_add(1, Ordering::Relaxed);
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move { axum::serve(listener, sink).await });
    let playground = Running::start(data, &["--webhook-url", &url]);
    let (api, asked) = (playground.api.clone(), client.clone());
    call(client, Method::POST, format!("{api}/issues"), Some(json!({ "title": "Busy" }))).await;
    let (before, from) = (received.load(Ordering::Relaxed), Instant::now());
    let rate = often(move |_| {
        let (client, api) = (asked.clone(), api.clone());
        async move {
            call(&client, Method::POST, format!("{api}/issues/1/labels"), Some(json!({ "labels": ["bug"] }))).await;
            call(&client, Method::DELETE, format!("{api}/issues/1/labels"), None).await;
        }
    })
    .await;
    let sent = received.load(Ordering::Relaxed) - before;
    #[expect(clippy::cast_precision_loss, reason = "a count of seconds' work is small")]
    let each = sent as f64 / from.elapsed().as_secs_f64();
    println!("{each:8.0} webhooks/s   delivered and answered, {:.0} requests/s that cause them", rate * 2.0);
    playground.stop();
}

fn starts(folder: &Path) {
    for (what, fresh) in [("with a new data folder", true), ("with one that is there", false)] {
        let mut took: Vec<Duration> = (0..10)
            .map(|turn| {
                let data = folder.join(if fresh { format!("start-{turn}") } else { "start-0".to_owned() });
                let playground = Running::start(&data, &[]);
                let started = playground.started;
                playground.stop();
                started
            })
            .collect();
        took.sort();
        println!(
            "{:8} ms to start   {what} (median of 10, {} to {})",
            took[5].as_millis(),
            took[0].as_millis(),
            took[9].as_millis()
        );
    }
}

#[tokio::main]
async fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let client = Client::builder().pool_max_idle_per_host(CLIENTS).build().expect("a client");
    starts(folder.path());
    let playground = Running::start(&folder.path().join("large"), &[]);
    let empty = playground.mebibytes();
    let api = playground.api.clone();
    times(ISSUES, |turn| {
        let new = json!({ "title": format!("Issue {turn}"), "body": "word ".repeat(200), "labels": ["bug"] });
        call(&client, Method::POST, format!("{api}/issues"), Some(new))
    })
    .await;
    times(ISSUES * COMMENTS, |turn| {
        let said = json!({ "body": "said ".repeat(40) });
        call(&client, Method::POST, format!("{api}/issues/{}/comments", turn % ISSUES + 1), Some(said))
    })
    .await;
    println!(
        "{:8} MiB with {ISSUES} issues of 1 kB and {COMMENTS} comments each ({empty} MiB empty)",
        playground.mebibytes()
    );
    requests(&client, &api).await;
    playground.stop();
    webhooks(&client, &folder.path().join("hooks")).await;
}
