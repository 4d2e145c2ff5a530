//! The people of the demo: a contributor's and a maintainer's requests to GitHub's REST API.

use serde::Deserialize;
use serde_json::{Value, json};

/// GitHub, with the credentials of one person.
pub(super) struct Person {
    http: reqwest::Client,
    repository: String,
    token: String,
}

/// A pull request, as its list shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) state: String,
    pub(super) merged_at: Option<String>,
    pub(super) head: End,
    pub(super) base: End,
}

/// The head or the base of a pull request.
#[derive(Debug, Deserialize)]
pub(super) struct End {
    #[serde(rename = "ref")]
    pub(super) branch: String,
    pub(super) sha: String,
}

/// GitHub did not do what the demo asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("the playground did not answer: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the playground answered {status} to {what}: {body}")]
    Refused { what: String, status: u16, body: String },
}

impl Person {
    pub(super) fn new(url: &str, repository: &str, token: String) -> Self {
        let repository = format!("{url}/api/v3/repos/{repository}");
        Self { http: reqwest::Client::new(), repository, token }
    }

    pub(super) async fn open_issue(&self, title: &str, body: &str) -> Result<u64, ClientError> {
        let issue = self.send(reqwest::Method::POST, "/issues", Some(json!({ "title": title, "body": body }))).await?;
        Ok(issue["number"].as_u64().unwrap_or_default())
    }

    pub(super) async fn label(&self, issue: u64, label: &str) -> Result<(), ClientError> {
        let body = json!({ "labels": [label] });
        self.send(reqwest::Method::POST, &format!("/issues/{issue}/labels"), Some(body)).await.map(drop)
    }

    pub(super) async fn comment(&self, number: u64, body: &str) -> Result<(), ClientError> {
        let path = format!("/issues/{number}/comments");
        self.send(reqwest::Method::POST, &path, Some(json!({ "body": body }))).await.map(drop)
    }

    pub(super) async fn merge(&self, number: u64, sha: &str) -> Result<(), ClientError> {
        let body = json!({ "sha": sha, "merge_method": "merge" });
        self.send(reqwest::Method::PUT, &format!("/pulls/{number}/merge"), Some(body)).await.map(drop)
    }

    pub(super) async fn pulls(&self) -> Result<Vec<Pull>, ClientError> {
        let path = "/pulls?state=all&sort=created&direction=asc&per_page=100";
        let listed = self.send(reqwest::Method::GET, path, None).await?;
        Ok(serde_json::from_value(listed).unwrap_or_default())
    }

    pub(super) async fn issue_is_closed(&self, number: u64) -> Result<bool, ClientError> {
        let issue = self.send(reqwest::Method::GET, &format!("/issues/{number}"), None).await?;
        Ok(issue["state"] == "closed")
    }

    /// Whether the `adjutant` check of a commit waits for a person.
    pub(super) async fn waits_for_a_person(&self, sha: &str) -> Result<bool, ClientError> {
        let path = format!("/commits/{sha}/check-runs?check_name=adjutant");
        let found = self.send(reqwest::Method::GET, &path, None).await?;
        let runs = found["check_runs"].as_array().cloned().unwrap_or_default();
        Ok(runs.iter().any(|run| run["conclusion"] == "action_required"))
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Result<Value, ClientError> {
        let what = format!("{method} {path}");
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.repository))
            .bearer_auth(&self.token)
            .header("user-agent", "adjutant-demo")
            .header("accept", "application/vnd.github+json");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer.json().await?);
        }
        Err(ClientError::Refused { what, status: status.as_u16(), body: answer.text().await? })
    }
}
