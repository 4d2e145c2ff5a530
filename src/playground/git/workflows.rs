//! Workflow files of a commit.

use super::refs::is_full_sha;
use super::{EntryKind, GitError, Repository};

/// Where workflows lie; folders in it are not looked at.
const WORKFLOWS: &str = ".github/workflows";

impl Repository {
    /// Path and text of every workflow file of a commit or a tree, by path. One run of git where there are none.
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
