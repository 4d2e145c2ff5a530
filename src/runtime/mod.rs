//! The loops that connect all layers.
//!
//! `deliveries` takes deliveries out of the inbox, and `ingest` turns them into signals. `apply` applies a signal to
//! its directive in one transaction, which also writes new effects to the outbox. `outbox` and `effects` carry the
//! effects out, and their results come back as signals. `sweep` sends the passing of time to the engine; `reconcile`
//! finds events whose webhook never arrived; `redelivery` asks GitHub to send missed webhooks again. Work in a
//! repository that the app has no access to waits (`access`). `checkup` tries the agents'
//! programs (`fitness`).
//!
//! The modules form layers, and imports point down only (the architecture test has the table). The handler of an effect
//! has one way to the engine: it returns signals. What has to be committed before its work is done goes through its
//! `SignalSink`.
//!
//! Nothing is decided here. A handler checks whether its result exists already, creates it if not, and reports what it
//! found. The engine decides what follows.
//!
//! A failure stays with the row that causes it. An effect, a delivery or a directive that cannot be read or stored is
//! set aside or skipped with its key in the log, and the rest of its batch goes on.
//!
//! All running work holds a lease and renews it. A process that is told to stop claims nothing more, lets short work
//! finish and releases the leases of long work. The leases of a killed process lapse.

mod access;
mod app;
mod apply;
mod checkup;
mod deliveries;
mod effects;
mod fitness;
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

/// Passes events on, and wakes the workers of a lane when another process queued work for it.
async fn news(app: Arc<App>, stop: CancellationToken) {
    tokio::select! {
        () = app.feed.run(|lane| app.queued(lane).notify_one()) => {}
        () = stop.cancelled() => {}
    }
}

/// Runs all loops until `stop` is cancelled. Then short work is finished, and the leases of long work are released.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let tracker = TaskTracker::new();
    tracker.spawn(deliveries::run(app.clone(), stop.clone()));
    tracker.spawn(sweep::run(app.clone(), stop.clone()));
    tracker.spawn(news(app.clone(), stop.clone()));
    tracker.spawn(checkup::run(app.clone(), stop.clone()));
    let limits = &app.settings.limits;
    for (lane, workers) in
        [(Lane::Short, outbox::SHORT_WORKERS), (Lane::Agent, limits.max_tasks), (Lane::Verifier, limits.max_verifiers)]
    {
        tracker.spawn(outbox::run(app.clone(), lane, workers as usize, stop.clone()));
    }
    tracker.close();
    stop.cancelled().await;
    if tokio::time::timeout(GRACE, tracker.wait()).await.is_err() {
        tracing::warn!("some work did not end within {} s; its leases lapse and it is claimed again", GRACE.as_secs());
    }
}
