//! The repository's own CI as a verifier. The playground runs workflows by a script.

use adjutant_domain::directive::Directive;
use adjutant_domain::evaluation::{Confidence, Verdict, VerifierResult};
use adjutant_domain::status::StepStatus;
use adjutant_domain::step::{Step, StepState};
use github_playground::{DeliveryAct, FaultRule};
use serde_json::json;

use super::policy;
use super::verification::chain;
use crate::support::stage::{Stage, write};

const ON_PULL_REQUESTS: &str = "name: CI\non: pull_request\njobs:\n  build: { runs-on: ubuntu-latest, steps: [{ run: make }] }\n  lint: { runs-on: ubuntu-latest, steps: [{ run: make lint }] }\n";
const ON_EVERYTHING: &str =
    "name: CI\non: [push, pull_request]\njobs:\n  build: { runs-on: ubuntu-latest, steps: [{ run: make }] }\n";

/// A repository with this workflow, if any, whose CI is a required verifier.
async fn stage(workflow: Option<&str>, script: serde_json::Value, more: &[(&str, &str)]) -> Stage {
    let stage = Stage::set_with(&policy("ci: required"), script, more).await;
    if let Some(workflow) = workflow {
        stage.as_("maintainer").write("main", ".github/workflows/ci.yml", Some(workflow)).await;
    }
    stage
}

async fn awaits_ci(stage: &Stage, issue: u64) -> Step {
    stage.step_is(issue, "a", "waits for the CI", |step| matches!(step.state, StepState::AwaitingCi { .. })).await
}

fn ci_of(step: &Step) -> VerifierResult {
    let results = &step.state.evaluation().unwrap().results;
    results.iter().find(|result| result.name == "ci").unwrap().clone()
}

fn is_awaited(directive: &Directive) -> bool {
    directive.all_steps().any(|step| matches!(step.state, StepState::AwaitingCi { .. }))
}

