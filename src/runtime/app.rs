//! The state that all loops share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model_gateway::Upstream;
use tokio::sync::Notify;

use super::fitness::Fitness;
use super::newer::Newer;
use super::reach::OutOfReach;
use crate::environment::Environments;
use crate::github::GitHub;
use crate::report::Links;
use crate::settings::Settings;
use crate::store::Store;
use crate::store::feed::Feed;
use crate::workspace::Workspaces;
use crate::workspace::sandbox::Sandbox;
use adjutant_domain::directive::Directive;
use adjutant_domain::effect::Lane;

/// The shared state of a process: its connections, its settings, and the notifications that wake its loops.
pub struct App {
    pub(super) store: Store,
    pub(super) feed: Feed,
    pub(super) github: GitHub,
    pub(super) workspaces: Workspaces,
    pub(super) sandbox: Sandbox,
    pub(super) environments: Environments,
    pub(super) settings: Settings,
    /// The providers of models, by name.
    pub(super) upstreams: BTreeMap<String, Arc<Upstream>>,
    pub(super) out_of_reach: OutOfReach,
    pub(super) newer: Newer,
    /// Whether the agents' programs work.
    pub(super) fitness: Fitness,
    /// Notified when a delivery was stored.
    pub(super) arrived: Arc<Notify>,
    /// Notified when a delivery was refused, so that GitHub has to be asked to send it again.
    pub(super) turned_away: Arc<Notify>,
    /// Notified when effects were queued, by lane.
    short: Notify,
    agents: Notify,
    verifiers: Notify,
}

impl App {
    /// `arrived` is notified when a delivery was stored, and `turned_away` when one could not be stored.
    pub fn new(
        store: Store,
        github: GitHub,
        workspaces: Workspaces,
        environments: Environments,
        settings: Settings,
        arrived: Arc<Notify>,
        turned_away: Arc<Notify>,
    ) -> Self {
        let upstreams = settings.models.iter().filter_map(|(name, provider)| {
            let upstream = provider.upstream(name, &settings.prices);
            let upstream =
                upstream.inspect_err(|error| tracing::error!(provider = name, error, "a provider cannot be used"));
            Some((name.clone(), Arc::new(upstream.ok()?)))
        });
        let fitness = Fitness::new(&settings);
        Self {
            upstreams: upstreams.collect(),
            feed: Feed::new(store.clone()),
            store,
            github,
            workspaces,
            sandbox: environments.sandbox().clone(),
            environments,
            settings,
            out_of_reach: OutOfReach::default(),
            newer: Newer::default(),
            fitness,
            arrived,
            turned_away,
            short: Notify::new(),
            agents: Notify::new(),
            verifiers: Notify::new(),
        }
    }

    /// The URL of the GitHub that the app works on.
    pub fn github_url(&self) -> &str {
        self.github.web_url()
    }

    /// All events of all processes on this database, for as long as [`run`](super::run) runs.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// How long a claim holds without a heartbeat.
    pub(super) fn lease(&self) -> Duration {
        self.settings.limits.lease
    }

    /// How often a claim is renewed, and how often a task checks whether it was cancelled. There are five heartbeats in
    /// a lease, so that one slow answer of the database does not lose the lease.
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
