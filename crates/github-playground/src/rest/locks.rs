//! Locked conversations. <https://docs.github.com/en/rest/issues/issues#lock-an-issue>

use std::sync::Arc;

use axum::{Router, routing::put};
use serde::Deserialize;

use super::{
    context::{Answer, At, Ctx, Input, no_content},
    issues::{ISSUES, find},
};
use crate::{
    acts::Writer,
    app_state::AppState,
    error::ApiError,
    state::{Issue, Lock, Role, State},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new().route("/repos/{owner}/{repo}/issues/{number}/lock", put(lock).delete(unlock))
}

const REASONS: [&str; 4] = ["off-topic", "too heated", "resolved", "spam"];

#[derive(Deserialize)]
struct Reason {
    lock_reason: Option<String>,
}

async fn lock(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>, Input(asked): Input<Reason>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), ISSUES, Role::Write)?;
    find(state.repo_by_id(writer.repo), number)?;
    if asked.lock_reason.as_deref().is_some_and(|reason| !REASONS.contains(&reason)) {
        return Err(ApiError::invalid("Issue", "lock_reason", "invalid"));
    }
    ctx.app_state.set_lock(&mut state, (writer.repo, number), writer.actor, Some(Lock { reason: asked.lock_reason }));
    Ok(no_content())
}

async fn unlock(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), ISSUES, Role::Write)?;
    find(state.repo_by_id(writer.repo), number)?;
    ctx.app_state.set_lock(&mut state, (writer.repo, number), writer.actor, None);
    Ok(no_content())
}

/// In a locked conversation only users who may push can comment.
/// <https://docs.github.com/en/communities/moderating-comments-and-conversations/locking-conversations>
pub(super) fn check_unlocked(state: &State, writer: Writer, issue: &Issue) -> Result<(), ApiError> {
    let may_push = writer.via_app || state.role(state.repo_by_id(writer.repo), writer.actor) >= Some(Role::Write);
    if issue.locked.is_none() || may_push {
        return Ok(());
    }
    Err(ApiError::forbidden("Unable to create comment because issue is locked."))
}
