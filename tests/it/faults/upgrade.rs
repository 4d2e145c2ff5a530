//! Two versions on one database: an upgrade and a roll-back while directives run.

use adjutant_domain::persisted::STATE_VERSION;

use super::stage::{Stage, in_a_tree};

const OLDER: i32 = STATE_VERSION;
const NEWER: i32 = STATE_VERSION + 1;

/// Long enough for other events while the agent works.
const WORK: &str = r#"
touch started
sleep 1
rm started
echo "$title" > "$title.txt"
echo '{"summary":"did it","cost_usd":0.1}' > "$ADJUTANT_RESULT_FILE"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn directives_continue_through_an_upgrade_and_a_roll_back_and_nothing_is_done_twice() {
    let mut stage = Stage::set("true").await;
    stage.look = "2";
    stage.agent(&["alpha"], WORK);
    let older = stage.serve_as(OLDER, "older").await;
    let first = stage.label("first").await;
    stage.wait("its agent works", async || in_a_tree(&stage.trees("older"), "task-", "started")).await;
    // As if a process of the newer version had saved it. The result of the older version's agent waits for a reader,
    // and is not lost.
    stage.execute(&format!("UPDATE directives SET state_version = {NEWER}")).await;
    let waits = "SELECT count(*) FROM waiting_signals";
    stage.wait("its end waits for a reader", async || (stage.count(waits).await > 0).then_some(())).await;
    // A command for it waits as well, and another directive continues in the older version.
    stage.comment(first, "/status").await;
    let left = format!("SELECT count(*) FROM deliveries WHERE status = 'received' AND needs_version = {NEWER}");
    stage.wait("the comment waits", async || (stage.count(&left).await > 0).then_some(())).await;
    let second = stage.label("second").await;
    stage.ends(second).await;

    // The upgrade: both versions run, and the newer one applies what waited.
    let newer = stage.serve_as(NEWER, "newer").await;
    stage.ends(first).await;
    let third = stage.label("third").await;
    let taken = format!("SELECT count(*) FROM directives WHERE state_version = {NEWER} AND issue = {third}");
    let planned = format!("SELECT count(*) FROM directives WHERE status <> 'draft' AND issue = {third}");
    stage.wait("it begins", async || (stage.count(&planned).await == 1).then_some(())).await;

    // The roll-back: the older version continues with its own directives.
    newer.stop().await;
    let was_taken = stage.count(&taken).await == 1;
    let fourth = stage.label("fourth").await;
    stage.ends(fourth).await;
    if was_taken {
        assert_eq!(stage.count(&taken).await, 1, "nobody touched it");
    }

    // The upgrade again, and the older version stops.
    let newer = stage.serve_as(NEWER, "newer").await;
    older.stop().await;
    stage.ends(third).await;
    for nothing in [
        "SELECT count(*) FROM effects WHERE status <> 'done'",
        "SELECT count(*) FROM deliveries WHERE status IN ('failed', 'received', 'processing')",
        "SELECT count(*) FROM tasks WHERE status <> 'succeeded'",
        "SELECT count(*) FROM waiting_signals",
    ] {
        stage.wait(nothing, async || (stage.count(nothing).await == 0).then_some(())).await;
    }
    let cost = "SELECT count(*) FROM tasks WHERE kind = 'step' AND cost_micros = 100000 AND exit = 'exit 0'";
    assert_eq!(stage.count(cost).await, 4, "each agent was paid once");
    assert_eq!(stage.pulls().await.len(), 4, "one pull request a step");
    newer.stop().await;
}

impl Stage {
    async fn ends(&self, issue: u64) {
        let completed = format!("SELECT count(*) FROM directives WHERE issue = {issue} AND status = 'completed'");
        self.wait("the directive completes", async || (self.count(&completed).await == 1).then_some(())).await;
    }
}
