//! Sub-issues. <https://docs.github.com/en/rest/issues/sub-issues>

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    routing::{delete, get, patch},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    context::{Answer, At, Ctx, Input, created, ok},
    issues::{ISSUES, find},
};
use crate::{
    acts::Writer,
    app_state::AppState,
    error::ApiError,
    state::{Id, Role, State},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/issues/{number}/parent", get(parent))
        .route("/repos/{owner}/{repo}/issues/{number}/sub_issues", get(list).post(add))
        .route("/repos/{owner}/{repo}/issues/{number}/sub_issues/priority", patch(reorder))
        .route("/repos/{owner}/{repo}/issues/{number}/sub_issue", delete(remove))
}

/// <https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/adding-sub-issues>
const MOST_PARTS: usize = 100;
const MOST_LEVELS: usize = 8;

type Place = (Id, u64);

fn shown(ctx: &Ctx, state: &State, at: Place) -> Value {
    let repo = state.repo_by_id(at.0);
    ctx.view(state).issue(repo, &repo.issues[&at.1])
}

async fn parent(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    let parent = find(repo, number)?.parent.ok_or_else(ApiError::not_found)?;
    Ok(ok(shown(&ctx, &state, parent)))
}

async fn list(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    let parts = find(repo, number)?.sub_issues.clone();
    Ok(ctx.list(parts, |at| shown(&ctx, &state, at)))
}

#[derive(Deserialize)]
struct Asked {
    sub_issue_id: Option<Id>,
    #[serde(default)]
    replace_parent: bool,
}

fn refused(why: &str) -> ApiError {
    ApiError::semantic(format!("An error occurred while adding the sub-issue to the parent issue. {why}"))
}

/// An issue by its database id, in a repository of the same owner.
fn by_id(state: &State, writer: Writer, id: Option<Id>) -> Result<Place, ApiError> {
    let id = id.ok_or_else(|| ApiError::semantic("Invalid request.\n\n\"sub_issue_id\" wasn't supplied."))?;
    let owner = state.repo_by_id(writer.repo).owner;
    let missing = "The provided sub-issue does not exist";
    state
        .repos
        .values()
        .filter(|repo| repo.owner == owner)
        .find_map(|repo| {
            let issue = repo.issues.values().find(|issue| issue.id == id && issue.pull.is_none())?;
            Some((repo.id, issue.number))
        })
        .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, missing))
}

fn family(ctx: &Ctx, state: &State, at: &(String, String, u64)) -> Result<(Writer, Place), ApiError> {
    let writer = ctx.write(state, (&at.0, &at.1), ISSUES, Role::Triage)?;
    find(state.repo_by_id(writer.repo), at.2)?;
    Ok((writer, (writer.repo, at.2)))
}

/// The ancestors of an issue, nearest first.
fn above(state: &State, at: Place) -> Vec<Place> {
    std::iter::successors(Some(at), |at| state.repo_by_id(at.0).issues[&at.1].parent).skip(1).collect()
}

/// The number of levels from an issue down, itself included.
fn depth(state: &State, at: Place) -> usize {
    let parts = &state.repo_by_id(at.0).issues[&at.1].sub_issues;
    1 + parts.iter().map(|part| depth(state, *part)).max().unwrap_or(0)
}

/// Checks that an issue with this many sub-issues may get another, if the tree then has this many levels.
fn check_size(parts: usize, levels: usize) -> Result<(), ApiError> {
    if parts >= MOST_PARTS {
        return Err(refused("Parent cannot have more than 100 sub-issues"));
    }
    if levels > MOST_LEVELS {
        return Err(refused("Parent cannot have more than 8 layers of sub-issues"));
    }
    Ok(())
}

async fn add(ctx: Ctx, At(at): At<(String, String, u64)>, Input(asked): Input<Asked>) -> Answer {
    let mut state = ctx.state();
    let (writer, parent) = family(&ctx, &state, &at)?;
    let child = by_id(&state, writer, asked.sub_issue_id)?;
    let had = state.repo_by_id(child.0).issues[&child.1].parent;
    if had == Some(parent) || (had.is_some() && !asked.replace_parent) {
        return Err(refused("Issue may not contain duplicate sub-issues and Sub issue may only have one parent"));
    }
    let ancestors = above(&state, parent);
    if child == parent || ancestors.contains(&child) {
        return Err(refused("Sub issue cannot be its own ancestor"));
    }
    let parts = state.repo_by_id(parent.0).issues[&parent.1].sub_issues.len();
    check_size(parts, ancestors.len() + 1 + depth(&state, child))?;
    if let Some(had) = had {
        ctx.app_state.drop_sub_issue(&mut state, had, child, writer.actor);
    }
    ctx.app_state.add_sub_issue(&mut state, parent, child, writer.actor);
    Ok(created(shown(&ctx, &state, parent)))
}

async fn remove(ctx: Ctx, At(at): At<(String, String, u64)>, Input(asked): Input<Asked>) -> Answer {
    let mut state = ctx.state();
    let (writer, parent) = family(&ctx, &state, &at)?;
    let child = by_id(&state, writer, asked.sub_issue_id)?;
    if state.repo_by_id(child.0).issues[&child.1].parent != Some(parent) {
        return Err(ApiError::not_found());
    }
    ctx.app_state.drop_sub_issue(&mut state, parent, child, writer.actor);
    Ok(ok(shown(&ctx, &state, parent)))
}

#[derive(Deserialize)]
struct Order {
    sub_issue_id: Option<Id>,
    #[serde(rename = "after_id")]
    after: Option<Id>,
    #[serde(rename = "before_id")]
    before: Option<Id>,
}

async fn reorder(ctx: Ctx, At(at): At<(String, String, u64)>, Input(asked): Input<Order>) -> Answer {
    let mut state = ctx.state();
    let (writer, parent) = family(&ctx, &state, &at)?;
    let moved = by_id(&state, writer, asked.sub_issue_id)?;
    let (beside, after) = match (asked.after, asked.before) {
        (Some(id), None) => (by_id(&state, writer, Some(id))?, true),
        (None, Some(id)) => (by_id(&state, writer, Some(id))?, false),
        _ => return Err(ApiError::semantic("Exactly one of after_id and before_id must be provided")),
    };
    let mut parts = state.repo_by_id(parent.0).issues[&parent.1].sub_issues.clone();
    if moved == beside || !parts.contains(&moved) || !parts.contains(&beside) {
        return Err(ApiError::semantic("The sub-issue is not one of this issue's"));
    }
    parts.retain(|part| *part != moved);
    let place = parts.iter().position(|part| *part == beside).unwrap_or_default();
    parts.insert(place + usize::from(after), moved);
    state.issue_mut(parent.0, parent.1).sub_issues = parts;
    Ok(ok(shown(&ctx, &state, parent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_parts_and_eight_levels_are_the_most() {
        assert!(check_size(99, 8).is_ok());
        assert!(check_size(100, 2).unwrap_err().message.contains("100 sub-issues"));
        assert!(check_size(0, 9).unwrap_err().message.contains("8 layers"));
    }
}
