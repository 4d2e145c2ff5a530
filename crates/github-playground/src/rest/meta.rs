//! Metadata outside repositories: the root, the Zen, Markdown rendering, the list of users, and the issues of a user.

use std::sync::Arc;

use axum::{Router, http::header, response::IntoResponse, routing::get};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::context::{Answer, Ctx, ok};
use crate::{
    acts::ZEN,
    app_state::AppState,
    auth::Caller,
    error::ApiError,
    state::{AccountKind, Id, Issue, IssueState},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/", get(root))
        .route("/zen", get(zen))
        .route("/users", get(users))
        .route("/issues", get(issues))
        .route("/user/issues", get(issues))
}

/// The list of URLs. Those that this server does not implement answer 404.
/// <https://docs.github.com/en/enterprise-server/rest/meta/meta#github-api-root>
pub(super) async fn root(ctx: Ctx) -> Answer {
    let mut places: serde_json::Map<String, Value> =
        PLACES.iter().map(|(name, path)| ((*name).to_owned(), json!(ctx.urls.api(path)))).collect();
    let authorizations = ctx.urls.web("/settings/connections/applications{/client_id}");
    places.insert("current_user_authorizations_html_url".to_owned(), json!(authorizations));
    Ok(ok(Value::Object(places)))
}

const PLACES: [(&str, &str); 32] = [
    ("current_user_url", "/user"),
    ("authorizations_url", "/authorizations"),
    ("code_search_url", "/search/code?q={query}{&page,per_page,sort,order}"),
    ("commit_search_url", "/search/commits?q={query}{&page,per_page,sort,order}"),
    ("emails_url", "/user/emails"),
    ("emojis_url", "/emojis"),
    ("events_url", "/events"),
    ("feeds_url", "/feeds"),
    ("followers_url", "/user/followers"),
    ("following_url", "/user/following{/target}"),
    ("gists_url", "/gists{/gist_id}"),
    ("hub_url", "/app_state"),
    ("issue_search_url", "/search/issues?q={query}{&page,per_page,sort,order}"),
    ("issues_url", "/issues"),
    ("keys_url", "/user/keys"),
    ("label_search_url", "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}"),
    ("notifications_url", "/notifications"),
    ("organization_url", "/orgs/{org}"),
    ("organization_repositories_url", "/orgs/{org}/repos{?type,page,per_page,sort}"),
    ("organization_teams_url", "/orgs/{org}/teams"),
    ("public_gists_url", "/gists/public"),
    ("rate_limit_url", "/rate_limit"),
    ("repository_url", "/repos/{owner}/{repo}"),
    ("repository_search_url", "/search/repositories?q={query}{&page,per_page,sort,order}"),
    ("current_user_repositories_url", "/user/repos{?type,page,per_page,sort}"),
    ("starred_url", "/user/starred{/owner}{/repo}"),
    ("starred_gists_url", "/gists/starred"),
    ("topic_search_url", "/search/topics?q={query}{&page,per_page}"),
    ("user_url", "/users/{user}"),
    ("user_organizations_url", "/user/orgs"),
    ("user_repositories_url", "/users/{user}/repos{?type,page,per_page,sort}"),
    ("user_search_url", "/search/users?q={query}{&page,per_page,sort,order}"),
];

/// <https://docs.github.com/en/enterprise-server/rest/meta/meta#get-the-zen-of-github>
async fn zen(_ctx: Ctx) -> Answer {
    Ok(([(header::CONTENT_TYPE, "text/plain;charset=utf-8")], ZEN).into_response())
}

/// All accounts except bots, by id. <https://docs.github.com/en/enterprise-server/rest/users/users#list-users>
async fn users(ctx: Ctx) -> Answer {
    let since = ctx.query("since").and_then(|since| since.parse::<Id>().ok()).unwrap_or(0);
    let state = ctx.state();
    let view = ctx.view(&state);
    let mut found: Vec<Id> = state
        .accounts
        .values()
        .filter(|account| account.kind != AccountKind::Bot && account.id > since)
        .map(|account| account.id)
        .collect();
    found.sort_unstable();
    Ok(ctx.list(found, |id| view.account(id)))
}

/// The issues and pull requests of a user in all repositories that they can see: those assigned to them, unless
/// `filter` says otherwise.
/// <https://docs.github.com/en/rest/issues/issues#list-issues-assigned-to-the-authenticated-user>
async fn issues(ctx: Ctx) -> Answer {
    let me = match ctx.caller {
        Caller::User(id) => id,
        Caller::Anonymous => return Err(ApiError::not_found()),
        Caller::App(_) | Caller::Installation(_) => return Err(ApiError::not_accessible()),
    };
    let state = ctx.state();
    let view = ctx.view(&state);
    let mine = |issue: &Issue| match ctx.query("filter").unwrap_or("assigned") {
        "created" => issue.author == me,
        "all" | "repos" => true,
        "assigned" => issue.assignees.contains(&me),
        _ => false,
    };
    let of_state = |issue: &Issue| match ctx.query("state").unwrap_or("open") {
        "all" => true,
        "closed" => issue.state == IssueState::Closed,
        _ => issue.state == IssueState::Open,
    };
    let since = ctx.query("since").and_then(|since| since.parse::<DateTime<Utc>>().ok());
    let seen = state.repos.values().filter(|repo| state.role(repo, me).is_some());
    let mut found: Vec<_> = seen.flat_map(|repo| repo.issues.values().map(move |issue| (repo, issue))).collect();
    found.retain(|(_, issue)| mine(issue) && of_state(issue) && since.is_none_or(|since| issue.updated_at >= since));
    found.sort_by_key(|(_, issue)| (issue.created_at, issue.id));
    if ctx.query("direction") != Some("asc") {
        found.reverse();
    }
    Ok(ctx.list(found, |(repo, issue)| {
        let mut value = view.issue(repo, issue);
        value["repository"] = view.repo_for(repo, state.role(repo, me));
        value
    }))
}
