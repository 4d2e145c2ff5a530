//! Rules of merge queues: which branch has one, which pull requests may enter, and the state of a group's checks.
//! <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue>

use crate::state::{Id, Issue, MergeQueueParameters, QueueEntry, Repo, Rule, Ruleset, State};

use super::{
    Block, Refused,
    demands::{Way, of_branch, rulesets_of},
    facts, judge, may_merge,
};

/// The state of a merge group's required checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Waiting,
    Failed,
}

/// The ruleset that gives a branch its merge queue, and the queue's parameters. In the API, only rulesets can do that.
pub(crate) fn of<'r>(repo: &'r Repo, branch: &str) -> Option<(&'r Ruleset, &'r MergeQueueParameters)> {
    let name = format!("refs/heads/{branch}");
    let enforced: Vec<Id> = rulesets_of(repo, &name).map(|ruleset| ruleset.id).collect();
    repo.rules.rulesets.iter().filter(|ruleset| enforced.contains(&ruleset.id)).find_map(|ruleset| {
        ruleset.rules.iter().find_map(|rule| match rule {
            Rule::MergeQueue { parameters } => Some((ruleset, parameters)),
            _ => None,
        })
    })
}

/// What prevents a pull request from entering the queue: everything that prevents its merge, except what the queue
/// checks itself. Bypass permissions do not count.
pub(crate) fn may_enter(state: &State, repo: &Repo, issue: &Issue) -> Vec<Refused> {
    without(may_merge(state, repo, issue, None, None), |block| matches!(block, Block::Queue | Block::Behind))
}

/// Whether the queue, which pushes as `pusher`, may still merge a pull request, apart from its checks.
pub(crate) fn may_leave(state: &State, repo: &Repo, issue: &Issue, pusher: Id) -> bool {
    let seen_to = |block: &Block| matches!(block, Block::Queue | Block::Behind | Block::Checks(_));
    !issue.pull().draft && without(may_merge(state, repo, issue, Some(pusher), None), seen_to).is_empty()
}

fn without(refused: Vec<Refused>, out: impl Fn(&Block) -> bool) -> Vec<Refused> {
    let mut refused = refused;
    for all in &mut refused {
        all.blocks.retain(|block| !out(block));
    }
    refused.retain(|all| !all.blocks.is_empty());
    refused
}

/// The state of a branch's required checks on a commit that is to become its head.
pub(crate) fn verdict(state: &State, repo: &Repo, branch: &str, sha: &str) -> Verdict {
    let reports = facts::reports(state, repo, sha);
    let demands = of_branch(state, repo, branch, None, Way::Merge);
    let required = demands.iter().flat_map(|demands| &demands.checks);
    let words: Vec<&str> = required.filter_map(|check| judge::missing(&check.context, check.app, &reports)).collect();
    match () {
        () if words.contains(&"failing") => Verdict::Failed,
        () if words.is_empty() => Verdict::Passed,
        () => Verdict::Waiting,
    }
}

/// The state of an entry. <https://docs.github.com/en/graphql/reference/enums#mergequeueentrystate>
pub(crate) fn standing(state: &State, repo: &Repo, branch: &str, entry: &QueueEntry) -> &'static str {
    match &entry.group {
        None if entry.conflicts_with.is_some() => "UNMERGEABLE",
        None => "QUEUED",
        Some(group) => match verdict(state, repo, branch, &group.head_sha) {
            Verdict::Passed => "MERGEABLE",
            Verdict::Waiting => "AWAITING_CHECKS",
            Verdict::Failed => "UNMERGEABLE",
        },
    }
}
