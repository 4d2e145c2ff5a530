//! What all loops share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::newer::Newer;
use super::reach::OutOfReach;
use crate::github::GitHub;
use crate::report::Links;
use crate::settings::Settings;
use crate::store::Store;
use crate::store::feed::Feed;
use crate::workspace::Workspaces;
use crate::workspace::sandbox::Sandbox;
use adjutant_domain::directive::Directive;
use adjutant_domain::effect::Lane;

/// The shared state of a process: its connections, its settings, and what wakes its loops.
pub struct App {
    pub(super) store: Store,
    pub(super) feed: Feed,
    pub(super) github: GitHub,
    pub(super) workspaces: Workspaces,
    pub(super) sandbox: Sandbox,
    pub(super) settings: Settings,
    pub(super) out_of_reach: OutOfReach,
    pub(super) newer: Newer,
    /// Notified when a delivery was stored.
    pub(super) arrived: Arc<Notify>,
    /// Notified when a delivery was turned away: GitHub has to be asked for it.
    pub(super) turned_away: Arc<Notify>,
    /// Notified when effects were queued, by lane.
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
            out_of_reach: OutOfReach::default(),
            newer: Newer::default(),
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

    /// Every event as it happens, in whichever process, while [`run`](super::run) does.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// How long a claim holds without a heartbeat.
    pub(super) fn lease(&self) -> Duration {
        self.settings.limits.lease
    }

    /// How often a claim is renewed, and a task asked whether it was called off: five times in a lease, so that a
    /// slow answer of the database costs none.
    pub(super) fn heartbeat(&self) -> Duration {
        (self.settings.limits.lease / 5).min(Duration::from_secs(2))
    }

    pub(super) fn queued(&self, lane: Lane) -> &Notify {
        match lane {
            Lane::Short => &self.short,
            Lane::Agent => &self.agents,
            Lane::Verifier => &self.verifiers,
        }
    }

    pub(super) fn links(&self, directive: &Directive) -> Links {
        Links::new(self.github.web_url(), &directive.repo)
    }
}
