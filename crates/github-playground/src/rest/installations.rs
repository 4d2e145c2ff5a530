//! Changes of an installation: suspending, removing, adding repositories.
//! <https://docs.github.com/en/rest/apps/installations>

use std::sync::Arc;

use axum::{
    Router,
    routing::{delete, get, put},
};
use serde_json::Value;

use super::context::{Answer, At, Ctx, no_content};
use crate::{
    acts::Move,
    app_state::AppState,
    auth::Caller,
    error::ApiError,
    state::{Id, Installation, Repo, Role, Selection, State, SuspendedThrough},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/app/installations/{id}", delete(uninstall))
        .route("/app/installations/{id}/suspended", put(suspend).delete(unsuspend))
        .route("/app/installation-requests", get(requests))
        .route("/user/installations", get(own))
        .route("/user/installations/{id}/repositories", get(repositories))
        .route("/user/installations/{id}/repositories/{repository}", put(add).delete(remove))
}

/// <https://docs.github.com/en/rest/apps/apps#delete-an-installation-for-the-authenticated-app>
async fn uninstall(ctx: Ctx, At(id): At<Id>) -> Answer {
    let mut state = ctx.state();
    let bot = of_app(&ctx, &state, id)?;
    ctx.app_state.uninstall(&mut state, id, bot);
    Ok(no_content())
}

/// <https://docs.github.com/en/rest/apps/apps#suspend-an-app-installation>
async fn suspend(ctx: Ctx, At(id): At<Id>) -> Answer {
    let mut state = ctx.state();
    let bot = of_app(&ctx, &state, id)?;
    ctx.app_state.suspend(&mut state, id, bot, SuspendedThrough::App);
    Ok(no_content())
}

/// If an account's owner suspended the installation, the app cannot unsuspend it.
/// <https://docs.github.com/en/apps/maintaining-github-apps/suspending-a-github-app-installation>
async fn unsuspend(ctx: Ctx, At(id): At<Id>) -> Answer {
    let mut state = ctx.state();
    let bot = of_app(&ctx, &state, id)?;
    let suspension = state.installation(id).and_then(|installation| installation.suspended);
    if suspension.is_some_and(|suspension| suspension.through == SuspendedThrough::Account) {
        return Err(ApiError::not_found());
    }
    ctx.app_state.unsuspend(&mut state, id, bot);
    Ok(no_content())
}

/// The app's bot, if the caller is the app of this installation.
fn of_app(ctx: &Ctx, state: &State, id: Id) -> Result<Id, ApiError> {
    let app = ctx.require_app()?;
    state.installation(id).filter(|all| all.app == app).ok_or_else(ApiError::not_found)?;
    Ok(state.app_behind(id).bot)
}

/// The list is always empty: nobody can request an installation here, because the page is hidden from people who may
/// not install.
async fn requests(ctx: Ctx) -> Answer {
    ctx.require_app()?;
    Ok(ctx.list(Vec::<Id>::new(), Value::from))
}

impl Ctx {
    /// The user whose token this is. For tokens of apps and installations it is an error.
    pub(super) fn require_user(&self) -> Result<Id, ApiError> {
        match &self.caller {
            Caller::User(id) => Ok(*id),
            Caller::Anonymous => Err(ApiError::requires_authentication()),
            Caller::App(_) | Caller::Installation(_) => Err(ApiError::not_accessible()),
        }
    }
}

/// The installation's repositories that the user owns or has a role in. Public access alone does not count.
fn reached<'s>(state: &'s State, installation: &'s Installation, user: Id) -> impl Iterator<Item = &'s Repo> {
    let explicit = move |repo: &&Repo| state.given_role(repo, user).is_some();
    state.repos.values().filter(|repo| installation.reaches(repo)).filter(explicit)
}

/// <https://docs.github.com/en/rest/apps/installations#list-app-installations-accessible-to-the-user-access-token>
async fn own(ctx: Ctx) -> Answer {
    let user = ctx.require_user()?;
    let state = ctx.state();
    let view = ctx.view(&state);
    let mine = |all: &&Installation| all.account == user || reached(&state, all, user).next().is_some();
    // A token of a user for one app lists only that app's installations.
    let through = |all: &&Installation| ctx.through.is_none_or(|app| all.app == app);
    Ok(ctx.counted_list("installations", state.installations.iter().filter(through).filter(mine), |all| {
        view.installation(all)
    }))
}

/// <https://docs.github.com/en/rest/apps/installations#list-repositories-accessible-to-the-user-access-token>
async fn repositories(ctx: Ctx, At(id): At<Id>) -> Answer {
    let user = ctx.require_user()?;
    let state = ctx.state();
    let view = ctx.view(&state);
    let installation = state.installation(id).ok_or_else(ApiError::not_found)?;
    let mut mine = reached(&state, installation, user).peekable();
    if mine.peek().is_none() && installation.account != user {
        return Err(ApiError::not_found());
    }
    Ok(ctx.counted_list("repositories", mine, |repo| view.repo_for(repo, state.role(repo, user))))
}

/// The user, if they administer a repository of the installation's account.
fn administered(ctx: &Ctx, state: &State, (id, repository): (Id, Id)) -> Result<Id, ApiError> {
    let user = ctx.require_user()?;
    let installation = state.installation(id).ok_or_else(ApiError::not_found)?;
    let repo = state.repos.get(&repository).filter(|repo| repo.owner == installation.account);
    let repo = repo.ok_or_else(ApiError::not_found)?;
    match state.role(repo, user) {
        None => Err(ApiError::not_found()),
        Some(Role::Admin) => Ok(user),
        Some(_) => Err(ApiError::forbidden("Must have admin rights to Repository.")),
    }
}

/// <https://docs.github.com/en/rest/apps/installations#add-a-repository-to-an-app-installation>
async fn add(ctx: Ctx, At(at): At<(Id, Id)>) -> Answer {
    let mut state = ctx.state();
    let user = administered(&ctx, &state, at)?;
    ctx.app_state.select_repository(&mut state, at.0, at.1, Move::Added, user);
    Ok(no_content())
}

/// An installation with all repositories is refused, and so is the removal of the last selected one: then the app has
/// to be uninstalled.
/// <https://docs.github.com/en/rest/apps/installations#remove-a-repository-from-an-app-installation>
async fn remove(ctx: Ctx, At(at): At<(Id, Id)>) -> Answer {
    let mut state = ctx.state();
    let user = administered(&ctx, &state, at)?;
    match &state.installation(at.0).ok_or_else(ApiError::not_found)?.selection {
        Selection::All => {
            let sentence = "This installation is on all repositories, please update in the Web UI.";
            return Err(ApiError::semantic(sentence));
        }
        Selection::Selected(repositories) if !repositories.contains(&at.1) => return Err(ApiError::not_found()),
        Selection::Selected(repositories) if repositories.len() == 1 => {
            return Err(ApiError::semantic("The last repository of an installation cannot be removed."));
        }
        Selection::Selected(_) => {}
    }
    ctx.app_state.select_repository(&mut state, at.0, at.1, Move::Removed, user);
    Ok(no_content())
}
