//! Branches. <https://docs.github.com/en/rest/branches/branches>

use std::sync::Arc;

use axum::{
    Router,
    http::{Method, StatusCode},
    response::Response,
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    commits::git_of,
    context::{Answer, AnyInput, At, Ctx, ok, shaped},
    protection, redirects,
};
use crate::{
    acts::RefMove,
    app_state::AppState,
    error::ApiError,
    git::{branch_ref, is_valid_ref_name},
    state::{Role, Scope},
    view::View,
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/branches", get(list))
        .route("/repos/{owner}/{repo}/branches/{*branch}", get(read).fallback(change))
        .route("/repos/{owner}/{repo}/tags", get(tags))
}

async fn list(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    let mut branches = git.branches().await?;
    branches.retain(|branch| !ctx.app_state.hides_ref(repo, &branch_ref(&branch.name)));
    let state = ctx.state();
    let view = ctx.view(&state);
    Ok(ctx.list(&branches, |branch| view.branch(state.repo_by_id(repo), &branch.name, &branch.sha)))
}

async fn read(ctx: Ctx, At((owner, name, branch)): At<(String, String, String)>) -> Answer {
    if let Some(part) = protection::split(&branch) {
        return protection::serve(&ctx, Method::GET, (&owner, &name), part, Value::Null).await;
    }
    match renamed(&ctx, (&owner, &name), &branch).await? {
        Some(led_on) => Ok(led_on),
        None => whole(&ctx, (&owner, &name), &branch).await,
    }
}

/// The answer for the old name of a branch, as long as no other branch has that name.
/// <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-branches-in-your-repository/renaming-a-branch>
async fn renamed(ctx: &Ctx, at: (&str, &str), branch: &str) -> Result<Option<Response>, ApiError> {
    let (repo, git) = git_of(ctx, at)?;
    if git.ref_sha(&branch_ref(branch)).await?.is_some() {
        return Ok(None);
    }
    let state = ctx.state();
    let Some(new) = state.repo_by_id(repo).renamed.get(branch) else { return Ok(None) };
    let place = ctx.view(&state).urls.api(&format!("/repositories/{repo}/branches/{new}"));
    Ok(redirects::moved_to(&Method::GET, &place))
}

async fn whole(ctx: &Ctx, at: (&str, &str), branch: &str) -> Answer {
    let (repo, git) = git_of(ctx, at)?;
    let missing = || ApiError::new(StatusCode::NOT_FOUND, "Branch not found");
    let sha = git.ref_sha(&branch_ref(branch)).await?.ok_or_else(missing)?;
    if ctx.app_state.hides_ref(repo, &branch_ref(branch)) {
        return Err(missing());
    }
    let commit = git.commit(&sha).await?.ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    let (view, repo) = (ctx.view(&state), state.repo_by_id(repo));
    let mut value = view.branch(repo, branch, &sha);
    let url = view.repo_api(repo, &format!("/branches/{branch}"));
    value["commit"] = view.commit(repo, &commit);
    value["_links"] = json!({ "self": url, "html": view.repo_web(repo, &format!("/tree/{branch}")) });
    value["protection"] = View::branch_protection(repo, branch);
    value["protection_url"] = json!(format!("{url}/protection"));
    Ok(ok(value))
}

/// Every request below a branch that changes something.
async fn change(
    ctx: Ctx,
    method: Method,
    At((owner, name, branch)): At<(String, String, String)>,
    AnyInput(body): AnyInput<Value>,
) -> Answer {
    if let Some(part) = protection::split(&branch) {
        return protection::serve(&ctx, method, (&owner, &name), part, body).await;
    }
    match branch.strip_suffix("/rename") {
        Some(branch) if method == Method::POST => rename(&ctx, (&owner, &name), branch, body).await,
        _ => Err(ApiError::not_found()),
    }
}

#[derive(Deserialize)]
struct Rename {
    new_name: Option<String>,
}

/// <https://docs.github.com/en/rest/branches/branches#rename-a-branch>
async fn rename(ctx: &Ctx, (owner, name): (&str, &str), branch: &str, body: Value) -> Answer {
    let asked: Rename = shaped(body)?;
    let new = asked.new_name.ok_or_else(|| ApiError::semantic("Invalid request.\n\n\"new_name\" wasn't supplied."))?;
    let (writer, git, moving, is_default) = {
        let state = ctx.state();
        let repo = ctx.read(&state, (owner, name), &[Scope::Metadata])?;
        let is_default = repo.default_branch == branch;
        // Only administrators may rename the default branch or a protected one.
        let is_guarded = is_default || repo.rules.protections.contains_key(branch);
        let (scope, least) =
            if is_guarded { (Scope::Administration, Role::Admin) } else { (Scope::Contents, Role::Write) };
        let writer = ctx.write(&state, (owner, name), &[scope], least)?;
        let repo = state.repo_by_id(writer.repo);
        (writer, repo.git.clone(), repo.moving.clone(), is_default)
    };
    let (old_ref, new_ref) = (branch_ref(branch), branch_ref(&new));
    let still = moving.lock().await;
    let missing = || ApiError::new(StatusCode::NOT_FOUND, "Branch not found");
    let sha = git.ref_sha(&old_ref).await?.ok_or_else(missing)?;
    if !is_valid_ref_name(&new_ref) {
        return Err(ApiError::invalid("Branch", "name", "invalid"));
    }
    if git.ref_sha(&new_ref).await?.is_some() {
        return Err(ApiError::invalid("Branch", "name", "already_exists"));
    }
    git.create_ref(&new_ref, &sha).await?;
    if is_default {
        git.set_head(&new).await?;
    }
    git.delete_ref(&old_ref).await?;
    ctx.app_state.branch_renamed(&mut ctx.state(), writer.repo, writer.actor, (branch, &new));
    let made = RefMove { name: new_ref, old: None, new: Some(sha.clone()) };
    let gone = RefMove { name: old_ref, old: Some(sha), new: None };
    ctx.app_state.refs_moved(writer.repo, vec![made, gone], writer.actor).await?;
    drop(still);
    let mut answer = whole(ctx, (owner, name), &new).await?;
    *answer.status_mut() = StatusCode::CREATED;
    Ok(answer)
}

async fn tags(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    let mut tags = git.refs("refs/tags/").await?;
    for tag in tags.iter_mut().filter(|tag| tag.kind == "tag") {
        // The list shows the tagged commit and not the tag object.
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
