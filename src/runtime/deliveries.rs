//! Deliveries come out of the inbox, and become signals.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::App;
use super::apply::Settle;
use super::lookup::StoreLookup;
use crate::github::GitHubError;
use crate::github::interpret::{self, Fact, Happened, InterpretError, Reading, Target};
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
            tracing::warn!(%error, "deliveries could not be claimed; trying again");
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

/// What is to become of a delivery that was not made into signals.
enum Trouble {
    /// Try again later, after this time where somebody said so.
    Later(Option<Duration>, String),
    /// The app may not work there at present.
    NoAccess(String),
    /// GitHub refused what it takes to read it, which may be a moment's.
    Refused(String),
    /// It never will be.
    Never(String),
}

async fn handle(app: &App, delivery: &Delivery) {
    let outcome = tokio::select! {
        outcome = read(app, delivery) => outcome,
        () = keep_lease(app, delivery) => return,
    };
    let settled = match outcome {
        Ok(Handled::Applied(held)) => Ok(if held == Held::Yes { Settled::Taken } else { Settled::LeaseLost }),
        Ok(Handled::Ignored(reason)) => app.store.delivery_ignored(&delivery.guid, delivery.attempt, &reason).await,
        Err(trouble) => put_back(app, delivery, trouble).await,
    };
    match settled {
        Ok(Settled::Taken) => {}
        Ok(Settled::LeaseLost) => tracing::warn!("handled too late: it was claimed again meanwhile"),
        Err(error) => tracing::warn!(%error, "could not be marked as handled; it is handled again"),
    }
}

/// Has it read again later, or gives it up.
async fn put_back(app: &App, delivery: &Delivery, trouble: Trouble) -> Result<Settled, StoreError> {
    let (guid, attempt) = (&delivery.guid, delivery.attempt);
    match trouble {
        Trouble::Later(after, reason) => {
            tracing::warn!(reason, attempt, "not handled; trying again");
            let after = after.and_then(|after| chrono::Duration::from_std(after).ok());
            let at = Utc::now() + after.unwrap_or_else(|| pause(attempt));
            app.store.retry_delivery_at(guid, attempt, at, &reason).await
        }
        Trouble::NoAccess(reason) if Utc::now() - delivery.received_at < WITHOUT_ACCESS => {
            tracing::warn!(reason, attempt, "not handled; it waits for the app's access");
            app.store.retry_delivery_at(guid, attempt, Utc::now() + pause(attempt), &reason).await
        }
        Trouble::Refused(reason) if delivery.refusals + 1 < TRIES => {
            tracing::warn!(reason, attempt, "refused; trying again before it is believed");
            let at = Utc::now() + pause(delivery.refusals + 1);
            app.store.retry_refused_delivery_at(delivery, at, &reason).await
        }
        Trouble::NoAccess(reason) | Trouble::Refused(reason) | Trouble::Never(reason) => {
            tracing::error!(reason, "given up");
            app.store.delivery_failed(guid, attempt, &reason).await
        }
    }
}

/// Renews the lease until it is lost: then another process reads the delivery, and this one leaves it alone.
async fn keep_lease(app: &App, delivery: &Delivery) {
    loop {
        tokio::time::sleep(app.heartbeat()).await;
        match app.store.keep_delivery(delivery, app.lease()).await {
            Ok(Settled::Taken) => {}
            Ok(Settled::LeaseLost) => return tracing::warn!("the lease on a delivery was lost"),
            Err(error) => tracing::warn!(%error, "the lease on a delivery could not be renewed"),
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

/// Reads a delivery and applies what it tells. The last of its signals settles it in the same transaction; all
/// signals of one delivery are for one directive, so that the last is all of them.
async fn read(app: &App, delivery: &Delivery) -> Result<Handled, Trouble> {
    let fact = interpret::parse(&delivery.event, &delivery.body).map_err(|error| Trouble::Never(error.to_string()))?;
    if changes_access(delivery) {
        app.try_all_again().await;
    }
    let repo = match &fact {
        Fact::Happened(happened) => Some(happened.repo.clone()),
        Fact::Ignored(_) => None,
    };
    match (Box::pin(read_fact(app, fact, Settle::Read(delivery))).await, repo) {
        (Err(Trouble::Refused(why)), Some(repo)) if app.is_out_of_reach(&repo).await => Err(Trouble::NoAccess(why)),
        (outcome, _) => outcome,
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

/// Tells what happened, which no delivery may have told.
pub(super) async fn tell(app: &App, happened: Happened) -> Result<(), String> {
    match Box::pin(read_fact(app, Fact::Happened(Box::new(happened)), Settle::Nothing)).await {
        Ok(Handled::Applied(_)) => Ok(()),
        Ok(Handled::Ignored(reason)) => {
            tracing::debug!(reason, "what was missed is of no use");
            Ok(())
        }
        Err(
            Trouble::Later(_, reason) | Trouble::NoAccess(reason) | Trouble::Refused(reason) | Trouble::Never(reason),
        ) => Err(reason),
    }
}

async fn read_fact(app: &App, fact: Fact, settle: Settle<'_>) -> Result<Handled, Trouble> {
    let reading = interpret::interpret(&app.github, &StoreLookup(&app.store), fact).await?;
    let signals = match reading {
        Reading::Ignored(reason) => return Ok(Handled::Ignored(reason)),
        Reading::Signals(signals) => signals,
        Reading::Foreign { repo, head } => {
            let effect = Effect::NeutralCheck { repo, head };
            return Ok(Handled::Applied(app.ask_for(&effect, settle).await?));
        }
    };
    let Some(first) = signals.first() else { return Ok(Handled::Ignored("it tells nothing".to_owned())) };
    let held = match (&first.target, &first.signal) {
        (Target::Issue { .. }, Signal::Labelled(labelled)) => {
            let agents = Some(app.settings.agents.keys().cloned().collect());
            app.open(&Labelled { agents, ..(**labelled).clone() }, settle).await?
        }
        (Target::Issue { issue, .. }, _) => {
            return Ok(Handled::Ignored(format!("issue {issue} has no directive to tell it to")));
        }
        (Target::Directive(id), _) => {
            let id = *id;
            let signals: Vec<_> = signals.into_iter().map(|addressed| addressed.signal).collect();
            app.apply(id, &signals, settle).await?
        }
    };
    Ok(Handled::Applied(held))
}

impl From<InterpretError> for Trouble {
    fn from(error: InterpretError) -> Self {
        let why = error.to_string();
        match error {
            InterpretError::GitHub(GitHubError::NoAccess { .. }) => Self::NoAccess(why),
            InterpretError::GitHub(error) if error.is_transient() => Self::Later(error.retry_after(), why),
            InterpretError::GitHub(_) => Self::Refused(why),
            InterpretError::Lookup(_) => Self::Later(None, why),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Later(None, error.to_string())
    }
}

/// 1 s, 2 s, 4 s … up to ten minutes.
fn pause(attempt: i32) -> chrono::Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(10);
    chrono::Duration::seconds((1i64 << doublings).min(600))
}
