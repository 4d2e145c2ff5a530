//! Git over smart HTTP: clones, fetches and pushes at `/{owner}/{repo}.git`. `git http-backend` (git-http-backend(1), a
//! CGI program) serves them. It runs once per request, and both bodies are streamed.
//!
//! The host decides on permissions: [`GitHost::authorise`] is called before git runs. [`GitHost::pushed`] gets the refs
//! that a push moved before the client learns that the push is done. A client that pushes and then calls the API
//! therefore sees its push. The moved refs are not found by comparing before and after: git's own post-receive hook
//! writes them down, so that two simultaneous pushes never report each other's.

mod cgi;
mod gate;
mod report;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

/// The decisions of the repositories' server.
#[async_trait]
pub(crate) trait GitHost: Send + Sync + 'static {
    /// Whether the bearer of this `Authorization` header (`Basic` with a token as the password, `Bearer`, `token`, or
    /// none) may access the repository in this way. `repository` has no `.git`.
    async fn authorise(
        &self,
        owner: &str,
        repository: &str,
        authorization: Option<&str>,
        access: GitAccess,
    ) -> Result<Authorised, GitRefusal>;

    /// Everything that prevents a push from moving these refs, for every kind that the push may turn out to be.
    async fn obstacles(&self, owner: &str, repository: &str, login: &str, updates: &[RefUpdate]) -> Vec<Obstacle>;

    /// A push ended and moved these refs. Called once per push, and not if nothing moved.
    async fn pushed(&self, owner: &str, repository: &str, login: &str, updates: Vec<RefUpdate>);
}

/// What a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GitAccess {
    /// A clone or a fetch.
    Read,
    Write,
}

/// The permission to continue.
#[derive(Debug)]
pub(crate) struct Authorised {
    /// The bare repository on disk.
    pub(crate) repository: PathBuf,
    pub(crate) login: String,
    /// The largest push, in bytes.
    pub(crate) largest_push: u64,
    /// The message for a push that brings workflow files, with `%s` for the path; `None` if it may bring them.
    pub(crate) without_workflows: Option<String>,
    /// A lock against concurrent changes during a push. It is held until [`GitHost::pushed`] has returned (so that must
    /// not take the same lock), or until git has ended if nothing moved.
    pub(crate) lock: Option<tokio::sync::OwnedMutexGuard<()>>,
}

/// A refusal. 401 asks git for credentials. As on GitHub, the answer is 404 if the bearer may not even see the
/// repository, and 403 for a push by somebody who may only read.
#[derive(Debug, Clone)]
pub(crate) struct GitRefusal {
    pub(crate) status: StatusCode,
    /// One line for the pusher, which git prints as `remote: …`.
    pub(crate) message: String,
    /// The present `owner/name` of the repository. Git follows the redirect by itself.
    pub(crate) moved: Option<String>,
}

/// A ref that a push moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefUpdate {
    pub(crate) name: String,
    /// The old sha; `None` if it is new.
    pub(crate) old: Option<String>,
    /// The new sha; `None` if it was deleted.
    pub(crate) new: Option<String>,
}

/// A reason not to move a ref, for a push of this kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Obstacle {
    /// The ref's full name.
    pub(crate) name: String,
    /// Whether the push removes commits.
    pub(crate) forced: bool,
    /// Whether the push brings merge commits.
    pub(crate) merges: bool,
    /// The message for the pusher. Git prints each line as `remote: …`.
    pub(crate) message: String,
    /// The reason in the push's report, in one line.
    pub(crate) reason: &'static str,
}

/// The three routes of the smart protocol (gitprotocol-http(5)).
pub(crate) fn router<H: GitHost>(host: Arc<H>) -> Router {
    Router::new()
        .route("/{owner}/{repo}/info/refs", get(info_refs::<H>))
        .route("/{owner}/{repo}/git-upload-pack", post(upload_pack::<H>))
        .route("/{owner}/{repo}/git-receive-pack", post(receive_pack::<H>))
        .with_state(host)
}

async fn info_refs<H: GitHost>(
    State(host): State<Arc<H>>,
    Path(place): Path<(String, String)>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let access = match query.as_deref() {
        Some("service=git-upload-pack") => GitAccess::Read,
        Some("service=git-receive-pack") => GitAccess::Write,
        _ => return refuse(&GitRefusal::new(StatusCode::FORBIDDEN, "Only the smart HTTP protocol is served here.")),
    };
    serve(host, place, access, "info/refs", request).await
}

