//! The loops that tie all layers together.
//!
//! Deliveries come out of the inbox (`deliveries`) and become signals (`ingest`). A signal is applied to its directive
//! in one transaction (`apply`), which leaves effects in the outbox. Effects are carried out (`outbox`, `effects`) and
//! come back as signals. `sweep` lets time pass; `reconcile` finds what no webhook told, and `redelivery` asks GitHub
//! again for webhooks that were sent while nobody listened. Where the app may not work at present, work waits (`access`).
//!
//! The modules form layers, and imports point down only (the architecture test has the table). A handler of an effect has
//! one door to the engine: it returns signals, and what has to be committed before its work is done it sends to its
//! `SignalSink`.
//!
//! Nothing is decided here. A handler looks whether its result exists already, brings it about if not, and says
//! what it found; what follows is the engine's.
//!
//! One bad thing harms itself alone: an effect, a delivery or a directive that cannot be read or stored is set aside or passed
//! over with its key in the log, and its batch goes on.
//!
//! Everything that runs holds a lease that it renews. A process that is told to stop takes no new work, lets short
//! work finish and releases the leases of long work; the leases of a process that is killed lapse.

mod access;
mod app;
mod apply;
mod deliveries;
mod effects;
pub mod ingest;
mod newer;
mod outbox;
mod reach;
mod reconcile;
mod redelivery;
mod sink;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use app::App;

use adjutant_domain::effect::Lane;

/// How long running work may take to end after the stop signal.
const GRACE: Duration = Duration::from_secs(15);

/// Passes events on, and wakes the workers of a lane where another process queued work for it.
async fn news(app: Arc<App>, stop: CancellationToken) {
    tokio::select! {
        () = app.feed.run(|lane| app.queued(lane).notify_one()) => {}
        () = stop.cancelled() => {}
    }
}

/// Works until `stop` is cancelled, then ends what runs: short work is finished, long work handed back.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let tracker = TaskTracker::new();
    tracker.spawn(deliveries::run(app.clone(), stop.clone()));
    tracker.spawn(sweep::run(app.clone(), stop.clone()));
    tracker.spawn(news(app.clone(), stop.clone()));
    let limits = &app.settings.limits;
    for (lane, workers) in
        [(Lane::Short, outbox::SHORT_WORKERS), (Lane::Agent, limits.max_tasks), (Lane::Verifier, limits.max_verifiers)]
    {
        tracker.spawn(outbox::run(app.clone(), lane, workers as usize, stop.clone()));
    }
    tracker.close();
    stop.cancelled().await;
    if tokio::time::timeout(GRACE, tracker.wait()).await.is_err() {
        tracing::warn!("some work did not end within {} s; its leases lapse and it is taken up again", GRACE.as_secs());
    }
}
