//! SIGTERM, and a database that goes down.

use std::time::Duration;

use super::stage::{Stage, WELL, in_a_tree, long_sleep, runs};

impl Stage {
    /// The references of checkpoints on the server.
    async fn checkpoints(&self) -> Vec<String> {
        let (url, repository) = (&self.playground.url, &self.playground.repository);
        let host = url.trim_start_matches("http://");
        let url = format!("http://x-access-token:{}@{host}/{repository}.git", self.playground.token("maintainer"));
        let listed = tokio::process::Command::new("git").args(["ls-remote", &url, "refs/adjutant/*"]).output();
        let listed = listed.await.unwrap();
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

/// The time that an operator's service manager grants.
const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_while_an_agent_runs_releases_its_lease_and_a_restart_continues() {
    let stage = Stage::set("true").await;
    let sleep = long_sleep();
    stage.agent(&["alpha"], &format!("touch started\n{sleep}"));
    let serve = stage.serve().await;
    let issue = stage.label("Stopped while an agent runs").await;
    let trees = stage.trees("data");
    stage.wait("the agent runs", async || in_a_tree(&trees, "task-", "started").filter(|_| runs(&sleep))).await;
    let (status, log) = serve.terminate(LIMIT).await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!runs(&sleep), "the agent is gone");
    // The lease is released, and no attempt is counted.
    let free =
        "SELECT count(*) FROM effects WHERE kind = 'run_task' AND status = 'queued' AND lease IS NULL AND attempts = 0";
    assert_eq!(stage.count(free).await, 1, "{log}");
    stage.agent(&["alpha"], &format!("test -e started || exit 1\nrm started\n{WELL}"));
    let serve = stage.serve().await;
    stage.completes(issue, &["alpha"]).await;
    assert_eq!(stage.count("SELECT count(*) FROM tasks WHERE status = 'failed'").await, 0);
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_machine_continues_the_work_of_an_agent_whose_process_was_stopped() {
    let stage = Stage::set("true").await;
    let sleep = long_sleep();
    stage.agent(&["alpha"], &format!("echo half > half.txt\ntouch ready\n{sleep}"));
    let serve = stage.serve().await;
    let issue = stage.label("Moved to another machine").await;
    let trees = stage.trees("data");
    stage.wait("the agent runs", async || in_a_tree(&trees, "task-", "ready").filter(|_| runs(&sleep))).await;
    let (status, log) = serve.terminate(LIMIT).await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert_eq!(stage.checkpoints().await.len(), 1, "{log}");
    stage.agent(
        &["alpha"],
        &format!(
            "test \"$(cat half.txt)\" = half && git status --short | grep -q half.txt || exit 1\nrm ready\n{WELL}"
        ),
    );
    // With another data folder there is no clone of this task.
    let serve = stage.serve_at(stage.address, "elsewhere").await;
    stage.completes(issue, &["alpha"]).await;
    assert_eq!(stage.file("half.txt").await.trim(), "half");
    assert_eq!(stage.count("SELECT count(*) FROM tasks WHERE status = 'failed'").await, 0);
    assert_eq!(stage.checkpoints().await, [] as [String; 0], "it is not needed any more");
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_the_tree_of_a_stopped_process_is_in_no_checkpoint() {
    let stage = Stage::set("true").await;
    let (sleep, token) = (long_sleep(), format!("ghp_{}", "A1b2C3d4E5f6".repeat(3)));
    stage.agent(&["alpha"], &format!("echo {token} > half.txt\ntouch ready\n{sleep}"));
    let serve = stage.serve().await;
    stage.label("Stopped with a secret").await;
    let trees = stage.trees("data");
    stage.wait("the agent runs", async || in_a_tree(&trees, "task-", "ready").filter(|_| runs(&sleep))).await;
    let (status, log) = serve.terminate(LIMIT).await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("no checkpoint was saved") && !log.contains(&token), "{log}");
    assert_eq!(stage.checkpoints().await, [] as [String; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_while_idle_ends_it_at_once() {
    let stage = Stage::set("true").await;
    let serve = stage.serve().await;
    let (status, log) = serve.terminate(Duration::from_secs(4)).await;
    assert_eq!(status.code(), Some(0), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_down_for_a_while_costs_only_time() {
    let stage = Stage::set("true").await;
    stage.agent(
        &["alpha", "beta"],
        &format!("touch started\nwhile ! test -e go; do sleep 0.05; done\nrm started go\n{WELL}"),
    );
    let serve = stage.serve().await;
    let first = stage.label("There when it went away").await;
    let trees = stage.trees("data");
    let started = stage.wait("the agent runs", async || in_a_tree(&trees, "task-", "started")).await;
    stage.database.go_away().await;
    // The agent ends and a webhook arrives while the database is down.
    std::fs::write(started.with_file_name("go"), "").unwrap();
    stage.agent(&["alpha"], WELL);
    let second = stage.label("Came while it was away").await;
    stage
        .wait("the webhook was turned away", async || {
            stage.log().contains("the delivery could not be stored").then_some(())
        })
        .await;
    stage
        .wait("the agent's end could not be settled", async || {
            stage.log().contains("could not be settled").then_some(())
        })
        .await;
    stage.database.come_back().await;
    stage.completes(second, &["alpha"]).await;
    stage.completes(first, &["alpha", "beta"]).await;
    drop(serve);
}
