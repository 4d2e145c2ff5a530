//! The app, its installations and their tokens. <https://docs.github.com/en/rest/apps/apps>

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Router,
    http::{StatusCode, header},
    routing::{get, post},
};
use chrono::Duration;
use serde::Deserialize;
use serde_json::json;

use super::context::{Answer, At, Ctx, Input, created, no_content, ok};
use crate::{
    app_state::AppState,
    auth::{Caller, is_subset},
    error::ApiError,
    state::{Access, Grant, Id, Installation, Permissions, Scope, State, Time},
};

/// The most repositories that a token can be limited to.
/// <https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app>
const REPOSITORIES_NAMED: usize = 500;

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/app", get(own_app))
        .route("/apps/{slug}", get(app))
        .route("/app/installations", get(installations))
        .route("/app/installations/{id}", get(installation))
        .route("/app/installations/{id}/access_tokens", post(mint))
        .route("/repos/{owner}/{repo}/installation", get(repo_installation))
        .route("/orgs/{login}/installation", get(account_installation))
        .route("/users/{login}/installation", get(account_installation))
        .route("/installation/repositories", get(repositories))
        .route("/installation/token", axum::routing::delete(revoke))
}

impl Ctx {
    /// The app, if the caller is an app itself; else an error.
    pub(super) fn require_app(&self) -> Result<Id, ApiError> {
        match self.caller {
            Caller::App(id) => Ok(id),
            _ => Err(ApiError::new(StatusCode::UNAUTHORIZED, "A JSON web token could not be decoded")),
        }
    }
}

async fn own_app(ctx: Ctx) -> Answer {
    let app = ctx.require_app()?;
    let state = ctx.state();
    let app = state.app_by_id(app).ok_or_else(ApiError::not_found)?;
    Ok(ok(ctx.view(&state).own_app(app)))
}

async fn app(ctx: Ctx, At(slug): At<String>) -> Answer {
    let state = ctx.state();
    let app = state.apps().find(|app| app.slug == slug).ok_or_else(ApiError::not_found)?;
    Ok(ok(ctx.view(&state).app(app)))
}

async fn installations(ctx: Ctx) -> Answer {
    let app = ctx.require_app()?;
    let state = ctx.state();
    let view = ctx.view(&state);
    let since = ctx.query("since").and_then(|since| since.parse::<Time>().ok());
    let own = state.installations.iter().filter(|all| all.app == app);
    let listed = own.filter(|all| since.is_none_or(|since| all.updated_at >= since));
    // Installations whose owners have not accepted the permissions that the app requests now.
    let outdated = ctx.query("outdated").is_some_and(|word| word != "false");
    let listed = listed.filter(|all| !outdated || all.permissions != state.app_behind(all.id).permissions);
    Ok(ctx.list(listed, |installation| view.installation(installation)))
}

fn find(state: &State, wanted: impl Fn(&Installation) -> bool) -> Result<&Installation, ApiError> {
    state.installations.iter().find(|all| wanted(all)).ok_or_else(ApiError::not_found)
}

async fn installation(ctx: Ctx, At(id): At<Id>) -> Answer {
    let app = ctx.require_app()?;
    let state = ctx.state();
    Ok(ok(ctx.view(&state).installation(find(&state, |all| all.app == app && all.id == id)?)))
}

async fn repo_installation(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let app = ctx.require_app()?;
    let state = ctx.state();
    let repo = state.repo(&owner, &name).ok_or_else(ApiError::not_found)?;
    Ok(ok(ctx.view(&state).installation(find(&state, |all| all.app == app && all.reaches(repo))?)))
}

async fn account_installation(ctx: Ctx, At(login): At<String>) -> Answer {
    let app = ctx.require_app()?;
    let state = ctx.state();
    let account = state.account_by_login(&login).ok_or_else(ApiError::not_found)?.id;
    Ok(ok(ctx.view(&state).installation(find(&state, |all| all.app == app && all.account == account)?)))
}

#[derive(Deserialize)]
struct TokenRequest {
    repositories: Option<Vec<String>>,
    repository_ids: Option<Vec<Id>>,
    permissions: Option<Permissions>,
}

/// <https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app>
async fn mint(ctx: Ctx, At(id): At<Id>, Input(asked): Input<TokenRequest>) -> Answer {
    let app = ctx.require_app()?;
    let mut state = ctx.state();
    let installation = find(&state, |all| all.app == app && all.id == id)?.clone();
    if installation.suspended.is_some() {
        return Err(ApiError::forbidden("This installation has been suspended"));
    }
    let repositories = chosen(&state, &installation, &asked)?;
    let permissions = match asked.permissions {
        // No permissions, or an empty object as PyGithub sends it, means all permissions.
        None => installation.permissions,
        Some(asked) if asked.is_empty() => installation.permissions,
        Some(asked) if is_subset(&asked, &installation.permissions) => {
            let mut asked = asked;
            asked.entry(Scope::Metadata).or_insert(Access::Read);
            asked
        }
        Some(_) => {
            return Err(ApiError::semantic("The permissions requested are not granted to this installation."));
        }
    };
    let grant = Grant { installation: id, repositories, permissions, expires_at: state.now() + Duration::hours(1) };
    let token = state.mint(grant.clone());
    Ok(created(ctx.view(&state).access_token(&token, &grant)))
}

fn chosen(state: &State, installation: &Installation, asked: &TokenRequest) -> Result<Option<BTreeSet<Id>>, ApiError> {
    let named = asked.repositories.iter().flatten().count() + asked.repository_ids.iter().flatten().count();
    if named == 0 {
        return Ok(None);
    }
    if named > REPOSITORIES_NAMED {
        return Err(ApiError::semantic(format!("At most {REPOSITORIES_NAMED} repositories can be named.")));
    }
    let missing = || {
        ApiError::semantic(
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        )
    };
    let owner = &state.account(installation.account).login;
    let mut chosen: BTreeSet<Id> = asked.repository_ids.iter().flatten().copied().collect();
    for name in asked.repositories.iter().flatten() {
        chosen.insert(state.repo(owner, name).ok_or_else(missing)?.id);
    }
    let reached = |id: &Id| state.repos.get(id).is_some_and(|repo| installation.reaches(repo));
    if chosen.iter().all(reached) { Ok(Some(chosen)) } else { Err(missing()) }
}

async fn repositories(ctx: Ctx) -> Answer {
    let Caller::Installation(grant) = &ctx.caller else {
        return Err(ApiError::forbidden(
            "You must authenticate with an installation access token in order to list repositories for an installation.",
        ));
    };
    let state = ctx.state();
    let view = ctx.view(&state);
    let covered = state.repos.values().filter(|repo| state.covers(grant, repo.id));
    let members = json!({ "repository_selection": view.selection_of(grant) });
    Ok(ctx.counted_list_with(members, "repositories", covered, |repo| view.repo(repo)))
}

async fn revoke(ctx: Ctx) -> Answer {
    let header = ctx.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|header| header.split_once(' ')).map(|(_, token)| token.trim().to_owned());
    match (&ctx.caller, token) {
        (Caller::Installation(_), Some(token)) => {
            ctx.state().grants.remove(&token);
            Ok(no_content())
        }
        _ => Err(ApiError::not_accessible()),
    }
}
