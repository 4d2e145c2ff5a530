//! The state that requests share: the model behind its lock, the app's key, and background tasks.

use std::{
    collections::HashMap,
    future::Future,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
};

use chrono::TimeDelta;
use jsonwebtoken::DecodingKey;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    faults::FaultInjector,
    git::{Format, Repository},
    keys::random_hex,
    limits::Limits,
    observe::Observer,
    options::{PlaygroundApp, PlaygroundOptions},
    state::{Id, State, Time},
    view::Urls,
};

/// An archive whose address was issued.
#[derive(Debug, Clone)]
pub(crate) struct ArchiveTicket {
    pub(crate) repository: Arc<Repository>,
    pub(crate) sha: String,
    pub(crate) folder: String,
    pub(crate) format: Format,
    pub(crate) until: Time,
}

/// The state of the running playground.
pub(crate) struct AppState {
    state: Mutex<State>,
    /// The server's URLs. Webhooks use them, because they have no request whose host they could use.
    pub(crate) urls: Urls,
    pub(crate) data: PathBuf,
    /// The app, with its files and labels for repositories.
    pub(crate) app: PlaygroundApp,
    pub(crate) app_key: DecodingKey,
    pub(crate) client: reqwest::Client,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) limits: Arc<Limits>,
    /// The largest push, in bytes. <https://docs.github.com/en/get-started/using-git/troubleshooting-the-2-gb-push-limit>
    pub(crate) largest_push: AtomicU64,
    pub(crate) faults: FaultInjector,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// Notified when the clock was moved, or the script of the CI changed.
    pub(crate) changed: Notify,
    /// The token in the forms of the consent pages. Each start makes a new one.
    pub(crate) form_token: String,
    /// Archives whose addresses were issued.
    pub(crate) tickets: Mutex<HashMap<String, ArchiveTicket>>,
    /// The logs whose address was issued.
    pub(crate) logs: Mutex<HashMap<String, String>>,
}

impl AppState {
    pub(crate) fn new(
        mut state: State,
        urls: Urls,
        data: PathBuf,
        app_key: DecodingKey,
        webhook_secret: Vec<u8>,
        options: PlaygroundOptions,
    ) -> Arc<Self> {
        state.hook.secret = Some(webhook_secret);
        Arc::new(Self {
            state: Mutex::new(state),
            urls,
            data,
            app: options.app,
            app_key,
            client: webhook_client(),
            observer: options.observer,
            limits: Arc::default(),
            largest_push: AtomicU64::new(2 * 1024 * 1024 * 1024),
            faults: FaultInjector::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            changed: Notify::new(),
            form_token: random_hex(32),
            tickets: Mutex::default(),
            logs: Mutex::default(),
        })
    }

    /// The model. The guard cannot be held across an await: it is not `Send`, and handlers must be.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a bug, but the other tests of the run should still give results.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock forward, with all consequences: tokens expire, check runs go stale, and everything that waits
    /// for a time continues.
    pub(crate) fn advance(&self, by: TimeDelta) {
        let mut state = self.state();
        state.advance(by);
        state.let_go_stale();
        drop(state);
        self.look_again();
    }

    /// Whether a rule hides an existing ref. Each call counts as one read.
    pub(crate) fn hides_ref(&self, repo: Id, name: &str) -> bool {
        self.faults.is_on() && {
            let now = self.state().now();
            self.faults.is_hidden(now, repo, name)
        }
    }

    /// Runs work in the background. It is dropped when the playground stops.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move { stop.run_until_cancelled_owned(work).await });
    }
}

/// A new connection for every webhook, because GitHub has many senders. No proxy is used, and no redirect is followed.
fn webhook_client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client without TLS and without a proxy has nothing that could be missing")
}
