//! Repositories and the people in them. <https://docs.github.com/en/rest/repos/repos>

use std::sync::Arc;

use axum::{Router, routing::get};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx, Input, created, no_content, ok},
    error::ApiError,
};
use crate::playground::{
    auth::Caller,
    hub::Hub,
    state::{Id, Repo, Role, Scope, State},
    view::View,
};

pub(super) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/repos/{owner}/{repo}", get(repo))
        .route("/repositories/{id}", get(repo_by_id))
        .route("/user/repos", get(own).post(create_own))
        .route("/users/{login}/repos", get(of_account))
        .route("/orgs/{login}/repos", get(of_account).post(create_in_organization))
        .route("/repos/{owner}/{repo}/collaborators", get(collaborators))
        .route("/repos/{owner}/{repo}/collaborators/{login}", get(is_collaborator).put(set_role).delete(drop_role))
        .route("/repos/{owner}/{repo}/collaborators/{login}/permission", get(permission))
        .route("/repos/{owner}/{repo}/assignees", get(collaborators))
        .route("/repos/{owner}/{repo}/assignees/{login}", get(is_collaborator))
}

async fn repo(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), &[Scope::Metadata])?;
    Ok(ok(shown(&ctx, &state, repo)))
}

async fn repo_by_id(ctx: Ctx, At(id): At<Id>) -> Answer {
    let state = ctx.state();
    let found = state.repos.get(&id).ok_or_else(ApiError::not_found)?;
    let owner = &state.account(found.owner).login;
    let repo = ctx.read(&state, (owner, &found.name), &[Scope::Metadata])?;
    Ok(ok(shown(&ctx, &state, repo)))
}

fn shown(ctx: &Ctx, state: &State, repo: &Repo) -> Value {
    ctx.view(state).repo_full(repo, role_of(ctx, state, repo))
}

fn role_of(ctx: &Ctx, state: &State, repo: &Repo) -> Option<Role> {
    match &ctx.caller {
        Caller::User(id) => state.role(repo, *id),
        Caller::Installation(_) => Some(Role::Read),
        Caller::Anonymous | Caller::App => None,
    }
}

async fn own(ctx: Ctx) -> Answer {
    let Caller::User(id) = ctx.caller else { return Err(ApiError::requires_authentication()) };
    let state = ctx.state();
    let mine = state.repos.values().filter(|repo| repo.owner == id || repo.collaborators.contains_key(&id));
    Ok(ctx.list(mine, |repo| ctx.view(&state).repo_for(repo, role_of(&ctx, &state, repo))))
}

async fn of_account(ctx: Ctx, At(login): At<String>) -> Answer {
    let state = ctx.state();
    let account = state.account_by_login(&login).ok_or_else(ApiError::not_found)?.id;
    let visible = state
        .repos
        .values()
        .filter(|repo| repo.owner == account)
        .filter(|repo| ctx.read(&state, (&login, &repo.name), &[Scope::Metadata]).is_ok());
    Ok(ctx.list(visible, |repo| ctx.view(&state).repo_listed(repo, role_of(&ctx, &state, repo))))
}

#[derive(Deserialize)]
struct NewRepo {
    name: Option<String>,
    description: Option<String>,
    #[serde(default)]
    private: bool,
}

async fn create_own(ctx: Ctx, Input(new): Input<NewRepo>) -> Answer {
    let Caller::User(owner) = ctx.caller else { return Err(ApiError::not_accessible()) };
    create(&ctx, owner, owner, new).await
}

/// Members may create repositories in their organisation, and administer what they created.
async fn create_in_organization(ctx: Ctx, At(login): At<String>, Input(new): Input<NewRepo>) -> Answer {
    let Caller::User(creator) = ctx.caller else { return Err(ApiError::not_accessible()) };
    let owner = {
        let state = ctx.state();
        let owner = state.account_by_login(&login).ok_or_else(ApiError::not_found)?.id;
        let member = state
            .repos
            .values()
            .any(|repo| repo.owner == owner && repo.collaborators.get(&creator) >= Some(&Role::Write));
        if !member {
            return Err(ApiError::forbidden(
                "You need admin access to the organization before adding a repository to it.",
            ));
        }
        owner
    };
    create(&ctx, owner, creator, new).await
}

