//! Repositories of teams. <https://docs.github.com/en/rest/teams/teams>

use std::sync::Arc;

use axum::{Router, http::header, routing::get};
use serde::Deserialize;

use super::context::{Answer, At, Ctx, Input, no_content, ok};
use crate::{
    app_state::AppState,
    auth::Caller,
    error::ApiError,
    state::{Repo, Role, Scope, State, Team},
    view::{without, without_merging},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/orgs/{login}/teams/{team}/repos", get(repos))
        .route("/orgs/{login}/teams/{team}/repos/{owner}/{repo}", get(repo).put(give).delete(take))
        .route("/repos/{owner}/{repo}/teams", get(of_repo))
}

async fn repos(ctx: Ctx, At((login, slug)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let team = ctx.team(&state, (&login, &slug))?;
    let given = state.repos.values().filter_map(|repo| Some((repo, state.team_role(team, repo.id)?)));
    let visible = given.filter(|(repo, _)| ctx.read(&state, (&login, &repo.name), &[Scope::Metadata]).is_ok());
    let view = ctx.view(&state);
    Ok(ctx.list(visible, |(repo, role)| {
        let mut value = view.repo_of_team(repo, role);
        without_merging(&mut value);
        value
    }))
}

type Place = (String, String, String, String);

/// The team and the repository of a path.
fn placed<'s>(ctx: &Ctx, state: &'s State, at: &Place) -> Result<(&'s Team, &'s Repo), ApiError> {
    let team = ctx.team(state, (&at.0, &at.1))?;
    Ok((team, ctx.read(state, (&at.2, &at.3), &[Scope::Metadata])?))
}

/// 204, or the repository if its media type is requested.
/// <https://docs.github.com/en/rest/teams/teams#check-team-permissions-for-a-repository>
async fn repo(ctx: Ctx, At(at): At<Place>) -> Answer {
    let state = ctx.state();
    let (team, repo) = placed(&ctx, &state, &at)?;
    let role = state.team_role(team, repo.id).ok_or_else(ApiError::not_found)?;
    let accept = ctx.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if !accept.contains("repository+json") {
        return Ok(no_content());
    }
    let mut value = ctx.view(&state).repo_of_team(repo, role);
    without(&mut value, &["allow_update_branch", "has_discussions"]);
    Ok(ok(value))
}

#[derive(Deserialize)]
struct Given {
    permission: Option<String>,
}

/// An administrator of the repository who can see the team may add it.
/// <https://docs.github.com/en/rest/teams/teams#add-or-update-team-repository-permissions>
async fn give(ctx: Ctx, At(at): At<Place>, Input(given): Input<Given>) -> Answer {
    let mut state = ctx.state();
    let (team, repo) = placed(&ctx, &state, &at)?;
    if repo.owner != team.org {
        return Err(ApiError::invalid_because("Team", "repository", "The repository is not owned by the organization"));
    }
    let role = match given.permission.as_deref() {
        None => team.permission,
        Some(word) => Role::parse(word).ok_or_else(|| ApiError::invalid("Team", "permission", "invalid"))?,
    };
    let team = team.id;
    let writer = ctx.write(&state, (&at.2, &at.3), &[Scope::Administration], Role::Admin)?;
    ctx.app_state.give_team(&mut state, team, writer.repo, role, writer.actor);
    Ok(no_content())
}

/// <https://docs.github.com/en/rest/teams/teams#remove-a-repository-from-a-team>
async fn take(ctx: Ctx, At(at): At<Place>) -> Answer {
    let mut state = ctx.state();
    let (team, repo) = placed(&ctx, &state, &at)?;
    let (team, repo) = (team.clone(), repo.id);
    let actor = match ctx.maintains(&state, &team) {
        Ok(actor) => actor,
        Err(_) => ctx.write(&state, (&at.2, &at.3), &[Scope::Administration], Role::Admin)?.actor,
    };
    ctx.app_state.take_from_team(&mut state, team.id, repo, actor);
    Ok(no_content())
}

/// <https://docs.github.com/en/rest/repos/repos#list-repository-teams>
async fn of_repo(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), &[Scope::Administration])?;
    if let Caller::User(user) = &ctx.caller
        && state.role(repo, *user) < Some(Role::Write)
    {
        return Err(ApiError::not_found());
    }
    let teams = state.teams_of(repo.owner).filter(|team| ctx.sees_team(&state, team));
    // Everybody can read a public repository, so teams that only inherit it are not listed.
    let given = teams.filter_map(|team| {
        let own = team.repos.get(&repo.id).copied();
        Some((team, if repo.private { state.team_role(team, repo.id) } else { own }?))
    });
    let view = ctx.view(&state);
    Ok(ctx.list(given, |(team, role)| view.team_on(team, role)))
}
