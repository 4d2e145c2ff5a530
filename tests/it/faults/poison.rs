//! Rows that cannot be read, work that ends the process, and results that the database refuses. Each affects only
//! itself.

use super::stage::{Serve, Stage, WELL};

/// An agent whose work on a step depends on the issue's title.
const BY_TITLE: &str = r#"
echo "$title" > "$title.txt"
echo '{"summary":"did it","cost_usd":0.1}' > "$ADJUTANT_RESULT_FILE"
"#;

impl Stage {
    async fn completed(&self, issue: u64) {
        let completed = format!("SELECT count(*) FROM directives WHERE issue = {issue} AND status = 'completed'");
        self.wait("the directive completes", async || (self.count(&completed).await == 1).then_some(())).await;
    }

    /// Kills the process each time it begins an effect of this kind (for a task of this kind, if it runs one), until a
    /// person is asked because of that.
    async fn ends_the_process(&self, kind: &str, task: &str, serve: Serve) -> Serve {
        self.execute(&format!(
            "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF '{task}' = '' OR EXISTS (SELECT FROM tasks WHERE id = NEW.task_id AND kind = '{task}') THEN
                     PERFORM set_config('application_name', 'held', true);
                     PERFORM pg_sleep(2);
                 END IF;
                 RETURN NEW;
             END $$"
        ))
        .await;
        self.execute(&format!(
            "CREATE TRIGGER hold BEFORE UPDATE ON effects FOR EACH ROW
             WHEN (NEW.at_work AND NOT OLD.at_work AND NEW.kind = '{kind}') EXECUTE FUNCTION hold()"
        ))
        .await;
        let mut serve = serve;
        let held = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'held'";
        let question = "SELECT count(*) FROM approvals WHERE status = 'pending'
                        AND state ->> 'question' LIKE '%\"processes_ended\": {\"times\": 3}%'";
        for kills in 0.. {
            let begun = self
                .wait("it begins, or a person is asked", async || {
                    let begun = self.count(held).await > 0;
                    (begun || self.count(question).await == 1).then_some(begun)
                })
                .await;
            if !begun {
                // A kill that hits several effects at once counts against none of them.
                assert!((3..10).contains(&kills), "it is tried three times, not {kills}");
                break;
            }
            // The attempt is recorded nevertheless: the statement completes without the process.
            serve.kill().await;
            self.wait("the statement ends", async || (self.count(held).await == 0).then_some(())).await;
            serve = self.serve().await;
        }
        self.execute("DROP TRIGGER hold ON effects").await;
        serve
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_rows_and_directives_affect_nothing_else() {
    let mut stage = Stage::set("true").await;
    stage.look = "2";
    stage.agent(&["alpha"], BY_TITLE);
    let serve = stage.serve().await;
    let first = stage.label("First").await;
    stage.completed(first).await;
    serve.kill().await;
    // The oldest directive is made live again and damaged, and each lane gets an unreadable row.
    stage
        .execute(
            "UPDATE directives SET status = 'active', ended_at = NULL,
                 state = jsonb_set(state, '{policy,autonomy}', '\"telepathic\"')",
        )
        .await;
    stage
        .execute(
            "INSERT INTO effects (key, directive_id, kind, lane, payload, payload_version)
             SELECT 'future/' || lane, id, 'future', lane, '{\"run_something_new\": {}}', state_version
             FROM directives, unnest(ARRAY['short', 'agent', 'verifier']) AS lane",
        )
        .await;
    let serve = stage.serve().await;
    let second = stage.label("Second").await;
    stage.completed(second).await;
    let failed = "SELECT count(*) FROM effects WHERE status = 'failed' AND kind = 'future'";
    stage.wait("the three rows are set aside", async || (stage.count(failed).await == 3).then_some(())).await;
    let others = "SELECT count(*) FROM effects WHERE status = 'failed' AND kind <> 'future'";
    assert_eq!(stage.count(others).await, 0, "{}", stage.told().await);
    let id: String =
        sqlx::query_scalar("SELECT id::text FROM directives WHERE state #>> '{policy,autonomy}' = 'telepathic'")
            .fetch_one(&stage.pool)
            .await
            .unwrap();
    for told in ["effect future/agent cannot be read", format!("tick failed for directive {id}").as_str()] {
        stage.wait(told, async || stage.log().contains(told).then_some(())).await;
    }
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planner_that_ends_the_process_is_set_aside_after_three_tries_and_the_default_plan_is_asked_about() {
    let stage = Stage::set("true").await;
    let serve = stage.serve().await;
    let issue = stage.label("Deadly to plan").await;
    let serve = stage.ends_the_process("run_task", "plan", serve).await;
    stage
        .wait("it is asked on the issue", async || {
            stage.status(issue).await.filter(|status| status.contains("ended 3 times in a row"))
        })
        .await;
    assert_eq!(stage.count("SELECT count(*) FROM tasks").await, 1, "no other task takes its place unasked");
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_ends_the_process_is_set_aside_after_three_tries_and_continues_when_it_is_retried() {
    let stage = Stage::set("true").await;
    let serve = stage.serve().await;
    let issue = stage.label("Deadly to do").await;
    let serve = stage.ends_the_process("run_task", "step", serve).await;
    let failed = "SELECT count(*) FROM effects WHERE status = 'failed' AND kind = 'run_task'";
    assert_eq!(stage.count(failed).await, 1);
    stage.comment(issue, "/retry alpha").await;
    stage.completed(issue).await;
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_that_ends_the_process_is_set_aside_after_three_tries_and_a_person_is_asked() {
    let stage = Stage::set("true").await;
    let serve = stage.serve().await;
    stage.label("Deadly to verify").await;
    let serve = stage.ends_the_process("verify", "", serve).await;
    let blocked = "SELECT count(*) FROM steps WHERE status = 'blocked'";
    assert_eq!(stage.count(blocked).await, 1);
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_the_database_refuses_is_tried_three_times_and_every_run_is_paid_for() {
    let stage = Stage::set("true").await;
    stage.agent(&["alpha"], WELL);
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                  BEGIN RAISE EXCEPTION 'unsupported Unicode escape sequence' USING ERRCODE = '22P05'; END $$";
    stage.execute(refuse).await;
    let trigger = "CREATE TRIGGER refuse BEFORE UPDATE ON tasks FOR EACH ROW
                   WHEN (NEW.kind = 'step' AND NEW.status = 'succeeded') EXECUTE FUNCTION refuse()";
    stage.execute(trigger).await;
    let serve = stage.serve().await;
    let issue = stage.label("Refused for certain").await;
    let asked = "SELECT count(*) FROM approvals WHERE status = 'pending'
                 AND state ->> 'question' LIKE '%not_stored%unsupported Unicode%'";
    stage.wait("a person is asked", async || (stage.count(asked).await == 1).then_some(())).await;
    let runs = "SELECT count(*) FROM tasks WHERE kind = 'step' AND status = 'failed' AND cost_micros = 100000";
    assert_eq!(stage.count(runs).await, 3, "{}", stage.told().await);
    let log = stage.log();
    assert!(log.contains("failed permanently: what came of it cannot be stored"), "{log}");
    stage.execute("DROP TRIGGER refuse ON tasks").await;
    stage.comment(issue, "/retry alpha").await;
    stage.completed(issue).await;
    drop(serve);
}
