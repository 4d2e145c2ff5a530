//! Review requests and errors of CODEOWNERS. <https://docs.github.com/en/rest/pulls/review-requests>

use std::sync::Arc;

use axum::{Router, routing::get};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx, Input, created, ok},
    pulls::{PULLS, find},
};
use crate::{
    acts::{CodeOwners, OwnersFault},
    app_state::AppState,
    auth::Caller,
    error::ApiError,
    state::{Id, Repo, Role, Scope, State},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route(
            "/repos/{owner}/{repo}/pulls/{number}/requested_reviewers",
            get(requested).post(request_reviewers).delete(unrequest_reviewers),
        )
        .route("/repos/{owner}/{repo}/codeowners/errors", get(owners_errors))
}

#[derive(Deserialize)]
struct Reviewers {
    #[serde(default)]
    reviewers: Vec<String>,
    #[serde(default)]
    team_reviewers: Vec<String>,
}

async fn requested(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), PULLS)?;
    let (_, pull) = find(repo, number)?;
    let users: Vec<Value> = pull.requested_reviewers.iter().map(|id| ctx.view(&state).account(*id)).collect();
    Ok(ok(json!({ "users": users, "teams": [] })))
}

fn is_collaborator(state: &State, repo: &Repo, account: Id) -> bool {
    state.given_role(repo, account).is_some()
}

/// The requested people. If one of them cannot review, nobody is asked.
fn named(state: &State, repo: &Repo, author: Id, asked: &Reviewers) -> Result<Vec<Id>, ApiError> {
    let stranger = || {
        ApiError::semantic(
            "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the repository.",
        )
    };
    if !asked.team_reviewers.is_empty() {
        return Err(stranger());
    }
    let mut found = Vec::new();
    for login in &asked.reviewers {
        let account = state.account_by_login(login).map(|account| account.id);
        let reviewer = account.filter(|id| is_collaborator(state, repo, *id)).ok_or_else(stranger)?;
        if reviewer == author {
            return Err(ApiError::semantic("Review cannot be requested from pull request author."));
        }
        found.push(reviewer);
    }
    Ok(found)
}

async fn request_reviewers(ctx: Ctx, At(at): At<(String, String, u64)>, Input(asked): Input<Reviewers>) -> Answer {
    change(&ctx, &at, &asked, AppState::request_review).map(created)
}

async fn unrequest_reviewers(ctx: Ctx, At(at): At<(String, String, u64)>, Input(asked): Input<Reviewers>) -> Answer {
    change(&ctx, &at, &asked, AppState::unrequest_review).map(ok)
}

/// Applies a change to everybody who is named, and answers with the pull request.
fn change(
    ctx: &Ctx,
    (owner, name, number): &(String, String, u64),
    asked: &Reviewers,
    act: impl Fn(&Arc<AppState>, &mut State, (Id, u64), Id, Id),
) -> Result<Value, ApiError> {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (owner, name), PULLS, Role::Triage)?;
    let repo = state.repo_by_id(writer.repo);
    let (issue, _) = find(repo, *number)?;
    for reviewer in named(&state, repo, issue.author, asked)? {
        act(&ctx.app_state, &mut state, (writer.repo, *number), writer.actor, reviewer);
    }
    let repo = state.repo_by_id(writer.repo);
    Ok(ctx.view(&state).pull_simple(repo, &repo.issues[number]))
}

/// <https://docs.github.com/en/rest/repos/repos#list-codeowners-errors>
async fn owners_errors(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let (repo, git, rev) = {
        let state = ctx.state();
        let repo = ctx.read(&state, (&owner, &name), &[Scope::Contents])?;
        if matches!(ctx.caller, Caller::Anonymous) {
            return Err(ApiError::not_found());
        }
        let rev = ctx.query("ref").unwrap_or(&repo.default_branch).to_owned();
        (repo.id, repo.git.clone(), rev)
    };
    let file = CodeOwners::of(&git, &rev).await?.ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    let shown = |fault: OwnersFault| {
        json!({
            "line": fault.line, "column": fault.column, "source": fault.source, "kind": fault.kind,
            "suggestion": fault.suggestion, "message": fault.message, "path": file.path,
        })
    };
    let faults: Vec<Value> = file.faults(&state, state.repo_by_id(repo)).into_iter().map(shown).collect();
    Ok(ok(json!({ "errors": faults })))
}
