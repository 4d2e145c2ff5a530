//! Adds pull requests to a merge queue and removes them, with the webhooks of both.

use std::sync::Arc;

use serde_json::json;

use super::Writer;
use crate::{
    app_state::AppState,
    rules::{self, judge},
    state::{AccountKind, Group, Id, Issue, IssueState, Mergeability, QueueEntry, Repo, Role, State},
    webhooks::Event,
};

/// The account that the queue acts as.
const ACTOR: &str = "github-merge-queue[bot]";

/// How a pull request enters the queue.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EnqueueOptions {
    /// Whether it goes to the front.
    pub(crate) jump: bool,
}

/// Why a pull request cannot enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoEntry(pub(crate) String);

/// Why a pull request left. <https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request> (`dequeued`)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DequeueReason {
    Manual,
    Merge,
    MergeConflict,
    CiFailure,
    CiTimeout,
    AlreadyMerged,
    QueueCleared,
    BranchProtections,
    GitTreeInvalid,
}

impl DequeueReason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "MANUAL",
            Self::Merge => "MERGE",
            Self::MergeConflict => "MERGE_CONFLICT",
            Self::CiFailure => "CI_FAILURE",
            Self::CiTimeout => "CI_TIMEOUT",
            Self::AlreadyMerged => "ALREADY_MERGED",
            Self::QueueCleared => "QUEUE_CLEARED",
            Self::BranchProtections => "BRANCH_PROTECTIONS",
            Self::GitTreeInvalid => "GIT_TREE_INVALID",
        }
    }
}

impl State {
    /// The bot that creates groups, moves the base, and removes pull requests that fail.
    pub(crate) fn queue_actor(&mut self) -> Id {
        let known = self.account_by_login(ACTOR).map(|account| account.id);
        known.unwrap_or_else(|| self.add_account(ACTOR, ACTOR, AccountKind::Bot))
    }
}

impl AppState {
    /// Adds an open pull request to its base's queue, at the end or at the front, if the rules allow it.
    pub(crate) fn enqueue(
        self: &Arc<Self>,
        state: &mut State,
        writer: Writer,
        number: u64,
        how: EnqueueOptions,
    ) -> Result<(), NoEntry> {
        let repo = state.repo_by_id(writer.repo);
        check(state, repo, &repo.issues[&number])?;
        if how.jump && state.role(repo, writer.actor) < Some(Role::Admin) {
            return Err(NoEntry("Must have admin rights to Repository.".to_owned()));
        }
        let base = repo.issues[&number].pull().base_ref.clone();
        let (id, event, now) = (state.new_id(), state.new_id(), state.now());
        let entry = QueueEntry {
            id,
            number,
            enqueued_by: writer.actor,
            via_app: writer.via_app,
            enqueued_at: now,
            jump: how.jump,
            group: None,
            conflicts_with: None,
        };
        let issue = state.issue_mut(writer.repo, number);
        issue.log(event, "added_to_merge_queue", writer.actor, now);
        // From here on the pull request waits for the queue and not for auto-merge.
        issue.pull_mut().gate.auto_merge = None;
        let repo = state.repo_mut(writer.repo);
        let is_new = !repo.queues.contains_key(&base);
        let queue = repo.queues.entry(base.clone()).or_default();
        // It goes behind those that jumped the queue before.
        let ahead = queue.entries.iter().take_while(|entry| entry.jump).count();
        queue.entries.insert(if how.jump { ahead } else { queue.entries.len() }, entry);
        queue.news.notify_waiters();
        self.announce_issue(state, (writer.repo, number), writer.actor, "enqueued", json!({}));
        if is_new {
            self.drive_queue(state, writer.repo, base);
        }
        Ok(())
    }

    /// Removes a pull request from its queue, if it is in one.
    pub(crate) fn leave_queue(
        self: &Arc<Self>,
        state: &mut State,
        (repo, number): (Id, u64),
        actor: Id,
        reason: DequeueReason,
    ) -> Option<QueueEntry> {
        let found = state.repo_by_id(repo);
        let (base, place) = found.queued(number).map(|(base, place)| (base.to_owned(), place))?;
        let queue = state.repo_mut(repo).queues.get_mut(&base)?;
        let mut entry = queue.entries.remove(place);
        queue.news.notify_waiters();
        if let Some(group) = entry.group.clone() {
            let why = if reason == DequeueReason::Merge { "merged" } else { "dequeued" };
            self.destroy_group(state, (repo, &base), group, why);
        }
        entry.group = None;
        let (event, now) = (state.new_id(), state.now());
        state.issue_mut(repo, number).log(event, "removed_from_merge_queue", actor, now);
        self.announce_issue(state, (repo, number), actor, "dequeued", json!({ "reason": reason.as_str() }));
        Some(entry)
    }

    /// Marks a group's branch for deletion, and announces the reason.
    pub(crate) fn destroy_group(
        self: &Arc<Self>,
        state: &mut State,
        (repo, base): (Id, &str),
        group: Group,
        reason: &'static str,
    ) {
        self.announce_group(state, (repo, base), &group, "destroyed", Some(reason));
        if let Some(queue) = state.repo_mut(repo).queues.get_mut(base) {
            queue.leftovers.push(group);
        }
    }

    /// Sends the webhook of a group.
    pub(crate) fn announce_group(
        self: &Arc<Self>,
        state: &mut State,
        (repo, base): (Id, &str),
        group: &Group,
        action: &'static str,
        reason: Option<&'static str>,
    ) {
        let mut fields = json!({ "merge_group": {
            "head_sha": group.head_sha, "head_ref": format!("refs/heads/{}", group.branch),
            "base_sha": group.base_sha, "base_ref": format!("refs/heads/{base}"), "head_commit": group.commit,
        } });
        if let Some(reason) = reason {
            fields["reason"] = json!(reason);
        }
        let sender = state.queue_actor();
        self.announce(state, Event { name: "merge_group", action: Some(action), repo, sender, fields });
    }
}

/// A pull request may enter only if it could be merged at once without the queue.
fn check(state: &State, repo: &Repo, issue: &Issue) -> Result<(), NoEntry> {
    let refuse = |message: &str| Err(NoEntry(format!("Pull request {message}")));
    let pull = issue.pull();
    if issue.state == IssueState::Closed {
        return refuse("is closed");
    }
    if repo.queued(issue.number).is_some() {
        return refuse("is already in the queue");
    }
    if rules::queue::of(repo, &pull.base_ref).is_none() {
        return refuse("base branch has no merge queue");
    }
    if pull.draft {
        return refuse("is in draft status");
    }
    match pull.mergeability {
        Mergeability::Unknown => return refuse("is in unknown status"),
        Mergeability::Conflict => return refuse("is in dirty status"),
        Mergeability::Clean => {}
    }
    let sentences = judge::sentences(&rules::queue::may_enter(state, repo, issue));
    if sentences.is_empty() { Ok(()) } else { refuse(&sentences.join(" ")) }
}
