//! A repository's own CI: workflow runs, their jobs and checks, according to the script.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver, wait_for};

/// The events after a push of a workflow, in their order.
const EVENTS: [&str; 4] = ["workflow_run", "workflow_job", "check_run", "check_suite"];

/// A workflow with two jobs; the second needs the first.
const CI: &str = "name: CI\non: [push, pull_request]\njobs:\n  lint:\n    runs-on: ubuntu-latest\n    \
                  steps: [{ run: make lint }]\n  test:\n    name: Unit tests\n    needs: lint\n    runs-on: ubuntu-latest\n    \
                  steps: [{ uses: actions/checkout@v4 }, { run: make test }]\n";

/// Pushes a workflow on a new branch, and returns the commit.
async fn push_workflow(harness: &Harness, branch: &str, file: &str, text: &str) -> String {
    let clone = harness.clone_as("playground-maintainer").await;
    std::fs::create_dir_all(clone.path.join(".github/workflows")).unwrap();
    let sha = clone.commit_on(branch, &format!(".github/workflows/{file}"), text).await;
    clone.git(&["push", "--quiet", "origin", branch]).await.unwrap();
    sha
}

/// Waits until the only run of a commit and event has this status.
async fn run_of(harness: &Harness, sha: &str, event: &str, status: &str) -> Value {
    wait_for(&format!("the run to be {status}"), async || {
        let found = harness.get(&format!("/actions/runs?head_sha={sha}&event={event}&status={status}")).await;
        found["workflow_runs"].as_array()?.first().cloned()
    })
    .await
}

async fn jobs_of(harness: &Harness, run: &Value) -> Vec<(String, String, Value)> {
    let jobs = harness.get(&format!("/actions/runs/{}/jobs", run["id"])).await;
    let text = |job: &Value, key: &str| job[key].as_str().unwrap_or_default().to_owned();
    let jobs = jobs["jobs"].as_array().unwrap().iter();
    jobs.map(|job| (text(job, "name"), text(job, "status"), job["conclusion"].clone())).collect()
}

#[tokio::test]
async fn a_push_runs_the_workflows_of_its_commit_and_shows_their_checks() {
    let harness = Harness::start().await;
    harness.playground.subscribe(&EVENTS);
    let receiver = Receiver::of(&harness).await;
    let sha = push_workflow(&harness, "topic", "ci.yml", CI).await;
    let run = run_of(&harness, &sha, "push", "success").await;
    assert_eq!((&run["name"], &run["head_branch"], &run["run_number"]), (&json!("CI"), &json!("topic"), &json!(1)));
    assert_eq!((&run["actor"]["login"], &run["path"]), (&json!("maintainer"), &json!(".github/workflows/ci.yml")));
    let jobs = jobs_of(&harness, &run).await;
    let done = |name: &str| (name.to_owned(), "completed".to_owned(), json!("success"));
    assert_eq!(jobs, [done("lint"), done("Unit tests")]);
    let checks = harness.get(&format!("/commits/{sha}/check-runs?app_id=15368")).await;
    assert_eq!(checks["total_count"], 2);
    let check = &checks["check_runs"][0];
    assert_eq!((&check["app"]["slug"], &check["conclusion"]), (&json!("github-actions"), &json!("success")));
    let job = harness.get(&format!("/actions/jobs/{}", check["id"])).await;
    assert_eq!((&job["check_run_url"], &job["workflow_name"]), (&check["url"], &json!("CI")));
    let suite = harness.get(&format!("/check-suites/{}", run["check_suite_id"])).await;
    assert_eq!((&suite["app"]["id"], &suite["conclusion"]), (&json!(15368), &json!("success")));
    receiver.next("check_suite", "completed").await;
    for (event, action, count) in [
        ("workflow_run", "requested", 1),
        ("workflow_run", "in_progress", 1),
        ("workflow_run", "completed", 1),
        ("workflow_job", "queued", 2),
        ("workflow_job", "in_progress", 2),
        ("workflow_job", "completed", 2),
        ("check_run", "created", 2),
        ("check_run", "completed", 2),
    ] {
        let found = receiver.count(event, action, count).await;
        assert_eq!(found, count, "{event}.{action}");
    }
    let workflows = harness.get("/actions/workflows").await;
    let id = &workflows["workflows"][0]["id"];
    assert_eq!(harness.get("/actions/workflows/ci.yml").await["id"], *id);
    assert_eq!(harness.get(&format!("/actions/workflows/{id}/runs?branch=topic")).await["total_count"], 1);
    assert_eq!(harness.get(&format!("/actions/workflows/{id}/runs?branch=main")).await["total_count"], 0);
}

