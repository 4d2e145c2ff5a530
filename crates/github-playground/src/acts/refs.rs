//! Consequences of a moved ref, by push, merge, contents API or refs API.
//!
//! The caller holds the repository's `moving` lock, so moves are handled in the order in which git made them. Git is
//! asked first for everything that the model and the webhooks need. After that the model changes in one step.

use std::sync::Arc;

use serde_json::{Value, json};

use super::pulls::Synchronized;
use crate::{
    app_state::AppState,
    git::{CommitInfo, FileChange, GitError, Repository, branch_ref},
    state::{Id, IssueState, Pull, State},
    view::{View, simple_commit},
    webhooks::Event,
};

/// The `before` or `after` of a ref that did not exist.
const NOTHING: &str = "0000000000000000000000000000000000000000";

/// GitHub's push payload lists at most this many commits. <https://docs.github.com/en/webhooks/webhook-events-and-payloads#push>
const COMMITS_SHOWN: usize = 20;

/// A moved ref. `None` means that it does not exist.
#[derive(Debug, Clone)]
pub(crate) struct RefMove {
    pub(crate) name: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

impl RefMove {
    fn branch(&self) -> Option<&str> {
        self.name.strip_prefix("refs/heads/")
    }
}

/// The facts of a move, computed by git.
struct Pushed {
    commits: Vec<(CommitInfo, Vec<FileChange>)>,
    messages: Vec<(String, String)>,
    head: Option<(CommitInfo, Vec<FileChange>)>,
    forced: bool,
    heads: Vec<(u64, Synchronized)>,
    merged: Vec<u64>,
}

impl AppState {
    /// Handles moved refs. Tags and branches are announced; other refs (`refs/notes/…`) are ignored, as on GitHub.
    pub(crate) async fn refs_moved(
        self: &Arc<Self>,
        repo: Id,
        moves: Vec<RefMove>,
        sender: Id,
    ) -> Result<(), GitError> {
        let mut failure = None;
        for moved in moves {
            if moved.old == moved.new
                || !(moved.name.starts_with("refs/heads/") || moved.name.starts_with("refs/tags/"))
            {
                continue;
            }
            // If one ref cannot be handled, the others of the same push still are.
            let pushed = match self.ask_git(repo, &moved).await {
                Ok(pushed) => pushed,
                Err(error) => {
                    failure = Some(error);
                    continue;
                }
            };
            let mut state = self.state();
            state.repo_mut(repo).pushed_at = state.now();
            if moved.old.is_none() && self.faults.is_on() {
                let full_name = View::new(&state, &self.urls).full_name(state.repo_by_id(repo));
                self.faults.ref_created(state.now(), (repo, &full_name), &moved.name);
            }
            self.announce_move(&mut state, repo, &moved, &pushed, sender);
            if moved.branch().is_some() {
                self.follow_branch(&mut state, repo, &moved, pushed, sender);
            }
        }
        failure.map_or(Ok(()), Err)
    }

    async fn ask_git(&self, repo: Id, moved: &RefMove) -> Result<Pushed, GitError> {
        let (git, default, heads, bases) = {
            let state = self.state();
            let repo = state.repo_by_id(repo);
            let open = |wanted: &dyn Fn(&Pull) -> bool| -> Vec<(u64, String, String, bool)> {
                repo.pulls()
                    .filter(|(issue, pull)| issue.state == IssueState::Open && wanted(pull))
                    .map(|(issue, pull)| {
                        (issue.number, pull.base_ref.clone(), pull.head_sha.clone(), !pull.reviews.is_empty())
                    })
                    .collect()
            };
            let heads = open(&|pull| moved.branch() == Some(&pull.head_ref));
            let bases = open(&|pull| moved.branch() == Some(&pull.base_ref));
            (repo.git.clone(), repo.default_branch.clone(), heads, bases)
        };
        let mut pushed = Pushed {
            commits: Vec::new(),
            messages: Vec::new(),
            head: None,
            forced: false,
            heads: Vec::new(),
            merged: Vec::new(),
        };
        let Some(new) = &moved.new else { return Ok(pushed) };
        let since = match &moved.old {
            Some(old) => Some(old.clone()),
            None if moved.branch() == Some(&default) => None,
            None => git.ref_sha(&branch_ref(&default)).await?,
        };
        if let Some(old) = &moved.old {
            pushed.forced = !git.is_ancestor(old, new).await.unwrap_or(false);
        }
        let commits = match &since {
            Some(since) => git.commits_between(since, new).await?,
            None => git.log(new, 0, COMMITS_SHOWN).await?,
        };
        pushed.messages = commits.iter().map(|commit| (commit.sha.clone(), commit.message.clone())).collect();
        let skip = commits.len().saturating_sub(COMMITS_SHOWN);
        let shown = commits.into_iter().skip(skip).map(|commit| with_files(&git, commit));
        pushed.commits = futures_util::future::try_join_all(shown).await?;
        pushed.head = match pushed.commits.last() {
            Some((commit, files)) if commit.sha == *new => Some((commit.clone(), files.clone())),
            _ => match git.commit(new).await? {
                Some(commit) => Some(with_files(&git, commit).await?),
                None => None,
            },
        };
        for (number, base, before, talked) in heads {
            git.set_ref(&format!("refs/pull/{number}/head"), new).await?;
            let Some(base_sha) = git.ref_sha(&branch_ref(&base)).await? else { continue };
            let synchronized = Synchronized::look(&git, base_sha, new, Some(&*before).filter(|_| talked)).await?;
            pushed.heads.push((number, synchronized));
        }
        for (number, _, head, _) in bases {
            if git.is_ancestor(&head, new).await? {
                pushed.merged.push(number);
            }
        }
        Ok(pushed)
    }

