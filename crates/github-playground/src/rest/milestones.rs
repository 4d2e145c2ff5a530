//! Milestones. <https://docs.github.com/en/rest/issues/milestones>

use std::sync::Arc;

use axum::{Router, routing::get};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx, Input, Patch, created, no_content, ok},
    issues::ISSUES,
};
use crate::{
    app_state::AppState,
    error::ApiError,
    state::{IssueState, Milestone, Repo, Role},
    view::{completeness, maybe_time},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/milestones", get(list).post(create))
        .route("/repos/{owner}/{repo}/milestones/{number}", get(read).patch(edit).delete(remove))
}

fn find(repo: &Repo, number: u64) -> Result<&Milestone, ApiError> {
    repo.milestone(number).ok_or_else(ApiError::not_found)
}

/// Sorted by due date with missing dates last, unless the query says otherwise.
async fn list(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    let view = ctx.view(&state);
    let of_state = |milestone: &&Milestone| match ctx.query("state").unwrap_or("open") {
        "all" => true,
        "closed" => milestone.state == IssueState::Closed,
        _ => milestone.state == IssueState::Open,
    };
    let mut found: Vec<&Milestone> = repo.milestones.iter().filter(of_state).collect();
    if ctx.query("sort") == Some("completeness") {
        found.sort_by_key(|milestone| completeness(repo, milestone));
    } else {
        found.sort_by_key(|milestone| (milestone.due_on.is_none(), milestone.due_on));
    }
    if ctx.query("direction") == Some("desc") {
        found.reverse();
    }
    Ok(ctx.list(found, |milestone| view.milestone(repo, milestone)))
}

async fn read(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    Ok(ok(ctx.view(&state).milestone(repo, find(repo, number)?)))
}

#[derive(Deserialize)]
struct Fields {
    title: Option<String>,
    state: Option<IssueState>,
    #[serde(default)]
    description: Patch<String>,
    #[serde(default)]
    due_on: Patch<DateTime<Utc>>,
}

fn check_title(repo: &Repo, title: &str, own: Option<u64>) -> Result<(), ApiError> {
    if title.trim().is_empty() {
        return Err(ApiError::invalid("Milestone", "title", "missing_field"));
    }
    if repo.milestones.iter().any(|all| all.title == title && Some(all.number) != own) {
        return Err(ApiError::invalid("Milestone", "title", "already_exists"));
    }
    Ok(())
}

async fn create(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(fields): Input<Fields>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), ISSUES, Role::Write)?;
    let title = fields.title.unwrap_or_default();
    check_title(state.repo_by_id(writer.repo), &title, None)?;
    let (id, now) = (state.new_id(), state.now());
    let closed = fields.state == Some(IssueState::Closed);
    let repo = state.repo_mut(writer.repo);
    repo.last_milestone += 1;
    let number = repo.last_milestone;
    repo.milestones.push(Milestone {
        id,
        number,
        title,
        description: fields.description.value().cloned(),
        state: if closed { IssueState::Closed } else { IssueState::Open },
        creator: writer.actor,
        created_at: now,
        updated_at: now,
        closed_at: closed.then_some(now),
        due_on: fields.due_on.value().copied(),
    });
    let action = if closed { "closed" } else { "created" };
    ctx.app_state.announce_milestone(&mut state, (writer.repo, number), writer.actor, action, json!({}));
    let repo = state.repo_by_id(writer.repo);
    Ok(created(ctx.view(&state).milestone(repo, find(repo, number)?)))
}

async fn edit(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>, Input(fields): Input<Fields>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), ISSUES, Role::Write)?;
    let repo = state.repo_by_id(writer.repo);
    let was = find(repo, number)?.clone();
    if let Some(title) = &fields.title {
        check_title(repo, title, Some(number))?;
    }
    let now = state.now();
    let repo = state.repo_mut(writer.repo);
    let milestone = repo.milestones.iter_mut().find(|all| all.number == number).ok_or_else(ApiError::not_found)?;
    let changes = fields.apply(milestone);
    if changes != json!({}) || fields.state.is_some_and(|state| state != was.state) {
        milestone.updated_at = now;
    }
    let moved = fields.state.filter(|state| *state != was.state);
    if let Some(state) = moved {
        milestone.state = state;
        milestone.closed_at = (state == IssueState::Closed).then_some(now);
    }
    let at = (writer.repo, number);
    if changes != json!({}) {
        ctx.app_state.announce_milestone(&mut state, at, writer.actor, "edited", json!({ "changes": changes }));
    }
    if let Some(moved) = moved {
        let action = if moved == IssueState::Closed { "closed" } else { "opened" };
        ctx.app_state.announce_milestone(&mut state, at, writer.actor, action, json!({}));
    }
    let repo = state.repo_by_id(writer.repo);
    Ok(ok(ctx.view(&state).milestone(repo, find(repo, number)?)))
}

impl Fields {
    /// Changes the texts, and returns the old ones.
    fn apply(&self, milestone: &mut Milestone) -> Value {
        let mut changes = json!({});
        if let Some(title) = self.title.as_ref().filter(|title| **title != milestone.title) {
            changes["title"] = json!({ "from": std::mem::replace(&mut milestone.title, title.clone()) });
        }
        let description = match &self.description {
            Patch::Keep => milestone.description.clone(),
            Patch::Clear => None,
            Patch::Set(text) => Some(text.clone()),
        };
        if description != milestone.description {
            let was = std::mem::replace(&mut milestone.description, description);
            changes["description"] = json!({ "from": was.unwrap_or_default() });
        }
        let due_on = match &self.due_on {
            Patch::Keep => milestone.due_on,
            Patch::Clear => None,
            Patch::Set(due) => Some(*due),
        };
        if due_on != milestone.due_on {
            let was = maybe_time(std::mem::replace(&mut milestone.due_on, due_on));
            changes["due_on"] = json!({ "from": was.as_str().unwrap_or_default() });
        }
        changes
    }
}

/// Deletes a milestone. Its issues then have none.
async fn remove(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), ISSUES, Role::Write)?;
    find(state.repo_by_id(writer.repo), number)?;
    ctx.app_state.announce_milestone(&mut state, (writer.repo, number), writer.actor, "deleted", json!({}));
    let repo = state.repo_mut(writer.repo);
    repo.milestones.retain(|milestone| milestone.number != number);
    repo.issues.change_all(|issue| issue.milestone = issue.milestone.filter(|its| *its != number));
    Ok(no_content())
}
