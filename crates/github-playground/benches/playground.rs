//! Measures the speed and the memory of the playground: `cargo bench -p github-playground`.
//!
//! It runs the program as a separate process and sends requests over HTTP as a client would. It also receives the
//! webhooks. It prints the time to start (median of ten), the memory for 10,000 issues, and API requests and webhooks
//! per second. Beside each rate is the processor time of one request, for the playground and for this process. Unlike
//! the rates, it is the same on a machine that is busy with other work.

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
        let mut child = Command::new(env!("CARGO_BIN_EXE_github-playground"))
            .args(["--json", "--listen", "127.0.0.1:0", "--data"])
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

    /// The processor time that it has used so far.
    fn worked(&self) -> Duration {
        worked(&self.child.id().to_string())
    }

    /// Its memory, in MiB.
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

/// The processor time of a process, user's and system's, from `proc_pid_stat(5)`.
fn worked(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let (_, after_name) = stat.rsplit_once(") ").expect("Linux says so");
    let ticks = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number"));
    // Linux counts in hundredths of a second here, whatever its own clock rate is.
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// A measured time and its processor times.
struct Span {
    from: Instant,
    playground: Duration,
    here: Duration,
}

impl Span {
    fn begin(playground: &Running) -> Self {
        Self { from: Instant::now(), playground: playground.worked(), here: worked("self") }
    }

    /// Prints the rate per second since the beginning, and the processor time of each.
    fn say(&self, playground: &Running, count: u64, what: &str) {
        #[expect(clippy::cast_precision_loss, reason = "a count of seconds' work is small")]
        let count = count as f64;
        let each = |from: Duration, to: Duration| to.saturating_sub(from).as_secs_f64() * 1e6 / count;
        println!(
            "{:8.0} {what}: {:.0} µs of processor time each, and {:.0} of whoever asks and receives",
            count / self.from.elapsed().as_secs_f64(),
            each(self.playground, playground.worked()),
            each(self.here, worked("self")),
        );
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

/// Repeats an act from all clients until the time is over, and returns how often.
async fn often<F: Future<Output = ()> + Send>(act: impl Fn(u64) -> F + Clone + Send + 'static) -> u64 {
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
    count.load(Ordering::Relaxed)
}

/// Repeats an act this many times, from all clients.
async fn times<F: Future<Output = ()>>(count: u64, act: impl Fn(u64) -> F) {
    use futures_util::StreamExt;
    futures_util::stream::iter(0..count).for_each_concurrent(CLIENTS, act).await;
}

async fn requests(client: &Client, playground: &Running) {
    let api = &playground.api;
    for (what, reads) in [
        ("requests/s (6 of 10 GET an issue, 3 GET a list of 30, 1 POST a comment)", None),
        ("requests/s (GET an issue)", Some(true)),
        ("requests/s (GET a list of 30)", Some(false)),
    ] {
        let (client, api) = (client.clone(), api.clone());
        let span = Span::begin(playground);
        let count = often(move |turn| {
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
        span.say(playground, count, what);
    }
}

/// A receiver that counts webhooks, with its URL.
async fn receiver() -> (String, Arc<AtomicU64>) {
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
    (url, received)
}

async fn webhooks(client: &Client, playground: &Running, received: &AtomicU64) {
    let (client, api) = (client.clone(), playground.api.clone());
    let before = received.load(Ordering::Relaxed);
    let span = Span::begin(playground);
    often(move |turn| {
        let (client, labels) = (client.clone(), format!("{api}/issues/{}/labels", turn % ISSUES + 1));
        async move {
            call(&client, Method::PUT, labels.clone(), Some(json!({ "labels": ["enhancement"] }))).await;
            call(&client, Method::PUT, labels, Some(json!({ "labels": ["bug"] }))).await;
        }
    })
    .await;
    let count = received.load(Ordering::Relaxed) - before;
    span.say(
        playground,
        count,
        "webhooks/s, delivered and answered (two for each request that sets a label for another)",
    );
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
    // `cargo test --benches` only checks that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let client = Client::builder().pool_max_idle_per_host(CLIENTS).build().expect("a client");
    starts(folder.path());
    let (url, received) = receiver().await;
    let playground = Running::start(&folder.path().join("large"), &["--webhook-url", &url]);
    let empty = playground.mebibytes();
    let api = playground.api.clone();
    let before = Span::begin(&playground);
    times(ISSUES, |turn| {
        let new = json!({ "title": format!("Issue {turn}"), "body": "word ".repeat(200), "labels": ["bug"] });
        call(&client, Method::POST, format!("{api}/issues"), Some(new))
    })
    .await;
    before.say(&playground, ISSUES, "issues/s are made, each with two webhooks");
    times(ISSUES * COMMENTS, |turn| {
        let said = json!({ "body": "said ".repeat(40) });
        call(&client, Method::POST, format!("{api}/issues/{}/comments", turn % ISSUES + 1), Some(said))
    })
    .await;
    println!(
        "{:8} MiB with {ISSUES} issues of 1 kB, {COMMENTS} comments each, and the deliveries it remembers ({empty} MiB empty)",
        playground.mebibytes()
    );
    requests(&client, &playground).await;
    webhooks(&client, &playground, &received).await;
    println!("{:8} MiB after all of this", playground.mebibytes());
    playground.stop();
}
