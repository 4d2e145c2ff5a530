//! The queue under inbox and outbox with a real Postgres: what is counted, what is left to a newer version, and what is
//! set aside.

use std::collections::BTreeSet;
use std::time::Duration;

use adjutant::store::Store;
use adjutant::store::effects::Claims;
use adjutant::store::inbox::NewDelivery;
use adjutant::store::operator::Operated;
use adjutant::store::queue::{CRASHES, Held, Retry};
use adjutant_domain::directive::Directive;
use adjutant_domain::effect::{Effect, Lane};
use adjutant_domain::failure::Failure;
use adjutant_domain::ids::{DirectiveId, Sha, StepId};
use adjutant_domain::persisted::STATE_VERSION;
use adjutant_domain::signal::Signal;
use chrono::Utc;
use sqlx::PgPool;

use crate::directives::labelled;
use crate::support::pg::TestDatabase;
use crate::support::{self, until};

const LEASE: Duration = Duration::from_mins(1);

/// A new directive, with the effects that it queued.
async fn opened(store: &Store) -> Directive {
    let now = Utc::now();
    let (directive, effects) = support::opened(&labelled(), now);
    let mut transaction = store.begin().await.unwrap();
    transaction.save(None, &directive, now).await.unwrap();
    for effect in &effects {
        transaction.enqueue(directive.id, effect).await.unwrap();
    }
    transaction.commit().await.unwrap();
    directive
}

async fn enqueue(store: &Store, directive: DirectiveId, effect: &Effect) {
    let mut transaction = store.begin().await.unwrap();
    transaction.enqueue(directive, effect).await.unwrap();
    transaction.commit().await.unwrap();
}

fn verify() -> Effect {
    Effect::Verify { step: StepId(uuid::Uuid::nil()), head: Sha::new("a".repeat(40)), round: 1 }
}

async fn claim(store: &Store, lane: Lane, lease: Duration) -> Claims {
    store.claim_effects(lane, 10, lease, &[], 1_000).await.unwrap()
}

fn kinds(claims: &Claims) -> BTreeSet<&'static str> {
    claims.taken.iter().map(|claimed| claimed.effect.kind()).collect()
}

