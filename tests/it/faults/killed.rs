//! `kill -9` at every critical moment.

use super::stage::{Stage, WELL, free_address, in_a_tree, long_sleep, runs};

/// The effects after which the process is killed, and how many of each kind.
const MOMENTS: &str =
    "('write_status', 1), ('run_task', 3), ('cut_integration', 1), ('open_pull', 1), ('sync_pull', 1),
    ('write_check', 1), ('verify', 1), ('merge', 3), ('delete_branch', 1), ('integrate', 1), ('close_issue', 1)";

/// Blocks the transaction that settles an effect of `moments`, once. At that time the effect is done on GitHub, and the
/// database does not know it.
const STALL: [&str; 4] = [
    "CREATE TABLE moments (kind text, times integer)",
    "CREATE TABLE lived (id bigint)",
    "CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
         IF EXISTS (SELECT FROM moments WHERE kind = NEW.kind AND times > 0)
            AND NOT EXISTS (SELECT FROM lived WHERE id = NEW.id) THEN
             PERFORM set_config('application_name', 'stalled ' || NEW.id, true);
             PERFORM pg_sleep(25);
         END IF;
         RETURN NEW;
     END $$",
    "CREATE TRIGGER stall BEFORE UPDATE ON effects FOR EACH ROW
     WHEN (OLD.status = 'running' AND NEW.status IN ('done', 'queued') AND NEW.lapses <= OLD.lapses) EXECUTE FUNCTION stall()",
];

