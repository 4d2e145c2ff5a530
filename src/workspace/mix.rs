//! Trees that are made of two commits.

use super::git::{self, Git, GitError};
use super::mirror::Mirror;

impl Mirror {
    /// The tree of `onto` with these paths as they are in `from`. What `from` does not have is taken away.
    pub async fn mixed(&self, onto: &str, from: &str, paths: &[String]) -> Result<String, GitError> {
        let index = self.path().join(format!("mix-{}.index", uuid::Uuid::new_v4().simple()));
        let git = |subcommand: &str| Git::at(self.path(), subcommand).env("GIT_INDEX_FILE", &index);
        let mixed = async {
            git("read-tree").arg(git::sha(onto)?).bytes().await?;
            let mut changes = Vec::new();
            let there = self.files(from).await?;
            for path in paths {
                let line = match there.binary_search_by(|entry| entry.path.as_str().cmp(path)) {
                    Ok(at) => format!("{:o} {}\t{path}", there[at].mode, there[at].object),
                    Err(_) => format!("0 {}\t{path}", "0".repeat(git::sha(onto)?.len())),
                };
                changes.extend_from_slice(line.as_bytes());
                changes.push(0);
            }
            git("update-index").args(["-z", "--index-info"]).stdin(changes).bytes().await?;
            git("write-tree").line().await
        };
        let mixed = mixed.await;
        let _ = tokio::fs::remove_file(&index).await;
        mixed
    }
}
