//! The inbox against a real Postgres.

use std::collections::HashSet;
use std::time::Duration;

use adjutant::store::Store;
use adjutant::store::inbox::{Delivery, Ending, NewDelivery, Receipt};
use adjutant::store::queue::{Held, Retry};
use chrono::{TimeDelta, Utc};

use crate::support::pg::TestDatabase;
use crate::support::until;

const MINUTE: Duration = Duration::from_mins(1);

fn delivery(guid: &str) -> NewDelivery<'_> {
    NewDelivery {
        guid,
        event: "issues",
        action: Some("labeled"),
        installation_id: Some(42),
        hook_target: Some("integration/1"),
        body: b"{}",
        fault: None,
    }
}

async fn claim(store: &Store) -> Vec<Delivery> {
    store.claim_deliveries(10, MINUTE).await.unwrap()
}

async fn status(database: &TestDatabase, guid: &str) -> (String, Option<String>, i32) {
    sqlx::query_as("SELECT status, reason, attempts FROM deliveries WHERE guid = $1")
        .bind(guid)
        .fetch_one(&database.pool().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_guid_is_stored_once_and_the_first_body_stays() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    assert_eq!(store.receive_delivery(&delivery("a")).await.unwrap(), Receipt::New);
    let again = NewDelivery { body: b"other", ..delivery("a") };
    assert_eq!(store.receive_delivery(&again).await.unwrap(), Receipt::Known);
    let claimed = claim(&store).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].body, b"{}");
    assert_eq!(claimed[0].attempt, 1);
    assert_eq!(claimed[0].installation_id, Some(42));
}

#[tokio::test]
async fn two_workers_never_hold_the_same_delivery() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    for number in 0..40 {
        store.receive_delivery(&delivery(&number.to_string())).await.unwrap();
    }
    let claims = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.claim_deliveries(5, MINUTE).await.unwrap() })
    });
    let mut seen = HashSet::new();
    for claim in claims.collect::<Vec<_>>() {
        for delivery in claim.await.unwrap() {
            assert!(seen.insert(delivery.guid.clone()), "{} was claimed twice", delivery.guid);
        }
    }
    for delivery in store.claim_deliveries(40, MINUTE).await.unwrap() {
        assert!(seen.insert(delivery.guid));
    }
    assert_eq!(seen.len(), 40);
}

#[tokio::test]
async fn a_lapsed_lease_is_claimed_again_and_the_late_answer_changes_nothing() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    store.receive_delivery(&delivery("a")).await.unwrap();
    let first = store.claim_deliveries(1, Duration::ZERO).await.unwrap().remove(0);
    let second = claim(&store).await.remove(0);
    assert_eq!(second.attempt, 2);

    assert_eq!(store.end_delivery(&first, Ending::Processed).await.unwrap(), Held::No);
    assert_eq!(status(&database, "a").await.0, "processing");
    assert_eq!(store.end_delivery(&second, Ending::Processed).await.unwrap(), Held::Yes);
    assert_eq!(status(&database, "a").await, ("processed".into(), None, 2));
}

#[tokio::test]
async fn a_delivery_put_back_waits_for_its_time() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    store.receive_delivery(&delivery("a")).await.unwrap();
    let first = claim(&store).await.remove(0);
    let soon = Utc::now() + TimeDelta::milliseconds(300);
    let delay = Duration::from_millis(300);
    assert_eq!(store.retry_delivery(&first, delay, "GitHub is away", Retry::Failed).await.unwrap(), Held::Yes);
    assert!(claim(&store).await.is_empty() || Utc::now() >= soon);
    until("it can be claimed again", || async {
        status(&database, "a").await.0 == "processing" || !claim(&store).await.is_empty()
    })
    .await;
    assert!(Utc::now() >= soon);
    assert_eq!(status(&database, "a").await, ("processing".into(), Some("GitHub is away".into()), 2));
}

#[tokio::test]
async fn what_ended_is_not_claimed_again_and_says_why() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    store.receive_delivery(&delivery("a")).await.unwrap();
    store.receive_delivery(&delivery("b")).await.unwrap();
    for claimed in claim(&store).await {
        let ending = if claimed.guid == "a" {
            Ending::Ignored("not a label of ours")
        } else {
            Ending::Failed("no such repository")
        };
        assert_eq!(store.end_delivery(&claimed, ending).await.unwrap(), Held::Yes);
    }
    assert!(claim(&store).await.is_empty());
    assert_eq!(status(&database, "a").await, ("ignored".into(), Some("not a label of ours".into()), 1));
    assert_eq!(status(&database, "b").await, ("failed".into(), Some("no such repository".into()), 1));
}

#[tokio::test]
async fn migrations_run_twice_and_at_once_without_harm() {
    let database = TestDatabase::new().await;
    let (one, two) = (database.store().await, database.store().await);
    let (first, second) = tokio::join!(one.migrate(), two.migrate());
    first.unwrap();
    second.unwrap();
    one.ping().await.unwrap();
}

#[tokio::test]
async fn a_database_that_went_away_is_a_temporary_trouble() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    database.go_away().await;
    let error = store.ping().await.unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
    database.come_back().await;
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_delivery_that_failed_is_taken_up_again_when_it_is_sent_again() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    store.receive_delivery(&delivery("a")).await.unwrap();
    let claimed = claim(&store).await;
    assert_eq!(store.receive_delivery(&delivery("a")).await.unwrap(), Receipt::Known, "it is in hand");
    let down = Ending::Failed("GitHub was down for hours");
    assert_eq!(store.end_delivery(&claimed[0], down).await.unwrap(), Held::Yes);
    assert_eq!(store.receive_delivery(&delivery("a")).await.unwrap(), Receipt::Again);
    assert_eq!(status(&database, "a").await, ("received".to_owned(), None, 0));
    let claimed = claim(&store).await;
    assert_eq!(store.end_delivery(&claimed[0], Ending::Processed).await.unwrap(), Held::Yes);
    assert_eq!(store.receive_delivery(&delivery("a")).await.unwrap(), Receipt::Known);

    // If the body itself is the fault, it is the same the second time.
    let broken = NewDelivery { fault: Some("no JSON"), ..delivery("b") };
    store.receive_delivery(&broken).await.unwrap();
    assert_eq!(store.receive_delivery(&broken).await.unwrap(), Receipt::Known);
}

#[tokio::test]
async fn github_is_asked_for_what_is_missing_by_one_process_and_not_all_the_time() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    store.receive_delivery(&delivery("here")).await.unwrap();
    assert!(!store.may_ask_again("here").await.unwrap());
    assert!(store.may_ask_again("missing").await.unwrap());
    assert!(!store.may_ask_again("missing").await.unwrap(), "it was asked for a moment ago");
    let pool = database.pool().await;
    let mut asked = 1;
    for _ in 0..20 {
        sqlx::query("UPDATE redeliveries SET asked_at = now() - interval '1 day'").execute(&pool).await.unwrap();
        asked += u32::from(store.may_ask_again("missing").await.unwrap());
    }
    assert_eq!(asked, 6, "it is not asked for without end");
}

#[tokio::test]
async fn a_lease_is_kept_by_who_holds_it_only() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    store.receive_delivery(&delivery("a")).await.unwrap();
    let held = claim(&store).await.remove(0);
    assert_eq!(store.keep_delivery(&held, Duration::ZERO).await.unwrap(), Held::Yes);
    let taken_over = claim(&store).await.remove(0);
    assert_eq!(store.keep_delivery(&held, MINUTE).await.unwrap(), Held::No);
    assert_eq!(store.keep_delivery(&taken_over, MINUTE).await.unwrap(), Held::Yes);
}