const STALLED: &str = "SELECT application_name FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE 'stalled %'";

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_between_an_effect_and_its_settling_does_nothing_twice() {
    let stage = Stage::set("true").await;
    stage.agent(&["alpha", "beta"], WELL);
    for statement in STALL {
        stage.execute(statement).await;
    }
    stage.execute(&format!("INSERT INTO moments VALUES {MOMENTS}")).await;
    let mut serve = stage.serve().await;
    let issue = stage.label("Killed").await;
    loop {
        let stalled: Vec<String> = stage
            .wait("an effect was done, or all of them", async || {
                let stalled: Vec<String> = sqlx::query_scalar(STALLED).fetch_all(&stage.pool).await.unwrap();
                let over = stage.count("SELECT count(*) FROM directives WHERE status = 'completed'").await == 1
                    && stage.count("SELECT count(*) FROM effects WHERE status IN ('queued', 'running')").await == 0;
                (over || !stalled.is_empty()).then_some(stalled)
            })
            .await;
        if stalled.is_empty() {
            break;
        }
        serve.kill().await;
        for name in stalled {
            let id = name.trim_start_matches("stalled ");
            stage.execute(&format!("INSERT INTO lived VALUES ({id})")).await;
            let counted = "UPDATE moments SET times = times - 1 FROM effects e WHERE e.kind = moments.kind AND e.id =";
            stage.execute(&format!("{counted} {id}")).await;
        }
        let cut_off = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                       WHERE datname = current_database() AND application_name LIKE 'stalled %'";
        stage.count(cut_off).await;
        serve = stage.serve().await;
    }
    assert_eq!(stage.count("SELECT count(*) FROM moments WHERE times > 0").await, 0, "every moment was lived through");
    stage.completes(issue, &["alpha", "beta"]).await;
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_before_the_status_comment_was_stored_finds_it_again() {
    let stage = Stage::set("true").await;
    let hold = "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    PERFORM set_config('application_name', 'stalled', true);
                    PERFORM pg_sleep(25);
                    RETURN NEW;
                END $$";
    stage.execute(hold).await;
    let trigger =
        "CREATE TRIGGER hold BEFORE UPDATE OF status_comment_id ON directives FOR EACH ROW EXECUTE FUNCTION hold()";
    stage.execute(trigger).await;
    let serve = stage.serve().await;
    let issue = stage.label("Killed after a comment").await;
    let held = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'stalled'";
    let count = format!("SELECT count(*) {held}");
    stage.wait("the comment is written", async || (stage.count(&count).await > 0).then_some(())).await;
    serve.kill().await;
    stage.count(&format!("SELECT count(pg_terminate_backend(pid)) {held}")).await;
    stage.execute("DROP TRIGGER hold ON directives").await;
    let serve = stage.serve().await;
    stage.completes(issue, &["alpha"]).await;
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_dies_with_its_killed_process_and_is_run_again() {
    let stage = Stage::set("true").await;
    let sleep = long_sleep();
    stage.agent(&["alpha"], &format!("touch started\n{sleep}"));
    let serve = stage.serve().await;
    let issue = stage.label("Killed while an agent runs").await;
    let trees = stage.trees("data");
    stage.wait("the agent runs", async || in_a_tree(&trees, "task-", "started").filter(|_| runs(&sleep))).await;
    serve.kill().await;
    stage.wait("the agent is gone too", async || (!runs(&sleep)).then_some(())).await;
    // The agent's earlier work is there: the clone is used again.
    stage.agent(&["alpha"], &format!("test -e started || exit 1\nrm started\n{WELL}"));
    let serve = stage.serve().await;
    stage.completes(issue, &["alpha"]).await;
    assert_eq!(stage.count("SELECT count(*) FROM tasks WHERE status = 'failed'").await, 0);
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_dies_with_its_killed_process_and_the_commit_is_verified_again() {
    killed_while_verifying("test ! -e alpha.txt", "verify-").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_of_the_base_dies_with_its_killed_process_and_the_base_is_verified_again() {
    killed_while_verifying("test -e alpha.txt", "base-").await;
}

/// Kills the process while a verifier runs on the commit for which `passes`, a shell command, fails. `prefix` is what the
/// name of its clone begins with.
async fn killed_while_verifying(passes: &str, prefix: &str) {
    let name = format!("proof-{}", uuid::Uuid::new_v4());
    let loops = format!("{passes} || sh -c 'touch started; while ! test -e go; do sleep 0.05; done' {name}");
    let stage = Stage::set(&loops).await;
    let serve = stage.serve().await;
    let issue = stage.label("Killed while a verifier runs").await;
    let trees = stage.trees("data");
    stage.wait("the verifier runs", async || in_a_tree(&trees, prefix, "started")).await;
    serve.kill().await;
    stage.wait("the verifier is gone too", async || (!runs(&name)).then_some(())).await;
    let serve = stage.serve().await;
    let started = stage
        .wait("the verifier runs again", async || {
            let found = in_a_tree(&trees, prefix, "started");
            found.filter(|_| runs(&name))
        })
        .await;
    std::fs::write(started.with_file_name("go"), "").unwrap();
    stage.completes(issue, &["alpha"]).await;
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_database_share_a_directive_and_do_nothing_twice() {
    let mut stage = Stage::set("true").await;
    stage.max_tasks = "1";
    let steps = ["alpha", "beta", "gamma"];
    stage.agent_side_by_side(
        &steps,
        &format!("touch started\nwhile ! test -e go; do sleep 0.05; done\nrm started go\n{WELL}"),
    );
    let (one, two) = (stage.serve().await, stage.serve_at(free_address().await, "elsewhere").await);
    let issue = stage.label("Shared").await;
    // Each process runs one agent at a time, so one process alone could not run two.
    let places = [stage.trees("data"), stage.trees("elsewhere")];
    let started = stage
        .wait("an agent runs in each process", async || {
            let found: Vec<_> = places.iter().filter_map(|trees| in_a_tree(trees, "task-", "started")).collect();
            (found.len() == 2).then_some(found)
        })
        .await;
    stage.agent_side_by_side(&steps, WELL);
    for agent in started {
        std::fs::write(agent.with_file_name("go"), "").unwrap();
    }
    stage.completes(issue, &steps).await;
    assert_eq!(stage.count("SELECT count(*) FROM tasks WHERE kind = 'step'").await, 3, "{}", stage.told().await);
    drop((one, two));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_finishes_the_work_of_a_killed_one() {
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
