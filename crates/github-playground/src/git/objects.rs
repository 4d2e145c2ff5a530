//! Reads blobs, trees and commits, and writes files to a branch without a work tree.

use std::path::PathBuf;

use super::command::Invocation;
use super::refs::{ZERO, is_full_sha};
use super::{GitError, Repository, Signature, branch_ref, is_valid_ref_name};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) sha: String,
    /// Git's mode: `100644`, `100755`, `120000`.
    pub(crate) mode: String,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// A file or a symbolic link.
    Blob,
    Tree,
    Commit,
}

impl EntryKind {
    /// The word of git and GitHub.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Commit => "commit",
        }
    }
}

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    /// Its path below the listed tree.
    pub(crate) path: String,
    /// Git's mode.
    pub(crate) mode: String,
    pub(crate) kind: EntryKind,
    pub(crate) sha: String,
    /// A blob's size in bytes.
    pub(crate) size: Option<u64>,
}

/// A file to be written or, with `None`, deleted.
#[derive(Debug, Clone)]
pub(crate) struct FileWrite {
    /// Its path from the top of the tree.
    pub(crate) path: String,
    /// The new content; `None` deletes the file.
    pub(crate) content: Option<Vec<u8>>,
    pub(crate) executable: bool,
}

/// The result of writing one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// The new commit, which is the branch's new head.
    pub(crate) commit: String,
    /// The file's blob; `None` if it was deleted.
    pub(crate) blob: Option<String>,
}

/// A new entry of a tree.
#[derive(Debug, Clone)]
pub(crate) struct NewTreeEntry {
    /// Its path from the top of the tree.
    pub(crate) path: String,
    /// One of `100644`, `100755`, `040000`, `160000`, `120000`.
    pub(crate) mode: String,
    /// The object; `None` deletes the path.
    pub(crate) sha: Option<String>,
}

impl Repository {
    /// The file at `path` in the tree of `rev`; `None` if there is no such file.
    pub(crate) async fn read_file(&self, rev: &str, path: &str) -> Result<Option<Blob>, GitError> {
        match self.entry(rev, path).await? {
            Some(entry) if entry.kind == EntryKind::Blob => {
                let bytes = self.git().args(["cat-file", "blob", &entry.sha]).run().await?;
                Ok(Some(Blob { sha: entry.sha, mode: entry.mode, bytes }))
            }
            _ => Ok(None),
        }
    }

    /// The entries directly in the folder `path` (empty: the top) of `rev`; `None` if there is no such folder.
    pub(crate) async fn list_dir(&self, rev: &str, path: &str) -> Result<Option<Vec<TreeEntry>>, GitError> {
        let tree = if path.is_empty() {
            self.rev_parse(rev, "tree").await?
        } else {
            self.entry(rev, path).await?.filter(|entry| entry.kind == EntryKind::Tree).map(|entry| entry.sha)
        };
        match tree {
            Some(tree) => self.ls_tree(&[&tree]).await.map(Some),
            None => Ok(None),
        }
    }

    /// The entry at `path` in the tree of `rev`, of any kind.
    pub(crate) async fn entry(&self, rev: &str, path: &str) -> Result<Option<TreeEntry>, GitError> {
        check_path(path)?;
        match self.rev_parse(rev, "tree").await? {
            Some(tree) => Ok(self.ls_tree(&["--full-tree", &tree, "--", path]).await?.pop()),
            None => Ok(None),
        }
    }

