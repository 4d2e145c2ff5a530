//! Issues. Pull requests are served here as well. <https://docs.github.com/en/rest/issues/issues>

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx, Input, Patch, created, ok},
    filter::Filter,
    labels::{LabelName, ensure_labels},
    order,
    pulls::reopenable,
    sizes::{check_body, check_title},
};
use crate::{
    acts::{NewIssue, Writer},
    app_state::AppState,
    error::ApiError,
    state::{AccountKind, Detail, Id, Issue, IssueState, Repo, Role, Scope, State},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/issues", get(list).post(create))
        .route("/repos/{owner}/{repo}/issues/{number}", get(read).patch(edit))
        .route("/repos/{owner}/{repo}/issues/{number}/assignees", post(assign).delete(unassign))
}

/// An issue that is a pull request can be read with either permission.
pub(super) const ISSUES: &[Scope] = &[Scope::Issues, Scope::PullRequests];

pub(super) fn find(repo: &Repo, number: u64) -> Result<&Issue, ApiError> {
    repo.issues.get(&number).ok_or_else(ApiError::not_found)
}

async fn list(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    let view = ctx.view(&state);
    let Some(filter) = Filter::of(&ctx, &state, repo) else { return Ok(ctx.list([], |nothing| nothing)) };
    if let Some(count) = filter.count(&repo.issues).filter(|_| order::is_newest_first(&ctx)) {
        // The most frequent case. Only the issues of the page are read.
        let newest = repo.issues.values().rev().filter(|issue| filter.takes(issue));
        return Ok(ctx.list_of(count, newest, |issue| view.issue(repo, issue)));
    }
    let mut found: Vec<&Issue> = repo.issues.values().filter(|issue| filter.takes(issue)).collect();
    order::issues(&ctx, &mut found);
    Ok(ctx.list(found, |issue| view.issue(repo, issue)))
}

async fn read(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    Ok(ok(ctx.view(&state).issue(repo, find(repo, number)?)))
}

#[derive(Deserialize)]
struct New {
    title: Option<Value>,
    body: Option<String>,
    #[serde(default)]
    labels: Option<Vec<LabelName>>,
    assignee: Option<String>,
    assignees: Option<Vec<String>>,
    milestone: Option<u64>,
}

async fn create(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(new): Input<New>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), &[Scope::Issues], Role::Read)?;
    let title = match &new.title {
        Some(Value::String(title)) if !title.trim().is_empty() => title.clone(),
        Some(Value::Number(title)) => title.to_string(),
        _ => return Err(ApiError::invalid("Issue", "title", "missing_field")),
    };
    check_title("Issue", Some(&title))?;
    check_body("Issue", new.body.as_deref())?;
    // If the caller may not set labels and assignees, they are ignored without an error.
    let may_label = ctx.of_issue_form || may_triage(&state, writer);
    let logins: Vec<String> = new.assignees.into_iter().flatten().chain(new.assignee).collect();
    let assignees = if may_label { accounts(&state, writer.repo, &logins)? } else { Vec::new() };
    let milestone = new.milestone.filter(|_| may_label);
    check_milestone(state.repo_by_id(writer.repo), milestone)?;
    let wanted = new.labels.unwrap_or_default();
    let labels = if may_label { ensure_labels(&ctx.app_state, &mut state, writer, &wanted)? } else { Vec::new() };
    let number = state.add_issue(
        writer.repo,
        NewIssue {
            title,
            body: new.body,
            author: writer.actor,
            via_app: writer.via_app,
            labels,
            assignees: Vec::new(),
        },
    );
    let at = (writer.repo, number);
    ctx.app_state.issue_opened(&mut state, at, writer.actor);
    ctx.app_state.set_assignees(&mut state, at, writer.actor, &assignees);
    ctx.app_state.set_milestone(&mut state, at, writer.actor, milestone);
    let repo = state.repo_by_id(writer.repo);
    Ok(created(ctx.view(&state).issue(repo, &repo.issues[&number])))
}

