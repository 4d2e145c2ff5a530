//! The bare mirrors, one per repository. Objects are fetched into them, Adjutant's commits are made in them, and
//! branches are pushed from them. No process of an agent or of a test ever sees a mirror.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use adjutant_domain::input;
use chrono::{DateTime, Utc};

use super::diff::{self, Diff};
use super::fetch::Asked;
use super::git::{self, Git, GitError, Remote};
use super::push::PushError;
use super::tidy;

/// How many progress commits of one task are searched: more than there are in two weeks.
const MOST_MARKED: u32 = 50_000;

type Locks = Mutex<HashMap<String, Arc<tokio::sync::Mutex<Asked>>>>;

/// The folder with all mirrors and working trees. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Workspaces {
    root: PathBuf,
    locks: Arc<Locks>,
}

/// What the names of clones begin with that hold nobody's work: those of verifiers, of setups and of the base commit.
const DISPOSABLE: [&str; 3] = ["verify-", "setup-", "base-"];

impl Workspaces {
    /// Opens or creates `<root>/mirrors` and `<root>/trees`.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, GitError> {
        let root = root.into();
        for name in ["mirrors", "trees"] {
            let folder = root.join(name);
            std::fs::create_dir_all(&folder).map_err(GitError::io(&folder))?;
            super::files::sweep(&folder, |name| {
                name.contains(".making-") || DISPOSABLE.iter().any(|start| name.starts_with(start))
            });
        }
        let root = root.canonicalize().map_err(GitError::io(&root))?;
        Ok(Self { root, locks: Arc::default() })
    }

    /// Whether the `git` of this machine is new enough.
    pub async fn probe(&self) -> Result<(), GitError> {
        let version = Git::bare("version").line().await?;
        let mut numbers =
            version.trim_start_matches("git version ").split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if found >= git::OLDEST { Ok(()) } else { Err(GitError::TooOld(version)) }
    }

    /// The mirror of the repository `key` (its id). It is created if it does not exist. Nothing is fetched yet.
    pub async fn mirror(&self, key: &str) -> Result<Mirror, GitError> {
        let key = git::folder_name(key)?;
        let lock =
            Arc::clone(self.locks.lock().unwrap_or_else(PoisonError::into_inner).entry(key.to_owned()).or_default());
        let path = self.root.join("mirrors").join(format!("{key}.git"));
        let held = lock.lock().await;
        if !path.exists() {
            let making = path.with_extension(format!("making-{}", uuid::Uuid::new_v4()));
            Git::bare("init").args(["--quiet", "--bare", "--template="]).arg(&making).bytes().await?;
            // Clones start from any commit, also from one that no branch contains (any more).
            Git::at(&making, "config").args(["uploadpack.allowAnySHA1InWant", "true"]).bytes().await?;
            tokio::fs::rename(&making, &path).await.map_err(GitError::io(&path))?;
        }
        drop(held);
        tidy::when_due(&path);
        Ok(Mirror { path, trees: self.root.join("trees"), lock })
    }
}

/// One of our bare repositories. Cheap to clone.
///
/// Where a method takes a branch, the name may also be that of a checkpoint: a reference below `refs/adjutant/`.
#[derive(Debug, Clone)]
pub struct Mirror {
    pub(super) path: PathBuf,
    pub(super) trees: PathBuf,
    pub(super) lock: Arc<tokio::sync::Mutex<Asked>>,
}

/// The author of a commit.
#[derive(Debug, Clone)]
pub struct Identity {
    /// As in `adjutant[bot]`.
    pub name: String,
    /// As in `123+adjutant[bot]@users.noreply.github.com`.
    pub email: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merge {
    /// Ours contains theirs already: the result is this commit.
    UpToDate(String),
    Clean {
        tree: String,
    },
    /// Both sides changed the same places.
    Conflicted {
        /// The tree, with conflict markers in these files.
        tree: String,
        /// The files, sorted.
        paths: Vec<String>,
    },
}

/// A file at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Its path, lossy UTF-8.
    pub path: String,
    /// `100644`, `100755`, `120000` (symlink) or `160000` (submodule).
    pub mode: u32,
    /// The name of the object with its content.
    pub object: String,
    /// Bytes; 0 for a submodule.
    pub size: u64,
}

impl Mirror {
    /// The bare repository's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The head of our copy of `branch`.
    pub async fn head(&self, branch: &str) -> Result<Option<String>, GitError> {
        let name = format!("{}^{{commit}}", git::reference(branch)?);
        let answer = Git::at(&self.path, "rev-parse").args(["--verify", "--quiet"]).arg(name).run().await?;
        if answer.code == 0 { answer.line().map(Some) } else { Ok(None) }
    }

    /// Whether the mirror has the commit.
    pub async fn has(&self, commit: &str) -> Result<bool, GitError> {
        let object = format!("{}^{{commit}}", git::sha(commit)?);
        Ok(Git::at(&self.path, "cat-file").arg("-e").arg(object).run().await?.code == 0)
    }

