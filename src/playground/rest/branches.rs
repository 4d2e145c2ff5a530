//! Branches. <https://docs.github.com/en/rest/branches/branches>

use std::sync::Arc;

use axum::{
    Router,
    http::{Method, StatusCode},
    routing::get,
};
use serde_json::{Value, json};

use super::{
    commits::git_of,
    context::{Answer, AnyInput, At, Ctx, ok},
    error::ApiError,
    protection,
};
use crate::playground::{git::branch_ref, hub::Hub};

pub(super) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/repos/{owner}/{repo}/branches", get(list))
        .route("/repos/{owner}/{repo}/branches/{*branch}", get(read).fallback(change))
        .route("/repos/{owner}/{repo}/tags", get(tags))
}

async fn list(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    let branches = git.branches().await?;
    let state = ctx.state();
    let view = ctx.view(&state);
    Ok(ctx.list(&branches, |branch| view.branch(state.repo_by_id(repo), &branch.name, &branch.sha)))
}

async fn read(ctx: Ctx, At((owner, name, branch)): At<(String, String, String)>) -> Answer {
    if let Some(part) = protection::split(&branch) {
        return protection::serve(&ctx, Method::GET, (&owner, &name), part, Value::Null).await;
    }
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    let missing = || ApiError::new(StatusCode::NOT_FOUND, "Branch not found");
    let sha = git.ref_sha(&branch_ref(&branch)).await?.ok_or_else(missing)?;
    let commit = git.commit(&sha).await?.ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    let (view, repo) = (ctx.view(&state), state.repo_by_id(repo));
    let mut value = view.branch(repo, &branch, &sha);
    let url = view.repo_api(repo, &format!("/branches/{branch}"));
    value["commit"] = view.commit(repo, &commit);
    value["_links"] = json!({ "self": url, "html": view.repo_web(repo, &format!("/tree/{branch}")) });
    value["protection"] = view.branch_protection(repo, &branch);
    value["protection_url"] = json!(format!("{url}/protection"));
    Ok(ok(value))
}

/// Everything below a branch that is not only read.
async fn change(
    ctx: Ctx,
    method: Method,
    At((owner, name, branch)): At<(String, String, String)>,
    AnyInput(body): AnyInput<Value>,
) -> Answer {
    match protection::split(&branch) {
        Some(part) => protection::serve(&ctx, method, (&owner, &name), part, body).await,
        None => Err(ApiError::not_found()),
    }
}

async fn tags(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    let tags = git.refs("refs/tags/").await?;
    let state = ctx.state();
    let (view, repo) = (ctx.view(&state), state.repo_by_id(repo));
    Ok(ctx.list(&tags, |tag| {
        let name = tag.name.trim_start_matches("refs/tags/");
        json!({
            "name": name, "node_id": format!("REF_{}", hex::encode(&tag.name)),
            "commit": { "sha": tag.sha, "url": view.repo_api(repo, &format!("/commits/{}", tag.sha)) },
            "zipball_url": view.repo_api(repo, &format!("/zipball/{}", tag.name)),
            "tarball_url": view.repo_api(repo, &format!("/tarball/{}", tag.name)),
        })
    }))
}
