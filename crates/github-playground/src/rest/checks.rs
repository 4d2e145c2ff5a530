//! Check runs: only apps write them. <https://docs.github.com/en/rest/checks/runs>

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx, Input, created, ok},
    sizes,
};
use crate::{
    acts::Writer,
    app_state::AppState,
    auth::Caller,
    error::ApiError,
    git::GitError,
    state::{Action, Annotation, CheckRun, CheckStatus, Conclusion, Id, Output, Repo, Role, Scope, State},
    view::simple_commit,
};

/// <https://docs.github.com/en/rest/checks/runs#create-a-check-run>: the limits of one request.
const TEXT_LIMIT: usize = 65_535;
const ANNOTATIONS_LIMIT: usize = 50;
const ACTIONS_LIMIT: usize = 3;
/// The most bytes of an annotation's message, and of its details.
const ANNOTATION_BYTES: usize = 64 * 1024;
const MOST_OF_A_NAME: usize = 1000;

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/check-runs", post(create))
        .route("/repos/{owner}/{repo}/check-runs/{id}", get(read).patch(update))
        .route("/repos/{owner}/{repo}/check-runs/{id}/annotations", get(annotations))
        .route("/repos/{owner}/{repo}/check-runs/{id}/rerequest", post(rerequest))
        .route("/repos/{owner}/{repo}/check-runs/{id}/requested_action", post(requested_action))
}

pub(super) const CHECKS: &[Scope] = &[Scope::Checks];

#[derive(Deserialize)]
struct Fields {
    name: Option<String>,
    head_sha: Option<String>,
    details_url: Option<String>,
    external_id: Option<String>,
    status: Option<CheckStatus>,
    started_at: Option<DateTime<Utc>>,
    conclusion: Option<Conclusion>,
    completed_at: Option<DateTime<Utc>>,
    output: Option<OutputFields>,
    actions: Option<Vec<Action>>,
}

#[derive(Deserialize)]
struct OutputFields {
    title: Option<String>,
    summary: Option<String>,
    text: Option<String>,
    #[serde(default)]
    annotations: Vec<Annotation>,
}

fn wrong(field: &str, message: &str) -> ApiError {
    ApiError::invalid_because("CheckRun", field, message)
}

impl Fields {
    fn check(&self) -> Result<(), ApiError> {
        if let Some(output) = &self.output {
            for (field, text) in [("title", &output.title), ("summary", &output.summary), ("text", &output.text)] {
                if text.as_ref().is_some_and(|text| text.chars().count() > TEXT_LIMIT) {
                    return Err(wrong(field, &format!("{field} exceeds a maximum length of 65535")));
                }
            }
            if output.summary.is_none() {
                return Err(ApiError::invalid("CheckRun", "summary", "missing_field"));
            }
            if output.annotations.len() > ANNOTATIONS_LIMIT {
                return Err(wrong("annotations", "exceeds maximum of 50 annotations"));
            }
            for annotation in &output.annotations {
                if !["notice", "warning", "failure"].contains(&annotation.annotation_level.as_str()) {
                    return Err(wrong(
                        "annotation_level",
                        "annotation_level is not a member of [notice, warning, failure]",
                    ));
                }
                let texts = [
                    ("message", Some(annotation.message.as_str())),
                    ("raw_details", annotation.raw_details.as_deref()),
                ];
                if let Some((field, _)) =
                    texts.iter().find(|(_, text)| text.is_some_and(|text| text.len() > ANNOTATION_BYTES))
                {
                    return Err(wrong(field, &format!("{field} exceeds a maximum size of 64 KB")));
                }
                sizes::check("CheckRun", "title", annotation.title.as_deref(), 255)?;
                if annotation.start_line == 0 || annotation.end_line < annotation.start_line {
                    return Err(wrong("end_line", "end_line must be greater than or equal to start_line"));
                }
            }
        }
        self.check_actions()
    }

    fn check_actions(&self) -> Result<(), ApiError> {
        let actions = self.actions.as_deref().unwrap_or_default();
        if actions.len() > ACTIONS_LIMIT {
            return Err(wrong("actions", "No more than 3 actions are allowed"));
        }
        for action in actions {
            let limits = [
                ("label", &action.label, 20),
                ("description", &action.description, 40),
                ("identifier", &action.identifier, 20),
            ];
            for (field, text, most) in limits {
                if text.is_empty() || text.chars().count() > most {
                    return Err(wrong(field, &format!("{field} must have 1 to {most} characters")));
                }
            }
        }
        Ok(())
    }