    /// Those of some paths that exist in the tree of `rev`.
    pub(crate) async fn present<'p>(&self, rev: &str, paths: &[&'p str]) -> Result<Vec<&'p str>, GitError> {
        let Some(tree) = self.rev_parse(rev, "tree").await? else { return Ok(Vec::new()) };
        let arguments: Vec<&str> = ["--full-tree", &tree, "--"].into_iter().chain(paths.iter().copied()).collect();
        let found = self.ls_tree(&arguments).await?;
        Ok(paths.iter().copied().filter(|path| found.iter().any(|entry| entry.path == *path)).collect())
    }

    /// Everything below the tree of `rev` (a tree's sha or a commit), folders included; `None` if there is none.
    pub(crate) async fn list_tree_recursively(&self, rev: &str) -> Result<Option<Vec<TreeEntry>>, GitError> {
        match self.rev_parse(rev, "tree").await? {
            Some(tree) => self.ls_tree(&["-r", "-t", &tree]).await.map(Some),
            None => Ok(None),
        }
    }

    /// A blob's bytes, by its sha.
    pub(crate) async fn blob(&self, sha: &str) -> Result<Option<Vec<u8>>, GitError> {
        match self.rev_parse(sha, "blob").await? {
            Some(sha) => self.git().args(["cat-file", "blob", &sha]).run().await.map(Some),
            None => Ok(None),
        }
    }

    /// The number of bytes of a blob, by its sha.
    pub(crate) async fn blob_size(&self, sha: &str) -> Result<Option<u64>, GitError> {
        match self.rev_parse(sha, "blob").await? {
            Some(sha) => {
                let size = self.git().args(["cat-file", "-s", &sha]).line().await?;
                size.parse().map(Some).map_err(|_| GitError::Unreadable("cat-file"))
            }
            None => Ok(None),
        }
    }

    async fn ls_tree(&self, args: &[&str]) -> Result<Vec<TreeEntry>, GitError> {
        let output = self.git().args(["ls-tree", "-z", "--long"]).args(args).run().await?;
        let text = String::from_utf8_lossy(&output);
        text.split('\0').filter(|record| !record.is_empty()).map(parse_entry).collect()
    }

    /// Stores a tree: `base` (or an empty tree) with these entries added or replaced. Returns the tree's sha.
    pub(crate) async fn create_tree(&self, base: Option<&str>, entries: &[NewTreeEntry]) -> Result<String, GitError> {
        for entry in entries {
            check_path(&entry.path)?;
            self.check_entry(entry).await?;
        }
        let base = match base {
            Some(rev) => Some(self.rev_parse(rev, "tree").await?.ok_or_else(|| GitError::NotFound(rev.to_owned()))?),
            None => None,
        };
        self.write_tree(base.as_deref(), entries).await
    }

    /// The same for shas and paths that were checked, because every check needs a process.
    async fn write_tree(&self, base: Option<&str>, entries: &[NewTreeEntry]) -> Result<String, GitError> {
        let index = TemporaryIndex::new(self);
        if let Some(base) = base {
            index.git(self).args(["read-tree", base]).run().await?;
        }
        let mut lines = Vec::new();
        for entry in entries {
            match (&entry.sha, entry.mode.as_str()) {
                (None, _) => lines.extend(format!("0 {ZERO}\t{}\0", entry.path).bytes()),
                (Some(sha), "040000") => {
                    index
                        .git(self)
                        .args(["read-tree", "-i"])
                        .arg(format!("--prefix={}/", entry.path))
                        .arg(sha)
                        .run()
                        .await?;
                }
                (Some(sha), mode) => lines.extend(format!("{mode} {sha}\t{}\0", entry.path).bytes()),
            }
        }
        index.git(self).args(["update-index", "--replace", "-z", "--index-info"]).input(lines).run().await?;
        index.git(self).args(["write-tree"]).line().await
    }

    async fn check_entry(&self, entry: &NewTreeEntry) -> Result<(), GitError> {
        let kind = match entry.mode.as_str() {
            "100644" | "100755" | "120000" => "blob",
            "040000" => "tree",
            "160000" => return Ok(()),
            other => {
                return Err(GitError::InvalidInput(format!("`{other}` is not a mode that a tree can hold")));
            }
        };
        match &entry.sha {
            Some(sha) if !is_full_sha(sha) || self.rev_parse(sha, kind).await?.as_deref() != Some(sha) => {
                Err(GitError::NotFound(sha.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Stores a commit and returns its sha. No reference moves.
    pub(crate) async fn create_commit(
        &self,
        tree: &str,
        parents: &[String],
        message: &str,
        author: &Signature,
        committer: &Signature,
    ) -> Result<String, GitError> {
        for (sha, kind) in parents.iter().map(|sha| (sha.as_str(), "commit")).chain([(tree, "tree")]) {
            if !is_full_sha(sha) || self.rev_parse(sha, kind).await?.as_deref() != Some(sha) {
                return Err(GitError::NotFound(sha.to_owned()));
            }
        }
        self.write_commit(tree, parents, message, author, committer).await
    }

    /// The same for shas that were checked.
    pub(super) async fn write_commit(
        &self,
        tree: &str,
        parents: &[String],
        message: &str,
        author: &Signature,
        committer: &Signature,
    ) -> Result<String, GitError> {
        if message.contains('\0') {
            return Err(GitError::InvalidInput("a commit message cannot hold a NUL character".to_owned()));
        }
        let git =
            self.git().arg("commit-tree").args(parents.iter().flat_map(|sha| ["-p", sha])).args(["-F", "-", tree]);
        let git = sign(sign(git, "AUTHOR", author)?, "COMMITTER", committer)?;
        git.input(message).line().await
    }

    /// Commits these files to `branch` (a short name). The branch is created if it does not exist. Author and committer
    /// are the same. Returns the new head.
    pub(crate) async fn commit_files(
        &self,
        branch: &str,
        files: &[FileWrite],
        message: &str,
        author: &Signature,
    ) -> Result<String, GitError> {
        let name = branch_ref(branch);
        if !is_valid_ref_name(&name) {
            return Err(GitError::InvalidRefName(name));
        }
        let head = self.ref_sha(&name).await?;
        for file in files {
            check_path(&file.path)?;
        }
        let entries = self.store(files).await?;
        let tree = self.write_tree(head.as_deref(), &entries).await?;
        let parents: Vec<String> = head.iter().cloned().collect();
        let commit = self.write_commit(&tree, &parents, message, author, author).await?;
        self.swap_ref(&name, &commit, head.as_deref().unwrap_or(ZERO)).await?;
        Ok(commit)
    }

    /// Stores the contents, and returns the tree entries for them.
    async fn store(&self, files: &[FileWrite]) -> Result<Vec<NewTreeEntry>, GitError> {
        let contents: Vec<&[u8]> = files.iter().filter_map(|file| file.content.as_deref()).collect();
        let mut shas = self.create_blobs(&contents).await?.into_iter();
        let entry = |file: &FileWrite| NewTreeEntry {
            path: file.path.clone(),
            mode: if file.executable { "100755" } else { "100644" }.to_owned(),
            sha: file.content.as_ref().and_then(|_| shas.next()),
        };
        Ok(files.iter().map(entry).collect())
    }

    /// Commits one file to `branch`, keeping its mode if it exists.
    pub(crate) async fn write_file(
        &self,
        branch: &str,
        path: &str,
        bytes: &[u8],
        message: &str,
        author: &Signature,
    ) -> Result<Written, GitError> {
        let old = self.entry(&branch_ref(branch), path).await?;
        let write = FileWrite {
            path: path.to_owned(),
            content: Some(bytes.to_owned()),
            executable: old.is_some_and(|entry| entry.mode == "100755"),
        };
        let commit = self.commit_files(branch, &[write], message, author).await?;
        let blob = self.entry(&commit, path).await?.map(|entry| entry.sha);
        Ok(Written { commit, blob })
    }

    /// Commits the removal of one file from `branch`.
    pub(crate) async fn delete_file(
        &self,
        branch: &str,
        path: &str,
        message: &str,
        author: &Signature,
    ) -> Result<Written, GitError> {
        if self.read_file(&branch_ref(branch), path).await?.is_none() {
            return Err(GitError::NotFound(path.to_owned()));
        }
        let write = FileWrite { path: path.to_owned(), content: None, executable: false };
        let commit = self.commit_files(branch, &[write], message, author).await?;
        Ok(Written { commit, blob: None })
    }
}

/// An index file of one operation. It is removed on drop.
struct TemporaryIndex(PathBuf);

impl TemporaryIndex {
    fn new(repository: &Repository) -> Self {
        Self(repository.path().join(format!("index-{}", uuid::Uuid::new_v4())))
    }

    fn git(&self, repository: &Repository) -> Invocation {
        repository.git().env("GIT_INDEX_FILE", &self.0)
    }
}

impl Drop for TemporaryIndex {
    fn drop(&mut self) {
        // It may never have been written.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Puts a person and a time into the environment variables that git reads.
pub(super) fn sign(git: Invocation, role: &str, who: &Signature) -> Result<Invocation, GitError> {
    let bad = |text: &str| text.contains(['\n', '\0', '<', '>']);
    if who.name.trim().is_empty() || bad(&who.name) || bad(&who.email) {
        return Err(GitError::InvalidInput(format!("`{} <{}>` is not a name and an address", who.name, who.email)));
    }
    Ok(git
        .env(&format!("GIT_{role}_NAME"), &who.name)
        .env(&format!("GIT_{role}_EMAIL"), &who.email)
        .env(&format!("GIT_{role}_DATE"), format!("@{} +0000", who.date.timestamp())))
}

fn check_path(path: &str) -> Result<(), GitError> {
    let part_ok = |part: &str| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git");
    if path.contains('\0') || !path.split('/').all(part_ok) {
        return Err(GitError::InvalidPath(path.to_owned()));
    }
    Ok(())
}

/// `mode kind sha size<TAB>path`. The size is padded, and `-` if there is none.
fn parse_entry(record: &str) -> Result<TreeEntry, GitError> {
    let broken = || GitError::Unreadable("ls-tree");
    let (head, path) = record.split_once('\t').ok_or_else(broken)?;
    let columns: Vec<&str> = head.split_whitespace().collect();
    let [mode, kind, sha, size] = columns[..] else {
        return Err(broken());
    };
    let kind = match kind {
        "blob" => EntryKind::Blob,
        "tree" => EntryKind::Tree,
        "commit" => EntryKind::Commit,
        _ => return Err(broken()),
    };
    let (mode, sha) = (mode.to_owned(), sha.to_owned());
    Ok(TreeEntry { path: path.to_owned(), mode, kind, sha, size: size.parse().ok() })
}
