//! Comments on the diff of a pull request. <https://docs.github.com/en/rest/pulls/comments>

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx, Input, created, no_content, ok},
    order,
    pulls::{PULLS, find},
    reviews::announce_submitted,
    sizes::check_body,
};
use crate::{
    acts::Writer,
    app_state::AppState,
    error::ApiError,
    git::FileChange,
    rules::hunk,
    state::{Id, Issue, Repo, Review, ReviewComment, ReviewState, Role, Side, State},
    view::View,
    webhooks::Event,
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/pulls/comments", get(all))
        .route("/repos/{owner}/{repo}/pulls/comments/{id}", get(read).patch(edit).delete(remove))
        .route("/repos/{owner}/{repo}/pulls/{number}/comments", get(of_pull).post(create))
        .route("/repos/{owner}/{repo}/pulls/{number}/comments/{id}/replies", post(reply))
}

/// A requested comment that has no place in the diff yet.
#[derive(Deserialize)]
pub(super) struct Draft {
    #[serde(default)]
    pub(super) body: String,
    #[serde(default)]
    pub(super) path: String,
    line: Option<u64>,
    side: Option<Side>,
    start_line: Option<u64>,
    /// The older way to name a line: its position in the patch, counted from the first header.
    position: Option<usize>,
    subject_type: Option<String>,
    commit_id: Option<String>,
    in_reply_to: Option<Id>,
}

/// Finds a draft's place in the diff. The caller sets ids and author.
pub(super) fn place(draft: &Draft, files: &[FileChange], commit: &str) -> Result<ReviewComment, ApiError> {
    let wrong = |field: &str, message: &str| ApiError::invalid_because("PullRequestReviewComment", field, message);
    if draft.body.trim().is_empty() {
        return Err(ApiError::invalid("PullRequestReviewComment", "body", "missing_field"));
    }
    let file = files.iter().find(|file| file.path == draft.path);
    let file =
        file.ok_or_else(|| wrong("pull_request_review_thread.path", "pull_request_review_thread.path is invalid"))?;
    let patch = file.patch.as_deref().unwrap_or_default();
    let mut side = draft.side.unwrap_or(Side::Right);
    let mut line = draft.line;
    if line.is_none()
        && let Some((at, on)) = draft.position.and_then(|position| hunk::line_at(patch, position))
    {
        (line, side) = (Some(at), on);
    }
    let whole_file = draft.subject_type.as_deref() == Some("file");
    let diff_hunk = match line {
        Some(line) => hunk::up_to_line(patch, line, side).ok_or_else(|| {
            wrong("pull_request_review_thread.line", "pull_request_review_thread.line must be part of the diff")
        })?,
        None if whole_file => hunk::first_header(patch).to_owned(),
        None => {
            return Err(wrong(
                "pull_request_review_thread.line",
                "pull_request_review_thread.line could not be resolved",
            ));
        }
    };
    let start_line = draft.start_line.filter(|start| line.is_some_and(|line| *start < line));
    let position = line.and_then(|line| hunk::position_of(patch, line, side)).or(Some(1).filter(|_| whole_file));
    let now = Utc::now();
    Ok(ReviewComment {
        id: 0,
        review: 0,
        author: 0,
        body: draft.body.clone(),
        path: draft.path.clone(),
        line,
        start_line,
        position,
        original: (line, start_line, position),
        side,
        commit_id: commit.to_owned(),
        original_commit_id: commit.to_owned(),
        diff_hunk,
        in_reply_to: None,
        reactions: Vec::new(),
        created_at: now,
        updated_at: now,
    })
}

fn published(repo: &Repo) -> impl Iterator<Item = (&Issue, &ReviewComment)> {
    repo.pulls().flat_map(|(issue, pull)| {
        let shown = move |comment: &&ReviewComment| {
            let review = pull.reviews.iter().find(|review| review.id == comment.review);
            review.is_none_or(|review| review.state != ReviewState::Pending)
        };
        pull.review_comments.iter().filter(shown).map(move |comment| (issue, comment))
    })
}

async fn all(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), PULLS)?;
    let view = ctx.view(&state);
    let comments = order::comments(&ctx, published(repo), |(_, comment)| (comment.id, comment.updated_at));
    Ok(ctx.list(comments, |(issue, comment)| view.review_comment(repo, issue, comment)))
}

async fn of_pull(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), PULLS)?;
    find(repo, number)?;
    let view = ctx.view(&state);
    let of_pull = published(repo).filter(|(issue, _)| issue.number == number);
    let comments = order::comments(&ctx, of_pull, |(_, comment)| (comment.id, comment.updated_at));
    Ok(ctx.list(comments, |(issue, comment)| view.review_comment(repo, issue, comment)))
}

async fn read(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), PULLS)?;
    let (issue, comment) = published(repo).find(|(_, comment)| comment.id == id).ok_or_else(ApiError::not_found)?;
    Ok(ok(ctx.view(&state).review_comment(repo, issue, comment)))
}

async fn create(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>, Input(draft): Input<Draft>) -> Answer {
    if let Some(first) = draft.in_reply_to {
        return answer_to(&ctx, (&owner, &name), number, first, draft.body);
    }
    check_body("PullRequestReviewComment", Some(&draft.body))?;
    let (writer, git, base, head) = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), PULLS, Role::Read)?;
        let repo = state.repo_by_id(writer.repo);
        let (_, pull) = find(repo, number)?;
        (writer, repo.git.clone(), pull.base_sha.clone(), pull.head_sha.clone())
    };
    let commit = draft.commit_id.clone().unwrap_or(head);
    if git.resolve(&commit).await?.is_none() {
        return Err(ApiError::invalid("PullRequestReviewComment", "commit_id", "invalid"));
    }
    let files = git.files_between(&base, &commit).await?;
    let comment = place(&draft, &files, &commit)?;
    Ok(publish(&ctx, writer, number, comment))
}

