//! Workflow files of a commit.

use super::refs::{ZERO, is_full_sha};
use super::{EntryKind, GitError, Repository};

/// The folder of workflow files. Its subfolders are ignored.
const WORKFLOWS: &str = ".github/workflows";

impl Repository {
    /// The first workflow file that a commit, or a commit behind it that no reference contains yet, adds or changes,
    /// and that no branch has in this form. Files that others pushed before may be included, above all in merges.
    /// <https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps#available-scopes>
    pub(crate) async fn new_workflow(&self, sha: &str) -> Result<Option<String>, GitError> {
        if !is_full_sha(sha) {
            return Ok(None);
        }
        let log = self.git().args(["log", "--full-history", "-c", "--format=", "--raw", "--no-abbrev", "--no-renames"]);
        let brought = log.args(["-z", sha, "--not", "--all", "--", WORKFLOWS]).run().await?;
        let brought = String::from_utf8_lossy(&brought).into_owned();
        let mut fields = brought.split('\0').filter(|field| !field.is_empty());
        // `:modes shas status`, then the path. For a merge, the shas and modes of all parents come first.
        while let (Some(change), Some(path)) = (fields.next(), fields.next()) {
            let blob = change.split_whitespace().rev().nth(1).unwrap_or_default();
            if blob != ZERO && !self.is_on_a_branch(blob, path).await? {
                return Ok(Some(path.to_owned()));
            }
        }
        Ok(None)
    }

    async fn is_on_a_branch(&self, blob: &str, path: &str) -> Result<bool, GitError> {
        for branch in self.branches().await? {
            if self.read_file(&branch.sha, path).await?.is_some_and(|found| found.sha == blob) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The first workflow file that `head` added or changed since the merge base with `base`.
    pub(crate) async fn changed_workflow(&self, base: &str, head: &str) -> Result<Option<String>, GitError> {
        if !is_full_sha(base) || !is_full_sha(head) {
            return Ok(None);
        }
        let diff = self.git().args(["diff", "--name-only", "--no-renames", "--diff-filter=d", "-z"]);
        let finished = diff.arg(format!("{base}...{head}")).args(["--", WORKFLOWS]).finish().await?;
        // Without a common ancestor there is no merge.
        let names = String::from_utf8_lossy(&finished.stdout).into_owned();
        Ok(names.split('\0').find(|name| !name.is_empty()).map(str::to_owned))
    }

    /// The path and text of every workflow file of a commit or a tree, by path. If there are none, git runs only once.
    pub(crate) async fn workflow_files(&self, sha: &str) -> Result<Vec<(String, String)>, GitError> {
        if !is_full_sha(sha) {
            return Ok(Vec::new());
        }
        let place = format!("{sha}:{WORKFLOWS}");
        let finished =
            self.git().args(["rev-parse", "--verify", "--quiet", "--end-of-options", &place]).finish().await?;
        if finished.code != Some(0) {
            return Ok(Vec::new());
        }
        let tree = String::from_utf8_lossy(&finished.stdout).trim().to_owned();
        let mut files = Vec::new();
        for entry in self.list_dir(&tree, "").await?.unwrap_or_default() {
            let is_yaml = [".yml", ".yaml"].iter().any(|end| entry.path.ends_with(end));
            if entry.kind == EntryKind::Blob && is_yaml {
                let bytes = self.blob(&entry.sha).await?.unwrap_or_default();
                files.push((format!("{WORKFLOWS}/{}", entry.path), String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
        Ok(files)
    }
}
