//! Periodic work: it sends ticks to all directives, and looks on GitHub for events whose webhook never arrived.
//!
//! Directives do not affect each other here. One that cannot be read or saved is logged and skipped, and all others get
//! their tick. Directives that a newer version wrote are left to processes of that version.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::app::App;
use super::apply::Settle;
use super::effects::seen;
use super::reconcile::{self, ReconcileCursor};
use super::redelivery;
use crate::github::GitHubError;
use crate::store::StoreError;
use adjutant_domain::directive::Directive;
use adjutant_domain::ids::DirectiveId;
use adjutant_domain::signal::Signal;

/// How often a directive gets a tick.
const TICK: Duration = Duration::from_secs(30);

/// How soon a round that the database interrupted is repeated.
const AGAIN: Duration = Duration::from_secs(2);

/// Ticks and looks until `stop`. Both run concurrently: a look sends many requests to GitHub, and the expiry of
/// questions must not wait for it.
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
                tracing::warn!(%error, "tick failed, retrying in {} s", AGAIN.as_secs());
                AGAIN
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Looks once at the start, because the process may have missed something while it was down. It looks again at once
/// after a refused delivery and after an outage of the database.
async fn looks(app: &App) {
    let every = app.settings.limits.look;
    let cursor = ReconcileCursor::default();
    loop {
        let began = Instant::now();
        let pause = match Box::pin(look(app, &cursor)).await {
            Ok(()) => every.saturating_sub(began.elapsed()).max(AGAIN.min(every)),
            Err(error) => {
                tracing::warn!(%error, "look at GitHub failed, retrying in {} s", AGAIN.as_secs());
                AGAIN
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = app.turned_away.notified() => {}
        }
    }
}

/// Directives in repositories without access get no tick: no question expires there, and nobody is reminded.
async fn tick(app: &App) -> Result<(), StoreError> {
    let live = app.store.live_directives().await?;
    app.newer.tell(&live.newer);
    for id in live.readable {
        passed_over(id, "tick", tick_one(app, id).await)?;
    }
    Ok(())
}

async fn tick_one(app: &App, id: DirectiveId) -> Result<(), StoreError> {
    let Some(repo) = app.store.repo_of(id).await? else { return Ok(()) };
    if app.out_of_reach.has(&repo) {
        return Ok(());
    }
    app.apply(id, &[Signal::Tick], Settle::Nothing).await.map(drop)
}

/// Skips a directive that failed by itself. When the database is down, the whole round fails.
fn passed_over(id: DirectiveId, what: &str, outcome: Result<(), StoreError>) -> Result<(), StoreError> {
    match outcome {
        Err(error) if error.is_temporary() => Err(error),
        // A newer version took it over a moment ago. It is logged together with the others of its kind.
        Err(StoreError::Newer { .. }) | Ok(()) => Ok(()),
        Err(error) => {
            tracing::error!(directive = %id, %error, "{what} failed for directive {id}; the other directives continue, and this one is tried again at the next {what}");
            Ok(())
        }
    }
}

async fn look(app: &App, cursor: &ReconcileCursor) -> Result<(), StoreError> {
    redelivery::ask(app).await?;
    let mut live = Vec::new();
    for id in app.store.live_directives().await?.readable {
        let looked = Box::pin(look_at_one(app, cursor, id)).await;
        let found = looked.map(|directive| live.extend(directive));
        passed_over(id, "look", found)?;
    }
    reconcile::look(app, cursor, &live).await;
    Ok(())
}

async fn look_at_one(app: &App, cursor: &ReconcileCursor, id: DirectiveId) -> Result<Option<Directive>, StoreError> {
    let Some(directive) = app.store.directive(id).await? else { return Ok(None) };
    if app.out_of_reach.has(&directive.repo) {
        app.probe(&directive.repo).await;
    } else {
        look_at(app, cursor, &directive).await?;
    }
    Ok(Some(directive))
}

async fn look_at(app: &App, cursor: &ReconcileCursor, directive: &Directive) -> Result<(), StoreError> {
    let mut signals = Vec::new();
    match look_at_pulls(app, directive).await {
        Ok(missed) => signals.extend(missed),
        Err(error) => {
            tracing::warn!(directive = %directive.id, %error, "pull requests of directive {} could not be read", directive.id);
        }
    }
    match reconcile::issue(app, cursor, directive).await {
        Ok(missed) => signals.extend(missed),
        Err(error) => {
            tracing::warn!(directive = %directive.id, %error, "the issue of directive {} could not be read", directive.id);
        }
    }
    app.apply(directive.id, &signals, Settle::Nothing).await.map(drop)
}

/// Signals for merges, closings and pushes whose webhook never arrived.
async fn look_at_pulls(app: &App, directive: &Directive) -> Result<Vec<Signal>, GitHubError> {
    let client = app.github.repository(&directive.repo);
    let own = app.github.app().await?.bot_login;
    let mut signals = Vec::new();
    for step in directive.all_steps().filter(|step| !step.status().is_done()) {
        if let Some(pull) = &step.pull {
            signals.extend(seen(step, &client.pull(pull.number).await?, &own));
        }
    }
    for step in directive.earlier.iter().filter(|step| !step.status().is_done()) {
        if let Some(pull) = step.open_pull() {
            signals.extend(seen(step, &client.pull(pull.number).await?, &own));
        }
    }
    Ok(signals)
}
