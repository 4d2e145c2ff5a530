//! Plain pages to look at: repositories, files, commits, issues, pull requests, checks.
//!
//! In: the model and git, read only. Out: HTML without scripts, in GitHub's own paths, so that every `html_url` of
//! the API leads somewhere. Whoever can reach the server can read all of it, private repositories too: it is a
//! tool on the reader's own machine, and there is no login. Nothing here changes anything: whoever wants to act
//! uses the API or git.
//!
//! A handler that needs git asks it before it takes the model's lock and writes the page under the lock, or the
//! other way round; never git under the lock. Text of people goes through [`markdown`] or is escaped.

mod checks;
mod conversation;
mod diff;
mod history;
mod icons;
mod issues;
mod layout;
mod markdown;
mod mermaid;
mod pulls;
mod repository;
mod timeline;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::html;

use super::git::{GitError, Repository};
use super::hub::Hub;
use super::state::{Repo, State};

/// The style sheet's path; no owner can be called `-`.
const STYLE_PATH: &str = "/-/style.css";

/// No script, no frame, nothing from elsewhere: even a mistake in [`markdown`] would stay text.
const POLICY: &str =
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'self'";

/// The pages.
pub(crate) fn router(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/", get(repository::index))
        .route(STYLE_PATH, get(style))
        .route("/{owner}", get(repository::owner))
        .route("/{owner}/{repo}", get(repository::home))
        .route("/{owner}/{repo}/tree/{*place}", get(repository::tree))
        .route("/{owner}/{repo}/blob/{*place}", get(repository::blob))
        .route("/{owner}/{repo}/branches", get(history::branches))
        .route("/{owner}/{repo}/commits", get(history::commits_of_default))
        .route("/{owner}/{repo}/commits/{*rev}", get(history::commits))
        .route("/{owner}/{repo}/commit/{sha}", get(history::commit))
        .route("/{owner}/{repo}/issues", get(issues::list))
        .route("/{owner}/{repo}/issues/{number}", get(issues::issue))
        .route("/{owner}/{repo}/pulls", get(pulls::list))
        .route("/{owner}/{repo}/pull/{number}", get(pulls::conversation))
        .route("/{owner}/{repo}/pull/{number}/commits", get(pulls::commits))
        .route("/{owner}/{repo}/pull/{number}/files", get(pulls::files))
        .route("/{owner}/{repo}/pull/{number}/checks", get(pulls::checks))
        .route("/{owner}/{repo}/runs/{id}", get(checks::run))
        .layer(axum::middleware::map_response(guard))
        .with_state(hub)
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("style.css"))
}

async fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Why there is no page.
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
        (status, layout::page("Not found", &body)).into_response()
    }
}

/// The repository of a page's path. A clone's address (`….git`) leads to the page too.
fn find_repo<'a>(state: &'a State, owner: &str, name: &str) -> Result<&'a Repo, PageError> {
    let found = state.repo(owner, name).or_else(|| state.repo(owner, name.strip_suffix(".git")?));
    found.ok_or(PageError::NotFound("such repository"))
}

/// Its git and its default branch, for handlers that ask git first.
fn find_git(hub: &Hub, owner: &str, name: &str) -> Result<(Arc<Repository>, String), PageError> {
    let state = hub.state();
    let repo = find_repo(&state, owner, name)?;
    Ok((Arc::clone(&repo.git), repo.default_branch.clone()))
}

#[cfg(test)]
mod tests;
