//! The clones that agents and verifiers work in.
//!
//! Each is an independent repository with its own objects. It has no remote and no credential, and no path to a mirror.
//! Its history is cut, and it has the tags from which a version is taken ([`super::tags`]).
//! After a process has run in it, its `.git` is not trusted any more: see [`super::snapshot`].

use std::path::{Path, PathBuf};

use super::files;
use super::git::{self, Git, GitError};
use super::mirror::{Merge, Mirror};

/// How many commits of history a clone has at least: enough for `git log` and `git blame` to be useful. It has more where
/// the nearest tags are farther away (see [`super::tags`]).
const HISTORY: usize = 50;
const BASE: &str = "refs/adjutant/base";

/// A clone on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    pub(super) folder: PathBuf,
    /// The commit it was made from.
    pub base: String,
}

/// Why a tree may be removed. A clone with work that was not pushed is never removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Its work is on the server.
    Pushed,
    /// Its contents are not needed: a verifier's checkout, or the clone of a task that failed.
    Disposable,
}

impl Tree {
    /// The working directory: what a sandboxed run gets as its `workdir`.
    pub fn path(&self) -> PathBuf {
        self.folder.join("tree")
    }

    /// A folder beside the clone for files of the same task that do not belong in the repository: logs, home, results.
    /// Reserved names: `tree`, `base`, `index`, `base-index`, `base-rules` and `live snapshot`.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Removes the clone and the folders beside it. The name is free at once, and the space soon after. A failure is
    /// only logged, and then the name stays taken.
    pub fn remove(self, why: Removal) {
        tracing::debug!(tree = %self.folder.display(), ?why, "removing a working tree");
        if let Err(error) = files::discard(&self.folder) {
            tracing::warn!(tree = %self.folder.display(), %error, "a working tree could not be removed");
        }
    }
}

impl Mirror {
    /// Makes a clone named `dest` at `commit`, on a branch named `branch`. Refuses if the name is taken.
    pub async fn tree(&self, dest: &str, commit: &str, branch: &str) -> Result<Tree, GitError> {
        let making = self.making(dest)?;
        let made = self.cut(&making, commit, branch).await;
        self.finish(dest, &making, commit, made).await
    }

    /// Makes a clone at `ours` that contains the merge of `theirs`, with conflict markers where both disagree, for an
    /// agent to resolve. The commit gets both as parents. Also returns the files in conflict.
    pub async fn tree_of_merge(
        &self,
        dest: &str,
        ours: &str,
        theirs: &str,
        branch: &str,
    ) -> Result<(Tree, Vec<String>), GitError> {
        let (merged, paths) = match self.merge(ours, theirs).await? {
            Merge::UpToDate(_) => (self.tree_of(ours).await?, Vec::new()),
            Merge::Clean { tree } => (tree, Vec::new()),
            Merge::Conflicted { tree, paths } => (tree, paths),
        };
        Ok((self.tree_with(dest, ours, &merged, branch).await?, paths))
    }

    /// Makes a clone at `base` with the files of another tree: work that is not committed yet.
    pub async fn tree_with(&self, dest: &str, base: &str, files: &str, branch: &str) -> Result<Tree, GitError> {
        let nobody = super::Identity { name: "Adjutant".to_owned(), email: "adjutant@localhost".to_owned() };
        let commit = self.commit(files, &[base], "Work in progress", &nobody, chrono::DateTime::UNIX_EPOCH).await?;
        let making = self.making(dest)?;
        let made = match self.cut(&making, &commit, branch).await {
            Ok(()) => Git::at(&making.join("tree/.git"), "update-ref")
                .arg(format!("refs/heads/{branch}"))
                .arg(git::sha(base)?)
                .bytes()
                .await
                .map(drop),
            failed => failed,
        };
        self.finish(dest, &making, base, made).await
    }

    /// The clone named `dest`, if it exists. An interrupted task continues in it.
    pub async fn existing_tree(&self, dest: &str) -> Result<Option<Tree>, GitError> {
        let folder = self.trees.join(git::folder_name(dest)?);
        match tokio::fs::read_to_string(folder.join("base")).await {
            Ok(base) => Ok(Some(Tree { base: git::sha(base.trim())?.to_owned(), folder })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(GitError::io(&folder)(error)),
        }
    }

    fn making(&self, dest: &str) -> Result<PathBuf, GitError> {
        let dest = git::folder_name(dest)?;
        if self.trees.join(dest).exists() {
            return Err(GitError::TreeExists(dest.to_owned()));
        }
        Ok(self.trees.join(format!(".making-{}", uuid::Uuid::new_v4())))
    }

    async fn cut(&self, folder: &Path, commit: &str, branch: &str) -> Result<(), GitError> {
        let (commit, branch) = (git::sha(commit)?, git::branch(branch)?);
        let path = folder.join("tree");
        tokio::fs::create_dir_all(&path).await.map_err(GitError::io(&path))?;
        Git::bare("init").args(["--quiet", "--template=", "-b", branch]).arg(&path).bytes().await?;
        let git_dir = path.join(".git");
        // Git cuts the history, and shares no file with the mirror, only if the source is a URL.
        let mut url = std::ffi::OsString::from("file://");
        url.push(&self.path);
        let fetch = |how: &str| {
            let fetch = Git::at(&git_dir, "fetch").args(["--quiet", "--no-tags", "--no-write-fetch-head", how]);
            fetch.arg("--").arg(&url).arg(format!("+{commit}:{BASE}"))
        };
        let tags = self.nearest_tags(commit).await?;
        let depth = tags.depth.max(HISTORY);
        let named = tags.names.iter().map(|name| format!("{name}:{name}"));
        fetch(&format!("--depth={depth}")).args(named).bytes().await?;
        if !tags.names.is_empty() && self.needs_whole_history(&git_dir, commit).await? {
            fetch("--unshallow").bytes().await?;
        }
        Git::at(&git_dir, "checkout")
            .env("GIT_WORK_TREE", &path)
            .args(["--quiet", "--no-track", "-B", branch, BASE, "--"])
            .bytes()
            .await?;
        Git::at(&git_dir, "update-ref").args(["-d", BASE]).bytes().await?;
        let config = git_dir.join("config");
        let mut text = tokio::fs::read_to_string(&config).await.map_err(GitError::io(&config))?;
        // An agent may make commits of its own. Only its files are read, not its commits.
        text.push_str("[user]\n\tname = agent\n\temail = agent@localhost\n");
        tokio::fs::write(&config, text).await.map_err(GitError::io(&config))?;
        Ok(())
    }

    /// Renames the finished clone to its final name. An unfinished clone never has that name.
    async fn finish(
        &self,
        dest: &str,
        making: &Path,
        base: &str,
        made: Result<(), GitError>,
    ) -> Result<Tree, GitError> {
        let folder = self.trees.join(dest);
        let named = match made {
            Ok(()) => match tokio::fs::write(making.join("base"), base).await {
                Ok(()) => tokio::fs::rename(making, &folder).await.map_err(GitError::io(&folder)),
                Err(error) => Err(GitError::io(making)(error)),
            },
            Err(error) => Err(error),
        };
        if named.is_err() {
            let _ = files::discard(making);
        }
        named.map(|()| Tree { folder, base: base.to_owned() })
    }
}
