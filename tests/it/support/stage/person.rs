//! The people of a conversation: their acts on GitHub, over its REST API and with git.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Stage;

/// A person who acts.
pub(crate) struct Person<'a> {
    pub(super) stage: &'a Stage,
    pub(super) login: &'a str,
}

impl Person<'_> {
    /// Opens an issue, and returns its number.
    pub(crate) async fn open_issue(&self, title: &str, body: &str) -> u64 {
        let issue = self.act(Method::POST, "/issues", json!({ "title": title, "body": body })).await;
        issue["number"].as_u64().unwrap()
    }

    pub(crate) async fn label(&self, issue: u64) {
        self.act(Method::POST, &format!("/issues/{issue}/labels"), json!({ "labels": ["directive"] })).await;
    }

    /// Creates a label, so that people who may not create one can set it.
    pub(crate) async fn make_label(&self, name: &str) {
        self.act(Method::POST, "/labels", json!({ "name": name, "color": "ededed" })).await;
    }

    pub(crate) async fn set_label(&self, issue: u64, name: &str) {
        self.act(Method::POST, &format!("/issues/{issue}/labels"), json!({ "labels": [name] })).await;
    }

    pub(crate) async fn take_label(&self, issue: u64, name: &str) {
        self.act(Method::DELETE, &format!("/issues/{issue}/labels/{name}"), Value::Null).await;
    }

    pub(crate) async fn unlabel(&self, issue: u64) {
        self.act(Method::DELETE, &format!("/issues/{issue}/labels/directive"), Value::Null).await;
    }

    /// Comments on an issue or pull request, and returns the comment's id.
    pub(crate) async fn comment(&self, number: u64, body: &str) -> u64 {
        let path = format!("/issues/{number}/comments");
        self.act(Method::POST, &path, json!({ "body": body })).await["id"].as_u64().unwrap()
    }

    /// Edits an issue's text.
    pub(crate) async fn edit_issue(&self, issue: u64, body: &str) {
        self.act(Method::PATCH, &format!("/issues/{issue}"), json!({ "body": body })).await;
    }

    /// Asks for a check to be run again, with the button that GitHub shows beside it.
    pub(crate) async fn rerun(&self, check: &Value) {
        self.act(Method::POST, &format!("/check-runs/{}/rerequest", check["id"]), json!({})).await;
    }

    /// Edits a comment.
    pub(crate) async fn edit(&self, comment: u64, body: &str) {
        self.act(Method::PATCH, &format!("/issues/comments/{comment}"), json!({ "body": body })).await;
    }

    /// Comments on the first line of a file of a pull request.
    pub(crate) async fn comment_on_line(&self, pull: u64, path: &str, body: &str) {
        let head = self.stage.get(&format!("/pulls/{pull}")).await["head"]["sha"].clone();
        let comment = json!({ "body": body, "commit_id": head, "path": path, "line": 1, "side": "RIGHT" });
        self.act(Method::POST, &format!("/pulls/{pull}/comments"), comment).await;
    }

    /// Submits a review with comments on the first lines of files, and returns its id.
    pub(crate) async fn review(&self, pull: u64, event: &str, body: &str, remarks: &[(&str, &str)]) -> u64 {
        let remarks: Vec<_> = remarks
            .iter()
            .map(|(path, body)| json!({ "path": path, "line": 1, "side": "RIGHT", "body": body }))
            .collect();
        let review = json!({ "event": event, "body": body, "comments": remarks });
        self.act(Method::POST, &format!("/pulls/{pull}/reviews"), review).await["id"].as_u64().unwrap()
    }

    /// Dismisses a review.
    pub(crate) async fn dismiss(&self, pull: u64, review: u64) {
        let why = json!({ "message": "I looked at the wrong one.", "event": "DISMISS" });
        self.act(Method::PUT, &format!("/pulls/{pull}/reviews/{review}/dismissals"), why).await;
    }

    /// Deletes a comment.
    pub(crate) async fn delete(&self, comment: u64) {
        self.act(Method::DELETE, &format!("/issues/comments/{comment}"), json!({})).await;
    }

    /// Submits a review of a commit that need not be the newest.
    pub(crate) async fn review_of(&self, pull: u64, commit: &str, event: &str) {
        let review = json!({ "event": event, "body": "", "commit_id": commit });
        self.act(Method::POST, &format!("/pulls/{pull}/reviews"), review).await;
    }

    /// Creates a branch from the default branch.
    pub(crate) async fn branch(&self, name: &str) {
        let head = self.stage.get("/git/ref/heads/main").await["object"]["sha"].clone();
        self.act(Method::POST, "/git/refs", json!({ "ref": format!("refs/heads/{name}"), "sha": head })).await;
    }

    /// Protects a branch. `more` overrides the defaults, which require nothing.
    pub(crate) async fn protect(&self, branch: &str, more: Value) {
        let mut protection = json!({
            "required_status_checks": null, "enforce_admins": null, "required_pull_request_reviews": null,
            "restrictions": null,
        });
        protection.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.act(Method::PUT, &format!("/branches/{branch}/protection"), protection).await;
    }

    pub(crate) async fn merge(&self, pull: u64) {
        self.act(Method::PUT, &format!("/pulls/{pull}/merge"), json!({ "merge_method": "merge" })).await;
    }

    /// Closes an issue or pull request.
    pub(crate) async fn close(&self, number: u64) {
        self.act(Method::PATCH, &format!("/issues/{number}"), json!({ "state": "closed" })).await;
    }

    /// Reopens a closed issue.
    pub(crate) async fn reopen(&self, number: u64) {
        self.act(Method::PATCH, &format!("/issues/{number}"), json!({ "state": "open" })).await;
    }

    /// Deletes an issue.
    pub(crate) async fn delete_issue(&self, number: u64) {
        let issue = self.stage.get(&format!("/issues/{number}")).await["node_id"].clone();
        let query = "mutation($id: ID!) { deleteIssue(input: { issueId: $id }) { clientMutationId } }";
        self.mutate(query, json!({ "id": issue })).await;
    }

    /// Transfers an issue to another repository, which is created for it.
    pub(crate) async fn transfer_issue(&self, number: u64, to: &str) {
        let url = format!("{}/api/v3/orgs/acme/repos", self.stage.playground.url);
        let request = self.stage.http.post(url).bearer_auth(self.stage.playground.token(self.login));
        let made = request.json(&json!({ "name": to, "auto_init": true })).send().await.unwrap();
        let made: Value = made.json().await.unwrap();
        let issue = self.stage.get(&format!("/issues/{number}")).await["node_id"].clone();
        let query = "mutation($id: ID!, $to: ID!) { transferIssue(input: { issueId: $id, repositoryId: $to }) { clientMutationId } }";
        self.mutate(query, json!({ "id": issue, "to": made["node_id"] })).await;
    }

    /// Adds a merge queue to a branch, with a ruleset.
    pub(crate) async fn require_queue(&self, branch: &str) {
        let parameters = json!({
            "check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN", "max_entries_to_build": 5,
            "max_entries_to_merge": 5, "merge_method": "MERGE", "min_entries_to_merge": 1,
            "min_entries_to_merge_wait_minutes": 5,
        });
        self.rule(branch, "merge_queue", parameters).await;
    }

    /// Adds a ruleset of one rule to a branch.
    pub(crate) async fn rule(&self, branch: &str, kind: &str, parameters: Value) {
        let conditions = json!({ "ref_name": { "include": [format!("refs/heads/{branch}")], "exclude": [] } });
        let mut rule = json!({ "type": kind });
        if !parameters.is_null() {
            rule["parameters"] = parameters;
        }
        let ruleset = json!({ "name": kind, "enforcement": "active", "conditions": conditions, "rules": [rule] });
        self.act(Method::POST, "/rulesets", ruleset).await;
    }

    /// Renames a branch.
    pub(crate) async fn rename_branch(&self, from: &str, to: &str) {
        self.act(Method::POST, &format!("/branches/{from}/rename"), json!({ "new_name": to })).await;
    }

    /// Changes the title and text of a pull request.
    pub(crate) async fn edit_pull(&self, pull: u64, title: &str, body: &str) {
        self.act(Method::PATCH, &format!("/pulls/{pull}"), json!({ "title": title, "body": body })).await;
    }

    /// Changes the settings of the repository.
    pub(crate) async fn set_up(&self, settings: Value) {
        self.act(Method::PATCH, "", settings).await;
    }

    /// Sets a commit status, as a service outside of GitHub does.
    pub(crate) async fn set_status(&self, sha: &str, context: &str, state: &str) {
        self.act(Method::POST, &format!("/statuses/{sha}"), json!({ "context": context, "state": state })).await;
    }

    /// Converts a pull request to a draft.
    pub(crate) async fn to_draft(&self, pull: u64) {
        self.mutate_pull(pull, "convertPullRequestToDraft").await;
    }

    /// Marks a draft as ready for review.
    pub(crate) async fn ready(&self, pull: u64) {
        self.mutate_pull(pull, "markPullRequestReadyForReview").await;
    }

    async fn mutate_pull(&self, pull: u64, mutation: &str) {
        let id = self.stage.get(&format!("/pulls/{pull}")).await["node_id"].clone();
        let query =
            format!("mutation($id: ID!) {{ {mutation}(input: {{ pullRequestId: $id }}) {{ clientMutationId }} }}");
        self.mutate(&query, json!({ "id": id })).await;
    }

    /// Adds a pull request to the merge queue of its base.
    pub(crate) async fn enqueue(&self, pull: u64) {
        self.mutate_pull(pull, "enqueuePullRequest").await;
    }

    async fn mutate(&self, query: &str, variables: Value) {
        let request = self.stage.http.post(format!("{}/api/graphql", self.stage.playground.url));
        let request = request.bearer_auth(self.stage.playground.token(self.login));
        let answer = request.json(&json!({ "query": query, "variables": variables })).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert!(answer.get("errors").is_none(), "{answer}");
    }

    /// Writes a file on a branch through the API. `None` deletes it.
    pub(crate) async fn write(&self, branch: &str, path: &str, text: Option<&str>) {
        self.change(branch, path, text, &format!("Change {path}")).await;
    }

    /// The same with a message of one's own.
    pub(crate) async fn write_saying(&self, branch: &str, path: &str, text: &str, message: &str) {
        self.change(branch, path, Some(text), message).await;
    }

    async fn change(&self, branch: &str, path: &str, text: Option<&str>, message: &str) {
        let old = self.stage.get_any(&format!("/contents/{path}?ref={branch}")).await;
        let mut body = json!({ "message": message, "branch": branch });
        if let Some(sha) = old.get("sha") {
            body["sha"] = sha.clone();
        }
        if let Some(text) = text {
            body["content"] = json!(STANDARD.encode(text));
        }
        let method = if text.is_some() { Method::PUT } else { Method::DELETE };
        self.act(method, &format!("/contents/{path}"), body).await;
    }

    /// Pushes a commit that writes a file on top of a branch, with git over HTTP, and returns its sha.
    pub(crate) async fn push(&self, branch: &str, path: &str, text: &str) -> String {
        let token = self.stage.playground.token(self.login);
        let url = self.stage.playground.url.replacen("http://", &format!("http://x-access-token:{token}@"), 1);
        let url = format!("{url}/{}.git", self.stage.playground.repository);
        let clone = self.stage.folder.path().join(format!("clone-{}", uuid::Uuid::new_v4()));
        git(self.stage.folder.path(), &["clone", "--quiet", "--branch", branch, &url, clone.to_str().unwrap()]).await;
        std::fs::write(clone.join(path), text).unwrap();
        git(&clone, &["add", "--all"]).await;
        git(&clone, &["commit", "--quiet", "-m", &format!("Write {path}")]).await;
        git(&clone, &["push", "--quiet", "origin", branch]).await;
        git(&clone, &["rev-parse", "HEAD"]).await
    }

    /// Replaces whatever is at a path of a branch, with git's own objects: a file, or a link (mode 120000).
    pub(crate) async fn put(&self, branch: &str, path: &str, mode: &str, bytes: &[u8]) {
        let head = self.stage.get(&format!("/git/ref/heads/{branch}")).await["object"]["sha"].clone();
        let blob = json!({ "content": STANDARD.encode(bytes), "encoding": "base64" });
        let blob = self.act(Method::POST, "/git/blobs", blob).await["sha"].clone();
        let entry = json!({ "path": path, "mode": mode, "type": "blob", "sha": blob });
        let tree = json!({ "base_tree": head, "tree": [entry] });
        let tree = self.act(Method::POST, "/git/trees", tree).await["sha"].clone();
        let commit = json!({ "message": format!("Put {path}"), "tree": tree, "parents": [head] });
        let commit = self.act(Method::POST, "/git/commits", commit).await["sha"].clone();
        self.act(Method::PATCH, &format!("/git/refs/heads/{branch}"), json!({ "sha": commit })).await;
    }

    async fn act(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.stage.call(&self.stage.playground.token(self.login), method, path, body).await;
        assert!(status.is_success() || status == StatusCode::NO_CONTENT, "{} {path}: {status} {answer}", self.login);
        answer
    }
}

/// Runs git without any user's settings, and returns its output.
async fn git(folder: &std::path::Path, arguments: &[&str]) -> String {
    let output = tokio::process::Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=Mara Maintainer", "-c", "user.email=mara@example.com"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
