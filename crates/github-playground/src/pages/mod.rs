//! The pages for browsers: repositories, files, commits, issues, pull requests, checks.
//!
//! In: the model and git, read only, and forms. Out: HTML without scripts, at GitHub's own paths, so that every
//! `html_url` of the API works. Whoever can reach the server can read all of it, private repositories too, and act as
//! any of its people ([`session`]): it is a tool on the reader's own machine. Pages change nothing. A form becomes
//! requests to the API ([`act`], [`plan`]), and a refusal is shown in place.
//!
//! A handler that needs git runs it before it takes the model's lock, or after it has released it, but never under the
//! lock. The page is written under the lock. People's text is rendered by [`crate::markdown`] or escaped.

mod act;
mod apps;
mod checks;
mod controls;
mod conversation;
mod diff;
mod form;
mod history;
mod icons;
mod issue_form;
mod issues;
mod layout;
mod merging;
mod new_issue;
mod people;
mod plan;
mod pulls;
mod refusal;
mod repository;
mod session;
mod threads;
mod timeline;
mod write;

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::html;

use super::app_state::AppState;
use super::git::{GitError, Repository};
use super::state::{Repo, State};

/// The style sheet's path. No owner can be called `-`.
const STYLE_PATH: &str = "/-/style.css";

/// The largest form, with a file in it.
const FORM_LIMIT: usize = 8 * 1024 * 1024;

/// The state that the pages share.
#[derive(Clone)]
struct Pages(Arc<Shared>);

struct Shared {
    app_state: Arc<AppState>,
    /// The API's router, as the server serves it.
    api: Router,
    /// The key that signs sessions. Each start makes a new one.
    key: Vec<u8>,
}

impl Deref for Pages {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<Pages> for Arc<AppState> {
    fn from_ref(pages: &Pages) -> Self {
        pages.app_state.clone()
    }
}

/// The routes of the pages, which act through this API.
pub(crate) fn router(app_state: Arc<AppState>, api: Router) -> Router {
    let key = crate::keys::random_hex(32).into_bytes();
    router_of(Pages(Arc::new(Shared { app_state, api, key })))
}

fn router_of(pages: Pages) -> Router {
    Router::new()
        .route("/", get(repository::index))
        .route(STYLE_PATH, get(style))
        .route(people::SIGN_IN, get(people::choose).post(act::sign_in))
        .route("/{owner}/{repo}/act/{act}", post(act::act))
        .route("/apps/{slug}", get(apps::app))
        .route("/apps/{slug}/deliveries/{id}", get(apps::delivery))
        .route("/apps/{slug}/deliveries/{id}/redeliver", post(apps::redeliver))
        .route("/apps/{slug}/installations/{id}/{verb}", post(apps::suspend))
        .route("/{owner}", get(repository::owner))
        .route("/{owner}/{repo}", get(repository::home))
        .route("/{owner}/{repo}/tree/{*place}", get(repository::tree))
        .route("/{owner}/{repo}/blob/{*place}", get(repository::blob))
        .route("/{owner}/{repo}/branches", get(history::branches))
        .route("/{owner}/{repo}/commits", get(history::commits_of_default))
        .route("/{owner}/{repo}/commits/{*rev}", get(history::commits))
        .route("/{owner}/{repo}/commit/{sha}", get(history::commit))
        .route("/{owner}/{repo}/issues", get(issues::list))
        .route("/{owner}/{repo}/issues/new", get(new_issue::show).post(new_issue::open))
        .route("/{owner}/{repo}/issues/{number}", get(issues::issue))
        .route("/{owner}/{repo}/compare", get(write::compare))
        .route("/{owner}/{repo}/edit/{*place}", get(write::edit))
        .route("/{owner}/{repo}/pulls", get(pulls::list))
        .route("/{owner}/{repo}/pull/{number}", get(pulls::conversation))
        .route("/{owner}/{repo}/pull/{number}/commits", get(pulls::commits))
        .route("/{owner}/{repo}/pull/{number}/files", get(pulls::files))
        .route("/{owner}/{repo}/pull/{number}/checks", get(pulls::checks))
        .route("/{owner}/{repo}/queue/{*branch}", get(merging::queue))
        .route("/{owner}/{repo}/runs/{id}", get(checks::run))
        .layer(DefaultBodyLimit::max(FORM_LIMIT))
        .layer(from_fn_with_state(pages.clone(), session::around))
        .with_state(pages)
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("style.css"))
}

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
enum PageError {
    #[error("There is no {0} here.")]
    NotFound(&'static str),
    #[error(transparent)]
    Git(#[from] GitError),
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NotFound(_) | Self::Git(GitError::NotFound(_) | GitError::InvalidPath(_)) => StatusCode::NOT_FOUND,
            Self::Git(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let body = html! {
            h1 { (status.as_u16()) " " (status.canonical_reason().unwrap_or_default()) }
            p { (self.to_string()) }
            p { a href="/" { "All repositories" } }
        };
        (status, layout::page(&session::Viewer::default(), "Not found", &body)).into_response()
    }
}

/// The repository of a page's path. The URL of a clone (`….git`) also works.
fn find_repo<'a>(state: &'a State, owner: &str, name: &str) -> Result<&'a Repo, PageError> {
    let found = state.repo(owner, name).or_else(|| state.repo(owner, name.strip_suffix(".git")?));
    found.ok_or(PageError::NotFound("such repository"))
}

/// The repository's git and its default branch, for handlers that run git first.
fn find_git(app_state: &AppState, owner: &str, name: &str) -> Result<(Arc<Repository>, String), PageError> {
    let state = app_state.state();
    let repo = find_repo(&state, owner, name)?;
    Ok((Arc::clone(&repo.git), repo.default_branch.clone()))
}
