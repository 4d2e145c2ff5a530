//! One repository: its data, its users' permissions, its files and branches.

use std::time::Duration;

use base64::Engine;
use http::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    client::GitHub,
    error::GitHubError,
    gate::Write,
    model::Repository,
    transport::{Answer, Request, segment, segments},
};
use adjutant_domain::{
    ids::{Branch, Login, Repo, Sha},
    signal::Permission,
};

/// The most pages of 100 entries that are read of any list. Longer lists are not expected, and reading them would use
/// up the installation's rate limit.
const MOST_PAGES: usize = 50;

/// The pause before GitHub is asked again whether something is really absent.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// A client for one repository, through its installation.
#[derive(Clone)]
pub struct RepoClient {
    github: GitHub,
    repo: Repo,
}

impl RepoClient {
    pub(crate) fn new(github: GitHub, repo: Repo) -> Self {
        Self { github, repo }
    }

    pub fn github(&self) -> &GitHub {
        &self.github
    }

    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// The repository as it is now.
    pub async fn repository(&self) -> Result<Repository, GitHubError> {
        self.get("").await?.json()
    }

    /// The present permission of a user; a user who is no collaborator has none.
    ///
    /// <https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user>
    pub async fn permission(&self, login: &Login) -> Result<Permission, GitHubError> {
        let path = format!("/collaborators/{}/permission", segment(login.as_str()));
        let Some(answer) = self.get_surely(&path).await? else {
            return Ok(Permission::None);
        };
        Ok(match answer.json::<RawPermission>()?.permission.as_str() {
            "admin" => Permission::Admin,
            // GitHub reports `maintain` and `triage` as `write` and `read`. A server that reports the original names
            // means the same.
            "write" | "maintain" => Permission::Write,
            "read" | "triage" => Permission::Read,
            _ => Permission::None,
        })
    }

    /// A file's text at a branch, tag or commit, or on the default branch; `None` if there is no such file.
    ///
    /// <https://docs.github.com/en/rest/repos/contents#get-repository-content>: up to a megabyte.
    pub async fn file(&self, path: &str, reference: Option<&str>) -> Result<Option<String>, GitHubError> {
        let query = reference.map(|reference| format!("?ref={}", segment(reference))).unwrap_or_default();
        let path = format!("/contents/{}{query}", segments(path));
        let Some(answer) = self.get_surely(&path).await? else {
            return Ok(None);
        };
        let no_text = |message: &str| GitHubError::NoText { message: message.to_owned() };
        // A folder is a list, and a submodule has no content. An answer that is not JSON is not GitHub's.
        let content: RawContent = serde_json::from_value(answer.json()?).map_err(|_| no_text("it is no file"))?;
        if content.encoding != "base64" {
            return Err(no_text("the file is too large"));
        }
        let packed: String = content.content.split_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(packed)
            .map_err(|_| no_text("its content is no base64"))?;
        String::from_utf8(bytes).map(Some).map_err(|_| no_text("the file is no UTF-8 text"))
    }

    /// A branch's head; `None` if the branch does not exist.
    pub async fn branch_head(&self, branch: &Branch) -> Result<Option<Sha>, GitHubError> {
        stands_at(present(self.get(&branch_path(branch)).await))
    }

    /// The same, for callers that act on the absence of a branch: see `get_surely`.
    pub async fn branch_head_surely(&self, branch: &Branch) -> Result<Option<Sha>, GitHubError> {
        stands_at(self.get_surely(&branch_path(branch)).await)
    }

    /// The name that a branch has since it was renamed; `None` if it was not.
    ///
    /// <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-branches-in-your-repository/renaming-a-branch>:
    /// the API leads from the old name to the new one.
    pub async fn renamed_branch(&self, branch: &Branch) -> Result<Option<Branch>, GitHubError> {
        let found = present(self.get(&format!("/branches/{}", segments(branch.as_str()))).await)?;
        let now = found.map(|answer| answer.json::<RawBranch>()).transpose()?.map(|found| found.name);
        Ok(now.filter(|name| name != branch))
    }

