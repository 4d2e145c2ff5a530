//! Authors of commits, and the default branch.

use super::{GitError, Repository, refs::branch_ref};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Author {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) commits: u64,
}

impl Repository {
    /// The authors of a branch's commits, by name and address; empty if there is no such branch.
    pub(crate) async fn authors(&self, branch: &str) -> Result<Vec<Author>, GitError> {
        let Some(sha) = self.ref_sha(&branch_ref(branch)).await? else { return Ok(Vec::new()) };
        let output = self.git().args(["shortlog", "--summary", "--email", &sha]).run().await?;
        Ok(String::from_utf8_lossy(&output).lines().filter_map(author).collect())
    }

    /// Makes a branch the default one, which a clone checks out.
    pub(crate) async fn set_head(&self, branch: &str) -> Result<(), GitError> {
        let name = branch_ref(branch);
        if self.ref_sha(&name).await?.is_none() {
            return Err(GitError::RefNotFound(name));
        }
        self.git().args(["symbolic-ref", "HEAD", &name]).run().await.map(|_| ())
    }
}

/// A line of git-shortlog(1): `    12\tName <address>`.
fn author(line: &str) -> Option<Author> {
    let (commits, who) = line.trim_start().split_once('\t')?;
    let (name, email) = who.rsplit_once(" <")?;
    let email = email.strip_suffix('>')?;
    Some(Author { name: name.to_owned(), email: email.to_owned(), commits: commits.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_shortlog_is_an_author() {
        let read = author("    12\tWren <Writer> <wren@example.com>").unwrap();
        assert_eq!((read.name.as_str(), read.email.as_str(), read.commits), ("Wren <Writer>", "wren@example.com", 12));
        assert_eq!(author("nonsense"), None);
    }
}