async fn execute(pool: &PgPool, statement: &'static str) {
    sqlx::query(statement).execute(pool).await.unwrap();
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_claimed_beside_the_others_in_each_lane_and_names_itself() {
    let database = TestDatabase::new().await;
    let (store, pool) = (database.store().await, database.pool().await);
    let directive = opened(&store).await;
    enqueue(&store, directive.id, &verify()).await;
    for lane in Lane::ALL {
        sqlx::query(
            "INSERT INTO effects (key, directive_id, kind, lane, payload, payload_version, task_id)
             VALUES ('future/' || $1, $2, 'future', $1, '{\"run_something_new\": {\"step\": \"x\"}}', $3, $4)",
        )
        .bind(lane.as_str())
        .bind(directive.id.0)
        .bind(STATE_VERSION)
        .bind(directive.tasks[0].id.0)
        .execute(&pool)
        .await
        .unwrap();
        let claims = claim(&store, *lane, LEASE).await;
        assert!(!claims.taken.is_empty(), "{lane:?}: the others are claimed all the same");
        let [unreadable] = claims.unreadable.as_slice() else { panic!("{lane:?}: {:?}", claims.unreadable) };
        assert_eq!(unreadable.row.key, format!("future/{}", lane.as_str()));
        assert_eq!(unreadable.task, Some(directive.tasks[0].id));
        assert!(unreadable.why.contains("run_something_new"), "{}", unreadable.why);
        assert_eq!(store.set_effect_aside(&unreadable.row, &unreadable.why).await.unwrap(), Held::Yes);
    }
    let failed = "SELECT count(*) FROM effects WHERE status = 'failed' AND error LIKE '%run_something_new%'";
    assert_eq!(sqlx::query_scalar::<_, i64>(failed).fetch_one(&pool).await.unwrap(), 3);
}

#[tokio::test]
async fn rows_of_a_newer_version_are_left_alone_and_the_rest_continues() {
    let database = TestDatabase::new().await;
    let (store, pool) = (database.store().await, database.pool().await);
    let newer = store.clone().as_version(STATE_VERSION + 1);
    let directive = opened(&store).await;
    // One row of a newer version, among rows of this one.
    enqueue(&newer, directive.id, &verify()).await;
    assert!(claim(&store, Lane::Verifier, LEASE).await.taken.is_empty());
    assert_eq!(kinds(&claim(&store, Lane::Short, Duration::ZERO).await), BTreeSet::from(["write_status"]));
    // The newer version saves the directive. From now on nothing of it is for this version.
    let mut transaction = newer.begin().await.unwrap();
    let mut changed = transaction.lock(directive.id).await.unwrap().unwrap();
    changed.title = "Another".to_owned();
    transaction.save(Some(&directive), &changed, Utc::now()).await.unwrap();
    transaction.commit().await.unwrap();
    for lane in Lane::ALL {
        let claims = claim(&store, *lane, LEASE).await;
        assert!(claims.taken.is_empty() && claims.unreadable.is_empty(), "{lane:?}: {claims:?}");
    }
    let error = store.directive(directive.id).await.unwrap_err();
    assert!(error.is_unreadable() && !error.is_temporary() && !error.is_certain(), "{error}");
    let live = store.live_directives().await.unwrap();
    assert_eq!((live.readable, live.newer), (Vec::new(), vec![(directive.id, STATE_VERSION + 1)]));
    let set_aside = "SELECT count(*) FROM effects WHERE status = 'failed'";
    assert_eq!(sqlx::query_scalar::<_, i64>(set_aside).fetch_one(&pool).await.unwrap(), 0);
    // A delivery about it waits for the newer version, which can claim it at once.
    let delivery = NewDelivery {
        guid: "a",
        event: "issues",
        action: None,
        installation_id: None,
        hook_target: None,
        body: b"{}",
        fault: None,
    };
    store.receive_delivery(&delivery).await.unwrap();
    let claimed = store.claim_deliveries(1, LEASE).await.unwrap().remove(0);
    assert_eq!(store.leave_delivery_to_version(&claimed, STATE_VERSION + 1).await.unwrap(), Held::Yes);
    assert!(store.claim_deliveries(1, LEASE).await.unwrap().is_empty());
    assert_eq!(newer.claim_deliveries(1, LEASE).await.unwrap()[0].guid, "a");
    for lane in Lane::ALL {
        assert!(!claim(&newer, *lane, LEASE).await.taken.is_empty(), "{lane:?} is the newer version's");
    }
}

#[tokio::test]
async fn a_directive_saved_by_another_version_is_saved_whole() {
    let database = TestDatabase::new().await;
    let (store, pool) = (database.store().await, database.pool().await);
    let directive = opened(&store).await;
    // A row as the previous release wrote it.
    execute(
        &pool,
        "UPDATE directives SET state_version = 1, state = (state - 'overrides') || jsonb_build_object('wishes', state -> 'overrides')",
    )
    .await;
    execute(&pool, "UPDATE tasks SET state = state || '{\"of_version_1\": true}'").await;
    assert_eq!(store.directive(directive.id).await.unwrap().as_ref(), Some(&directive));
    let mut transaction = store.begin().await.unwrap();
    let before = transaction.lock(directive.id).await.unwrap().unwrap();
    transaction.save(Some(&before), &before, Utc::now()).await.unwrap();
    transaction.commit().await.unwrap();
    let old = "SELECT (SELECT count(*) FROM tasks WHERE state ? 'of_version_1')
               + (SELECT count(*) FROM directives WHERE state_version = 1 OR state ? 'wishes')";
    assert_eq!(sqlx::query_scalar::<_, i64>(old).fetch_one(&pool).await.unwrap(), 0);
    assert_eq!(store.directive(directive.id).await.unwrap(), Some(directive));
}

#[tokio::test]
async fn signals_for_a_directive_that_cannot_be_read_wait_in_their_order() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let newer = store.clone().as_version(STATE_VERSION + 1);
    let directive = opened(&store).await;
    let signals = [Signal::TaskStarted { task: directive.tasks[0].id }, Signal::IntegrationCut];
    let mut transaction = store.begin().await.unwrap();
    transaction.leave_signals(directive.id, &signals).await.unwrap();
    transaction.commit().await.unwrap();
    let mut transaction = newer.begin().await.unwrap();
    transaction.lock(directive.id).await.unwrap();
    assert_eq!(transaction.take_waiting_signals(directive.id).await.unwrap(), signals);
    assert!(transaction.take_waiting_signals(directive.id).await.unwrap().is_empty(), "they are taken once");
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn pauses_grow_with_failures_in_a_row_and_not_with_claims() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let directive = opened(&store).await;
    enqueue(&store, directive.id, &verify()).await;
    for _ in 0..9 {
        let claimed = claim(&store, Lane::Verifier, Duration::ZERO).await.taken.remove(0);
        assert_eq!(claimed.record.failures, 0, "attempt {}: a process that was killed is no failure", claimed.attempt);
    }
    for failures in 0..3 {
        let claimed = claim(&store, Lane::Verifier, LEASE).await.taken.remove(0);
        assert_eq!(claimed.record.failures, failures);
        let put = store.retry_effect(&claimed.row, Duration::ZERO, "GitHub answered 500", Retry::Failed).await;
        assert_eq!(put.unwrap(), Held::Yes);
    }
}

