//! A playground with one object of each kind, the requests that can be sent to it, and a digest of its state.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::raw::{Answer, send};
use crate::support::Harness;

/// The paths that are read to find out whether anything changed.
const PUBLIC: &[&str] = &[
    "/repos/acme/widgets",
    "/repos/acme/widgets/issues?state=all&per_page=100",
    "/repos/acme/widgets/issues/comments?per_page=100",
    "/repos/acme/widgets/issues/1/events",
    "/repos/acme/widgets/issues/1/reactions",
    "/repos/acme/widgets/issues/1/sub_issues",
    "/repos/acme/widgets/pulls?state=all&per_page=100",
    "/repos/acme/widgets/pulls/2",
    "/repos/acme/widgets/pulls/2/reviews",
    "/repos/acme/widgets/pulls/comments?per_page=100",
    "/repos/acme/widgets/labels?per_page=100",
    "/repos/acme/widgets/milestones?state=all",
    "/repos/acme/widgets/branches?per_page=100",
    "/repos/acme/widgets/branches/main/protection",
    "/repos/acme/widgets/git/matching-refs/heads/?per_page=100",
    "/repos/acme/widgets/git/matching-refs/tags/?per_page=100",
    "/repos/acme/widgets/collaborators?per_page=100",
    "/repos/acme/widgets/commits/feature/check-runs",
    "/repos/acme/widgets/commits/feature/statuses",
    "/repos/acme/widgets/rulesets",
    "/repos/acme/widgets/topics",
    "/orgs/acme/teams",
    "/orgs/acme/repos",
    "/orgs/acme/members",
    "/user/repos",
];

/// One operation of GitHub's description.
pub(super) struct Operation {
    /// Its name in the description: `POST /repos/{owner}/{repo}/issues`.
    pub(super) name: String,
    /// The schema of the request.
    pub(super) request: Value,
}

/// The description: its operations, and the schemas they refer to.
pub(super) struct Described {
    pub(super) operations: Vec<Operation>,
    schemas: Value,
}

impl Described {
    pub(super) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../github-conformance/fixtures/rest.json");
        let mut told: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let operations = told["operations"].as_object().unwrap().iter();
        let operations =
            operations.map(|(name, told)| Operation { name: name.clone(), request: told["request"].clone() }).collect();
        Self { operations, schemas: told["schemas"].take() }
    }

    /// A schema with its references resolved.
    pub(super) fn resolve<'s>(&'s self, mut schema: &'s Value) -> &'s Value {
        while let Some(reference) = schema["$ref"].as_str() {
            schema = &self.schemas[reference.trim_start_matches("#/schemas/")];
        }
        schema
    }
}

/// A harness with one object of each kind.
pub(super) struct Ground {
    pub(super) harness: Harness,
    pub(super) app: String,
    values: BTreeMap<&'static str, String>,
}

