//! The feed of events with a real Postgres: every event comes, once and in order.

use std::time::Duration;

use adjutant::store::Store;
use adjutant::store::feed::{Feed, Subscription};
use adjutant_domain::actor::Actor;
use adjutant_domain::effect::{Effect, Lane};
use adjutant_domain::engine;
use adjutant_domain::event::{Event, EventKind};
use adjutant_domain::ids::DirectiveId;
use adjutant_domain::signal::Labelled;
use chrono::Utc;
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::directives::labelled;
use crate::support::pg::TestDatabase;

/// The time limit for any condition on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stored directive without a history.
async fn directive(store: &Store, issue: u64) -> DirectiveId {
    let now = Utc::now();
    let directive = engine::open(&Labelled { issue, ..labelled() }, now).directive.unwrap();
    let mut unit = store.begin().await.unwrap();
    unit.save(None, &directive, now).await.unwrap();
    unit.commit().await.unwrap();
    directive.id
}

fn event(number: u32) -> Event {
    Event { kind: EventKind::PlanningStarted { attempt: number }, actor: Actor::Adjutant, step: None }
}

async fn append(store: &Store, of: DirectiveId, numbers: std::ops::Range<u32>) {
    let mut unit = store.begin().await.unwrap();
    unit.append_events(of, &numbers.map(event).collect::<Vec<_>>(), Utc::now());
    unit.commit().await.unwrap();
}

