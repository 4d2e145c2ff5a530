//! Auto-merge: a pull request merges when the rules of its base are satisfied.
//! <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/automatically-merging-a-pull-request>

use std::sync::Arc;

use serde_json::json;

use super::{EnqueueOptions, MergeAsked, Writer, merge_pull};
use crate::{
    app_state::AppState,
    rules,
    state::{AutoMerge, Id, IssueState, Mergeability, State},
};

impl AppState {
    /// Checks in the background whether a pull request can be merged automatically now.
    pub(crate) fn nudge(self: &Arc<Self>, state: &State, repo: Id) {
        for queue in state.repo_by_id(repo).queues.values() {
            queue.news.notify_waiters();
        }
        for (number, asked) in ready(state, repo) {
            let app_state = self.clone();
            self.spawn(async move {
                let workflows = {
                    let state = app_state.state();
                    state.bot_may_write_workflows(asked.enabled_by, state.repo_by_id(repo))
                };
                let writer = Writer { repo, actor: asked.enabled_by, via_app: asked.via_app, workflows };
                if has_queue(&app_state.state(), repo, number) {
                    if let Err(error) =
                        app_state.enqueue(&mut app_state.state(), writer, number, EnqueueOptions::default())
                    {
                        tracing::debug!(message = error.0, number, "a pull request did not queue itself");
                    }
                    return;
                }
                let how = MergeAsked {
                    commit_title: asked.title,
                    commit_message: asked.message,
                    sha: None,
                    merge_method: Some(asked.method.as_str().to_owned()),
                };
                if let Err(error) = merge_pull(&app_state, writer, number, how).await {
                    tracing::debug!(message = error.message, number, "a pull request did not merge itself");
                }
            });
        }
    }

    /// Turns auto-merge off for a pull request.
    pub(crate) fn disable_auto_merge(self: &Arc<Self>, state: &mut State, at: (Id, u64), actor: Id) {
        if state.issue_mut(at.0, at.1).pull_mut().gate.auto_merge.take().is_some() {
            self.announce_issue(
                state,
                at,
                actor,
                "auto_merge_disabled",
                json!({ "reason": "Auto-merge was disabled" }),
            );
        }
    }

    /// Resolves a conversation on the diff, or reopens it.
    pub(crate) fn resolve_thread(
        self: &Arc<Self>,
        state: &mut State,
        at: (Id, u64),
        actor: Id,
        first: Id,
        resolve: bool,
    ) {
        let resolved = &mut state.issue_mut(at.0, at.1).pull_mut().gate.resolved;
        let changed = if resolve { resolved.insert(first, actor).is_none() } else { resolved.remove(&first).is_some() };
        if changed {
            self.announce_thread(state, at, actor, first, if resolve { "resolved" } else { "unresolved" });
        }
    }
}

fn has_queue(state: &State, repo: Id, number: u64) -> bool {
    let repo = state.repo_by_id(repo);
    repo.pull(number).is_some_and(|(_, pull)| rules::queue::of(repo, &pull.base_ref).is_some())
}

/// The open pull requests with auto-merge that the rules allow to merge. Bypass permissions do not count here.
fn ready(state: &State, repo: Id) -> Vec<(u64, AutoMerge)> {
    let repo = state.repo_by_id(repo);
    let waits = repo.pulls().filter(|(issue, pull)| {
        issue.state == IssueState::Open && !pull.draft && pull.mergeability == Mergeability::Clean
    });
    waits
        .filter_map(|(issue, pull)| {
            let asked = pull.gate.auto_merge.clone()?;
            let missing = match rules::queue::of(repo, &pull.base_ref) {
                Some(_) => rules::queue::may_enter(state, repo, issue),
                None => rules::may_merge(state, repo, issue, None, Some(asked.method)),
            };
            missing.is_empty().then_some((issue.number, asked))
        })
        .collect()
}
