//! Branch rules: whether a pull request may merge or a ref may move, and why not.
//!
//! In: the model. [`demands`] collects the requirements of a branch for one actor from protection and rulesets.
//! [`facts`] collects the facts of a commit and of its pull request. [`judge`] compares both and says what is missing,
//! in GitHub's words. [`push`] does the same for a ref that is about to move. Nothing here changes the model, runs git
//! or knows HTTP. Every merge (through the API, auto-merge, the queue, the pages) and every push is checked here, so
//! that no way allows more than another.

pub(crate) mod demands;
pub(crate) mod facts;
pub(crate) mod hunk;
pub(crate) mod judge;
mod pattern;
pub(crate) mod push;
pub(crate) mod queue;
pub(crate) mod workflows;

use crate::{
    git::MergeMethod,
    state::{Id, Issue, Mergeability, Pull, Repo, State},
};

pub(crate) use judge::{Block, Refused};
pub(crate) use pattern::{fnmatch, matches_ref};

/// The requirements that forbid a merge into the base; empty if it is allowed. Without an actor, those for an actor
/// without a bypass; without a method, those that are independent of the method.
pub(crate) fn may_merge(
    state: &State,
    repo: &Repo,
    issue: &Issue,
    actor: Option<Id>,
    method: Option<MergeMethod>,
) -> Vec<Refused> {
    let pull = issue.pull();
    let demands = demands::of_branch(state, repo, &pull.base_ref, actor, demands::Way::Merge);
    let facts = facts::of_pull(state, repo, issue);
    judge::merge(state, &demands, &facts, method)
}

/// The `mergeable_state` of an open pull request. <https://docs.github.com/en/graphql/reference/enums#mergestatestatus>
pub(crate) fn mergeable_state(state: &State, repo: &Repo, issue: &Issue) -> &'static str {
    let pull = issue.pull();
    match pull.mergeability {
        Mergeability::Unknown => "unknown",
        Mergeability::Conflict => "dirty",
        Mergeability::Clean if pull.draft => "draft",
        Mergeability::Clean => {
            let refused = may_merge(state, repo, issue, None, None);
            // A pull request that may enter the merge queue is as clean as one that may be merged.
            let missing: Vec<Block> =
                refused.into_iter().flat_map(|all| all.blocks).filter(|block| *block != Block::Queue).collect();
            match missing.as_slice() {
                [] if unstable(state, repo, pull) => "unstable",
                [] => "clean",
                [Block::Behind] => "behind",
                _ => "blocked",
            }
        }
    }
}

/// Whether a check or status of the head is unfinished or failed, required or not.
fn unstable(state: &State, repo: &Repo, pull: &Pull) -> bool {
    facts::reports(state, repo, &pull.head_sha).iter().any(|report| report.standing != facts::Standing::Passed)
}
