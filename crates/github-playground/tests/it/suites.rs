//! Check suites, what is asked for again, and how long anything is waited for.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Receiver, World, wait_for};

async fn head(world: &World) -> String {
    world.get("/git/ref/heads/main").await["object"]["sha"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_suite_is_made_by_a_push_or_by_the_app_where_pushes_make_none() {
    let world = World::start().await;
    let setting = |on: bool| json!({ "auto_trigger_checks": [{ "app_id": world.playground.app_id, "setting": on }] });
    let path = "/check-suites/preferences";
    world.as_user("writer", Method::PATCH, path, setting(false)).await.expect(403);
    let told = world.as_user("maintainer", Method::PATCH, path, setting(false)).await.expect(200);
    assert_eq!(told["preferences"]["auto_trigger_checks"][0]["setting"], false);
    let clone = world.clone_as("playground-writer").await;
    let sha = clone.commit_on("quiet", "A.md", "a\n").await;
    clone.git(&["push", "--quiet", "origin", "quiet"]).await.unwrap();
    let suites = format!("/commits/{sha}/check-suites");
    assert_eq!(world.get(&suites).await["total_count"], 0);
    let asked = json!({ "head_sha": sha });
    world.as_user("maintainer", Method::POST, "/check-suites", asked.clone()).await.expect(403);
    let made = world.as_app(Method::POST, "/check-suites", asked.clone()).await.expect(201);
    assert_eq!((&made["status"], &made["head_branch"]), (&json!("queued"), &json!("quiet")));
    assert_eq!(world.as_app(Method::POST, "/check-suites", asked).await.expect(200)["id"], made["id"]);
    let nothing = json!({ "head_sha": "0".repeat(40) });
    world.as_app(Method::POST, "/check-suites", nothing).await.expect(422);
    world.as_user("maintainer", Method::PATCH, path, setting(true)).await.expect(200);
    let sha = clone.commit_on("quiet", "A.md", "b\n").await;
    clone.git(&["push", "--quiet", "origin", "quiet"]).await.unwrap();
    assert_eq!(world.get(&format!("/commits/{sha}/check-suites")).await["total_count"], 1);
}

#[tokio::test]
async fn a_suite_that_is_asked_for_again_is_queued_until_its_app_answers() {
    let world = World::start().await;
    let receiver = Receiver::of(&world).await;
    let run = json!({ "name": "test", "head_sha": head(&world).await, "conclusion": "failure" });
    let run = world.as_app(Method::POST, "/check-runs", run).await.expect(201);
    let suite = format!("/check-suites/{}", run["check_suite"]["id"]);
    assert_eq!(world.get(&suite).await["conclusion"], "failure");
    world.as_user("triager", Method::POST, &format!("{suite}/rerequest"), Value::Null).await.expect(403);
    world.as_user("writer", Method::POST, &format!("{suite}/rerequest"), Value::Null).await.expect(201);
    receiver.next("check_suite", "rerequested").await;
    let queued = world.get(&suite).await;
    assert_eq!((&queued["status"], &queued["conclusion"]), (&json!("queued"), &Value::Null));
    let again = json!({ "name": "test", "head_sha": head(&world).await, "conclusion": "success" });
    world.as_app(Method::POST, "/check-runs", again).await.expect(201);
    assert_eq!(world.get(&suite).await["conclusion"], "success", "the newest of a name counts");
    assert_eq!(receiver.count("check_suite", "completed", 2).await, 2);
    let path = format!("/check-runs/{}", run["id"]);
    world.as_user("writer", Method::POST, &format!("{path}/rerequest"), Value::Null).await.expect(201);
    receiver.next("check_run", "rerequested").await;
    assert_eq!(world.get(&path).await["conclusion"], "failure", "the run itself stays");
}

#[tokio::test]
async fn a_check_of_actions_is_run_again_by_people_and_not_by_other_apps() {
    let world = World::start().await;
    let receiver = Receiver::of(&world).await;
    world.playground.ci("- { conclusion: [failure, success] }").unwrap();
    let clone = world.clone_as("playground-maintainer").await;
    std::fs::create_dir_all(clone.path.join(".github/workflows")).unwrap();
    let text = "on: push\njobs: { test: { runs-on: x } }\n";
    let sha = clone.commit_on("topic", ".github/workflows/ci.yml", text).await;
    clone.git(&["push", "--quiet", "origin", "topic"]).await.unwrap();
    let run = async |conclusion: &str| {
        wait_for(conclusion, async || {
            let runs = world.get(&format!("/actions/runs?head_sha={sha}&status={conclusion}")).await;
            runs["workflow_runs"].as_array()?.first().cloned()
        })
        .await
    };
    let failed = run("failure").await;
    let path = format!("/check-suites/{}/rerequest", failed["check_suite_id"]);
    world.as_app(Method::POST, &path, Value::Null).await.expect(403);
    world.as_user("writer", Method::POST, &path, Value::Null).await.expect(201);
    assert_eq!(run("success").await["run_attempt"], 2);
    let told = |all: &super::support::Received| all.payload["action"] == "rerequested";
    assert!(!receiver.all().iter().any(told), "the app is not told of another's checks");
}

#[tokio::test]
async fn a_run_left_open_for_a_fortnight_goes_stale() {
    let world = World::start().await;
    let run = json!({ "name": "test", "head_sha": head(&world).await });
    let run = world.as_app(Method::POST, "/check-runs", run).await.expect(201);
    let path = format!("/check-runs/{}", run["id"]);
    world.playground.advance(Duration::from_hours(14 * 24 - 1));
    assert_eq!(world.get(&path).await["status"], "queued");
    let step = json!({ "advance": 2 * 3600 });
    let clock = world.client.post(format!("{}/_playground/clock", world.playground.url)).json(&step);
    assert_eq!(clock.send().await.unwrap().status(), 200);
    // Shown by its suite: GitHub does not describe the word for a run itself, though it says so of it.
    let suite = format!("/check-suites/{}", run["check_suite"]["id"]);
    assert_eq!(world.get(&suite).await["conclusion"], "stale");
    let forged = json!({ "conclusion": "stale" });
    world.as_app(Method::PATCH, &path, forged).await.expect(422);
}

#[tokio::test]
async fn contexts_of_statuses_ignore_case_and_the_newest_counts() {
    let world = World::start().await;
    let receiver = Receiver::of(&world).await;
    let sha = head(&world).await;
    let path = format!("/statuses/{sha}");
    let combined = format!("/commits/{sha}/status");
    let empty = world.get(&combined).await;
    assert_eq!((&empty["state"], &empty["total_count"]), (&json!("pending"), &json!(0)));
    for (context, state) in [("ci/Build", "success"), ("CI/build", "failure"), ("other", "pending")] {
        let status = json!({ "state": state, "context": context });
        world.as_user("writer", Method::POST, &path, status).await.expect(201);
    }
    let shown = world.get(&combined).await;
    assert_eq!((&shown["state"], &shown["total_count"]), (&json!("failure"), &json!(2)), "contexts ignore case");
    assert_eq!(receiver.next("status", "").await.payload["branches"][0]["name"], "main");
}

#[tokio::test]
async fn a_suite_lists_the_newest_run_of_each_name_unless_all_are_asked_for() {
    let world = World::start().await;
    let sha = head(&world).await;
    let mut suite = Value::Null;
    for (name, conclusion) in [("test", "failure"), ("lint", "success"), ("test", "success")] {
        let run = json!({ "name": name, "head_sha": sha, "conclusion": conclusion });
        suite = world.as_app(Method::POST, "/check-runs", run).await.expect(201)["check_suite"]["id"].clone();
    }
    let path = format!("/check-suites/{suite}/check-runs");
    let newest = world.get(&path).await;
    let told: Vec<_> =
        newest["check_runs"].as_array().unwrap().iter().map(|run| (&run["name"], &run["conclusion"])).collect();
    let success = json!("success");
    assert_eq!(told, [(&json!("test"), &success), (&json!("lint"), &success)]);
    assert_eq!(world.get(&format!("{path}?filter=all")).await["total_count"], 3);
    assert_eq!(world.get(&format!("{path}?check_name=lint")).await["total_count"], 1);
    assert_eq!(world.get(&format!("{path}?status=in_progress")).await["total_count"], 0);
    world.as_user("writer", Method::GET, "/check-suites/9999999/check-runs", Value::Null).await.expect(404);
}