    /// Whether `old` equals `new` or is an ancestor of it.
    pub async fn is_ancestor(&self, old: &str, new: &str) -> Result<bool, GitError> {
        let answer =
            Git::at(&self.path, "merge-base").args(["--is-ancestor", git::sha(old)?, git::sha(new)?]).run().await?;
        match answer.code {
            0 => Ok(true),
            1 => Ok(false),
            _ => Err(answer.error()),
        }
    }

    /// The tree of a commit.
    pub async fn tree_of(&self, commit: &str) -> Result<String, GitError> {
        let object = format!("{}^{{tree}}", git::sha(commit)?);
        Git::at(&self.path, "rev-parse").arg("--verify").arg(object).line().await
    }

    /// Merges two commits without touching any branch.
    pub async fn merge(&self, ours: &str, theirs: &str) -> Result<Merge, GitError> {
        if self.is_ancestor(theirs, ours).await? {
            return Ok(Merge::UpToDate(ours.to_owned()));
        }
        let merge = Git::at(&self.path, "merge-tree").args(["--write-tree", "-z", "--name-only", "--no-messages"]);
        let answer = merge.args([git::sha(ours)?, git::sha(theirs)?]).run().await?;
        if !matches!(answer.code, 0 | 1) {
            return Err(answer.error());
        }
        let mut fields = answer.stdout.split(|byte| *byte == 0).map(input::text);
        let tree = fields.next().unwrap_or_default().trim().to_owned();
        git::sha(&tree)?;
        if answer.code == 0 {
            return Ok(Merge::Clean { tree });
        }
        let mut paths: Vec<String> = fields.filter(|path| !path.is_empty()).collect();
        paths.sort();
        paths.dedup();
        Ok(Merge::Conflicted { tree, paths })
    }

    /// Makes a commit. The same arguments give the same commit, so a second try makes no duplicate.
    pub async fn commit(
        &self,
        tree: &str,
        parents: &[&str],
        message: &str,
        author: &Identity,
        at: DateTime<Utc>,
    ) -> Result<String, GitError> {
        let date = format!("@{} +0000", at.timestamp());
        let mut commit = Git::at(&self.path, "commit-tree").arg(git::sha(tree)?);
        for parent in parents {
            commit = commit.args(["-p", git::sha(parent)?]);
        }
        for role in ["AUTHOR", "COMMITTER"] {
            commit = commit
                .env(&format!("GIT_{role}_NAME"), &author.name)
                .env(&format!("GIT_{role}_EMAIL"), &author.email)
                .env(&format!("GIT_{role}_DATE"), &date);
        }
        commit.args(["-F", "-"]).stdin(message).line().await
    }

    /// Moves `branch` on the server from `expected` (`None`: it must not exist) to `sha`. It never removes commits from
    /// the branch. If the branch is at `sha` already, it succeeds.
    pub async fn push(
        &self,
        remote: &Remote,
        sha: &str,
        branch: &str,
        expected: Option<&str>,
    ) -> Result<(), PushError> {
        let (sha, name) = (git::sha(sha)?, git::reference(branch)?);
        if let Some(expected) = expected
            && !(self.has(expected).await? && self.is_ancestor(expected, sha).await?)
        {
            return Err(PushError::NotFastForward);
        }
        let lease = format!("--force-with-lease={name}:{}", expected.unwrap_or_default());
        let push = Git::at(&self.path, "push").args(["--porcelain", "--no-verify", "--no-follow-tags"]).arg(lease);
        let answer = push.arg("--").arg(&remote.url).arg(format!("{sha}:{name}")).remote(remote).run().await?;
        if answer.code == 0 {
            return Ok(());
        }
        let said = input::text(&answer.stdout);
        let Some(refused) = said.lines().find(|line| line.starts_with('!')) else {
            return Err(answer.error().into());
        };
        let error = PushError::of_rejection(refused, &said, &answer.stderr);
        if !matches!(error, PushError::Moved) {
            return Err(error);
        }
        if self.remote_head(remote, branch).await?.as_deref() == Some(sha) { Ok(()) } else { Err(PushError::Moved) }
    }

    /// Deletes `branch` on the server if it is still at `expected`.
    pub async fn delete(&self, remote: &Remote, branch: &str, expected: &str) -> Result<(), GitError> {
        let name = git::reference(branch)?;
        let lease = format!("--force-with-lease={name}:{}", git::sha(expected)?);
        let push = Git::at(&self.path, "push").args(["--porcelain", "--no-verify"]).arg(lease);
        push.arg("--").arg(&remote.url).arg(format!(":{name}")).remote(remote).bytes().await.map(drop)
    }