    /// Applies the given fields to a run. Annotations are added to the existing ones.
    fn apply(self, run: &mut CheckRun, now: DateTime<Utc>) -> Result<(), ApiError> {
        if self.status == Some(CheckStatus::Completed) && self.conclusion.or(run.conclusion).is_none() {
            return Err(ApiError::invalid("CheckRun", "conclusion", "missing_field"));
        }
        run.name = self.name.unwrap_or_else(|| run.name.clone());
        run.details_url = self.details_url.or_else(|| run.details_url.take());
        run.external_id = self.external_id.unwrap_or_else(|| run.external_id.clone());
        run.started_at = self.started_at.unwrap_or(run.started_at);
        if let Some(status) = self.status {
            run.status = status;
            if status != CheckStatus::Completed {
                (run.conclusion, run.completed_at) = (None, None);
            }
        }
        // A conclusion completes the run, whatever the status is.
        if let Some(conclusion) = self.conclusion {
            run.status = CheckStatus::Completed;
            run.conclusion = Some(conclusion);
        }
        if run.status == CheckStatus::Completed {
            run.completed_at = self.completed_at.or(run.completed_at).or(Some(now));
        }
        if let Some(output) = self.output {
            run.output.title = output.title.or_else(|| run.output.title.take());
            run.output.summary = output.summary;
            run.output.text = output.text.or_else(|| run.output.text.take());
            run.output.annotations.extend(output.annotations);
        }
        run.actions = self.actions.unwrap_or_else(|| std::mem::take(&mut run.actions));
        Ok(())
    }
}

/// Check runs belong to apps, so a person's token is refused whatever its role.
pub(super) fn app_only(ctx: &Ctx, state: &State, at: (&str, &str)) -> Result<Writer, ApiError> {
    match ctx.caller {
        Caller::User(_) => {
            ctx.read(state, at, CHECKS)?;
            Err(ApiError::forbidden("You must authenticate via a GitHub App."))
        }
        _ => ctx.write(state, at, CHECKS, Role::Write),
    }
}

/// Only the app that created a check run may change it.
fn own(app: Id, run: &CheckRun) -> Result<(), ApiError> {
    if run.app == app {
        return Ok(());
    }
    let message = format!("Invalid app_id `{app}` - check run can only be modified by the GitHub App that created it.");
    Err(ApiError::forbidden(message))
}

pub(super) fn find(repo: &Repo, id: Id) -> Result<&CheckRun, ApiError> {
    repo.runs.iter().find(|run| run.id == id).ok_or_else(ApiError::not_found)
}

/// The commit's data for the suite's webhooks.
pub(super) async fn head_commit(ctx: &Ctx, repo: Id, sha: &str) -> Result<Option<Value>, GitError> {
    let git = ctx.state().repo_by_id(repo).git.clone();
    Ok(git.commit(sha).await?.map(|commit| simple_commit(&commit)))
}

async fn create(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(fields): Input<Fields>) -> Answer {
    let writer = app_only(&ctx, &ctx.state(), (&owner, &name))?;
    let missing = |field: &str| ApiError::invalid("CheckRun", field, "missing_field");
    fields.check()?;
    let name = fields.name.clone().filter(|name| !name.is_empty()).ok_or_else(|| missing("name"))?;
    let sha = fields.head_sha.clone().ok_or_else(|| missing("head_sha"))?;
    let commit = match sha.len() {
        40 => head_commit(&ctx, writer.repo, &sha).await?,
        _ => None,
    };
    if commit.is_none() {
        return Err(ApiError::semantic(format!("No commit found for SHA: {sha}")));
    }
    let mut state = ctx.state();
    let (id, now) = (state.new_id(), state.now());
    let branch = state
        .repo_by_id(writer.repo)
        .pulls()
        .find(|(_, pull)| pull.head_sha == sha)
        .map(|(_, pull)| pull.head_ref.clone());
    let app = state.app_acting(writer.actor);
    let (suite, _) = state.suite_of(app, writer.repo, &sha, branch.as_deref(), None);
    let mut run = CheckRun {
        id,
        app,
        suite,
        name,
        head_sha: sha,
        external_id: String::new(),
        details_url: None,
        status: CheckStatus::Queued,
        conclusion: None,
        started_at: now,
        completed_at: None,
        output: Output::default(),
        actions: Vec::new(),
    };
    fields.apply(&mut run, now)?;
    let completed = run.status == CheckStatus::Completed;
    let runs = &mut state.repo_mut(writer.repo).runs;
    // https://docs.github.com/en/rest/checks/runs: if a suite has more than a thousand runs of one name, the oldest are
    // deleted.
    let same = |all: &CheckRun| all.suite == suite && all.name == run.name;
    if runs.iter().filter(|all| same(all)).count() >= MOST_OF_A_NAME
        && let Some(oldest) = runs.iter().position(same)
    {
        runs.remove(oldest);
    }
    runs.push(run);
    ctx.app_state.announce_run(&mut state, writer.repo, id, writer.actor, "created", json!({}));
    if completed {
        ctx.app_state.announce_run(&mut state, writer.repo, id, writer.actor, "completed", json!({}));
    }
    ctx.app_state.settle_suite(&mut state, writer.repo, suite, writer.actor, commit.as_ref());
    let repo = state.repo_by_id(writer.repo);
    Ok(created(ctx.view(&state).check_run(repo, find(repo, id)?)))
}

