//! The people of a repository and their roles. <https://docs.github.com/en/rest/collaborators/collaborators>

use std::sync::Arc;

use axum::{Router, routing::get};
use serde::Deserialize;
use serde_json::json;

use super::context::{Answer, At, Ctx, Input, no_content, ok};
use crate::{
    app_state::AppState,
    auth::Caller,
    error::ApiError,
    state::{AccountKind, Id, Repo, Role, Scope, State},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/collaborators", get(collaborators))
        .route("/repos/{owner}/{repo}/collaborators/{login}", get(is_collaborator).put(set_role).delete(drop_role))
        .route("/repos/{owner}/{repo}/collaborators/{login}/permission", get(permission))
        .route("/repos/{owner}/{repo}/assignees", get(assignees))
        .route("/repos/{owner}/{repo}/assignees/{login}", get(is_assignee))
}

fn require_push<'s>(ctx: &Ctx, state: &'s State, at: (&str, &str), refusal: &str) -> Result<&'s Repo, ApiError> {
    let repo = ctx.read(state, at, &[Scope::Metadata])?;
    match &ctx.caller {
        Caller::Anonymous => Err(ApiError::requires_authentication()),
        Caller::User(id) if state.role(repo, *id) < Some(Role::Write) => Err(ApiError::forbidden(refusal)),
        _ => Ok(repo),
    }
}

const COLLABORATORS: &str = "Must have push access to view repository collaborators.";

/// Everybody with a role, whatever its source is.
/// <https://docs.github.com/en/rest/collaborators/collaborators#list-repository-collaborators>
async fn collaborators(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = require_push(&ctx, &state, (&owner, &name), COLLABORATORS)?;
    let own = |id: &Id| repo.owner == *id || repo.collaborators.contains_key(id);
    let outside = |id: &Id| own(id) && repo.owner != *id && state.member(repo.owner, *id).is_none();
    let wanted = |id: &Id| match ctx.query("affiliation") {
        Some("direct") => own(id),
        Some("outside") => outside(id),
        _ => true,
    };
    let least = ctx.query("permission").and_then(Role::parse).unwrap_or(Role::Read);
    let people = state.people_of(repo).into_iter().filter(|(id, role)| wanted(id) && *role >= least);
    let view = ctx.view(&state);
    Ok(ctx.list(people, |(id, role)| view.collaborator(id, Some(role))))
}

async fn is_collaborator(ctx: Ctx, At((owner, name, login)): At<(String, String, String)>) -> Answer {
    let state = ctx.state();
    let repo = require_push(&ctx, &state, (&owner, &name), COLLABORATORS)?;
    known(&state, repo, &login)
}

fn known(state: &State, repo: &Repo, login: &str) -> Answer {
    let account = state.account_by_login(login).ok_or_else(ApiError::not_found)?;
    state.given_role(repo, account.id).map(|_| no_content()).ok_or_else(ApiError::not_found)
}

/// Everybody with a role can be assigned. <https://docs.github.com/en/rest/issues/assignees#list-assignees>
async fn assignees(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), super::issues::ISSUES)?;
    let view = ctx.view(&state);
    Ok(ctx.list(state.people_of(repo), |(id, _)| view.account(id)))
}

async fn is_assignee(ctx: Ctx, At((owner, name, login)): At<(String, String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), super::issues::ISSUES)?;
    known(&state, repo, &login)
}

#[derive(Deserialize)]
struct Permission {
    permission: Option<String>,
}

/// Takes effect at once, because an Enterprise Server needs no accepted invitation.
/// <https://docs.github.com/en/enterprise-server/rest/collaborators/collaborators#add-a-repository-collaborator>
async fn set_role(
    ctx: Ctx,
    At((owner, name, login)): At<(String, String, String)>,
    Input(asked): Input<Permission>,
) -> Answer {
    let role = Role::parse(asked.permission.as_deref().unwrap_or("push"));
    let role = role.ok_or_else(|| ApiError::invalid("Repository", "permission", "invalid"))?;
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), &[Scope::Administration], Role::Admin)?;
    let account = state.account_by_login(&login).filter(|account| account.kind == AccountKind::User);
    let account = account.ok_or_else(ApiError::not_found)?.id;
    let repo = state.repo_by_id(writer.repo);
    if repo.owner == account {
        return Err(ApiError::custom("Repository", "Repository owner cannot be a collaborator"));
    }
    // A person's repository has only one kind of collaborator, who may push.
    let organization = state.organization(repo.owner);
    let role = if organization.is_some() { role } else { Role::Write };
    let base = organization.filter(|found| found.members.contains_key(&account)).and_then(|found| found.base);
    if base > Some(role) {
        let word = role.name();
        return Err(ApiError::semantic(format!("Cannot assign {login} permission of {word}")));
    }
    ctx.app_state.give_role(&mut state, writer.repo, account, role, writer.actor);
    Ok(no_content())
}

/// Administrators may remove anybody, and everybody may remove themselves.
/// <https://docs.github.com/en/rest/collaborators/collaborators#remove-a-repository-collaborator>
async fn drop_role(ctx: Ctx, At((owner, name, login)): At<(String, String, String)>) -> Answer {
    let mut state = ctx.state();
    let account = state.account_by_login(&login).map(|account| account.id);
    let own = account.is_some() && ctx.caller.account(&state) == account;
    let least = if own { Role::Read } else { Role::Admin };
    let writer = ctx.write(&state, (&owner, &name), &[Scope::Administration], least)?;
    ctx.app_state.take_role(&mut state, writer.repo, account.ok_or_else(ApiError::not_found)?, writer.actor);
    Ok(no_content())
}

/// The present permission of a user. A bot may rely on no other authorisation.
/// <https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user>
async fn permission(ctx: Ctx, At((owner, name, login)): At<(String, String, String)>) -> Answer {
    let state = ctx.state();
    let refusal = "Must have push access to view collaborator permission.";
    let repo = require_push(&ctx, &state, (&owner, &name), refusal)?;
    let account = state.account_by_login(&login).ok_or_else(ApiError::not_found)?.id;
    let role = state.role(repo, account);
    Ok(ok(json!({
        "permission": role.map_or("none", Role::permission), "role_name": role.map_or("none", Role::name),
        "user": ctx.view(&state).collaborator(account, role),
    })))
}