    /// The newest commit of `base..head` (all of `head` without a base) whose message has the trailer `key: value`.
    pub async fn find_commit_with_trailer(
        &self,
        base: Option<&str>,
        head: &str,
        key: &str,
        value: &str,
    ) -> Result<Option<String>, GitError> {
        if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(GitError::Invalid(key.to_owned(), "trailer"));
        }
        let range = match base {
            Some(base) => format!("{}..{}", git::sha(base)?, git::sha(head)?),
            None => git::sha(head)?.to_owned(),
        };
        let format = format!("--format=%H%x01%(trailers:key={key},valueonly,separator=%x01)");
        let log = Git::at(&self.path, "log").args(["-z", &format, &range, "--"]).bytes().await?;
        let log = String::from_utf8_lossy(&log);
        Ok(log.split('\0').find_map(|record| {
            let (sha, values) = record.trim().split_once('\u{1}')?;
            values.split('\u{1}').any(|found| found.trim() == value).then(|| sha.to_owned())
        }))
    }

    /// The value of a commit's trailer.
    pub async fn trailer(&self, commit: &str, key: &str) -> Result<Option<String>, GitError> {
        let commits = self.trailers(commit, key, 1).await?;
        Ok(commits.into_iter().find_map(|(_, value)| value))
    }

    /// The first commit without the trailer `key: value` on the line of first parents from `head`.
    pub async fn before_trailer(&self, head: &str, key: &str, value: &str) -> Result<Option<String>, GitError> {
        let commits = self.trailers(head, key, MOST_MARKED).await?;
        Ok(commits.into_iter().find(|(_, found)| found.as_deref() != Some(value)).map(|(commit, _)| commit))
    }

    /// The newest commits on the line of first parents, each with the value of the trailer.
    async fn trailers(&self, head: &str, key: &str, count: u32) -> Result<Vec<(String, Option<String>)>, GitError> {
        if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(GitError::Invalid(key.to_owned(), "trailer"));
        }
        let format = format!("--format=%H%x01%(trailers:key={key},valueonly,separator=%x01)");
        let log =
            Git::at(&self.path, "log").args(["-z", "--first-parent", &format]).arg(format!("--max-count={count}"));
        let log = log.args([git::sha(head)?, "--"]).bytes().await?;
        let records = String::from_utf8_lossy(&log).into_owned();
        let records = records.split('\0').filter_map(|record| record.trim().split_once('\u{1}'));
        let value = |values: &str| {
            values.split('\u{1}').next().map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
        };
        Ok(records.map(|(commit, values)| (commit.to_owned(), value(values))).collect())
    }

    /// The best common ancestor of two commits.
    pub async fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>, GitError> {
        let answer = Git::at(&self.path, "merge-base").args([git::sha(one)?, git::sha(other)?]).run().await?;
        match answer.code {
            0 => answer.line().map(Some),
            1 => Ok(None),
            _ => Err(answer.error()),
        }
    }

    /// What changed between two commits or trees. The lines are cut at a few megabytes; see [`Diff::truncated`].
    pub async fn diff(&self, old: &str, new: &str) -> Result<Diff, GitError> {
        diff::between(&self.path, old, new).await
    }

    /// The change between two commits as a patch for people and models, cut at `max_bytes` (whole characters).
    pub async fn patch(&self, old: &str, new: &str, max_bytes: u64) -> Result<String, GitError> {
        let patch =
            Git::at(&self.path, "diff-tree").args(["-r", "-p", "--stat", "--no-ext-diff", "--no-textconv", "-M"]);
        let bytes = patch.args([git::sha(old)?, git::sha(new)?]).cut(max_bytes).bytes().await?;
        Ok(input::text(&bytes))
    }

    /// All files of a commit or tree, sorted by path.
    pub async fn files(&self, commit: &str) -> Result<Vec<TreeEntry>, GitError> {
        let listing = Git::at(&self.path, "ls-tree").args(["-r", "-l", "-z", git::sha(commit)?]).bytes().await?;
        let entries = listing.split(|byte| *byte == 0).filter(|record| !record.is_empty()).filter_map(|record| {
            let record = input::text(record);
            let (meta, path) = record.split_once('\t')?;
            let mut fields = meta.split_whitespace();
            let mode = u32::from_str_radix(fields.next()?, 8).ok()?;
            let object = fields.nth(1)?.to_owned();
            let size = fields.next()?.parse().unwrap_or(0);
            Some(TreeEntry { path: path.to_owned(), mode, object, size })
        });
        Ok(entries.collect())
    }

    /// Whether a commit has something at this path.
    pub async fn has_file(&self, commit: &str, path: &str) -> Result<bool, GitError> {
        let object = format!("{}:{path}", git::sha(commit)?);
        Ok(Git::at(&self.path, "cat-file").arg("-e").arg(object).run().await?.code == 0)
    }

    /// A file of a commit; `None` when there is no such file or it is larger than `max_bytes`.
    pub async fn read(&self, commit: &str, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, GitError> {
        let object = format!("{}:{path}", git::sha(commit)?);
        let size = Git::at(&self.path, "cat-file").arg("-s").arg(&object).run().await?;
        let fits = size.code == 0
            && String::from_utf8_lossy(&size.stdout).trim().parse().is_ok_and(|size: u64| size <= max_bytes);
        if !fits {
            return Ok(None);
        }
        let blob = Git::at(&self.path, "cat-file").args(["blob", &object]).run().await?;
        Ok(if blob.code == 0 { Some(blob.stdout) } else { None })
    }
}
