//! `kill -9`, at every moment that matters.

use super::stage::{Stage, WELL, free_address, in_a_tree, long_sleep, runs};

/// In the order in which a directive of two steps comes to them.
const MOMENTS: &[&str] = &[
    "write_status",
    "run_task",
    "cut_integration",
    "run_task",
    "open_pull",
    "verify",
    "write_check",
    "merge",
    "delete_branch",
    "run_task",
    "integrate",
    "merge",
    "close_issue",
];

/// Holds the transaction that settles an effect of the kind in `stalls`: what it did outside is done by then, and the
/// database knows nothing of it yet.
const STALL: [&str; 4] = [
    "CREATE TABLE stalls AS SELECT 'none' AS kind",
    "CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
         IF EXISTS (SELECT FROM stalls WHERE kind = NEW.kind) THEN PERFORM pg_sleep(25); END IF;
         RETURN NEW;
     END $$",
    "CREATE TRIGGER stall BEFORE UPDATE ON effects FOR EACH ROW
     WHEN (OLD.status = 'running' AND NEW.status IN ('done', 'queued')) EXECUTE FUNCTION stall()",
    "CREATE VIEW stalled AS SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event = 'PgSleep'",
];

impl Stage {
    async fn stall(&self, kind: &str) {
        self.execute(&format!("UPDATE stalls SET kind = '{kind}'")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_any_effect_was_done_and_before_it_was_settled_it_does_nothing_twice() {
    let stage = Stage::set("true").await;
    stage.agent(&["alpha", "beta"], WELL);
    for statement in STALL {
        stage.execute(statement).await;
    }
    stage.stall(MOMENTS[0]).await;
    let mut serve = stage.serve().await;
    let issue = stage.label("Killed").await;
    for (at, moment) in MOMENTS.iter().enumerate() {
        let what = format!("a `{moment}` was done, the {}th moment", at + 1);
        stage.wait(&what, async || (stage.count("SELECT count(*) FROM stalled").await > 0).then_some(())).await;
        serve.kill().await;
        stage.stall(MOMENTS.get(at + 1).unwrap_or(&"none")).await;
        stage.count("SELECT count(pg_terminate_backend(pid)) FROM stalled").await;
        serve = stage.serve().await;
    }
    stage.completes(issue, &["alpha", "beta"]).await;
    // Every answer of an agent that was lost was paid for, and is counted at most once.
    assert_eq!(stage.count("SELECT count(*) FROM tasks WHERE cost_micros > 100000").await, 0);
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_an_agent_runs_it_takes_the_agent_along_and_runs_it_again() {
    let stage = Stage::set("true").await;
    let sleep = long_sleep();
    stage.agent(&["alpha"], &format!("touch started\n{sleep}"));
    let serve = stage.serve().await;
    let issue = stage.label("Killed while an agent runs").await;
    let trees = stage.trees("data");
    stage.wait("the agent runs", async || in_a_tree(&trees, "task-", "started").filter(|_| runs(&sleep))).await;
    serve.kill().await;
    stage.wait("the agent is gone too", async || (!runs(&sleep)).then_some(())).await;
    // What the agent had done so far is there: the clone is gone on with.
    stage.agent(&["alpha"], &format!("test -e started || exit 1\nrm started\n{WELL}"));
    let serve = stage.serve().await;
    stage.completes(issue, &["alpha"]).await;
    assert_eq!(stage.count("SELECT count(*) FROM tasks WHERE status = 'failed'").await, 0);
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_verifier_runs_it_takes_the_verifier_along_and_proves_the_commit_again() {
    let sleep = long_sleep();
    let stage = Stage::set(&format!("test -e seen || {{ touch seen; {sleep}; }}")).await;
    let serve = stage.serve().await;
    let issue = stage.label("Killed while a verifier runs").await;
    stage.wait("the verifier runs", async || runs(&sleep).then_some(())).await;
    serve.kill().await;
    stage.wait("the verifier is gone too", async || (!runs(&sleep)).then_some(())).await;
    let serve = stage.serve().await;
    stage.completes(issue, &["alpha"]).await;
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_database_share_a_directive_and_do_nothing_twice() {
    let stage = Stage::set("true").await;
    stage.agent(&["alpha", "beta", "gamma"], WELL);
    let elsewhere = free_address().await;
    let (one, two) = (stage.serve().await, stage.serve_at(elsewhere, "elsewhere").await);
    let issue = stage.label("Shared").await;
    stage.completes(issue, &["alpha", "beta", "gamma"]).await;
    let (one, two) = (one.kill_for_log().await, two.kill_for_log().await);
    for (name, log) in [("first", one), ("second", two)] {
        assert!(log.contains("event"), "the {name} did some of it: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_had_in_hand_another_one_finishes() {
    let stage = Stage::set("true").await;
    let sleep = long_sleep();
    stage.agent(&["alpha"], &sleep);
    let serve = stage.serve().await;
    let issue = stage.label("Taken over").await;
    stage.wait("the agent runs", async || runs(&sleep).then_some(())).await;
    stage.agent(&["alpha"], WELL);
    let other = stage.serve_at(free_address().await, "elsewhere").await;
    serve.kill().await;
    stage.completes(issue, &["alpha"]).await;
    drop(other);
}
