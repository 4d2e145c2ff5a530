//! The history of issues: their events, and an issue's timeline of events, comments, reviews, commits and mentions.
//! <https://docs.github.com/en/rest/issues/timeline>

use std::sync::Arc;

use axum::{Router, routing::get};
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx},
    issues::{ISSUES, find},
};
use crate::{
    app_state::AppState,
    git::CommitInfo,
    state::{Id, Issue, IssueEvent, Repo, ReviewState, Time},
    view::{View, without},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/issues/events", get(all))
        .route("/repos/{owner}/{repo}/issues/{number}/events", get(events))
        .route("/repos/{owner}/{repo}/issues/{number}/timeline", get(timeline))
}

/// Newest first.
async fn all(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    let view = ctx.view(&state);
    let of = |issue: &'_ Issue| -> Vec<(IssueEvent, u64)> {
        issue.events.iter().map(|event| (event.clone(), issue.number)).collect()
    };
    let mut found: Vec<(IssueEvent, u64)> = repo.issues.values().flat_map(of).collect();
    found.sort_by_key(|(event, _)| std::cmp::Reverse((event.created_at, event.id)));
    Ok(ctx.list(found, |(event, number)| {
        let mut value = view.issue_event(repo, &event);
        value["issue"] = view.issue(repo, &repo.issues[&number]);
        value
    }))
}

async fn events(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    let view = ctx.view(&state);
    Ok(ctx.list(&find(repo, number)?.events, |event| view.issue_event(repo, event)))
}

/// A line of a timeline with its sort key.
type Line = (Time, Id, Value);

async fn timeline(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let (id, sides) = {
        let state = ctx.state();
        let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
        let issue = find(repo, number)?;
        let sides = issue.pull.as_ref().map(|pull| (pull.base_sha.clone(), pull.head_sha.clone(), repo.git.clone()));
        (repo.id, sides)
    };
    let commits = match sides {
        Some((base, head, git)) => git.commits_between(&base, &head).await.unwrap_or_default(),
        None => Vec::new(),
    };
    let state = ctx.state();
    let repo = state.repo_by_id(id);
    let issue = find(repo, number)?;
    let view = ctx.view(&state);
    let mut lines: Vec<Line> = commits.iter().map(|commit| committed(view, repo, commit)).collect();
    lines.extend(issue.events.iter().map(|event| (event.created_at, event.id, happened(view, repo, event))));
    lines.extend(said(view, repo, issue));
    lines.extend(reviewed(view, repo, issue));
    lines.extend(mentions(view, repo, issue));
    lines.sort_by_key(|(at, id, _)| (*at, *id));
    Ok(ctx.list(lines, |(_, _, value)| value))
}

fn happened(view: View, repo: &Repo, event: &IssueEvent) -> Value {
    let mut value = view.issue_event(repo, event);
    without(&mut value, &["assigner"]);
    value
}

fn committed(view: View, repo: &Repo, commit: &CommitInfo) -> Line {
    let mut value = view.git_commit(repo, commit);
    value["event"] = json!("committed");
    (commit.committer.date, 0, value)
}

fn said(view: View, repo: &Repo, issue: &Issue) -> Vec<Line> {
    let show = |comment: &crate::state::Comment| {
        let mut value = view.comment(repo, issue, comment);
        value["event"] = json!("commented");
        value["actor"] = view.account(comment.author);
        (comment.created_at, comment.id, value)
    };
    issue.comments.iter().map(show).collect()
}

/// Submitted reviews, each with its comments on lines.
fn reviewed(view: View, repo: &Repo, issue: &Issue) -> Vec<Line> {
    let Some(pull) = &issue.pull else { return Vec::new() };
    let mut lines = Vec::new();
    for review in pull.reviews.iter().filter(|review| review.state != ReviewState::Pending) {
        let at = review.submitted_at.unwrap_or(issue.created_at);
        let mut value = view.review(repo, issue, review);
        value["event"] = json!("reviewed");
        value["state"] = json!(review.state.as_str().to_lowercase());
        lines.push((at, review.id, value));
        let comments: Vec<Value> = pull
            .review_comments
            .iter()
            .filter(|comment| comment.review == review.id)
            .map(|comment| view.review_comment(repo, issue, comment))
            .collect();
        if let Some(first) = comments.first() {
            let line = json!({ "event": "line-commented", "node_id": first["node_id"], "comments": comments });
            lines.push((at, review.id, line));
        }
    }
    lines
}

/// The places in the repository that mention this issue. Each place counts once, at its first mention.
fn mentions(view: View, repo: &Repo, issue: &Issue) -> Vec<Line> {
    let full_name = view.full_name(repo);
    let names = |text: &str| is_mentioned(text, issue.number, &full_name);
    let mut lines = Vec::new();
    for other in repo.issues.values().filter(|other| other.number != issue.number) {
        let body = other.body.as_deref().filter(|body| names(body)).map(|_| (other.created_at, other.author));
        let comment = || other.comments.iter().find(|comment| names(&comment.body));
        let Some((at, actor)) = body.or_else(|| comment().map(|comment| (comment.created_at, comment.author))) else {
            continue;
        };
        let time = crate::view::time(at);
        let line = json!({
            "event": "cross-referenced", "actor": view.account(actor), "created_at": time, "updated_at": time,
            "source": { "type": "issue", "issue": view.issue(repo, other) },
        });
        lines.push((at, other.id, line));
    }
    lines
}

/// Whether a text contains `#7`, or `owner/name#7` of this repository, but not `#71` or `a#7`.
fn is_mentioned(text: &str, number: u64, full_name: &str) -> bool {
    let wanted = format!("#{number}");
    text.match_indices(&wanted).any(|(at, found)| {
        let (before, after) = (&text[..at], &text[at + found.len()..]);
        let ends = !after.starts_with(|c: char| c.is_ascii_digit() || c.is_alphabetic() || c == '_');
        let word = before.rsplit(|c: char| c.is_whitespace() || "([{,;:".contains(c)).next().unwrap_or_default();
        ends && (word.is_empty() || word.eq_ignore_ascii_case(full_name))
    })
}

#[cfg(test)]
mod tests {
    use super::is_mentioned;

    #[test]
    fn a_mention_is_a_number_by_itself() {
        for text in ["see #7", "#7.", "(#7)", "Acme/Widgets#7, then", "Part of:\n#7"] {
            assert!(is_mentioned(text, 7, "acme/widgets"), "{text}");
        }
        for text in ["#71", "a#7", "other/thing#7", "# 7", "#7th"] {
            assert!(!is_mentioned(text, 7, "acme/widgets"), "{text}");
        }
    }
}
