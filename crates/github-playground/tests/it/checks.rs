//! Check runs, their suites, and commit statuses.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::Harness;

async fn head(harness: &Harness) -> Value {
    harness.get("/git/ref/heads/main").await["object"]["sha"].clone()
}

#[tokio::test]
async fn only_the_app_writes_check_runs() {
    let harness = Harness::start().await;
    let run = json!({ "name": "test", "head_sha": head(&harness).await });
    let refused = harness.as_user("maintainer", Method::POST, "/check-runs", run.clone()).await.expect(403);
    assert_eq!(refused["message"], "You must authenticate via a GitHub App.");
    let token = harness.installation_token(json!({ "permissions": { "checks": "read" } })).await;
    harness.call(Method::POST, "/repos/acme/widgets/check-runs", &token, Some(run.clone())).await.expect(403);
    let made = harness.as_app(Method::POST, "/check-runs", run).await.expect(201);
    assert_eq!((made["status"].as_str(), &made["conclusion"]), (Some("queued"), &Value::Null));
    assert_eq!(made["app"]["slug"], "playground-app");
}

#[tokio::test]
async fn a_check_run_goes_from_queued_to_its_conclusion() {
    let harness = Harness::start().await;
    let sha = head(&harness).await;
    let run = json!({ "name": "test", "head_sha": sha, "external_id": "task-1" });
    let id = harness.as_app(Method::POST, "/check-runs", run).await.expect(201)["id"].clone();
    let path = format!("/check-runs/{id}");
    let update = json!({ "status": "in_progress", "output": { "title": "Running", "summary": "…" } });
    harness.as_app(Method::PATCH, &path, update).await.expect(200);
    harness.as_app(Method::PATCH, &path, json!({ "status": "completed" })).await.expect(422);
    let annotation = |line: u64| json!({ "path": "README.md", "start_line": line, "end_line": line, "annotation_level": "failure", "message": "No." });
    let output = json!({ "title": "Failed", "summary": "One test", "annotations": [annotation(1)] });
    let done =
        harness.as_app(Method::PATCH, &path, json!({ "conclusion": "failure", "output": output })).await.expect(200);
    assert_eq!((done["status"].as_str(), done["external_id"].as_str()), (Some("completed"), Some("task-1")));
    assert!(done["completed_at"].is_string());
    let more = json!({ "output": { "summary": "One test", "annotations": [annotation(2)] } });
    let appended = harness.as_app(Method::PATCH, &path, more).await.expect(200);
    assert_eq!(appended["output"]["annotations_count"], 2);
    let sha = sha.as_str().unwrap();
    let listed = harness.get(&format!("/commits/{sha}/check-runs?check_name=test")).await;
    assert_eq!(listed["total_count"], 1);
    assert_eq!(harness.get("/commits/main/check-runs?check_name=other").await["total_count"], 0);
    let suites = harness.get(&format!("/commits/{sha}/check-suites")).await;
    assert_eq!(suites["check_suites"][0]["conclusion"], "failure");
}

