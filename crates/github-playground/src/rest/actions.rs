//! GitHub Actions: workflows, runs and jobs. <https://docs.github.com/en/rest/actions/workflow-runs>

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
};

use axum::{
    Router,
    extract::{self, Path},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::TimeDelta;
use serde_json::json;

use super::context::{Answer, At, Ctx, answer, created, ok};
use crate::{
    app_state::AppState,
    error::ApiError,
    keys::random_hex,
    state::{Id, Job, Repo, Role, Scope, Stage, State, Workflow, WorkflowRun},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/actions/workflows", get(workflows))
        .route("/repos/{owner}/{repo}/actions/workflows/{workflow}", get(workflow))
        .route("/repos/{owner}/{repo}/actions/workflows/{workflow}/runs", get(runs_of_workflow))
        .route("/repos/{owner}/{repo}/actions/runs", get(runs))
        .route("/repos/{owner}/{repo}/actions/runs/{id}", get(run))
        .route("/repos/{owner}/{repo}/actions/runs/{id}/jobs", get(jobs))
        .route("/repos/{owner}/{repo}/actions/runs/{id}/rerun", post(rerun))
        .route("/repos/{owner}/{repo}/actions/runs/{id}/rerun-failed-jobs", post(rerun_failed))
        .route("/repos/{owner}/{repo}/actions/runs/{id}/cancel", post(cancel))
        .route("/repos/{owner}/{repo}/actions/jobs/{id}", get(job))
        .route("/repos/{owner}/{repo}/actions/jobs/{id}/logs", get(job_log))
        .route("/repos/{owner}/{repo}/actions/jobs/{id}/rerun", post(rerun_job))
}

pub(super) const ACTIONS: &[Scope] = &[Scope::Actions];

/// <https://docs.github.com/en/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs>
const RERUN_DAYS: i64 = 30;

/// Finds a workflow by its id or its file's name.
pub(super) fn find_workflow<'r>(repo: &'r Repo, name: &str) -> Result<&'r Workflow, ApiError> {
    let named = |workflow: &&Workflow| {
        workflow.id.to_string() == name || workflow.path == name || workflow.path.rsplit('/').next() == Some(name)
    };
    repo.actions.workflows.iter().find(named).ok_or_else(ApiError::not_found)
}

fn find(repo: &Repo, id: Id) -> Result<&WorkflowRun, ApiError> {
    repo.actions.run(id).ok_or_else(ApiError::not_found)
}

async fn workflows(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ACTIONS)?;
    let view = ctx.view(&state);
    Ok(ctx.counted_list("workflows", &repo.actions.workflows, |workflow| view.workflow(repo, workflow)))
}

async fn workflow(ctx: Ctx, At((owner, name, workflow)): At<(String, String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ACTIONS)?;
    Ok(ok(ctx.view(&state).workflow(repo, find_workflow(repo, &workflow)?)))
}

async fn runs(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    list(&ctx, (&owner, &name), None)
}

async fn runs_of_workflow(ctx: Ctx, At((owner, name, workflow)): At<(String, String, String)>) -> Answer {
    list(&ctx, (&owner, &name), Some(&workflow))
}

/// Newest first.
fn list(ctx: &Ctx, at: (&str, &str), workflow: Option<&str>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, at, ACTIONS)?;
    let of = workflow.map(|name| find_workflow(repo, name).map(|workflow| workflow.id)).transpose()?;
    let view = ctx.view(&state);
    let found = repo.actions.runs.iter().rev();
    let found = found.filter(|run| of.is_none_or(|of| run.workflow == of) && wanted(ctx, &state, run));
    Ok(ctx.counted_list("workflow_runs", found, |run| shown(ctx, view.workflow_run(repo, run))))
}

fn wanted(ctx: &Ctx, state: &State, run: &WorkflowRun) -> bool {
    let is = |name: &str, value: &str| ctx.query(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value));
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    is("actor", &state.account(run.actor).login)
        && is("branch", run.head_branch.as_deref().unwrap_or_default())
        && is("event", &run.event)
        && is("head_sha", &run.head_sha)
        && is("check_suite_id", &run.suite.to_string())
        && (is("status", &word(json!(run.stage))) || is("status", &word(json!(run.conclusion))))
}

fn shown(ctx: &Ctx, mut run: serde_json::Value) -> serde_json::Value {
    if ctx.query("exclude_pull_requests") == Some("true") {
        run["pull_requests"] = json!([]);
    }
    run
}

