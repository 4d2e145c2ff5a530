//! Starts and stops a playground, and routes its requests.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    app_state::AppState,
    consent, front, git,
    git_host::PlaygroundGitHost,
    graphql,
    keys::Keys,
    limits::RateLimits,
    options::{PlaygroundError, PlaygroundOptions},
    pages, rest, seed,
    socket::{Socket, SocketListener},
    state::{CiRule, PEOPLE, Role, State, token_of},
    view::{Urls, View},
};

/// How long open requests have to finish after a stop.
const GRACE: Duration = Duration::from_secs(5);

/// A running playground. Dropping it leaves it running until the runtime ends; [`Playground::shutdown`] stops it.
pub struct Playground {
    /// The address it listens on.
    pub addr: SocketAddr,
    /// The base URL, for example `http://127.0.0.1:3000`. REST is below it at `/api/v3`.
    pub url: String,
    /// The app's id, which is the issuer of its tokens.
    pub app_id: u64,
    /// The app's slug. Its bot is `<slug>[bot]`.
    pub app_slug: String,
    /// The app's private key, PKCS#8 in PEM.
    pub app_pem_path: PathBuf,
    /// The file with the webhook secret.
    pub webhook_secret_path: PathBuf,
    /// The people of the seed with their tokens.
    pub users: Vec<PlaygroundUser>,
    /// The one repository of the seed, as `owner/name`.
    pub repository: String,
    /// The app's installation on that repository's owner.
    pub installation_id: u64,
    pub(super) app_state: Arc<AppState>,
    server: JoinHandle<std::io::Result<()>>,
}

/// A person of the seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaygroundUser {
    /// The login.
    pub login: String,
    /// A token that never expires.
    pub token: String,
    /// The role in the seed's repository: `admin`, `write`, `triage` or `read`.
    pub permission: &'static str,
}

/// Starts a playground. Returns when it serves requests.
pub async fn start(options: PlaygroundOptions) -> Result<Playground, PlaygroundError> {
    let data = options.data.clone();
    std::fs::create_dir_all(&data).map_err(|source| PlaygroundError::Data { path: data.clone(), source })?;
    let data = data.canonicalize().map_err(|source| PlaygroundError::Data { path: data.clone(), source })?;
    let refused = |source| PlaygroundError::Listen { listen: options.listen, source };
    let listener = TcpListener::bind(options.listen).await.map_err(refused)?;
    let addr = listener.local_addr().map_err(refused)?;
    let url = format!("http://{addr}");
    let state = seed::beginning(&options.app, options.webhook_url.clone());
    let folder = data.clone();
    let making = tokio::task::spawn_blocking(move || Keys::load_or_make(&folder));
    let author = state.account_by_login(PEOPLE[0].0).map_or(state.app.bot, |account| account.id);
    let planted = seed::plant_ahead(state.signature_of(author), &data, &options.app.files).await;
    let unmade = |error: tokio::task::JoinError| PlaygroundError::Key { path: data.clone(), reason: error.to_string() };
    let keys = making.await.map_err(unmade)??;
    planted.map_err(|error| PlaygroundError::Git(error.to_string()))?;
    let app_state =
        AppState::new(state, Urls::new(&url), data, keys.app_key, keys.webhook_secret.into_bytes(), options);
    let repo = app_state.seed().await.map_err(|error| PlaygroundError::Git(error.to_string()))?;
    let app = router(&app_state);
    let stop = app_state.stop.clone();
    let server = tokio::spawn(async move {
        let app = app.into_make_service_with_connect_info::<Socket>();
        axum::serve(SocketListener(listener), app).with_graceful_shutdown(async move { stop.cancelled().await }).await
    });
    let state = app_state.state();
    let playground = Playground {
        addr,
        app_id: state.app.id,
        app_slug: state.app.slug.clone(),
        app_pem_path: keys.app_pem_path,
        webhook_secret_path: keys.webhook_secret_path,
        users: users(),
        repository: View::new(&state, &app_state.urls).full_name(state.repo_by_id(repo)),
        installation_id: installation(&state, repo),
        url,
        app_state: app_state.clone(),
        server,
    };
    drop(state);
    Ok(playground)
}

fn users() -> Vec<PlaygroundUser> {
    PEOPLE
        .iter()
        .map(|(login, role)| PlaygroundUser {
            login: (*login).to_owned(),
            token: token_of(login),
            permission: role.name(),
        })
        .collect()
}

fn installation(state: &State, repo: u64) -> u64 {
    state.installation_of(repo).map_or(0, |installation| installation.id)
}

