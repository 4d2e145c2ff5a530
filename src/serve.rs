//! `adjutant serve`: starts all parts in order, and stops them in the reverse order.
//!
//! The receiver answers from the start. While the database is unreachable it answers 503, so that GitHub records the
//! delivery as failed and it can be redelivered, and `/readyz` gives the reason. Work starts once the schema is
//! migrated. If the database becomes unreachable later, each part retries; this module logs the outage once, restarts a
//! private server that died, and logs the recovery.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use adjutant_domain::persisted::STATE_VERSION;

use crate::environment::Environments;
use crate::github::{GitHub, GitHubConfig, GitHubError};
use crate::runtime::{self, App};
use crate::settings::{self, Settings};
use crate::store::cluster::{Cluster, ClusterError};
use crate::store::{Store, StoreError};
use crate::web::{self, Web, WebhookSecret};
use crate::workspace::sandbox::{self, Sandbox, SandboxConfig, SandboxError};
use crate::workspace::{GitError, Workspaces};

/// How long running requests and queries may take to end after the stop signal.
const GRACE: Duration = Duration::from_secs(5);
/// The first pause between two tries to reach the database.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often the database connection is checked.
const WATCH: Duration = Duration::from_secs(2);

/// Why `serve` ended without a stop signal.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The receiver's address is not available.
    #[error("cannot listen on {address}: {source}; give another address in ADJUTANT_LISTEN, or stop what uses it")]
    Listen { address: SocketAddr, source: io::Error },
    /// The data folder cannot be created.
    #[error("cannot make the data folder {}: {source}; give another one in ADJUTANT_DATA_DIR", folder.display())]
    DataDir { folder: PathBuf, source: io::Error },
    /// The private database did not start.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The database refuses, and a retry would be refused again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gateway to GitHub cannot be set up.
    #[error(transparent)]
    GitHub(#[from] GitHubError),
    /// The folder for clones cannot be created.
    #[error(transparent)]
    Workspaces(#[from] GitError),
    /// The sandbox for agents and verifiers does not work.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error("the webhook receiver stopped: {0}")]
    Web(String),
}

/// Serves until `shutdown` is cancelled. `ready` gets the receiver's address once the schema is migrated.
pub async fn serve(
    settings: Settings,
    shutdown: CancellationToken,
    ready: oneshot::Sender<SocketAddr>,
) -> Result<(), ServeError> {
    serve_as(STATE_VERSION, settings, shutdown, ready).await
}

/// The same for a program whose persisted types have this version. For tests of upgrades, with two such programs on one
/// database.
pub async fn serve_as(
    version: i32,
    settings: Settings,
    shutdown: CancellationToken,
    ready: oneshot::Sender<SocketAddr>,
) -> Result<(), ServeError> {
    let (listener, address) = listen(settings.listen).await?;
    make_data_dir(&settings.data_dir)?;
    let mut database = Database::open(&settings).await?;
    database.store = database.store.as_version(version);
    // A child token, so that an error here stops all parts without cancelling the caller's token.
    let stop = shutdown.child_token();
    let arrived = Arc::new(Notify::new());
    let secret = WebhookSecret::new(settings.webhook_secret.clone());
    let turned_away = Arc::new(Notify::new());
    let web = Web::new(database.store.clone(), secret, arrived.clone()).telling_of_lost(turned_away.clone());
    let app = Arc::new(app(settings, &database.store, arrived, turned_away).await?);
    let mut receiver = tokio::spawn(web::serve(listener, web.router(), stop.clone()));
    tracing::info!(%address, github = app.github_url(), "listening for GitHub's deliveries");

    let outcome = tokio::select! {
        outcome = run(&mut database, app, &stop, address, ready) => outcome,
        error = early_end(&mut receiver, &stop) => Err(error),
    };
    stop.cancel();
    finish(receiver).await;
    database.close().await?;
    outcome
}

/// Migrates the schema, reports readiness, and watches the database until the end.
async fn run(
    database: &mut Database,
    app: Arc<App>,
    stop: &CancellationToken,
    address: SocketAddr,
    ready: oneshot::Sender<SocketAddr>,
) -> Result<(), ServeError> {
    tokio::select! {
        migrated = database.migrate() => migrated?,
        () = stop.cancelled() => return Ok(()),
    }
    tracing::info!(%address, "ready");
    // Fails if the receiver was dropped, which is fine.
    let _ = ready.send(address);
    let working = tokio::spawn(runtime::run(app, stop.clone()));
    tokio::select! {
        () = database.watch() => {}
        () = stop.cancelled() => {}
    }
    // The database stays up until all work is settled.
    let _ = working.await;
    Ok(())
}

/// Everything that work needs, checked before the first delivery is handled.
async fn app(
    settings: Settings,
    store: &Store,
    arrived: Arc<Notify>,
    turned_away: Arc<Notify>,
) -> Result<App, ServeError> {
    let config = GitHubConfig {
        url: settings.github.url.clone(),
        app_id: settings.app.id,
        private_key: settings.app.private_key.clone(),
    };
    let github = GitHub::with_timeout(config, settings.limits.github)?;
    let workspaces = Workspaces::open(settings.data_dir.join("workspaces"))?;
    let mode = match settings.sandbox {
        settings::SandboxChoice::Bubblewrap => sandbox::Mode::Bubblewrap,
        settings::SandboxChoice::None => sandbox::Mode::None,
    };
    let scratch_root = settings.data_dir.join("scratch");
    let config = SandboxConfig {
        launcher: settings.program.clone(),
        toolchains: settings.toolchains.clone(),
        ..SandboxConfig::new(mode, scratch_root)
    };
    let sandbox = Sandbox::probe(config).await?;
    for missing in sandbox.limits().missing() {
        tracing::warn!(
            limit = missing.limit,
            how = missing.how,
            "a limit of the sandbox cannot be held on this machine"
        );
    }
    for (agent, _) in settings.agents.iter().filter(|(_, agent)| agent.is_unmetered()) {
        tracing::warn!(
            agent,
            "what the agent costs is known only where it says so: once a run said nothing, a directive in full_auto does \
             not run it again; give it a `provider`, or `max_usd` for what a run counts as"
        );
    }
    let folder = settings.data_dir.join("environments");
    let environments = Environments::open(&folder, sandbox, settings.network.setup_hosts.clone())
        .map_err(|error| ServeError::DataDir { folder, source: io::Error::other(error) })?;
    Ok(App::new(store.clone(), github, workspaces, environments, settings, arrived, turned_away))
}

/// Other users may enter the folder but not list it: as root, agents and the private Postgres run as another user. An
/// existing folder keeps the mode that the operator gave it.
fn make_data_dir(folder: &Path) -> Result<(), ServeError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(folder)
        .and_then(|()| make_private(&folder.join("logs")))
        .map_err(|source| ServeError::DataDir { folder: folder.to_path_buf(), source })
}

