//! Archives and annotated tags.

use super::command::Invocation;
use super::objects::sign;
use super::refs::{Branch, is_full_sha};
use super::{GitError, Repository, Signature};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    /// The tag object's sha.
    pub(crate) sha: String,
    /// Its name without `refs/tags/`.
    pub(crate) name: String,
    /// The sha of its target.
    pub(crate) object: String,
    /// `commit`, `tree`, `blob` or `tag`.
    pub(crate) kind: String,
    /// The person who tagged, and the time.
    pub(crate) tagger: Option<Signature>,
    /// Without the final newline.
    pub(crate) message: String,
}

/// The format of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    TarGz,
    Zip,
}

impl Repository {
    /// The files of a commit in one archive, below a folder of this name.
    pub(crate) async fn archive(&self, sha: &str, folder: &str, format: Format) -> Result<Vec<u8>, GitError> {
        if !is_full_sha(sha) {
            return Err(GitError::NotFound(sha.to_owned()));
        }
        let format = match format {
            Format::TarGz => "--format=tar.gz",
            Format::Zip => "--format=zip",
        };
        self.git().args(["archive", format]).arg(format!("--prefix={folder}/")).arg(sha).run().await
    }

    /// Makes an annotated tag object. No reference points to it yet.
    pub(crate) async fn create_tag(
        &self,
        (name, message): (&str, &str),
        (object, kind): (&str, &str),
        tagger: &Signature,
    ) -> Result<String, GitError> {
        if !is_full_sha(object) || self.rev_parse(object, kind).await?.as_deref() != Some(object) {
            return Err(GitError::NotFound(object.to_owned()));
        }
        // Only checks the person: git-mktag(1) does not read the environment.
        sign(Invocation::new(self.path()), "COMMITTER", tagger)?;
        let Signature { name: who, email, date } = tagger;
        let text = format!(
            "object {object}\ntype {kind}\ntag {name}\ntagger {who} <{email}> {} +0000\n\n{}\n",
            date.timestamp(),
            message.trim_end_matches('\n')
        );
        let finished = self.git().args(["mktag", "--strict"]).input(text).finish().await?;
        match finished.code {
            Some(0) => Ok(String::from_utf8_lossy(&finished.stdout).trim().to_owned()),
            _ => Err(GitError::InvalidInput(format!("`{name}` cannot be tagged"))),
        }
    }

    /// An annotated tag by its object's sha.
    pub(crate) async fn tag(&self, sha: &str) -> Result<Option<Tag>, GitError> {
        if !is_full_sha(sha) || self.rev_parse(sha, "tag").await?.as_deref() != Some(sha) {
            return Ok(None);
        }
        let bytes = self.git().args(["cat-file", "tag", sha]).run().await?;
        Ok(parse(sha, &String::from_utf8_lossy(&bytes)))
    }

    /// The branches that contain this commit.
    pub(crate) async fn branches_with(&self, sha: &str) -> Result<Vec<Branch>, GitError> {
        let format = "--format=%(objectname) %(refname:lstrip=2)";
        let output = self.git().args(["for-each-ref", format, "--contains", sha, "refs/heads/"]).run().await?;
        let text = String::from_utf8_lossy(&output);
        let branch = |line: &str| line.split_once(' ').map(|(sha, name)| Branch { name: name.into(), sha: sha.into() });
        Ok(text.lines().filter_map(branch).collect())
    }

    /// The branches whose head is this commit.
    pub(crate) async fn branches_at(&self, sha: &str) -> Result<Vec<Branch>, GitError> {
        Ok(self.branches().await?.into_iter().filter(|branch| branch.sha == sha).collect())
    }
}

fn parse(sha: &str, text: &str) -> Option<Tag> {
    let (head, message) = text.split_once("\n\n")?;
    let field = |name: &str| {
        let mut lines = head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::to_owned)
    };
    Some(Tag {
        sha: sha.to_owned(),
        name: field("tag")?,
        object: field("object")?,
        kind: field("type")?,
        tagger: field("tagger").and_then(|tagger| person(&tagger)),
        message: message.trim_end_matches('\n').to_owned(),
    })
}

/// `Name <address> seconds zone`.
fn person(text: &str) -> Option<Signature> {
    let (name, rest) = text.split_once(" <")?;
    let (email, when) = rest.split_once("> ")?;
    let seconds = when.split(' ').next()?.parse().ok()?;
    let date = chrono::DateTime::from_timestamp(seconds, 0)?;
    Some(Signature { name: name.to_owned(), email: email.to_owned(), date })
}
