//! The merge box of a pull request: missing requirements, auto-merge, and the merge queue.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use maud::{Markup, html};

use super::controls::{self, Scene};
use super::icons::{Icon, icon};
use super::layout::{Page, Tab, ago, avatar, login, repo_page, repo_path, short_sha, title};
use super::session::Viewer;
use super::{PageError, find_repo};
use crate::app_state::AppState;
use crate::rules::{self, Block, judge};
use crate::state::{Issue, IssueState, MergeQueueParameters, Mergeability, Pull, QueueEntry};
use crate::view::encode_path;

/// The box at the end of a pull request.
pub(super) fn merge_box(scene: Scene<'_>, issue: &Issue, pull: &Pull) -> Markup {
    let Scene { state, repo, .. } = scene;
    let base = repo_path(state, repo);
    let (drawing, class, text) = match (&pull.merged, pull.mergeability) {
        (Some(_), _) => (Icon::Merge, "done", "This pull request was merged."),
        (None, _) if pull.draft => (Icon::Pull, "quiet", "This pull request is still a draft."),
        (None, Mergeability::Unknown) => (Icon::CircleDot, "attention", "Whether it merges is being computed."),
        (None, Mergeability::Clean) => (Icon::Check, "open", "It has no conflicts with its base branch."),
        (None, Mergeability::Conflict) => (Icon::Exclamation, "closed", "It has conflicts with its base branch."),
    };
    html! {
        div.box.merge-box {
            div.pad {
                span class={ "mark " (class) } { (icon(drawing)) } " " (text)
                @if let Some(merged) = &pull.merged {
                    " " (login(state.account(merged.by))) " made " (short_sha(&base, &merged.sha)) "."
                }
                @if issue.state == IssueState::Open { (rules_of(scene, issue, pull)) (waits(scene, issue, pull)) }
            }
            (controls::end_of_pull(scene, issue, pull))
        }
    }
}

/// The unmet rules of the base, in the words of the API's refusal.
fn rules_of(scene: Scene<'_>, issue: &Issue, pull: &Pull) -> Markup {
    let Scene { viewer, state, repo } = scene;
    let mut missing = rules::may_merge(state, repo, issue, None, None);
    for refused in &mut missing {
        // The need for the queue is not a fault of the pull request, and is shown below.
        refused.blocks.retain(|block| *block != Block::Queue);
    }
    let sentences = judge::sentences(&missing);
    let passes = viewer.account(state).is_some_and(|me| {
        scene.may(crate::state::Role::Write) && rules::may_merge(state, repo, issue, Some(me.id), None).is_empty()
    });
    html! {
        @if !sentences.is_empty() {
            p { span.mark.attention { (icon(Icon::Exclamation)) } " The rules of " code { (pull.base_ref) } " ask for more:" }
            ul.reasons { @for sentence in &sentences { li { (sentence) } } }
            @if passes && !pull.draft { p.quiet { "They do not hold for you." } }
        }
    }
}

/// Whether auto-merge is on, or the pull request is in the queue.
fn waits(scene: Scene<'_>, issue: &Issue, pull: &Pull) -> Markup {
    let Scene { state, repo, .. } = scene;
    let queue = format!("{}/queue/{}", repo_path(state, repo), encode_path(&pull.base_ref));
    html! {
        @if let Some(asked) = &pull.gate.auto_merge {
            p {
                (icon(Icon::Merge)) " " (login(state.account(asked.enabled_by))) " wants it merged as soon as nothing is missing ("
                (asked.method.as_str()) ")."
            }
        }
        @if let Some((_, place)) = repo.queued(issue.number) {
            p { (icon(Icon::Merge)) " It is number " (place + 1) " in the " a href=(queue) { "merge queue" } "." }
        } @else if rules::queue::of(repo, &pull.base_ref).is_some() {
            p.quiet { "Merges go through the " a href=(queue) { "merge queue" } "." }
        }
    }
}

/// The merge queue of a branch.
pub(super) async fn queue(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name, branch)): Path<(String, String, String)>,
) -> Result<Page, PageError> {
    let state = app_state.state();
    let repo = find_repo(&state, &owner, &name)?;
    let (_, how) = rules::queue::of(repo, &branch).ok_or(PageError::NotFound("such merge queue"))?;
    let scene = Scene { viewer: &viewer, state: &state, repo };
    let entries: Vec<&QueueEntry> = repo.queues.get(&branch).into_iter().flat_map(|queue| &queue.entries).collect();
    let base = repo_path(&state, repo);
    let body = html! {
        h1 { "Merge queue of " code { (branch) } }
        p.quiet { (told(how)) }
        @if entries.is_empty() { p { "Nobody is in line." } }
        @else { ol.rows { @for entry in &entries { (row(scene, &branch, entry)) } } }
        p { a href={ (base) "/commits/" (encode_path(&branch)) } { "What was merged" } }
    };
    Ok(repo_page((&viewer, &state), repo, Tab::Pulls, &format!("Merge queue of {branch}"), &body))
}

fn told(how: &MergeQueueParameters) -> String {
    let strategy = match how.grouping_strategy.as_str() {
        "HEADGREEN" => "the checks of the last of a group count",
        _ => "each one's checks count",
    };
    format!(
        "Method {}; {} to {} are merged at a time, {strategy}; checks have {} minutes.",
        how.merge_method.to_lowercase(),
        how.min_entries_to_merge,
        how.max_entries_to_merge,
        how.check_response_timeout_minutes
    )
}

fn row(scene: Scene<'_>, branch: &str, entry: &QueueEntry) -> Markup {
    let Scene { state, repo, .. } = scene;
    let (base, issue, by) = (repo_path(state, repo), &repo.issues[&entry.number], state.account(entry.enqueued_by));
    let standing = rules::queue::standing(state, repo, branch, entry);
    let (drawing, class) = match standing {
        "MERGEABLE" => (Icon::Check, "open"),
        "UNMERGEABLE" => (Icon::Cross, "closed"),
        _ => (Icon::CircleDot, "attention"),
    };
    html! {
        li {
            span class={ "mark " (class) } { (icon(drawing)) }
            div {
                a.title href={ (base) "/pull/" (entry.number) } { (title(&issue.title)) " #" (entry.number) }
                p.quiet { (avatar(by)) " " (login(by)) " put it here " (ago(entry.enqueued_at)) }
            }
            span.end {
                span.quiet { (standing.replace('_', " ").to_lowercase()) }
                @if let Some(group) = &entry.group { " " (short_sha(&base, &group.head_sha)) }
            }
        }
    }
}
