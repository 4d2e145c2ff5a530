//! Comments on issues and on pull requests' conversations. <https://docs.github.com/en/rest/issues/comments>

use std::sync::Arc;

use axum::{Router, routing::get};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx, Input, created, no_content, ok},
    issues::{ISSUES, find},
    locks::check_unlocked,
    order,
    sizes::check_body,
};
use crate::{
    acts::Writer,
    app_state::AppState,
    error::ApiError,
    state::{Comment, Id, Role, State},
    view::View,
    webhooks::Event,
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/issues/comments", get(all))
        .route("/repos/{owner}/{repo}/issues/comments/{id}", get(read).patch(edit).delete(remove))
        .route("/repos/{owner}/{repo}/issues/{number}/comments", get(of_issue).post(create))
}

async fn all(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    let view = ctx.view(&state);
    let all = repo.issues.values().flat_map(|issue| issue.comments.iter().map(move |comment| (issue, comment)));
    let comments = order::comments(&ctx, all, |(_, comment)| (comment.id, comment.updated_at));
    Ok(ctx.list(comments, |(issue, comment)| view.comment(repo, issue, comment)))
}

async fn of_issue(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    let issue = find(repo, number)?;
    let view = ctx.view(&state);
    let since = ctx.query("since").and_then(|since| since.parse::<DateTime<Utc>>().ok());
    let comments = issue.comments.iter().filter(|comment| since.is_none_or(|since| comment.updated_at >= since));
    Ok(ctx.list(comments, |comment| view.comment(repo, issue, comment)))
}

#[derive(Deserialize)]
struct Text {
    body: Option<String>,
}

impl Text {
    fn checked(self) -> Result<String, ApiError> {
        let body = self.body.filter(|body| !body.trim().is_empty());
        let body = body.ok_or_else(|| ApiError::invalid("IssueComment", "body", "missing_field"))?;
        check_body("IssueComment", Some(&body))?;
        Ok(body)
    }
}

async fn create(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>, Input(text): Input<Text>) -> Answer {
    let writer = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), ISSUES, Role::Read)?;
        find(state.repo_by_id(writer.repo), number)?;
        writer
    };
    let id = comment_on(&ctx, writer, number, text.body.unwrap_or_default())?;
    let state = ctx.state();
    Ok(created(shown(ctx.view(&state), writer.repo, id)))
}

/// Adds a comment to an issue or a pull request that the caller has looked up.
pub(crate) fn comment_on(ctx: &Ctx, writer: Writer, number: u64, body: String) -> Result<Id, ApiError> {
    let mut state = ctx.state();
    check_unlocked(&state, writer, find(state.repo_by_id(writer.repo), number)?)?;
    let body = Text { body: Some(body) }.checked()?;
    let (id, now) = (state.new_id(), state.now());
    let issue = state.issue_mut(writer.repo, number);
    issue.comments.push(Comment {
        id,
        author: writer.actor,
        via_app: writer.via_app,
        body,
        reactions: Vec::new(),
        created_at: now,
        updated_at: now,
    });
    issue.touch(now);
    state.repo_mut(writer.repo).remember_comment(id, number);
    announce(&ctx.app_state, &mut state, writer, id, "created", json!({}));
    Ok(id)
}

fn shown(view: View, repo: Id, id: Id) -> Value {
    let repo = view.state.repo_by_id(repo);
    repo.comment(id).map_or(Value::Null, |(issue, comment)| view.comment(repo, issue, comment))
}

fn announce(app_state: &Arc<AppState>, state: &mut State, writer: Writer, id: Id, action: &'static str, extra: Value) {
    let repo = state.repo_by_id(writer.repo);
    let Some((issue, _)) = repo.comment(id) else { return };
    let view = View::new(state, &app_state.urls);
    let mut fields = json!({ "issue": view.issue_in_webhook(repo, issue), "comment": shown(view, writer.repo, id) });
    crate::view::merge(&mut fields, extra);
    let event = Event { name: "issue_comment", action: Some(action), repo: writer.repo, sender: writer.actor, fields };
    app_state.announce(state, event);
}

async fn read(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    let (issue, comment) = repo.comment(id).ok_or_else(ApiError::not_found)?;
    Ok(ok(ctx.view(&state).comment(repo, issue, comment)))
}

/// The author of a comment may change it, and so may everybody who can push.
fn may_change(ctx: &Ctx, state: &State, at: (&str, &str), id: Id) -> Result<(Writer, u64), ApiError> {
    let writer = ctx.write(state, at, ISSUES, Role::Read)?;
    let repo = state.repo_by_id(writer.repo);
    let (issue, comment) = repo.comment(id).ok_or_else(ApiError::not_found)?;
    if comment.author == writer.actor || writer.via_app || state.role(repo, writer.actor) >= Some(Role::Write) {
        return Ok((writer, issue.number));
    }
    Err(ApiError::forbidden("Must have write rights to Repository."))
}

async fn edit(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>, Input(text): Input<Text>) -> Answer {
    let mut state = ctx.state();
    let (writer, number) = may_change(&ctx, &state, (&owner, &name), id)?;
    let body = text.checked()?;
    let now = state.now();
    let issue = state.issue_mut(writer.repo, number);
    let mut before = None;
    if let Some(comment) = issue.comments.iter_mut().find(|comment| comment.id == id) {
        comment.updated_at = now;
        before = Some(std::mem::replace(&mut comment.body, body)).filter(|before| *before != comment.body);
    }
    issue.touch(now);
    if let Some(before) = before {
        announce(
            &ctx.app_state,
            &mut state,
            writer,
            id,
            "edited",
            json!({ "changes": { "body": { "from": before } } }),
        );
    }
    Ok(ok(shown(ctx.view(&state), writer.repo, id)))
}

async fn remove(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let mut state = ctx.state();
    let (writer, number) = may_change(&ctx, &state, (&owner, &name), id)?;
    announce(&ctx.app_state, &mut state, writer, id, "deleted", json!({}));
    state.issue_mut(writer.repo, number).comments.retain(|comment| comment.id != id);
    Ok(no_content())
}
