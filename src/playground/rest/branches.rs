//! Branches. <https://docs.github.com/en/rest/branches/branches>

use std::sync::Arc;

use axum::{Router, http::StatusCode, routing::get};
use serde_json::json;

use super::{
    commits::git_of,
    context::{Answer, At, Ctx, ok},
    error::ApiError,
};
use crate::playground::{git::branch_ref, hub::Hub};

pub(super) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/repos/{owner}/{repo}/branches", get(list))
        .route("/repos/{owner}/{repo}/branches/{*branch}", get(read))
        .route("/repos/{owner}/{repo}/tags", get(tags))
}

async fn list(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    let mut branches = git.branches().await?;
    branches.retain(|branch| !ctx.hub.overlooks(repo, &branch_ref(&branch.name)));
    let state = ctx.state();
    let view = ctx.view(&state);
    Ok(ctx.list(&branches, |branch| view.branch(state.repo_by_id(repo), &branch.name, &branch.sha)))
}

async fn read(ctx: Ctx, At((owner, name, branch)): At<(String, String, String)>) -> Answer {
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    let missing = |message: &str| ApiError::new(StatusCode::NOT_FOUND, message);
    let Some(sha) = git.ref_sha(&branch_ref(&branch)).await? else {
        return Err(missing(if branch.ends_with("/protection") { "Branch not protected" } else { "Branch not found" }));
    };
    if ctx.hub.overlooks(repo, &branch_ref(&branch)) {
        return Err(missing("Branch not found"));
    }
    let commit = git.commit(&sha).await?.ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    let (view, repo) = (ctx.view(&state), state.repo_by_id(repo));
    let mut value = view.branch(repo, &branch, &sha);
    let url = view.repo_api(repo, &format!("/branches/{branch}"));
    value["commit"] = view.commit(repo, &commit);
    value["_links"] = json!({ "self": url, "html": view.repo_web(repo, &format!("/tree/{branch}")) });
    value["protection"] = json!({ "enabled": false, "required_status_checks": { "enforcement_level": "off", "contexts": [], "checks": [] } });
    value["protection_url"] = json!(format!("{url}/protection"));
    Ok(ok(value))
}

async fn tags(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    let mut tags = git.refs("refs/tags/").await?;
    for tag in tags.iter_mut().filter(|tag| tag.kind == "tag") {
        // The list shows what is tagged, not the tag.
        tag.sha = git.resolve(&tag.sha).await?.unwrap_or_else(|| tag.sha.clone());
    }
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
