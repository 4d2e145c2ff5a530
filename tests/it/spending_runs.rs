//! A thousand runs at random prices, through the real gateway and with their money in a real Postgres. Streams are cut,
//! agents are killed and processes die; no directive spends more than its budget.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use adjutant::store::Store;
use adjutant::store::purse::RunPurse;
use adjutant::store::spending::{DayLimits, NewModelRun};
use adjutant_domain::ids::{DirectiveId, TaskId, Usd};
use adjutant_domain::signal::Labelled;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};
use model_gateway::{
    Amount, BudgetStatus, Credential, Ledger, LedgerEntry, Pot, PriceTable, Purse, PurseError, Rates, Run, RunSettings,
    Upstream, Withdrawal, serve,
};
use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::directives::labelled;
use crate::support::pg::TestDatabase;

const DIRECTIVES: usize = 25;
const RUNS: usize = 40;
/// Runs of one directive at a time.
const AT_ONCE: usize = 8;
const BUDGET: f64 = 1.0;

/// Numbers that are the same in every run of the test.
struct Random(Mutex<TestRng>);

impl Random {
    fn seeded(seed: u8) -> Self {
        Self(Mutex::new(TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32])))
    }

    /// From `low` to below `high`.
    fn within(&self, low: u64, high: u64) -> u64 {
        low + self.0.lock().unwrap().next_u64() % (high - low)
    }
}

/// A provider that bills what it reads and writes, whoever hears of it.
struct Provider {
    random: Random,
    /// Of one token, in units of [`Amount`].
    input: u64,
    output: u64,
    /// Of its tokenizer.
    bytes_a_token: u64,
    billed: AtomicU64,
}

impl Provider {
    async fn start(seed: u8) -> (Arc<Self>, String) {
        let random = Random::seeded(seed);
        let (input, output) = (random.within(100_000, 3_000_000), random.within(400_000, 15_000_000));
        let bytes_a_token = random.within(1, 6);
        let provider = Arc::new(Self { random, input, output, bytes_a_token, billed: AtomicU64::new(0) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&provider));
        tokio::spawn(async { axum::serve(listener, router).await });
        (provider, url)
    }

    fn rates(&self) -> Rates {
        let dollars = |price: u64| f64::from(u32::try_from(price).unwrap()) / 1_000_000.0;
        Rates { input: dollars(self.input), output: dollars(self.output), ..Rates::default() }
    }
}

/// One answer in six tells no usage of its output, because its stream is cut; one in ten takes all that it may.
async fn answer(State(provider): State<Arc<Provider>>, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let (most, bytes) = (asked["max_tokens"].as_u64().unwrap(), body.len() as u64);
    let read = bytes.div_ceil(provider.bytes_a_token);
    let wrote = match provider.random.within(0, 10) {
        0 => most,
        _ => provider.random.within(1, most.min(2_000) + 1),
    };
    provider.billed.fetch_add(read * provider.input + wrote * provider.output, Ordering::SeqCst);
    let event = |value: Value| Ok(format!("data: {value}\n\n"));
    let begun =
        json!({ "type": "message_start", "message": { "usage": { "input_tokens": read, "output_tokens": 1 } } });
    let ended = json!({ "type": "message_delta", "usage": { "output_tokens": wrote } });
    let end = match provider.random.within(0, 6) {
        0 => Err(std::io::Error::other("cut")),
        _ => event(ended),
    };
    let frames = stream::iter([event(begun), end]).then(|frame| async {
        tokio::task::yield_now().await;
        frame
    });
    ([("content-type", "text/event-stream")], Body::from_stream(frames)).into_response()
}

/// A process of Adjutant, from whose death on nothing reaches the database.
struct Process {
    purse: Arc<RunPurse>,
    is_dead: AtomicBool,
}

impl Process {
    async fn alive(&self) {
        if self.is_dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}

impl Purse for Process {
    fn take(&self, least: Amount, wanted: Amount) -> BoxFuture<'_, Result<Withdrawal, PurseError>> {
        Box::pin(async move {
            self.alive().await;
            self.purse.take(least, wanted).await
        })
    }

    fn give_back(&self, amount: Amount) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.alive().await;
            self.purse.give_back(amount).await;
        })
    }
}

impl Ledger for Process {
    fn record(&self, entry: LedgerEntry) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.alive().await;
            self.purse.record(entry).await;
        })
    }
}

/// How a run ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Well,
    AgentKilled,
    ProcessDied,
}

/// One directive, its provider, and what runs for it.
struct Work {
    store: Store,
    pool: PgPool,
    directive: DirectiveId,
    provider: Arc<Provider>,
    upstream: Arc<Upstream>,
    random: Random,
    client: reqwest::Client,
}

impl Work {
    async fn new(store: &Store, pool: &PgPool, seed: u8) -> Self {
        let now = chrono::Utc::now();
        let labelled = Labelled { issue: u64::from(seed) + 100, ..labelled() };
        let directive = adjutant_domain::engine::open(&labelled, now).directive.unwrap();
        let mut transaction = store.begin().await.unwrap();
        transaction.save(None, &directive, now).await.unwrap();
        transaction.commit().await.unwrap();
        let budget = Usd::from_dollars(BUDGET).0;
        let query = sqlx::query("UPDATE directives SET budget_micros = $1 WHERE id = $2");
        query.bind(budget).bind(directive.id.0).execute(pool).await.unwrap();

        let (provider, url) = Provider::start(seed).await;
        let mut prices = PriceTable::shipped();
        prices.set("random-1", provider.rates()).unwrap();
        let mut upstream = Upstream::new("own", &url, Credential::None, Arc::new(prices)).unwrap();
        upstream.pause = std::time::Duration::ZERO;
        Self {
            store: store.clone(),
            pool: pool.clone(),
            directive: directive.id,
            provider,
            upstream: Arc::new(upstream),
            random: Random::seeded(seed + 100),
            client: reqwest::Client::new(),
        }
    }

