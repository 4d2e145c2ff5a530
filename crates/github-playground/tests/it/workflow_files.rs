//! Workflow files, which an app may write only with the permission for it.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Clone, Harness};

const WORKFLOW: &str = ".github/workflows/ci.yml";

fn told(path: &str) -> String {
    format!("refusing to allow a GitHub App to create or update workflow `{path}` without `workflows` permission")
}

/// A clone with the token of an installation that may write contents and pull requests, but no workflows.
async fn limited(harness: &Harness) -> (String, Clone) {
    let permissions = json!({ "contents": "write", "pull_requests": "write" });
    let token = harness.installation_token(json!({ "permissions": permissions })).await;
    let clone = harness.clone_as(&token).await;
    std::fs::create_dir_all(clone.path.join(".github/workflows")).unwrap();
    (token, clone)
}

#[tokio::test]
async fn a_push_that_brings_a_workflow_is_declined_without_the_permission_and_the_rest_of_it_goes_through() {
    let harness = Harness::start().await;
    let (_, clone) = limited(&harness).await;
    let plain = clone.commit_on("plain", ".github/dependabot.yml", "version: 2\n").await;
    clone.commit_on("work", WORKFLOW, "on: push\n").await;
    clone.commit_on("work", "notes.md", "one\n").await;
    let declined = clone.git(&["push", "origin", "plain", "work", "work:refs/tags/v1"]).await.unwrap_err();
    assert!(declined.contains(&format!("! [remote rejected] work -> work ({})", told(WORKFLOW))), "{declined}");
    assert!(declined.contains(&format!("! [remote rejected] work -> v1 ({})", told(WORKFLOW))), "{declined}");
    assert_eq!(harness.get("/git/ref/heads/plain").await["object"]["sha"], plain);
    harness.as_user("writer", Method::GET, "/git/ref/heads/work", Value::Null).await.expect(404);

    let full = harness.clone_as(&harness.installation_token(json!({})).await).await;
    full.git(&["pull", "--quiet", clone.path.to_str().unwrap(), "work"]).await.unwrap();
    full.git(&["push", "--quiet", "origin", "HEAD:work"]).await.unwrap();
    let person = harness.clone_as("playground-writer").await;
    std::fs::create_dir_all(person.path.join(".github/workflows")).unwrap();
    person.commit_on("mine", ".github/workflows/mine.yml", "on: push\n").await;
    person.git(&["push", "--quiet", "origin", "mine"]).await.unwrap();
}

#[tokio::test]
async fn a_workflow_that_a_branch_holds_already_is_carried_along_and_may_go() {
    let harness = Harness::start().await;
    let (_, clone) = limited(&harness).await;
    clone.commit_on("work", "notes.md", "one\n").await;
    let person = harness.clone_as("playground-writer").await;
    std::fs::create_dir_all(person.path.join(".github/workflows")).unwrap();
    person.commit_on("main", WORKFLOW, "on: push\n").await;
    person.git(&["push", "--quiet", "origin", "main"]).await.unwrap();
    // In a merge, and in a separate commit with the same content.
    clone.git(&["pull", "--quiet", "--no-rebase", "--no-edit", "origin", "main"]).await.unwrap();
    clone.git(&["push", "--quiet", "origin", "work"]).await.unwrap();
    clone.git(&["checkout", "--quiet", "-b", "again", "origin/main~1"]).await.unwrap();
    std::fs::create_dir_all(clone.path.join(".github/workflows")).unwrap();
    clone.commit_on("again", WORKFLOW, "on: push\n").await;
    clone.git(&["push", "--quiet", "origin", "again"]).await.unwrap();
    clone.git(&["rm", "--quiet", WORKFLOW]).await.unwrap();
    clone.git(&["commit", "--quiet", "-m", "No more"]).await.unwrap();
    clone.git(&["push", "--quiet", "origin", "again"]).await.unwrap();
    // The merge of two workflow files is on no branch yet.
    clone.git(&["checkout", "--quiet", "work"]).await.unwrap();
    std::fs::write(clone.path.join(WORKFLOW), "on: [push, pull_request]\n").unwrap();
    clone.git(&["commit", "--quiet", "--all", "--amend", "--no-edit"]).await.unwrap();
    let declined = clone.git(&["push", "--force", "origin", "work"]).await.unwrap_err();
    assert!(declined.contains(&told(WORKFLOW)), "{declined}");
}

#[tokio::test]
async fn the_api_brings_no_workflow_in_by_files_references_or_merges_either() {
    let harness = Harness::start().await;
    let main = harness.get("/git/ref/heads/main").await["object"]["sha"].clone();
    let (token, _) = limited(&harness).await;
    let at = |path: &str| format!("/repos/acme/widgets{path}");
    let refused = async |method: Method, path: &str, body: Value| {
        harness.call(method, &at(path), &token, Some(body)).await.expect(403)["message"].as_str().unwrap().to_owned()
    };
    let put = json!({ "message": "Add", "content": "b246IHB1c2gK" });
    assert_eq!(
        refused(Method::PUT, &format!("/contents/{WORKFLOW}"), put).await,
        "Resource not accessible by integration"
    );
    let entry = json!({ "path": WORKFLOW, "mode": "100644", "type": "blob", "content": "on: push\n" });
    let tree = json!({ "base_tree": main, "tree": [entry] });
    let tree = harness.as_user("writer", Method::POST, "/git/trees", tree).await.expect(201)["sha"].clone();
    let commit = json!({ "message": "Add", "tree": tree, "parents": [main] });
    let commit = harness.as_user("writer", Method::POST, "/git/commits", commit).await.expect(201)["sha"].clone();
    let made = json!({ "ref": "refs/heads/work", "sha": commit });
    assert_eq!(refused(Method::POST, "/git/refs", made.clone()).await, told(WORKFLOW));
    let moved = json!({ "sha": commit });
    assert_eq!(refused(Method::PATCH, "/git/refs/heads/main", moved).await, told(WORKFLOW));

    harness.as_user("writer", Method::POST, "/git/refs", made).await.expect(201);
    let into = json!({ "base": "main", "head": "work" });
    assert_eq!(refused(Method::POST, "/merges", into).await, told(WORKFLOW));
    let pull = json!({ "title": "Add a workflow", "head": "work", "base": "main" });
    let pull = harness.as_user("writer", Method::POST, "/pulls", pull).await.expect(201)["number"].as_u64().unwrap();
    harness.wait_mergeable(pull, true).await;
    let merge = format!("/pulls/{pull}/merge");
    assert_eq!(refused(Method::PUT, &merge, json!({})).await, told(WORKFLOW));
    let node = harness.get(&format!("/pulls/{pull}")).await["node_id"].clone();
    let query = "mutation($id: ID!) { enablePullRequestAutoMerge(input: { pullRequestId: $id }) { clientMutationId } }";
    let request = harness.client.post(format!("{}/api/graphql", harness.playground.url)).bearer_auth(&token);
    let armed = request.json(&json!({ "query": query, "variables": { "id": node } })).send().await.unwrap();
    let armed: Value = armed.json().await.unwrap();
    assert_eq!(armed["errors"][0]["message"], format!("Pull request {}", told(WORKFLOW)));
    assert_eq!(harness.get("/git/ref/heads/main").await["object"]["sha"], main);
    harness.as_app(Method::PUT, &merge, json!({})).await.expect(200);
}
