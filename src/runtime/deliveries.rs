//! Takes deliveries out of the inbox and turns them into signals.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::app::App;
use super::apply::Settle;
use super::ingest::{self, Fact, IngestError, Interpretation, Target, Webhook};
use crate::report::failure;
use crate::store::StoreError;
use crate::store::inbox::{Delivery, Ending};
use crate::store::queue::{Held, Retry};
use adjutant_domain::effect::Effect;
use adjutant_domain::signal::{Commanded, Labelled, Signal};

/// How many deliveries are handled at a time. GitHub sends them in no particular order, so their order does not matter
/// here.
const BATCH: i64 = 8;
/// How often the inbox is polled in case a notification was missed.
const POLL: Duration = Duration::from_secs(1);
/// A delivery that GitHub refused to help interpret fails after this many refusals. While GitHub or the database is
/// down, it waits without a limit.
const TRIES: u32 = 6;
/// How long a delivery waits for the app's access: as long as GitHub itself keeps deliveries.
///
/// <https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries>
const WITHOUT_ACCESS: chrono::Duration = chrono::Duration::days(3);

/// Handles deliveries until `stop`.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let claimed = app.store.claim_deliveries(BATCH, app.lease()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "could not claim deliveries; trying again");
            Vec::new()
        });
        if claimed.is_empty() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = app.arrived.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
            continue;
        }
        let mut batch = JoinSet::new();
        for delivery in claimed {
            let app = app.clone();
            let span = tracing::info_span!("delivery", guid = delivery.guid, event = delivery.event);
            batch.spawn(async move { handle(&app, &delivery).await }.instrument(span));
        }
        while batch.join_next().await.is_some() {}
    }
}

async fn handle(app: &App, delivery: &Delivery) {
    let guid = &delivery.guid;
    match settled(app, delivery).await {
        Ok(Held::Yes) => {}
        Ok(Held::No) => {
            tracing::warn!(
                guid,
                "delivery {guid} was handled too late: another worker has claimed it; the result is dropped"
            );
        }
        Err(error) => {
            tracing::warn!(%error, guid, "delivery {guid} could not be settled; it is handled again when its lease lapses");
        }
    }
}

async fn settled(app: &App, delivery: &Delivery) -> Result<Held, StoreError> {
    if let Some(why) = delivery.record.ended_its_processes() {
        return put_back(app, delivery, IngestError::Never { why: failure::words(&why) }).await;
    }
    // Recorded before the work begins, so that work that ends the process counts as an attempt.
    if app.store.begin_delivery(delivery).await? == Held::No {
        return Ok(Held::No);
    }
    let outcome = tokio::select! {
        outcome = read(app, delivery) => outcome,
        () = keep_lease(app, delivery) => return Ok(Held::No),
    };
    match outcome {
        Ok(Handled::Applied(held)) => Ok(held),
        Ok(Handled::Ignored(reason)) => app.store.end_delivery(delivery, Ending::Ignored(&reason)).await,
        Err(error) => put_back(app, delivery, error).await,
    }
}

/// After an error: schedules a delivery for later, leaves it to a newer version, or marks it as failed.
async fn put_back(app: &App, delivery: &Delivery, error: IngestError) -> Result<Held, StoreError> {
    let (guid, attempt, record) = (&delivery.guid, delivery.attempt, delivery.record);
    let next = pause(record.failures.saturating_add(1));
    match error {
        IngestError::Later { after, why } => {
            tracing::warn!(guid, why, attempt, "delivery {guid} could not be handled; trying again later");
            app.store.retry_delivery(delivery, after.unwrap_or(next), &why, Retry::Failed).await
        }
        IngestError::NoAccess { why } if Utc::now() - delivery.received_at < WITHOUT_ACCESS => {
            tracing::warn!(
                guid,
                why,
                attempt,
                "delivery {guid} could not be handled; it waits until the app has access"
            );
            app.store.retry_delivery(delivery, next, &why, Retry::Failed).await
        }
        IngestError::Refused { why } if record.refusals + 1 < TRIES => {
            tracing::warn!(
                guid,
                why,
                attempt,
                "GitHub refused what delivery {guid} needs; trying again before believing it"
            );
            app.store.retry_delivery(delivery, pause(record.refusals + 1), &why, Retry::Refused).await
        }
        IngestError::Newer { version, why } => {
            tracing::info!(guid, why, "delivery {guid} waits for a process of version {version}");
            app.store.leave_delivery_to_version(delivery, version).await
        }
        IngestError::NoAccess { why } | IngestError::Refused { why } | IngestError::Never { why } => {
            tracing::error!(guid, why, attempt, "delivery {guid} failed permanently: {why}");
            app.store.end_delivery(delivery, Ending::Failed(&why)).await
        }
    }
}