pub(super) fn may_triage(state: &State, writer: Writer) -> bool {
    writer.via_app || state.role(state.repo_by_id(writer.repo), writer.actor) >= Some(Role::Triage)
}

/// The author may change everything. Others may triage from the triage role on, and edit from the write role on.
/// <https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization>
pub(super) fn check_editor(state: &State, writer: Writer, issue: &Issue, texts: bool) -> Result<(), ApiError> {
    let least = if texts { Role::Write } else { Role::Triage };
    let may = writer.via_app || state.role(state.repo_by_id(writer.repo), writer.actor) >= Some(least);
    if may || issue.author == writer.actor {
        return Ok(());
    }
    Err(ApiError::forbidden(format!("Must have {} rights to Repository.", least.name())))
}

/// <https://docs.github.com/en/rest/issues/assignees#add-assignees-to-an-issue>
const MOST_ASSIGNEES: usize = 10;

fn check_milestone(repo: &Repo, number: Option<u64>) -> Result<(), ApiError> {
    match number {
        Some(number) if repo.milestone(number).is_none() => Err(ApiError::invalid("Issue", "milestone", "invalid")),
        _ => Ok(()),
    }
}

/// The accounts of these logins. An issue can be assigned to everybody with a role.
fn accounts(state: &State, repo: Id, logins: &[String]) -> Result<Vec<Id>, ApiError> {
    let mut ids = Vec::new();
    for login in logins {
        let person = state.account_by_login(login).filter(|account| account.kind == AccountKind::User);
        let person = person.filter(|found| state.given_role(state.repo_by_id(repo), found.id).is_some());
        let account = person.ok_or_else(|| ApiError::invalid("Issue", "assignees", "invalid"))?.id;
        if !ids.contains(&account) {
            ids.push(account);
        }
    }
    ids.truncate(MOST_ASSIGNEES);
    Ok(ids)
}

#[derive(Deserialize)]
struct Edit {
    title: Option<String>,
    #[serde(default)]
    body: Patch<String>,
    state: Option<IssueState>,
    #[serde(default)]
    state_reason: Patch<String>,
    labels: Option<Vec<LabelName>>,
    assignees: Option<Vec<String>>,
    #[serde(default)]
    milestone: Patch<u64>,
}

async fn edit(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>, Input(edit): Input<Edit>) -> Answer {
    let (writer, git) = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), ISSUES, Role::Read)?;
        let repo = state.repo_by_id(writer.repo);
        let issue = find(repo, number)?;
        check_editor(&state, writer, issue, edit.title.is_some() || !matches!(edit.body, Patch::Keep))?;
        (writer, issue.pull.is_some().then(|| repo.git.clone()))
    };
    check_title("Issue", edit.title.as_deref())?;
    check_body("Issue", edit.body.value().map(String::as_str))?;
    let reason = edit.state_reason.value().cloned();
    if reason.as_deref().is_some_and(|reason| !["completed", "not_planned", "reopened", "duplicate"].contains(&reason))
    {
        return Err(ApiError::invalid("Issue", "state_reason", "invalid"));
    }
    if edit.title.as_deref().is_some_and(|title| title.trim().is_empty()) {
        return Err(ApiError::invalid("Issue", "title", "missing_field"));
    }
    let at = (writer.repo, number);
    if let (Some(git), Some(IssueState::Open)) = (&git, edit.state) {
        reopenable(&ctx, git, at).await?;
    }
    let mut state = ctx.state();
    find(state.repo_by_id(at.0), number)?;
    let may_triage = may_triage(&state, writer);
    let assignees = edit.assignees.filter(|_| may_triage).map(|logins| accounts(&state, at.0, &logins)).transpose()?;
    let milestone = if may_triage { edit.milestone } else { Patch::Keep };
    check_milestone(state.repo_by_id(at.0), milestone.value().copied())?;
    let labels = match edit.labels.filter(|_| may_triage) {
        Some(labels) => Some(ensure_labels(&ctx.app_state, &mut state, writer, &labels)?),
        None => None,
    };
    edit_text(&ctx.app_state, &mut state, at, writer.actor, edit.title, edit.body);
    if let Some(labels) = labels {
        ctx.app_state.set_labels(&mut state, at, writer.actor, &labels);
    }
    if let Some(assignees) = assignees {
        ctx.app_state.set_assignees(&mut state, at, writer.actor, &assignees);
    }
    if !matches!(milestone, Patch::Keep) {
        ctx.app_state.set_milestone(&mut state, at, writer.actor, milestone.value().copied());
    }
    match edit.state {
        Some(IssueState::Closed) => ctx.app_state.close(&mut state, at, writer.actor, reason.as_deref(), None),
        Some(IssueState::Open) => {
            ctx.app_state.reopen(&mut state, at, writer.actor);
            if git.is_some() {
                ctx.app_state.compute_mergeability(&mut state, at.0, at.1);
            }
        }
        None => {}
    }
    let repo = state.repo_by_id(writer.repo);
    Ok(ok(ctx.view(&state).issue(repo, &repo.issues[&number])))
}

