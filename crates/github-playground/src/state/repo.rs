//! A repository without its git data.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    Actions, CheckRun, CheckSuite, Comment, Gone, Id, Issue, Issues, Label, MergeQueue, Milestone, Pull, Role, Rules,
    Status, Time, Wording,
};
use crate::git::Repository;

/// How pull requests may be merged, and what else a merge does.
/// <https://docs.github.com/en/rest/repos/repos#update-a-repository>
#[expect(clippy::struct_excessive_bools, reason = "the fields are GitHub's, each a box to tick")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct MergeSettings {
    pub(crate) allow_merge_commit: bool,
    pub(crate) allow_squash_merge: bool,
    pub(crate) allow_rebase_merge: bool,
    pub(crate) allow_auto_merge: bool,
    pub(crate) allow_update_branch: bool,
    pub(crate) delete_branch_on_merge: bool,
    pub(crate) wording: Wording,
}

impl Default for MergeSettings {
    /// The settings of a new repository.
    fn default() -> Self {
        Self {
            allow_merge_commit: true,
            allow_squash_merge: true,
            allow_rebase_merge: true,
            allow_auto_merge: false,
            allow_update_branch: false,
            delete_branch_on_merge: false,
            wording: Wording::default(),
        }
    }
}

/// A repository: its people, issues and checks, and a handle for its git.
#[derive(Debug)]
pub(crate) struct Repo {
    pub(crate) id: Id,
    pub(crate) owner: Id,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) homepage: Option<String>,
    pub(crate) topics: Vec<String>,
    pub(crate) private: bool,
    /// Whether it is read-only.
    pub(crate) archived: bool,
    pub(crate) merging: MergeSettings,
    pub(crate) default_branch: String,
    /// The new names of branches that were renamed, by the old ones.
    pub(crate) renamed: BTreeMap<String, String>,
    pub(crate) collaborators: BTreeMap<Id, Role>,
    pub(crate) labels: Vec<Label>,
    pub(crate) issues: Issues,
    /// Numbers whose issue was deleted or transferred.
    pub(crate) gone: BTreeMap<u64, Gone>,
    last_number: u64,
    /// The issue of each comment. An outdated entry is found by a search.
    comments_at: HashMap<Id, u64>,
    pub(crate) milestones: Vec<Milestone>,
    pub(crate) last_milestone: u64,
    /// The apps that get no suite automatically on a push.
    pub(crate) no_auto_checks: BTreeSet<Id>,
    pub(crate) suites: Vec<CheckSuite>,
    pub(crate) runs: Vec<CheckRun>,
    pub(crate) statuses: Vec<Status>,
    pub(crate) rules: Rules,
    /// By the branch's name; only those with something to do.
    pub(crate) queues: BTreeMap<String, MergeQueue>,
    pub(crate) actions: Actions,
    pub(crate) created_at: Time,
    pub(crate) pushed_at: Time,
    pub(crate) git: Arc<Repository>,
    /// Held while refs move, from before git is called until the model is updated. Two pushes, or a push and a merge,
    /// are then seen by everybody in the order in which git made them.
    pub(crate) moving: Arc<tokio::sync::Mutex<()>>,
}

impl Repo {
    /// An empty public repository.
    pub(crate) fn new(
        (id, owner): (Id, Id),
        name: &str,
        default_branch: &str,
        git: Arc<Repository>,
        now: Time,
    ) -> Self {
        Self {
            id,
            owner,
            name: name.to_owned(),
            description: None,
            homepage: None,
            topics: Vec::new(),
            private: false,
            archived: false,
            merging: MergeSettings::default(),
            default_branch: default_branch.to_owned(),
            renamed: BTreeMap::new(),
            collaborators: BTreeMap::new(),
            labels: Vec::new(),
            issues: Issues::default(),
            gone: BTreeMap::new(),
            last_number: 0,
            comments_at: HashMap::new(),
            milestones: Vec::new(),
            last_milestone: 0,
            no_auto_checks: BTreeSet::new(),
            suites: Vec::new(),
            runs: Vec::new(),
            statuses: Vec::new(),
            rules: Rules::default(),
            queues: BTreeMap::new(),
            actions: Actions::default(),
            created_at: now,
            pushed_at: now,
            git,
            moving: Arc::default(),
        }
    }

    /// The next number of an issue or pull request. They share one series, and no number is used twice.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// A label by name; names ignore case.
    pub(crate) fn label(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name.to_lowercase() == name.to_lowercase())
    }

    /// An issue that is a pull request.
    pub(crate) fn pull(&self, number: u64) -> Option<(&Issue, &Pull)> {
        let issue = self.issues.get(&number)?;
        Some((issue, issue.pull.as_ref()?))
    }

    /// All pull requests, oldest first.
    pub(crate) fn pulls(&self) -> impl Iterator<Item = (&Issue, &Pull)> {
        self.issues.pulls()
    }

    /// An issue comment by id, with its issue.
    pub(crate) fn comment(&self, id: Id) -> Option<(&Issue, &Comment)> {
        let of = |issue| comment_of(issue, id);
        let known = self.comments_at.get(&id).and_then(|number| self.issues.get(number));
        known.and_then(of).or_else(|| self.issues.values().find_map(of))
    }

    /// The same, mutable.
    pub(crate) fn comment_mut(&mut self, id: Id) -> Option<&mut Comment> {
        let number = self.comment(id)?.0.number;
        self.issues.get_mut(number)?.comments.iter_mut().find(|comment| comment.id == id)
    }

    /// Stores the issue of a comment, so that it need not be searched.
    pub(crate) fn remember_comment(&mut self, id: Id, number: u64) {
        self.comments_at.insert(id, number);
    }
}

fn comment_of(issue: &Issue, id: Id) -> Option<(&Issue, &Comment)> {
    let comment = issue.comments.iter().rev().find(|comment| comment.id == id)?;
    Some((issue, comment))
}
