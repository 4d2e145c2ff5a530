//! A server with scripted answers that records its requests, for rare behaviour of the real GitHub.

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use adjutant::github::{GitHub, GitHubConfig, RepoClient};
use adjutant_domain::ids::Repo;
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{TimeDelta, Utc};
use secrecy::SecretString;
use serde_json::{Value, json};

/// A recorded request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Method and path with the query: `GET /api/v3/app`.
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// A scripted answer.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Status and JSON.
    Json(u16, Value),
    /// Status, headers and JSON.
    With(u16, Vec<(&'static str, String)>, Value),
    /// Status and a page.
    Text(u16, &'static str),
    /// No answer.
    Silence,
}

type Script = Box<dyn Fn(&Call) -> Option<Reply> + Send + Sync>;

pub(crate) struct Scripted {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    script: Script,
    calls: Mutex<Vec<Call>>,
    token_life: TimeDelta,
    writing: AtomicUsize,
    most_writing: AtomicUsize,
}

impl Scripted {
    /// Starts a server. Requests that the script does not answer get the app, its bot and its tokens, and otherwise
    /// 404.
    pub(crate) async fn start(script: impl Fn(&Call) -> Option<Reply> + Send + Sync + 'static) -> Self {
        Self::with_token_life(TimeDelta::hours(1), script).await
    }

    pub(crate) async fn with_token_life(
        token_life: TimeDelta,
        script: impl Fn(&Call) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            script: Box::new(script),
            calls: Mutex::default(),
            token_life,
            writing: AtomicUsize::new(0),
            most_writing: AtomicUsize::new(0),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// A gateway to this server.
    pub(crate) fn github(&self) -> GitHub {
        self.github_within(Duration::from_secs(20))
    }

    pub(crate) fn github_within(&self, timeout: Duration) -> GitHub {
        github_at(&self.url, timeout)
    }

    pub(crate) fn client(&self) -> RepoClient {
        self.github().repository(&repo())
    }

    /// The recorded requests whose line starts with this, in order.
    pub(crate) fn calls(&self, start: &str) -> Vec<Call> {
        self.shared.calls.lock().unwrap().iter().filter(|call| call.line.starts_with(start)).cloned().collect()
    }

    /// The most writes that were running at once.
    pub(crate) fn most_writing(&self) -> usize {
        self.shared.most_writing.load(Ordering::SeqCst)
    }
}

/// A gateway to any server.
pub(crate) fn github_at(url: &str, timeout: Duration) -> GitHub {
    let private_key = SecretString::from(app_key());
    GitHub::with_timeout(GitHubConfig { url: url.to_owned(), app_id: 1, private_key }, timeout).unwrap()
}

/// The path of the repository's API.
pub(crate) const REPO: &str = "/api/v3/repos/acme/widgets";

/// Whether a request has this method and this path below the repository.
pub(crate) fn is(call: &Call, method: &str, path: &str) -> bool {
    call.line == format!("{method} {REPO}{path}")
}

/// A branch with this head.
pub(crate) fn head(sha: &str) -> Reply {
    Reply::Json(200, json!({ "ref": "refs/heads/main", "object": { "sha": sha, "type": "commit" } }))
}

/// The repository of the tests, `acme/widgets`.
pub(crate) fn repo() -> Repo {
    Repo { id: 9, owner: "acme".to_owned(), name: "widgets".to_owned(), installation: 5 }
}

/// An RSA key, created once per run.
fn app_key() -> String {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()))
    })
    .clone()
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 24).await.unwrap();
    let call = Call {
        line: format!("{} {}", parts.method, parts.uri),
        authorization: parts.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let minted = {
        let mut calls = shared.calls.lock().unwrap();
        calls.push(call.clone());
        calls.iter().filter(|call| call.line.contains("access_tokens")).count()
    };
    let writes = !call.line.starts_with("GET") && !call.line.contains("access_tokens");
    if writes {
        let now = shared.writing.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_writing.fetch_max(now, Ordering::SeqCst);
        // Lets other requests arrive meanwhile.
        tokio::task::yield_now().await;
    }
    let reply = (shared.script)(&call).unwrap_or_else(|| common(&shared, &call, minted));
    if writes {
        shared.writing.fetch_sub(1, Ordering::SeqCst);
    }
    match reply {
        Reply::Silence => std::future::pending().await,
        Reply::Json(status, json) => respond(status, &[], &json),
        Reply::Text(status, page) => Response::builder().status(status).body(Body::from(page)).unwrap(),
        Reply::With(status, headers, json) => respond(status, &headers, &json),
    }
}

fn common(shared: &Shared, call: &Call, minted: usize) -> Reply {
    match call.line.as_str() {
        "GET /api/v3/app" => Reply::Json(200, json!({ "id": 1, "slug": "adjutant", "name": "Adjutant" })),
        "GET /api/v3/app/installations?per_page=1" => Reply::Json(200, json!([{ "id": 5 }])),
        "GET /api/v3/users/adjutant%5Bbot%5D" => {
            Reply::Json(200, json!({ "login": "adjutant[bot]", "id": 77, "type": "Bot" }))
        }
        line if line.starts_with("POST /api/v3/app/installations/5/access_tokens") => {
            let expires_at = (Utc::now() + shared.token_life).to_rfc3339();
            Reply::Json(201, json!({ "token": format!("ghs_{minted}"), "expires_at": expires_at }))
        }
        _ => Reply::Json(404, json!({ "message": "Not Found" })),
    }
}

fn respond(status: u16, headers: &[(&'static str, String)], json: &Value) -> Response {
    let mut builder = Response::builder().status(status).header("content-type", "application/json");
    for (name, value) in headers {
        builder = builder.header(*name, value);
    }
    builder.body(Body::from(json.to_string())).unwrap()
}
