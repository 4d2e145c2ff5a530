//! What no delivery tells: that time passed, and what happened to pull requests while nobody listened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::App;
use super::apply::Settle;
use super::effects::seen;
use super::{reconcile, redelivery};
use crate::github::GitHubError;
use crate::store::StoreError;
use adjutant_domain::directive::Directive;
use adjutant_domain::signal::Signal;

/// How often time passes for a directive.
const TICK: Duration = Duration::from_secs(30);

/// How soon a round that was cut short is made again.
const AGAIN: Duration = Duration::from_secs(2);

/// Ticks and looks until `stop`. They go beside each other: a look asks GitHub much, and no question may wait for that to
/// expire.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = ticks(&app) => {}
        () = looks(&app) => {}
    }
}

async fn ticks(app: &App) {
    let every = TICK.min(app.settings.limits.look);
    loop {
        let pause = match tick(app).await {
            Ok(()) => every,
            Err(error) => {
                tracing::warn!(%error, "time did not pass for every directive; soon again");
                AGAIN
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// The first look is at once: a process that starts may have missed something. So may one that turned a delivery away, or
/// that could not reach its database.
async fn looks(app: &App) {
    let every = app.settings.limits.look;
    loop {
        let began = Instant::now();
        let pause = match look(app).await {
            Ok(()) => every.saturating_sub(began.elapsed()).max(AGAIN.min(every)),
            Err(error) => {
                tracing::warn!(%error, "the look was cut short; it is made again");
                AGAIN
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = app.turned_away.notified() => {}
        }
    }
}

/// Where nothing can be done, no time passes: no question expires, and nobody is reminded.
async fn tick(app: &App) -> Result<(), StoreError> {
    for id in app.store.live_directives().await? {
        let Some(directive) = app.store.directive(id).await? else { continue };
        if !app.out_of_reach.has(&directive.repo) {
            app.apply(id, &[Signal::Tick], Settle::Nothing).await.map(drop)?;
        }
    }
    Ok(())
}

async fn look(app: &App) -> Result<(), StoreError> {
    redelivery::ask(app).await?;
    let mut live = Vec::new();
    for id in app.store.live_directives().await? {
        let Some(directive) = app.store.directive(id).await? else { continue };
        if app.out_of_reach.has(&directive.repo) {
            app.probe(&directive.repo).await;
        } else {
            look_at(app, &directive).await?;
        }
        live.push(directive);
    }
    reconcile::look(app, &live).await;
    Ok(())
}

async fn look_at(app: &App, directive: &Directive) -> Result<(), StoreError> {
    let mut signals = Vec::new();
    match look_at_pulls(app, directive).await {
        Ok(missed) => signals.extend(missed),
        Err(error) => tracing::warn!(directive = %directive.id, %error, "its pull requests could not be looked at"),
    }
    match reconcile::issue(app, directive).await {
        Ok(missed) => signals.extend(missed),
        Err(error) => tracing::warn!(directive = %directive.id, %error, "its issue could not be looked at"),
    }
    app.apply(directive.id, &signals, Settle::Nothing).await.map(drop)
}

/// Merges, closings and pushes that no delivery told of.
async fn look_at_pulls(app: &App, directive: &Directive) -> Result<Vec<Signal>, GitHubError> {
    let client = app.github.repository(&directive.repo);
    let own = app.github.app().await?.bot_login;
    let mut signals = Vec::new();
    for step in directive.steps.iter().chain(&directive.final_step).filter(|step| !step.status.is_done()) {
        if let Some(pull) = &step.pull {
            signals.extend(seen(step, &client.pull(pull.number).await?, &own));
        }
    }
    for step in directive.earlier.iter().filter(|step| !step.status.is_done()) {
        if let Some(pull) = step.open_pull() {
            signals.extend(seen(step, &client.pull(pull.number).await?, &own));
        }
    }
    Ok(signals)
}
