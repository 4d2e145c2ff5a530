//! Agents with faults: the fault is reported to the next try, the step is tried again twice, and then a person is
//! asked.

use super::stage::{Stage, WELL};

/// The faults of agents: the issue's title, the agent's commands, and the expected text.
const WRONGS: &[(&str, &str, &str)] = &[
    ("crash", "exit 3", "exited with status 3"),
    ("hang", "sleep 1000", "did not finish within"),
    ("shout", "yes", "printed more than"),
    ("silence", "true", "without leaving a result file"),
    ("nonsense", "echo '{' > \"$ADJUTANT_RESULT_FILE\"", "result file cannot be used"),
    ("symlink", "ln -s /etc/passwd \"$ADJUTANT_RESULT_FILE\"", "not a regular file"),
    ("escape", "echo x > /etc/adjutant-was-here || exit 7", "exited with status 7"),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_fails_is_tried_three_times_and_a_retry_with_a_fixed_one_continues() {
    let mut stage = Stage::set("true").await;
    stage.time_limit = "3s";
    let cases: Vec<String> = WRONGS.iter().map(|(title, wrong, _)| format!("{title}) {wrong};;")).collect();
    let cases = cases.join("\n");
    stage.agent(&["alpha"], &format!("case \"$title\" in\n{cases}\nesac\n"));
    let serve = stage.serve().await;
    let mut issues = Vec::new();
    for (title, _, sentence) in WRONGS {
        issues.push((stage.label(title).await, *title, *sentence));
    }
    for (issue, title, sentence) in &issues {
        let of = format!("FROM directives d JOIN tasks t ON t.directive_id = d.id WHERE d.issue = {issue}");
        stage
            .wait(&format!("`{title}` is asked about"), async || {
                let asked = format!(
                    "SELECT count(*) FROM approvals a JOIN directives d ON d.id = a.directive_id
                 WHERE d.issue = {issue} AND a.kind = 'step_blocked' AND a.status = 'pending'"
                );
                (stage.count(&asked).await == 1).then_some(())
            })
            .await;
        assert_eq!(stage.count(&format!("SELECT count(*) {of} AND t.status = 'failed'")).await, 3, "{title}");
        stage
            .wait(&format!("the reason of `{title}` is in the status comment"), async || {
                stage.status(*issue).await.filter(|status| status.contains(sentence))
            })
            .await;
    }
    assert!(!std::path::Path::new("/etc/adjutant-was-here").exists(), "nothing outside was changed");

    stage.agent(
        &["alpha"],
        "echo \"$title\" > \"$title.txt\"\necho '{\"summary\":\"did it\"}' > \"$ADJUTANT_RESULT_FILE\"",
    );
    for (issue, _, _) in &issues {
        stage.comment(*issue, "/retry alpha").await;
    }
    for (_, title, _) in &issues {
        stage
            .wait(&format!("`{title}` is merged"), async || {
                let listed = stage.get("/contents/").await;
                let files = listed.as_array().unwrap();
                files.iter().any(|file| file["name"] == format!("{title}.txt")).then_some(())
            })
            .await;
    }
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_with_a_secret_or_a_link_out_of_the_tree_is_not_pushed_and_the_rework_names_it() {
    let token = format!("ghp_{}", "A1b2C3d4E5f6".repeat(3));
    let stage = Stage::set("true").await;
    // In a rework the agent stores its instructions, so that the test can read them.
    stage.agent(
        &["alpha"],
        &format!(
            "if [ \"$kind\" = rework ]; then rm -f config.txt out; cp \"$(dirname \"$ADJUTANT_TASK_FILE\")\"/context/*rework.md told.txt\n\
             else echo 'token = {token}' > config.txt; ln -s /etc/passwd out; fi\n{WELL}"
        ),
    );
    let serve = stage.serve().await;
    let issue = stage.label("Leaky").await;
    stage.completes(issue, &["alpha"]).await;
    let told = stage.file("told.txt").await;
    assert!(told.contains("config.txt") && told.contains("`out`"), "{told}");
    assert!(!told.contains(&token), "the secret itself is not repeated: {told}");
    let commits = stage.get("/pulls/2/commits").await;
    assert_eq!(commits.as_array().unwrap().len(), 1, "nothing was pushed the first time: {commits}");
    drop(serve);
}