async fn update(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>, Input(fields): Input<Fields>) -> Answer {
    let (writer, sha) = {
        let state = ctx.state();
        let writer = app_only(&ctx, &state, (&owner, &name))?;
        let run = find(state.repo_by_id(writer.repo), id)?;
        own(state.app_acting(writer.actor), run)?;
        (writer, run.head_sha.clone())
    };
    fields.check()?;
    let commit = head_commit(&ctx, writer.repo, &sha).await?;
    let mut state = ctx.state();
    let now = state.now();
    let runs = &mut state.repo_mut(writer.repo).runs;
    let run = runs.iter_mut().find(|run| run.id == id).ok_or_else(ApiError::not_found)?;
    let was = run.status;
    let mut changed = run.clone();
    fields.apply(&mut changed, now)?;
    *run = changed;
    let (suite, completed) = (run.suite, run.status == CheckStatus::Completed && was != CheckStatus::Completed);
    if completed {
        ctx.app_state.announce_run(&mut state, writer.repo, id, writer.actor, "completed", json!({}));
    }
    ctx.app_state.settle_suite(&mut state, writer.repo, suite, writer.actor, commit.as_ref());
    let repo = state.repo_by_id(writer.repo);
    Ok(ok(ctx.view(&state).check_run(repo, find(repo, id)?)))
}

async fn read(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), CHECKS)?;
    Ok(ok(ctx.view(&state).check_run(repo, find(repo, id)?)))
}

async fn annotations(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), CHECKS)?;
    let run = find(repo, id)?;
    let view = ctx.view(&state);
    Ok(ctx.list(&run.output.annotations, |annotation| {
        let mut value = json!(annotation);
        let path = crate::view::encode_path(&annotation.path);
        value["blob_href"] = json!(view.repo_web(repo, &format!("/blob/{}/{path}", run.head_sha)));
        value
    }))
}

/// Asks the run's app to run the check again. The run itself does not change, and only its app is informed.
/// <https://docs.github.com/en/rest/checks/runs#rerequest-a-check-run>
async fn rerequest(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), CHECKS, Role::Write)?;
    let (app, suite) = {
        let run = find(state.repo_by_id(writer.repo), id)?;
        (run.app, run.suite)
    };
    if app == state.actions.id {
        return super::suites::run_again(&ctx, &mut state, writer, suite);
    }
    state.requeue(writer.repo, suite);
    ctx.app_state.announce_run(&mut state, writer.repo, id, writer.actor, "rerequested", json!({}));
    Ok(created(json!({})))
}

#[derive(Deserialize)]
struct Pressed {
    identifier: Option<String>,
}

/// Presses a button of a check run. GitHub has no such endpoint; there a person presses the button on the page.
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads?actionType=requested_action#check_run>
async fn requested_action(
    ctx: Ctx,
    At((owner, name, id)): At<(String, String, Id)>,
    Input(pressed): Input<Pressed>,
) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), CHECKS, Role::Write)?;
    let run = find(state.repo_by_id(writer.repo), id)?;
    let identifier = pressed.identifier.filter(|wanted| run.actions.iter().any(|action| action.identifier == *wanted));
    let identifier = identifier.ok_or_else(|| ApiError::invalid("CheckRun", "identifier", "invalid"))?;
    let extra = json!({ "requested_action": { "identifier": identifier } });
    ctx.app_state.announce_run(&mut state, writer.repo, id, writer.actor, "requested_action", extra);
    Ok(created(json!({})))
}
