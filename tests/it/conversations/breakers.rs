//! Circuit breakers that trip and are reset, questions that expire, and blocked steps.

use adjutant_domain::approval::ApprovalStatus;
use adjutant_domain::ids::Usd;
use adjutant_domain::status::{DirectiveStatus, StepStatus};
use adjutant_domain::task::TaskStatus;
use serde_json::{Value, json};

use super::{POLICY, policy};
use crate::support::stage::{Stage, keep, plan, step, write};

/// Three sequential steps. An agent costs a cent.
fn in_a_row() -> Value {
    json!({ "plan": [plan([step("a", &[]), step("b", &["a"]), step("c", &["b"])])] })
}

#[tokio::test]
async fn used_up_money_pauses_until_a_budget_or_resume_grants_more() {
    let limits = "limits: { cost_usd: 0.02, cost_ceiling_usd: 0.06 }";
    let stage = Stage::set(&policy(limits), in_a_row()).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    stage.status_is(issue, DirectiveStatus::Paused).await;
    let said = stage.status_says(issue, "The budget of $0.02 is used up").await;
    assert!(said.contains("`/budget 0.04` sets another total (at most $0.06)"), "{said}");

    // Removing and setting the label again does not raise the budget.
    maintainer.unlabel(issue).await;
    stage.status_says(issue, "took the label off").await;
    maintainer.label(issue).await;
    stage
        .directive_is(issue, "only money pauses", |d| d.state.pause().is_some_and(|it| it.reasons.iter().count() == 1))
        .await;
    maintainer.comment(issue, "/budget 1").await;
    stage.expect(issue, "that the policy allows this directive in total").await;
    maintainer.comment(issue, "/budget 0.02").await;
    stage.expect(issue, "are spent already").await;
    assert_eq!(stage.status_is(issue, DirectiveStatus::Paused).await.tasks.len(), 2);

    maintainer.comment(issue, "One more.\n\n/budget 0.03").await;
    stage.passed(issue, "a").await;
    let paused = |d: &adjutant_domain::directive::Directive| {
        d.status() == DirectiveStatus::Paused && d.spent() == Usd::from_dollars(0.03)
    };
    let directive = stage.directive_is(issue, "is paused again", paused).await;
    let answered = &directive.approvals[0];
    assert_eq!(answered.status, ApprovalStatus::Approved);
    assert_eq!(answered.answered_by.as_ref().unwrap().as_str(), "maintainer");
    assert_eq!(answered.words.as_deref(), Some("One more.\n\n/budget 0.03"));
    maintainer.comment(issue, "/resume").await;
    stage.asks(issue, "final").await;
    assert_eq!(stage.breakers().await, ["cost", "cost"], "each trip is told once");
    stage.strike().await;
}

#[tokio::test]
async fn an_agent_that_did_not_say_what_it_cost_does_not_run_again_in_full_auto() {
    let undeclared = [("ADJUTANT_AGENT_MAX_USD", "")];
    let mut script = in_a_row();
    script["plan"][0]["untold"] = json!(true);
    let stage = Stage::set_with(&policy("autonomy: full_auto"), script, &undeclared).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let said = stage.status_says(issue, "what the agent `default` spends").await;
    assert!(said.contains("`max_usd`") && said.contains("`/autonomy guardrails`"), "{said}");
    let directive = stage.directive_is(issue, "it waits", |directive| directive.waiting().next().is_some()).await;
    assert_eq!((directive.tasks.len(), directive.unknown_runs()), (2, 1), "the plan was made, and no step");
    assert!(directive.tasks[1].measured.is_none());

    maintainer.comment(issue, "/autonomy guardrails").await;
    maintainer.comment(issue, "/retry a").await;
    stage.passed(issue, "a").await;
    maintainer.comment(issue, "/stop").await;
    stage.status_is(issue, DirectiveStatus::Failed).await;
    stage.strike().await;
}

