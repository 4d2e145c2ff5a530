//! Pull requests that people convert to drafts, close, open again and edit, and base branches that they rename.

use adjutant_domain::cause::Cause;
use adjutant_domain::status::{DirectiveStatus, StepStatus};
use adjutant_domain::step::StepState;
use serde_json::{Value, json};

use super::POLICY;
use crate::support::stage::{Stage, plan, step, write};

fn two_steps() -> Value {
    json!({ "plan": [plan([step("a", &[]), step("b", &["a"])])] })
}

/// A policy whose verifier waits for the file `go` in the folder of the stage's agent.
fn slow() -> String {
    "setup: []\nverifiers:\n  - { name: test, run: \"sleep 3\" }\n".to_owned()
}

#[tokio::test]
async fn a_pull_request_that_a_person_converted_to_a_draft_is_not_merged_before_they_let_go_of_it() {
    let stage = Stage::set(&slow(), two_steps()).await;
    let (maintainer, writer) = (stage.as_("maintainer"), stage.as_("writer"));
    let issue = stage.directive("Do it.").await;
    let a =
        stage.step_is(issue, "a", "is ready for review", |it| it.pull.as_ref().is_some_and(|pull| !pull.draft)).await;
    let pull = a.pull.unwrap().number;
    writer.to_draft(pull).await;
    let held = |it: &adjutant_domain::step::Step| matches!(it.state, StepState::Merging { .. }) && it.hold().is_some();
    stage.step_is(issue, "a", "is held back", held).await;
    stage.quiet().await;
    stage.status_says(issue, "`writer` converted it to a draft").await;
    assert!(stage.get(&format!("/pulls/{pull}")).await["draft"].as_bool().unwrap());
    writer.ready(pull).await;
    stage.passed(issue, "a").await;

    // Somebody else's approval counts, and does not let go.
    let last = stage.asks(issue, "final").await;
    maintainer.to_draft(last).await;
    stage.step_is(issue, "final", "is held back", |it| it.hold().is_some()).await;
    writer.comment(last, "/approve").await;
    stage.step_is(issue, "final", "is approved and held back", held).await;
    stage.quiet().await;
    stage.step_is(issue, "final", "is still held back", held).await;
    maintainer.comment(last, "/approve").await;
    stage.completed(issue).await;
    assert_eq!((stage.happened("pull_held").await, stage.happened("pull_released").await), (2, 2));
    stage.strike().await;
}

#[tokio::test]
async fn a_final_pull_request_that_was_closed_by_accident_is_taken_up_when_it_is_opened_again() {
    let stage = Stage::set(POLICY, two_steps()).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "final").await;
    maintainer.close(pull).await;
    let closed = |it: &adjutant_domain::step::Step| matches!(it.state.cause(), Some(Cause::PullClosed { .. }));
    stage.step_is(issue, "final", "was closed", closed).await;
    stage.status_says(issue, "closed its pull request; opened again, it goes on").await;
    maintainer.reopen(pull).await;
    stage.step_is(issue, "final", "waits again", |it| matches!(it.state, StepState::AwaitingDecision { .. })).await;
    maintainer.comment(pull, "/approve").await;
    stage.completed(issue).await;
    stage.strike().await;
}

#[tokio::test]
async fn a_step_that_somebody_without_write_access_closed_is_asked_about_and_not_skipped() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &[])])],
        "a": [write([("a.txt", "ugly\n")])],
    });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    stage.as_("triager").close(pull).await;
    stage.step_is(issue, "a", "is blocked", |it| it.status() == StepStatus::Blocked).await;
    stage.as_("triager").reopen(pull).await;
    stage.step_is(issue, "a", "waits again", |it| matches!(it.state, StepState::AwaitingDecision { .. })).await;
    stage.as_("maintainer").close(pull).await;
    stage.step_is(issue, "a", "is skipped", |it| it.status() == StepStatus::Skipped).await;
    stage.status_is(issue, DirectiveStatus::Active).await;
    stage.strike().await;
}

#[tokio::test]
async fn a_base_branch_that_is_renamed_is_followed_before_and_after_the_final_pull_request_opens() {
    let stage = Stage::set(&slow(), two_steps()).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    stage.step_is(issue, "a", "is ready for review", |it| it.pull.as_ref().is_some_and(|pull| !pull.draft)).await;
    maintainer.rename_branch("main", "trunk").await;
    let pull = stage.asks(issue, "final").await;
    assert_eq!(stage.get(&format!("/pulls/{pull}")).await["base"]["ref"], "trunk");
    maintainer.rename_branch("trunk", "stem").await;
    maintainer.comment(pull, "/approve").await;
    let done = stage.completed(issue).await;
    assert_eq!((done.base.branch.as_str(), stage.happened("base_renamed").await), ("stem", 2));
    assert!(stage.file("stem", "a.txt").await.is_some());
    stage.strike().await;
}

#[tokio::test]
async fn what_a_person_writes_into_a_pull_request_stays() {
    let stage = Stage::set(POLICY, two_steps()).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "final").await;
    let own = stage.get(&format!("/pulls/{pull}")).await["body"].as_str().unwrap().to_owned();
    maintainer.edit_pull(pull, "feat: do it", &format!("Mind the units.\r\n\r\n{own}\r\nTried by hand.")).await;
    maintainer.comment(pull, "/approve").await;
    stage.completed(issue).await;
    stage.quiet().await;
    let now = stage.get(&format!("/pulls/{pull}")).await;
    let body = now["body"].as_str().unwrap();
    assert_eq!(now["title"], "feat: do it");
    assert!(body.starts_with("Mind the units.") && body.ends_with("Tried by hand."), "{body}");
    assert!(body.contains("**done**") || body.contains("✅ merged"), "Adjutant's part goes on: {body}");
    stage.strike().await;
}