#[tokio::test]
async fn a_failed_job_skips_its_dependents_and_may_succeed_when_run_again() {
    let harness = Harness::start().await;
    harness.playground.ci("- { workflow: CI, job: lint, conclusion: [failure, success] }").unwrap();
    let sha = push_workflow(&harness, "topic", "ci.yml", CI).await;
    let run = run_of(&harness, &sha, "push", "failure").await;
    let ended = |name: &str, conclusion: &str| (name.to_owned(), "completed".to_owned(), json!(conclusion));
    assert_eq!(jobs_of(&harness, &run).await, [ended("lint", "failure"), ended("Unit tests", "skipped")]);
    let path = format!("/actions/runs/{}/rerun", run["id"]);
    harness.as_user("outsider", Method::POST, &path, Value::Null).await.expect(403);
    harness.as_user("writer", Method::POST, &path, Value::Null).await.expect(201);
    let again = run_of(&harness, &sha, "push", "success").await;
    assert_eq!((&again["id"], &again["run_attempt"]), (&run["id"], &json!(2)));
    assert_eq!(again["triggering_actor"]["login"], "writer");
    assert_eq!(jobs_of(&harness, &again).await, [ended("lint", "success"), ended("Unit tests", "success")]);
    let all = harness.get(&format!("/actions/runs/{}/jobs?filter=all", run["id"])).await;
    assert_eq!(all["total_count"], 4);
    // The suite has the combined result of its newest checks.
    let suite = harness.get(&format!("/check-suites/{}", run["check_suite_id"])).await;
    assert_eq!(suite["conclusion"], "success");
}

#[tokio::test]
async fn a_late_job_ends_when_the_clock_says_so_and_one_that_never_ends_can_be_cancelled() {
    let harness = Harness::start().await;
    harness.playground.ci("- { job: lint, after: 600 }\n- { job: test, never: in_progress }").unwrap();
    let sha = push_workflow(&harness, "topic", "ci.yml", CI).await;
    let run = run_of(&harness, &sha, "push", "in_progress").await;
    let path = format!("/actions/runs/{}", run["id"]);
    harness.as_user("writer", Method::POST, &format!("{path}/rerun"), Value::Null).await.expect(403);
    assert_eq!(jobs_of(&harness, &run).await[1].1, "queued", "it waits for the other");
    harness.playground.advance(Duration::from_secs(599));
    assert_eq!(jobs_of(&harness, &run).await[0].1, "in_progress");
    let clock =
        harness.client.post(format!("{}/_playground/clock", harness.playground.url)).json(&json!({ "advance": 2 }));
    assert_eq!(clock.send().await.unwrap().status(), 200);
    wait_for("the late job", async || (jobs_of(&harness, &run).await[1].1 == "in_progress").then_some(())).await;
    assert_eq!(jobs_of(&harness, &run).await[0].2, "success");
    harness.playground.advance(Duration::from_hours(24));
    assert_eq!(harness.get(&path).await["status"], "in_progress");
    harness.as_user("writer", Method::POST, &format!("{path}/cancel"), Value::Null).await.expect(202);
    assert_eq!(harness.get(&path).await["conclusion"], "cancelled");
    harness.as_user("writer", Method::POST, &format!("{path}/cancel"), Value::Null).await.expect(409);
}

#[tokio::test]
async fn a_script_that_changes_ends_what_was_stuck() {
    let harness = Harness::start().await;
    harness.playground.ci("- { never: queued }").unwrap();
    let sha = push_workflow(&harness, "topic", "ci.yml", CI).await;
    let run = run_of(&harness, &sha, "push", "queued").await;
    assert_eq!(run["conclusion"], Value::Null);
    harness.playground.ci("- { conclusion: timed_out }").unwrap();
    assert_eq!(run_of(&harness, &sha, "push", "timed_out").await["id"], run["id"]);
    assert!(harness.playground.ci("- { conclusion: stale }").is_err(), "GitHub alone says that");
}

