//! The loops that tie all layers together.
//!
//! Deliveries come out of the inbox (`deliveries`) and become signals (`ingest`). A signal is applied to its directive
//! in one transaction (`apply`), which leaves effects in the outbox. Effects are carried out (`outbox`, `effects`) and
//! come back as signals. `sweep` lets time pass; `reconcile` finds what no webhook told, and `redelivery` asks GitHub
//! again for webhooks that were sent while nobody listened. Where the app may not work at present, work waits (`access`).
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
mod apply;
mod deliveries;
mod effects;
pub mod ingest;
mod newer;
mod outbox;
mod reconcile;
mod redelivery;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::github::GitHub;
use crate::report::Links;
use crate::settings::Settings;
use crate::store::Store;
use crate::store::feed::Feed;
use crate::workspace::Workspaces;
use crate::workspace::sandbox::Sandbox;
use adjutant_domain::directive::Directive;
use adjutant_domain::effect::Lane;

/// How long running work may take to end after the stop signal.
const GRACE: Duration = Duration::from_secs(15);

/// What all loops share.
pub struct App {
    store: Store,
    feed: Feed,
    github: GitHub,
    workspaces: Workspaces,
    sandbox: Sandbox,
    settings: Settings,
    out_of_reach: access::OutOfReach,
    reconcile_cursor: reconcile::ReconcileCursor,
    newer: newer::Newer,
    /// A delivery was stored.
    arrived: Arc<Notify>,
    /// A delivery was turned away: GitHub has to be asked for it.
    turned_away: Arc<Notify>,
    /// Effects were queued, by lane.
    short: Notify,
    agents: Notify,
    verifiers: Notify,
}

impl App {
    /// Brings together what the loops need. `arrived` is notified when a delivery was stored, `turned_away` when one
    /// could not be.
    pub fn new(
        store: Store,
        github: GitHub,
        workspaces: Workspaces,
        sandbox: Sandbox,
        settings: Settings,
        arrived: Arc<Notify>,
        turned_away: Arc<Notify>,
    ) -> Self {
        Self {
            feed: Feed::new(store.clone()),
            store,
            github,
            workspaces,
            sandbox,
            settings,
            out_of_reach: access::OutOfReach::default(),
            reconcile_cursor: reconcile::ReconcileCursor::default(),
            newer: newer::Newer::default(),
            arrived,
            turned_away,
            short: Notify::new(),
            agents: Notify::new(),
            verifiers: Notify::new(),
        }
    }

    /// The GitHub that is worked on.
    pub fn github_url(&self) -> &str {
        self.github.web_url()
    }

    /// Every event as it happens, in whichever process, while [`run`] does.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// How long a claim holds without a sign of life.
    fn lease(&self) -> Duration {
        self.settings.limits.lease
    }

    /// How often a claim is renewed, and a task asked whether it was called off: five times in a lease, so that a
    /// slow answer of the database costs none.
    fn heartbeat(&self) -> Duration {
        (self.settings.limits.lease / 5).min(Duration::from_secs(2))
    }

    fn queued(&self, lane: Lane) -> &Notify {
        match lane {
            Lane::Short => &self.short,
            Lane::Agent => &self.agents,
            Lane::Verifier => &self.verifiers,
        }
    }

    fn links(&self, directive: &Directive) -> Links {
        Links::new(self.github.web_url(), &directive.repo)
    }
}

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
