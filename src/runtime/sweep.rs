//! What no delivery tells: that time passed, and what happened to pull requests while nobody listened.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::World;
use super::apply::Settle;
use super::effects::seen;
use super::redelivery;
use crate::domain::directive::Directive;
use crate::domain::signal::Signal;
use crate::github::GitHubError;
use crate::store::StoreError;

/// How often time passes for a directive.
const TICK: Duration = Duration::from_secs(30);
/// Every so many ticks GitHub is asked for what no delivery may have told.
const LOOK_EVERY: u32 = 10;

/// How soon a sweep that was cut short is made again.
const AGAIN: Duration = Duration::from_secs(2);

/// Ticks and looks until `stop`. The first look is at once: a process that starts may have missed something. So may
/// one that turned a delivery away, or that could not reach its database.
pub(super) async fn run(world: Arc<World>, stop: CancellationToken) {
    let mut ticks_to_look = 0u32;
    while !stop.is_cancelled() {
        let look = ticks_to_look == 0;
        let pause = match sweep(&world, look).await {
            Ok(()) => {
                ticks_to_look = if look { LOOK_EVERY } else { ticks_to_look } - 1;
                TICK
            }
            Err(error) => {
                tracing::warn!(%error, "the sweep was cut short; it is made again");
                ticks_to_look = 0;
                AGAIN
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            () = world.turned_away.notified() => ticks_to_look = 0,
        }
    }
}

async fn sweep(world: &World, look: bool) -> Result<(), StoreError> {
    if look {
        redelivery::ask(world).await?;
    }
    for id in world.store.live_directives().await? {
        let Some(directive) = world.store.directive(id).await? else { continue };
        let mut signals = vec![Signal::Tick];
        if look {
            match look_at_pulls(world, &directive).await {
                Ok(missed) => signals.extend(missed),
                Err(error) => tracing::warn!(directive = %id, %error, "its pull requests could not be looked at"),
            }
        }
        world.apply(id, &signals, Settle::Nothing).await.map(drop)?;
    }
    Ok(())
}

/// Merges, closings and pushes that no delivery told of.
async fn look_at_pulls(world: &World, d: &Directive) -> Result<Vec<Signal>, GitHubError> {
    let client = world.github.repository(&d.repo);
    let own = world.github.app().await?.bot_login;
    let mut signals = Vec::new();
    for step in d.steps.iter().chain(&d.finale).filter(|step| !step.status.is_done()) {
        if let Some(pull) = &step.pull {
            signals.extend(seen(step, &client.pull(pull.number).await?, &own));
        }
    }
    for step in d.earlier.iter().filter(|step| !step.status.is_done()) {
        if let Some(pull) = step.open_pull() {
            signals.extend(seen(step, &client.pull(pull.number).await?, &own));
        }
    }
    Ok(signals)
}
