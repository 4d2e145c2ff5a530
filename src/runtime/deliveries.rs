//! Deliveries come out of the inbox, and become signals.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::World;
use super::apply::Settle;
use super::lookup::StoreLookup;
use crate::domain::effect::Effect;
use crate::domain::signal::{Labelled, Signal};
use crate::github::interpret::{self, InterpretError, Reading, Target};
use crate::store::StoreError;
use crate::store::effects::Held;
use crate::store::inbox::{Delivery, Settled};

/// How many deliveries are read at a time. GitHub keeps no order, so neither need we.
const BATCH: i64 = 8;
/// How often the inbox is looked at without being told.
const POLL: Duration = Duration::from_secs(1);
/// After so many tries a delivery that still cannot be interpreted is given up.
const TRIES: i32 = 12;

/// Works the inbox off until `stop`.
pub(super) async fn run(world: Arc<World>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let claimed = world.store.claim_deliveries(BATCH, world.lease()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "deliveries could not be claimed; trying again");
            Vec::new()
        });
        if claimed.is_empty() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = world.arrived.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
            continue;
        }
        let mut batch = JoinSet::new();
        for delivery in claimed {
            let world = world.clone();
            let span = tracing::info_span!("delivery", guid = delivery.guid, event = delivery.event);
            batch.spawn(async move { handle(&world, &delivery).await }.instrument(span));
        }
        while batch.join_next().await.is_some() {}
    }
}

/// What is to become of a delivery that was not made into signals.
enum Trouble {
    /// Try again later.
    Later(String),
    /// It never will be.
    Never(String),
}

async fn handle(world: &World, delivery: &Delivery) {
    let outcome = tokio::select! {
        outcome = read(world, delivery) => outcome,
        () = keep_lease(world, delivery) => return,
    };
    let settled = match outcome {
        Ok(Handled::Applied(held)) => Ok(if held == Held::Yes { Settled::Taken } else { Settled::LeaseLost }),
        Ok(Handled::Ignored(reason)) => world.store.delivery_ignored(&delivery.guid, delivery.attempt, &reason).await,
        Err(Trouble::Later(reason)) if delivery.attempt < TRIES => {
            tracing::warn!(reason, attempt = delivery.attempt, "not handled; trying again");
            let at = Utc::now() + pause(delivery.attempt);
            world.store.retry_delivery_at(&delivery.guid, delivery.attempt, at, &reason).await
        }
        Err(Trouble::Later(reason) | Trouble::Never(reason)) => {
            tracing::error!(reason, "given up");
            world.store.delivery_failed(&delivery.guid, delivery.attempt, &reason).await
        }
    };
    match settled {
        Ok(Settled::Taken) => {}
        Ok(Settled::LeaseLost) => tracing::warn!("handled too late: it was claimed again meanwhile"),
        Err(error) => tracing::warn!(%error, "could not be marked as handled; it is handled again"),
    }
}

/// Renews the lease until it is lost: then another process reads the delivery, and this one leaves it alone.
async fn keep_lease(world: &World, delivery: &Delivery) {
    loop {
        tokio::time::sleep(world.heartbeat()).await;
        match world.store.keep_delivery(delivery, world.lease()).await {
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
async fn read(world: &World, delivery: &Delivery) -> Result<Handled, Trouble> {
    let fact = interpret::parse(&delivery.event, &delivery.body).map_err(|error| Trouble::Never(error.to_string()))?;
    let reading = interpret::interpret(&world.github, &StoreLookup(&world.store), fact).await?;
    let signals = match reading {
        Reading::Ignored(reason) => return Ok(Handled::Ignored(reason)),
        Reading::Signals(signals) => signals,
        Reading::Foreign { repo, head } => {
            let effect = Effect::NeutralCheck { repo, head };
            return Ok(Handled::Applied(world.ask_for(&effect, Settle::Read(delivery)).await?));
        }
    };
    let settle = Settle::Read(delivery);
    let Some(first) = signals.first() else { return Ok(Handled::Ignored("it tells nothing".to_owned())) };
    let held = match (&first.target, &first.signal) {
        (Target::Issue { .. }, Signal::Labelled(labelled)) => {
            let agents = Some(world.settings.agents.keys().cloned().collect());
            world.open(&Labelled { agents, ..(**labelled).clone() }, settle).await?
        }
        (Target::Issue { issue, .. }, _) => {
            return Ok(Handled::Ignored(format!("issue {issue} has no directive to tell it to")));
        }
        (Target::Directive(id), _) => {
            let id = *id;
            let signals: Vec<_> = signals.into_iter().map(|addressed| addressed.signal).collect();
            world.apply(id, &signals, settle).await?
        }
    };
    Ok(Handled::Applied(held))
}

impl From<InterpretError> for Trouble {
    fn from(error: InterpretError) -> Self {
        if error.is_transient() { Self::Later(error.to_string()) } else { Self::Never(error.to_string()) }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Later(error.to_string())
    }
}

/// 1 s, 2 s, 4 s … up to ten minutes.
fn pause(attempt: i32) -> chrono::Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(10);
    chrono::Duration::seconds((1i64 << doublings).min(600))
}
