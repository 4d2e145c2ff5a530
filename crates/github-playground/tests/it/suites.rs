//! Check suites, requests to run checks again, and stale checks.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver, wait_for};

async fn head(harness: &Harness) -> String {
    harness.get("/git/ref/heads/main").await["object"]["sha"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_suite_is_made_by_a_push_or_by_the_app_where_pushes_make_none() {
    let harness = Harness::start().await;
    let setting = |on: bool| json!({ "auto_trigger_checks": [{ "app_id": harness.playground.app_id, "setting": on }] });
    let path = "/check-suites/preferences";
    harness.as_user("writer", Method::PATCH, path, setting(false)).await.expect(403);
    let told = harness.as_user("maintainer", Method::PATCH, path, setting(false)).await.expect(200);
    assert_eq!(told["preferences"]["auto_trigger_checks"][0]["setting"], false);
    let clone = harness.clone_as("playground-writer").await;
    let sha = clone.commit_on("quiet", "A.md", "a\n").await;
    clone.git(&["push", "--quiet", "origin", "quiet"]).await.unwrap();
    let suites = format!("/commits/{sha}/check-suites");
    assert_eq!(harness.get(&suites).await["total_count"], 0);
    let asked = json!({ "head_sha": sha });
    harness.as_user("maintainer", Method::POST, "/check-suites", asked.clone()).await.expect(403);
    let made = harness.as_app(Method::POST, "/check-suites", asked.clone()).await.expect(201);
    assert_eq!((&made["status"], &made["head_branch"]), (&json!("queued"), &json!("quiet")));
    assert_eq!(harness.as_app(Method::POST, "/check-suites", asked).await.expect(200)["id"], made["id"]);
    let nothing = json!({ "head_sha": "0".repeat(40) });
    harness.as_app(Method::POST, "/check-suites", nothing).await.expect(422);
    harness.as_user("maintainer", Method::PATCH, path, setting(true)).await.expect(200);
    let sha = clone.commit_on("quiet", "A.md", "b\n").await;
    clone.git(&["push", "--quiet", "origin", "quiet"]).await.unwrap();
    assert_eq!(harness.get(&format!("/commits/{sha}/check-suites")).await["total_count"], 1);
}

#[tokio::test]
async fn a_suite_that_is_asked_for_again_is_queued_until_its_app_answers() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    let run = json!({ "name": "test", "head_sha": head(&harness).await, "conclusion": "failure" });
    let run = harness.as_app(Method::POST, "/check-runs", run).await.expect(201);
    let suite = format!("/check-suites/{}", run["check_suite"]["id"]);
    assert_eq!(harness.get(&suite).await["conclusion"], "failure");
    harness.as_user("triager", Method::POST, &format!("{suite}/rerequest"), Value::Null).await.expect(403);
    harness.as_user("writer", Method::POST, &format!("{suite}/rerequest"), Value::Null).await.expect(201);
    receiver.next("check_suite", "rerequested").await;
    let queued = harness.get(&suite).await;
    assert_eq!((&queued["status"], &queued["conclusion"]), (&json!("queued"), &Value::Null));
    let again = json!({ "name": "test", "head_sha": head(&harness).await, "conclusion": "success" });
    harness.as_app(Method::POST, "/check-runs", again).await.expect(201);
    assert_eq!(harness.get(&suite).await["conclusion"], "success", "the newest of a name counts");
    assert_eq!(receiver.count("check_suite", "completed", 2).await, 2);
    let path = format!("/check-runs/{}", run["id"]);
    harness.as_user("writer", Method::POST, &format!("{path}/rerequest"), Value::Null).await.expect(201);
    receiver.next("check_run", "rerequested").await;
    assert_eq!(harness.get(&path).await["conclusion"], "failure", "the run itself stays");
}

#[tokio::test]
async fn a_check_of_actions_is_run_again_by_people_and_not_by_other_apps() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.playground.ci("- { conclusion: [failure, success] }").unwrap();
    let clone = harness.clone_as("playground-maintainer").await;
    std::fs::create_dir_all(clone.path.join(".github/workflows")).unwrap();
    let text = "on: push\njobs: { test: { runs-on: x } }\n";
    let sha = clone.commit_on("topic", ".github/workflows/ci.yml", text).await;
    clone.git(&["push", "--quiet", "origin", "topic"]).await.unwrap();
    let run = async |conclusion: &str| {
        wait_for(conclusion, async || {
            let runs = harness.get(&format!("/actions/runs?head_sha={sha}&status={conclusion}")).await;
            runs["workflow_runs"].as_array()?.first().cloned()
        })
        .await
    };
    let failed = run("failure").await;
    let path = format!("/check-suites/{}/rerequest", failed["check_suite_id"]);
    harness.as_app(Method::POST, &path, Value::Null).await.expect(403);
    harness.as_user("writer", Method::POST, &path, Value::Null).await.expect(201);
    assert_eq!(run("success").await["run_attempt"], 2);
    let told = |all: &super::support::Received| all.payload["action"] == "rerequested";
    assert!(!receiver.all().iter().any(told), "the app is not told of another's checks");
}

