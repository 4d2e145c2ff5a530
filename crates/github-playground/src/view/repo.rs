//! Repositories, labels and branches.

use serde_json::{Value, json};

use super::{View, account::merge, encode_path, node_id, time, without};
use crate::{
    rules::demands::rulesets_of,
    state::{Id, Label, Repo, Role},
};

impl View<'_> {
    /// `owner/name`.
    pub(crate) fn full_name(self, repo: &Repo) -> String {
        format!("{}/{}", self.state.account(repo.owner).login, repo.name)
    }

    /// The API URL below a repository; `path` starts with a slash.
    pub(crate) fn repo_api(self, repo: &Repo, path: &str) -> String {
        self.urls.api(&format!("/repos/{}{path}", self.full_name(repo)))
    }

    /// The URL of a page below a repository; `path` starts with a slash.
    pub(crate) fn repo_web(self, repo: &Repo, path: &str) -> String {
        self.urls.web(&format!("/{}{path}", self.full_name(repo)))
    }

    /// A repository.
    pub(crate) fn repo(self, repo: &Repo) -> Value {
        let full = self.full_name(repo);
        let html = self.repo_web(repo, "");
        let open = repo.issues.open();
        let mut value = json!({
            "id": repo.id, "node_id": node_id("R", repo.id), "name": repo.name, "full_name": full,
            "private": repo.private, "owner": self.account(repo.owner), "html_url": html,
            "description": repo.description, "fork": false, "url": self.repo_api(repo, ""),
            "created_at": time(repo.created_at), "updated_at": time(repo.pushed_at), "pushed_at": time(repo.pushed_at),
            "git_url": format!("git://{}", html.trim_start_matches("http://")) + ".git",
            "ssh_url": format!("git@playground:{full}.git"), "clone_url": format!("{html}.git"), "svn_url": html,
        });
        let counts_and_settings = json!({
            "homepage": repo.homepage, "size": 1, "stargazers_count": 0, "watchers_count": 0, "language": null,
            "has_issues": true, "has_projects": false, "has_downloads": true, "has_wiki": false, "has_pages": false,
            "has_discussions": false, "forks_count": 0, "mirror_url": null, "archived": repo.archived, "disabled": false,
            "open_issues_count": open, "license": null, "allow_forking": true, "is_template": false,
            "web_commit_signoff_required": false, "topics": repo.topics,
            "visibility": if repo.private { "private" } else { "public" },
            "forks": 0, "open_issues": open, "watchers": 0, "default_branch": repo.default_branch,
            "allow_squash_merge": repo.merging.allow_squash_merge, "allow_merge_commit": repo.merging.allow_merge_commit,
            "allow_rebase_merge": repo.merging.allow_rebase_merge, "allow_auto_merge": repo.merging.allow_auto_merge,
            "delete_branch_on_merge": repo.merging.delete_branch_on_merge,
            "allow_update_branch": repo.merging.allow_update_branch,
        });
        merge(&mut value, counts_and_settings);
        merge(&mut value, self.repo_links(repo));
        value
    }

    /// A repository inside other resources, without the settings for merges.
    pub(crate) fn repo_minimal(self, repo: &Repo) -> Value {
        let mut value = self.repo(repo);
        without_merging(&mut value);
        value
    }

    /// A repository in the list of an account, with the caller's permissions.
    pub(crate) fn repo_listed(self, repo: &Repo, role: Option<Role>) -> Value {
        let mut value = self.repo_minimal(repo);
        if role.is_some() {
            value["permissions"] = self.repo_for(repo, role)["permissions"].take();
        }
        value
    }

    /// A repository in its full form; `role` is the caller's, if any.
    pub(crate) fn repo_full(self, repo: &Repo, role: Option<Role>) -> Value {
        let mut value = if role.is_some() { self.repo_for(repo, role) } else { self.repo(repo) };
        merge(&mut value, json!({ "network_count": 0, "subscribers_count": 0 }));
        merge(&mut value, json!(repo.merging.wording));
        value
    }

    /// A repository with the caller's permissions.
    pub(crate) fn repo_for(self, repo: &Repo, role: Option<Role>) -> Value {
        let mut value = self.repo(repo);
        value["permissions"] = super::permissions(role);
        value
    }

    fn repo_links(self, repo: &Repo) -> Value {
        let links: [(&str, &str); 36] = [
            ("archive_url", "/{archive_format}{/ref}"),
            ("assignees_url", "/assignees{/user}"),
            ("blobs_url", "/git/blobs{/sha}"),
            ("branches_url", "/branches{/branch}"),
            ("collaborators_url", "/collaborators{/collaborator}"),
            ("comments_url", "/comments{/number}"),
            ("commits_url", "/commits{/sha}"),
            ("compare_url", "/compare/{base}...{head}"),
            ("contents_url", "/contents/{+path}"),
            ("contributors_url", "/contributors"),
            ("deployments_url", "/deployments"),
            ("downloads_url", "/downloads"),
            ("events_url", "/events"),
            ("forks_url", "/forks"),
            ("git_commits_url", "/git/commits{/sha}"),
            ("git_refs_url", "/git/refs{/sha}"),
            ("git_tags_url", "/git/tags{/sha}"),
            ("hooks_url", "/hooks"),
            ("issue_comment_url", "/issues/comments{/number}"),
            ("issue_events_url", "/issues/events{/number}"),
            ("issues_url", "/issues{/number}"),
            ("keys_url", "/keys{/key_id}"),
            ("labels_url", "/labels{/name}"),
            ("languages_url", "/languages"),
            ("merges_url", "/merges"),
            ("milestones_url", "/milestones{/number}"),
            ("notifications_url", "/notifications{?since,all,participating}"),
            ("pulls_url", "/pulls{/number}"),
            ("releases_url", "/releases{/id}"),
            ("stargazers_url", "/stargazers"),
            ("statuses_url", "/statuses/{sha}"),
            ("subscribers_url", "/subscribers"),
            ("subscription_url", "/subscription"),
            ("tags_url", "/tags"),
            ("teams_url", "/teams"),
            ("trees_url", "/git/trees{/sha}"),
        ];
        let base = self.repo_api(repo, "");
        links
            .iter()
            .map(|(name, path)| ((*name).to_owned(), json!(format!("{base}{path}"))))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    pub(crate) fn label(self, repo: &Repo, label: &Label) -> Value {
        json!({
            "id": label.id, "node_id": node_id("LA", label.id),
            "url": self.repo_api(repo, &format!("/labels/{}", encode_path(&label.name).replace('/', "%2F"))),
            "name": label.name, "color": label.color, "default": false, "description": label.description,
        })
    }

    /// The labels an issue has.
    pub(crate) fn labels(self, repo: &Repo, ids: &[Id]) -> Vec<Value> {
        ids.iter()
            .filter_map(|id| repo.labels.iter().find(|label| label.id == *id))
            .map(|label| self.label(repo, label))
            .collect()
    }

    /// A branch in the list.
    pub(crate) fn branch(self, repo: &Repo, name: &str, sha: &str) -> Value {
        json!({
            "name": name, "commit": { "sha": sha, "url": self.repo_api(repo, &format!("/commits/{sha}")) },
            "protected": repo.rules.protections.contains_key(name)
                || rulesets_of(repo, &format!("refs/heads/{name}")).next().is_some(),
        })
    }

    /// A git ref that points to a commit, or, for an annotated tag, to an object of type `kind`.
    pub(crate) fn git_ref(self, repo: &Repo, name: &str, sha: &str) -> Value {
        json!({
            "ref": name, "node_id": format!("REF_{}", hex::encode(format!("{}:{name}", repo.id))),
            "url": self.repo_api(repo, &format!("/git/{name}")),
            "object": { "type": "commit", "sha": sha, "url": self.repo_api(repo, &format!("/git/commits/{sha}")) },
        })
    }
}

/// Removes the settings for merges from a repository.
pub(crate) fn without_merging(repo: &mut Value) {
    let settings =
        ["allow_auto_merge", "allow_merge_commit", "allow_rebase_merge", "allow_squash_merge", "allow_update_branch"];
    without(repo, &settings);
}
