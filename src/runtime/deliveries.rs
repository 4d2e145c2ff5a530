//! Deliveries come out of the inbox, and become signals.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::App;
use super::apply::Settle;
use super::ingest::{self, Fact, IngestError, Interpretation, Target, Webhook};
use crate::store::StoreError;
use crate::store::effects::Held;
use crate::store::inbox::{Delivery, Settled};
use adjutant_domain::effect::Effect;
use adjutant_domain::signal::{Labelled, Signal};

/// How many deliveries are read at a time. GitHub keeps no order, so neither need we.
const BATCH: i64 = 8;
/// How often the inbox is looked at without being told.
const POLL: Duration = Duration::from_secs(1);
/// After so many refusals of GitHub's a delivery that still cannot be interpreted is given up. While GitHub or the database
/// is away it waits for as long as that takes.
const TRIES: i32 = 6;
/// What came from where the app may not work at present is kept for as long as GitHub itself keeps what it sent.
///
/// <https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries>
const WITHOUT_ACCESS: chrono::Duration = chrono::Duration::days(3);

/// Works the inbox off until `stop`.
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
    let outcome = tokio::select! {
        outcome = read(app, delivery) => outcome,
        () = keep_lease(app, delivery) => return,
    };
    let settled = match outcome {
        Ok(Handled::Applied(held)) => Ok(if held == Held::Yes { Settled::Taken } else { Settled::LeaseLost }),
        Ok(Handled::Ignored(reason)) => app.store.delivery_ignored(&delivery.guid, delivery.attempt, &reason).await,
        Err(error) => put_back(app, delivery, error).await,
    };
    match settled {
        Ok(Settled::Taken) => {}
        Ok(Settled::LeaseLost) => {
            tracing::warn!("a delivery was handled too late: another worker has claimed it; the result is dropped")
        }
        Err(error) => {
            tracing::warn!(%error, "could not mark a delivery as handled; it is handled again when its lease lapses")
        }
    }
}

/// Has a delivery read again later, or marks it as failed.
async fn put_back(app: &App, delivery: &Delivery, error: IngestError) -> Result<Settled, StoreError> {
    let (guid, attempt) = (&delivery.guid, delivery.attempt);
    match error {
        IngestError::Later { after, why } => {
            tracing::warn!(why, attempt, "could not handle a delivery; trying again later");
            let after = after.and_then(|after| chrono::Duration::from_std(after).ok());
            let at = Utc::now() + after.unwrap_or_else(|| pause(attempt));
            app.store.retry_delivery_at(guid, attempt, at, &why).await
        }
        IngestError::NoAccess { why } if Utc::now() - delivery.received_at < WITHOUT_ACCESS => {
            tracing::warn!(why, attempt, "could not handle a delivery; waiting until the app has access again");
            app.store.retry_delivery_at(guid, attempt, Utc::now() + pause(attempt), &why).await
        }
        IngestError::Refused { why } if delivery.refusals + 1 < TRIES => {
            tracing::warn!(why, attempt, "GitHub refused what a delivery needs; trying again before believing it");
            let at = Utc::now() + pause(delivery.refusals + 1);
            app.store.retry_refused_delivery_at(delivery, at, &why).await
        }
        IngestError::NoAccess { why } | IngestError::Refused { why } | IngestError::Never { why } => {
            tracing::error!(why, attempt, "a delivery failed permanently");
            app.store.delivery_failed(guid, attempt, &why).await
        }
    }
}

/// Renews the lease until it is lost: then another process reads the delivery, and this one leaves it alone.
async fn keep_lease(app: &App, delivery: &Delivery) {
    loop {
        tokio::time::sleep(app.heartbeat()).await;
        match app.store.keep_delivery(delivery, app.lease()).await {
            Ok(Settled::Taken) => {}
            Ok(Settled::LeaseLost) => return tracing::warn!("lost the lease on a delivery; another worker handles it"),
            Err(error) => tracing::warn!(%error, "could not renew the lease on a delivery; trying again"),
        }
    }
}

/// What came of a delivery.
enum Handled {
    /// Its signals were applied and it was settled with them, if its lease still held.
    Applied(Held),
    /// There is nothing in it for anybody, because.
    Ignored(String),
}

/// Reads a delivery and applies its signals. Settling the delivery is part of the transaction that applies them: all
/// signals of one delivery are for one directive, so that there is one such transaction.
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

/// Whether it tells of an installation that may do more than before: what waited for that is tried at once.
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
    };
    let Some(first) = signals.first() else { return Ok(Handled::Ignored("it has no signals".to_owned())) };
    let held = match (&first.target, &first.signal) {
        (Target::Issue { .. }, Signal::Labelled(labelled)) => {
            let agents = Some(app.settings.agents.keys().cloned().collect());
            app.open(&Labelled { agents, ..(**labelled).clone() }, settle).await?
        }
        (Target::Issue { issue, .. }, _) => {
            return Ok(Handled::Ignored(format!("issue {issue} has no live directive")));
        }
        (Target::Directive(id), _) => {
            let id = *id;
            let signals: Vec<_> = signals.into_iter().map(|addressed| addressed.signal).collect();
            app.apply(id, &signals, settle).await?
        }
    };
    Ok(Handled::Applied(held))
}

/// 1 s, 2 s, 4 s … up to ten minutes.
fn pause(attempt: i32) -> chrono::Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(10);
    chrono::Duration::seconds((1i64 << doublings).min(600))
}
