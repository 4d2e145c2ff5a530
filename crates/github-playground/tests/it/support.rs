//! A playground for one test, with clients for the app and for people.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use github_playground::PlaygroundOptions;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;

use github_conformance::Watched;

/// How long a test waits for any condition.
const DEADLINE: Duration = Duration::from_secs(20);

/// A playground that lives as long as its test.
pub(super) struct Harness {
    pub(super) playground: Watched,
    pub(super) client: reqwest::Client,
    pub(super) folder: TempDir,
}

/// A parsed answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Reply {
    /// The body, if the status is this one.
    #[track_caller]
    pub(super) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }
}

impl Harness {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let playground = Watched::start(PlaygroundOptions::new(folder.path().join("data"))).await;
        Self { playground, client: reqwest::Client::new(), folder }
    }

    /// Calls the REST API below `/api/v3`. An empty token means none.
    pub(super) async fn call(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> Reply {
        let mut request = self.client.request(method, format!("{}/api/v3{path}", self.playground.url));
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Reply { status, headers, body }
    }

    /// Calls below the seed's repository as one of its people.
    pub(super) async fn as_user(&self, login: &str, method: Method, path: &str, body: Value) -> Reply {
        let body = Some(body).filter(|body| !body.is_null());
        self.call(method, &format!("/repos/acme/widgets{path}"), &self.playground.token(login), body).await
    }

    /// Reads below the seed's repository.
    pub(super) async fn get(&self, path: &str) -> Value {
        self.as_user("maintainer", Method::GET, path, Value::Null).await.expect(200)
    }

    /// Sends a GraphQL request as one of the people.
    pub(super) async fn graphql(&self, login: &str, query: &str, variables: Value) -> Value {
        let request = self.client.post(format!("{}/api/graphql", self.playground.url));
        let request = request.header("authorization", format!("bearer {}", self.playground.token(login)));
        request.json(&json!({ "query": query, "variables": variables })).send().await.unwrap().json().await.unwrap()
    }

    /// A JSON Web Token of the app, made from its key according to GitHub's documentation.
    pub(super) fn app_token(&self) -> String {
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
        self.app_token_with(&json!({ "iss": self.playground.app_id.to_string(), "iat": now - 60, "exp": now + 540 }))
    }

    /// A JSON Web Token with any claims.
    pub(super) fn app_token_with(&self, claims: &Value) -> String {
        let pem = std::fs::read(&self.playground.app_pem_path).unwrap();
        let key = EncodingKey::from_rsa_pem(&pem).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).unwrap()
    }

    /// An installation token, limited by `body`.
    pub(super) async fn installation_token(&self, body: Value) -> String {
        let path = format!("/app/installations/{}/access_tokens", self.playground.installation_id);
        let minted = self.call(Method::POST, &path, &self.app_token(), Some(body)).await.expect(201);
        minted["token"].as_str().unwrap().to_owned()
    }

    /// Calls below the seed's repository as the app's installation, with all its permissions.
    pub(super) async fn as_app(&self, method: Method, path: &str, body: Value) -> Reply {
        let token = self.installation_token(json!({})).await;
        let body = Some(body).filter(|body| !body.is_null());
        self.call(method, &format!("/repos/acme/widgets{path}"), &token, body).await
    }

    /// A clone of the seed's repository for somebody with this token.
    pub(super) async fn clone_as(&self, token: &str) -> Clone {
        let path = self.folder.path().join(format!("clone-{}", uuid::Uuid::new_v4()));
        let address = self.playground.url.replacen("http://", &format!("http://x-access-token:{token}@"), 1);
        let address = format!("{address}/acme/widgets.git");
        git(self.folder.path(), &["clone", "--quiet", &address, path.to_str().unwrap()]).await.unwrap();
        Clone { path }
    }

    /// Waits until the pull request has this mergeability.
    pub(super) async fn wait_mergeable(&self, number: u64, wanted: bool) -> Value {
        let path = format!("/pulls/{number}");
        wait_for("the mergeability", async || {
            let pull = self.get(&path).await;
            (pull["mergeable"] == json!(wanted)).then_some(pull)
        })
        .await
    }

    /// Adds a merge queue with the required check `ci` to `main`; `more` are further parameters. Returns the ruleset.
    pub(super) async fn require_queue(&self, more: Value) -> Value {
        let mut queue = json!({
            "check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN", "max_entries_to_build": 5,
            "max_entries_to_merge": 5, "merge_method": "MERGE", "min_entries_to_merge": 1,
            "min_entries_to_merge_wait_minutes": 5,
        });
        queue.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let checks =
            json!({ "required_status_checks": [{ "context": "ci" }], "strict_required_status_checks_policy": true });
        let ruleset = json!({
            "name": "queue", "enforcement": "active", "conditions": { "ref_name": { "include": ["refs/heads/main"], "exclude": [] } },
            "rules": [{ "type": "merge_queue", "parameters": queue }, { "type": "required_status_checks", "parameters": checks }],
        });
        self.as_user("maintainer", Method::POST, "/rulesets", ruleset).await.expect(201)
    }

    /// Pushes a branch with one changed file, and opens a pull request from it.
    pub(super) async fn open_pull(&self, branch: &str, file: &str, text: &str, more: Value) -> Value {
        let clone = self.clone_as("playground-writer").await;
        clone.commit_on(branch, file, text).await;
        clone.git(&["push", "--quiet", "origin", branch]).await.unwrap();
        let mut body = json!({ "title": format!("Change {file}"), "head": branch, "base": "main" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.as_user("writer", Method::POST, "/pulls", body).await.expect(201)
    }
}

/// A working copy.
pub(super) struct Clone {
    pub(super) path: PathBuf,
}

impl Clone {
    /// Runs git in it.
    pub(super) async fn git(&self, arguments: &[&str]) -> Result<String, String> {
        git(&self.path, arguments).await
    }

    /// Commits one file on a branch, which is created from the present commit if it is new. Returns the commit.
    pub(super) async fn commit_on(&self, branch: &str, file: &str, text: &str) -> String {
        if self.git(&["checkout", "--quiet", branch]).await.is_err() {
            self.git(&["checkout", "--quiet", "-b", branch]).await.unwrap();
        }
        std::fs::write(self.path.join(file), text).unwrap();
        self.git(&["add", "--all"]).await.unwrap();
        self.git(&["commit", "--quiet", "-m", &format!("Write {file}")]).await.unwrap();
        self.git(&["rev-parse", "HEAD"]).await.unwrap()
    }
}

/// Runs git without any user's settings, and returns its output, or its error output.
async fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let (folder, arguments) = (folder.to_owned(), arguments.iter().map(ToString::to_string).collect::<Vec<_>>());
    let run = move || {
        Command::new("git")
            .current_dir(folder)
            .args(["-c", "user.name=Wren Writer", "-c", "user.email=wren@example.com"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Asks again until there is a value.
pub(super) async fn wait_for<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, asking).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// A received webhook.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) event: String,
    pub(super) guid: String,
    pub(super) headers: HeaderMap,
    pub(super) signed: bool,
    pub(super) payload: Value,
}

/// A receiver that stores all webhooks.
pub(super) struct Receiver {
    received: Arc<Mutex<Vec<Received>>>,
}

type Inbox = (Arc<Mutex<Vec<Received>>>, Arc<Vec<u8>>);

impl Receiver {
    /// Starts a receiver, and sets it as the URL of the app's webhooks.
    pub(super) async fn of(harness: &Harness) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let secret = std::fs::read(&harness.playground.webhook_secret_path).unwrap();
        let router = Router::new().route("/hook", post(receive)).with_state((received.clone(), Arc::new(secret)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        harness.playground.set_webhook_url(format!("http://{address}/hook"));
        Self { received }
    }

    /// All webhooks received so far.
    pub(super) fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The number of received webhooks of this event and action, after there are at least `least`.
    pub(super) async fn count(&self, event: &str, action: &str, least: usize) -> usize {
        wait_for(&format!("{least} webhooks {event}.{action}"), async || {
            let of = |all: &Received| all.event == event && all.payload["action"] == action;
            Some(self.all().into_iter().filter(of).count()).filter(|count| *count >= least)
        })
        .await
    }

    /// The first webhook of this event and action. An empty action matches any.
    pub(super) async fn next(&self, event: &str, action: &str) -> Received {
        wait_for(&format!("the webhook {event}.{action}"), async || {
            let of = |all: &Received| all.event == event && (action.is_empty() || all.payload["action"] == action);
            self.all().into_iter().find(of)
        })
        .await
    }
}

async fn receive(State((inbox, secret)): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
    mac.update(&body);
    let signature = header("x-hub-signature-256");
    let signed = signature
        .strip_prefix("sha256=")
        .and_then(|hex| hex::decode(hex).ok())
        .is_some_and(|signature| mac.verify_slice(&signature).is_ok());
    let received = Received {
        event: header("x-github-event"),
        guid: header("x-github-delivery"),
        signed,
        payload: serde_json::from_slice(&body).unwrap(),
        headers,
    };
    inbox.lock().unwrap().push(received);
    StatusCode::ACCEPTED
}
