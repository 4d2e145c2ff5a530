//! The life of a directive: paused, resumed, cancelled.

use adjutant_domain::actor::Actor;
use adjutant_domain::cause::{DirectiveFailure, IssueEnd, StopReason};
use adjutant_domain::ids::Login;
use adjutant_domain::status::{DirectiveStatus, StepStatus};
use serde_json::json;

use super::POLICY;
use crate::support::stage::{Stage, plan, step, write};

fn gone() -> DirectiveFailure {
    let how = StopReason::Issue(IssueEnd::Gone);
    DirectiveFailure::Stopped { by: Actor::Person(Login::new("maintainer")), how }
}

#[tokio::test]
async fn removing_the_label_pauses_and_setting_it_again_resumes() {
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

    // Running work finishes, and nothing new starts.
    stage.say("a");
    stage
        .step_is(issue, "a", "is proved", |step| {
            step.status() == StepStatus::Evaluating && step.state.evaluation().is_some()
        })
        .await;
    stage.quiet().await;
    let step = stage.step_is(issue, "b", "is there", |_| true).await;
    assert_eq!(step.status(), StepStatus::Pending);

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
    maintainer.comment(issue, "/pause").await;
    stage.expect(issue, "cannot go from paused to paused: `/resume` goes on with it").await;
    maintainer.comment(pull, "/approve").await;
    stage.quiet().await;
    let step = stage.step_is(issue, "a", "is there", |_| true).await;
    assert_eq!(step.status(), StepStatus::Evaluating, "approved, and merged after the pause");
    maintainer.comment(issue, "/resume").await;
    stage.passed(issue, "a").await;
    stage.asks(issue, "b").await;
    maintainer.comment(issue, "/resume").await;
    stage.expect(issue, "nothing is paused, and the directive cannot go from active to active").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_label_set_again_without_permission_is_answered_and_resumes_nothing() {
    let script = json!({ "plan": [plan([step("a", &[]), step("b", &[])])], "a": [write([("a.txt", "ugly\n")])] });
    let stage = Stage::set(POLICY, script).await;
    let (maintainer, triager) = (stage.as_("maintainer"), stage.as_("triager"));
    let issue = stage.directive("Do it.").await;
    stage.asks(issue, "a").await;
    triager.unlabel(issue).await;
    stage.status_is(issue, DirectiveStatus::Paused).await;
    triager.label(issue).await;
    stage.expect(issue, "only people with write access").await;
    stage.quiet().await;
    stage.status_is(issue, DirectiveStatus::Paused).await;
    maintainer.unlabel(issue).await;
    maintainer.label(issue).await;
    stage.status_is(issue, DirectiveStatus::Active).await;
    stage.strike().await;
}

#[tokio::test]
async fn a_reopened_issue_starts_nothing_until_it_is_labelled_again_and_the_next_directive_follows_the_first() {
    let mut chain = plan([step("a", &[]), step("b", &[])]);
    chain["before"] = json!(true);
    let stage = Stage::set(POLICY, json!({ "plan": [chain], "a": [write([("a.txt", "ugly\n")])] })).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    stage.passed(issue, "b").await;
    maintainer.close(issue).await;
    stage.expect(pull, "the issue was closed").await;
    maintainer.comment(issue, "/stop").await;
    stage.expect(issue, "the directive cannot go from failed to failed: it has ended; set the label again").await;
    maintainer.comment(issue, "/approve a").await;
    stage.expect(issue, "this directive is failed; set the label again").await;

    maintainer.reopen(issue).await;
    stage.quiet().await;
    let first = stage.directive_is(issue, "is there", |_| true).await;
    assert_eq!((first.ordinal, first.status(), first.predecessor), (1, DirectiveStatus::Failed, None));
    maintainer.unlabel(issue).await;
    stage.status_is(issue, DirectiveStatus::Archived).await;
    maintainer.label(issue).await;
    let second =
        stage.directive_is(issue, "there is a planned second one", |it| it.ordinal == 2 && it.plan.is_some()).await;
    assert_eq!(second.predecessor, Some(first.id));
    let told = second.plan.unwrap().rationale;
    assert!(told.contains("stopped by maintainer: the issue was closed"), "{told}");
    let status = stage.status_says(issue, "Directive 2 of this issue, after [the one before](").await;
    let first_comment = status.split("#issuecomment-").nth(1).unwrap().split(')').next().unwrap();
    let linked = stage.get(&format!("/issues/comments/{first_comment}")).await;
    assert!(linked["body"].as_str().unwrap().contains(&first.id.to_string()), "{linked}");

    // If the issue is closed after the end, the directive is archived.
    stage.asks(issue, "a").await;
    stage.passed(issue, "b").await;
    maintainer.comment(issue, "/stop").await;
    stage.status_is(issue, DirectiveStatus::Failed).await;
    stage.quiet().await;
    let pull = stage.directive_is(issue, "is there", |_| true).await.steps[0].pull.clone().unwrap().number;
    stage.expect(pull, "stopped by maintainer").await;
    maintainer.close(issue).await;
    stage.status_is(issue, DirectiveStatus::Archived).await;
    stage.strike().await;
}

#[tokio::test]
async fn deleting_the_issue_stops() {
    let script = json!({ "plan": [plan([step("a", &[]), step("b", &[])])], "a": [write([("a.txt", "ugly\n")])] });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    stage.passed(issue, "b").await;
    stage.quiet().await;
    stage.as_("maintainer").delete_issue(issue).await;
    let directive = stage.status_is(issue, DirectiveStatus::Failed).await;
    assert_eq!(directive.state.failure(), Some(&gone()));
    stage.expect(pull, "the issue was transferred or deleted").await;
    stage.strike().await;
}

#[tokio::test]
async fn transferring_the_issue_stops_and_the_transferred_issue_is_left_alone() {
    let script = json!({ "plan": [plan([step("a", &[]), step("b", &[])])], "a": [write([("a.txt", "ugly\n")])] });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    stage.passed(issue, "b").await;
    stage.quiet().await;
    stage.as_("maintainer").transfer_issue(issue, "gears").await;
    let directive = stage.status_is(issue, DirectiveStatus::Failed).await;
    assert_eq!(directive.state.failure(), Some(&gone()));
    stage.expect(pull, "the issue was transferred or deleted").await;
    stage.quiet().await;
    let moved = stage.get(&format!("/issues/{issue}")).await;
    assert!(moved["html_url"].as_str().unwrap().contains("/gears/"), "{moved}");
    assert_eq!((&moved["state"], &moved["labels"]), (&json!("open"), &json!([])), "it is nobody's directive there");
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

    // Setting the label again starts another directive with its own branches.
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