/// A single comment is stored as a review with one comment and no text.
fn publish(ctx: &Ctx, writer: Writer, number: u64, mut comment: ReviewComment) -> axum::response::Response {
    let mut state = ctx.state();
    let (review, id, now) = (state.new_id(), state.new_id(), state.now());
    comment.id = id;
    comment.review = review;
    comment.author = writer.actor;
    let issue = state.issue_mut(writer.repo, number);
    issue.touch(now);
    let pull = issue.pull_mut();
    pull.reviews.push(Review {
        id: review,
        author: writer.actor,
        body: String::new(),
        state: ReviewState::Commented,
        commit_id: comment.commit_id.clone(),
        submitted_at: Some(now),
        reactions: Vec::new(),
    });
    pull.review_comments.push(comment);
    announce_submitted(&ctx.app_state, &mut state, (writer.repo, number), writer.actor, review);
    created(shown(ctx.view(&state), writer.repo, id))
}

#[derive(Deserialize)]
struct Text {
    #[serde(default)]
    body: String,
}

async fn reply(
    ctx: Ctx,
    At((owner, name, number, first)): At<(String, String, u64, Id)>,
    Input(text): Input<Text>,
) -> Answer {
    answer_to(&ctx, (&owner, &name), number, first, text.body)
}

fn answer_to(ctx: &Ctx, at: (&str, &str), number: u64, first: Id, body: String) -> Answer {
    check_body("PullRequestReviewComment", Some(&body))?;
    let (writer, comment) = {
        let state = ctx.state();
        let writer = ctx.write(&state, at, PULLS, Role::Read)?;
        let (_, pull) = find(state.repo_by_id(writer.repo), number)?;
        let parent = pull.review_comments.iter().find(|comment| comment.id == first).ok_or_else(ApiError::not_found)?;
        let now = state.now();
        let mut comment = parent.clone();
        // A thread is flat: an answer to an answer belongs to the first comment.
        comment.in_reply_to = Some(parent.in_reply_to.unwrap_or(first));
        comment.reactions.clear();
        (comment.created_at, comment.updated_at) = (now, now);
        (writer, comment)
    };
    if body.trim().is_empty() {
        return Err(ApiError::invalid("PullRequestReviewComment", "body", "missing_field"));
    }
    Ok(publish(ctx, writer, number, ReviewComment { body, ..comment }))
}

fn shown(view: View, repo: Id, id: Id) -> Value {
    let repo = view.state.repo_by_id(repo);
    let found = published(repo).find(|(_, comment)| comment.id == id);
    found.map_or(Value::Null, |(issue, comment)| view.review_comment(repo, issue, comment))
}

/// Sends the webhook of a comment on the diff.
pub(super) fn announce_comment(
    app_state: &Arc<AppState>,
    state: &mut State,
    (repo, number): (Id, u64),
    sender: Id,
    id: Id,
    action: &'static str,
    extra: Value,
) {
    let view = View::new(state, &app_state.urls);
    let found = state.repo_by_id(repo);
    let issue = &found.issues[&number];
    let mut fields = json!({ "comment": shown(view, repo, id), "pull_request": view.pull_simple(found, issue) });
    crate::view::merge(&mut fields, extra);
    app_state
        .announce(state, Event { name: "pull_request_review_comment", action: Some(action), repo, sender, fields });
}

fn may_change(ctx: &Ctx, state: &State, at: (&str, &str), id: Id) -> Result<(Writer, u64), ApiError> {
    let writer = ctx.write(state, at, PULLS, Role::Read)?;
    let repo = state.repo_by_id(writer.repo);
    let (issue, comment) = published(repo).find(|(_, comment)| comment.id == id).ok_or_else(ApiError::not_found)?;
    if comment.author == writer.actor || writer.via_app || state.role(repo, writer.actor) >= Some(Role::Write) {
        return Ok((writer, issue.number));
    }
    Err(ApiError::forbidden("Must have write rights to Repository."))
}

async fn edit(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>, Input(text): Input<Text>) -> Answer {
    check_body("PullRequestReviewComment", Some(&text.body))?;
    if text.body.trim().is_empty() {
        return Err(ApiError::invalid("PullRequestReviewComment", "body", "missing_field"));
    }
    let mut state = ctx.state();
    let (writer, number) = may_change(&ctx, &state, (&owner, &name), id)?;
    let mut before = String::new();
    let now = state.now();
    let comments = &mut state.issue_mut(writer.repo, number).pull_mut().review_comments;
    if let Some(comment) = comments.iter_mut().find(|comment| comment.id == id) {
        before = std::mem::replace(&mut comment.body, text.body);
        comment.updated_at = now;
    }
    let extra = json!({ "changes": { "body": { "from": before } } });
    announce_comment(&ctx.app_state, &mut state, (writer.repo, number), writer.actor, id, "edited", extra);
    Ok(ok(shown(ctx.view(&state), writer.repo, id)))
}

async fn remove(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let mut state = ctx.state();
    let (writer, number) = may_change(&ctx, &state, (&owner, &name), id)?;
    announce_comment(&ctx.app_state, &mut state, (writer.repo, number), writer.actor, id, "deleted", json!({}));
    state.issue_mut(writer.repo, number).pull_mut().review_comments.retain(|comment| comment.id != id);
    Ok(no_content())
}
