//! Commit statuses: the older kind of check, which any writer may set.
//! <https://docs.github.com/en/rest/commits/statuses>

use std::sync::Arc;

use axum::{Router, routing::post};
use serde::Deserialize;
use serde_json::json;

use super::{
    context::{Answer, At, Ctx, Input, created, ok},
    error::{ApiError, is_web_address},
    sizes,
};
use crate::playground::{
    hub::Hub,
    state::{Role, Scope, Status, StatusState},
    view::{merge, without},
    webhooks::Event,
};

pub(super) fn routes() -> Router<Arc<Hub>> {
    Router::new().route("/repos/{owner}/{repo}/statuses/{sha}", post(create))
}

const STATUSES: &[Scope] = &[Scope::Statuses];

#[derive(Deserialize)]
struct New {
    state: Option<StatusState>,
    target_url: Option<String>,
    description: Option<String>,
    context: Option<String>,
}

async fn create(ctx: Ctx, At((owner, name, sha)): At<(String, String, String)>, Input(new): Input<New>) -> Answer {
    let (writer, git) = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), STATUSES, Role::Write)?;
        (writer, state.repo_by_id(writer.repo).git.clone())
    };
    let given = new.state.ok_or_else(|| ApiError::invalid("Status", "state", "missing_field"))?;
    sizes::check("Status", "description", new.description.as_deref(), 140)?;
    sizes::check("Status", "context", new.context.as_deref(), 255)?;
    let target_url = new.target_url.filter(|url| !url.is_empty());
    if target_url.as_ref().is_some_and(|url| !is_web_address(url)) {
        return Err(ApiError::invalid_because("Status", "target_url", "target_url must use http(s) scheme"));
    }
    let commit = git.commit(&sha).await?.filter(|commit| commit.sha == sha);
    let commit = commit.ok_or_else(|| ApiError::semantic(format!("No commit found for SHA: {sha}")))?;
    let mut state = ctx.state();
    let status = Status {
        id: state.new_id(),
        sha: sha.clone(),
        context: new.context.unwrap_or_else(|| "default".to_owned()),
        state: given,
        description: new.description,
        target_url,
        creator: writer.actor,
        created_at: state.now(),
    };
    state.repo_mut(writer.repo).statuses.push(status.clone());
    let repo = state.repo_by_id(writer.repo);
    let full_name = ctx.view(&state).full_name(repo);
    let mut fields = ctx.view(&state).status(repo, &status);
    merge(
        &mut fields,
        json!({ "sha": sha, "name": full_name, "branches": [], "commit": ctx.view(&state).commit(repo, &commit) }),
    );
    without(&mut fields, &["creator", "node_id", "url"]);
    for person in ["author", "committer"] {
        without(&mut fields["commit"][person], &["user_view_type"]);
    }
    ctx.hub
        .announce(&mut state, Event { name: "status", action: None, repo: writer.repo, sender: writer.actor, fields });
    Ok(created(ctx.view(&state).status(state.repo_by_id(writer.repo), &status)))
}

/// `GET /commits/{ref}/statuses`, newest first.
pub(super) fn statuses_of(ctx: &Ctx, (owner, name): (&str, &str), sha: &str) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (owner, name), STATUSES)?;
    let view = ctx.view(&state);
    let found = repo.statuses.iter().rev().filter(|status| status.sha == sha);
    Ok(ctx.list(found, |status| view.status(repo, status)))
}

/// `GET /commits/{ref}/status`.
pub(super) fn combined(ctx: &Ctx, (owner, name): (&str, &str), sha: &str) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (owner, name), STATUSES)?;
    Ok(ok(ctx.view(&state).combined_status(repo, sha)))
}
