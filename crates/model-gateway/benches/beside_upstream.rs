//! The gateway beside its upstream, in one run and in turns: time to the first byte, and memory in a long stream.
//!
//! `cargo bench -p model-gateway`. Every number is of this machine; compare the two columns of a line.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and ends where something fails")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a place in a short list"
)]

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use futures_util::stream;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use model_gateway::{
    Amount, BudgetStatus, Credential, MemoryLedger, Pot, PriceTable, Purse, PurseError, Run, RunSettings, Upstream,
    Withdrawal, serve,
};
use tokio::net::TcpListener;

const TURNS: usize = 1_000;
const AT_ONCE: usize = 8;
/// About a prompt of 5,000 tokens.
const PROMPT: usize = 20_000;
const LONG_STREAM: usize = 300 << 20;
/// Tokens that the model may write in it.
const LONG_OUTPUT: u64 = 30_000_000;
const CHUNK: usize = 16 << 10;

/// A large budget, whose blocks are small: some requests ask the purse.
struct Budget(Mutex<Amount>);

impl Purse for Budget {
    fn take(&self, _: Amount, wanted: Amount) -> BoxFuture<'_, Result<Withdrawal, PurseError>> {
        let mut left = self.0.lock().unwrap();
        *left = *left - wanted;
        let taken = Withdrawal { amount: wanted, left: *left };
        Box::pin(async move { Ok(taken) })
    }

    fn give_back(&self, amount: Amount) -> BoxFuture<'_, ()> {
        *self.0.lock().unwrap() += amount;
        Box::pin(async {})
    }
}

/// Answers at once, with as many bytes of text as the path says: `/SIZE/v1/messages`.
async fn answer(
    request: Request<Incoming>,
) -> Result<Response<impl hyper::body::Body<Data = Bytes, Error = Infallible>>, Infallible> {
    let size: usize = request.uri().path().split('/').nth(1).unwrap().parse().unwrap();
    let _ = request.into_body().collect().await;
    let text = "w".repeat(CHUNK.min(size));
    let event = |data: String| Ok(Frame::data(Bytes::from(format!("data: {data}\n\n"))));
    let begun = r#"{"type":"message_start","message":{"usage":{"input_tokens":5000,"output_tokens":1}}}"#.to_owned();
    let delta = format!(r#"{{"type":"content_block_delta","delta":{{"type":"text_delta","text":"{text}"}}}}"#);
    let ended = r#"{"type":"message_delta","usage":{"output_tokens":900}}"#.to_owned();
    let deltas = std::iter::repeat_n(delta, size.div_ceil(CHUNK));
    let frames = std::iter::once(begun).chain(deltas).chain(std::iter::once(ended)).map(event);
    let body = StreamBody::new(stream::iter(frames));
    Ok(Response::builder().header("content-type", "text/event-stream").body(body).unwrap())
}

async fn start_upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    url
}

async fn start_gateway(upstream: &str) -> (String, model_gateway::Served) {
    let prices = Arc::new(PriceTable::shipped());
    let upstream = Upstream::new("anthropic", upstream, Credential::Key("sk-real".into()), prices).unwrap();
    let purse = Arc::new(Budget(Mutex::new(Amount::from_micros(1_000_000_000_000))));
    let settings = RunSettings {
        id: "bench".into(),
        key: "of-the-run".into(),
        upstream: Arc::new(upstream),
        pot: Pot::new(purse, Amount::from_micros(500_000)),
        limited: true,
        budget_status: BudgetStatus::PaymentRequired,
        max_output: LONG_OUTPUT,
        max_repeats: 5,
        ledger: Arc::new(MemoryLedger::default()),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (url, serve(listener, Run::new(settings)))
}

/// A prompt like no other, so that the gateway takes it for no repetition.
fn prompt(number: usize, output: u64) -> Bytes {
    let mut words = String::new();
    let mut seed = number as u64 + 1;
    while words.len() < PROMPT {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let letters = (0..8).map(|place| char::from(b'a' + ((seed >> (place * 7 + 8)) % 26) as u8));
        let _ = write!(words, "{} ", letters.collect::<String>());
    }
    let body = format!(
        r#"{{"model":"claude-opus-5-5","max_tokens":{output},"stream":true,"messages":[{{"role":"user","content":"{words}"}}]}}"#
    );
    body.into()
}

struct Agent(Client<HttpConnector, Full<Bytes>>);

impl Agent {
    /// The time to the first byte of the body, and the bytes of it.
    async fn ask(&self, url: &str, body: Bytes) -> (Duration, usize) {
        let request = Request::post(format!("{url}/v1/messages")).header("x-api-key", "of-the-run");
        let begun = Instant::now();
        let response = self.0.request(request.body(Full::new(body)).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200, "an answer of {url}");
        let mut body = response.into_body();
        let (mut first, mut bytes) = (None, 0);
        while let Some(frame) = body.frame().await {
            first.get_or_insert_with(|| begun.elapsed());
            bytes += frame.unwrap().data_ref().map_or(0, Bytes::len);
        }
        (first.unwrap(), bytes)
    }
}

fn quantile(times: &mut [Duration], part: f64) -> f64 {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1_000.0
}

/// Peak memory of this process since the last call, in MiB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse().unwrap();
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    kib / 1_024.0
}

async fn first_bytes(agent: &Agent, direct: &str, gateway: &str, at_once: usize) {
    let (mut beside, mut through) = (Vec::new(), Vec::new());
    for turn in 0..TURNS / at_once {
        for (url, times) in [(direct, &mut beside), (gateway, &mut through)] {
            let number = |index| (turn * at_once + index) * 16 + at_once;
            let asked = (0..at_once).map(|index| agent.ask(url, prompt(number(index), 16_000)));
            let asked: Vec<_> = asked.collect();
            times.extend(join_all(asked).await.into_iter().map(|(first, _)| first));
        }
    }
    for (name, part) in [("p50", 0.5), ("p99", 0.99)] {
        let (beside, through) = (quantile(&mut beside, part), quantile(&mut through, part));
        println!(
            "first byte, {at_once} at once, {name}: {beside:.2} ms direct, {through:.2} ms through the gateway, {:.2} ms added",
            through - beside
        );
    }
}

#[tokio::main]
async fn main() {
    let upstream = start_upstream().await;
    let (direct, long) = (format!("{upstream}/2000"), format!("{upstream}/{LONG_STREAM}"));
    let (gateway, served) = start_gateway(&direct).await;
    let (long_gateway, long_served) = start_gateway(&long).await;
    let agent = Agent(Client::builder(TokioExecutor::new()).build_http());
    for warm_up in 0..50 {
        agent.ask(&direct, prompt(90_000_000 + warm_up, 16_000)).await;
        agent.ask(&gateway, prompt(90_000_000 + warm_up, 16_000)).await;
    }
    first_bytes(&agent, &direct, &gateway, 1).await;
    first_bytes(&agent, &direct, &gateway, AT_ONCE).await;
    peak();
    let before = peak();
    for (name, url) in [("direct", &long), ("through the gateway", &long_gateway)] {
        let (_, bytes) = agent.ask(url, prompt(99_000_000, LONG_OUTPUT)).await;
        assert!(bytes > LONG_STREAM, "the whole stream");
        println!("stream of {} MiB, {name}: {:.1} MiB more at the peak", bytes >> 20, peak() - before);
    }
    served.end().await;
    long_served.end().await;
}
