//! A directive's life: paused, resumed, stopped.

use adjutant::domain::status::{DirectiveStatus, StepStatus};
use serde_json::json;

use super::POLICY;
use crate::support::stage::{Stage, plan, step, write};

#[tokio::test]
async fn taking_the_label_off_pauses_and_putting_it_back_resumes() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &["a"])])],
        "a": [{ "wait": "a", "write": { "a.txt": "a\n" } }],
    });
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    stage.agent_waits_for("a").await;
    maintainer.unlabel(issue).await;
    stage.status_is(issue, DirectiveStatus::Paused).await;
    stage.status_says(issue, "took the label off").await;

    // What runs finishes, and nothing new starts.
    stage.say("a");
    stage
        .step_is(issue, "a", "is proved", |step| step.status == StepStatus::Evaluating && step.evaluation.is_some())
        .await;
    stage.quiet().await;
    let step = stage.step_is(issue, "b", "is there", |_| true).await;
    assert_eq!(step.status, StepStatus::Pending);

    maintainer.label(issue).await;
    stage.passed(issue, "b").await;
    stage.asks(issue, "final").await;
    assert_eq!(stage.status_comments(issue).await.len(), 1);
    stage.strike().await;
}

#[tokio::test]
async fn pause_and_resume_are_commands_too() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &["a"])])],
        "a": [write([("a.txt", "ugly\n")])],
    });
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    maintainer.comment(issue, "/pause").await;
    stage.status_is(issue, DirectiveStatus::Paused).await;
    maintainer.comment(pull, "/approve").await;
    stage.quiet().await;
    let step = stage.step_is(issue, "a", "is there", |_| true).await;
    assert_eq!(step.status, StepStatus::Evaluating, "approved, and merged after the pause");
    maintainer.comment(issue, "/resume").await;
    stage.passed(issue, "a").await;
    stage.asks(issue, "b").await;
    maintainer.comment(issue, "/resume").await;
    stage.expect(issue, "nothing is paused").await;
    stage.strike().await;
}

#[tokio::test]
async fn stop_closes_pull_requests_keeps_branches_and_ends_running_agents() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &[])])],
        "a": [write([("a.txt", "ugly\n")])],
        "b": [{ "wait": "b" }],
    });
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    stage.agent_waits_for("b").await;
    let branch = stage.step_is(issue, "a", "is there", |_| true).await.branch;
    maintainer.comment(issue, "/stop").await;
    stage.status_is(issue, DirectiveStatus::Failed).await;
    stage.expect(pull, "stopped by maintainer").await;
    stage.status_says(issue, "stopped by maintainer").await;
    stage.quiet().await;
    assert_eq!(stage.get(&format!("/pulls/{pull}")).await["state"], "closed");
    assert_eq!(stage.get(&format!("/issues/{issue}")).await["state"], "open");
    assert_eq!(stage.file(branch.as_str(), "a.txt").await.as_deref(), Some("ugly\n"));

    // The label put back starts another one, on branches of its own.
    maintainer.unlabel(issue).await;
    maintainer.label(issue).await;
    let second = stage.directive_is(issue, "there is a second directive", |directive| directive.ordinal == 2).await;
    assert_eq!(second.branch_prefix(), format!("adjutant/{issue}-2"));
    stage.asks(issue, "a").await;
    maintainer.comment(issue, "/stop").await;
    stage.status_is(issue, DirectiveStatus::Failed).await;
    stage.quiet().await;
    let pull = stage.directive_is(issue, "is there", |_| true).await.steps[0].pull.clone().unwrap().number;
    stage.expect(pull, "stopped by maintainer").await;
    assert_eq!(stage.status_comments(issue).await.len(), 2);
    stage.strike().await;
}

#[tokio::test]
async fn closing_the_issue_stops() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &[])])],
        "a": [write([("a.txt", "ugly\n")])],
    });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    stage.passed(issue, "b").await;
    stage.as_("maintainer").close(issue).await;
    stage.expect(pull, "the issue was closed").await;
    stage.status_says(issue, "stopped by maintainer: the issue was closed").await;
    stage.strike().await;
}
