//! Merging: a pull request into its base, or any ref into a branch.
//! <https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request>

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post, put},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    context::{Answer, At, Ctx, Input, answer, created, no_content, ok},
    guard::guard_merge,
    pulls::{PULLS, find},
};
use crate::{
    acts::{MergeAsked, RefMove, Writer, github_signature, guard_workflows, merge_plan, merge_pull},
    app_state::AppState,
    error::ApiError,
    git::{GitError, MergeMethod, branch_ref},
    state::{IssueState, Role, Scope},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/pulls/{number}/merge", get(is_merged).merge(put(merge)))
        .route("/repos/{owner}/{repo}/pulls/{number}/update-branch", put(update_branch))
        .route("/repos/{owner}/{repo}/merges", post(merge_branch))
}

async fn is_merged(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let (_, pull) = find(ctx.read(&state, (&owner, &name), PULLS)?, number)?;
    if pull.merged.is_some() { Ok(no_content()) } else { Err(ApiError::not_found()) }
}

async fn merge(
    ctx: Ctx,
    At((owner, name, number)): At<(String, String, u64)>,
    Input(asked): Input<MergeAsked>,
) -> Answer {
    let writer = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), &[Scope::Contents], Role::Write)?;
        find(state.repo_by_id(writer.repo), number)?;
        writer
    };
    let sha = merge_pull(&ctx.app_state, writer, number, asked).await?;
    Ok(ok(json!({ "sha": sha, "merged": true, "message": "Pull Request successfully merged" })))
}

#[derive(Deserialize)]
struct BranchMerge {
    base: Option<String>,
    head: Option<String>,
    commit_message: Option<String>,
}

/// <https://docs.github.com/en/rest/branches/branches#merge-a-branch>
async fn merge_branch(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(asked): Input<BranchMerge>) -> Answer {
    let (writer, git, moving, signature) = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), &[Scope::Contents], Role::Write)?;
        let repo = state.repo_by_id(writer.repo);
        (writer, repo.git.clone(), repo.moving.clone(), state.signature_of(writer.actor))
    };
    let missing = |field: &str| ApiError::invalid("Merge", field, "missing_field");
    let base = asked.base.ok_or_else(|| missing("base"))?;
    let head = asked.head.ok_or_else(|| missing("head"))?;
    let _still = moving.lock().await;
    let base_ref = branch_ref(&base);
    let absent = |what: &str| ApiError::new(StatusCode::NOT_FOUND, format!("{what} does not exist"));
    let old = git.ref_sha(&base_ref).await?.ok_or_else(|| absent("Base"))?;
    let head_sha = super::commits::resolve(&git, &head).await.map_err(|_| absent("Head"))?;
    let message = asked.commit_message.unwrap_or_else(|| format!("Merge {head} into {base}"));
    guard_merge(&ctx, writer, &base, &old)?;
    guard_workflows(writer, &git, (Some(&old), &head_sha)).await?;
    let sha = match git.merge(&base, &head_sha, MergeMethod::Merge, &message, &signature, &github_signature()).await {
        Ok(sha) => sha,
        Err(GitError::UpToDate) => return Ok(no_content()),
        Err(error) => return Err(error.into()),
    };
    let moved = RefMove { name: base_ref, old: Some(old), new: Some(sha.clone()) };
    ctx.app_state.refs_moved(writer.repo, vec![moved], writer.actor).await?;
    let commit = git.commit(&sha).await?.ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    Ok(created(ctx.view(&state).commit(state.repo_by_id(writer.repo), &commit)))
}

#[derive(Deserialize)]
struct Update {
    expected_head_sha: Option<String>,
}

/// Merges the base into the head. <https://docs.github.com/en/rest/pulls/pulls#update-a-pull-request-branch>
async fn update_branch(
    ctx: Ctx,
    At((owner, name, number)): At<(String, String, u64)>,
    Input(asked): Input<Update>,
) -> Answer {
    let writer = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), PULLS, Role::Write)?;
        find(state.repo_by_id(writer.repo), number)?;
        writer
    };
    update_pull(&ctx, writer, number, asked.expected_head_sha).await?;
    let url = ctx.urls.api(&format!("/repos/{owner}/{name}/pulls/{number}"));
    Ok(answer(StatusCode::ACCEPTED, json!({ "message": "Updating pull request branch.", "url": url })))
}

pub(crate) async fn update_pull(
    ctx: &Ctx,
    writer: Writer,
    number: u64,
    expected: Option<String>,
) -> Result<(), ApiError> {
    let moving = ctx.state().repo_by_id(writer.repo).moving.clone();
    let _still = moving.lock().await;
    let plan = {
        let state = ctx.state();
        let (issue, pull) = find(state.repo_by_id(writer.repo), number)?;
        if issue.state == IssueState::Closed {
            return Err(ApiError::semantic("Cannot update the branch of a closed pull request."));
        }
        if expected.is_some_and(|sha| sha != pull.head_sha) {
            return Err(ApiError::semantic("expected head sha didn't match current head ref."));
        }
        merge_plan(&state, writer, number)?
    };
    let base = plan.git.ref_sha(&branch_ref(&plan.base)).await?.ok_or_else(ApiError::not_found)?;
    guard_merge(ctx, writer, &plan.head_ref, &plan.head)?;
    let message = format!("Merge branch '{}' into {}", plan.base, plan.head_ref);
    let committer = github_signature();
    let merged = plan.git.merge(&plan.head_ref, &base, MergeMethod::Merge, &message, &plan.merger, &committer).await;
    let sha = merged.map_err(|error| match error {
        GitError::Conflict { .. } => ApiError::semantic("merge conflict between base and head"),
        GitError::UpToDate => ApiError::semantic("There are no new commits on the base branch."),
        other => other.into(),
    })?;
    let moved = RefMove { name: branch_ref(&plan.head_ref), old: Some(plan.head), new: Some(sha) };
    ctx.app_state.refs_moved(writer.repo, vec![moved], writer.actor).await?;
    Ok(())
}
