//! The facts of a pull request that git computes: size, mergeability and head.

use std::sync::Arc;

use chrono::Utc;

use serde_json::json;

use super::{codeowners::CodeOwners, reviewing::move_comments};
use crate::{
    app_state::AppState,
    git::{FileChange, GitError, Preview, Repository, Signature, branch_ref},
    state::{Id, IssueState, Mergeability, Size, State},
};

/// The facts of a change, computed by git.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) size: Size,
    pub(crate) files: Vec<FileChange>,
    /// The file of the base.
    pub(crate) code_owners: Option<CodeOwners>,
}

impl Measured {
    /// The owners of the changed files.
    pub(crate) fn owners(&self, state: &State, at: (Id, u64)) -> Vec<Vec<Id>> {
        let repo = state.repo_by_id(at.0);
        let author = repo.issues[&at.1].author;
        self.code_owners.as_ref().map_or(Vec::new(), |file| file.owners(state, repo, &self.files, author))
    }
}

/// Counts the commits and lines between two commits.
pub(crate) async fn measure(git: &Repository, base: &str, head: &str) -> Result<Measured, GitError> {
    let (commits, files, code_owners) =
        tokio::join!(git.commits_between(base, head), git.files_between(base, head), CodeOwners::of(git, base));
    let (commits, code_owners) = (commits?, code_owners?);
    let files = match files {
        // After a forced push the histories may have nothing in common, so there is nothing to compare.
        Err(GitError::NoCommonAncestor(..)) => Vec::new(),
        files => files?,
    };
    let size = Size {
        commits: commits.len() as u64,
        files: files.len() as u64,
        additions: files.iter().map(|file| file.additions).sum(),
        deletions: files.iter().map(|file| file.deletions).sum(),
    };
    Ok(Measured { size, files, code_owners })
}

impl AppState {
    /// Has git compute in the background whether a pull request can be merged. Until then the mergeability is unknown.
    /// A result is discarded if a branch has moved meanwhile.
    pub(crate) fn compute_mergeability(self: &Arc<Self>, state: &mut State, repo: Id, number: u64) {
        let git = state.repo_by_id(repo).git.clone();
        let issue = state.issue_mut(repo, number);
        if issue.state == IssueState::Closed {
            return;
        }
        let pull = issue.pull_mut();
        pull.forget_mergeability();
        let (epoch, base, head) = (pull.epoch, pull.base_ref.clone(), pull.head_sha.clone());
        let title = format!("Merge {head} into {base}");
        let app_state = self.clone();
        self.spawn(async move {
            let answer = test_merge(&git, &base, &head, &title, number).await;
            let mut state = app_state.state();
            let pull = state.issue_mut(repo, number).pull_mut();
            if pull.epoch != epoch {
                return;
            }
            match answer {
                Ok(tested) => {
                    let clean = tested.merge.is_some();
                    pull.mergeability = if clean { Mergeability::Clean } else { Mergeability::Conflict };
                    pull.test_merge_sha = tested.merge;
                    pull.gate.behind = tested.behind;
                }
                Err(error) => tracing::debug!(%error, number, "mergeability could not be computed"),
            }
            app_state.nudge(&state, repo);
        });
    }

    /// Moves a pull request's head, with its event and webhook. The caller has measured the size before it took the
    /// lock.
    pub(crate) fn synchronize(self: &Arc<Self>, state: &mut State, at: (Id, u64), sender: Id, moved: Synchronized) {
        let before = {
            let now = state.now();
            let issue = state.issue_mut(at.0, at.1);
            issue.touch(now);
            let pull = issue.pull_mut();
            pull.size = moved.measured.size;
            pull.base_sha = moved.base_sha;
            pull.gate.last_pusher = Some(sender);
            move_comments(&mut pull.review_comments, &moved.since, &moved.measured.files, &moved.head_sha);
            std::mem::replace(&mut pull.head_sha, moved.head_sha.clone())
        };
        self.compute_mergeability(state, at.0, at.1);
        self.announce_issue(state, at, sender, "synchronize", json!({ "before": before, "after": moved.head_sha }));
        if moved.is_other_diff {
            self.dismiss_stale(state, at, sender);
        }
        let owners = moved.measured.owners(state, at);
        self.note_owners(state, at, sender, owners);
    }
}

/// A pull request after its head moved.
pub(crate) struct Synchronized {
    pub(crate) head_sha: String,
    pub(crate) base_sha: String,
    pub(crate) measured: Measured,
    /// The changes since the old head, if anybody reviewed or commented on that.
    pub(crate) since: Vec<FileChange>,
    /// Whether the diff of the pull request is different from before.
    pub(crate) is_other_diff: bool,
}

impl Synchronized {
    /// Asks git about a moved head. `before` is the old head, if anybody reviewed or commented on it.
    pub(crate) async fn look(
        git: &Repository,
        base_sha: String,
        head_sha: &str,
        before: Option<&str>,
    ) -> Result<Self, GitError> {
        let measured = measure(git, &base_sha, head_sha).await?;
        let (mut since, mut is_other_diff) = (Vec::new(), true);
        if let Some(before) = before {
            since = git.files_from(before, head_sha).await?;
            is_other_diff = git.files_between(&base_sha, before).await.map_or(true, |had| had != measured.files);
        }
        Ok(Self { head_sha: head_sha.to_owned(), base_sha, measured, since, is_other_diff })
    }
}

/// The result of a test merge.
struct Tested {
    /// The commit of `refs/pull/<n>/merge`; `None` if there is a conflict.
    merge: Option<String>,
    /// Whether the base has commits that the head lacks.
    behind: bool,
}

/// Makes a test merge, and stores the result as `refs/pull/<n>/merge`.
async fn test_merge(git: &Repository, base: &str, head: &str, title: &str, number: u64) -> Result<Tested, GitError> {
    let base_ref = branch_ref(base);
    let Some(base) = git.ref_sha(&base_ref).await? else {
        return Err(GitError::RefNotFound(base_ref));
    };
    let behind = !git.is_ancestor(&base, head).await?;
    let tree = match git.merge_preview(&base, head).await {
        Ok(Preview::Conflict { .. }) | Err(GitError::NoCommonAncestor(..)) => {
            return Ok(Tested { merge: None, behind });
        }
        Ok(Preview::Clean { tree }) => tree,
        Ok(Preview::UpToDate) => return Ok(Tested { merge: Some(base), behind }),
        Err(error) => return Err(error),
    };
    let signature = github_signature();
    let sha = git.create_commit(&tree, &[base, head.to_owned()], title, &signature, &signature).await?;
    git.set_ref(&format!("refs/pull/{number}/merge"), &sha).await?;
    Ok(Tested { merge: Some(sha), behind })
}

/// The committer of the server's own commits.
pub(crate) fn github_signature() -> Signature {
    Signature { name: "GitHub".to_owned(), email: "noreply@github.com".to_owned(), date: Utc::now() }
}
