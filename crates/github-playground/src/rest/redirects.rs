//! Repositories by id and by former names.
//!
//! GitHub answers a request to an old name with 301, or with 307 if it must not be repeated as a `GET`. The target is
//! `/repositories/{id}/…`, under which everything of a repository is served.
//! <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects>

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, Uri, header, uri::PathAndQuery},
    middleware::Next,
    response::Response,
};
use serde_json::json;

use super::context::answer;
use crate::{
    app_state::AppState,
    auth::Caller,
    state::{Repo, State as Model},
    view::Urls,
};

/// Redirects a request to the present name of its repository.
pub(super) async fn follow(State(app_state): State<Arc<AppState>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if let Some(inside) = by_id(&app_state.state(), path) {
        if let Some(uri) = with_path(request.uri(), &inside) {
            *request.uri_mut() = uri;
        }
    } else if let Some(away) = by_old_name(&app_state, &request) {
        return away;
    }
    if let Some(gone) = super::tombstones::of(&app_state, &request) {
        return gone;
    }
    next.run(request).await
}

/// Rewrites `/repositories/{id}/…` to `/repos/{owner}/{repo}/…`.
fn by_id(state: &Model, path: &str) -> Option<String> {
    let rest = path.strip_prefix("/repositories/")?;
    let (id, rest) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let repo = state.repos.get(&id.parse().ok()?)?;
    Some(format!("/repos/{}/{}{rest}", state.account(repo.owner).login, repo.name))
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

fn by_old_name(app_state: &AppState, request: &Request) -> Option<Response> {
    let path = request.uri().path().strip_prefix("/repos/")?;
    let (owner, rest) = path.split_once('/')?;
    let (name, rest) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let caller = {
        // Checked first, because most requests use the present name. A caller who may not see the repository is not
        // redirected.
        app_state.state().moved_from(owner, name)?;
        Caller::identify(app_state, request.headers()).ok()?
    };
    let state = app_state.state();
    let repo = state.moved_from(owner, name).filter(|repo| may_know(&state, repo, &caller))?;
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let urls = host.map_or_else(|| app_state.urls.clone(), |host| Urls::new(format!("http://{host}")));
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let place = urls.api(&format!("/repositories/{}{rest}{query}", repo.id));
    moved_to(request.method(), &place)
}

/// The answer that leads to another address.
pub(super) fn moved_to(method: &Method, place: &str) -> Option<Response> {
    let status = match *method {
        Method::GET | Method::HEAD => StatusCode::MOVED_PERMANENTLY,
        _ => StatusCode::TEMPORARY_REDIRECT,
    };
    let body = json!({
        "message": "Moved Permanently", "url": place,
        "documentation_url": "https://docs.github.com/enterprise-server/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
    });
    let location = HeaderValue::from_str(place).ok()?;
    let mut response = answer(status, body);
    response.headers_mut().insert(header::LOCATION, location);
    Some(response)
}

pub(super) fn may_know(state: &Model, repo: &Repo, caller: &Caller) -> bool {
    !repo.private
        || match caller {
            Caller::User(user) => state.role(repo, *user).is_some(),
            Caller::Installation(grant) => state.covers(grant, repo.id),
            Caller::Anonymous | Caller::App(_) => false,
        }
}
