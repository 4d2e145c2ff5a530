//! The history of an issue: its events, and its timeline of events and comments.
//! <https://docs.github.com/en/rest/issues/timeline>

use std::sync::Arc;

use axum::{Router, routing::get};
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx},
    issues::{ISSUES, find},
};
use crate::playground::hub::Hub;

pub(super) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/repos/{owner}/{repo}/issues/{number}/events", get(events))
        .route("/repos/{owner}/{repo}/issues/{number}/timeline", get(timeline))
}

async fn events(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    let view = ctx.view(&state);
    Ok(ctx.list(&find(repo, number)?.events, |event| view.issue_event(repo, event)))
}

async fn timeline(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    let issue = find(repo, number)?;
    let view = ctx.view(&state);
    let events = issue.events.iter().map(|event| (event.created_at, event.id, view.issue_event(repo, event)));
    let comments = issue.comments.iter().map(|comment| {
        let mut value = view.comment(repo, issue, comment);
        value["event"] = json!("commented");
        value["actor"] = view.account(comment.author);
        (comment.created_at, comment.id, value)
    });
    let mut lines: Vec<(_, _, Value)> = events.chain(comments).collect();
    lines.sort_by_key(|(at, id, _)| (*at, *id));
    Ok(ctx.list(lines, |(_, _, value)| value))
}
