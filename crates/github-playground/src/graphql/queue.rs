//! Merge queues as GraphQL objects. <https://docs.github.com/en/graphql/reference/objects#mergequeue>

use serde_json::{Value, json};

use super::{
    GraphqlError,
    mutate::{Made, MutationTarget, refused_as},
    nodes::actor,
    resolve::Request,
    select::{Desk, Thing},
};
use crate::{
    acts::{DequeueReason, EnqueueOptions},
    rules::queue,
    state::{Id, QueueEntry, Repo},
    view::{View, node_id, time},
};

fn plain(value: impl Into<Value>) -> Thing {
    Thing::Plain(value.into())
}

/// The queue of a branch, if its rules require one.
pub(super) fn of_branch(repo: &Repo, branch: &str) -> Thing {
    match queue::of(repo, branch) {
        Some(_) => Thing::Queue(repo.id, branch.to_owned()),
        None => plain(Value::Null),
    }
}

/// A field of a queue.
pub(super) fn field(desk: Desk, (repo, branch): (Id, &str), name: &str) -> Option<Thing> {
    let repo = desk.view.state.repo_by_id(repo);
    let rule = queue::of(repo, branch);
    let path = format!("/queue/{branch}");
    Some(match name {
        "id" => plain(rule.map(|(ruleset, _)| node_id("MQ", ruleset.id))),
        "url" => plain(desk.view.repo_web(repo, &path)),
        "resourcePath" => plain(format!("/{}{path}", desk.view.full_name(repo))),
        "repository" => Thing::Repository(repo.id),
        // The playground cannot estimate how long checks take.
        "nextEntryEstimatedTimeToMerge" => plain(Value::Null),
        "configuration" => rule.map_or(plain(Value::Null), |(_, how)| {
            plain(json!({
                "__typename": "MergeQueueConfiguration", "checkResponseTimeout": how.check_response_timeout_minutes,
                "maximumEntriesToBuild": how.max_entries_to_build, "maximumEntriesToMerge": how.max_entries_to_merge,
                "mergeMethod": how.merge_method, "mergingStrategy": how.grouping_strategy,
                "minimumEntriesToMerge": how.min_entries_to_merge,
                "minimumEntriesToMergeWaitTime": how.min_entries_to_merge_wait_minutes,
            }))
        }),
        "entries" => {
            let entries = repo.queues.get(branch).into_iter().flat_map(|queue| &queue.entries).enumerate();
            let shown = entries.map(|(place, found)| entry(desk.view, (repo, branch), place, found));
            Thing::Connection("MergeQueueEntryConnection", shown.collect())
        }
        _ => return None,
    })
}

/// A field of a pull request about queues.
pub(super) fn of_pull(view: View, repo: &Repo, (number, base): (u64, &str), name: &str) -> Option<Thing> {
    Some(match name {
        "isInMergeQueue" => plain(repo.queued(number).is_some()),
        "isMergeQueueEnabled" => plain(queue::of(repo, base).is_some()),
        "mergeQueue" => of_branch(repo, base),
        "mergeQueueEntry" => entry_of(view, repo, number),
        _ => return None,
    })
}

fn entry_of(view: View, repo: &Repo, number: u64) -> Thing {
    let found = repo.queued(number).and_then(|(branch, place)| Some((branch, place, repo.queues.get(branch)?)));
    found.map_or(plain(Value::Null), |(branch, place, queue)| entry(view, (repo, branch), place, &queue.entries[place]))
}

fn entry(view: View, (repo, branch): (&Repo, &str), place: usize, entry: &QueueEntry) -> Thing {
    let standing = queue::standing(view.state, repo, branch, entry);
    let commit = |sha: Option<&String>| sha.map_or(plain(Value::Null), |sha| Thing::Commit(repo.id, sha.clone()));
    let group = entry.group.as_ref();
    let members = vec![
        ("id", plain(node_id("MQE", entry.id))),
        ("baseCommit", commit(group.map(|group| &group.base_sha))),
        ("headCommit", commit(group.map(|group| &group.head_sha))),
        ("enqueuedAt", plain(time(entry.enqueued_at))),
        ("enqueuer", plain(actor(view, entry.enqueued_by))),
        ("estimatedTimeToMerge", plain(Value::Null)),
        ("jump", plain(entry.jump)),
        ("mergeQueue", of_branch(repo, branch)),
        ("position", plain(place + 1)),
        ("pullRequest", Thing::Issue(repo.id, entry.number)),
        ("solo", plain(false)),
        ("state", plain(standing)),
    ];
    Thing::Object("MergeQueueEntry", members)
}

impl Request<'_> {
    /// <https://docs.github.com/en/graphql/reference/mutations#enqueuepullrequest>
    pub(super) fn enqueue(self, place: MutationTarget, input: &Value) -> Result<Made, GraphqlError> {
        let (repo, number) = place.at();
        let mut state = self.ctx.state();
        let head = &state.repo_by_id(repo).issues[&number].pull().head_sha;
        if input["expectedHeadOid"].as_str().is_some_and(|expected| expected != head) {
            return Err(refused_as("Head sha didn't match expected head sha."));
        }
        let how = EnqueueOptions { jump: input["jump"] == json!(true) };
        self.ctx.app_state.enqueue(&mut state, place.writer(), number, how).map_err(|error| refused_as(&error.0))?;
        Ok(vec![("mergeQueueEntry", entry_of(self.ctx.view(&state), state.repo_by_id(repo), number))])
    }

    /// <https://docs.github.com/en/graphql/reference/mutations#dequeuepullrequest>
    pub(super) fn dequeue(self, place: MutationTarget) -> Result<Made, GraphqlError> {
        let (repo, number) = place.at();
        let mut state = self.ctx.state();
        let shown = entry_of(self.ctx.view(&state), state.repo_by_id(repo), number);
        let left = self.ctx.app_state.leave_queue(&mut state, place.at(), place.writer().actor, DequeueReason::Manual);
        if left.is_none() {
            return Err(refused_as(&format!("Failed to remove PR #{number} from the merge queue")));
        }
        Ok(vec![("mergeQueueEntry", shown)])
    }
}