#[tokio::test]
async fn only_work_that_was_begun_and_neither_ended_nor_released_counts_as_a_crash() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let directive = opened(&store).await;
    enqueue(&store, directive.id, &verify()).await;
    let next = async || {
        let found = tokio::sync::Mutex::new(None);
        until("it can be claimed again", || async {
            let mut found = found.lock().await;
            *found = claim(&store, Lane::Verifier, Duration::ZERO).await.taken.pop();
            found.is_some()
        })
        .await;
        found.into_inner().unwrap()
    };
    // Claimed and not begun; begun and waiting for an external process; begun and released.
    drop(next().await);
    let resting = next().await;
    assert_eq!(store.begin_effect(&resting.row).await.unwrap(), Held::Yes);
    assert_eq!(store.rest_effect(&resting.row).await.unwrap(), Held::Yes);
    let stopped = next().await;
    assert_eq!(store.begin_effect(&stopped.row).await.unwrap(), Held::Yes);
    assert_eq!(store.hand_back_effect(&stopped.row).await.unwrap(), Held::Yes);
    for crashes in 0..CRASHES {
        let claimed = next().await;
        assert_eq!(claimed.record.crashes, u32::try_from(crashes).unwrap());
        assert_eq!(claimed.record.ended_its_processes(), None);
        assert_eq!(store.begin_effect(&claimed.row).await.unwrap(), Held::Yes);
    }
    let poison = next().await;
    assert_eq!(poison.record.ended_its_processes(), Some(Failure::ProcessesEnded { times: 3 }));
}

#[tokio::test]
async fn an_operator_retries_a_row_or_drops_it_and_the_directive_learns_of_it() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let directive = opened(&store).await;
    enqueue(&store, directive.id, &verify()).await;
    assert!(store.queue_entries(false).await.unwrap().is_empty(), "nothing is stuck");
    assert!(store.queue_entries(true).await.unwrap().len() >= 2);
    let key = verify().key(directive.id);
    let claimed = claim(&store, Lane::Verifier, LEASE).await.taken.remove(0);
    assert!(matches!(store.drop_entry(&key, "dropped").await.unwrap(), Operated::AtWork(_)));
    let put = store.retry_effect(&claimed.row, LEASE, "it is away", Retry::Failed).await.unwrap();
    assert_eq!(put, Held::Yes);
    let stuck = store.queue_entries(false).await.unwrap();
    assert_eq!((stuck[0].key.as_str(), stuck[0].error.as_deref()), (key.as_str(), Some("it is away")));
    assert!(matches!(store.retry_entry(&key).await.unwrap(), Operated::Done(_)));
    assert_eq!(claim(&store, Lane::Verifier, Duration::ZERO).await.taken[0].record.failures, 0);
    assert!(matches!(store.drop_entry(&key, "dropped").await.unwrap(), Operated::Done(_)));
    assert!(store.queue_entries(false).await.unwrap().is_empty(), "it is put away");
    let mut transaction = store.begin().await.unwrap();
    transaction.lock(directive.id).await.unwrap();
    let told = transaction.take_waiting_signals(directive.id).await.unwrap();
    assert!(matches!(told.as_slice(), [Signal::EffectFailed { step: Some(_), .. }]), "{told:?}");
    assert_eq!(store.drop_entry("nobody", "dropped").await.unwrap(), Operated::Unknown);
}

async fn adjutant_queue(database: &TestDatabase, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_adjutant"));
    command.arg("queue").args(arguments).env_clear().env("PATH", std::env::var("PATH").unwrap());
    command.env("DATABASE_URL", database.url()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn the_command_line_shows_stuck_rows_and_retries_or_drops_them() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let directive = opened(&store).await;
    enqueue(&store, directive.id, &verify()).await;
    assert_eq!(adjutant_queue(&database, &["list"]).await.0, Some(0));
    let claimed = claim(&store, Lane::Verifier, LEASE).await.taken.remove(0);
    assert_eq!(store.set_effect_aside(&claimed.row, "it cannot be\u{1b}[2J read").await.unwrap(), Held::Yes);
    let key = verify().key(directive.id);
    let (code, listed) = adjutant_queue(&database, &["list"]).await;
    assert!(code == Some(0) && listed.contains(&key) && listed.contains("failed"), "{listed}");
    assert!(!listed.contains('\u{1b}'), "nothing moves the terminal's cursor: {listed}");
    let (_, listed) = adjutant_queue(&database, &["list", "--json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed[0]["key"], &listed[0]["queue"]), (&key.clone().into(), &"effect".into()));
    let (_, shown) = adjutant_queue(&database, &["show", &key]).await;
    assert!(shown.contains("payload") && shown.contains("\"round\":1"), "{shown}");
    let (code, said) = adjutant_queue(&database, &["retry", &key]).await;
    assert!(code == Some(0) && said.contains("is tried again"), "{said}");
    assert_eq!(claim(&store, Lane::Verifier, LEASE).await.taken.len(), 1);
    let (code, said) = adjutant_queue(&database, &["drop", &key]).await;
    assert!(code == Some(1) && said.contains("is being worked on"), "{said}");
    let (code, said) = adjutant_queue(&database, &["drop", "nobody"]).await;
    assert!(code == Some(1) && said.contains("there is no delivery and no effect"), "{said}");
}