/// Changes title and body, and announces `edited` with the old ones.
pub(super) fn edit_text(
    app_state: &Arc<AppState>,
    state: &mut State,
    at: (Id, u64),
    actor: Id,
    title: Option<String>,
    body: Patch<String>,
) {
    let now = state.now();
    let issue = state.issue_mut(at.0, at.1);
    let mut changes = json!({});
    if let Some(title) = title.filter(|title| *title != issue.title) {
        changes["title"] = json!({ "from": issue.title });
        let from = std::mem::replace(&mut issue.title, title.clone());
        state.log(at, actor, "renamed", Detail::Renamed { from, to: title });
    }
    let issue = state.issue_mut(at.0, at.1);
    let body = match body {
        Patch::Keep => issue.body.clone(),
        Patch::Clear => None,
        Patch::Set(body) => Some(body),
    };
    if body != issue.body {
        changes["body"] = json!({ "from": issue.body.as_deref().unwrap_or_default() });
        issue.body = body;
    }
    if changes != json!({}) {
        issue.touch(now);
        app_state.announce_issue(state, at, actor, "edited", json!({ "changes": changes }));
    }
}

#[derive(Deserialize)]
struct Assignees {
    #[serde(default)]
    assignees: Vec<String>,
}

/// Users who cannot be assigned are ignored without an error.
/// <https://docs.github.com/en/rest/issues/assignees#add-assignees-to-an-issue>
async fn assign(ctx: Ctx, At(at): At<(String, String, u64)>, Input(asked): Input<Assignees>) -> Answer {
    let issue = change_assignees(&ctx, &at, &asked.assignees, |all, named| {
        for id in named {
            if !all.contains(&id) {
                all.push(id);
            }
        }
    })?;
    Ok(created(issue))
}

async fn unassign(ctx: Ctx, At(at): At<(String, String, u64)>, Input(asked): Input<Assignees>) -> Answer {
    Ok(ok(change_assignees(&ctx, &at, &asked.assignees, |all, named| all.retain(|id| !named.contains(id)))?))
}

fn change_assignees(
    ctx: &Ctx,
    (owner, name, number): &(String, String, u64),
    logins: &[String],
    change: impl Fn(&mut Vec<Id>, Vec<Id>),
) -> Result<Value, ApiError> {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (owner, name), ISSUES, Role::Triage)?;
    let repo = state.repo_by_id(writer.repo);
    let mut wanted = find(repo, *number)?.assignees.clone();
    let named = logins.iter().filter_map(|login| state.account_by_login(login)).map(|account| account.id);
    let named: Vec<Id> = named.filter(|id| state.given_role(repo, *id).is_some()).collect();
    change(&mut wanted, named);
    wanted.truncate(MOST_ASSIGNEES);
    ctx.app_state.set_assignees(&mut state, (writer.repo, *number), writer.actor, &wanted);
    let repo = state.repo_by_id(writer.repo);
    Ok(ctx.view(&state).issue(repo, &repo.issues[number]))
}