    /// Creates a branch and returns its commit, which differs from the requested one if the branch existed already.
    pub async fn create_branch(&self, branch: &Branch, sha: &Sha) -> Result<Sha, GitHubError> {
        let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": sha });
        match self.write(Method::POST, "/git/refs", Some(body), Write::Changes).await?.ok() {
            Ok(answer) => Ok(answer.json::<RawRef>()?.object.sha),
            Err(GitHubError::Validation { message }) => {
                self.branch_head(branch).await?.ok_or(GitHubError::Validation { message })
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes a branch. A missing branch is a success.
    pub async fn delete_branch(&self, branch: &Branch) -> Result<(), GitHubError> {
        let path = format!("/git/refs/heads/{}", segments(branch.as_str()));
        match self.write(Method::DELETE, &path, None, Write::Changes).await?.ok() {
            Ok(_) => Ok(()),
            Err(error) if error.is_absent() => Ok(()),
            // Here GitHub answers 422 "Reference does not exist". For any other cause the branch still exists.
            Err(GitHubError::Validation { message }) => match self.branch_head(branch).await? {
                None => Ok(()),
                Some(_) => Err(GitHubError::Validation { message }),
            },
            Err(error) => Err(error),
        }
    }

    /// Reads something that may be absent, for callers that act on its absence: a policy whose absence means the
    /// defaults, a user without permission, a deleted issue. The absence is checked twice, because GitHub may be a
    /// moment behind.
    pub(crate) async fn get_surely(&self, path: &str) -> Result<Option<Answer>, GitHubError> {
        if let Some(answer) = present(self.get(path).await)? {
            return Ok(Some(answer));
        }
        tokio::time::sleep(SECOND_LOOK).await;
        present(self.get(path).await)
    }

    /// Reads below `/repos/{owner}/{name}`. An error of GitHub's is an error here.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, GitHubError> {
        self.github.read(self.installation(), &Request::get(self.path(path))).await?.ok()
    }

    /// Reads a file below `/repos/{owner}/{name}` that GitHub keeps on another server.
    pub(crate) async fn download(&self, path: &str) -> Result<Answer, GitHubError> {
        let request = Request::get(self.path(path)).for_any_server();
        self.github.read(self.installation(), &request).await?.ok()
    }

    /// Writes below `/repos/{owner}/{name}`. The answer may be an error of GitHub's.
    pub(crate) async fn write(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        write: Write,
    ) -> Result<Answer, GitHubError> {
        let request = Request::new(method, self.path(path), body);
        self.github.write(self.installation(), write, &request).await
    }

    /// Reads the pages of a list until `found` returns a value, and returns that.
    pub(crate) async fn search<P: DeserializeOwned, T>(
        &self,
        path: &str,
        mut found: impl FnMut(P) -> Option<T>,
    ) -> Result<Option<T>, GitHubError> {
        let mut request = Request::get(self.path(path));
        for _ in 0..MOST_PAGES {
            let answer = self.github.read(self.installation(), &request).await?.ok()?;
            let next = answer.next_page();
            if let Some(sought) = found(answer.json()?) {
                return Ok(Some(sought));
            }
            let Some(next) = next else { return Ok(None) };
            request = Request::get(next);
        }
        tracing::warn!(repository = %self.repo.full_name(), path, "a list has more pages than are read");
        Ok(None)
    }

    /// The installation that covers the repository now.
    pub(crate) fn installation(&self) -> u64 {
        self.github.installation_of(&self.repo)
    }

    fn path(&self, below: &str) -> String {
        format!("/repos/{}/{}{below}", segment(&self.repo.owner), segment(&self.repo.name))
    }
}

fn branch_path(branch: &Branch) -> String {
    format!("/git/ref/heads/{}", segments(branch.as_str()))
}

/// <https://docs.github.com/en/rest/git/refs#get-a-reference>: 409 is a repository without any commit.
fn stands_at(found: Result<Option<Answer>, GitHubError>) -> Result<Option<Sha>, GitHubError> {
    match found {
        Ok(Some(answer)) => Ok(Some(answer.json::<RawRef>()?.object.sha)),
        Ok(None) | Err(GitHubError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `None` if the error says that the object is absent.
pub(crate) fn present<T>(result: Result<T, GitHubError>) -> Result<Option<T>, GitHubError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Deserialize)]
struct RawPermission {
    permission: String,
}

#[derive(Deserialize)]
struct RawContent {
    content: String,
    encoding: String,
}

#[derive(Deserialize)]
struct RawBranch {
    name: Branch,
}

#[derive(Deserialize)]
struct RawRef {
    object: RawObject,
}

#[derive(Deserialize)]
struct RawObject {
    sha: Sha,
}
