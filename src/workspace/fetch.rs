//! Brings commits and tags from a server into a mirror.

use std::time::{Duration, Instant};

use super::git::{self, Git, GitError, Remote};
use super::mirror::Mirror;

/// How old the tags may be that stand for those of the server, where no commit has to be fetched.
const TAGS_FRESH: Duration = Duration::from_mins(10);

/// When the server was asked for its tags last. The lock of a mirror holds it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    tags: Option<Instant>,
}

impl Mirror {
    /// Fetches `branches` from the server (all of them if empty), and moves our copies to the server's heads.
    pub async fn fetch(&self, remote: &Remote, branches: &[&str]) -> Result<(), GitError> {
        let mut refspecs = Vec::new();
        for name in branches {
            let name = git::reference(name)?;
            refspecs.push(format!("+{name}:{name}"));
        }
        if branches.is_empty() {
            refspecs.push("+refs/heads/*:refs/heads/*".to_owned());
        }
        self.fetch_refspecs(remote, &refspecs, branches.is_empty()).await
    }

    /// Fetches one commit by its name, whichever branch or pull request contains it. If the commit is here, the server is
    /// asked only for its tags, and only once in a while.
    pub async fn fetch_commit(&self, remote: &Remote, commit: &str) -> Result<(), GitError> {
        if self.has(commit).await? {
            let mut asked = self.lock.lock().await;
            if asked.tags.is_none_or(|at| at.elapsed() > TAGS_FRESH) {
                self.ask_for_tags(remote, &mut asked).await;
            }
            return Ok(());
        }
        self.fetch_refspecs(remote, &[git::sha(commit)?.to_owned()], false).await
    }

    /// Fetches the commit that is checked out on the server, and returns its name.
    pub async fn fetch_head(&self, remote: &Remote) -> Result<String, GitError> {
        let name = "refs/adjutant/head";
        self.fetch_refspecs(remote, &[format!("+HEAD:{name}")], false).await?;
        Git::at(&self.path, "rev-parse").args(["--verify", name]).line().await
    }

    async fn fetch_refspecs(&self, remote: &Remote, refspecs: &[String], prune: bool) -> Result<(), GitError> {
        let mut asked = self.lock.lock().await;
        let fetch = Git::at(&self.path, "fetch").args(["--quiet", "--no-tags", "--no-write-fetch-head"]);
        let fetch = if prune { fetch.arg("--prune") } else { fetch };
        fetch.arg("--").arg(&remote.url).args(refspecs).remote(remote).bytes().await?;
        self.ask_for_tags(remote, &mut asked).await;
        Ok(())
    }

    /// Without tags a project at most takes another version, so that their failure fails nothing.
    async fn ask_for_tags(&self, remote: &Remote, asked: &mut Asked) {
        asked.tags = Some(Instant::now());
        if let Err(error) = self.follow_tags(remote).await {
            tracing::warn!(mirror = %self.path.display(), %error, "the tags of the server could not be fetched");
        }
    }

    /// The head of `branch` on the server now.
    pub async fn remote_head(&self, remote: &Remote, branch: &str) -> Result<Option<String>, GitError> {
        let name = git::reference(branch)?;
        let answer =
            Git::at(&self.path, "ls-remote").arg("--").arg(&remote.url).arg(&name).remote(remote).line().await?;
        // `ls-remote` also returns references that only end in the pattern.
        let found = answer.lines().filter_map(|line| line.split_once('\t')).find(|(_, reference)| *reference == name);
        Ok(found.map(|(sha, _)| sha.to_owned()))
    }
}
