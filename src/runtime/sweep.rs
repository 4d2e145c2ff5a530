//! What no delivery tells: that time passed, and what happened to pull requests while nobody listened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::World;
use super::apply::Settle;
use super::effects::seen;
use super::{missed, redelivery};
use crate::domain::directive::Directive;
use crate::domain::signal::Signal;
use crate::github::GitHubError;
use crate::store::StoreError;

/// How often time passes for a directive.
const TICK: Duration = Duration::from_secs(30);

/// How soon a sweep that was cut short is made again.
const AGAIN: Duration = Duration::from_secs(2);

/// Ticks and looks until `stop`. The first look is at once: a process that starts may have missed something. So may
/// one that turned a delivery away, or that could not reach its database.
pub(super) async fn run(world: Arc<World>, stop: CancellationToken) {
    let every = world.settings.limits.look;
    let mut next_look = Instant::now();
    while !stop.is_cancelled() {
        let began = Instant::now();
        let look = began >= next_look;
        let pause = match sweep(&world, look).await {
            Ok(()) => {
                if look {
                    next_look = began + every;
                }
                TICK.min(every)
            }
            Err(error) => {
                tracing::warn!(%error, "the sweep was cut short; it is made again");
                next_look = began;
                AGAIN
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            () = world.turned_away.notified() => next_look = Instant::now(),
        }
    }
}

async fn sweep(world: &World, look: bool) -> Result<(), StoreError> {
    if look {
        redelivery::ask(world).await?;
    }
    let mut live = Vec::new();
    for id in world.store.live_directives().await? {
        let Some(directive) = world.store.directive(id).await? else { continue };
        // Where nothing can be done, no time passes: no question expires, and nobody is reminded.
        let out_of_reach = world.out_of_reach.has(&directive.repo);
        if look && out_of_reach {
            world.probe(&directive.repo).await;
        }
        let mut signals = if out_of_reach { Vec::new() } else { vec![Signal::Tick] };
        if look && !out_of_reach {
            match look_at_pulls(world, &directive).await {
                Ok(missed) => signals.extend(missed),
                Err(error) => tracing::warn!(directive = %id, %error, "its pull requests could not be looked at"),
            }
            match missed::issue(world, &directive).await {
                Ok(missed) => signals.extend(missed),
                Err(error) => tracing::warn!(directive = %id, %error, "its issue could not be looked at"),
            }
        }
        world.apply(id, &signals, Settle::Nothing).await.map(drop)?;
        if look {
            live.push(directive);
        }
    }
    if look {
        missed::look(world, &live).await;
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
