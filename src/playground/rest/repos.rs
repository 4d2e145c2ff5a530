//! Repositories and the people in them. <https://docs.github.com/en/rest/repos/repos>

use std::sync::Arc;

use axum::{Router, routing::get};
use serde::Deserialize;
use serde_json::Value;

use super::{
    context::{Answer, At, Ctx, Input, created, ok},
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
    let view = ctx.view(state);
    let role = match &ctx.caller {
        Caller::User(id) => state.role(repo, *id),
        Caller::Installation(_) => Some(Role::Read),
        Caller::Anonymous | Caller::App => None,
    };
    view.repo_full(repo, role)
}

async fn own(ctx: Ctx) -> Answer {
    let Caller::User(id) = ctx.caller else { return Err(ApiError::requires_authentication()) };
    let state = ctx.state();
    let mine = state.repos.values().filter(|repo| state.given_role(repo, id).is_some());
    Ok(ctx.list(mine, |repo| shown(&ctx, &state, repo)))
}

async fn of_account(ctx: Ctx, At(login): At<String>) -> Answer {
    let state = ctx.state();
    let account = state.account_by_login(&login).ok_or_else(ApiError::not_found)?.id;
    let visible = state
        .repos
        .values()
        .filter(|repo| repo.owner == account)
        .filter(|repo| ctx.read(&state, (&login, &repo.name), &[Scope::Metadata]).is_ok());
    Ok(ctx.list(visible, |repo| shown(&ctx, &state, repo)))
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
        let owner = super::orgs::find(&state, &login)?;
        if state.member(owner, creator).is_none() {
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