#[tokio::test]
async fn a_step_is_green_when_the_repositorys_ci_passes_too() {
    let stage = stage(Some(ON_PULL_REQUESTS), chain(json!([write([("a.txt", "a\n")])])), &[]).await;
    let issue = stage.directive("Do it.").await;
    let step = stage.passed(issue, "a").await;
    assert_eq!(step.state.evaluation().unwrap().confidence, Confidence::Green);
    assert_eq!(ci_of(&step).summary, "2 checks passed");
    let pull = step.pull.as_ref().unwrap().number;
    let path = format!("/commits/{}/check-runs?check_name=adjutant", step.head().unwrap());
    let check = stage.get(&path).await["check_runs"][0].clone();
    let summary = check["output"]["summary"].as_str().unwrap();
    assert!(summary.contains("| ci | ✅ 2 checks passed | required, weight 1 |"), "#{pull}: {summary}");
    stage.passed(issue, "b").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_red_ci_goes_to_rework_with_the_last_lines_of_its_job() {
    let script = chain(json!([
        write([("a.txt", "a\n")]),
        { "wait": "green", "write": { "a.txt": "a\n", "fix.txt": "fixed\n" }, "keep": "told.txt" },
    ]));
    let stage = stage(Some(ON_PULL_REQUESTS), script, &[]).await;
    let red = "- { job: build, conclusion: failure, log: \"Run make\\nassertion failed: 3 km is 1.86 miles\" }";
    stage.playground.ci(red).unwrap();
    let issue = stage.directive("Do it.").await;
    stage.agent_waits_for("green").await;
    stage.playground.ci("- { conclusion: success }").unwrap();
    stage.say("green");
    let step = stage.passed(issue, "a").await;
    assert_eq!(step.rework_cycles, 1);
    let told = stage.file(step.target.as_str(), "told.txt").await.unwrap();
    assert!(told.contains("The required verifier `ci` failed: 1 of 2 checks failed: build"), "{told}");
    assert!(told.contains("assertion failed: 3 km is 1.86 miles"), "{told}");
    assert!(told.contains("build: failure (http"), "{told}");
    stage.strike().await;
}

#[tokio::test]
async fn a_ci_that_ends_after_the_verifiers_is_waited_for() {
    let stage = stage(Some(ON_PULL_REQUESTS), chain(json!([write([("a.txt", "a\n")])])), &[]).await;
    stage.playground.ci("- { job: build, never: in_progress }").unwrap();
    let issue = stage.directive("Do it.").await;
    let step = awaits_ci(&stage, issue).await;
    stage.status_says(issue, "waits for the repository's CI").await;
    stage.quiet().await;
    assert_eq!(step.status(), StepStatus::Evaluating);
    stage.playground.ci("- { conclusion: success }").unwrap();
    stage.passed(issue, "a").await;
    stage.strike().await;
}

#[tokio::test]
async fn the_pages_of_failed_checks_are_linked_and_a_filter_that_keeps_the_ci_away_is_told_first() {
    let script =
        chain(json!([write([("a.txt", "a\n")]), { "wait": "green", "write": { "a.txt": "a\n", "fix.txt": "b\n" } }]));
    let stage = stage(Some(ON_PULL_REQUESTS), script, &[]).await;
    let filtered = "on: { pull_request: { branches: [main] } }\njobs: { all: { steps: [{ run: make }] } }\n";
    stage.as_("maintainer").write("main", ".github/workflows/full.yml", Some(filtered)).await;
    stage.playground.ci("- { job: build, conclusion: failure }").unwrap();
    let issue = stage.directive("Do it.").await;
    stage.status_says(issue, "**Steps get no CI** from `.github/workflows/full.yml`: ").await;
    stage.status_says(issue, "Add the line `- 'adjutant/**'` to `branches:` there.").await;
    stage.agent_waits_for("green").await;
    let step = stage.step_is(issue, "a", "is reworked", |step| step.rework_cycles == 1).await;
    let path = format!("/commits/{}/check-runs?check_name=adjutant", step.head().unwrap());
    let check = stage.get(&path).await["check_runs"][0].clone();
    let text = check["output"]["text"].as_str().unwrap();
    assert!(text.contains("`ci`: [build](http"), "{text}");
    stage.playground.ci("- { conclusion: success }").unwrap();
    stage.say("green");
    stage.passed(issue, "a").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_commit_status_of_another_service_counts_too() {
    let stage = stage(Some(ON_PULL_REQUESTS), chain(json!([write([("a.txt", "a\n")])])), &[]).await;
    stage.playground.ci("- { job: build, never: in_progress }").unwrap();
    let issue = stage.directive("Do it.").await;
    let step = awaits_ci(&stage, issue).await;
    let head = step.head().unwrap().to_string();
    stage.as_("writer").set_status(&head, "jenkins", "pending").await;
    stage.playground.ci("- { conclusion: success }").unwrap();
    let pending = |step: &Step| {
        step.state.candidate().and_then(|it| it.ci.as_ref()).is_some_and(|ci| ci.checks.len() == 3 && ci.is_pending())
    };
    stage.step_is(issue, "a", "waits for the other service", pending).await;
    stage.as_("writer").set_status(&head, "jenkins", "success").await;
    let step = stage.passed(issue, "a").await;
    assert_eq!(ci_of(&step).summary, "3 checks passed");
    stage.strike().await;
}

#[tokio::test]
async fn a_required_ci_that_never_comes_is_put_to_a_person() {
    let stage = stage(None, chain(json!([write([("a.txt", "a\n")])])), &[("ADJUTANT_LOOK_SECONDS", "1")]).await;
    let issue = stage.directive("Do it.").await;
    awaits_ci(&stage, issue).await;
    stage.minutes_of_ci_pass(4.0).await;
    stage.asks(issue, "a").await;
    let step = stage.step_is(issue, "a", "is evaluated", |step| step.state.evaluation().is_some()).await;
    assert_eq!(step.state.evaluation().unwrap().confidence, Confidence::Yellow);
    assert!(ci_of(&step).summary.starts_with("no check appeared within 3 minutes: a workflow whose `branches:`"));
    stage.strike().await;
}

#[tokio::test]
async fn a_ci_that_is_red_on_the_base_commit_too_is_no_rework() {
    let stage = stage(None, chain(json!([write([("a.txt", "a\n")])])), &[]).await;
    stage.playground.ci("- { job: build, conclusion: failure }").unwrap();
    stage.as_("maintainer").write("main", ".github/workflows/ci.yml", Some(ON_EVERYTHING)).await;
    stage
        .until("the base commit is red", async || {
            let checks = stage.get("/commits/main/check-runs").await;
            checks["check_runs"][0]["conclusion"] == "failure"
        })
        .await;
    let issue = stage.directive("Do it.").await;
    stage.asks(issue, "a").await;
    let step = stage.step_is(issue, "a", "is evaluated", |step| step.state.evaluation().is_some()).await;
    let ci = ci_of(&step);
    assert_eq!((ci.verdict, ci.failed_before, step.rework_cycles), (Verdict::Neutral, true, 0));
    assert!(ci.summary.starts_with("failed on the base commit too: build"), "{}", ci.summary);
    stage.strike().await;
}

#[tokio::test]
async fn a_ci_whose_webhook_is_lost_is_found_by_the_next_look() {
    let more = [("ADJUTANT_LOOK_SECONDS", "1")];
    let stage = stage(Some(ON_PULL_REQUESTS), chain(json!([write([("a.txt", "a\n")])])), &more).await;
    stage.playground.ci("- { job: build, never: in_progress }").unwrap();
    let issue = stage.directive("Do it.").await;
    awaits_ci(&stage, issue).await;
    let lost = FaultRule::to_webhook("check_suite", "completed", DeliveryAct::Drop);
    stage.playground.inject_fault(lost).unwrap();
    stage.playground.ci("- { conclusion: success }").unwrap();
    stage.directive_is(issue, "the CI is still waited for", is_awaited).await;
    stage.minutes_of_ci_pass(2.0).await;
    stage.passed(issue, "a").await;
    stage.strike().await;
}
