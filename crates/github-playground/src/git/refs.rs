//! References: the rules for their names, their targets, and how they move.

use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};

use super::{GitError, Repository};

/// A reference and the object it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The full name, `refs/heads/main`.
    pub(crate) name: String,
    pub(crate) sha: String,
    /// `commit` or, for an annotated tag, `tag`.
    pub(crate) kind: String,
}

/// A branch and its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Branch {
    /// The short name, `main`.
    pub(crate) name: String,
    pub(crate) sha: String,
}

/// Whether an update may remove commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Update {
    /// No: the old commit must be an ancestor of the new one.
    FastForward,
    /// Yes.
    Force,
}

/// The sha by which git means that a reference does not exist.
pub(super) const ZERO: &str = "0000000000000000000000000000000000000000";

/// Whether this is a full sha, which git never reads as a branch.
pub(crate) fn is_sha(rev: &str) -> bool {
    rev.len() == ZERO.len() && rev.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The full name of a branch.
pub(crate) fn branch_ref(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

/// Checks git-check-ref-format(1) for a full name. GitHub also requires `refs/` and two slashes
/// (<https://docs.github.com/en/rest/git/refs#create-a-reference>).
pub(crate) fn is_valid_ref_name(name: &str) -> bool {
    name.starts_with("refs/") && name.matches('/').count() >= 2 && is_well_formed(name)
}

fn is_well_formed(name: &str) -> bool {
    let forbidden = |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c);
    !name.is_empty()
        && name != "@"
        && !name.contains(forbidden)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && name.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with(['.', '-'])
                && std::path::Path::new(part).extension().is_none_or(|end| end != "lock")
        })
}

impl Repository {
    /// The commit that `rev` names: a sha (abbreviated or not), a branch, a tag, a full reference name or `HEAD`.
    /// `None` if there is none. A malformed name cannot exist, and is never passed to git.
    pub(crate) async fn resolve(&self, rev: &str) -> Result<Option<String>, GitError> {
        if self.commits().contains(rev) {
            return Ok(Some(rev.to_owned()));
        }
        let found = self.rev_parse(rev, "commit").await?;
        self.commits().extend(found.clone());
        Ok(found)
    }

    fn commits(&self) -> MutexGuard<'_, HashSet<String>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Like [`Self::resolve`], for an object of this type (`commit`, `tree`, `blob`, `object`).
    pub(super) async fn rev_parse(&self, rev: &str, kind: &str) -> Result<Option<String>, GitError> {
        if !is_well_formed(rev) {
            return Ok(None);
        }
        let finished = self
            .git()
            .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
            .arg(format!("{rev}^{{{kind}}}"))
            .finish()
            .await?;
        match finished.code {
            Some(0) => Ok(Some(String::from_utf8_lossy(&finished.stdout).trim().to_owned())),
            // An ambiguous abbreviation and a wrong type also count as "not found", because they name no single object.
            Some(1 | 128) => Ok(None),
            _ => Err(finished.into_error()),
        }
    }

    /// [`Self::resolve`], but absence is an error.
    pub(super) async fn require(&self, rev: &str) -> Result<String, GitError> {
        self.resolve(rev).await?.ok_or_else(|| GitError::NotFound(rev.to_owned()))
    }

    /// All branches, by name.
    pub(crate) async fn branches(&self) -> Result<Vec<Branch>, GitError> {
        let refs = self.refs("refs/heads/").await?;
        Ok(refs
            .into_iter()
            .filter_map(|reference| {
                let name = reference.name.strip_prefix("refs/heads/")?.to_owned();
                Some(Branch { name, sha: reference.sha })
            })
            .collect())
    }

    /// All references whose full name starts with `prefix` (any string: `refs/heads/feat` finds `refs/heads/feature`,
    /// as GitHub's matching-refs does), by name.
    pub(crate) async fn refs(&self, prefix: &str) -> Result<Vec<Reference>, GitError> {
        let output = self
            .git()
            .args(["for-each-ref", "--sort=refname", "--format=%(objectname) %(objecttype) %(refname)"])
            .run()
            .await?;
        String::from_utf8_lossy(&output)
            .lines()
            .map(|line| {
                let mut words = line.splitn(3, ' ');
                match (words.next(), words.next(), words.next()) {
                    (Some(sha), Some(kind), Some(name)) => {
                        Ok(Reference { name: name.to_owned(), sha: sha.to_owned(), kind: kind.to_owned() })
                    }
                    _ => Err(GitError::Unreadable("for-each-ref")),
                }
            })
            .filter(|reference| reference.as_ref().map_or(true, |found| found.name.starts_with(prefix)))
            .collect()
    }

