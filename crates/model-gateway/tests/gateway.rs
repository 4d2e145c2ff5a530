//! Whole requests through the gateway, from an agent's side to a provider that is scripted here.

#![allow(clippy::unwrap_used, reason = "a helper that fails is the test that failed")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use model_gateway::{
    Amount, BudgetStatus, Credential, Ledger, LedgerEntry, MemoryLedger, Pot, PriceTable, Purse, PurseEmpty,
    PurseError, Run, RunSettings, Served, Upstream, Withdrawal, serve,
};
use tokio::net::TcpListener;

type Body = BoxBody<Bytes, std::io::Error>;
type Answer = Arc<dyn Fn(Asked) -> Response<Body> + Send + Sync>;

/// A request as the provider got it.
#[derive(Clone, Debug)]
struct Asked {
    path: String,
    headers: HeaderMap,
    body: serde_json::Value,
    number: usize,
}

struct Provider {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Provider {
    async fn start(answer: impl Fn(Asked) -> Response<Body> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (kept, answer): (_, Answer) = (Arc::clone(&asked), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        let path = head.uri.path_and_query().unwrap().to_string();
                        let body = serde_json::from_slice(&body).unwrap_or_default();
                        let asked = {
                            let mut kept = kept.lock().unwrap();
                            let number = kept.len() + 1;
                            kept.push(Asked { path, headers: head.headers, body, number });
                            kept.last().unwrap().clone()
                        };
                        Ok::<_, std::convert::Infallible>(answer(asked))
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn whole(status: u16, text: impl Into<String>) -> Response<Body> {
    let body = Full::new(Bytes::from(text.into())).map_err(|never| match never {}).boxed();
    Response::builder().status(status).header("content-type", "application/json").body(body).unwrap()
}

/// An answer in pieces; `None` breaks it off.
fn pieces(list: Vec<Option<String>>, pause: Duration) -> Response<Body> {
    let stream = futures_util::stream::unfold(list.into_iter(), move |mut list| async move {
        let piece = list.next()?;
        tokio::time::sleep(pause).await;
        let frame = piece.map(|text| Frame::data(Bytes::from(text))).ok_or_else(|| std::io::Error::other("broken"));
        Some((frame, list))
    });
    Response::builder()
        .header("content-type", "text/event-stream")
        .body(BodyExt::boxed(StreamBody::new(stream)))
        .unwrap()
}

fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

/// A message of the model that reads `input` and writes `output` tokens.
fn message(input: u64, output: u64) -> Response<Body> {
    let start =
        format!(r#"{{"type":"message_start","message":{{"usage":{{"input_tokens":{input},"output_tokens":1}}}}}}"#);
    let text = r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"done"}}"#;
    let end = format!(r#"{{"type":"message_delta","usage":{{"output_tokens":{output}}}}}"#);
    pieces([&start, text, &end].map(|data| Some(event(data))).into(), Duration::ZERO)
}

/// A purse with an amount in it, which knows what was spent as the ledger says.
struct Money {
    left: Mutex<Amount>,
    held: Mutex<Amount>,
}

impl Purse for Money {
    fn take(&self, least: Amount, wanted: Amount) -> BoxFuture<'_, Result<Withdrawal, PurseError>> {
        let (mut left, mut held) = (self.left.lock().unwrap(), self.held.lock().unwrap());
        let amount = wanted.min(*left);
        let answer = if amount < least {
            Err(PurseEmpty { limit: "the budget".into(), left: *left, held: *held }.into())
        } else {
            *left = *left - amount;
            *held += amount;
            Ok(Withdrawal { amount, left: *left })
        };
        Box::pin(async move { answer })
    }

    fn give_back(&self, amount: Amount) -> BoxFuture<'_, ()> {
        *self.left.lock().unwrap() += amount;
        let mut held = self.held.lock().unwrap();
        *held = *held - amount;
        Box::pin(async {})
    }
}

impl Ledger for Money {
    fn record(&self, line: LedgerEntry) -> BoxFuture<'_, ()> {
        let mut held = self.held.lock().unwrap();
        *held = *held - line.cost.unwrap();
        Box::pin(async {})
    }
}

fn money(micros: u64) -> Arc<Money> {
    Arc::new(Money { left: Mutex::new(Amount::from_micros(micros)), held: Mutex::default() })
}

struct Agent {
    url: String,
    served: Option<Served>,
    pot: Pot,
    ledger: Arc<MemoryLedger>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Agent {
    async fn of(provider: &Provider, change: impl FnOnce(&mut Upstream, &mut RunSettings)) -> Self {
        let prices = Arc::new(PriceTable::shipped());
        let upstream = Upstream::new("anthropic", &provider.url, Credential::Key("sk-real".into()), prices).unwrap();
        Self::with(upstream, change).await
    }

    async fn with(mut upstream: Upstream, change: impl FnOnce(&mut Upstream, &mut RunSettings)) -> Self {
        let ledger = Arc::new(MemoryLedger::default());
        upstream.pause = Duration::from_millis(1);
        let placeholder =
            Upstream::new("none", "http://127.0.0.1:1", Credential::None, Arc::clone(&upstream.prices)).unwrap();
        let mut settings = RunSettings {
            id: "task-1".into(),
            key: "of-the-run".into(),
            upstream: Arc::new(placeholder),
            pot: Pot::unlimited(),
            limited: true,
            budget_status: BudgetStatus::PaymentRequired,
            max_output: 16_000,
            max_repeats: 5,
            ledger: Arc::<MemoryLedger>::clone(&ledger),
        };
        change(&mut upstream, &mut settings);
        settings.upstream = Arc::new(upstream);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let pot = settings.pot.clone();
        let served = serve(listener, Run::new(settings));
        Self { url, served: Some(served), pot, ledger, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    async fn send(&self, path: &str, body: &str) -> Response<Incoming> {
        let request = Request::post(format!("{}{path}", self.url)).header("x-api-key", "of-the-run");
        let request = request.header("anthropic-beta", "a,b").header("accept-encoding", "gzip");
        self.client.request(request.body(Full::new(Bytes::from(body.to_owned()))).unwrap()).await.unwrap()
    }

    /// The status and the text of an answer; the text ends where the connection broke.
    async fn ask(&self, path: &str, body: &str) -> (u16, String) {
        let response = self.send(path, body).await;
        let (status, mut body, mut text) = (response.status().as_u16(), response.into_body(), String::new());
        while let Some(Ok(frame)) = body.frame().await {
            text.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
        }
        (status, text)
    }

    async fn end(&mut self) -> model_gateway::Totals {
        self.served.take().unwrap().end().await
    }
}

fn ask(turn: &str) -> String {
    format!(
        r#"{{"model":"claude-opus-5-5","max_tokens":128000,"stream":true,"messages":[{{"role":"user","content":"{turn}"}}]}}"#
    )
}

/// Of a model whose least request costs a few cents.
fn cheap(turn: &str) -> String {
    ask(turn).replace("claude-opus-5-5", "claude-sonnet-4-5")
}

#[tokio::test]
async fn a_request_passes_with_the_providers_key_and_a_cap_and_is_counted() {
    let provider = Provider::start(|_| message(1_000, 84)).await;
    let mut agent = Agent::of(&provider, |_, _| {}).await;
    let (status, text) = agent.ask("/v1/messages?beta=true", &ask("go")).await;
    assert_eq!(status, 200);
    assert!(text.ends_with("data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":84}}\n\n"), "{text}");
    let asked = &provider.asked()[0];
    assert_eq!((asked.path.as_str(), &asked.body["max_tokens"]), ("/v1/messages?beta=true", &16_000.into()));
    assert_eq!(
        (asked.headers["x-api-key"].as_bytes(), asked.headers["anthropic-beta"].as_bytes()),
        (&b"sk-real"[..], &b"a,b"[..])
    );
    assert_eq!(asked.headers["accept-encoding"], "identity");
    let totals = agent.end().await;
    let cost = Amount(1_000 * 4_000_000 + 84 * 20_000_000);
    assert_eq!((totals.requests, totals.cost, totals.bounds), (1, cost, 0));
    assert_eq!(agent.ledger.entries()[0].cost, Some(cost));
}

#[tokio::test]
async fn what_is_no_request_for_a_text_and_what_has_no_key_is_refused() {
    let provider = Provider::start(|_| message(1, 1)).await;
    let agent = Agent::of(&provider, |_, _| {}).await;
    assert_eq!(agent.ask("/v1/messages/batches", "{}").await.0, 404);
    assert_eq!(agent.ask("/v1/messages", "not json").await.0, 400);
    let dear = ask("x").replace("\"model\":", "\"model\":\"gpt-5\",\"model\":");
    assert_eq!(agent.ask("/v1/messages", &dear).await.0, 400);
    for key in ["", "of-the-run2", "sk-real"] {
        let request = Request::post(format!("{}/v1/messages", agent.url)).header("x-api-key", key);
        let response = agent.client.request(request.body(Full::new(Bytes::from(ask("x")))).unwrap()).await.unwrap();
        assert_eq!(response.status(), 401, "{key}");
    }
    assert!(provider.asked().is_empty());
}

#[tokio::test]
async fn one_dollar_buys_about_ten_requests_and_never_more_than_a_dollar() {
    // As Claude Code does it: 40 kB at first, and 128,000 tokens of output asked for each time.
    let provider = Provider::start(|_| message(12_000, 500)).await;
    let purse = money(1_000_000);
    let pays = |_: &mut Upstream, settings: &mut RunSettings| {
        settings.ledger = Arc::<Money>::clone(&purse);
        settings.pot = Pot::new(purse, Amount::from_micros(50_000));
    };
    let mut agent = Agent::of(&provider, pays).await;
    let mut conversation = "x".repeat(40_000);
    let mut answered = 0;
    for turn in 0..60 {
        conversation.push_str(&format!(" {turn} {}", "y".repeat(300)));
        match agent.ask("/v1/messages", &ask(&conversation)).await {
            (200, _) => answered += 1,
            (402, text) => {
                assert!(text.contains("the budget does not cover this request"), "{text}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(answered >= 10, "{answered}");
    let totals = agent.end().await;
    assert!(
        totals.cost <= Amount::from_micros(1_000_000) && totals.cost >= Amount::from_micros(800_000),
        "{}",
        totals.cost
    );
    assert_eq!(totals.refused.unwrap().0, "budget");
}

#[tokio::test]
async fn eight_agents_at_once_share_two_dollars() {
    let provider =
        Provider::start(|asked| message(3_000 + asked.number as u64 * 37 % 900, 10 + asked.number as u64 * 131 % 500))
            .await;
    let purse = money(2_000_000);
    let mut agents = Vec::new();
    for _ in 0..8 {
        let purse = Arc::clone(&purse);
        let pays = |_: &mut Upstream, settings: &mut RunSettings| {
            settings.ledger = Arc::<Money>::clone(&purse);
            settings.pot = Pot::new(purse, Amount::from_micros(20_000));
        };
        agents.push(Agent::of(&provider, pays).await);
    }
    let work = agents.into_iter().enumerate().map(|(number, mut agent)| {
        tokio::spawn(async move {
            for turn in 0..400 {
                let prompt = format!("{number} {} {}", "x".repeat(turn + 1), "z".repeat(4_000));
                if agent.ask("/v1/messages", &cheap(&prompt)).await.0 != 200 {
                    break;
                }
            }
            (agent.end().await.cost, agent.pot.taken())
        })
    });
    let done = futures_util::future::join_all(work).await;
    let spent: Amount = done.iter().map(|done| done.as_ref().unwrap().0).sum();
    assert!(spent <= Amount::from_micros(2_000_000), "{spent}");
    assert!(spent >= Amount::from_micros(1_800_000), "at least 90 % of the money is usable: {spent}");
}

#[tokio::test]
async fn the_same_again_and_again_is_refused() {
    let provider = Provider::start(|_| message(10, 1)).await;
    let mut agent = Agent::of(&provider, |_, _| {}).await;
    let turn = |id: usize| {
        ask("x").replace(
            r#""content":"x"}"#,
            &format!(r#""content":[{{"type":"tool_result","tool_use_id":"{id}","content":"ok"}}]}}"#),
        )
    };
    let mut statuses = Vec::new();
    for id in 0..7 {
        statuses.push(agent.ask("/v1/messages", &turn(id)).await.0);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 402, 402]);
    assert_eq!(agent.end().await.refused.unwrap().0, "repeated");
}

#[tokio::test]
async fn a_model_without_a_price_or_that_is_not_allowed_is_refused() {
    let provider = Provider::start(|_| message(10, 1)).await;
    let agent = Agent::of(&provider, |_, settings| settings.budget_status = BudgetStatus::BadRequest).await;
    let (status, text) = agent.ask("/v1/messages", &ask("x").replace("claude-opus-5-5", "my-model")).await;
    assert!(status == 400 && text.contains(r#"[prices.\"my-model\"]"#), "{text}");
    let upstream = Upstream::new("a", &provider.url, Credential::None, Arc::new(PriceTable::shipped())).unwrap();
    let agent = Agent::with(upstream.with_models(&["claude-haiku-*".to_owned()]).unwrap(), |_, _| {}).await;
    let (status, text) = agent.ask("/v1/messages", &ask("x")).await;
    assert!(status == 402 && text.contains("claude-haiku-*"), "{text}");
    let mut agent = Agent::of(&provider, |_, settings| settings.limited = false).await;
    assert_eq!(agent.ask("/v1/messages", &ask("x").replace("claude-opus-5-5", "my-model")).await.0, 200);
    let totals = agent.end().await;
    assert_eq!((totals.unpriced, totals.tokens.input), (1, 10), "unknown is not zero dollars");
}

#[tokio::test]
async fn an_error_of_the_provider_passes_costs_nothing_and_shows_no_key() {
    for status in [400, 401, 403, 404, 413] {
        let provider = Provider::start(move |_| whole(status, r#"{"error":{"message":"key sk-real is wrong"}}"#)).await;
        let mut agent = Agent::of(&provider, |_, _| {}).await;
        let (answered, text) = agent.ask("/v1/messages", &ask("x")).await;
        assert!(answered == status && text.contains("key [redacted] is wrong"), "{text}");
        let totals = agent.end().await;
        assert_eq!((totals.cost, totals.error.unwrap().status), (Amount::ZERO, status));
        assert_eq!(provider.asked().len(), 1);
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_asks_to_wait_is_waited_for() {
    let provider = Provider::start(|asked| if asked.number < 3 { whole(529, "{}") } else { message(10, 1) }).await;
    let mut agent = Agent::of(&provider, |_, _| {}).await;
    assert_eq!(agent.ask("/v1/messages", &ask("x")).await.0, 200);
    assert_eq!((agent.end().await.error, provider.asked().len()), (None, 3));

    let quota = r#"{"error":{"message":"out of quota"}}"#;
    let provider = Provider::start(move |_| {
        let mut response = whole(429, quota);
        response.headers_mut().insert("retry-after", 3_600.into());
        response
    })
    .await;
    let mut agent = Agent::of(&provider, |_, _| {}).await;
    for _ in 0..3 {
        let response = agent.send("/v1/messages", &ask("x")).await;
        assert!(response.status() == 429 && response.headers().contains_key("retry-after"));
    }
    assert_eq!(provider.asked().len(), 1, "nothing is sent while the provider asks to wait");
    let error = agent.end().await.error.unwrap();
    assert_eq!((error.message.as_str(), error.retry_after), ("out of quota", Some(Duration::from_hours(1))));
}

#[tokio::test]
async fn half_an_answer_is_booked_by_what_came_and_breaks_off() {
    let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":700,"output_tokens":1}}}"#;
    let text = r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"0123456789"}}"#;
    let provider =
        Provider::start(move |_| pieces(vec![Some(event(start)), Some(event(text)), None], Duration::ZERO)).await;
    let mut agent = Agent::of(&provider, |_, _| {}).await;
    let response = agent.send("/v1/messages", &ask("x")).await;
    assert!(response.into_body().collect().await.is_err(), "half an answer is no whole one");
    let totals = agent.end().await;
    assert_eq!(
        (totals.tokens.input, totals.tokens.output, totals.bounds),
        (700, 10, 1),
        "ten bytes are ten tokens at most"
    );
}

#[tokio::test]
async fn an_answer_without_usage_is_booked_at_its_bound() {
    let provider =
        Provider::start(|_| pieces(vec![Some(event(r#"{"type":"response.created"}"#))], Duration::ZERO)).await;
    let purse = money(1_000_000);
    let mut agent = Agent::of(&provider, |_, settings| settings.pot = Pot::new(purse, Amount::ZERO)).await;
    let (status, _) =
        agent.ask("/v1/responses", r#"{"model":"gpt-5","stream":true,"input":"x","max_output_tokens":5000}"#).await;
    assert_eq!(status, 200);
    let totals = agent.end().await;
    assert_eq!((totals.tokens.output, totals.bounds), (5_000, 1));
    assert!(totals.cost > Amount::ZERO);
}

#[tokio::test]
async fn an_agent_that_is_killed_leaves_no_request_uncounted() {
    let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":700,"output_tokens":1}}}"#;
    let end = r#"{"type":"message_delta","usage":{"output_tokens":321}}"#;
    let provider = Provider::start(move |_| {
        pieces([start, "{}", "{}", end].map(|data| Some(event(data))).into(), Duration::from_millis(30))
    })
    .await;
    let mut agent = Agent::of(&provider, |_, _| {}).await;
    let response = agent.send("/v1/messages", &ask("x")).await;
    drop(response);
    let totals = agent.end().await;
    assert_eq!((totals.tokens.input, totals.tokens.output, totals.bounds), (700, 321, 0));
}

#[tokio::test]
async fn a_provider_that_says_nothing_is_given_up() {
    let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":700,"output_tokens":1}}}"#;
    let provider =
        Provider::start(move |_| pieces([start, "{}"].map(|data| Some(event(data))).into(), Duration::from_hours(1)))
            .await;
    let stalls = |upstream: &mut Upstream, _: &mut RunSettings| upstream.stall = Duration::from_millis(50);
    let mut agent = Agent::of(&provider, stalls).await;
    let response = agent.send("/v1/messages", &ask("x")).await;
    assert!(response.into_body().collect().await.is_err());
    let totals = agent.end().await;
    assert_eq!((totals.bounds, totals.tokens.output), (1, 16_000), "it may have written all that it may");
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_costs_nothing() {
    let upstream =
        Upstream::new("gone", "http://127.0.0.1:1", Credential::None, Arc::new(PriceTable::shipped())).unwrap();
    let mut agent = Agent::with(upstream, |_, _| {}).await;
    let (status, text) = agent.ask("/v1/messages", &ask("x")).await;
    assert!(status == 502 && text.contains("gone cannot be reached"), "{text}");
    assert_eq!(agent.end().await.cost, Amount::ZERO);
}

/// A purse whose place cannot be reached.
struct Closed;

impl Purse for Closed {
    fn take(&self, _: Amount, _: Amount) -> BoxFuture<'_, Result<Withdrawal, PurseError>> {
        Box::pin(async { Err(PurseError::Closed("the database is away".into())) })
    }

    fn give_back(&self, _: Amount) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

#[tokio::test]
async fn money_that_cannot_be_reached_is_no_used_up_budget() {
    let provider = Provider::start(|_| message(10, 1)).await;
    let closed = |_: &mut Upstream, settings: &mut RunSettings| settings.pot = Pot::new(Arc::new(Closed), Amount::ZERO);
    let mut agent = Agent::of(&provider, closed).await;
    let (status, text) = agent.ask("/v1/messages", &ask("x")).await;
    assert!(status == 503 && text.contains("the database is away"), "{text}");
    assert_eq!(agent.end().await.refused.unwrap().0, "purse");
    assert!(provider.asked().is_empty());
}