/// Renews the lease until it is lost. When it is lost, another process handles the delivery, and this one stops.
async fn keep_lease(app: &App, delivery: &Delivery) {
    let guid = &delivery.guid;
    loop {
        tokio::time::sleep(app.heartbeat()).await;
        match app.store.keep_delivery(delivery, app.lease()).await {
            Ok(Held::Yes) => {}
            Ok(Held::No) => return,
            Err(error) => {
                tracing::warn!(%error, guid, "the lease on delivery {guid} could not be renewed; trying again");
            }
        }
    }
}

/// The outcome of a delivery.
enum Handled {
    /// Its signals were applied. The delivery was settled with them if its lease still held.
    Applied(Held),
    /// It has nothing for the engine, for this reason.
    Ignored(String),
}

/// Reads a delivery and applies its signals. The transaction that applies them also settles the delivery. All signals
/// of one delivery are for one directive, so there is one such transaction.
async fn read(app: &App, delivery: &Delivery) -> Result<Handled, IngestError> {
    let webhook = ingest::parse(&delivery.event, &delivery.body)?;
    if changes_access(delivery) {
        app.try_all_again().await;
    }
    let fact = match webhook {
        Webhook::Ignored(reason) => return Ok(Handled::Ignored(reason)),
        Webhook::Fact(fact) => *fact,
    };
    let repo = fact.repo.clone();
    match Box::pin(apply_fact(app, fact, Settle::Read(delivery))).await {
        Err(IngestError::Refused { why }) if app.is_out_of_reach(&repo).await => Err(IngestError::NoAccess { why }),
        outcome => outcome,
    }
}

/// Whether the delivery says that an installation covers more than before. If so, work that waited for access is tried
/// at once.
///
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#installation>
fn changes_access(delivery: &Delivery) -> bool {
    matches!(
        (delivery.event.as_str(), delivery.action.as_deref()),
        ("installation", Some("created" | "unsuspend" | "new_permissions_accepted"))
            | ("installation_repositories", Some("added"))
    )
}

/// Applies a fact whose webhook never arrived.
pub(super) async fn replay(app: &App, fact: Fact) -> Result<(), IngestError> {
    if let Handled::Ignored(reason) = Box::pin(apply_fact(app, fact, Settle::Nothing)).await? {
        tracing::debug!(reason, "a replayed event was ignored");
    }
    Ok(())
}

async fn apply_fact(app: &App, fact: Fact, settle: Settle<'_>) -> Result<Handled, IngestError> {
    let signals = match ingest::interpret(&app.github, &app.store, fact).await? {
        Interpretation::Ignored(reason) => return Ok(Handled::Ignored(reason)),
        Interpretation::Signals(signals) => signals,
        Interpretation::ForeignPull { repo, head } => {
            let effect = Effect::NeutralCheck { repo, head };
            return Ok(Handled::Applied(app.ask_for(&effect, settle).await?));
        }
        Interpretation::MergeGroup { repo, head, pull } => {
            let effect = Effect::MergeGroupCheck { repo, head, pull };
            return Ok(Handled::Applied(app.ask_for(&effect, settle).await?));
        }
    };
    let Some(first) = signals.first() else { return Ok(Handled::Ignored("it has no signals".to_owned())) };
    let held = match (&first.target, &first.signal) {
        (Target::Issue { .. }, Signal::Labelled(labelled)) => {
            Box::pin(app.open(&Labelled { agents: Some(agents(app)), ..(**labelled).clone() }, settle)).await?
        }
        (Target::Issue { issue, .. }, _) => {
            return Ok(Handled::Ignored(format!("issue {issue} has no live directive")));
        }
        (Target::Directive(id), _) => {
            let id = *id;
            let (own, others): (Vec<_>, Vec<_>) =
                signals.into_iter().partition(|addressed| addressed.target == Target::Directive(id));
            // One push can take back the merges of several directives. Told twice, that changes nothing.
            for other in others {
                if let Target::Directive(other_id) = other.target {
                    // Nothing is settled with it.
                    let _ = Box::pin(app.apply(other_id, &[other.signal], Settle::Nothing)).await?;
                }
            }
            let mut signals: Vec<_> = own.into_iter().map(|addressed| addressed.signal).collect();
            for signal in &mut signals {
                if let Signal::Commanded(Commanded { policy: Some(read), .. }) = signal {
                    read.agents = Some(agents(app));
                }
            }
            app.apply(id, &signals, settle).await?
        }
    };
    Ok(Handled::Applied(held))
}

/// The names of the agents that the operator offers.
fn agents(app: &App) -> Vec<String> {
    app.settings.agents.keys().cloned().collect()
}

/// The pause after this many failures in a row: 1 s, 2 s, 4 s … up to ten minutes.
fn pause(failures: u32) -> Duration {
    Duration::from_secs((1u64 << failures.saturating_sub(1).min(10)).min(600))
}
