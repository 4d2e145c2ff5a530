//! Repositories and the people in them. <https://docs.github.com/en/rest/repos/repos>

use std::sync::Arc;

use axum::{Router, routing::get};
use serde::Deserialize;
use serde_json::Value;

use super::{
    context::{Answer, At, Ctx, Input, created, ok},
    order,
    settings::{Merging, wants_private},
    validation::check_homepage,
};
use crate::{
    app_state::AppState,
    auth::Caller,
    error::ApiError,
    git::FileWrite,
    state::{Access, Id, MergeSettings, Repo, Role, Scope, State},
};

/// The branch that a new repository starts with.
const BRANCH: &str = "main";

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}", get(repo))
        .route("/user/repos", get(own).post(create_own))
        .route("/users/{login}/repos", get(public_of_account))
        .route("/orgs/{login}/repos", get(of_account).post(create_in_organization))
}

async fn repo(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), &[Scope::Metadata])?;
    Ok(ok(shown(&ctx, &state, repo)))
}

/// A repository with the caller's permissions in it.
pub(super) fn shown(ctx: &Ctx, state: &State, repo: &Repo) -> Value {
    ctx.view(state).repo_full(repo, role_of(ctx, state, repo))
}

fn role_of(ctx: &Ctx, state: &State, repo: &Repo) -> Option<Role> {
    match &ctx.caller {
        Caller::User(id) => state.role(repo, *id),
        Caller::Installation(_) => Some(Role::Read),
        Caller::Anonymous | Caller::App(_) => None,
    }
}

async fn own(ctx: Ctx) -> Answer {
    let Caller::User(id) = ctx.caller else { return Err(ApiError::requires_authentication()) };
    let state = ctx.state();
    let mine = state.repos.values().filter(|repo| state.given_role(repo, id).is_some());
    Ok(ctx.list(mine, |repo| ctx.view(&state).repo_for(repo, role_of(&ctx, &state, repo))))
}

/// The public repositories of an account, by name unless the query says otherwise. Those that somebody else owns are
/// not listed.
/// <https://docs.github.com/en/rest/repos/repos#list-repositories-for-a-user>
async fn public_of_account(ctx: Ctx, At(login): At<String>) -> Answer {
    let state = ctx.state();
    let account = state.account_by_login(&login).ok_or_else(ApiError::not_found)?.id;
    let wanted = ctx.query("type") != Some("member");
    let mut found: Vec<&Repo> =
        state.repos.values().filter(|repo| wanted && repo.owner == account && !repo.private).collect();
    order::repositories(&ctx, &mut found);
    Ok(ctx.list(found, |repo| ctx.view(&state).repo_listed(repo, role_of(&ctx, &state, repo))))
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
    homepage: Option<String>,
    private: Option<bool>,
    visibility: Option<String>,
    #[serde(default)]
    auto_init: bool,
    #[serde(flatten)]
    merging: Merging,
}

async fn create_own(ctx: Ctx, Input(new): Input<NewRepo>) -> Answer {
    let owner = ctx.require_user()?;
    create(&ctx, owner, owner, new).await
}

/// Members may create repositories in their organisation, and administer those.
async fn create_in_organization(ctx: Ctx, At(login): At<String>, Input(new): Input<NewRepo>) -> Answer {
    let (owner, creator) = {
        let state = ctx.state();
        let owner = super::orgs::find(&state, &login)?;
        (owner, creator_in(&ctx, &state, owner)?)
    };
    create(&ctx, owner, creator, new).await
}

fn creator_in(ctx: &Ctx, state: &State, org: Id) -> Result<Id, ApiError> {
    match &ctx.caller {
        Caller::User(user) if state.member(org, *user).is_some() => Ok(*user),
        Caller::User(_) => {
            Err(ApiError::forbidden("You need admin access to the organization before adding a repository to it."))
        }
        Caller::Anonymous => Err(ApiError::requires_authentication()),
        Caller::Installation(grant) => {
            let here = state.installation(grant.installation).is_some_and(|all| all.account == org);
            let may = here && state.allows(grant, &[Scope::Administration], Access::Write);
            may.then(|| state.app_behind(grant.installation).bot).ok_or_else(ApiError::not_accessible)
        }
        Caller::App(_) => Err(ApiError::not_accessible()),
    }
}

/// Whether GitHub accepts this as a repository's name.
pub(super) fn valid_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && name != "."
        && name != ".."
        && !name.to_ascii_lowercase().ends_with(".git")
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

async fn create(ctx: &Ctx, owner: Id, creator: Id, new: NewRepo) -> Answer {
    let name = new.name.unwrap_or_default();
    if !valid_name(&name) {
        return Err(ApiError::invalid("Repository", "name", "missing_field"));
    }
    let merging = new.merging.applied_to(MergeSettings::default())?;
    let private = wants_private(new.visibility.as_deref(), new.private)?.unwrap_or_default();
    let (taken, author) = {
        let state = ctx.state();
        let login = state.account(owner).login.clone();
        (state.repo(&login, &name).is_some(), state.signature_of(creator))
    };
    check_homepage(new.homepage.as_deref())?;
    if taken {
        return Err(ApiError::invalid_because("Repository", "name", "name already exists on this account"));
    }
    let id = ctx.app_state.add_repository(owner, &name, new.description, private, BRANCH).await?;
    let git = ctx.state().repo_by_id(id).git.clone();
    if new.auto_init {
        let content = Some(format!("# {name}\n").into_bytes());
        let readme = FileWrite { path: "README.md".to_owned(), content, executable: false };
        git.commit_files(BRANCH, &[readme], "Initial commit", &author).await?;
    }
    let mut state = ctx.state();
    if !state.owns(owner, creator) {
        state.repo_mut(id).collaborators.insert(creator, Role::Admin);
    }
    let repo = state.repo_mut(id);
    (repo.merging, repo.homepage) = (merging, new.homepage.filter(|homepage| !homepage.is_empty()));
    ctx.app_state.announce_repository(&mut state, id, "created", creator, None);
    Ok(created(ctx.view(&state).repo_full(state.repo_by_id(id), Some(Role::Admin))))
}
