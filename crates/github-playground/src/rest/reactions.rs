//! Reactions to issues, comments and review comments. <https://docs.github.com/en/rest/reactions/reactions>

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    routing::{delete, get},
};
use serde::Deserialize;

use super::{
    context::{Answer, At, Ctx, Input, answer, no_content},
    issues::ISSUES,
};
use crate::{
    app_state::AppState,
    error::ApiError,
    state::{Id, Pull, Reaction, ReactionContent, Repo, Role, State},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/issues/{number}/reactions", get(list_issue).post(add_issue))
        .route("/repos/{owner}/{repo}/issues/{number}/reactions/{id}", delete(remove_issue))
        .route("/repos/{owner}/{repo}/issues/comments/{comment}/reactions", get(list_comment).post(add_comment))
        .route("/repos/{owner}/{repo}/issues/comments/{comment}/reactions/{id}", delete(remove_comment))
        .route("/repos/{owner}/{repo}/pulls/comments/{comment}/reactions", get(list_review).post(add_review))
        .route("/repos/{owner}/{repo}/pulls/comments/{comment}/reactions/{id}", delete(remove_review))
}

/// The object that the reaction is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ReactionTarget {
    Issue(u64),
    Comment(Id),
    ReviewComment(Id),
    /// The body of a review; only through GraphQL.
    Review(Id),
}

fn reactions(repo: &mut Repo, target: ReactionTarget) -> Option<&mut Vec<Reaction>> {
    match target {
        ReactionTarget::Issue(number) => repo.issues.get_mut(number).map(|issue| &mut issue.reactions),
        ReactionTarget::Comment(id) => repo.comment_mut(id).map(|comment| &mut comment.reactions),
        ReactionTarget::ReviewComment(id) => {
            let pull = pull_with(repo, |pull| pull.review_comments.iter().any(|comment| comment.id == id))?;
            pull.review_comments.iter_mut().find(|comment| comment.id == id).map(|comment| &mut comment.reactions)
        }
        ReactionTarget::Review(id) => {
            let pull = pull_with(repo, |pull| pull.reviews.iter().any(|review| review.id == id))?;
            pull.reviews.iter_mut().find(|review| review.id == id).map(|review| &mut review.reactions)
        }
    }
}

fn pull_with(repo: &mut Repo, has: impl Fn(&Pull) -> bool) -> Option<&mut Pull> {
    let number = repo.pulls().find(|(_, pull)| has(pull))?.0.number;
    repo.issues.get_mut(number)?.pull.as_mut()
}

/// Removes somebody's reaction, and returns it if there was one.
pub(crate) fn unreact(
    state: &mut State,
    repo: Id,
    target: ReactionTarget,
    author: Id,
    content: ReactionContent,
) -> Option<Reaction> {
    let all = reactions(state.repo_mut(repo), target)?;
    let at = all.iter().position(|reaction| reaction.author == author && reaction.content == content)?;
    Some(all.remove(at))
}

/// Adds a reaction. An existing one is returned; the flag says whether it is new.
pub(crate) fn react(
    state: &mut State,
    repo: Id,
    target: ReactionTarget,
    author: Id,
    content: ReactionContent,
) -> Option<(Reaction, bool)> {
    let id = state.new_id();
    let now = state.now();
    let all = reactions(state.repo_mut(repo), target)?;
    if let Some(found) = all.iter().find(|reaction| reaction.author == author && reaction.content == content) {
        return Some((found.clone(), false));
    }
    let reaction = Reaction { id, author, content, created_at: now };
    all.push(reaction.clone());
    Some((reaction, true))
}

type OnIssue = (String, String, u64);

fn list(ctx: &Ctx, (owner, name, _): &OnIssue, target: ReactionTarget) -> Answer {
    let mut state = ctx.state();
    let repo = ctx.read(&state, (owner, name), ISSUES)?.id;
    let found = reactions(state.repo_mut(repo), target).ok_or_else(ApiError::not_found)?.clone();
    let view = ctx.view(&state);
    let wanted = ctx.query("content").and_then(ReactionContent::parse);
    let found = found.iter().filter(|reaction| wanted.is_none_or(|wanted| reaction.content == wanted));
    Ok(ctx.list(found, |reaction| view.reaction(reaction)))
}

#[derive(Deserialize)]
struct New {
    content: Option<String>,
}

fn add(ctx: &Ctx, (owner, name, _): &OnIssue, target: ReactionTarget, new: &New) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (owner, name), ISSUES, Role::Read)?;
    let content = new.content.as_deref().and_then(ReactionContent::parse);
    let content = content.ok_or_else(|| ApiError::invalid("Reaction", "content", "invalid"))?;
    let (reaction, is_new) =
        react(&mut state, writer.repo, target, writer.actor, content).ok_or_else(ApiError::not_found)?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer(status, ctx.view(&state).reaction(&reaction)))
}

fn remove(ctx: &Ctx, (owner, name, id): (&str, &str, Id), target: ReactionTarget) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (owner, name), ISSUES, Role::Read)?;
    let all = reactions(state.repo_mut(writer.repo), target).ok_or_else(ApiError::not_found)?;
    let at = all.iter().position(|reaction| reaction.id == id).ok_or_else(ApiError::not_found)?;
    if all[at].author != writer.actor {
        return Err(ApiError::forbidden("You can only delete your own reactions."));
    }
    all.remove(at);
    Ok(no_content())
}

async fn list_issue(ctx: Ctx, At(at): At<OnIssue>) -> Answer {
    list(&ctx, &at, ReactionTarget::Issue(at.2))
}

async fn list_comment(ctx: Ctx, At(at): At<OnIssue>) -> Answer {
    list(&ctx, &at, ReactionTarget::Comment(at.2))
}

async fn list_review(ctx: Ctx, At(at): At<OnIssue>) -> Answer {
    list(&ctx, &at, ReactionTarget::ReviewComment(at.2))
}

async fn add_issue(ctx: Ctx, At(at): At<OnIssue>, Input(new): Input<New>) -> Answer {
    add(&ctx, &at, ReactionTarget::Issue(at.2), &new)
}

async fn add_comment(ctx: Ctx, At(at): At<OnIssue>, Input(new): Input<New>) -> Answer {
    add(&ctx, &at, ReactionTarget::Comment(at.2), &new)
}

async fn add_review(ctx: Ctx, At(at): At<OnIssue>, Input(new): Input<New>) -> Answer {
    add(&ctx, &at, ReactionTarget::ReviewComment(at.2), &new)
}

async fn remove_issue(ctx: Ctx, At((owner, name, number, id)): At<(String, String, u64, Id)>) -> Answer {
    remove(&ctx, (&owner, &name, id), ReactionTarget::Issue(number))
}

async fn remove_comment(ctx: Ctx, At((owner, name, comment, id)): At<(String, String, Id, Id)>) -> Answer {
    remove(&ctx, (&owner, &name, id), ReactionTarget::Comment(comment))
}

async fn remove_review(ctx: Ctx, At((owner, name, comment, id)): At<(String, String, Id, Id)>) -> Answer {
    remove(&ctx, (&owner, &name, id), ReactionTarget::ReviewComment(comment))
}