    /// One reference by its full name.
    pub(crate) async fn reference(&self, name: &str) -> Result<Option<Reference>, GitError> {
        Ok(self.refs(name).await?.into_iter().find(|reference| reference.name == name))
    }

    /// The sha of a reference, by its full name.
    pub(crate) async fn ref_sha(&self, name: &str) -> Result<Option<String>, GitError> {
        if !is_valid_ref_name(name) {
            return Ok(None);
        }
        let finished = self.git().args(["show-ref", "--verify", "--hash", "--", name]).finish().await?;
        match finished.code {
            Some(0) => Ok(Some(String::from_utf8_lossy(&finished.stdout).trim().to_owned())),
            Some(1 | 128) => Ok(None),
            _ => Err(finished.into_error()),
        }
    }

    /// Creates a reference, by its full name.
    pub(crate) async fn create_ref(&self, name: &str, sha: &str) -> Result<(), GitError> {
        self.check_target(name, sha).await?;
        let finished = self.git().args(["update-ref", "--", name, sha, ZERO]).finish().await?;
        if finished.code == Some(0) {
            return Ok(());
        }
        if self.ref_sha(name).await?.is_some() {
            return Err(GitError::RefExists(name.to_owned()));
        }
        if finished.stderr.contains("cannot create") {
            return Err(GitError::RefNameTaken { name: name.to_owned(), reason: finished.stderr });
        }
        Err(finished.into_error())
    }

    /// Moves an existing reference. With `expected_old`, only if it is there.
    pub(crate) async fn update_ref(
        &self,
        name: &str,
        new: &str,
        expected_old: Option<&str>,
        update: Update,
    ) -> Result<(), GitError> {
        self.check_target(name, new).await?;
        let current = self.ref_sha(name).await?.ok_or_else(|| GitError::RefNotFound(name.to_owned()))?;
        if let Some(expected) = expected_old
            && expected != current
        {
            return Err(GitError::Moved {
                name: name.to_owned(),
                expected: expected.to_owned(),
                actual: Some(current),
            });
        }
        if update == Update::FastForward && !self.is_ancestor(&current, new).await? {
            return Err(GitError::NotFastForward { name: name.to_owned() });
        }
        self.swap_ref(name, new, &current).await
    }

    /// Deletes a reference, by its full name.
    pub(crate) async fn delete_ref(&self, name: &str) -> Result<(), GitError> {
        let current = self.ref_sha(name).await?.ok_or_else(|| GitError::RefNotFound(name.to_owned()))?;
        self.git().args(["update-ref", "-d", "--", name, &current]).run().await?;
        Ok(())
    }

    /// Sets one of the server's own references (`refs/pull/7/head`), whatever it was.
    pub(crate) async fn set_ref(&self, name: &str, sha: &str) -> Result<(), GitError> {
        self.check_target(name, sha).await?;
        self.git().args(["update-ref", "--", name, sha]).run().await?;
        Ok(())
    }

    /// The compare-and-swap by which every branch moves. `old` may be [`ZERO`].
    pub(crate) async fn swap_ref(&self, name: &str, new: &str, old: &str) -> Result<(), GitError> {
        let finished = self.git().args(["update-ref", "--", name, new, old]).finish().await?;
        if finished.code == Some(0) {
            return Ok(());
        }
        let actual = self.ref_sha(name).await?;
        if actual.as_deref().unwrap_or(ZERO) == old {
            return Err(finished.into_error());
        }
        Err(GitError::Moved { name: name.to_owned(), expected: old.to_owned(), actual })
    }

    async fn check_target(&self, name: &str, sha: &str) -> Result<(), GitError> {
        if !is_valid_ref_name(name) {
            return Err(GitError::InvalidRefName(name.to_owned()));
        }
        if !is_full_sha(sha) || self.rev_parse(sha, "object").await?.is_none() {
            return Err(GitError::NotFound(sha.to_owned()));
        }
        // git-update-ref(1) also refuses it, but only after taking its lock, and with a long message.
        if name.starts_with("refs/heads/") && self.resolve(sha).await?.as_deref() != Some(sha) {
            return Err(GitError::InvalidInput(format!("{sha} is not a commit; a branch points to one")));
        }
        Ok(())
    }
}

/// Forty lower-case hexadecimal digits.
pub(super) fn is_full_sha(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
