//! The dispatches: `workflow_dispatch` and `repository_dispatch`.
//! <https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event>,
//! <https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event>

use std::sync::Arc;

use axum::{Router, http::StatusCode, routing::post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    actions::{ACTIONS, find_workflow},
    context::{Answer, At, Ctx, Input, no_content},
};
use crate::{
    app_state::AppState,
    ci::{Cause, WorkflowFile},
    error::ApiError,
    git::branch_ref,
    state::{Role, Scope},
    webhooks::Event,
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches", post(of_workflow))
        .route("/repos/{owner}/{repo}/dispatches", post(of_repository))
}

/// The most inputs and members that this version accepts. github.com accepts more inputs.
/// <https://docs.github.com/en/enterprise-server@3.17/rest/actions/workflows#create-a-workflow-dispatch-event>
const MOST_MEMBERS: usize = 10;
const MOST_CHARACTERS: usize = 100;
const MOST_BYTES: usize = 65_535;

fn not_supplied(field: &str) -> ApiError {
    ApiError::semantic(format!("Invalid request.\n\n\"{field}\" wasn't supplied."))
}

fn check_members(members: &Map<String, Value>) -> Result<(), ApiError> {
    if members.len() <= MOST_MEMBERS {
        return Ok(());
    }
    let many = members.len();
    let message =
        format!("Invalid request.\n\nNo more than {MOST_MEMBERS} properties are allowed; {many} were supplied.");
    Err(ApiError::semantic(message))
}

#[derive(Deserialize)]
struct Asked {
    #[serde(rename = "ref")]
    name: Option<String>,
    #[serde(default)]
    inputs: Map<String, Value>,
    return_run_details: Option<Value>,
}

async fn of_workflow(
    ctx: Ctx,
    At((owner, name, workflow)): At<(String, String, String)>,
    Input(asked): Input<Asked>,
) -> Answer {
    let (writer, path, git) = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), ACTIONS, Role::Write)?;
        let repo = state.repo_by_id(writer.repo);
        (writer, find_workflow(repo, &workflow)?.path.clone(), repo.git.clone())
    };
    if asked.return_run_details.is_some() {
        // github.com returns the run. This version does not know the parameter.
        let message = "Invalid request.\n\n\"return_run_details\" is not a permitted key.";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, message));
    }
    let wanted = asked.name.ok_or_else(|| not_supplied("ref"))?;
    check_members(&asked.inputs)?;
    let short = wanted.trim_start_matches("refs/heads/").trim_start_matches("refs/tags/").to_owned();
    let no_ref = || ApiError::semantic(format!("No ref found for: {wanted}"));
    let found = match git.ref_sha(&branch_ref(&short)).await? {
        Some(sha) => Some((branch_ref(&short), sha)),
        None => git.resolve(&format!("refs/tags/{short}")).await?.map(|sha| (format!("refs/tags/{short}"), sha)),
    };
    let (full, sha) = found.ok_or_else(no_ref)?;
    let files = git.workflow_files(&sha).await?;
    let file = files.iter().find(|(all, _)| *all == path).and_then(|(path, text)| WorkflowFile::parse(path, text).ok());
    let no_trigger = || ApiError::semantic("Workflow does not have 'workflow_dispatch' trigger");
    let file = file.ok_or_else(no_trigger)?;
    let inputs = file.dispatch(&asked.inputs).map_err(|refused| ApiError::semantic(refused.0))?;
    let commit = git.commit(&sha).await?.ok_or_else(no_ref)?;
    let mut state = ctx.state();
    let fields = json!({ "inputs": inputs, "ref": full, "workflow": path });
    let (repo, sender) = (writer.repo, writer.actor);
    ctx.app_state.announce(&mut state, Event { name: "workflow_dispatch", action: None, repo, sender, fields });
    let cause = Cause::asked("workflow_dispatch", sender, (&short, &sha), Some(file.name.clone()));
    ctx.app_state.begin_run(&mut state, repo, &file, &cause, &commit);
    Ok(no_content())
}

#[derive(Deserialize)]
struct Told {
    event_type: Option<String>,
    #[serde(default)]
    client_payload: Option<Map<String, Value>>,
}

async fn of_repository(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(told): Input<Told>) -> Answer {
    let (writer, git, branch) = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), &[Scope::Contents], Role::Write)?;
        let repo = state.repo_by_id(writer.repo);
        (writer, repo.git.clone(), repo.default_branch.clone())
    };
    let kind = told.event_type.filter(|kind| !kind.is_empty()).ok_or_else(|| not_supplied("event_type"))?;
    let long = kind.chars().count();
    if long > MOST_CHARACTERS {
        let message =
            format!("Invalid request.\n\nOnly {MOST_CHARACTERS} characters are allowed; {long} were supplied.");
        return Err(ApiError::semantic(message));
    }
    let payload = told.client_payload.unwrap_or_default();
    check_members(&payload)?;
    if json!(payload).to_string().len() > MOST_BYTES {
        return Err(ApiError::semantic("client_payload is too large."));
    }
    let head = git.ref_sha(&branch_ref(&branch)).await?;
    {
        let mut state = ctx.state();
        // The caller chooses the name of the action.
        let fields = json!({ "action": kind, "branch": branch, "client_payload": payload });
        let (repo, sender) = (writer.repo, writer.actor);
        ctx.app_state.announce(&mut state, Event { name: "repository_dispatch", action: None, repo, sender, fields });
    }
    if let Some(sha) = head {
        let cause = Cause::asked("repository_dispatch", writer.actor, (&branch, &sha), Some(kind.clone()));
        ctx.app_state.run_workflows(writer.repo, cause.of_type(&kind)).await?;
    }
    Ok(no_content())
}
