//! Commits, files of a diff, and objects of git's data API.

use serde_json::{Value, json};

use super::{View, time};
use crate::{
    git::{CommitInfo, FileChange, Signature},
    state::Repo,
};

/// No commit on this server is signed.
fn unsigned() -> Value {
    json!({ "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null })
}

fn person(signature: &Signature) -> Value {
    json!({ "name": signature.name, "email": signature.email, "date": time(signature.date) })
}

impl View<'_> {
    /// A commit of the repository API.
    pub(crate) fn commit(self, repo: &Repo, commit: &CommitInfo) -> Value {
        let sha = &commit.sha;
        let url = self.repo_api(repo, &format!("/commits/{sha}"));
        let git_url = self.repo_api(repo, &format!("/git/commits/{sha}"));
        json!({
            "sha": sha, "node_id": format!("C_{sha}"), "url": url, "html_url": self.repo_web(repo, &format!("/commit/{sha}")),
            "comments_url": format!("{url}/comments"),
            "commit": {
                "author": person(&commit.author), "committer": person(&commit.committer), "message": commit.message,
                "tree": { "sha": commit.tree, "url": self.repo_api(repo, &format!("/git/trees/{}", commit.tree)) },
                "url": git_url, "comment_count": 0, "verification": unsigned(),
            },
            "author": self.author_account(&commit.author), "committer": self.author_account(&commit.committer),
            "parents": self.parents(repo, commit, "/commits"),
        })
    }

    /// A commit with its files.
    pub(crate) fn commit_in_full(self, repo: &Repo, commit: &CommitInfo, files: &[FileChange]) -> Value {
        let additions: u64 = files.iter().map(|file| file.additions).sum();
        let deletions: u64 = files.iter().map(|file| file.deletions).sum();
        let mut value = self.commit(repo, commit);
        value["stats"] = json!({ "total": additions + deletions, "additions": additions, "deletions": deletions });
        value["files"] = files.iter().map(|file| self.file(repo, &commit.sha, file)).collect();
        value
    }

    /// A commit of git's data API.
    pub(crate) fn git_commit(self, repo: &Repo, commit: &CommitInfo) -> Value {
        let sha = &commit.sha;
        json!({
            "sha": sha, "node_id": format!("C_{sha}"), "url": self.repo_api(repo, &format!("/git/commits/{sha}")),
            "html_url": self.repo_web(repo, &format!("/commit/{sha}")), "author": person(&commit.author),
            "committer": person(&commit.committer), "message": commit.message,
            "tree": { "sha": commit.tree, "url": self.repo_api(repo, &format!("/git/trees/{}", commit.tree)) },
            "parents": self.parents(repo, commit, "/git/commits"), "verification": unsigned(),
        })
    }

    /// A commit in the payload of a push. Its three lists of paths are from its diff.
    pub(crate) fn pushed_commit(self, repo: &Repo, commit: &CommitInfo, files: &[FileChange]) -> Value {
        let named = |status: &[&str]| -> Vec<&String> {
            files.iter().filter(|file| status.contains(&file.status.as_str())).map(|file| &file.path).collect()
        };
        json!({
            "id": commit.sha, "tree_id": commit.tree, "distinct": true, "message": commit.message,
            "timestamp": time(commit.committer.date), "url": self.repo_web(repo, &format!("/commit/{}", commit.sha)),
            "author": self.pusher(&commit.author), "committer": self.pusher(&commit.committer),
            "added": named(&["added", "copied"]), "removed": named(&["removed"]),
            "modified": named(&["modified", "renamed", "changed"]),
        })
    }

    /// A file of a diff; `sha` is the commit whose version the links show.
    pub(crate) fn file(self, repo: &Repo, sha: &str, file: &FileChange) -> Value {
        let path = encode_path(&file.path);
        let mut value = json!({
            "sha": file.blob_sha, "filename": file.path, "status": file.status.as_str(), "additions": file.additions,
            "deletions": file.deletions, "changes": file.additions + file.deletions,
            "blob_url": self.repo_web(repo, &format!("/blob/{sha}/{path}")),
            "raw_url": self.repo_web(repo, &format!("/raw/{sha}/{path}")),
            "contents_url": self.repo_api(repo, &format!("/contents/{path}?ref={sha}")),
        });
        if let Some(patch) = &file.patch {
            value["patch"] = json!(patch);
        }
        if let Some(previous) = &file.previous_path {
            value["previous_filename"] = json!(previous);
        }
        value
    }

    fn parents(self, repo: &Repo, commit: &CommitInfo, below: &str) -> Vec<Value> {
        let parent = |sha: &String| {
            json!({
                "sha": sha, "url": self.repo_api(repo, &format!("{below}/{sha}")),
                "html_url": self.repo_web(repo, &format!("/commit/{sha}")),
            })
        };
        commit.parents.iter().map(parent).collect()
    }

    fn author_account(self, signature: &Signature) -> Value {
        let account = self.state.account_by_email(&signature.email);
        account.map_or(Value::Null, |account| self.account(account.id))
    }

    fn pusher(self, signature: &Signature) -> Value {
        let mut value = json!({ "name": signature.name, "email": signature.email, "date": time(signature.date) });
        if let Some(account) = self.state.account_by_email(&signature.email) {
            value["username"] = json!(account.login);
        }
        value
    }
}

/// A path in a URL: each part is percent-encoded, and the slashes stay.
pub(crate) fn encode_path(path: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes all that is written to it");
        }
    }
    encoded
}

/// A commit in check suites.
pub(crate) fn simple_commit(commit: &CommitInfo) -> Value {
    json!({
        "id": commit.sha, "tree_id": commit.tree, "message": commit.message,
        "timestamp": time(commit.committer.date),
        "author": { "name": commit.author.name, "email": commit.author.email },
        "committer": { "name": commit.committer.name, "email": commit.committer.email },
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_in_a_url_keeps_its_slashes_and_escapes_the_rest() {
        assert_eq!(super::encode_path("a b/ü?.rs"), "a%20b/%C3%BC%3F.rs");
    }
}
