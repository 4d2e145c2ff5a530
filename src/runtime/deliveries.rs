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
use crate::domain::signal::Signal;
use crate::github::interpret::{self, InterpretError, Reading, Target};
use crate::store::StoreError;
use crate::store::inbox::{Delivery, Settled};

/// How many deliveries are read at a time. GitHub keeps no order, so neither need we.
const BATCH: i64 = 8;
/// How long a claim holds: a delivery costs a few reads of GitHub.
const LEASE: Duration = Duration::from_mins(2);
/// How often the inbox is looked at without being told.
const POLL: Duration = Duration::from_secs(1);
/// After so many tries a delivery that still cannot be interpreted is given up.
const TRIES: i32 = 12;

/// Works the inbox off until `stop`.
pub(super) async fn run(world: Arc<World>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let claimed = world.store.claim_deliveries(BATCH, LEASE).await.unwrap_or_else(|error| {
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
    let settled = match read(world, delivery).await {
        Ok(None) => world.store.delivery_processed(&delivery.guid, delivery.attempt).await,
        Ok(Some(reason)) => world.store.delivery_ignored(&delivery.guid, delivery.attempt, &reason).await,
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

/// Reads a delivery and applies what it tells; a reason where that is nothing.
async fn read(world: &World, delivery: &Delivery) -> Result<Option<String>, Trouble> {
    let fact = interpret::parse(&delivery.event, &delivery.body).map_err(|error| Trouble::Never(error.to_string()))?;
    let reading = interpret::interpret(&world.github, &StoreLookup(&world.store), fact).await?;
    let signals = match reading {
        Reading::Ignored(reason) => return Ok(Some(reason)),
        Reading::Signals(signals) => signals,
    };
    for addressed in signals {
        match (addressed.target, addressed.signal) {
            (Target::Issue { .. }, Signal::Labelled(labelled)) => world.open(&labelled).await?,
            (Target::Issue { .. }, _) => {}
            (Target::Directive(id), signal) => {
                world.apply(id, &[signal], Settle::Nothing).await.map(drop)?;
            }
        }
    }
    Ok(None)
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
