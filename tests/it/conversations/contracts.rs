//! Contracts: work that is shown as a draft, and reports that are answered on the issue.

use adjutant_domain::evaluation::Confidence;
use adjutant_domain::status::StepStatus;
use serde_json::{Value, json};

use super::{POLICY, policy};
use crate::support::stage::{Stage, plan, step, step_of, write};

/// Progress is pushed every second.
const SHOWING: [(&str, &str); 1] = [("ADJUTANT_PROGRESS_SECONDS", "1")];

/// A chain of `a` and then `b`, with these tries of `a`.
fn chain(a: Value) -> Value {
    let plan = plan([step("a", &[]), step("b", &["a"])]);
    Value::from_iter([("plan", json!([plan])), ("a", a)])
}

/// Waits until `a` has a draft, and returns it.
async fn draft(stage: &Stage, issue: u64) -> Value {
    stage.agent_waits_for("a").await;
    let step = stage.step_is(issue, "a", "has a draft", |step| step.pull.is_some()).await;
    assert_eq!((step.status(), step.submission()), (StepStatus::Running, None), "nothing was handed in");
    let shown = stage.get(&format!("/pulls/{}", step.pull.unwrap().number)).await;
    assert_eq!(shown["draft"], true, "{shown}");
    shown
}

fn body(pull: &Value) -> &str {
    pull["body"].as_str().unwrap()
}