/// Logs hold what programs print: only our user may read them. A folder of an older version is made so.
fn make_private(logs: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(logs)?;
    std::fs::set_permissions(logs, std::fs::Permissions::from_mode(0o700))
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let fault = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(fault)?;
    let bound = listener.local_addr().map_err(fault)?;
    Ok((listener, bound))
}

/// Resolves when the web server ends unexpectedly. Never resolves after the stop signal, because then `run` decides
/// when everything has ended.
async fn early_end(receiver: &mut JoinHandle<io::Result<()>>, stop: &CancellationToken) -> ServeError {
    let ended = receiver.await;
    if stop.is_cancelled() {
        std::future::pending::<()>().await;
    }
    ServeError::Web(format!("{ended:?}"))
}

/// Lets running requests end. A request that hangs is cut off.
async fn finish(mut receiver: JoinHandle<io::Result<()>>) {
    if receiver.is_finished() {
        return;
    }
    if tokio::time::timeout(GRACE, &mut receiver).await.is_err() {
        tracing::warn!("a request did not end within {} s and is cut off", GRACE.as_secs());
        receiver.abort();
    }
}

/// The store, and the private server if there is one.
struct Database {
    store: Store,
    cluster: Option<Cluster>,
}

impl Database {
    async fn open(settings: &Settings) -> Result<Self, ServeError> {
        if let Some(options) = settings.connect_options() {
            return Ok(Self::on(settings, options, None));
        }
        let cluster = Cluster::start(&settings.data_dir).await?;
        tracing::info!(url = cluster.url(), "DATABASE_URL is not set: using a private Postgres in the data folder");
        Ok(Self::on(settings, cluster.options(), Some(cluster)))
    }

    fn on(settings: &Settings, options: PgConnectOptions, cluster: Option<Cluster>) -> Self {
        let store = Store::lazy(options.application_name("adjutant"));
        Self { store: store.with_default_agent(settings.default_agent.clone()), cluster }
    }

    /// Retries until the database is up and migrated. Fails only if the database refuses.
    async fn migrate(&mut self) -> Result<(), StoreError> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.store.migrate().await {
                Err(error) if error.is_temporary() => {
                    tracing::warn!("{error}; trying again in {:.1} s", pause.as_secs_f32());
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    self.revive().await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Logs when the database goes down and when it is up again. Never ends.
    async fn watch(&mut self) {
        let mut is_away = false;
        loop {
            tokio::time::sleep(WATCH).await;
            match self.store.ping().await {
                Ok(()) => {
                    if std::mem::replace(&mut is_away, false) {
                        tracing::info!("the database is back");
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_away, true) {
                        tracing::warn!("{error}; trying again every {} s", WATCH.as_secs());
                    }
                    self.revive().await;
                }
            }
        }
    }

    async fn revive(&mut self) {
        let Some(cluster) = &mut self.cluster else {
            return;
        };
        match cluster.revive().await {
            Ok(true) => tracing::warn!("the private Postgres had ended and was started again"),
            Ok(false) => {}
            Err(error) => tracing::error!("the private Postgres has ended and does not start: {error}"),
        }
    }

    async fn close(self) -> Result<(), ServeError> {
        if tokio::time::timeout(GRACE, self.store.close()).await.is_err() {
            tracing::warn!("a query did not end within {} s and is cut off", GRACE.as_secs());
        }
        if let Some(cluster) = self.cluster {
            cluster.stop().await?;
        }
        Ok(())
    }
}