/// Runs a request to its end even if the client disconnects, as GitHub does. An interrupted ref update would leave
/// git's lock behind, and every later update would fail.
async fn to_the_end(request: Request, next: Next) -> Response {
    let answered = tokio::spawn(next.run(request)).await;
    answered.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn router(app_state: &Arc<AppState>) -> Router {
    let api = Router::new().nest(
        "/api/v3",
        rest::router(app_state.clone())
            .layer(from_fn(to_the_end))
            .layer(from_fn_with_state(app_state.clone(), front::observe))
            .layer(from_fn(front::conditional)),
    );
    let api = api.merge(rest::root(app_state.clone())).merge(graphql::router(app_state.clone()));
    // A person's act on a page is not sent over the network, so it passes no fault injection.
    let inside = rest::with_github_headers(api.clone());
    let inject_faults = from_fn_with_state(app_state.clone(), front::inject_faults);
    let meter = from_fn_with_state(app_state.clone(), front::meter);
    let git = git::http::router(Arc::new(PlaygroundGitHost(app_state.clone()))).layer(inject_faults.clone());
    let pages = pages::router(app_state.clone(), inside);
    rest::with_github_headers(api.layer(meter).layer(inject_faults))
        .merge(git)
        .merge(rest::downloads(app_state.clone()))
        .merge(rest::logs(app_state.clone()))
        .layer(from_fn(front::no_strangers))
        .merge(consent::router(app_state.clone()))
        .merge(front::admin(app_state.clone()))
        // Last, because pages have paths that would match: `/api/v3/issues` is not a repository.
        .fallback_service(pages)
        .layer(from_fn(front::own_name))
}

impl Playground {
    /// Sets the URL for the app's webhooks.
    pub fn set_webhook_url(&self, url: impl Into<String>) {
        self.app_state.state().webhook_url = Some(url.into());
    }

    /// The token of a user; all are `playground-<login>`.
    pub fn token(&self, login: &str) -> String {
        token_of(login)
    }

    /// Adds a user, unless the login exists, and returns the token.
    pub fn add_user(&self, login: &str) -> String {
        self.app_state.state().add_user(login);
        token_of(login)
    }

    /// Sets a user's role in the seed's repository (`admin`, `maintain`, `write`, `triage`, `read`). Any other word
    /// removes it. Returns whether the user exists.
    pub fn set_permission(&self, login: &str, role: &str) -> bool {
        let mut state = self.app_state.state();
        let Some(account) = state.account_by_login(login).map(|account| account.id) else { return false };
        let seeded = self.repository.split_once('/').and_then(|(owner, name)| state.repo(owner, name));
        let Some(repo) = seeded.map(|repo| repo.id) else { return false };
        let collaborators = &mut state.repo_mut(repo).collaborators;
        match Role::parse(role) {
            Some(role) => collaborators.insert(account, role),
            None => collaborators.remove(&account),
        };
        true
    }

    /// Makes the seed's repository private, so that a request without a token fails.
    pub fn make_private(&self) {
        let mut state = self.app_state.state();
        let seeded = self.repository.split_once('/').and_then(|(owner, name)| state.repo(owner, name));
        if let Some(id) = seeded.map(|repo| repo.id) {
            state.repo_mut(id).private = true;
        }
    }

    /// Expires every installation token that was minted so far.
    pub fn expire_tokens(&self) {
        self.app_state.state().expire_tokens();
    }

    /// Moves the playground's clock forward: tokens expire, deliveries are forgotten, check runs go stale.
    pub fn advance(&self, by: Duration) {
        if let Ok(by) = chrono::TimeDelta::from_std(by) {
            self.app_state.advance(by);
        }
    }

    /// Adds rules to the script of the CI, in the form of `ci` in a seed file. The last rule that fits a job decides, also for
    /// jobs that are running.
    ///
    /// # Errors
    /// The error in words, where the text is not such a list.
    pub fn ci(&self, rules: &str) -> Result<(), String> {
        let rules = CiRule::parse(rules)?;
        self.app_state.state().ci.extend(rules);
        self.app_state.look_again();
        Ok(())
    }

    /// Turns rate limits on, with nothing used yet.
    pub fn limit_rates(&self, limits: RateLimits) {
        self.app_state.limits.set(Some(limits));
    }

    /// Sets the largest size of a push, in bytes. It is two gigabytes at the start.
    pub fn limit_pushes(&self, bytes: u64) {
        self.app_state.largest_push.store(bytes, Ordering::Relaxed);
    }

    /// Turns rate limits off.
    pub fn unlimit_rates(&self) {
        self.app_state.limits.set(None);
    }

    /// Subscribes the app to further events.
    pub fn subscribe(&self, events: &[&str]) {
        let mut state = self.app_state.state();
        for event in events.iter().map(ToString::to_string) {
            if !state.app.events.contains(&event) {
                state.app.events.push(event);
            }
        }
    }

    /// Stops serving, waits for open requests (five seconds at most), and drops webhooks that are still being sent.
    pub async fn shutdown(self) {
        self.app_state.stop.cancel();
        self.app_state.tasks.close();
        self.app_state.tasks.wait().await;
        let abort = self.server.abort_handle();
        match tokio::time::timeout(GRACE, self.server).await {
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the playground's server ended badly"),
            Ok(_) => {}
            Err(_) => abort.abort(),
        }
    }
}