async fn upload_pack<H: GitHost>(
    State(host): State<Arc<H>>,
    Path(place): Path<(String, String)>,
    request: Request,
) -> Response {
    serve(host, place, GitAccess::Read, "git-upload-pack", request).await
}

async fn receive_pack<H: GitHost>(
    State(host): State<Arc<H>>,
    Path(place): Path<(String, String)>,
    request: Request,
) -> Response {
    serve(host, place, GitAccess::Write, "git-receive-pack", request).await
}

async fn serve<H: GitHost>(
    host: Arc<H>,
    (owner, name): (String, String),
    access: GitAccess,
    service: &'static str,
    request: Request,
) -> Response {
    let name = name.strip_suffix(".git").unwrap_or(&name).to_owned();
    let authorised = match authorisation(request.headers()) {
        Ok(authorization) => host.authorise(&owner, &name, authorization, access).await,
        Err(refusal) => Err(refusal),
    };
    let mut authorised = match authorised {
        Ok(authorised) => authorised,
        Err(refusal) => return lead(refuse(&refusal), refusal.moved, service, access),
    };
    let login = authorised.login.clone();
    let (request, answers) = if service == "git-receive-pack" {
        match look_ahead(&*host, (&owner, &name), &authorised, request).await {
            Ok((request, answers)) => (request, Some(answers)),
            Err(refusal) => return refuse(&refusal),
        }
    } else {
        (request, None)
    };
    let lock = authorised.lock.take();
    let after = move |updates: Vec<RefUpdate>| async move {
        if !updates.is_empty() {
            host.pushed(&owner, &name, &login, updates).await;
        }
        drop(lock);
    };
    cgi::respond(&authorised, service, request, answers, after).await
}

/// Asks the host about the refs that a push wants to move.
async fn look_ahead<H: GitHost>(
    host: &H,
    (owner, name): (&str, &str),
    authorised: &Authorised,
    request: Request,
) -> Result<(Request, gate::Answers), GitRefusal> {
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        // Git compresses only the requests of a fetch, never a push.
        return Err(GitRefusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "A push must not be compressed."));
    }
    let (parts, body) = request.into_parts();
    let (updates, body) = gate::commands(body).await?;
    let obstacles = host.obstacles(owner, name, &authorised.login, &updates).await;
    let answers = gate::Answers::lay(authorised, &obstacles);
    let answers = answers.map_err(|error| GitRefusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok((Request::from_parts(parts, body), answers))
}

fn authorisation(headers: &HeaderMap) -> Result<Option<&str>, GitRefusal> {
    let unreadable = |_| GitRefusal::new(StatusCode::UNAUTHORIZED, "The Authorization header is not text.");
    headers.get(header::AUTHORIZATION).map(HeaderValue::to_str).transpose().map_err(unreadable)
}

impl GitRefusal {
    /// A refusal with this status and line.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), moved: None }
    }

    /// The repository has moved.
    /// <https://docs.github.com/en/repositories/creating-and-managing-repositories/renaming-a-repository>
    pub(crate) fn moved(owner: &str, name: &str) -> Self {
        let moved = Some(format!("{owner}/{name}"));
        Self { moved, ..Self::new(StatusCode::MOVED_PERMANENTLY, "The repository was moved.") }
    }
}

/// Adds the new URL of the requested service.
fn lead(mut response: Response, moved: Option<String>, service: &str, access: GitAccess) -> Response {
    let query = match (service, access) {
        ("info/refs", GitAccess::Read) => "?service=git-upload-pack",
        ("info/refs", GitAccess::Write) => "?service=git-receive-pack",
        _ => "",
    };
    let place = moved.and_then(|moved| HeaderValue::from_str(&format!("/{moved}.git/{service}{query}")).ok());
    if let Some(place) = place {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

fn refuse(refusal: &GitRefusal) -> Response {
    let mut response = (refusal.status, Body::from(format!("{}\n", refusal.message))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if refusal.status == StatusCode::UNAUTHORIZED {
        // Git sends no credentials, not even those in the URL, before the server asks for them.
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"GitHub\""));
    }
    response
}

#[cfg(test)]
mod tests;
