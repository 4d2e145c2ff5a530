//! Proof: what counts as green, what needs a person, what is nothing at all.

use adjutant_domain::evaluation::Confidence;
use adjutant_domain::status::{DirectiveStatus, StepStatus};
use serde_json::{Value, json};

use super::{POLICY, policy};
use crate::support::stage::{Stage, plan, step, write};

/// A chain of `a` and, after it, `b`, with these tries of `a`.
fn chain(a: Value) -> Value {
    let plan = plan([step("a", &[]), step("b", &["a"])]);
    Value::from_iter([("plan", json!([plan])), ("a", a)])
}

#[tokio::test]
async fn a_word_that_comes_while_checks_still_run_is_kept_for_that_commit() {
    let slow = r#"
verifiers:
  - { name: test, run: "until grep -qs go *.txt; do sleep 0.1; done" }
  - { name: lint, run: "! grep -qs ugly *.txt" }
"#;
    // Proof of the first head never ends by itself: a push takes its place.
    let stage = Stage::set(slow, chain(json!([write([("a.txt", "ugly\n")])]))).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let step = stage.step_is(issue, "a", "has a pull request", |step| step.pull.is_some()).await;
    let pull = step.pull.unwrap().number;
    maintainer.comment(pull, "/approve").await;
    stage.step_is(issue, "a", "is pre_approved for", |step| step.pre_approved.is_some()).await;
    maintainer.push(step.branch.as_str(), "a.txt", "ugly, but go\n").await;
    // The word was about the head before: the new one asks, and the old one's proof is called off.
    stage.asks(issue, "a").await;
    let path = format!("/commits/{}/check-runs?check_name=adjutant%2Ftest", step.head.unwrap());
    stage
        .until("the first head's check is cancelled", async || {
            stage.get(&path).await["check_runs"][0]["conclusion"] == "cancelled"
        })
        .await;
    stage.strike().await;
}

#[tokio::test]
async fn a_change_below_github_needs_a_person_even_in_full_auto() {
    let script = chain(json!([write([(".github/workflows/ci.yml", "on: push\n")])]));
    let stage = Stage::set(&policy("autonomy: full_auto\nmerge: auto"), script).await;
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    stage.status_says(issue, "`.github/workflows/ci.yml` is protected").await;
    stage.as_("maintainer").comment(pull, "/approve").await;
    stage.asks(issue, "final").await;
    stage.as_("maintainer").comment(issue, "/approve").await;
    stage.completed(issue).await;
    stage.strike().await;
}

#[tokio::test]
async fn an_app_that_may_not_write_workflows_asks_a_person_at_once_and_goes_on_when_it_may() {
    let stage = Stage::set(POLICY, chain(json!([write([(".github/workflows/ci.yml", "on: push\n")])]))).await;
    let maintainer = stage.as_("maintainer");
    assert!(stage.playground.give_up_permission("workflows"));
    let issue = stage.directive("Do it.").await;
    let step = stage.step_is(issue, "a", "is blocked", |step| step.status == StepStatus::Blocked).await;
    assert_eq!(step.failures, 0);
    let told = stage.status_says(issue, "`workflows: write`").await;
    assert!(told.contains("`.github/workflows/ci.yml`") && told.contains("`/retry`"), "{told}");
    let directive = stage.directive_is(issue, "is there", |_| true).await;
    let tried = directive.tasks.iter().filter(|task| task.step == Some(step.id)).count();
    assert_eq!(tried, 1, "an agent can do nothing about it");

    assert!(stage.playground.ask_permission("workflows", "write"));
    stage.playground.accept_permissions();
    maintainer.comment(issue, "/retry a").await;
    stage.step_is(issue, "a", "has a pull request", |step| step.pull.is_some()).await;
    stage.asks(issue, "a").await;
    assert_eq!(stage.file(step.branch.as_str(), ".github/workflows/ci.yml").await.as_deref(), Some("on: push\n"));
    stage.strike().await;
}

#[tokio::test]
async fn a_step_that_changes_nothing_is_red_unless_it_shows_that_the_work_was_there() {
    let script = chain(json!([{ "summary": "Done." }]));
    let stage = Stage::set(&policy("limits: { rework_cycles: 1 }"), script).await;
    let issue = stage.directive("Do it.").await;
    stage.step_is(issue, "a", "is blocked", |step| step.status == StepStatus::Blocked).await;
    stage.status_says(issue, "nothing was changed").await;
    stage.strike().await;

    let script = chain(json!([{ "evidence": "`src/lib.rs` has it since the first commit." }]));
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    stage.asks(issue, "a").await;
    stage.expect(issue, "since the first commit").await;
    stage.as_("maintainer").comment(issue, "/approve a").await;
    stage.passed(issue, "b").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_judge_can_lower_a_verdict() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &["a"])])],
        "judge": [{ "judgement": { "criteria": [{ "id": "A1", "met": false, "note": "Not kind." }], "score": 0.3 } }],
    });
    let stage = Stage::set(&policy("judge: { weight: 1.0 }"), script).await;
    let issue = stage.directive("### Goal\n\nKind.\n\n### Acceptance criteria\n\n- It is kind.").await;
    stage.asks(issue, "a").await;
    let step = stage.step_is(issue, "a", "is judged", |step| step.evaluation.is_some()).await;
    let evaluation = step.evaluation.unwrap();
    assert_eq!(evaluation.confidence, Confidence::Yellow, "{evaluation:?}");
    assert!(evaluation.results.iter().all(|result| result.verdict == adjutant_domain::evaluation::Verdict::Pass));
    stage.strike().await;
}

#[tokio::test]
async fn a_budget_that_is_used_up_pauses_and_resume_grants_it_again() {
    // Each run costs a cent.
    let stage = Stage::set(&policy("limits: { cost_usd: 0.02 }"), chain(json!([write([("a.txt", "a\n")])]))).await;
    let issue = stage.directive("Do it.").await;
    stage.status_is(issue, DirectiveStatus::Paused).await;
    stage.status_says(issue, "The budget of $0.02 is used up").await;
    stage.as_("maintainer").comment(issue, "/resume").await;
    stage.passed(issue, "b").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_push_while_an_agent_reworks_the_branch_is_not_lost() {
    let script = chain(json!([
        write([("a.txt", "ugly\n")]),
        { "wait": "a", "write": { "more.txt": "more\n" } },
    ]));
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    let branch = stage.step_is(issue, "a", "is there", |_| true).await.branch;
    maintainer.comment(pull, "/rework Write more.").await;
    stage.agent_waits_for("a").await;
    maintainer.push(branch.as_str(), "a.txt", "by hand\n").await;
    stage.say("a");
    stage.passed(issue, "a").await;
    let base = "adjutant/1-1/main";
    assert_eq!(stage.file(base, "a.txt").await.as_deref(), Some("by hand\n"));
    assert_eq!(stage.file(base, "more.txt").await.as_deref(), Some("more\n"));
    stage.strike().await;
}
