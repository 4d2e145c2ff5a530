//! The playground with its people, the gateway to it, and the webhooks that it sends.

use std::time::Duration;

use adjutant::github::{GitHub, GitHubConfig, RepoClient};
use adjutant::runtime::ingest::{Interpretation, Webhook, interpret, parse};
use adjutant_domain::{
    ids::{Branch, Repo},
    signal::Signal,
};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::ingest::Kept;
use github_conformance::Watched;

/// A playground and its surroundings.
pub(crate) struct Stage {
    pub(crate) playground: Watched,
    pub(crate) github: GitHub,
    pub(crate) repo: Repo,
    deliveries: mpsc::UnboundedReceiver<(String, Bytes)>,
    _data: tempfile::TempDir,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let data = tempfile::tempdir().unwrap();
        let playground = Watched::start(adjutant::playground::options(data.path())).await;
        let (sender, deliveries) = mpsc::unbounded_channel();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        playground.set_webhook_url(format!("http://{}/hook", listener.local_addr().unwrap()));
        let receiver = Router::new().route("/hook", post(receive)).with_state(sender);
        tokio::spawn(async move { axum::serve(listener, receiver).await });

        let github = GitHub::new(GitHubConfig {
            url: playground.url.clone(),
            app_id: playground.app_id,
            private_key: SecretString::from(std::fs::read_to_string(&playground.app_pem_path).unwrap()),
        })
        .unwrap();
        let covered = github.all_repositories().await.unwrap().into_values().flatten();
        let repo = covered.into_iter().find(|repo| repo.full_name() == playground.repository).unwrap();
        Self { playground, github, repo, deliveries, _data: data }
    }

    pub(crate) fn client(&self) -> RepoClient {
        self.github.repository(&self.repo)
    }

    /// Acts as a person, and requires success.
    pub(crate) async fn act(&self, login: &str, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.try_with(&self.playground.token(login), method, path, body).await;
        assert!(status < 300, "{login} {path}: {status} {answer}");
        answer
    }

    /// Sends a request with a token, and returns the answer.
    pub(crate) async fn try_with(&self, token: &str, method: Method, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/api/v3/repos/{}{path}", self.playground.url, self.repo.full_name());
        let request = reqwest::Client::new().request(method, url).bearer_auth(token).json(&body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    /// A new issue by `login`. Returns its number.
    pub(crate) async fn issue(&self, login: &str, title: &str, body: &str) -> u64 {
        let issue = self.act(login, Method::POST, "/issues", json!({ "title": title, "body": body })).await;
        issue["number"].as_u64().unwrap()
    }

    /// A branch from the default branch, with one commit by `login` that writes a file.
    pub(crate) async fn branch(&self, login: &str, branch: &str, path: &str, text: &str) -> Branch {
        let client = self.client();
        let main = client.branch_head(&Branch::new("main")).await.unwrap().unwrap();
        let branch = Branch::new(branch);
        client.create_branch(&branch, &main).await.unwrap();
        self.commit(login, &branch, path, text).await;
        branch
    }

    /// A commit by `login` that writes a new file.
    pub(crate) async fn commit(&self, login: &str, branch: &Branch, path: &str, text: &str) {
        let body = json!({ "message": format!("Write {path}"), "content": STANDARD.encode(text), "branch": branch });
        self.act(login, Method::PUT, &format!("/contents/{path}"), body).await;
    }

    /// The signal of the next delivery that becomes one.
    pub(crate) async fn signal(&mut self, kept: &Kept) -> Signal {
        let mut passed = Vec::new();
        loop {
            let next = tokio::time::timeout(Duration::from_secs(20), self.deliveries.recv()).await;
            let (event, body) = next.unwrap_or_else(|_| panic!("no delivery made a signal, but {passed:#?}")).unwrap();
            let interpretation = match parse(&event, &body).unwrap() {
                Webhook::Fact(fact) => interpret(&self.github, &kept.store, *fact).await.unwrap(),
                Webhook::Ignored(reason) => Interpretation::Ignored(reason),
            };
            match interpretation {
                Interpretation::Signals(mut signals) => return signals.remove(0).signal,
                Interpretation::ForeignPull { head, .. } => passed.push(format!("{event}: foreign {head}")),
                Interpretation::MergeGroup { head, .. } => passed.push(format!("{event}: merge group {head}")),
                Interpretation::Ignored(reason) => passed.push(format!("{event}: {reason}")),
            }
        }
    }
}

async fn receive(State(sender): State<mpsc::UnboundedSender<(String, Bytes)>>, headers: HeaderMap, body: Bytes) {
    let event = headers["x-github-event"].to_str().unwrap().to_owned();
    // Fails if the test has ended, which is fine.
    let _ = sender.send((event, body));
}
