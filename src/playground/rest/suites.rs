//! Check suites, and the runs of a suite or of a ref. <https://docs.github.com/en/rest/checks/suites>

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use serde_json::json;

use super::{
    checks::{CHECKS, head_commit},
    context::{Answer, At, Ctx, created, ok},
    error::ApiError,
};
use crate::playground::{
    hub::Hub,
    state::{CheckRun, CheckSuite, Id, Repo, Role},
};

pub(super) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/repos/{owner}/{repo}/check-suites/{id}", get(read))
        .route("/repos/{owner}/{repo}/check-suites/{id}/check-runs", get(runs))
        .route("/repos/{owner}/{repo}/check-suites/{id}/rerequest", post(rerequest))
}

fn find(repo: &Repo, id: Id) -> Result<&CheckSuite, ApiError> {
    repo.suites.iter().find(|suite| suite.id == id).ok_or_else(ApiError::not_found)
}

async fn read(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let (repo, sha) = {
        let state = ctx.state();
        let repo = ctx.read(&state, (&owner, &name), CHECKS)?;
        (repo.id, find(repo, id)?.head_sha.clone())
    };
    let commit = head_commit(&ctx, repo, &sha).await?;
    let state = ctx.state();
    let repo = state.repo_by_id(repo);
    Ok(ok(ctx.view(&state).check_suite(repo, find(repo, id)?, commit.as_ref())))
}

async fn runs(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), CHECKS)?;
    find(repo, id)?;
    Ok(list_runs(&ctx, &state, repo, |run| run.suite == id))
}

/// The runs of a commit, as `GET /commits/{ref}/check-runs` lists them.
pub(super) fn runs_of(ctx: &Ctx, (owner, name): (&str, &str), sha: &str) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (owner, name), CHECKS)?;
    Ok(list_runs(ctx, &state, repo, |run| run.head_sha == sha))
}

fn list_runs(
    ctx: &Ctx,
    state: &crate::playground::state::State,
    repo: &Repo,
    of: impl Fn(&CheckRun) -> bool,
) -> axum::response::Response {
    let view = ctx.view(state);
    let status = |run: &CheckRun| json!(run.status);
    let mut found: Vec<&CheckRun> = repo
        .runs
        .iter()
        .filter(|run| of(run))
        .filter(|run| ctx.query("check_name").is_none_or(|name| run.name == name))
        .filter(|run| ctx.query("status").is_none_or(|wanted| status(run) == wanted))
        .filter(|run| ctx.query("app_id").is_none_or(|app| app == run.app.to_string()))
        .collect();
    // Newest first; `latest`, the default, keeps one of each name.
    found.reverse();
    if ctx.query("filter") != Some("all") {
        let mut seen = std::collections::BTreeSet::new();
        found.retain(|run| seen.insert((run.suite, &run.name)));
    }
    ctx.counted_list("check_runs", found, |run| view.check_run(repo, run))
}

/// The suites of a commit, as `GET /commits/{ref}/check-suites` lists them.
pub(super) async fn suites_of(ctx: &Ctx, (owner, name): (&str, &str), sha: &str) -> Answer {
    let repo = ctx.read(&ctx.state(), (owner, name), CHECKS)?.id;
    let commit = head_commit(ctx, repo, sha).await?;
    let state = ctx.state();
    let repo = state.repo_by_id(repo);
    let view = ctx.view(&state);
    let found = repo.suites.iter().filter(|suite| suite.head_sha == sha);
    let found = found.filter(|suite| ctx.query("app_id").is_none_or(|app| app == suite.app.to_string()));
    Ok(ctx.counted_list("check_suites", found, |suite| view.check_suite(repo, suite, commit.as_ref())))
}

async fn rerequest(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let (writer, sha) = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), CHECKS, Role::Write)?;
        (writer, find(state.repo_by_id(writer.repo), id)?.head_sha.clone())
    };
    let commit = head_commit(&ctx, writer.repo, &sha).await?;
    let mut state = ctx.state();
    ctx.hub.announce_suite(&mut state, writer.repo, id, writer.actor, "rerequested", commit.as_ref());
    Ok(created(json!({})))
}
