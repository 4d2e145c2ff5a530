//! Checks the rules of branches before the API moves a ref.

use axum::http::StatusCode;

use super::context::Ctx;
use crate::{
    acts::Writer,
    error::ApiError,
    git::{Repository, branch_ref},
    rules::{
        Refused, judge,
        push::{Change, When, hurdles, met},
        workflows,
    },
};

/// Refuses a move of a ref with a 422 if it breaks the rules, and with a 403 if it changes workflows that the caller
/// may not write.
/// <https://docs.github.com/en/rest/git/refs#update-a-reference>
pub(super) async fn guard(ctx: &Ctx, writer: Writer, git: &Repository, change: &Change) -> Result<(), ApiError> {
    if let Some(new) = &change.new
        && !writer.workflows
        && let Some(path) = git.new_workflow(new).await?
    {
        return Err(ApiError::forbidden(workflows::refusal(&path)));
    }
    let hurdles = {
        let state = ctx.state();
        hurdles(&state, state.repo_by_id(writer.repo), writer.actor, change)
    };
    let asks = |when: When| hurdles.iter().any(|hurdle| hurdle.when == when);
    let (mut forced, mut merges) = (false, false);
    if let (Some(old), Some(new)) = (&change.old, &change.new) {
        forced = asks(When::Forced) && !git.is_ancestor(old, new).await?;
        if asks(When::Merges) {
            merges = git.commits_between(old, new).await?.iter().any(|commit| commit.parents.len() > 1);
        }
    }
    refuse(&met(hurdles, forced, merges), StatusCode::UNPROCESSABLE_ENTITY, "")
}

/// Refuses with a 409 to add a new commit to a branch. `doing` says what is done to the file.
pub(super) fn guard_commit(
    ctx: &Ctx,
    writer: Writer,
    (branch, old): (&str, Option<&str>),
    doing: &str,
) -> Result<(), ApiError> {
    refuse(&new_commit(ctx, writer, (branch, old), false), StatusCode::CONFLICT, &format!("Could not {doing} file: "))
}

/// Refuses with a 409 to merge into a branch.
pub(super) fn guard_merge(ctx: &Ctx, writer: Writer, branch: &str, old: &str) -> Result<(), ApiError> {
    refuse(&new_commit(ctx, writer, (branch, Some(old)), true), StatusCode::CONFLICT, "")
}

fn new_commit(ctx: &Ctx, writer: Writer, (branch, old): (&str, Option<&str>), is_merge: bool) -> Vec<Refused> {
    let state = ctx.state();
    // The new commit does not exist yet, so nobody has checked or reviewed it.
    let change = Change { name: branch_ref(branch), old: old.map(str::to_owned), new: Some(String::new()) };
    met(hurdles(&state, state.repo_by_id(writer.repo), writer.actor, &change), false, is_merge)
}

fn refuse(refused: &[Refused], status: StatusCode, before: &str) -> Result<(), ApiError> {
    if refused.is_empty() {
        return Ok(());
    }
    Err(ApiError::new(status, format!("{before}{}", judge::message(refused))))
}