#[tokio::test]
async fn used_up_time_pauses_until_resume_and_waiting_for_people_does_not_count() {
    let mut script = in_a_row();
    script["a"] = json!([write([("a.txt", "ugly\n")])]);
    script["b"] = json!([{ "wait": "b", "write": { "a.txt": "fine\n" } }]);
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    stage.asks(issue, "a").await;
    stage.quiet().await;
    let id = stage.status_is(issue, DirectiveStatus::Active).await.id;
    stage.hours_pass(id, 20.0).await;
    maintainer.comment(issue, "/approve a").await;
    stage.agent_waits_for("b").await;
    assert!(stage.breakers().await.is_empty(), "a person took the time");

    stage.hours_pass(id, 9.0).await;
    maintainer.comment(issue, "/status").await;
    stage.status_is(issue, DirectiveStatus::Paused).await;
    stage.status_says(issue, "The working time is used up").await;
    maintainer.comment(issue, "/status").await;
    stage.say("b");
    stage.step_is(issue, "b", "was finished", |step| step.state.evaluation().is_some()).await;
    maintainer.comment(issue, "/resume").await;
    stage.asks(issue, "final").await;
    assert_eq!(stage.breakers().await, ["wall_time"]);
    stage.strike().await;
}

#[tokio::test]
async fn more_than_three_failed_steps_end_the_directive_and_the_label_starts_another() {
    let names = ["a", "b", "c", "d"];
    let mut script = json!({ "plan": [plan(names.map(|name| step(name, &[])))] });
    for name in names {
        script[name] = json!([{ "exit": 7 }]);
    }
    let stage = Stage::set(&policy("limits: { parallel_tasks: 4 }"), script).await;
    let issue = stage.directive("Do it.").await;
    stage.status_is(issue, DirectiveStatus::Failed).await;
    let said = stage.status_says(issue, "could not be run on 4 steps").await;
    assert!(said.contains("set the label again"), "{said}");
    assert_eq!(stage.breakers().await, ["failed_steps"]);
    stage.as_("maintainer").unlabel(issue).await;
    stage.as_("maintainer").label(issue).await;
    stage.directive_is(issue, "there is a second one", |directive| directive.ordinal == 2).await;
    stage.status_is(issue, DirectiveStatus::Failed).await;
    stage.strike().await;
}

#[tokio::test]
async fn new_steps_queue_while_as_many_pull_requests_as_allowed_wait_for_a_person() {
    let mut script = json!({ "plan": [plan([step("a", &[]), step("b", &[])])] });
    script["a"] = json!([write([("a.txt", "ugly\n")])]);
    script["b"] = json!([write([("a.txt", "fine\n")])]);
    let stage = Stage::set(&policy("limits: { open_pull_requests: 1 }"), script).await;
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    let said = stage.status_says(issue, "`b` waits for a free place: 1 pull request").await;
    assert_eq!(said.matches("for a free place").count(), 1, "{said}");

    // Another directive of the repository is planned, and its step waits as well.
    let other = stage.directive("And this.").await;
    stage.status_says(other, "wait for a free place").await;
    let queued = stage.directive_is(issue, "is there", |_| true).await;
    assert_eq!(queued.tasks.iter().filter(|task| task.status == TaskStatus::Queued).count(), 1);
    assert_eq!(stage.breakers().await.iter().filter(|it| *it != "open_pull_requests").count(), 0);

    stage.as_("maintainer").comment(pull, "/approve").await;
    stage.passed(issue, "b").await;
    let last = stage.asks(issue, "final").await;
    stage.as_("maintainer").merge(last).await;
    stage.completed(issue).await;
    // The steps of the other directive get the slot one after the other.
    let pull = stage.asks(other, "a").await;
    stage.as_("maintainer").comment(pull, "/approve").await;
    stage.completed(other).await;
    stage.strike().await;
}