/// The numbers of the next events.
async fn next(subscription: &mut Subscription, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let event = tokio::time::timeout(PATIENCE, subscription.next()).await;
        match event.unwrap_or_else(|_| panic!("no more events after {numbers:?}")) {
            Ok(event) => numbers.push(event.data["attempt"].as_u64().unwrap()),
            // The database is down, so the same call is repeated.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    numbers
}

/// A running feed, and the lanes that it reported.
fn running(store: &Store) -> (Feed, mpsc::UnboundedReceiver<Lane>, JoinHandle<()>) {
    let feed = Feed::new(store.clone());
    let (woken, lanes) = mpsc::unbounded_channel();
    let task = tokio::spawn({
        let feed = feed.clone();
        async move { feed.run(move |lane| woken.send(lane).unwrap_or_default()).await }
    });
    (feed, lanes, task)
}

async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !condition().await {
        assert!(std::time::Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn waiting_for_a_lock(pool: &PgPool) -> i64 {
    let asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    sqlx::query_scalar(asked).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn a_transaction_that_is_slow_to_commit_hides_no_event_from_a_reader() {
    let database = TestDatabase::new().await;
    let (store, pool) = (database.store().await, database.pool().await);
    let (slow, quick) = (directive(&store, 1).await, directive(&store, 2).await);
    let (feed, _lanes, _running) = running(&store);
    let mut events = feed.subscribe(None, 0);
    // The commit of the first event waits for a lock that the test holds.
    for statement in [
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW WHEN (NEW.data ->> 'attempt' = '0') EXECUTE FUNCTION wait()",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let mut gate = pool.acquire().await.unwrap();
    sqlx::query("SELECT pg_advisory_lock(42)").execute(&mut *gate).await.unwrap();

    let first = tokio::spawn({
        let store = store.clone();
        async move { append(&store, slow, 0..1).await }
    });
    until("the first transaction is in the middle of its commit", async || waiting_for_a_lock(&pool).await == 1).await;
    let second = tokio::spawn({
        let store = store.clone();
        async move { append(&store, quick, 1..2).await }
    });
    // The second transaction has to wait for the first. Otherwise it would be passed on here, and the first never.
    until("the second waits for the first or is done", async || {
        second.is_finished() || waiting_for_a_lock(&pool).await == 2
    })
    .await;
    if second.is_finished() {
        assert_eq!(next(&mut events, 1).await, [1]);
    }
    sqlx::query("SELECT pg_advisory_unlock(42)").execute(&mut *gate).await.unwrap();
    first.await.unwrap();
    second.await.unwrap();
    assert_eq!(next(&mut events, 2).await, [0, 1]);
}

#[tokio::test]
async fn a_subscription_gives_old_and_new_events_each_once_and_in_order() {
    let database = TestDatabase::new().await;
    let (store, elsewhere) = (database.store().await, database.store().await);
    let (one, other) = (directive(&store, 1).await, directive(&store, 2).await);
    append(&store, one, 0..300).await;
    let feed = Feed::new(store.clone());
    // One subscription before the feed runs, and one while it runs.
    let (mut all, mut of_one) = (feed.subscribe(None, 0), feed.subscribe(Some(one), 0));
    assert_eq!(next(&mut all, 300).await, (0..300).collect::<Vec<_>>());
    append(&elsewhere, one, 300..302).await;
    let _running = tokio::spawn({
        let feed = feed.clone();
        async move { feed.run(drop).await }
    });
    append(&elsewhere, other, 302..303).await;
    append(&elsewhere, one, 303..310).await;
    assert_eq!(next(&mut all, 10).await, (300..310).collect::<Vec<_>>());
    assert_eq!(next(&mut of_one, 309).await, (0..302).chain(303..310).collect::<Vec<_>>());
    // Continues where another one ended.
    append(&elsewhere, one, 310..311).await;
    let mut later = feed.subscribe(Some(one), of_one.last());
    assert_eq!(next(&mut later, 1).await, [310]);
}

#[tokio::test]
async fn a_slow_subscriber_misses_nothing() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let of = directive(&store, 1).await;
    let (feed, _lanes, _running) = running(&store);
    let (mut slow, mut quick) = (feed.subscribe(None, 0), feed.subscribe(None, 0));
    append(&store, of, 0..1).await;
    assert_eq!(next(&mut slow, 1).await, [0]);
    for start in 0..5 {
        append(&store, of, 1 + start * 500..1 + (start + 1) * 500).await;
    }
    assert_eq!(next(&mut quick, 2501).await.len(), 2501);
    assert_eq!(next(&mut slow, 2500).await, (1..2501).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_listener_that_lost_its_connection_listens_again_and_catches_up() {
    let database = TestDatabase::new().await;
    let (store, elsewhere) = (database.store().await, database.store().await);
    let of = directive(&store, 1).await;
    let (feed, mut lanes, _running) = running(&store);
    let mut events = feed.subscribe(Some(of), 0);
    let mut hears = async |expected: Lane| {
        let found = tokio::time::timeout(PATIENCE, async { while lanes.recv().await.unwrap() != expected {} });
        found.await.unwrap_or_else(|_| panic!("nobody was told of work in the lane {expected:?}"));
    };
    // A new connection reports all lanes. After that, only another process's new work is reported.
    for lane in Lane::ALL {
        hears(*lane).await;
    }
    queue(&elsewhere, of, 1).await;
    hears(Lane::Verifier).await;
    append(&elsewhere, of, 0..1).await;
    assert_eq!(next(&mut events, 1).await, [0]);

    database.go_away().await;
    assert!(store.ping().await.is_err());
    database.come_back().await;
    until("the database is back", async || elsewhere.ping().await.is_ok()).await;
    append(&elsewhere, of, 1..3).await;
    assert_eq!(next(&mut events, 2).await, [1, 2]);
    for lane in Lane::ALL {
        hears(*lane).await;
    }
    queue(&elsewhere, of, 2).await;
    hears(Lane::Verifier).await;
}

/// Queues an effect for the verifiers.
async fn queue(store: &Store, of: DirectiveId, round: u32) {
    let step = adjutant_domain::ids::StepId(uuid::Uuid::nil());
    let head = adjutant_domain::ids::Sha::new("head");
    let mut unit = store.begin().await.unwrap();
    unit.enqueue(of, &Effect::Verify { step, head, round }).await.unwrap();
    unit.commit().await.unwrap();
}
