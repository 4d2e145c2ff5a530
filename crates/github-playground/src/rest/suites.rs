//! Check suites, and the runs of a suite or of a ref. <https://docs.github.com/en/rest/checks/suites>

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Router,
    routing::{get, patch, post},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    checks::{CHECKS, app_only, head_commit},
    context::{Answer, At, Ctx, Input, created, ok},
};
use crate::{
    acts::Writer,
    app_state::AppState,
    error::ApiError,
    state::{CheckRun, CheckSuite, Id, Repo, Role, Stage, State},
    view::simple_commit,
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/check-suites", post(create))
        .route("/repos/{owner}/{repo}/check-suites/preferences", patch(prefer))
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

fn list_runs(ctx: &Ctx, state: &State, repo: &Repo, of: impl Fn(&CheckRun) -> bool) -> axum::response::Response {
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
    // Newest first. `latest`, the default, keeps one of each name.
    found.reverse();
    if ctx.query("filter") != Some("all") {
        let mut seen = BTreeSet::new();
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
        let mut state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), CHECKS, Role::Write)?;
        let suite = find(state.repo_by_id(writer.repo), id)?;
        if suite.app == state.actions.id {
            return run_again(&ctx, &mut state, writer, id);
        }
        (writer, suite.head_sha.clone())
    };
    let commit = head_commit(&ctx, writer.repo, &sha).await?;
    let mut state = ctx.state();
    state.requeue(writer.repo, id);
    ctx.app_state.announce_suite(&mut state, writer.repo, id, writer.actor, "rerequested", commit.as_ref());
    Ok(created(json!({})))
}

/// Runs a suite of Actions again for a person. An app may do that only for its own suites.
pub(super) fn run_again(ctx: &Ctx, state: &mut State, writer: Writer, suite: Id) -> Answer {
    if writer.via_app {
        return Err(ApiError::forbidden("This check suite does not belong to the authenticated GitHub App."));
    }
    let runs = &state.repo_by_id(writer.repo).actions.runs;
    let run = runs.iter().find(|run| run.suite == suite && run.stage == Stage::Completed);
    let run = run.ok_or_else(|| ApiError::semantic("This check suite is not rerequestable"))?;
    let (run, all) = (run.id, (0..run.plan.len()).collect());
    ctx.app_state.run_again(state, (writer.repo, run), &all, writer.actor);
    Ok(created(json!({})))
}

impl State {
    /// Marks a suite as queued until a run changes it.
    pub(super) fn requeue(&mut self, repo: Id, suite: Id) {
        let now = self.now();
        if let Some(suite) = self.repo_mut(repo).suites.iter_mut().find(|all| all.id == suite) {
            suite.requeued = true;
            suite.announced = false;
            suite.updated_at = now;
        }
    }
}

#[derive(Deserialize)]
struct New {
    head_sha: Option<String>,
}

/// For repositories in which a push creates no suites.
/// <https://docs.github.com/en/rest/checks/suites#create-a-check-suite>
async fn create(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(new): Input<New>) -> Answer {
    let writer = app_only(&ctx, &ctx.state(), (&owner, &name))?;
    let sha = new.head_sha.ok_or_else(|| ApiError::semantic("Invalid request.\n\n\"head_sha\" wasn't supplied."))?;
    let git = ctx.state().repo_by_id(writer.repo).git.clone();
    let commit = git.commit(&sha).await?.filter(|commit| commit.sha == sha);
    let commit = commit.ok_or_else(|| ApiError::semantic(format!("No commit found for SHA: {sha}")))?;
    let branch = git.branches_at(&sha).await?.first().map(|branch| branch.name.clone());
    let mut state = ctx.state();
    let app = state.app_acting(writer.actor);
    let (id, is_new) = state.suite_of(app, writer.repo, &sha, branch.as_deref(), None);
    let repo = state.repo_by_id(writer.repo);
    let shown = ctx.view(&state).check_suite(repo, find(repo, id)?, Some(&simple_commit(&commit)));
    Ok(if is_new { created(shown) } else { ok(shown) })
}

#[derive(Deserialize)]
struct Preferences {
    #[serde(default)]
    auto_trigger_checks: Vec<Preference>,
}

#[derive(Deserialize)]
struct Preference {
    app_id: Id,
    setting: bool,
}

/// Whether a push creates a suite for an app.
/// <https://docs.github.com/en/rest/checks/suites#update-repository-preferences-for-check-suites>
async fn prefer(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(asked): Input<Preferences>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), CHECKS, Role::Admin)?;
    let apps: BTreeSet<Id> = state.installations_of(writer.repo).map(|all| all.app).collect();
    if asked.auto_trigger_checks.iter().any(|all| !apps.contains(&all.app_id)) {
        return Err(ApiError::invalid("CheckSuite", "app_id", "invalid"));
    }
    let repo = state.repo_mut(writer.repo);
    for Preference { app_id, setting } in asked.auto_trigger_checks {
        if setting {
            repo.no_auto_checks.remove(&app_id);
        } else {
            repo.no_auto_checks.insert(app_id);
        }
    }
    let repo = state.repo_by_id(writer.repo);
    let shown = |app: Id| json!({ "app_id": app, "setting": !repo.no_auto_checks.contains(&app) });
    let settings: Vec<_> = apps.into_iter().map(shown).collect();
    Ok(ok(json!({
        "preferences": { "auto_trigger_checks": settings },
        "repository": ctx.view(&state).repo_minimal(repo),
    })))
}
