//! `kill -9` while an agent's progress is pushed.

use super::stage::{Serve, Stage, WELL, in_a_tree, long_sleep};

const STALL: [&str; 2] = [
    "CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
         PERFORM set_config('application_name', 'stalled', true);
         PERFORM pg_sleep(25);
         RETURN NEW;
     END $$",
    "CREATE TRIGGER stall BEFORE INSERT ON effects FOR EACH ROW WHEN (NEW.kind = 'open_pull') EXECUTE FUNCTION stall()",
];

impl Stage {
    /// Kills a process after it pushed an agent's first progress, and before it could store that.
    async fn killed_after_the_push(&mut self, title: &str) -> u64 {
        self.progress = "1";
        let later = "while ! test -e go; do sleep 0.05; done\necho later > later.txt\nmv go went";
        self.agent(&["alpha"], &format!("echo half > half.txt\n{later}\n{}", long_sleep()));
        for statement in STALL {
            self.execute(statement).await;
        }
        let serve: Serve = self.serve().await;
        let issue = self.label(title).await;
        let held = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'stalled'";
        let count = format!("SELECT count(*) {held}");
        self.wait("work in progress was pushed", async || (self.count(&count).await > 0).then_some(())).await;
        // From here on the agent's work is only in its clone.
        let trees = self.trees("data");
        let half = in_a_tree(&trees, "task-", "half.txt").unwrap();
        std::fs::write(half.with_file_name("go"), "").unwrap();
        self.wait("the agent went on", async || in_a_tree(&trees, "task-", "went")).await;
        serve.kill().await;
        self.count(&format!("SELECT count(pg_terminate_backend(pid)) {held}")).await;
        self.execute("DROP TRIGGER stall ON effects").await;
        let branches = self.get("/branches?per_page=100").await.to_string();
        assert!(branches.contains("g1-alpha"), "it is on the server: {branches}");
        assert_eq!(self.pulls().await.len(), 0, "and has no pull request yet");
        issue
    }

    async fn nothing_was_lost(&self, issue: u64) {
        self.completes(issue, &["alpha"]).await;
        assert_eq!(self.file("half.txt").await.trim(), "half");
        assert_eq!(self.count("SELECT count(*) FROM tasks WHERE status = 'failed'").await, 0);
        assert_eq!(self.count("SELECT count(*) FROM tasks WHERE kind IN ('step', 'rework')").await, 1);
        let run = "SELECT count(*) FROM tasks WHERE kind = 'step' AND exit = 'exit 0' AND cost_micros = 100000";
        assert_eq!(self.count(run).await, 1);
        assert_eq!(self.count("SELECT count(*) FROM events WHERE name = 'head_moved'").await, 0, "nobody pushed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_after_it_pushed_progress_recognises_its_own_push() {
    let mut stage = Stage::set("true").await;
    let issue = stage.killed_after_the_push("Killed while showing").await;
    // The clone is used again, and has more than was pushed.
    stage.agent(&["alpha"], &format!("test -e half.txt && test -e later.txt || exit 1\nrm went\n{WELL}"));
    let serve = stage.serve().await;
    stage.nothing_was_lost(issue).await;
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_machine_continues_from_the_progress_that_a_killed_process_pushed() {
    let mut stage = Stage::set("true").await;
    let issue = stage.killed_after_the_push("Shown and taken over").await;
    let goes_on = "test -e half.txt && git status --short | grep -q half.txt || exit 1";
    stage.agent(&["alpha"], &format!("{goes_on}\n{WELL}"));
    // With another data folder there is no clone of this task.
    let serve = stage.serve_at(stage.address, "elsewhere").await;
    stage.nothing_was_lost(issue).await;
    drop(serve);
}