#[tokio::test]
async fn a_question_that_expires_is_reminded_of_once_and_a_late_answer_counts() {
    let mut script = json!({ "plan": [plan([step("a", &[]), step("b", &[])])] });
    script["a"] = json!([write([("a.txt", "ugly\n")])]);
    // Any number of hours of work is allowed.
    let stage = Stage::set(&policy("limits: { wall_time_hours: 700 }"), script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    stage.asks(issue, "a").await;
    let id = stage.status_is(issue, DirectiveStatus::Active).await.id;
    stage.hours_pass(id, 80.0).await;
    maintainer.comment(issue, "/status").await;
    let reminder = stage.expect(issue, "This has waited for a maintainer for 80 h").await;
    assert!(reminder.contains("`/approve a` merges it") && !reminder.contains('@'), "{reminder}");
    stage.status_says(issue, "(since ").await;
    stage.passed(issue, "b").await;
    stage.hours_pass(id, 80.0).await;
    maintainer.comment(issue, "/status").await;
    stage.quiet().await;

    maintainer.comment(issue, "/approve a").await;
    stage.passed(issue, "a").await;
    let directive = stage.directive_is(issue, "is there", |_| true).await;
    let late = &directive.approvals[0];
    assert_eq!(late.status, ApprovalStatus::Approved);
    assert!(late.answered_at > late.expires_at, "{late:?}");
    stage.asks(issue, "final").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_blocked_step_is_unblocked_in_each_of_four_ways() {
    let broken = |name: &str, last: &str| {
        let file = format!("{name}.txt");
        let tries = ["broken\n", "broken!\n", last];
        Value::from(tries.map(|text| keep("told.md", [(file.as_str(), text)])).to_vec())
    };
    let script = json!({
        "plan": [plan([step("take", &[]), step("mend", &["take"]), step("again", &["mend"]), step("leave", &["again"])])],
        "take": [write([("take.txt", "broken\n")]), write([("take.txt", "fine\n")])],
        "mend": broken("mend", "fine\n"),
        "again": broken("again", "fine\n"),
        "leave": broken("leave", "broken?\n"),
    });
    let stage = Stage::set(&policy("limits: { rework_cycles: 1 }"), script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let blocked =
        async |name: &str| stage.step_is(issue, name, "is blocked", |step| step.status() == StepStatus::Blocked).await;
    blocked("mend").await;
    stage.status_says(issue, "`/approve mend` accepts it as it is").await;
    maintainer.comment(issue, "/rework mend Use the other word.").await;
    stage.passed(issue, "mend").await;
    let told = stage.file("adjutant/1-1/main", "told.md").await.unwrap();
    assert!(told.contains("Use the other word."), "{told}");

    blocked("again").await;
    maintainer.comment(issue, "/retry again").await;
    stage.passed(issue, "again").await;
    let pull = blocked("leave").await.pull.unwrap().number;
    maintainer.comment(issue, "/approve leave").await;
    stage.passed(issue, "leave").await;
    assert_eq!(stage.get(&format!("/pulls/{pull}")).await["merged"], true);
    assert_eq!(stage.breakers().await, ["rework_cycles"; 3]);
    stage.as_("maintainer").comment(issue, "/stop").await;
    stage.status_is(issue, DirectiveStatus::Failed).await;
    stage.strike().await;
}

#[tokio::test]
async fn pause_lets_an_agent_finish_and_pause_now_ends_it() {
    let mut script = in_a_row();
    script["a"] = json!([{ "wait": "a", "write": { "a.txt": "a\n" } }]);
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    stage.agent_waits_for("a").await;
    maintainer.comment(issue, "/pause").await;
    let paused = stage.status_is(issue, DirectiveStatus::Paused).await;
    assert_eq!(paused.tasks.last().unwrap().status, TaskStatus::Running);
    let again = maintainer.comment(issue, "/pause").await;
    stage.expect(issue, "from paused to paused").await;
    stage.reacted(again, "-1").await;

    let now = maintainer.comment(issue, "/pause now").await;
    stage.reacted(now, "rocket").await;
    stage.step_is(issue, "a", "is back in line", |step| step.status() == StepStatus::Ready).await;
    stage.quiet().await;
    maintainer.comment(issue, "/resume").await;
    stage.say("a");
    stage.passed(issue, "a").await;
    stage.asks(issue, "final").await;
    stage.strike().await;
}
