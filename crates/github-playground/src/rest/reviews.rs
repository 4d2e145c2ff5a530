//! Reviews. <https://docs.github.com/en/rest/pulls/reviews>

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post, put},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx, Input, ok},
    pulls::{PULLS, find},
    review_comments::{Draft, announce_comment, place},
    sizes::check_review,
};
use crate::{
    acts::Writer,
    app_state::AppState,
    error::ApiError,
    git::FileChange,
    state::{Id, Issue, Repo, Review, ReviewComment, ReviewState, Role, State},
    view::View,
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/pulls/{number}/reviews", get(list).post(create))
        .route("/repos/{owner}/{repo}/pulls/{number}/reviews/{id}", get(read).put(edit).delete(discard))
        .route("/repos/{owner}/{repo}/pulls/{number}/reviews/{id}/comments", get(comments))
        .route("/repos/{owner}/{repo}/pulls/{number}/reviews/{id}/events", post(submit))
        .route("/repos/{owner}/{repo}/pulls/{number}/reviews/{id}/dismissals", put(dismiss))
}

/// Only its author can see a pending review.
fn visible<'r>(
    ctx: &Ctx,
    state: &State,
    repo: &'r Repo,
    number: u64,
) -> Result<(&'r Issue, Vec<&'r Review>), ApiError> {
    let (issue, pull) = find(repo, number)?;
    let me = ctx.caller.account(state);
    let reviews =
        pull.reviews.iter().filter(|review| review.state != ReviewState::Pending || Some(review.author) == me);
    Ok((issue, reviews.collect()))
}

async fn list(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), PULLS)?;
    let (issue, reviews) = visible(&ctx, &state, repo, number)?;
    let view = ctx.view(&state);
    Ok(ctx.list(reviews, |review| view.review(repo, issue, review)))
}

async fn read(ctx: Ctx, At((owner, name, number, id)): At<(String, String, u64, Id)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), PULLS)?;
    let (issue, reviews) = visible(&ctx, &state, repo, number)?;
    let review = reviews.into_iter().find(|review| review.id == id).ok_or_else(ApiError::not_found)?;
    Ok(ok(ctx.view(&state).review(repo, issue, review)))
}

async fn comments(ctx: Ctx, At((owner, name, number, id)): At<(String, String, u64, Id)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), PULLS)?;
    let (issue, reviews) = visible(&ctx, &state, repo, number)?;
    reviews.into_iter().find(|review| review.id == id).ok_or_else(ApiError::not_found)?;
    let view = ctx.view(&state);
    let of_review = issue.pull().review_comments.iter().filter(|comment| comment.review == id);
    Ok(ctx.list(of_review, |comment| view.review_comment(repo, issue, comment)))
}

#[derive(Deserialize)]
struct New {
    commit_id: Option<String>,
    body: Option<String>,
    event: Option<String>,
    #[serde(default)]
    comments: Vec<Draft>,
}

fn verdict(event: Option<&str>) -> Result<ReviewState, ApiError> {
    Ok(match event.unwrap_or_default() {
        "" | "PENDING" => ReviewState::Pending,
        "APPROVE" => ReviewState::Approved,
        "REQUEST_CHANGES" => ReviewState::ChangesRequested,
        "COMMENT" => ReviewState::Commented,
        _ => return Err(ApiError::unprocessable("Event is not included in the list")),
    })
}

/// The rules of a verdict: nobody may judge their own pull request, and only an approval may have no text.
fn check_verdict(own: bool, verdict: ReviewState, body: &str, with_comments: bool) -> Result<(), ApiError> {
    match verdict {
        ReviewState::Approved if own => Err(ApiError::unprocessable("Can not approve your own pull request")),
        ReviewState::ChangesRequested if own => {
            Err(ApiError::unprocessable("Can not request changes on your own pull request"))
        }
        ReviewState::ChangesRequested | ReviewState::Commented if body.is_empty() && !with_comments => {
            Err(ApiError::unprocessable("Body can't be blank"))
        }
        _ => Ok(()),
    }
}

