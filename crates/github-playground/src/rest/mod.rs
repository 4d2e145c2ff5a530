//! REST under `/api/v3`: one file per resource, each with its own routes.
//!
//! In: requests, answered from the model and from git. Out: GitHub's JSON ([`super::view`]), GitHub's errors
//! ([`crate::error`]), and webhooks through [`super::acts`]. A handler never holds the model across an await.
//! Everything that is not implemented answers GitHub's 404. <https://docs.github.com/en/enterprise-server/rest>

mod actions;
mod apps;
mod archives;
mod branches;
mod checks;
mod collaborators;
mod comments;
mod commits;
mod contents;
mod context;
mod deliveries;
mod dispatches;
mod files;
mod filter;
mod git_data;
mod guard;
mod history;
mod hook_config;
mod insights;
mod installations;
mod issues;
mod labels;
mod locks;
mod media;
mod merge;
mod meta;
mod milestones;
mod order;
mod orgs;
mod protection;
mod pulls;
mod rate_limit;
mod reactions;
mod redirects;
mod registration;
mod repos;
mod requests;
mod review_comments;
mod reviews;
mod rulesets;
mod settings;
mod shapes;
mod sizes;
mod statuses;
mod sub_issues;
mod suites;
mod tags;
mod team_repos;
mod teams;
mod tombstones;
mod users;
mod validation;

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderName, HeaderValue},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{app_state::AppState, error::ApiError, keys::random_hex, view::GHES_VERSION};

pub(crate) use actions::logs;
pub(crate) use archives::downloads;
pub(crate) use comments::comment_on;
pub(crate) use context::{Answer, Ctx, Input, OfIssueForm, ok};
pub(crate) use merge::update_pull;
pub(crate) use rate_limit::identify;
pub(crate) use reactions::{ReactionTarget, react, unreact};

/// The largest body. GitHub's limit for a blob is 100 MB, and base64 adds a third.
const BODY_LIMIT: usize = 140 * 1024 * 1024;

pub(crate) fn router(app_state: Arc<AppState>) -> Router {
    let parts = [
        actions::routes(),
        apps::routes(),
        archives::routes(),
        branches::routes(),
        checks::routes(),
        collaborators::routes(),
        comments::routes(),
        commits::routes(),
        contents::routes(),
        meta::routes(),
        deliveries::routes(),
        dispatches::routes(),
        files::routes(),
        git_data::routes(),
        history::routes(),
        hook_config::routes(),
        insights::routes(),
        installations::routes(),
        issues::routes(),
        labels::routes(),
        locks::routes(),
        merge::routes(),
        milestones::routes(),
        orgs::routes(),
        pulls::routes(),
        rate_limit::routes(),
        reactions::routes(),
        registration::routes(),
        repos::routes(),
        requests::routes(),
        review_comments::routes(),
        reviews::routes(),
        rulesets::routes(),
        settings::routes(),
        statuses::routes(),
        sub_issues::routes(),
        suites::routes(),
        tags::routes(),
        team_repos::routes(),
        teams::routes(),
        users::routes(),
    ];
    let all = parts
        .into_iter()
        .fold(Router::new(), Router::merge)
        .fallback(nothing_here)
        .method_not_allowed_fallback(nothing_here)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(app_state.clone());
    // A router's own layers run after its route is chosen, so the layer that changes the path is on an outer router.
    Router::new().fallback_service(all).layer(middleware::from_fn_with_state(app_state, redirects::follow))
}

/// The root with a trailing slash, which a nested router does not match.
pub(crate) fn root(app_state: Arc<AppState>) -> Router {
    Router::new().route("/api/v3/", get(meta::root)).with_state(app_state)
}

/// Adds the headers by which clients recognise a GitHub Enterprise Server to every answer.
pub(crate) async fn github_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let id = random_hex(8).to_uppercase();
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(HeaderName::from_static("x-github-request-id"), id);
    }
    headers.insert(HeaderName::from_static("x-github-enterprise-version"), HeaderValue::from_static(GHES_VERSION));
    headers.insert(HeaderName::from_static("x-github-media-type"), HeaderValue::from_static("github.v3; format=json"));
    response
}

/// Adds the layer of [`github_headers`] to a router.
pub(crate) fn with_github_headers(router: Router) -> Router {
    router.layer(middleware::from_fn(github_headers))
}

// The extractor identifies the caller first, because a wrong token gets 401 even if the path does not exist.
async fn nothing_here(_ctx: Ctx) -> Response {
    ApiError::not_found().into_response()
}
