//! Whatever is sent, the answer is an answer: never a broken connection, never a 5xx.

use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::{Value, json};

use super::support::World;

const WRITES: [(&str, &str); 34] = [
    ("POST", "/issues"),
    ("PATCH", "/issues/1"),
    ("POST", "/issues/1/labels"),
    ("PUT", "/issues/1/labels"),
    ("POST", "/issues/1/assignees"),
    ("POST", "/issues/1/comments"),
    ("POST", "/issues/1/reactions"),
    ("POST", "/labels"),
    ("PATCH", "/labels/bug"),
    ("POST", "/pulls"),
    ("PATCH", "/pulls/2"),
    ("PUT", "/pulls/2/merge"),
    ("PUT", "/pulls/2/update-branch"),
    ("POST", "/pulls/2/reviews"),
    ("POST", "/pulls/2/comments"),
    ("POST", "/pulls/2/comments/1/replies"),
    ("PUT", "/pulls/2/reviews/1/dismissals"),
    ("POST", "/pulls/2/reviews/1/events"),
    ("POST", "/pulls/2/requested_reviewers"),
    ("POST", "/merges"),
    ("POST", "/check-runs"),
    ("PATCH", "/check-runs/1"),
    ("POST", "/check-runs/1/requested_action"),
    ("POST", "/statuses/main"),
    ("PUT", "/contents/a%00b"),
    ("PUT", "/contents/../../etc/passwd"),
    ("PUT", "/contents/.git/config"),
    ("DELETE", "/contents/README.md"),
    ("POST", "/git/refs"),
    ("PATCH", "/git/refs/heads/feature"),
    ("POST", "/git/commits"),
    ("POST", "/git/blobs"),
    ("POST", "/git/trees"),
    ("PUT", "/collaborators/writer"),
];

/// Bodies of every wrong shape, and some that are nearly right.
fn bodies() -> Vec<Value> {
    let odd = [json!(null), json!(-1), json!(1e300), json!(""), json!("\u{0}"), json!([]), json!({}), json!([[{}]])];
    let fields = [
        "title",
        "body",
        "head",
        "base",
        "state",
        "labels",
        "assignees",
        "name",
        "color",
        "content",
        "sha",
        "ref",
        "message",
        "tree",
        "parents",
        "author",
        "event",
        "comments",
        "path",
        "line",
        "position",
        "head_sha",
        "output",
        "actions",
        "commit_message",
        "merge_method",
        "branch",
        "permission",
        "encoding",
        "reviewers",
        "identifier",
        "commit_id",
    ];
    let same = |value: &Value| fields.iter().map(|field| ((*field).to_owned(), value.clone())).collect::<Value>();
    let whole = odd.iter().map(same);
    let likely = json!({
        "title": "t", "body": "b", "head": "-x", "base": "--help", "name": "n", "content": "b25l", "message": "m",
        "sha": "HEAD", "ref": "refs/heads/..", "tree": "HEAD", "parents": ["-x"], "path": "README.md", "line": u64::MAX,
        "position": u64::MAX, "event": "COMMENT", "head_sha": "HEAD", "color": "ffffff", "branch": "-x", "state": "open",
    });
    odd.iter().cloned().chain(whole).chain([likely]).collect()
}

#[tokio::test]
async fn nonsense_is_refused_or_ignored_but_always_answered() {
    let world = World::start().await;
    world.as_user("writer", Method::POST, "/issues", json!({ "title": "One" })).await.expect(201);
    world.open_pull("feature", "notes.md", "one\n", json!({ "draft": true })).await;
    let app = world.installation_token(json!({})).await;
    for (method, path) in WRITES {
        for body in bodies() {
            for token in ["playground-maintainer", &app] {
                let url = format!("{}/api/v3/repos/acme/widgets{path}", world.playground.url);
                let request = world
                    .client
                    .request(method.parse().unwrap(), url)
                    .header("authorization", format!("token {token}"));
                let sent = request.header(CONTENT_TYPE, "application/json").body(body.to_string()).send().await;
                let status = sent.unwrap_or_else(|error| panic!("{method} {path} with {body}: {error}")).status();
                assert!(!status.is_server_error(), "{method} {path} with {body}: {status}");
            }
        }
    }
}

#[tokio::test]
async fn odd_addresses_are_not_found_and_nothing_worse() {
    let world = World::start().await;
    for path in [
        "/branches/%2e%2e",
        "/branches/-x",
        "/git/ref/heads/..",
        "/git/ref/-x",
        "/git/trees/-x?recursive=1",
        "/git/blobs/HEAD:x",
        "/git/commits/--all",
        "/commits/-x",
        "/commits/%00",
        "/commits/a%20b/status",
        "/compare/...",
        "/compare/-x...--help",
        "/compare/main",
        "/contents/%2e%2e%2fx",
        "/contents/-x?ref=--help",
        "/contents?ref=%00",
        "/issues/99999999999999999999",
        "/issues?page=99999999999999999999&per_page=-1",
        "/issues?page=18446744073709551615",
        "/labels/%ff",
        "/pulls/0/files",
        "/check-runs/18446744073709551615",
        "/commits?sha=-x",
        "/commits/main/check-runs?status=odd",
        "/git/matching-refs/..",
    ] {
        let reply = world.as_user("writer", Method::GET, path, Value::Null).await;
        assert!(!reply.status.is_server_error(), "{path}: {} {}", reply.status, reply.body);
    }
}
