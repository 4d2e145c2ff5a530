//! What a label starts, and what it does not.

use serde_json::json;

use super::POLICY;
use crate::support::stage::{Stage, plan, step};

#[tokio::test]
async fn a_label_by_a_triager_is_answered_once_and_starts_nothing() {
    let stage = Stage::set(POLICY, json!({ "plan": [plan([step("only", &[])])] })).await;
    let (maintainer, triager) = (stage.as_("maintainer"), stage.as_("triager"));
    let issue = stage.as_("outsider").open_issue("Please", "Do it.").await;
    triager.label(issue).await;
    let answer = stage.expect(issue, "only people with write access").await;
    assert!(answer.contains("@triager"), "{answer}");
    triager.unlabel(issue).await;
    triager.label(issue).await;
    stage.quiet().await;
    assert_eq!(stage.status_comments(issue).await.len(), 0, "nothing was started");

    // A maintainer who sets it again starts it.
    maintainer.unlabel(issue).await;
    maintainer.label(issue).await;
    stage.asks(issue, "only").await;
    stage.strike().await;
}

#[tokio::test]
async fn the_whole_text_of_a_free_form_issue_is_the_goal() {
    let mut chain = plan([step("only", &[])]);
    chain["goal"] = json!(true);
    let stage = Stage::set(POLICY, json!({ "plan": [chain] })).await;
    let text = "Slips should be kinder.\n\n- They say *please*.\n- They say thanks.";
    let issue = stage.directive(text).await;
    stage.asks(issue, "only").await;
    let directive = stage.directive_is(issue, "there is a plan", |directive| directive.plan.is_some()).await;
    assert_eq!(directive.brief.goal, text);
    assert_eq!(directive.plan.unwrap().rationale, text, "the planner was told the goal");
    stage.strike().await;
}

#[tokio::test]
async fn a_broken_policy_is_answered_with_its_faults_until_it_is_mended() {
    let stage = Stage::set("autonomy: wild\nlimit: {}\n", json!({ "plan": [plan([step("only", &[])])] })).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let answer = stage.expect(issue, "cannot be used").await;
    assert!(answer.contains("Line 1: `autonomy`") && answer.contains("did you mean `limits`?"), "{answer}");

    maintainer.write("main", ".github/adjutant.yml", Some(POLICY)).await;
    maintainer.unlabel(issue).await;
    maintainer.label(issue).await;
    stage.asks(issue, "only").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_base_that_does_not_exist_is_told() {
    let stage = Stage::set("base: nowhere\n", json!({})).await;
    let issue = stage.directive("Do it.").await;
    stage.expect(issue, "`nowhere` does not exist").await;
    stage.strike().await;
}
