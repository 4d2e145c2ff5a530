//! Whether a ref may move, by push or by API.

use crate::state::{Id, IssueState, Repo, State};

use super::{
    Block, Refused,
    demands::{Demands, Source, Way, of_ref},
    facts::reports,
    judge::{QUEUE, checks_missing},
    may_merge,
};

/// GitHub's message for people who are not on the branch's list.
pub(crate) const UNAUTHORISED: &str = "You're not authorized to push to this branch. Visit https://docs.github.com/articles/about-protected-branches/ for more information.";

/// A ref to move; `None` means that it does not exist.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) name: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

/// A reason not to move a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hurdle {
    pub(crate) source: Source,
    pub(crate) when: When,
    pub(crate) text: String,
}

/// The changes that it prevents. Only the caller, who has asked git, knows the kind of the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    /// A change whose new commit does not contain the old one.
    Forced,
    /// A change whose new commits include a merge commit.
    Merges,
}

/// Everything that prevents a change.
pub(crate) fn hurdles(state: &State, repo: &Repo, actor: Id, change: &Change) -> Vec<Hurdle> {
    // A push of the head may do what the pull request's button may do.
    let is_merge =
        change.old.is_some() && change.new.as_ref().is_some_and(|new| is_ready(state, repo, change, new, actor));
    let demands = of_ref(state, repo, &change.name, Some(actor), Way::Push);
    let of_rules = demands.iter().flat_map(|demands| of(state, repo, demands, change, is_merge));
    of_rules.chain(queued(repo, change)).collect()
}

/// The head of a pull request must not move while the pull request is in a merge queue.
/// <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue>
fn queued(repo: &Repo, change: &Change) -> Option<Hurdle> {
    let branch = change.name.strip_prefix("refs/heads/").filter(|_| change.old.is_some() && change.new.is_some())?;
    let heads = repo.queues.values().flat_map(|queue| &queue.entries).filter_map(|entry| repo.pull(entry.number));
    let is_queued = heads.into_iter().any(|(_, pull)| pull.head_ref == branch);
    let text = "A pull request for this branch has been added to a merge queue. Branches that are queued for merging \
                cannot be updated. To modify this branch, dequeue the associated pull request.";
    is_queued.then(|| Hurdle { source: Source::Protection, when: When::Always, text: text.to_owned() })
}

fn is_ready(state: &State, repo: &Repo, change: &Change, new: &str, actor: Id) -> bool {
    let branch = change.name.strip_prefix("refs/heads/").unwrap_or_default();
    repo.pulls().any(|(issue, pull)| {
        issue.state == IssueState::Open
            && !pull.draft
            && pull.base_ref == branch
            && pull.head_sha == new
            && may_merge(state, repo, issue, Some(actor), None).is_empty()
    })
}

fn of(state: &State, repo: &Repo, demands: &Demands, change: &Change, is_merge: bool) -> Vec<Hurdle> {
    let mut found = Vec::new();
    let mut add = |says: bool, when: When, text: &str| {
        if says {
            found.push(Hurdle { source: demands.source, when, text: text.to_owned() });
        }
    };
    let Some(new) = &change.new else {
        add(demands.locked, When::Always, "Cannot change this locked branch");
        add(demands.no_deletion, When::Always, "Cannot delete this branch");
        return found;
    };
    let checks = checks_missing(demands, &reports(state, repo, new));
    if change.old.is_none() {
        add(demands.no_creation, When::Always, "Cannot create ref due to creations being restricted.");
        add(demands.checks_on_create && checks.is_some(), When::Always, checks.as_deref().unwrap_or_default());
        return found;
    }
    add(demands.locked, When::Always, "Cannot change this locked branch");
    add(demands.unauthorised, When::Always, UNAUTHORISED);
    add(demands.no_update, When::Always, "Cannot update this protected ref.");
    add(demands.no_force, When::Forced, "Cannot force-push to this branch");
    add(demands.linear, When::Merges, "This branch must not contain merge commits.");
    if !is_merge {
        add(demands.queue, When::Always, QUEUE);
        add(demands.reviews.is_some(), When::Always, "Changes must be made through a pull request.");
        add(checks.is_some(), When::Always, checks.as_deref().unwrap_or_default());
    }
    found
}

/// The reasons that apply to a change whose kind git has found out, as refusals for the message.
pub(crate) fn met(hurdles: Vec<Hurdle>, forced: bool, merges: bool) -> Vec<Refused> {
    let meets = |hurdle: &Hurdle| match hurdle.when {
        When::Always => true,
        When::Forced => forced,
        When::Merges => merges,
    };
    let met = hurdles.into_iter().filter(meets);
    met.map(|hurdle| Refused { source: hurdle.source, blocks: vec![Block::Other(hurdle.text)] }).collect()
}

/// The one line for the report of the push.
pub(crate) fn reason(met: &[Refused]) -> &'static str {
    if met.iter().any(|all| all.source == Source::Protection) {
        "protected branch hook declined"
    } else {
        "push declined due to repository rule violations"
    }
}

/// The message for the pusher, line by line.
/// <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/troubleshooting-required-status-checks>
pub(crate) fn told(met: &[Refused], name: &str, rules_page: &str) -> String {
    let of = |source: Source| {
        let sentences = met.iter().filter(move |all| all.source == source).flat_map(|all| &all.blocks);
        sentences.map(|block| format!("- {}\n", block.message())).collect::<Vec<_>>()
    };
    let (protection, rulesets) = (of(Source::Protection), of(Source::Ruleset));
    let mut text = String::new();
    if !protection.is_empty() {
        text += &format!("error: GH006: Protected branch update failed for {name}.\n\n{}", protection.join("\n"));
    }
    if !rulesets.is_empty() {
        let page = format!("{rules_page}?ref={}", name.replace('/', "%2F"));
        text += &format!(
            "error: GH013: Repository rule violations found for {name}.\nReview all repository rules at {page}\n\n{}\n",
            rulesets.join("\n")
        );
    }
    text
}
