//! Writes blobs.

use std::path::PathBuf;

use super::{GitError, Repository};

impl Repository {
    /// Stores bytes and returns the blob's sha.
    pub(crate) async fn create_blob(&self, bytes: &[u8]) -> Result<String, GitError> {
        self.git().args(["hash-object", "-w", "-t", "blob", "--stdin", "--no-filters"]).input(bytes).line().await
    }

    /// Stores several blobs and returns their shas. One process writes them all, because starting one for each takes
    /// longer than the work.
    pub(super) async fn create_blobs(&self, contents: &[&[u8]]) -> Result<Vec<String>, GitError> {
        match contents {
            [] => return Ok(Vec::new()),
            [one] => return Ok(vec![self.create_blob(one).await?]),
            _ => {}
        }
        let folder = TemporaryFolder::new(self)?;
        let mut names = String::new();
        for (number, content) in contents.iter().enumerate() {
            folder.write(&number.to_string(), content)?;
            names.push_str(&format!("{number}\n"));
        }
        let git = self.git().args(["hash-object", "-w", "-t", "blob", "--stdin-paths", "--no-filters"]);
        let output = git.inside(&folder.0).input(names).run().await?;
        let shas: Vec<String> = String::from_utf8_lossy(&output).lines().map(str::to_owned).collect();
        if shas.len() == contents.len() { Ok(shas) } else { Err(GitError::Unreadable("hash-object")) }
    }
}

/// A folder for the files of one operation. It is removed on drop.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new(repository: &Repository) -> Result<Self, GitError> {
        let path = repository.path().join(format!("files-{}", uuid::Uuid::new_v4()));
        let io = |source| GitError::Io { what: format!("create {}", path.display()), source };
        std::fs::create_dir(&path).map_err(io)?;
        Ok(Self(path))
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), GitError> {
        let path = self.0.join(name);
        std::fs::write(&path, content)
            .map_err(|source| GitError::Io { what: format!("write {}", path.display()), source })
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