async fn create(ctx: &Ctx, owner: Id, creator: Id, new: NewRepo) -> Answer {
    let name = new.name.unwrap_or_default();
    let valid = !name.is_empty()
        && name.len() <= 100
        && name != "."
        && name != ".."
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !valid {
        return Err(ApiError::invalid("Repository", "name", "missing_field"));
    }
    let taken = {
        let state = ctx.state();
        let login = state.account(owner).login.clone();
        state.repo(&login, &name).is_some()
    };
    if taken {
        return Err(ApiError::invalid_because("Repository", "name", "name already exists on this account"));
    }
    let id = ctx.hub.add_repository(owner, &name, new.description, new.private, "main").await?;
    let mut state = ctx.state();
    state.repo_mut(id).collaborators.insert(creator, Role::Admin);
    let value = View::new(&state, &ctx.urls).repo_full(state.repo_by_id(id), Some(Role::Admin));
    Ok(created(value))
}

fn require_push(ctx: &Ctx, state: &State, at: (&str, &str)) -> Result<Id, ApiError> {
    let repo = ctx.read(state, at, &[Scope::Metadata])?;
    match &ctx.caller {
        Caller::Anonymous => Err(ApiError::requires_authentication()),
        Caller::User(id) if state.role(repo, *id) < Some(Role::Write) => {
            Err(ApiError::forbidden("Must have push access to view repository collaborators."))
        }
        _ => Ok(repo.id),
    }
}

async fn collaborators(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = state.repo_by_id(require_push(&ctx, &state, (&owner, &name))?);
    let view = ctx.view(&state);
    Ok(ctx.list(&repo.collaborators, |(id, role)| {
        let mut value = view.account(*id);
        let may = |least: Role| *role >= least;
        value["permissions"] = json!({
            "pull": true, "triage": may(Role::Triage), "push": may(Role::Write),
            "maintain": may(Role::Maintain), "admin": may(Role::Admin),
        });
        value["role_name"] = json!(role.name());
        value
    }))
}

async fn is_collaborator(ctx: Ctx, At((owner, name, login)): At<(String, String, String)>) -> Answer {
    let state = ctx.state();
    let repo = state.repo_by_id(require_push(&ctx, &state, (&owner, &name))?);
    let account = state.account_by_login(&login).ok_or_else(ApiError::not_found)?;
    if repo.collaborators.contains_key(&account.id) { Ok(no_content()) } else { Err(ApiError::not_found()) }
}

#[derive(Deserialize)]
struct Permission {
    permission: Option<String>,
}

/// Takes effect at once: nobody here has to accept an invitation.
/// <https://docs.github.com/en/rest/collaborators/collaborators#add-a-repository-collaborator>
async fn set_role(
    ctx: Ctx,
    At((owner, name, login)): At<(String, String, String)>,
    Input(asked): Input<Permission>,
) -> Answer {
    let role = Role::parse(asked.permission.as_deref().unwrap_or("push"));
    let role = role.ok_or_else(|| ApiError::invalid("Repository", "permission", "invalid"))?;
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), &[Scope::Administration], Role::Admin)?;
    let account = state.account_by_login(&login).ok_or_else(ApiError::not_found)?.id;
    state.repo_mut(writer.repo).collaborators.insert(account, role);
    Ok(no_content())
}

async fn drop_role(ctx: Ctx, At((owner, name, login)): At<(String, String, String)>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), &[Scope::Administration], Role::Admin)?;
    let account = state.account_by_login(&login).ok_or_else(ApiError::not_found)?.id;
    state.repo_mut(writer.repo).collaborators.remove(&account);
    Ok(no_content())
}

/// The one authorisation a bot may rely on: what somebody may do now.
/// <https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user>
async fn permission(ctx: Ctx, At((owner, name, login)): At<(String, String, String)>) -> Answer {
    let state = ctx.state();
    let repo = state.repo_by_id(require_push(&ctx, &state, (&owner, &name))?);
    let account = state.account_by_login(&login).ok_or_else(ApiError::not_found)?;
    let role = state.role(repo, account.id);
    let mut user = ctx.view(&state).account(account.id);
    let may = |least: Role| role.is_some_and(|role| role >= least);
    user["permissions"] = json!({
        "admin": may(Role::Admin), "maintain": may(Role::Maintain), "push": may(Role::Write),
        "triage": may(Role::Triage), "pull": may(Role::Read),
    });
    user["role_name"] = json!(role.map_or("none", Role::name));
    Ok(ok(json!({
        "permission": role.map_or("none", Role::permission), "role_name": role.map_or("none", Role::name), "user": user,
    })))
}