#[tokio::test]
async fn an_agents_work_is_shown_as_a_draft_while_it_runs() {
    let script = chain(json!([
        { "write": { "a.txt": "a\n" }, "then": { "wait": "a", "write": { "more.txt": "more\n" } } },
    ]));
    let stage = Stage::set_with(POLICY, script, &SHOWING).await;
    let issue = stage.directive("Do it.").await;
    let shown = draft(&stage, issue).await;
    assert!(body(&shown).contains("plan ✓ → **execute** → review → done"), "{shown}");
    assert!(
        body(&shown).contains(&format!("Part of #{issue}")) && body(&shown).contains("An agent is at work"),
        "{shown}"
    );
    let (number, head) = (shown["number"].as_u64().unwrap(), shown["head"]["sha"].as_str().unwrap());
    let commit = stage.get(&format!("/commits/{head}")).await;
    assert!(commit["commit"]["message"].as_str().unwrap().contains("[skip ci]"), "{commit}");
    let checks = stage.get(&format!("/commits/{head}/check-runs")).await;
    assert_eq!(checks["total_count"], 0, "nothing is proved before it is handed in: {checks}");
    stage.as_("maintainer").comment(number, "/approve").await;
    stage.expect(number, "`a` is running").await;

    stage.say("a");
    let step = stage.passed(issue, "a").await;
    assert_eq!(step.pull.unwrap().number, number, "one pull request, from draft to merge");
    let merged = stage.get(&format!("/pulls/{number}")).await;
    assert_eq!((&merged["merged"], &merged["draft"]), (&json!(true), &json!(false)), "{merged}");
    stage
        .until("the pull request says that it is done", async || {
            body(&stage.get(&format!("/pulls/{number}")).await).contains("plan ✓ → execute ✓ → review ✓ → **done**")
        })
        .await;
    let squashed = stage.get(&format!("/commits/{}", merged["merge_commit_sha"].as_str().unwrap())).await;
    let message = squashed["commit"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("a: Do a") && !message.contains("in progress") && !message.contains("skip ci"),
        "{message}"
    );
    for file in ["a.txt", "more.txt"] {
        assert!(stage.file("adjutant/1-1/main", file).await.is_some(), "{file}");
    }
    let commits = stage.get(&format!("/pulls/{number}/commits")).await;
    let last = commits.as_array().unwrap().last().unwrap()["commit"]["message"].as_str().unwrap();
    assert!(last.contains("Adjutant-Task:") && !last.contains("skip ci"), "what is handed in may be tested: {last}");
    stage.asks(issue, "final").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_draft_whose_agent_crashes_stays_a_draft_and_the_next_try_continues_from_it() {
    let script = chain(json!([{ "write": { "a.txt": "a\n" }, "then": { "wait": "a", "exit": 7 } }]));
    let stage = Stage::set_with(POLICY, script, &SHOWING).await;
    let issue = stage.directive("Do it.").await;
    let number = draft(&stage, issue).await["number"].as_u64().unwrap();
    stage.say("a");
    let failed = stage.step_is(issue, "a", "has failed", |step| step.status() == StepStatus::Failed).await;
    stage
        .until("the draft says why it still is one", async || {
            body(&stage.get(&format!("/pulls/{number}")).await)
                .contains("The last try came to nothing: The agent exited")
        })
        .await;
    assert_eq!(stage.get(&format!("/pulls/{number}")).await["draft"], true);
    assert_eq!(stage.file(failed.branch.as_str(), "a.txt").await.as_deref(), Some("a\n"), "what was done is kept");
    stage.status_says(issue, "waits for `a`, which could not be run").await;
    stage.as_("maintainer").comment(number, "/skip").await;
    stage.expect(number, "this step was skipped").await;
    stage.asks(issue, "final").await;
    assert_eq!(stage.get(&format!("/pulls/{number}")).await["state"], "closed");
    stage.strike().await;
}

#[tokio::test]
async fn a_draft_without_a_result_is_closed_with_a_comment() {
    let script = chain(json!([{
        "write": { "a.txt": "a\n" },
        "then": { "wait": "a", "delete": ["a.txt"] },
        "evidence": "`src/lib.rs` has it since the first commit.",
    }]));
    let stage = Stage::set_with(POLICY, script, &SHOWING).await;
    let issue = stage.directive("Do it.").await;
    let shown = draft(&stage, issue).await;
    let number = shown["number"].as_u64().unwrap();
    stage.say("a");
    stage.asks(issue, "a").await;
    stage.expect(issue, "since the first commit").await;
    stage.expect(number, "nothing in the tree had to change").await;
    stage.until("it is closed", async || stage.get(&format!("/pulls/{number}")).await["state"] == "closed").await;
    let branch = shown["head"]["ref"].as_str().unwrap();
    assert_eq!(stage.file(branch, "a.txt").await, None, "the branch shows that nothing is left");
    stage.as_("maintainer").comment(issue, "/approve a").await;
    stage.passed(issue, "b").await;
    stage.asks(issue, "final").await;
    stage.strike().await;
}

#[tokio::test]
async fn what_a_person_pushes_to_a_draft_is_kept() {
    let script = chain(json!([
        { "write": { "a.txt": "a\n" }, "then": { "wait": "a", "write": { "more.txt": "more\n" } } },
    ]));
    let stage = Stage::set_with(POLICY, script, &SHOWING).await;
    let issue = stage.directive("Do it.").await;
    let shown = draft(&stage, issue).await;
    stage.as_("writer").push(shown["head"]["ref"].as_str().unwrap(), "hand.txt", "by hand\n").await;
    stage.say("a");
    stage.passed(issue, "a").await;
    for file in ["a.txt", "more.txt", "hand.txt"] {
        assert!(stage.file("adjutant/1-1/main", file).await.is_some(), "{file}");
    }
    stage.asks(issue, "final").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_secret_that_is_in_the_tree_for_a_moment_is_never_pushed() {
    let token = format!("ghp_{}", "A1b2C3d4E5f6".repeat(3));
    let script = chain(json!([{
        "write": { "a.txt": "a\n", "key.txt": token },
        "then": { "wait": "a", "delete": ["key.txt"], "then": { "wait": "b" } },
    }]));
    let stage = Stage::set_with(POLICY, script, &SHOWING).await;
    let issue = stage.directive("Do it.").await;
    stage.agent_waits_for("a").await;
    stage.say("a");
    let step = stage.step_is(issue, "a", "has a draft", |step| step.pull.is_some()).await;
    stage.say("b");
    stage.passed(issue, "a").await;
    let commits = stage.get(&format!("/pulls/{}/commits", step.pull.unwrap().number)).await;
    for commit in commits.as_array().unwrap() {
        let shown = stage.get(&format!("/commits/{}", commit["sha"].as_str().unwrap())).await;
        assert!(!shown.to_string().contains("key.txt"), "{shown}");
    }
    stage.asks(issue, "final").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_report_is_reworked_and_approved_on_the_issue_and_passed_to_the_steps_that_build_on_it() {
    let script = json!({
        "plan": [plan([step_of("research", "look", &[]), step("build", &["look"])])],
        "look": [
            { "report": "It is somewhere.", "summary": "Looked." },
            { "report": "It is on line 7 of `src/lib.rs`.", "summary": "Looked again." },
        ],
        "build": [{ "write": { "built.txt": "built\n" }, "hear": "heard.md" }],
    });
    let stage = Stage::set(&policy("autonomy: manual"), script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Find it, then build on it.").await;
    stage.status_says(issue, "The plan waits for a person").await;
    maintainer.comment(issue, "/approve").await;
    assert_eq!(stage.asks(issue, "look").await, 0, "a report has no pull request");
    stage.expect(issue, "It is somewhere.").await;
    maintainer.comment(issue, "/rework look Name the line.").await;
    stage.asks_at_rework(issue, "look", 1).await;
    stage.expect(issue, "on line 7").await;
    maintainer.comment(issue, "/approve look").await;
    stage.passed(issue, "look").await;
    stage.asks(issue, "build").await;
    let branch = stage.step_is(issue, "build", "is there", |_| true).await.branch;
    let heard = stage.file(branch.as_str(), "heard.md").await.unwrap();
    assert!(heard.contains("on line 7") && !heard.contains("somewhere"), "{heard}");
    maintainer.comment(issue, "/approve build").await;
    stage.asks(issue, "final").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_report_that_the_judge_rejects_is_written_again_and_only_a_good_one_is_green() {
    let judged = |met: bool, note: &str| json!({ "judgement": { "criteria": [{ "id": "A1", "met": met, "note": note }], "score": 0.9 } });
    let mut look = step_of("research", "look", &[]);
    look["criteria"] = json!(["A1"]);
    let script = json!({
        "plan": [plan([look])],
        "look": [{ "report": "Somewhere." }, { "report": "On line 7." }],
        "judge": [judged(false, "No line is named.")],
    });
    let stage = Stage::set(&policy("judge: { weight: 1.0 }\nlimits: { rework_cycles: 1 }"), script).await;
    let issue = stage.directive("### Goal\n\nFind it.\n\n### Acceptance criteria\n\n- The line is known.").await;
    stage.step_is(issue, "look", "is blocked", |step| step.status() == StepStatus::Blocked).await;
    stage.expect(issue, "Somewhere.").await;
    let last = stage.expect(issue, "On line 7.").await;
    assert!(last.contains("🔴 red"), "{last}");
    stage.status_says(issue, "criterion A1 was judged unmet: No line is named.").await;
    stage.as_("maintainer").comment(issue, "/approve look").await;
    stage.completed(issue).await;
    stage.strike().await;
}

#[tokio::test]
async fn a_report_is_green_once_a_judge_names_its_lines() {
    let judged = |line: u32| {
        let evidence = json!([{ "file": "report.md", "line": line }, { "file": "README.md", "line": 1 }]);
        json!({ "judgement": { "criteria": [{ "id": "A1", "met": true, "note": "It says so.", "evidence": evidence }] } })
    };
    let script = |line| {
        let mut look = step_of("research", "look", &[]);
        look["criteria"] = json!(["A1"]);
        json!({ "plan": [plan([look])], "look": [{ "report": "# Found\n\nOn line 7." }], "judge": [judged(line)] })
    };
    let goal = "### Goal\n\nFind it.\n\n### Acceptance criteria\n\n- The line is known.";
    let judge = policy("judge: { weight: 1.0 }");
    let stage = Stage::set(&judge, script(3)).await;
    let issue = stage.directive(goal).await;
    stage.expect(issue, "On line 7.").await;
    let directive = stage.completed(issue).await;
    assert_eq!(directive.steps[0].state.evaluation().unwrap().confidence, Confidence::Green);
    let status = stage.status_says(issue, "Completed").await;
    assert!(status.contains("✅ judged met (line 3 of the report, [`README.md:1`](http"), "{status}");
    stage.strike().await;

    let stage = Stage::set(&judge, script(4)).await;
    let issue = stage.directive(goal).await;
    stage.expect(issue, "On line 7.").await;
    stage.status_says(issue, "the judge calls it met, but the report has no line 4: it ends with line 3").await;
    stage.asks(issue, "look").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_chain_of_one_step_is_shown_against_the_base() {
    let script = json!({
        "plan": [plan([step("a", &[])])],
        "a": [{ "write": { "a.txt": "a\n" }, "then": { "wait": "a" } }, write([])],
    });
    let stage = Stage::set_with(POLICY, script, &SHOWING).await;
    let issue = stage.directive("One thing.").await;
    let shown = draft(&stage, issue).await;
    assert_eq!(shown["base"]["ref"], "main");
    stage.say("a");
    let pull = stage.asks(issue, "a").await;
    stage.as_("maintainer").comment(pull, "/approve").await;
    let directive = stage.completed(issue).await;
    assert_eq!(stage.file("main", "a.txt").await.as_deref(), Some("a\n"));
    let task = directive.tasks.last().unwrap();
    assert_eq!((task.input_tokens, task.output_tokens), (1200, 34));
    assert_eq!(task.measured.as_ref().unwrap().exit, "exit 0");
    // One run for the plan, and one for the step.
    stage.status_says(issue, "1 step · 0 reworks · $0.02 · 2.4k tokens read, 68 written").await;
    stage.strike().await;
}
