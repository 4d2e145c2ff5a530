//! Money set aside for runs of agents, with a real Postgres and takers at once.

use adjutant::store::Store;
use adjutant::store::spending::{DayLimits, Grant, NewModelRun, SpendingLimit};
use adjutant_domain::ids::{DirectiveId, TaskId, Usd};
use chrono::Utc;
use model_gateway::{Amount, Api, Ending, LedgerEntry, Tokens};
use uuid::Uuid;

use crate::directives::labelled;
use crate::support::pg::TestDatabase;

const NO_LIMITS: DayLimits = DayLimits { repository: None, installation: None };

/// A directive with this budget.
async fn directive(store: &Store, database: &TestDatabase, dollars: f64) -> DirectiveId {
    let now = Utc::now();
    let directive = adjutant_domain::engine::open(&labelled(), now).directive.unwrap();
    let mut transaction = store.begin().await.unwrap();
    transaction.save(None, &directive, now).await.unwrap();
    transaction.commit().await.unwrap();
    let pool = database.pool().await;
    let budget = Usd::from_dollars(dollars).0;
    sqlx::query("UPDATE directives SET budget_micros = $1").bind(budget).execute(&pool).await.unwrap();
    directive.id
}

async fn run(store: &Store, directive: DirectiveId) -> NewModelRun {
    let task = TaskId(Uuid::new_v4());
    let run =
        NewModelRun { run: Uuid::new_v4(), task, directive, repo: 7, installation: 3, agent: "claude".to_owned() };
    store.begin_model_run(&run).await.unwrap();
    run
}

fn line(cost: Option<Amount>) -> LedgerEntry {
    LedgerEntry {
        run: String::new(),
        at: Utc::now(),
        api: Api::Messages,
        provider: "anthropic".to_owned(),
        model: "claude-x".to_owned(),
        ending: Ending::Answered,
        status: 200,
        tokens: Tokens { input: 100, output: 10, ..Tokens::default() },
        cost,
        bound: false,
        millis: 12,
    }
}

fn cents(cents: u64) -> Amount {
    Amount::from_micros(cents * 10_000)
}

async fn given(store: &Store, run: &NewModelRun, least: u64, wanted: u64) -> Option<Amount> {
    match store.grant(run, NO_LIMITS, cents(least), cents(wanted)).await.unwrap() {
        Grant::Given { amount, .. } => Some(amount),
        Grant::Short { .. } | Grant::Over => None,
    }
}

#[tokio::test]
async fn what_is_granted_is_nobody_elses_until_it_is_put_back_or_booked() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let id = directive(&store, &database, 1.0).await;
    let (first, second) = (run(&store, id).await, run(&store, id).await);
    assert_eq!(given(&store, &first, 10, 60).await, Some(cents(60)));
    assert_eq!(given(&store, &second, 10, 60).await, Some(cents(40)), "what is left");
    let short = store.grant(&second, NO_LIMITS, cents(1), cents(1)).await.unwrap();
    let limit = SpendingLimit::Directive(Usd::from_dollars(1.0));
    assert_eq!(short, Grant::Short { limit, left: Amount::ZERO, held: cents(60) });

    store.keep_model_request(first.run, Uuid::new_v4(), &line(Some(cents(5)))).await.unwrap();
    store.return_grant(first.run, cents(50)).await.unwrap();
    assert_eq!(given(&store, &second, 50, 50).await, Some(cents(50)));
    store.return_grant(first.run, cents(50)).await.unwrap();
    assert_eq!(given(&store, &second, 5, 99).await, Some(cents(5)), "what is spent does not come back");

    let mut transaction = store.begin().await.unwrap();
    transaction.book_model_run(first.run).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.grant(&first, NO_LIMITS, cents(1), cents(1)).await.unwrap(), Grant::Over);
}

#[tokio::test]
async fn takers_at_once_never_get_more_than_there_is() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let id = directive(&store, &database, 1.0).await;
    let mut takers = Vec::new();
    for _ in 0..8 {
        let (store, run) = (store.clone(), run(&store, id).await);
        takers.push(tokio::spawn(async move {
            let mut sum = Amount::ZERO;
            for _ in 0..20 {
                sum += given(&store, &run, 1, 3).await.unwrap_or_default();
            }
            sum
        }));
    }
    let mut sum = Amount::ZERO;
    for taker in takers {
        sum += taker.await.unwrap();
    }
    assert_eq!(sum, cents(100));
}

