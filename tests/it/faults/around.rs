//! Events that belong to no step: other people's pull requests, requests to run checks again, workflows.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::stage::Stage;

impl Stage {
    /// The runs of one check on a commit.
    async fn runs_of(&self, name: &str, sha: &str) -> Vec<Value> {
        let found = self.get(&format!("/commits/{sha}/check-runs?check_name={name}&filter=all")).await;
        found["check_runs"].as_array().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_that_is_not_adjutants_gets_a_neutral_check_at_each_head() {
    let stage = Stage::set("true").await;
    let serve = stage.serve().await;
    let main = stage.get("/git/ref/heads/main").await["object"]["sha"].clone();
    stage.act("writer", Method::POST, "/git/refs", json!({ "ref": "refs/heads/mine", "sha": main })).await;
    let change = async |name: &str| {
        let body = json!({ "message": name, "content": STANDARD.encode(name), "branch": "mine" });
        let done = stage.act("writer", Method::PUT, &format!("/contents/{name}"), body).await;
        done["commit"]["sha"].as_str().unwrap().to_owned()
    };
    let first = change("one").await;
    stage.act("writer", Method::POST, "/pulls", json!({ "title": "Mine", "head": "mine", "base": "main" })).await;
    let neutral = async |sha: &str| {
        let what = format!("{sha} has a neutral check");
        let runs = stage
            .wait(&what, async || Some(stage.runs_of("adjutant", sha).await).filter(|runs| !runs.is_empty()))
            .await;
        assert_eq!((runs.len(), runs[0]["conclusion"].as_str()), (1, Some("neutral")));
    };
    neutral(&first).await;
    neutral(&change("two").await).await;
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rerequested_check_is_run_again_on_the_same_commit() {
    let policy = "autonomy: manual\nsetup: []\nverifiers:\n  - name: test\n    run: \"true\"\n";
    let stage = Stage::with_policy(policy).await;
    let serve = stage.serve().await;
    let issue = stage.label("Checked twice").await;
    let plan = "SELECT count(*) FROM approvals WHERE kind = 'plan' AND status = 'pending'";
    stage.wait("the plan waits", async || (stage.count(plan).await == 1).then_some(())).await;
    stage.comment(issue, "/approve").await;
    let asked = "SELECT count(*) FROM approvals WHERE kind = 'final' AND status = 'pending'";
    stage.wait("the merge waits", async || (stage.count(asked).await == 1).then_some(())).await;
    let head = stage.pulls().await[0]["head"]["sha"].as_str().unwrap().to_owned();
    let runs = stage.wait("the check is written", async || {
        Some(stage.runs_of("adjutant", &head).await).filter(|runs| runs[0]["conclusion"] == "action_required")
    });
    let path = format!("/check-runs/{}/rerequest", runs.await[0]["id"]);
    stage.act("writer", Method::POST, &path, json!({})).await;
    let verified = "SELECT count(*) FROM effects WHERE kind = 'verify' AND status = 'done'";
    stage.wait("it is proved again", async || (stage.count(verified).await == 2).then_some(())).await;
    stage.wait("the merge waits again", async || (stage.count(asked).await == 1).then_some(())).await;
    assert_eq!(stage.runs_of("adjutant", &head).await.len(), 1, "the check of the whole is the same one");
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_to_a_workflow_is_pushed_with_the_permission_for_it_and_waits_for_a_person() {
    let stage = Stage::set("true").await;
    let work = "mkdir -p .github/workflows; echo 'on: push' > .github/workflows/ci.yml; echo alpha > alpha.txt
                echo '{\"summary\":\"did it\"}' > \"$ADJUTANT_RESULT_FILE\"";
    stage.agent(&["alpha"], work);
    let serve = stage.serve().await;
    let issue = stage.label("Mend the workflow").await;
    let asked = "SELECT count(*) FROM approvals WHERE status = 'pending'";
    stage.wait("a person is asked", async || (stage.count(asked).await == 1).then_some(())).await;
    assert_eq!(stage.count("SELECT count(*) FROM tasks WHERE status = 'failed'").await, 0, "{}", stage.told().await);
    stage.comment(issue, "/approve").await;
    stage.completes(issue, &["alpha"]).await;
    drop(serve);
}