#[tokio::test]
async fn filters_decide_what_runs() {
    let harness = Harness::start().await;
    let job = "jobs: { a: { runs-on: x } }\n";
    let clone = harness.clone_as("playground-maintainer").await;
    std::fs::create_dir_all(clone.path.join(".github/workflows")).unwrap();
    for (file, on) in [
        ("branches.yml", "on: { push: { branches: ['release/**', '!release/old'] } }"),
        ("ignored.yml", "on: { push: { branches-ignore: ['release/*'] } }"),
        ("tags.yml", "on: { push: { tags: ['v*'] } }"),
        ("paths.yml", "on: { push: { paths: ['docs/**'] } }"),
        ("pulls.yml", "on: { pull_request: { branches: [main], types: [labeled] } }"),
        ("broken.yml", "on: push\njobs: 3"),
    ] {
        std::fs::write(clone.path.join(".github/workflows").join(file), format!("name: {file}\n{on}\n{job}")).unwrap();
    }
    clone.commit_on("main", "README.md", "Workflows\n").await;
    clone.git(&["push", "--quiet", "origin", "main"]).await.unwrap();
    let names = async |sha: &str, count: usize| -> Vec<String> {
        wait_for("the runs", async || {
            let runs = harness.get(&format!("/actions/runs?head_sha={sha}")).await;
            let runs = runs["workflow_runs"].as_array().unwrap();
            let mut names: Vec<_> = runs.iter().map(|run| run["name"].as_str().unwrap().to_owned()).collect();
            names.sort();
            let over = runs.iter().all(|run| run["status"] == "completed");
            (over && names.len() >= count).then_some(names)
        })
        .await
    };
    let main = clone.git(&["rev-parse", "HEAD"]).await.unwrap();
    // A file with a fault fails. Its name is not known, so its path is used.
    assert_eq!(names(&main, 2).await, [".github/workflows/broken.yml", "ignored.yml"]);
    clone.git(&["rm", "--quiet", ".github/workflows/broken.yml"]).await.unwrap();
    let release = clone.commit_on("release/1", "README.md", "Release\n").await;
    clone.git(&["push", "--quiet", "origin", "release/1"]).await.unwrap();
    assert_eq!(names(&release, 1).await, ["branches.yml"]);
    clone.git(&["tag", "v1"]).await.unwrap();
    clone.git(&["push", "--quiet", "origin", "v1"]).await.unwrap();
    // `paths` is ignored for tags.
    assert_eq!(names(&release, 3).await, ["branches.yml", "paths.yml", "tags.yml"]);
    std::fs::create_dir(clone.path.join("docs")).unwrap();
    let docs = clone.commit_on("release/1", "docs/a.md", "Read me\n").await;
    clone.git(&["push", "--quiet", "origin", "release/1"]).await.unwrap();
    assert_eq!(names(&docs, 2).await, ["branches.yml", "paths.yml"]);
    let skipped = clone.commit_on("release/1", "docs/b.md", "Read me too\n").await;
    clone.git(&["commit", "--quiet", "--amend", "-m", "Write [skip ci]"]).await.unwrap();
    clone.git(&["push", "--quiet", "origin", "release/1"]).await.unwrap();
    let pull = json!({ "title": "Release", "head": "release/1", "base": "main" });
    let pull = harness.as_user("writer", Method::POST, "/pulls", pull).await.expect(201);
    harness.as_user("writer", Method::POST, "/issues/1/labels", json!({ "labels": ["bug"] })).await.expect(200);
    let head = pull["head"]["sha"].as_str().unwrap();
    assert_ne!(head, skipped);
    // The message also skips the labelled pull request, because GitHub reads the head commit.
    assert_eq!(harness.get(&format!("/actions/runs?head_sha={head}")).await["total_count"], 0);
    clone.commit_on("release/1", "docs/c.md", "Read all\n").await;
    clone.git(&["push", "--quiet", "origin", "release/1"]).await.unwrap();
    let head = clone.git(&["rev-parse", "HEAD"]).await.unwrap();
    names(&head, 2).await;
    harness
        .as_user("writer", Method::POST, "/issues/1/labels", json!({ "labels": ["documentation"] }))
        .await
        .expect(200);
    assert_eq!(names(&head, 3).await, ["branches.yml", "paths.yml", "pulls.yml"]);
}

