//! Commits and their ancestry.

use chrono::{DateTime, Utc};

use super::{GitError, Repository};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) email: String,
    /// To the second, as git stores it.
    pub(crate) date: DateTime<Utc>,
}

/// A commit without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommitInfo {
    pub(crate) sha: String,
    pub(crate) tree: String,
    /// Its parents, first parent first.
    pub(crate) parents: Vec<String>,
    /// The person who wrote the change.
    pub(crate) author: Signature,
    /// The person who made the commit.
    pub(crate) committer: Signature,
    /// The whole message without the final newline.
    pub(crate) message: String,
}

impl CommitInfo {
    /// The message's first line.
    pub(crate) fn title(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

/// How two histories differ, in commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AheadBehind {
    /// On the head but not on the base.
    pub(crate) ahead: u64,
    /// On the base but not on the head.
    pub(crate) behind: u64,
}

const FIELDS: usize = 10;
const FORMAT: &str = "--format=tformat:%H%x00%T%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%B";

impl Repository {
    /// One commit, by anything that [`Self::resolve`] accepts.
    pub(crate) async fn commit(&self, rev: &str) -> Result<Option<CommitInfo>, GitError> {
        let Some(sha) = self.resolve(rev).await? else {
            return Ok(None);
        };
        Ok(self.log_of(&["--max-count=1", &sha]).await?.pop())
    }

    /// The ancestors of `rev` and itself, newest first.
    pub(crate) async fn log(&self, rev: &str, skip: usize, limit: usize) -> Result<Vec<CommitInfo>, GitError> {
        let sha = self.require(rev).await?;
        self.log_of(&[&format!("--skip={skip}"), &format!("--max-count={limit}"), &sha]).await
    }

    /// The commits of `head` that `base` lacks, oldest first, as a pull request lists them.
    pub(crate) async fn commits_between(&self, base: &str, head: &str) -> Result<Vec<CommitInfo>, GitError> {
        let (base, head) = (self.require(base).await?, self.require(head).await?);
        self.log_of(&["--reverse", "--topo-order", &format!("{base}..{head}")]).await
    }

    /// The ancestors of `rev` and itself that change a file or a folder, newest first.
    pub(crate) async fn log_of_path(&self, rev: &str, path: &str, limit: usize) -> Result<Vec<CommitInfo>, GitError> {
        let sha = self.require(rev).await?;
        self.log_along(&[&format!("--max-count={limit}"), &sha], &[path.trim_matches('/')]).await
    }

    async fn log_of(&self, args: &[&str]) -> Result<Vec<CommitInfo>, GitError> {
        self.log_along(args, &[]).await
    }

    async fn log_along(&self, args: &[&str], paths: &[&str]) -> Result<Vec<CommitInfo>, GitError> {
        let output = self
            .git()
            .args(["log", "-z", "--encoding=UTF-8", "--no-show-signature", "--no-decorate", FORMAT])
            .args(args)
            .arg("--")
            .args(paths)
            .run()
            .await?;
        let text = String::from_utf8_lossy(&output);
        let fields: Vec<&str> = text.strip_suffix('\0').map_or(Vec::new(), |records| records.split('\0').collect());
        fields.chunks(FIELDS).map(parse_commit).collect()
    }

    /// Whether `ancestor` is reachable from `descendant`. A commit is its own ancestor.
    pub(crate) async fn is_ancestor(&self, ancestor: &str, descendant: &str) -> Result<bool, GitError> {
        let (ancestor, descendant) = (self.require(ancestor).await?, self.require(descendant).await?);
        let finished = self.git().args(["merge-base", "--is-ancestor", &ancestor, &descendant]).finish().await?;
        match finished.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(finished.into_error()),
        }
    }

    /// The best common ancestor, if there is any.
    pub(crate) async fn merge_base(&self, a: &str, b: &str) -> Result<Option<String>, GitError> {
        let (a, b) = (self.require(a).await?, self.require(b).await?);
        let finished = self.git().args(["merge-base", &a, &b]).finish().await?;
        match finished.code {
            Some(0) => Ok(Some(String::from_utf8_lossy(&finished.stdout).trim().to_owned())),
            Some(1) => Ok(None),
            _ => Err(finished.into_error()),
        }
    }

    /// How far `head` and `base` have diverged.
    pub(crate) async fn ahead_behind(&self, base: &str, head: &str) -> Result<AheadBehind, GitError> {
        let (base, head) = (self.require(base).await?, self.require(head).await?);
        let line =
            self.git().args(["rev-list", "--left-right", "--count"]).arg(format!("{base}...{head}")).line().await?;
        let mut counts = line.split_whitespace().map(str::parse);
        match (counts.next(), counts.next()) {
            (Some(Ok(behind)), Some(Ok(ahead))) => Ok(AheadBehind { ahead, behind }),
            _ => Err(GitError::Unreadable("rev-list")),
        }
    }
}

fn parse_commit(fields: &[&str]) -> Result<CommitInfo, GitError> {
    let [sha, tree, parents, a_name, a_email, a_date, c_name, c_email, c_date, message] = fields else {
        return Err(GitError::Unreadable("log"));
    };
    Ok(CommitInfo {
        sha: (*sha).to_owned(),
        tree: (*tree).to_owned(),
        parents: parents.split_whitespace().map(str::to_owned).collect(),
        author: parse_signature(a_name, a_email, a_date)?,
        committer: parse_signature(c_name, c_email, c_date)?,
        message: message.trim_end_matches('\n').to_owned(),
    })
}

fn parse_signature(name: &str, email: &str, seconds: &str) -> Result<Signature, GitError> {
    let date = seconds.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    Ok(Signature { name: name.to_owned(), email: email.to_owned(), date: date.ok_or(GitError::Unreadable("log"))? })
}
