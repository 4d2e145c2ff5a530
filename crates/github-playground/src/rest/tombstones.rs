//! Tombstones of issues: a transferred issue redirects to its new place (301), and a deleted one answers 410.
//! <https://docs.github.com/en/rest/issues/issues#get-an-issue>

use axum::{
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{context::answer, redirects::may_know};
use crate::{
    app_state::AppState,
    auth::Caller,
    error::ApiError,
    state::{Gone, State},
    view::Urls,
};

/// The answer for an old number, before any handler looks for the issue.
pub(super) fn of(app_state: &AppState, request: &Request) -> Option<Response> {
    let (owner, name, number, tail) = parts(request.uri().path())?;
    let found = {
        let state = app_state.state();
        let repo = state.repo(owner, name)?;
        (repo.id, *repo.gone.get(&number)?)
    };
    // The handler answers a caller who cannot be identified.
    let caller = Caller::identify(app_state, request.headers()).ok()?;
    let state = app_state.state();
    may_know(&state, state.repo_by_id(found.0), &caller).then_some(())?;
    match found.1 {
        Gone::Deleted if is_told(request.method(), tail) => {
            Some(ApiError::new(StatusCode::GONE, "This issue was deleted").into_response())
        }
        Gone::Transferred(issue) if leads_on(tail) => lead(app_state, &state, &caller, request, (issue, tail)),
        _ => None,
    }
}

/// The owner, the name, the number and the rest of a path.
fn parts(path: &str) -> Option<(&str, &str, u64, &str)> {
    let mut parts = path.strip_prefix("/repos/")?.splitn(4, '/');
    let (owner, name, "issues", rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?) else {
        return None;
    };
    let (number, tail) = rest.split_once('/').unwrap_or((rest, ""));
    Some((owner, name, number.parse().ok()?, tail))
}

/// Whether GitHub's description has a 301 for this path: the issue itself, its labels, its parent.
fn leads_on(tail: &str) -> bool {
    matches!(tail, "" | "labels" | "parent") || tail.starts_with("labels/")
}

/// Whether GitHub's description has a 410 for this path.
fn is_told(method: &Method, tail: &str) -> bool {
    match tail {
        "assignees" => false,
        "reactions" | "sub_issue" | "lock" if method == Method::DELETE => false,
        "reactions" if method != Method::GET => false,
        _ => !tail.starts_with("reactions/") && !tail.starts_with("sub_issues/"),
    }
}

fn lead(
    app_state: &AppState,
    state: &State,
    caller: &Caller,
    request: &Request,
    (issue, tail): (u64, &str),
) -> Option<Response> {
    let (repo, number) = state.issue_by_id(issue)?;
    may_know(state, state.repo_by_id(repo), caller).then_some(())?;
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let urls = host.map_or_else(|| app_state.urls.clone(), |host| Urls::new(format!("http://{host}")));
    let tail = if tail.is_empty() { String::new() } else { format!("/{tail}") };
    let place = urls.api(&format!("/repositories/{repo}/issues/{number}{tail}"));
    let body = json!({
        "message": "Moved Permanently", "url": place,
        "documentation_url": "https://docs.github.com/enterprise-server/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
    });
    let location = HeaderValue::from_str(&place).ok()?;
    let mut response = answer(StatusCode::MOVED_PERMANENTLY, body);
    response.headers_mut().insert(header::LOCATION, location);
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_an_issue_is_one() {
        assert_eq!(parts("/repos/acme/widgets/issues/7"), Some(("acme", "widgets", 7, "")));
        assert_eq!(parts("/repos/acme/widgets/issues/7/labels/a"), Some(("acme", "widgets", 7, "labels/a")));
        for other in
            ["/repos/acme/widgets/issues", "/repos/acme/widgets/issues/comments/7", "/repos/a/b/pulls/7", "/user"]
        {
            assert_eq!(parts(other), None, "{other}");
        }
    }
}