#[tokio::test]
async fn a_pull_request_runs_the_workflows_of_its_merge_and_none_where_it_conflicts() {
    let harness = Harness::start().await;
    let feature = harness.clone_as("playground-writer").await;
    let head = feature.commit_on("feature", "NEW.md", "new\n").await;
    feature.git(&["push", "--quiet", "origin", "feature"]).await.unwrap();
    let clash = feature.commit_on("clash", "README.md", "mine\n").await;
    feature.git(&["push", "--quiet", "origin", "clash"]).await.unwrap();
    // The base gets its workflow after the branches were created.
    let base = push_workflow(&harness, "main", "ci.yml", CI).await;
    run_of(&harness, &base, "push", "success").await;
    let clone = harness.clone_as("playground-maintainer").await;
    clone.commit_on("main", "README.md", "theirs\n").await;
    clone.git(&["push", "--quiet", "origin", "main"]).await.unwrap();
    for branch in ["clash", "feature"] {
        let pull = json!({ "title": format!("Merge {branch}"), "head": branch, "base": "main" });
        harness.as_user("writer", Method::POST, "/pulls", pull).await.expect(201);
    }
    let run = run_of(&harness, &head, "pull_request", "success").await;
    assert_eq!(run["display_title"], "Merge feature");
    assert_eq!(run["pull_requests"][0]["number"], 2);
    harness.wait_mergeable(1, false).await;
    assert_eq!(harness.get(&format!("/actions/runs?head_sha={clash}")).await["total_count"], 0);
}

#[tokio::test]
async fn the_checks_of_actions_are_its_own() {
    let harness = Harness::start().await;
    let sha = push_workflow(&harness, "topic", "ci.yml", CI).await;
    run_of(&harness, &sha, "push", "success").await;
    let checks = harness.get(&format!("/commits/{sha}/check-runs")).await;
    let path = format!("/check-runs/{}", checks["check_runs"][0]["id"]);
    let refused = harness.as_app(Method::PATCH, &path, json!({ "conclusion": "failure" })).await.expect(403);
    assert!(refused["message"].as_str().unwrap().contains("can only be modified by the GitHub App that created it"));
    // The app's own checks have a separate suite.
    let own = harness.as_app(Method::POST, "/check-runs", json!({ "name": "mine", "head_sha": sha })).await.expect(201);
    assert_eq!(own["app"]["slug"], "playground-app");
    let suites = harness.get(&format!("/commits/{sha}/check-suites")).await;
    let slugs: Vec<_> = suites["check_suites"].as_array().unwrap().iter().map(|suite| &suite["app"]["slug"]).collect();
    assert_eq!(slugs, ["playground-app", "github-actions"]);
}

#[tokio::test]
async fn failed_jobs_are_run_again_with_their_dependents_and_the_others_stay() {
    let harness = Harness::start().await;
    let text = format!("{CI}  docs:\n    runs-on: ubuntu-latest\n");
    harness.playground.ci("- { job: lint, conclusion: [failure, success] }").unwrap();
    let sha = push_workflow(&harness, "topic", "ci.yml", &text).await;
    let run = run_of(&harness, &sha, "push", "failure").await;
    let ended = |name: &str, conclusion: &str| (name.to_owned(), "completed".to_owned(), json!(conclusion));
    let path = format!("/actions/runs/{}", run["id"]);
    let ids = async || {
        let jobs = harness.get(&format!("{path}/jobs")).await;
        jobs["jobs"].as_array().unwrap().iter().map(|job| job["id"].clone()).collect::<Vec<_>>()
    };
    let before = ids().await;
    let rerun = format!("{path}/rerun-failed-jobs");
    harness.as_user("triager", Method::POST, &rerun, Value::Null).await.expect(403);
    harness.as_user("writer", Method::POST, &rerun, Value::Null).await.expect(201);
    let again = run_of(&harness, &sha, "push", "success").await;
    assert_eq!((&again["id"], &again["run_attempt"]), (&run["id"], &json!(2)));
    let jobs = jobs_of(&harness, &again).await;
    assert_eq!(jobs, [ended("docs", "success"), ended("lint", "success"), ended("Unit tests", "success")]);
    let after = ids().await;
    assert_eq!(before[0], after[0], "what was green was not run again");
    assert!(before[1] != after[1] && before[2] != after[2]);
    assert_eq!(harness.get(&format!("{path}/jobs?filter=all")).await["total_count"], 5);
    harness.as_user("writer", Method::POST, &rerun, Value::Null).await.expect(403);
    let job = format!("/actions/jobs/{}/rerun", after[2]);
    harness.as_user("writer", Method::POST, &job, Value::Null).await.expect(201);
    wait_for("the third attempt", async || (harness.get(&path).await["conclusion"] == "success").then_some(())).await;
    assert_eq!(harness.get(&path).await["run_attempt"], 3);
    let third = ids().await;
    assert!(third[0] == after[0] && third[1] == after[1] && third[2] != after[2]);
}