impl Ground {
    pub(super) async fn prepare() -> Self {
        let harness = Harness::start().await;
        let post = async |path: &str, body: Value| harness.as_user("maintainer", Method::POST, path, body).await.body;
        let id = |body: &Value| body["id"].as_u64().unwrap_or(4711).to_string();
        post("/issues", json!({ "title": "One", "labels": ["bug"] })).await;
        let comment = post("/issues/1/comments", json!({ "body": "Hm." })).await;
        let reaction = post("/issues/1/reactions", json!({ "content": "eyes" })).await;
        let pull = harness.open_pull("feature", "notes.md", "one\n", json!({ "draft": true })).await;
        let sha = pull["head"]["sha"].as_str().unwrap().to_owned();
        let review = post("/pulls/2/reviews", json!({ "event": "COMMENT", "body": "Hm." })).await;
        let milestone = post("/milestones", json!({ "title": "First" })).await;
        let run = json!({ "name": "test", "head_sha": sha, "status": "in_progress" });
        let run = harness.as_app(Method::POST, "/check-runs", run).await.body;
        let app = harness.installation_token(json!({})).await;
        let commit = harness.get(&format!("/git/commits/{sha}")).await;
        let blob = harness.get("/contents/README.md").await;
        harness.wait_mergeable(2, true).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let values = [
            ("owner", "acme".to_owned()),
            ("repo", "widgets".to_owned()),
            ("org", "acme".to_owned()),
            ("username", "writer".to_owned()),
            ("assignee", "writer".to_owned()),
            ("account_id", "1".to_owned()),
            ("team_slug", "makers".to_owned()),
            ("app_slug", "playground-app".to_owned()),
            ("client_id", "Iv1.0000000000000001".to_owned()),
            ("code", "no-such-code".to_owned()),
            ("installation_id", harness.playground.installation_id.to_string()),
            ("repository_id", id(&harness.get("").await)),
            ("issue_number", "1".to_owned()),
            ("pull_number", "2".to_owned()),
            ("milestone_number", milestone["number"].as_u64().unwrap_or(1).to_string()),
            ("comment_id", id(&comment)),
            ("reaction_id", id(&reaction)),
            ("review_id", id(&review)),
            ("check_run_id", id(&run)),
            ("check_suite_id", id(&run["check_suite"])),
            ("run_id", "4711".to_owned()),
            ("job_id", "4711".to_owned()),
            ("workflow_id", "ci.yml".to_owned()),
            ("ruleset_id", "4711".to_owned()),
            ("delivery_id", "4711".to_owned()),
            ("branch", "feature".to_owned()),
            ("basehead", "main...feature".to_owned()),
            ("ref", "heads/feature".to_owned()),
            ("path", "README.md".to_owned()),
            ("dir", "src".to_owned()),
            ("name", "bug".to_owned()),
            ("sha", sha.clone()),
            ("commit_sha", sha.clone()),
            ("tag_sha", sha.clone()),
            ("tree_sha", text(&commit["tree"]["sha"])),
            ("file_sha", text(&blob["sha"])),
        ];
        Self { harness, app, values: values.into() }
    }

    /// The request line of an operation, with each parameter replaced by the result of `choose`.
    pub(super) fn line(&self, name: &str, choose: impl Fn(&str, &str) -> String) -> String {
        let (method, template) = name.split_once(' ').unwrap();
        let mut line = format!("{method} /api/v3");
        for part in template.split('/').skip(1) {
            let (before, rest) = part.split_once('{').unwrap_or((part, ""));
            let (parameter, after) = rest.split_once('}').unwrap_or(("", ""));
            let value = self.values.get(parameter);
            assert!(parameter.is_empty() || value.is_some(), "{name}: there is no {parameter}");
            let value = value.map(|value| choose(parameter, value)).unwrap_or_default();
            let _ = write!(line, "/{before}{value}{after}");
        }
        line
    }

    /// The request line with existing objects.
    pub(super) fn found(&self, name: &str) -> String {
        self.line(name, |_, value| value.to_owned())
    }

    /// The token with the most permissions for an operation.
    pub(super) fn token(&self, name: &str) -> String {
        let path = name.split_once(' ').unwrap().1;
        let jwt = path == "/app" || path.starts_with("/app/") || path.ends_with("/installation");
        let writes = !name.starts_with("GET ");
        if jwt {
            self.harness.app_token()
        } else if path.starts_with("/installation/") || (writes && path.contains("/check-")) {
            self.app.clone()
        } else {
            "playground-maintainer".to_owned()
        }
    }

    /// Sends a request with a token. An empty one means none.
    pub(super) async fn send(&self, line: &str, token: &str, body: &[u8]) -> Answer {
        let authorization = format!("Bearer {token}");
        let mut headers = vec![("content-type", "application/json")];
        if !token.is_empty() {
            headers.push(("authorization", &authorization));
        }
        send(self.harness.playground.addr, line, &headers, body).await
    }

    /// A digest of everything that can be read.
    pub(super) async fn digest(&self) -> String {
        let mut all = Sha256::new();
        for path in PUBLIC {
            let answer = self.send(&format!("GET /api/v3{path}"), "playground-maintainer", b"").await;
            all.update(answer.status.to_be_bytes());
            all.update(answer.body);
        }
        hex::encode(all.finalize())
    }
}
