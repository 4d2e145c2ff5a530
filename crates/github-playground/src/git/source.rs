//! A user's repository to import from. It is only read. No program that its configuration names is run: no filter, no
//! hook, no file-system monitor (the working tree's files are not read), and no remote helper.

use std::path::{Path, PathBuf};

use super::command::Invocation;
use super::{GitError, Repository, branch_ref};

/// Settings that override the repository's own configuration (git-config(1)). `safe.directory` is not set for a user's
/// folder.
const HARMLESS: [(&str, &str); 2] = [("core.fsmonitor", "false"), ("core.hooksPath", "/dev/null")];

/// A run of git that only reads. In a partial clone, a missing object is not fetched from the repository's remote
/// (git(1), `GIT_ALLOW_PROTOCOL` and `GIT_NO_LAZY_FETCH`).
fn reading(git_dir: &Path) -> Invocation {
    let git = Invocation::new(git_dir).env("GIT_OPTIONAL_LOCKS", "0");
    let git = git.env("GIT_ALLOW_PROTOCOL", "none").env("GIT_NO_LAZY_FETCH", "1");
    git.config(&HARMLESS)
}

/// A user's repository, bare or with a working tree.
#[derive(Debug, Clone)]
pub(crate) struct ImportSource {
    git_dir: PathBuf,
    /// The top of the working tree, or the bare repository itself.
    root: PathBuf,
    /// Whether it has no working tree.
    pub(crate) bare: bool,
}

impl ImportSource {
    /// The repository in exactly this folder, and not in a parent.
    pub(crate) async fn find(folder: &Path) -> Result<Option<Self>, GitError> {
        let inside = folder.join(".git");
        let (git_dir, bare) = if inside.exists() { (inside, false) } else { (folder.to_owned(), true) };
        // A linked working tree has a file there that names the git folder. Git follows it.
        let asked = reading(&git_dir).args(["rev-parse", "--absolute-git-dir"]).finish().await?;
        if asked.code != Some(0) {
            return Ok(None);
        }
        let git_dir = PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim_end());
        Ok(Some(Self { git_dir, root: folder.to_owned(), bare }))
    }

    /// The folder whose name the repository gets.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn git(&self) -> Invocation {
        reading(&self.git_dir)
    }

    /// The branch that is checked out.
    pub(crate) async fn branch(&self) -> Result<Option<String>, GitError> {
        let head = self.git().args(["symbolic-ref", "--quiet", "--short", "HEAD"]).finish().await?;
        let name = String::from_utf8_lossy(&head.stdout).trim_end().to_owned();
        Ok((head.code == Some(0) && !name.is_empty()).then_some(name))
    }

    pub(crate) async fn has_commits(&self) -> Result<bool, GitError> {
        let head = self.git().args(["rev-parse", "--quiet", "--verify", "HEAD^{commit}"]).finish().await?;
        Ok(head.code == Some(0))
    }

    pub(crate) async fn is_shallow(&self) -> Result<bool, GitError> {
        Ok(self.git().args(["rev-parse", "--is-shallow-repository"]).line().await? == "true")
    }

    /// The size of its objects on disk, in KiB.
    pub(crate) async fn kib(&self) -> Result<u64, GitError> {
        let counted = String::from_utf8_lossy(&self.git().args(["count-objects", "-v"]).run().await?).into_owned();
        let sizes = counted.lines().filter_map(|line| line.strip_prefix("size: ").or(line.strip_prefix("size-pack: ")));
        Ok(sizes.filter_map(|size| size.parse::<u64>().ok()).sum())
    }

    /// The path of the first submodule, if there is one.
    pub(crate) async fn first_submodule(&self) -> Result<Option<String>, GitError> {
        let tree = self.git().args(["ls-tree", "-r", "-z", "--full-tree", "HEAD"]).run().await?;
        let entries = tree.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        Ok(entries
            .filter(|entry| entry.starts_with("160000 "))
            .find_map(|entry| Some(entry.split_once('\t')?.1.to_owned())))
    }
}

impl Repository {
    /// Copies one branch with its whole history.
    pub(crate) async fn copy_from(&self, source: &ImportSource, branch: &str) -> Result<(), GitError> {
        let name = branch_ref(branch);
        let fetch =
            self.git().args(["fetch", "--quiet", "--no-tags", "--no-auto-maintenance", "--no-write-fetch-head"]);
        // Only a local path is fetched, and git must use no other protocol from there.
        let fetch = fetch.env("GIT_ALLOW_PROTOCOL", "file").env("GIT_NO_LAZY_FETCH", "1");
        fetch.arg(&source.git_dir).arg(format!("{name}:{name}")).run().await?;
        Ok(())
    }
}
