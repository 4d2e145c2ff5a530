//! Changes as text for other programs: a diff, and a series of patches.

use super::{GitError, Repository, diff::EMPTY_TREE};

impl Repository {
    /// The changes of `head` since the merge base with `base`, as one diff.
    pub(crate) async fn diff_between(&self, base: &str, head: &str) -> Result<Vec<u8>, GitError> {
        let fork = self.fork(base, head).await?;
        self.diff_text(&fork, head).await
    }

    /// The changes of one commit against its first parent, or everything if it has none.
    pub(crate) async fn diff_of_commit(&self, sha: &str) -> Result<Vec<u8>, GitError> {
        let commit = self.commit(sha).await?.ok_or_else(|| GitError::NotFound(sha.to_owned()))?;
        self.diff_text(commit.parents.first().map_or(EMPTY_TREE, String::as_str), &commit.sha).await
    }

    /// The commits of `head` since the merge base with `base`, each as a mail for `git am`.
    pub(crate) async fn patches_between(&self, base: &str, head: &str) -> Result<Vec<u8>, GitError> {
        let fork = self.fork(base, head).await?;
        self.patches(&[&format!("{fork}..{head}")]).await
    }

    /// One commit as a mail for `git am`.
    pub(crate) async fn patch_of_commit(&self, sha: &str) -> Result<Vec<u8>, GitError> {
        self.patches(&["-1", sha]).await
    }

    async fn fork(&self, base: &str, head: &str) -> Result<String, GitError> {
        let fork = self.merge_base(base, head).await?;
        fork.ok_or_else(|| GitError::NoCommonAncestor(base.to_owned(), head.to_owned()))
    }

    async fn diff_text(&self, from: &str, to: &str) -> Result<Vec<u8>, GitError> {
        let options = ["-r", "-M", "-p", "--no-color", "--no-ext-diff", "--no-textconv", "--binary"];
        self.git().arg("diff-tree").args(options).args([from, to, "--"]).run().await
    }

    async fn patches(&self, range: &[&str]) -> Result<Vec<u8>, GitError> {
        let options = ["--stdout", "--no-color", "--no-ext-diff", "--no-textconv", "--binary", "-M"];
        self.git().arg("format-patch").args(options).args(range).arg("--").run().await
    }
}
