//! Merge queues: the waiting pull requests of a branch.
//! <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue>

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Notify;

use super::{Id, Repo, Time};

/// The queue of one branch. It exists as long as anything has to be done for it.
#[derive(Debug, Default)]
pub(crate) struct MergeQueue {
    /// In the order in which they will be merged.
    pub(crate) entries: Vec<QueueEntry>,
    /// Groups that no longer exist, but whose branches git still has.
    pub(crate) leftovers: Vec<Group>,
    /// Notified of every change that the queue may wait for.
    pub(crate) news: Arc<Notify>,
}

/// A pull request in a queue.
#[derive(Debug, Clone)]
pub(crate) struct QueueEntry {
    pub(crate) id: Id,
    pub(crate) number: u64,
    pub(crate) enqueued_by: Id,
    pub(crate) via_app: bool,
    pub(crate) enqueued_at: Time,
    pub(crate) jump: bool,
    /// Its merge group, if that was created.
    pub(crate) group: Option<Group>,
    /// The commit with which it conflicts.
    pub(crate) conflicts_with: Option<String>,
}

/// A merge group: the base, everything ahead in the queue, and one more pull request, on a separate branch.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// The short name, `gh-readonly-queue/<base>/pr-<number>-<sha>`.
    pub(crate) branch: String,
    pub(crate) head_sha: String,
    /// The commit below it: the base, or the head of the previous group.
    pub(crate) base_sha: String,
    /// The head as webhooks show it.
    pub(crate) commit: Value,
    pub(crate) made_at: Time,
}

impl Repo {
    /// The branch of a pull request's queue, and its index there.
    pub(crate) fn queued(&self, number: u64) -> Option<(&str, usize)> {
        self.queues.iter().find_map(|(branch, queue)| {
            let place = queue.entries.iter().position(|entry| entry.number == number)?;
            Some((branch.as_str(), place))
        })
    }
}