#[tokio::test]
async fn the_limits_of_a_check_run_are_kept() {
    let harness = Harness::start().await;
    let sha = head(&harness).await;
    let with = |more: Value| {
        let mut body = json!({ "name": "test", "head_sha": sha });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let action =
        |identifier: &str| json!({ "label": "Approve", "description": "Take it as it is", "identifier": identifier });
    let annotation =
        json!({ "path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m" });
    for wrong in [
        json!({ "actions": [action("a"), action("b"), action("c"), action("d")] }),
        json!({ "actions": [action("an identifier that is too long")] }),
        json!({ "output": { "title": "t", "summary": "x".repeat(65_536) } }),
        json!({ "output": { "title": "t", "summary": "s", "annotations": vec![annotation; 51] } }),
        json!({ "conclusion": "stale" }),
        json!({ "head_sha": "0123456789012345678901234567890123456789" }),
    ] {
        harness.as_app(Method::POST, "/check-runs", with(wrong)).await.expect(422);
    }
    harness.as_app(Method::POST, "/check-runs", with(json!({ "actions": [action("approve")] }))).await.expect(201);
}

#[tokio::test]
async fn statuses_combine_to_the_worst() {
    let harness = Harness::start().await;
    let sha = head(&harness).await;
    let path = format!("/statuses/{}", sha.as_str().unwrap());
    assert_eq!(harness.get("/commits/main/status").await["state"], "pending");
    for (context, state, combined) in
        [("ci", "success", "success"), ("lint", "failure", "failure"), ("lint", "success", "success")]
    {
        harness.as_user("writer", Method::POST, &path, json!({ "context": context, "state": state })).await.expect(201);
        assert_eq!(harness.get("/commits/main/status").await["state"], combined);
    }
}

#[tokio::test]
async fn files_are_written_with_the_sha_they_had() {
    let harness = Harness::start().await;
    // "one" and "two" in base64.
    let put = json!({ "message": "Add notes", "content": "b25l" });
    let added = harness.as_user("writer", Method::PUT, "/contents/docs/notes.md", put).await.expect(201);
    let shown = harness.get("/contents/docs/notes.md").await;
    assert_eq!((shown["content"].as_str(), &shown["sha"]), (Some("b25l\n"), &added["content"]["sha"]));
    let blind = json!({ "message": "Change", "content": "dHdv" });
    harness.as_user("writer", Method::PUT, "/contents/docs/notes.md", blind).await.expect(422);
    let stale = json!({ "message": "Change", "content": "dHdv", "sha": "0123456789012345678901234567890123456789" });
    harness.as_user("writer", Method::PUT, "/contents/docs/notes.md", stale).await.expect(409);
    let right = json!({ "message": "Change", "content": "dHdv", "sha": shown["sha"] });
    let changed = harness.as_user("writer", Method::PUT, "/contents/docs/notes.md", right).await.expect(200);
    assert_eq!(harness.get("/branches/main").await["commit"]["sha"], changed["commit"]["sha"]);
    let gone = json!({ "message": "Drop", "sha": changed["content"]["sha"] });
    harness.as_user("writer", Method::DELETE, "/contents/docs/notes.md", gone).await.expect(200);
    harness.as_user("writer", Method::GET, "/contents/docs/notes.md", Value::Null).await.expect(404);
    assert_eq!(
        harness.get("/contents").await.as_array().unwrap().iter().filter(|entry| entry["name"] == "docs").count(),
        0
    );
}

/// <https://docs.github.com/en/rest/repos/contents#get-repository-content>
#[tokio::test]
async fn a_link_shows_as_the_file_of_the_repository_behind_it_else_as_itself() {
    let harness = Harness::start().await;
    let head = harness.get("/git/ref/heads/main").await["object"]["sha"].clone();
    let entry =
        |path: &str, mode: &str, text: &str| json!({ "path": path, "mode": mode, "type": "blob", "content": text });
    let entries = [
        entry("docs/real.md", "100644", "real"),
        entry("docs/near.md", "120000", "./real.md"),
        entry("far.md", "120000", "docs/../docs/real.md"),
        entry("docs/out.md", "120000", "../../passwd"),
        entry("docs/chain.md", "120000", "near.md"),
        entry("folder", "120000", "docs"),
    ];
    let tree = json!({ "base_tree": head, "tree": entries });
    let tree = harness.as_user("writer", Method::POST, "/git/trees", tree).await.expect(201)["sha"].clone();
    let commit = json!({ "message": "Link", "tree": tree, "parents": [head] });
    let commit = harness.as_user("writer", Method::POST, "/git/commits", commit).await.expect(201)["sha"].clone();
    harness.as_user("writer", Method::PATCH, "/git/refs/heads/main", json!({ "sha": commit })).await.expect(200);
    for link in ["docs/near.md", "far.md"] {
        let shown = harness.get(&format!("/contents/{link}")).await;
        assert_eq!((&shown["type"], &shown["content"]), (&json!("file"), &json!("cmVhbA==\n")), "{link}");
    }
    for (link, target) in [("docs/out.md", "../../passwd"), ("docs/chain.md", "near.md"), ("folder", "docs")] {
        let shown = harness.get(&format!("/contents/{link}")).await;
        assert_eq!((&shown["type"], &shown["target"], shown.get("content")), (&json!("symlink"), &json!(target), None));
    }
}

#[tokio::test]
async fn annotations_are_listed_in_pages_with_where_they_point() {
    let harness = Harness::start().await;
    let sha = head(&harness).await;
    let annotation = |line: u64| json!({ "path": "src/lib.rs", "start_line": line, "end_line": line, "annotation_level": "warning", "message": format!("{line}") });
    let output = |lines: std::ops::Range<u64>| json!({ "title": "T", "summary": "S", "annotations": lines.map(annotation).collect::<Vec<_>>() });
    let run = json!({ "name": "lint", "head_sha": sha, "output": output(1..51) });
    let id = harness.as_app(Method::POST, "/check-runs", run).await.expect(201)["id"].clone();
    harness.as_app(Method::PATCH, &format!("/check-runs/{id}"), json!({ "output": output(51..53) })).await.expect(200);
    let path = format!("/check-runs/{id}/annotations");
    let second = harness.get(&format!("{path}?per_page=50&page=2")).await;
    let lines: Vec<_> = second.as_array().unwrap().iter().map(|all| all["start_line"].clone()).collect();
    assert_eq!(lines, [51, 52]);
    let place = format!("{}/acme/widgets/blob/{}/src/lib.rs", harness.playground.url, sha.as_str().unwrap());
    assert_eq!(second[0]["blob_href"], place);
    assert_eq!(harness.get(&path).await.as_array().unwrap().len(), 30);
    harness.as_user("writer", Method::GET, "/check-runs/9999999/annotations", Value::Null).await.expect(404);
}