    /// Makes some requests, and returns whether the money sufficed.
    async fn run(&self, number: usize) -> bool {
        let end = match self.random.within(0, 10) {
            0 => End::ProcessDied,
            1 => End::AgentKilled,
            _ => End::Well,
        };
        let task = TaskId(Uuid::new_v4());
        let new = NewModelRun {
            run: Uuid::new_v4(),
            task,
            directive: self.directive,
            repo: 7,
            installation: 3,
            agent: "own".to_owned(),
        };
        self.store.begin_model_run(&new).await.unwrap();
        let purse = RunPurse::new(self.store.clone(), new, DayLimits { repository: None, installation: None });
        let process = Arc::new(Process { purse: Arc::clone(&purse), is_dead: AtomicBool::new(false) });
        let settings = RunSettings {
            id: task.to_string(),
            key: "of-the-run".to_owned(),
            upstream: Arc::clone(&self.upstream),
            pot: Pot::new(Arc::<Process>::clone(&process), Amount::from_micros(50_000)),
            limited: true,
            budget_status: BudgetStatus::PaymentRequired,
            max_output: 16_000,
            max_repeats: 5,
            ledger: Arc::<Process>::clone(&process),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/messages", listener.local_addr().unwrap());
        let served = serve(listener, Run::new(settings));
        let requests = self.random.within(1, 6);
        let mut sufficed = true;
        for turn in 1..=requests {
            let last = turn == requests;
            let text =
                format!("{number} {turn} {}", "x".repeat(usize::try_from(self.random.within(10, 3_000)).unwrap()));
            let body = json!({ "model": "random-1", "max_tokens": self.random.within(500, 64_000), "stream": true,
                               "messages": [{ "role": "user", "content": text }] });
            let sent = self.client.post(&url).header("x-api-key", "of-the-run").json(&body).send().await;
            // A stream that is cut at once breaks the connection before the head of the answer is sent.
            let Ok(sent) = sent else { continue };
            sufficed &= sent.status() != 402;
            if last && end != End::Well {
                // The answer is dropped where it begins.
                break;
            }
            let _ = sent.bytes().await;
        }
        if end == End::ProcessDied {
            process.is_dead.store(true, Ordering::SeqCst);
            drop(served);
        } else {
            served.end().await;
            purse.end().await;
        }
        self.book(task, number).await;
        sufficed
    }

    /// Counts the run as the engine does: in one transaction.
    async fn book(&self, task: TaskId, number: usize) {
        let [run] = self.store.close_lost_model_runs(task).await.unwrap()[..] else { panic!("one run") };
        let mut transaction = self.pool.begin().await.unwrap();
        sqlx::query(
            "INSERT INTO tasks (id, directive_id, number, kind, status, attempt, cost_micros, state)
             VALUES ($1, $2, $3, 'plan', 'succeeded', 1, $4, '{}')",
        )
        .bind(task.0)
        .bind(self.directive.0)
        .bind(i32::try_from(number).unwrap())
        .bind(i64::try_from(run.cost.micros()).unwrap())
        .execute(&mut *transaction)
        .await
        .unwrap();
        let query = sqlx::query("UPDATE model_runs SET booked = true WHERE run = $1");
        query.bind(run.run).execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// What the engine has counted.
    async fn counted(&self) -> Amount {
        let query = sqlx::query_scalar("SELECT sum(cost_micros)::bigint FROM tasks WHERE directive_id = $1");
        let micros: i64 = query.bind(self.directive.0).fetch_one(&self.pool).await.unwrap();
        Amount::from_micros(u64::try_from(micros).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_runs_never_cost_more_than_their_budgets() {
    let database = TestDatabase::new().await;
    let (store, pool) = (database.store().await, database.pool().await);
    let budget = Amount::from_micros(u64::try_from(Usd::from_dollars(BUDGET).0).unwrap());
    let mut used_up = 0;
    for seed in 0..DIRECTIVES {
        let work = Work::new(&store, &pool, u8::try_from(seed).unwrap()).await;
        let runs = stream::iter(0..RUNS).map(|number| work.run(number)).buffer_unordered(AT_ONCE);
        let sufficed = runs.fold(true, |all, sufficed| async move { all && sufficed }).await;
        let (billed, counted) = (Amount(work.provider.billed.load(Ordering::SeqCst)), work.counted().await);
        assert!(billed <= budget, "directive {seed} was billed {billed}");
        assert!(billed <= counted, "directive {seed} was billed {billed} and counted {counted}");
        // Every run is rounded up to a millionth of a dollar.
        assert!(counted <= budget + Amount::from_micros(RUNS as u64), "directive {seed} counted {counted}");
        if !sufficed {
            used_up += 1;
            assert!(counted >= Amount(budget.0 / 10 * 9), "directive {seed} could use {counted} only");
        }
    }
    assert!(used_up > DIRECTIVES / 2, "too few budgets were tried to their end: {used_up}");
}
