//! Users, organisations and the server itself. <https://docs.github.com/en/rest/users/users>

use std::sync::Arc;

use axum::{Router, routing::get};
use serde_json::json;

use super::context::{Answer, At, Ctx, ok};
use crate::{app_state::AppState, auth::Caller, error::ApiError, state::Id, view::GHES_VERSION};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/meta", get(meta))
        .route("/user", get(me))
        .route("/user/{id}", get(by_id))
        .route("/users/{login}", get(by_login))
}

async fn meta(_ctx: Ctx) -> Answer {
    Ok(ok(json!({ "verifiable_password_authentication": false, "installed_version": GHES_VERSION })))
}

async fn me(ctx: Ctx) -> Answer {
    match &ctx.caller {
        Caller::User(id) => {
            let state = ctx.state();
            Ok(ok(ctx.view(&state).profile(*id)))
        }
        Caller::Anonymous => Err(ApiError::requires_authentication()),
        Caller::App(_) | Caller::Installation(_) => Err(ApiError::not_accessible()),
    }
}

async fn by_id(ctx: Ctx, At(id): At<Id>) -> Answer {
    let state = ctx.state();
    let account = state.accounts.get(&id).ok_or_else(ApiError::not_found)?.id;
    Ok(ok(ctx.view(&state).profile(account)))
}

async fn by_login(ctx: Ctx, At(login): At<String>) -> Answer {
    let state = ctx.state();
    let account = state.account_by_login(&login).ok_or_else(ApiError::not_found)?.id;
    Ok(ok(ctx.view(&state).profile(account)))
}
