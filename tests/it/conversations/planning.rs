//! Plans: repaired, replaced by the default chain, approved by a person.

use adjutant_domain::directive::PlanOrigin;
use serde_json::json;

use super::{POLICY, policy};
use crate::support::stage::{Stage, plan, step};

#[tokio::test]
async fn a_broken_plan_is_repaired_once() {
    let broken = plan([step("a", &["b"]), step("b", &["a"])]);
    let stage = Stage::set(POLICY, json!({ "plan": [broken, plan([step("a", &[])])] })).await;
    let issue = stage.directive("Do it.").await;
    stage.asks(issue, "a").await;
    let directive = stage.directive_is(issue, "there is a plan", |directive| directive.plan.is_some()).await;
    let plan = directive.plan.unwrap();
    assert_eq!(plan.origin, PlanOrigin::Repaired);
    assert!(plan.faults.iter().any(|fault| fault.contains("cycle")), "{:?}", plan.faults);
    stage.strike().await;
}

#[tokio::test]
async fn a_plan_that_stays_broken_gives_way_to_the_default_chain() {
    let script = json!({
        "plan": [plan([step("a", &["nowhere"])])],
        "research": [{ "report": "Nothing to know." }],
    });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    stage.expect(issue, "Report of the research step").await;
    let last = stage.asks(issue, "final").await;
    let status = stage.status_says(issue, "default chain").await;
    assert!(status.contains("nowhere"), "the status comment says what was wrong: {status}");
    stage.as_("maintainer").merge(last).await;
    let directive = stage.completed(issue).await;
    let names: Vec<_> = directive.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["research", "implement", "test"]);
    stage.strike().await;
}

#[tokio::test]
async fn a_planner_that_crashes_is_tried_again_and_then_the_default_chain_takes_over() {
    let script = json!({ "plan": [{ "exit": 3 }], "research": [{ "report": "Nothing to know." }] });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    stage.expect(issue, "Report of the research step").await;
    stage.asks(issue, "final").await;
    let directive = stage.directive_is(issue, "there is a plan", |directive| directive.plan.is_some()).await;
    let planned = directive.tasks.iter().filter(|task| task.step.is_none()).count();
    assert_eq!(planned, 3);
    assert!(directive.plan.unwrap().faults.iter().any(|fault| fault.contains("status 3")));
    stage.strike().await;
}

#[tokio::test]
async fn manual_waits_for_the_plan_and_for_every_merge() {
    let better = plan([step("a", &[]), step("b", &[])]);
    let stage = Stage::set(&policy("autonomy: manual"), json!({ "plan": [plan([step("a", &[])]), better] })).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    stage.status_says(issue, "The plan waits for a person").await;
    maintainer.comment(issue, "/rework Take two steps.").await;
    stage.directive_is(issue, "there is another plan", |directive| directive.steps.len() == 2).await;
    stage.status_says(issue, "The plan waits for a person").await;
    maintainer.comment(issue, "/approve").await;

    for name in ["a", "b"] {
        let pull = stage.asks(issue, name).await;
        stage.as_("writer").comment(pull, "/approve").await;
        stage.passed(issue, name).await;
    }
    stage.asks(issue, "final").await;
    maintainer.comment(issue, "/approve final").await;
    stage.completed(issue).await;
    stage.strike().await;
}
