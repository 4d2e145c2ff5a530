//! The changed files between two commits, as GitHub's "list pull request files" shows them
//! (<https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files>).

use super::{GitError, Repository};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileChange {
    /// The present path (the former one, if the file was removed).
    pub(crate) path: String,
    /// The former path, if the file was renamed or copied.
    pub(crate) previous_path: Option<String>,
    pub(crate) status: FileStatus,
    /// Lines added; 0 for a binary file.
    pub(crate) additions: u64,
    /// Lines removed; 0 for a binary file.
    pub(crate) deletions: u64,
    /// The hunks, from the first `@@` on; `None` for a binary file and if no line changed.
    pub(crate) patch: Option<String>,
    /// The present blob (the former one, if the file was removed).
    pub(crate) blob_sha: String,
}

/// The status of a file, in GitHub's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileStatus {
    Added,
    Removed,
    /// Its content or mode changed.
    Modified,
    /// It has another path, and possibly other content.
    Renamed,
    /// It is a copy of another file.
    Copied,
    /// It became another kind of entry: a symbolic link, a submodule.
    Changed,
}

impl FileStatus {
    /// The word in GitHub's answers.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Modified => "modified",
            Self::Renamed => "renamed",
            Self::Copied => "copied",
            Self::Changed => "changed",
        }
    }
}

/// The empty tree, which git knows without storing it.
pub(super) const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

impl Repository {
    /// The changes of `head` since the merge base with `base` (three dots: changes on `base` do not count).
    pub(crate) async fn files_between(&self, base: &str, head: &str) -> Result<Vec<FileChange>, GitError> {
        let fork = self.merge_base(base, head).await?;
        let fork = fork.ok_or_else(|| GitError::NoCommonAncestor(base.to_owned(), head.to_owned()))?;
        let head = self.require(head).await?;
        self.diff(&fork, &head).await
    }

    /// The changes of one commit against its first parent, or everything if it has none.
    pub(crate) async fn files_of_commit(&self, rev: &str) -> Result<Vec<FileChange>, GitError> {
        let commit = self.commit(rev).await?.ok_or_else(|| GitError::NotFound(rev.to_owned()))?;
        self.diff(commit.parents.first().map_or(EMPTY_TREE, String::as_str), &commit.sha).await
    }

    /// The differences between `from` and `to`, whatever their histories are (two dots).
    pub(crate) async fn files_from(&self, from: &str, to: &str) -> Result<Vec<FileChange>, GitError> {
        let (from, to) = (self.require(from).await?, self.require(to).await?);
        self.diff(&from, &to).await
    }

    async fn diff(&self, from: &str, to: &str) -> Result<Vec<FileChange>, GitError> {
        let tree =
            |options: &[&str]| self.git().args(["diff-tree", "-r", "-M"]).args(options).args([from, to, "--"]).run();
        let (summary, patches) = tokio::try_join!(
            tree(&["-z", "--raw", "--numstat", "--no-abbrev"]),
            tree(&["-p", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/"]),
        )?;
        let mut files = parse_summary(&String::from_utf8_lossy(&summary))?;
        attach_patches(&mut files, &String::from_utf8_lossy(&patches));
        Ok(files)
    }
}

/// `-z --raw --numstat` prints all raw records, then all numbers in the same order (git-diff-tree(1), "raw output format").
fn parse_summary(text: &str) -> Result<Vec<FileChange>, GitError> {
    let broken = || GitError::Unreadable("diff-tree");
    let mut words = text.split('\0').peekable();
    let mut files = Vec::new();
    while let Some(record) = words.next_if(|word| word.starts_with(':')) {
        let columns: Vec<&str> = record[1..].split(' ').collect();
        let [_, _, old_sha, new_sha, status] = columns[..] else {
            return Err(broken());
        };
        let status = parse_status(status).ok_or_else(broken)?;
        let first = words.next().ok_or_else(broken)?.to_owned();
        let two_paths = matches!(status, FileStatus::Renamed | FileStatus::Copied);
        let (path, previous_path) =
            if two_paths { (words.next().ok_or_else(broken)?.to_owned(), Some(first)) } else { (first, None) };
        let blob_sha = if status == FileStatus::Removed { old_sha } else { new_sha }.to_owned();
        files.push(FileChange { path, previous_path, status, additions: 0, deletions: 0, patch: None, blob_sha });
    }
    for file in &mut files {
        let numbers = words.next().ok_or_else(broken)?;
        let mut columns = numbers.splitn(3, '\t');
        // A binary file has "-" for both.
        let mut number = || columns.next().ok_or_else(broken).map(|text| text.parse().unwrap_or(0));
        (file.additions, file.deletions) = (number()?, number()?);
        if file.previous_path.is_some() {
            // Then the third column is empty, and both paths follow as separate words.
            words.nth(1).ok_or_else(broken)?;
        }
    }
    Ok(files)
}

fn parse_status(letter: &str) -> Option<FileStatus> {
    Some(match letter.as_bytes().first()? {
        b'A' => FileStatus::Added,
        b'D' => FileStatus::Removed,
        b'M' => FileStatus::Modified,
        b'R' => FileStatus::Renamed,
        b'C' => FileStatus::Copied,
        b'T' => FileStatus::Changed,
        _ => return None,
    })
}

/// Sections have the order of the summary. No line inside a hunk starts with `diff --git`, because each starts with a
/// blank, a sign or a backslash. A change of type has two sections: the end of the old file, and the start of the new
/// one.
fn attach_patches(files: &mut [FileChange], text: &str) {
    let mut sections = text.split("\ndiff --git ").map(|section| {
        let start = if section.starts_with("@@ ") { Some(0) } else { section.find("\n@@ ").map(|at| at + 1) };
        start.map(|start| section[start..].trim_end_matches('\n').to_owned())
    });
    for file in files {
        file.patch = sections.next().flatten();
        if file.status == FileStatus::Changed {
            let second = sections.next().flatten();
            file.patch = match (file.patch.take(), second) {
                (Some(first), Some(second)) => Some(format!("{first}\n{second}")),
                (first, second) => first.or(second),
            };
        }
    }
}