async fn run(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ACTIONS)?;
    Ok(ok(shown(&ctx, ctx.view(&state).workflow_run(repo, find(repo, id)?))))
}

async fn jobs(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ACTIONS)?;
    let run = find(repo, id)?;
    let view = ctx.view(&state);
    let found: Vec<&Job> =
        if ctx.query("filter") == Some("all") { run.jobs.iter().collect() } else { run.current().collect() };
    Ok(ctx.counted_list("jobs", found, |job| view.workflow_job(repo, run, job)))
}

async fn job(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ACTIONS)?;
    let of = |run: &'_ WorkflowRun| -> Option<Job> { run.jobs.iter().find(|job| job.id == id).cloned() };
    let found = repo.actions.runs.iter().find_map(|run| Some((run, of(run)?)));
    let (run, job) = found.ok_or_else(ApiError::not_found)?;
    Ok(ok(ctx.view(&state).workflow_job(repo, run, &job)))
}

/// The API only redirects. The log itself has an address that needs no token, because clients do not send theirs to
/// another host. <https://docs.github.com/en/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run>
async fn job_log(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ACTIONS)?;
    let log = state.log_of_job(repo.id, id).ok_or_else(ApiError::not_found)?;
    let ticket = random_hex(20);
    ctx.app_state.logs.lock().unwrap_or_else(PoisonError::into_inner).insert(ticket.clone(), log);
    Ok((StatusCode::FOUND, [(header::LOCATION, ctx.urls.web(&format!("/_logs/{ticket}")))]).into_response())
}

/// The route of the logs themselves, outside the API. An address is good for one download.
pub(crate) fn logs(app_state: Arc<AppState>) -> Router {
    Router::new().route("/_logs/{ticket}", get(download_log)).with_state(app_state)
}

async fn download_log(
    extract::State(app_state): extract::State<Arc<AppState>>,
    Path(ticket): Path<String>,
) -> Response {
    let log = app_state.logs.lock().unwrap_or_else(PoisonError::into_inner).remove(&ticket);
    log.map_or_else(|| (StatusCode::NOT_FOUND, "404: Not Found").into_response(), IntoResponse::into_response)
}

async fn rerun(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    again(&ctx, (&owner, &name), |_| Some(id), |run| Ok((0..run.plan.len()).collect()))
}

async fn rerun_failed(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let failed = |run: &WorkflowRun| Some(run.failed()).filter(|failed| !failed.is_empty());
    let none = || ApiError::forbidden("This workflow run has no failed jobs");
    again(&ctx, (&owner, &name), |_| Some(id), |run| failed(run).ok_or_else(none))
}

/// Runs a job again, together with the jobs that need it.
async fn rerun_job(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let of = |run: &WorkflowRun| run.jobs.iter().find(|job| job.id == id).map(|job| job.planned);
    let run = |repo: &Repo| repo.actions.runs.iter().find(|run| of(run).is_some()).map(|run| run.id);
    again(&ctx, (&owner, &name), run, |run| Ok(run.with_dependents(of(run).into_iter().collect())))
}

/// Runs some jobs of a completed run again.
fn again(
    ctx: &Ctx,
    at: (&str, &str),
    which: impl Fn(&Repo) -> Option<Id>,
    jobs: impl Fn(&WorkflowRun) -> Result<BTreeSet<usize>, ApiError>,
) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, at, ACTIONS, Role::Write)?;
    let repo = state.repo_by_id(writer.repo);
    let run = find(repo, which(repo).ok_or_else(ApiError::not_found)?)?;
    if run.stage != Stage::Completed {
        return Err(ApiError::forbidden("This workflow is already running"));
    }
    if run.created_at + TimeDelta::days(RERUN_DAYS) < state.now() {
        let message = "Unable to retry this workflow run because it was created over a month ago";
        return Err(ApiError::forbidden(message));
    }
    let (id, jobs) = (run.id, jobs(run)?);
    ctx.app_state.run_again(&mut state, (writer.repo, id), &jobs, writer.actor);
    Ok(created(json!({})))
}

async fn cancel(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), ACTIONS, Role::Write)?;
    find(state.repo_by_id(writer.repo), id)?;
    if !ctx.app_state.cancel_run(&mut state, writer.repo, id) {
        let message = "Cannot cancel a workflow run that is completed.";
        return Err(ApiError::new(StatusCode::CONFLICT, message));
    }
    Ok(answer(StatusCode::ACCEPTED, json!({})))
}