    fn announce_move(self: &Arc<Self>, state: &mut State, repo: Id, moved: &RefMove, pushed: &Pushed, sender: Id) {
        let found = state.repo_by_id(repo);
        let account = state.account(sender);
        let view = View::new(state, &self.urls);
        let show = |(commit, files): &(CommitInfo, Vec<FileChange>)| view.pushed_commit(found, commit, files);
        let (before, after) = (moved.old.as_deref().unwrap_or(NOTHING), moved.new.as_deref().unwrap_or(NOTHING));
        let commits: Vec<Value> = pushed.commits.iter().map(show).collect();
        let push = json!({
            "ref": moved.name, "before": before, "after": after, "created": moved.old.is_none(),
            "deleted": moved.new.is_none(), "forced": pushed.forced, "base_ref": null,
            "compare": view.repo_web(found, &format!("/compare/{}...{}", &before[..12], &after[..12])),
            "commits": commits, "head_commit": pushed.head.as_ref().map(show),
            "pusher": { "name": account.login, "email": account.email },
        });
        let (kind, short) = match moved.branch() {
            Some(branch) => ("branch", branch),
            None => ("tag", moved.name.trim_start_matches("refs/tags/")),
        };
        let mut made_or_gone = json!({ "ref": short, "ref_type": kind, "pusher_type": "user" });
        let name = match (&moved.old, &moved.new) {
            (None, _) => {
                made_or_gone["master_branch"] = json!(found.default_branch);
                made_or_gone["description"] = json!(found.description);
                Some("create")
            }
            (_, None) => Some("delete"),
            _ => None,
        };
        if let Some(name) = name {
            self.announce(state, Event { name, action: None, repo, sender, fields: made_or_gone });
        }
        self.announce(state, Event { name: "push", action: None, repo, sender, fields: push });
    }

    fn follow_branch(self: &Arc<Self>, state: &mut State, repo: Id, moved: &RefMove, pushed: Pushed, sender: Id) {
        let branch = moved.branch().unwrap_or_default();
        let Some(new) = &moved.new else {
            self.branch_deleted(state, repo, branch, sender);
            return;
        };
        if let Some((commit, _)) = &pushed.head {
            let commit = simple_commit(commit);
            for app in state.apps_with_suites(repo) {
                let (suite, is_new) = state.suite_of(app, repo, new, Some(branch), moved.old.as_deref());
                if is_new {
                    self.announce_suite(state, repo, suite, sender, "requested", Some(&commit));
                }
            }
        }
        for number in pushed.merged {
            if state.issue_mut(repo, number).state == IssueState::Open {
                self.merged(state, (repo, number), sender, new);
            }
        }
        for (number, synchronized) in pushed.heads {
            if state.issue_mut(repo, number).state == IssueState::Closed {
                continue;
            }
            let empty = synchronized.measured.size.commits == 0;
            self.synchronize(state, (repo, number), sender, synchronized);
            if empty {
                self.close(state, (repo, number), sender, None, None);
            }
        }
        let behind: Vec<u64> = open_pulls(state, repo, |pull| pull.base_ref == branch);
        for number in behind {
            self.compute_mergeability(state, repo, number);
        }
        if branch == state.repo_by_id(repo).default_branch {
            for (sha, message) in pushed.messages {
                self.close_named(state, repo, sender, &message, &sha);
            }
        }
    }

    /// Closes the pull requests whose head or base was deleted.
    fn branch_deleted(self: &Arc<Self>, state: &mut State, repo: Id, branch: &str, sender: Id) {
        for number in open_pulls(state, repo, |pull| pull.head_ref == branch || pull.base_ref == branch) {
            self.close(state, (repo, number), sender, None, None);
        }
    }
}

pub(super) fn open_pulls(state: &State, repo: Id, wanted: impl Fn(&Pull) -> bool) -> Vec<u64> {
    state
        .repo_by_id(repo)
        .pulls()
        .filter(|(issue, pull)| issue.state == IssueState::Open && wanted(pull))
        .map(|(issue, _)| issue.number)
        .collect()
}

async fn with_files(git: &Repository, commit: CommitInfo) -> Result<(CommitInfo, Vec<FileChange>), GitError> {
    let files = git.files_of_commit(&commit.sha).await?;
    Ok((commit, files))
}