#[tokio::test]
async fn a_run_left_open_for_a_fortnight_goes_stale() {
    let harness = Harness::start().await;
    let run = json!({ "name": "test", "head_sha": head(&harness).await });
    let run = harness.as_app(Method::POST, "/check-runs", run).await.expect(201);
    let path = format!("/check-runs/{}", run["id"]);
    harness.playground.advance(Duration::from_hours(14 * 24 - 1));
    assert_eq!(harness.get(&path).await["status"], "queued");
    let step = json!({ "advance": 2 * 3600 });
    let clock = harness.client.post(format!("{}/_playground/clock", harness.playground.url)).json(&step);
    assert_eq!(clock.send().await.unwrap().status(), 200);
    // Shown by its suite, because GitHub's description lacks the word for a run, although GitHub documents it.
    let suite = format!("/check-suites/{}", run["check_suite"]["id"]);
    assert_eq!(harness.get(&suite).await["conclusion"], "stale");
    let forged = json!({ "conclusion": "stale" });
    harness.as_app(Method::PATCH, &path, forged).await.expect(422);
}

#[tokio::test]
async fn contexts_of_statuses_ignore_case_and_the_newest_counts() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    let sha = head(&harness).await;
    let path = format!("/statuses/{sha}");
    let combined = format!("/commits/{sha}/status");
    let empty = harness.get(&combined).await;
    assert_eq!((&empty["state"], &empty["total_count"]), (&json!("pending"), &json!(0)));
    for (context, state) in [("ci/Build", "success"), ("CI/build", "failure"), ("other", "pending")] {
        let status = json!({ "state": state, "context": context });
        harness.as_user("writer", Method::POST, &path, status).await.expect(201);
    }
    let shown = harness.get(&combined).await;
    assert_eq!((&shown["state"], &shown["total_count"]), (&json!("failure"), &json!(2)), "contexts ignore case");
    assert_eq!(receiver.next("status", "").await.payload["branches"][0]["name"], "main");
}

#[tokio::test]
async fn a_suite_lists_the_newest_run_of_each_name_unless_all_are_asked_for() {
    let harness = Harness::start().await;
    let sha = head(&harness).await;
    let mut suite = Value::Null;
    for (name, conclusion) in [("test", "failure"), ("lint", "success"), ("test", "success")] {
        let run = json!({ "name": name, "head_sha": sha, "conclusion": conclusion });
        suite = harness.as_app(Method::POST, "/check-runs", run).await.expect(201)["check_suite"]["id"].clone();
    }
    let path = format!("/check-suites/{suite}/check-runs");
    let newest = harness.get(&path).await;
    let told: Vec<_> =
        newest["check_runs"].as_array().unwrap().iter().map(|run| (&run["name"], &run["conclusion"])).collect();
    let success = json!("success");
    assert_eq!(told, [(&json!("test"), &success), (&json!("lint"), &success)]);
    assert_eq!(harness.get(&format!("{path}?filter=all")).await["total_count"], 3);
    assert_eq!(harness.get(&format!("{path}?check_name=lint")).await["total_count"], 1);
    assert_eq!(harness.get(&format!("{path}?status=in_progress")).await["total_count"], 0);
    harness.as_user("writer", Method::GET, "/check-suites/9999999/check-runs", Value::Null).await.expect(404);
}