#[tokio::test]
async fn a_lost_run_counts_what_it_held_and_an_ended_one_what_it_spent() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let id = directive(&store, &database, 1.0).await;
    let lost = run(&store, id).await;
    given(&store, &lost, 10, 30).await.unwrap();
    store.keep_model_request(lost.run, Uuid::new_v4(), &line(Some(cents(4)))).await.unwrap();
    store.keep_model_request(lost.run, Uuid::new_v4(), &line(None)).await.unwrap();
    let [counted] = store.close_lost_model_runs(lost.task).await.unwrap()[..] else { panic!("one run") };
    assert_eq!((counted.cost, counted.input_tokens, counted.output_tokens), (cents(30), 200, 20));

    let ended = run(&store, id).await;
    given(&store, &ended, 10, 30).await.unwrap();
    store.keep_model_request(ended.run, Uuid::new_v4(), &line(Some(cents(4)))).await.unwrap();
    store.end_model_run(ended.run).await.unwrap();
    let [counted] = store.close_lost_model_runs(ended.task).await.unwrap()[..] else { panic!("one run") };
    assert_eq!(counted.cost, cents(4));
    let other = run(&store, id).await;
    assert_eq!(given(&store, &other, 1, 99).await, Some(cents(66)), "the rest is free again");
}

#[tokio::test]
async fn an_entry_that_is_written_again_is_counted_once_and_what_is_overdrawn_is_nobody_elses() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let id = directive(&store, &database, 1.0).await;
    let overdrawn = run(&store, id).await;
    given(&store, &overdrawn, 10, 30).await.unwrap();
    let key = Uuid::new_v4();
    for _ in 0..3 {
        store.keep_model_request(overdrawn.run, key, &line(Some(cents(40)))).await.unwrap();
    }
    let other = run(&store, id).await;
    assert_eq!(given(&store, &other, 1, 99).await, Some(cents(60)), "a provider counted more than was set aside");
    store.end_model_run(overdrawn.run).await.unwrap();
    let [counted] = store.close_lost_model_runs(overdrawn.task).await.unwrap()[..] else { panic!("one run") };
    assert_eq!((counted.cost, counted.input_tokens), (cents(40), 100));
}

#[tokio::test]
async fn a_process_that_was_taken_for_dead_gets_no_money_and_puts_none_back() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let id = directive(&store, &database, 1.0).await;
    let lost = run(&store, id).await;
    given(&store, &lost, 10, 30).await.unwrap();
    let [counted] = store.close_lost_model_runs(lost.task).await.unwrap()[..] else { panic!("one run") };
    // Its process lives, and goes on before the engine has counted the run.
    store.return_grant(lost.run, cents(20)).await.unwrap();
    store.keep_model_request(lost.run, Uuid::new_v4(), &line(Some(cents(7)))).await.unwrap();
    assert_eq!(store.grant(&lost, NO_LIMITS, cents(1), cents(5)).await.unwrap(), Grant::Over);
    let [again] = store.close_lost_model_runs(lost.task).await.unwrap()[..] else { panic!("one run") };
    assert_eq!((counted.cost, again.cost), (cents(30), cents(30)));
    let other = run(&store, id).await;
    assert_eq!(given(&store, &other, 1, 99).await, Some(cents(70)));
}

#[tokio::test]
async fn a_day_has_limits_for_a_repository_and_an_installation() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let id = directive(&store, &database, 100.0).await;
    let run = run(&store, id).await;
    let limits = DayLimits { repository: Some(Usd::from_dollars(0.5)), installation: Some(Usd::from_dollars(0.8)) };
    let got = store.grant(&run, limits, cents(10), cents(90)).await.unwrap();
    assert_eq!(got, Grant::Given { amount: cents(50), left: Amount::ZERO });
    let other = NewModelRun { run: Uuid::new_v4(), repo: 8, ..run.clone() };
    store.begin_model_run(&other).await.unwrap();
    let got = store.grant(&other, limits, cents(10), cents(90)).await.unwrap();
    assert_eq!(got, Grant::Given { amount: cents(30), left: Amount::ZERO });
    let short = store.grant(&other, limits, cents(10), cents(90)).await.unwrap();
    let limit = SpendingLimit::InstallationDay(Usd::from_dollars(0.8));
    assert_eq!(short, Grant::Short { limit, left: Amount::ZERO, held: cents(50) });
}