async fn create(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>, Input(new): Input<New>) -> Answer {
    let state = verdict(new.event.as_deref())?;
    check_review(new.body.as_deref())?;
    let (writer, git, base, head, own) = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), PULLS, Role::Read)?;
        let repo = state.repo_by_id(writer.repo);
        let (issue, pull) = find(repo, number)?;
        (writer, repo.git.clone(), pull.base_sha.clone(), pull.head_sha.clone(), issue.author == writer.actor)
    };
    let body = new.body.unwrap_or_default();
    check_verdict(own, state, &body, !new.comments.is_empty())?;
    let commit = new.commit_id.unwrap_or_else(|| head.clone());
    if git.resolve(&commit).await?.is_none() {
        return Err(ApiError::unprocessable("The commit_id is not part of the pull request"));
    }
    let files = if new.comments.is_empty() { Vec::new() } else { git.files_between(&base, &commit).await? };
    let id = add(&ctx, writer, number, (state, body, &commit), &new.comments, &files)?;
    let mut model = ctx.state();
    if state != ReviewState::Pending {
        announce_submitted(&ctx.app_state, &mut model, (writer.repo, number), writer.actor, id);
    }
    Ok(ok(shown(ctx.view(&model), writer.repo, number, id)))
}

fn add(
    ctx: &Ctx,
    writer: Writer,
    number: u64,
    (state, body, commit): (ReviewState, String, &str),
    drafts: &[Draft],
    files: &[FileChange],
) -> Result<Id, ApiError> {
    let mut model = ctx.state();
    let now = model.now();
    let pull = model.issue_mut(writer.repo, number).pull();
    if pull.reviews.iter().any(|review| review.author == writer.actor && review.state == ReviewState::Pending)
        && state == ReviewState::Pending
    {
        return Err(ApiError::unprocessable("User can only have one pending review per pull request"));
    }
    let mut comments: Vec<ReviewComment> = Vec::new();
    for draft in drafts {
        comments.push(place(draft, files, commit).map_err(|_| ApiError::unprocessable("Line could not be resolved"))?);
    }
    let id = model.new_id();
    for comment in &mut comments {
        comment.id = model.new_id();
        comment.review = id;
        comment.author = writer.actor;
    }
    let issue = model.issue_mut(writer.repo, number);
    issue.touch(now);
    let pull = issue.pull_mut();
    if state != ReviewState::Pending {
        pull.requested_reviewers.retain(|reviewer| *reviewer != writer.actor);
    }
    pull.review_comments.extend(comments);
    pull.reviews.push(Review {
        id,
        author: writer.actor,
        body,
        state,
        commit_id: commit.to_owned(),
        submitted_at: (state != ReviewState::Pending).then_some(now),
        reactions: Vec::new(),
    });
    Ok(id)
}

fn shown(view: View, repo: Id, number: u64, id: Id) -> Value {
    let repo = view.state.repo_by_id(repo);
    let issue = &repo.issues[&number];
    let review = issue.pull().reviews.iter().find(|review| review.id == id);
    review.map_or(Value::Null, |review| view.review(repo, issue, review))
}

/// Sends the webhooks of a review and of each of its comments.
pub(super) fn announce_submitted(app_state: &Arc<AppState>, state: &mut State, at: (Id, u64), sender: Id, id: Id) {
    app_state.announce_review(state, at, sender, id, "submitted", json!({}));
    let of_review = |comment: &&ReviewComment| comment.review == id;
    let comments: Vec<Id> =
        state.issue_mut(at.0, at.1).pull().review_comments.iter().filter(of_review).map(|comment| comment.id).collect();
    for comment in comments {
        announce_comment(app_state, state, at, sender, comment, "created", json!({}));
    }
}

/// A review that the caller may change, looked up again under the lock.
fn own_review(state: &mut State, writer: Writer, number: u64, id: Id) -> Result<&mut Review, ApiError> {
    find(state.repo_by_id(writer.repo), number)?;
    let reviews = &mut state.issue_mut(writer.repo, number).pull_mut().reviews;
    reviews.iter_mut().find(|review| review.id == id).ok_or_else(ApiError::not_found)
}

#[derive(Deserialize)]
struct Words {
    body: Option<String>,
    event: Option<String>,
    message: Option<String>,
}

