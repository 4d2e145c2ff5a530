//! Merging without a work tree: `git merge-tree --write-tree` computes, `git commit-tree` writes, and the branch moves
//! by compare-and-swap at the end. A merge that fails half-way leaves only loose objects.

use super::{CommitInfo, GitError, Repository, Signature, branch_ref};

/// The three merge methods of a pull request
/// (<https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/about-merge-methods-on-github>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergeMethod {
    /// A merge commit, even if a fast-forward is possible.
    Merge,
    /// One commit with all changes.
    Squash,
    /// Every commit again, on top of the base.
    Rebase,
}

/// The result of a merge that is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Preview {
    /// It merges into this tree.
    Clean {
        /// The merged tree's sha.
        tree: String,
    },
    /// It does not merge.
    Conflict {
        /// The paths in conflict.
        paths: Vec<String>,
    },
    /// The base has every commit of the head.
    UpToDate,
}

impl MergeMethod {
    /// The word in REST. GraphQL has it in upper case.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }
}

impl Repository {
    /// Computes the merge of `head` into `base` without changing either.
    pub(crate) async fn merge_preview(&self, base: &str, head: &str) -> Result<Preview, GitError> {
        let (base, head) = (self.require(base).await?, self.require(head).await?);
        match self.merge_base(&base, &head).await? {
            None => Err(GitError::NoCommonAncestor(base, head)),
            Some(fork) if fork == head => Ok(Preview::UpToDate),
            Some(_) => self.merge_trees(&base, &head).await,
        }
    }

    /// Merges the commit `head` into `base_branch` (a short name) and returns the branch's new head. `message` is that
    /// of the new commit; a rebase keeps the commits' own messages and authors. A conflict, or a base that moved
    /// meanwhile, changes nothing.
    pub(crate) async fn merge(
        &self,
        base_branch: &str,
        head: &str,
        method: MergeMethod,
        message: &str,
        author: &Signature,
        committer: &Signature,
    ) -> Result<String, GitError> {
        let name = branch_ref(base_branch);
        let base = self.ref_sha(&name).await?.ok_or_else(|| GitError::RefNotFound(name.clone()))?;
        let new = self.merge_onto(&base, head, method, message, author, committer).await?;
        self.swap_ref(&name, &new, &base).await?;
        Ok(new)
    }

    /// The same on top of the commit `base`, without moving a branch. Returns the new commit.
    pub(crate) async fn merge_onto(
        &self,
        base: &str,
        head: &str,
        method: MergeMethod,
        message: &str,
        author: &Signature,
        committer: &Signature,
    ) -> Result<String, GitError> {
        let (base, head) = (self.require(base).await?, self.require(head).await?);
        let tree = clean_tree(self.merge_preview(&base, &head).await?)?;
        match method {
            MergeMethod::Merge => self.write_commit(&tree, &[base, head], message, author, committer).await,
            MergeMethod::Squash => self.write_commit(&tree, &[base], message, author, committer).await,
            MergeMethod::Rebase => self.rebase(&base, &head, committer).await,
        }
    }

    /// The commits of `head` on top of `base` without merge commits, like git-rebase(1). A commit whose change the base
    /// has already becomes empty and is also left out.
    async fn rebase(&self, base: &str, head: &str, committer: &Signature) -> Result<String, GitError> {
        let mut tip = base.to_owned();
        for commit in self.commits_between(base, head).await?.iter().filter(|commit| commit.parents.len() == 1) {
            tip = self.replay(commit, &tip, committer).await?;
        }
        if tip == base { Err(GitError::UpToDate) } else { Ok(tip) }
    }

    /// Applies one commit's change on `tip`. The base of this three-way merge must be the commit's parent, but
    /// merge-tree finds bases only by history (its `--merge-base` is newer than Debian 12's git). Therefore the tip's
    /// tree is wrapped in a temporary commit on that parent, and the parent becomes the only base.
    async fn replay(&self, commit: &CommitInfo, tip: &str, committer: &Signature) -> Result<String, GitError> {
        let parent = commit.parents.first().ok_or(GitError::UpToDate)?;
        if parent == tip {
            return self
                .create_commit(&commit.tree, &[tip.to_owned()], &commit.message, &commit.author, committer)
                .await;
        }
        let tip_tree = self.rev_parse(tip, "tree").await?.ok_or_else(|| GitError::NotFound(tip.to_owned()))?;
        let wrapped = self.write_commit(&tip_tree, std::slice::from_ref(parent), "base", committer, committer).await?;
        let tree = clean_tree(self.merge_trees(&wrapped, &commit.sha).await?)?;
        if tree == tip_tree {
            return Ok(tip.to_owned());
        }
        self.write_commit(&tree, &[tip.to_owned()], &commit.message, &commit.author, committer).await
    }

    /// git-merge-tree(1): status 0 is a clean merge, 1 a conflict with the paths after the tree.
    async fn merge_trees(&self, ours: &str, theirs: &str) -> Result<Preview, GitError> {
        let finished = self
            .git()
            .args(["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs])
            .finish()
            .await?;
        let text = String::from_utf8_lossy(&finished.stdout).into_owned();
        let mut words = text.split('\0').filter(|word| !word.is_empty()).map(str::to_owned);
        match (finished.code, words.next()) {
            (Some(0), Some(tree)) => Ok(Preview::Clean { tree }),
            (Some(1), Some(_)) => Ok(Preview::Conflict { paths: words.collect() }),
            _ => Err(finished.into_error()),
        }
    }
}

fn clean_tree(preview: Preview) -> Result<String, GitError> {
    match preview {
        Preview::Clean { tree } => Ok(tree),
        Preview::Conflict { paths } => Err(GitError::Conflict { paths }),
        Preview::UpToDate => Err(GitError::UpToDate),
    }
}