async fn edit(
    ctx: Ctx,
    At((owner, name, number, id)): At<(String, String, u64, Id)>,
    Input(words): Input<Words>,
) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), PULLS, Role::Read)?;
    check_review(words.body.as_deref())?;
    let review = own_review(&mut state, writer, number, id)?;
    if review.author != writer.actor {
        return Err(ApiError::forbidden("Must be the author of the review."));
    }
    if review.state != ReviewState::Pending && words.body.as_deref().unwrap_or_default().is_empty() {
        return Err(ApiError::unprocessable("Body can't be blank"));
    }
    let (said, state_before) = (words.body.unwrap_or_default(), review.state);
    let before = std::mem::replace(&mut review.body, said);
    if state_before != ReviewState::Pending && before != review.body {
        let changes = json!({ "changes": { "body": { "from": before } } });
        ctx.app_state.announce_review(&mut state, (writer.repo, number), writer.actor, id, "edited", changes);
    }
    Ok(ok(shown(ctx.view(&state), writer.repo, number, id)))
}

async fn discard(ctx: Ctx, At((owner, name, number, id)): At<(String, String, u64, Id)>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), PULLS, Role::Read)?;
    let review = own_review(&mut state, writer, number, id)?;
    if review.state != ReviewState::Pending || review.author != writer.actor {
        return Err(ApiError::unprocessable("Can not delete a non-pending pull request review"));
    }
    let answer = ok(shown(ctx.view(&state), writer.repo, number, id));
    let pull = state.issue_mut(writer.repo, number).pull_mut();
    pull.reviews.retain(|review| review.id != id);
    pull.review_comments.retain(|comment| comment.review != id);
    Ok(answer)
}

async fn submit(
    ctx: Ctx,
    At((owner, name, number, id)): At<(String, String, u64, Id)>,
    Input(words): Input<Words>,
) -> Answer {
    let verdict = verdict(words.event.as_deref())?;
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), PULLS, Role::Read)?;
    let (own, with_comments) = {
        let (issue, pull) = find(state.repo_by_id(writer.repo), number)?;
        (issue.author == writer.actor, pull.review_comments.iter().any(|comment| comment.review == id))
    };
    let now = state.now();
    let review = own_review(&mut state, writer, number, id)?;
    if review.state != ReviewState::Pending || review.author != writer.actor {
        return Err(ApiError::unprocessable("Could not submit pull request review"));
    }
    if verdict == ReviewState::Pending {
        return Err(ApiError::unprocessable("Event can't be blank"));
    }
    let body = words.body.unwrap_or_else(|| review.body.clone());
    check_verdict(own, verdict, &body, with_comments)?;
    review.body = body;
    review.state = verdict;
    review.submitted_at = Some(now);
    let pull = state.issue_mut(writer.repo, number).pull_mut();
    pull.requested_reviewers.retain(|reviewer| *reviewer != writer.actor);
    announce_submitted(&ctx.app_state, &mut state, (writer.repo, number), writer.actor, id);
    Ok(ok(shown(ctx.view(&state), writer.repo, number, id)))
}

async fn dismiss(
    ctx: Ctx,
    At((owner, name, number, id)): At<(String, String, u64, Id)>,
    Input(words): Input<Words>,
) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), PULLS, Role::Write)?;
    if words.message.as_deref().unwrap_or_default().is_empty() {
        return Err(ApiError::unprocessable("Message can't be blank"));
    }
    let review = own_review(&mut state, writer, number, id)?;
    if !matches!(review.state, ReviewState::Approved | ReviewState::ChangesRequested) {
        return Err(ApiError::unprocessable("Can not dismiss a commented pull request review"));
    }
    may_dismiss(&state, writer, number)?;
    ctx.app_state.dismiss(&mut state, (writer.repo, number), writer.actor, id);
    Ok(ok(shown(ctx.view(&state), writer.repo, number, id)))
}

/// If the base's protection names who may dismiss, only they and administrators may.
/// <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/dismissing-a-pull-request-review>
fn may_dismiss(state: &State, writer: Writer, number: u64) -> Result<(), ApiError> {
    let repo = state.repo_by_id(writer.repo);
    let (_, pull) = find(repo, number)?;
    let reviews = repo.rules.protections.get(&pull.base_ref).and_then(|protection| protection.reviews.as_ref());
    let Some(allowed) = reviews.and_then(|reviews| reviews.dismissal.as_ref()) else { return Ok(()) };
    let is_named = if writer.via_app {
        allowed.apps.contains(&state.app_acting(writer.actor))
    } else {
        allowed.users.contains(&writer.actor) || state.role(repo, writer.actor) == Some(Role::Admin)
    };
    if is_named { Ok(()) } else { Err(ApiError::forbidden("You are not allowed to dismiss reviews on this branch.")) }
}
