//! Replanning, and issues that are edited while a directive lives.

use adjutant_domain::directive::{Directive, PlanOrigin};
use adjutant_domain::status::{DirectiveStatus, StepStatus};
use adjutant_domain::task::TaskStatus;
use serde_json::{Value, json};

use super::{POLICY, policy};
use crate::support::stage::{Stage, plan, step, write};

/// How many agents worked on steps of this name, in all plans.
fn runs(directive: &Directive, name: &str) -> usize {
    let of_name = |task: &&adjutant_domain::task::Task| {
        let step = task.step.and_then(|step| directive.any_step(step));
        step.is_some_and(|step| step.name.as_str() == name)
    };
    directive.tasks.iter().filter(of_name).count()
}

async fn second_plan(stage: &Stage, issue: u64) -> Directive {
    stage.directive_is(issue, "there is a second plan", |it| it.generation == 2 && it.plan.is_some()).await
}

#[tokio::test]
async fn a_replan_keeps_what_passed_and_does_not_run_it_again() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &["a"])]), plan([step("a", &[]), step("c", &["a"])])],
        "b": [write([("b.txt", "ugly\n")])],
    });
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let merged = stage.passed(issue, "a").await;
    let b = stage.asks(issue, "b").await;
    let order = maintainer.comment(issue, "/replan b goes too far, take c").await;
    let word = stage.expect(b, "the work is planned anew on maintainer's word: b goes too far, take c").await;
    assert!(word.contains("What replaces it") && word.contains("is kept"), "{word}");
    stage.reacted(order, "rocket").await;

    let last = stage.asks(issue, "final").await;
    let status =
        stage.status_says(issue, "Plan 2 of at most 3, because `maintainer` asked for another: b goes too far").await;
    assert!(status.contains("It was made by the planner."), "{status}");
    let directive = second_plan(&stage, issue).await;
    let names: Vec<_> = directive.steps.iter().map(|step| (step.name.as_str(), step.status())).collect();
    assert_eq!(names, [("a", StepStatus::Passed), ("c", StepStatus::Passed)]);
    assert_eq!(directive.step_named("a").unwrap().pull, merged.pull, "its merge is kept");
    assert_eq!((runs(&directive, "a"), runs(&directive, "c")), (1, 1));
    let told = stage.get(&format!("/pulls/{last}")).await["body"].as_str().unwrap().to_owned();
    assert!(told.contains(&format!("[#{}]", merged.pull.unwrap().number)), "the story tells of it: {told}");
    assert_eq!(stage.get(&format!("/pulls/{b}")).await["state"], "closed");
    assert_eq!(stage.file("adjutant/1-1/g1-b", "b.txt").await.as_deref(), Some("ugly\n"), "the branch is kept");

    maintainer.comment(b, "/approve").await;
    stage.expect(b, "belongs to `b` of an earlier plan").await;
    maintainer.merge(last).await;
    stage.completed(issue).await;
    assert_eq!(stage.file("main", "a.txt").await.as_deref(), Some("a\n"));
    assert_eq!(stage.file("main", "b.txt").await, None);
    stage.strike().await;
}

#[tokio::test]
async fn a_replan_cancels_running_work_keeps_its_checkpoint_and_completes_the_checks() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &[])]), plan([step("all", &[])])],
        "a": [write([("a.txt", "ugly\n")])],
        "b": [{ "begin": { "half.txt": "half\n" }, "wait": "b" }],
    });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    stage.agent_waits_for("b").await;
    let first = stage.directive_is(issue, "is there", |_| true).await;
    let running = first.tasks.iter().find(|task| task.status == TaskStatus::Running).unwrap().id;
    stage.as_("writer").comment(pull, "/replan").await;
    stage.expect(pull, "the work is planned anew on writer's word").await;

    // One step that goes straight into the base, because nothing was merged yet.
    let only = stage.asks(issue, "all").await;
    let directive = second_plan(&stage, issue).await;
    assert_eq!(directive.task(running).unwrap().status, TaskStatus::Cancelled);
    assert_eq!(stage.get(&format!("/pulls/{only}")).await["base"]["ref"], "main");
    stage.quiet().await;
    let head = stage.get(&format!("/pulls/{pull}")).await["head"]["sha"].as_str().unwrap().to_owned();
    let checks = stage.get(&format!("/commits/{head}/check-runs")).await;
    let open: Vec<&Value> =
        checks["check_runs"].as_array().unwrap().iter().filter(|run| run["status"] != "completed").collect();
    assert!(open.is_empty(), "{open:?}");
    let composite = checks["check_runs"].as_array().unwrap().iter().find(|run| run["name"] == "adjutant").unwrap();
    assert_eq!(
        (&composite["conclusion"], &composite["output"]["title"]),
        (&json!("cancelled"), &json!("planned anew"))
    );
    let checkpoint = format!("/git/ref/adjutant/{issue}-1/{running}");
    let saved = stage.get(&checkpoint).await["object"]["sha"].as_str().unwrap().to_owned();
    assert_eq!(stage.file(&saved, "half.txt").await.as_deref(), Some("half\n"));
    stage.as_("maintainer").merge(only).await;
    stage.completed(issue).await;
    stage.strike().await;
}

#[tokio::test]
async fn a_chain_of_one_step_becomes_one_of_two_until_the_limit_of_plans_is_reached() {
    let script = json!({
        "plan": [plan([step("all", &[])]), plan([step("left", &[]), step("right", &["left"])])],
        "all": [write([("all.txt", "ugly\n")])],
    });
    let stage = Stage::set(&policy("limits: { chain_generations: 2 }"), script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let first = stage.asks(issue, "all").await;
    maintainer.comment(first, "/replan cut it up").await;
    stage.expect(first, "cut it up").await;
    let last = stage.asks(issue, "final").await;
    assert_eq!(stage.get(&format!("/pulls/{last}")).await["base"]["ref"], "main");

    let order = maintainer.comment(issue, "/replan and once more").await;
    let refusal = stage.expect(issue, "chain_generations: 2").await;
    assert!(refusal.contains("`/stop`") && refusal.contains("`/rework`"), "what can be done instead: {refusal}");
    stage.reacted(order, "-1").await;
    let directive = stage.directive_is(issue, "is there", |_| true).await;
    assert_eq!((directive.status(), directive.generation), (DirectiveStatus::Active, 2));
    maintainer.comment(last, "/approve").await;
    stage.completed(issue).await;
    assert_eq!(stage.file("main", "right.txt").await.as_deref(), Some("right\n"));
    assert_eq!(stage.file("main", "all.txt").await, None);
    stage.strike().await;
}

#[tokio::test]
async fn the_final_pull_request_is_closed_by_a_replan_and_another_takes_its_place() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &[])]), plan([step("c", &["b"])])],
    });
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let first = stage.asks(issue, "final").await;
    maintainer.comment(first, "/replan c is missing").await;
    stage.expect(first, "c is missing").await;
    stage.passed(issue, "c").await;
    let second = stage.asks(issue, "final").await;
    assert_ne!(first, second);
    assert_eq!(stage.get(&format!("/pulls/{first}")).await["state"], "closed");
    maintainer.merge(second).await;
    let directive = stage.completed(issue).await;
    let names: Vec<_> = directive.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    for name in names {
        assert_eq!(runs(&directive, name), 1, "{name}");
        assert!(stage.file("main", &format!("{name}.txt")).await.is_some(), "{name}");
    }
    stage.strike().await;
}

#[tokio::test]
async fn an_edited_issue_is_reported_and_adopted_by_replan_after_a_person_approves_the_plan() {
    let script = json!({
        "plan": [
            { "goal": true, "plan": plan([step("a", &[]), step("b", &["a"])])["plan"] },
            { "goal": true, "plan": plan([step("a", &[]), step("c", &[])])["plan"] },
        ],
        "b": [{ "wait": "b" }],
    });
    let stage = Stage::set(&policy("autonomy: full_auto\nmerge: auto"), script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.as_("outsider").open_issue("Two hands", "A left hand.").await;
    maintainer.label(issue).await;
    stage.agent_waits_for("b").await;
    let noted = async || stage.status_comments(issue).await.pop().unwrap().contains("differs by now from the brief");

    // Edited, changed back, and edited again by somebody without write access.
    let outsider = stage.as_("outsider");
    outsider.edit_issue(issue, "A right hand.").await;
    stage.status_says(issue, "differs by now from the brief").await;
    outsider.edit_issue(issue, "A left hand.").await;
    stage.until("the note goes away", async || !noted().await).await;
    outsider.edit_issue(issue, "A right hand.").await;
    stage.status_says(issue, "`/replan` by somebody with write access takes the new text over").await;
    outsider.comment(issue, "/replan").await;
    stage.expect(issue, "`outsider` does not have it").await;
    let directive = stage.directive_is(issue, "is there", |_| true).await;
    assert_eq!((directive.brief.goal.as_str(), directive.generation), ("A left hand.", 1));

    maintainer.comment(issue, "/replan the other hand").await;
    stage.status_says(issue, "The plan waits for a person").await;
    assert!(!noted().await);
    let directive = second_plan(&stage, issue).await;
    assert_eq!((directive.brief.goal.as_str(), directive.status()), ("A right hand.", DirectiveStatus::Planning));
    assert_eq!(directive.plan.as_ref().unwrap().rationale, "A right hand.", "the planner was told the new text");
    maintainer.comment(issue, "/approve").await;
    let directive = stage.completed(issue).await;
    assert_eq!((runs(&directive, "a"), runs(&directive, "c")), (1, 1));
    assert_eq!(stage.file("main", "c.txt").await.as_deref(), Some("c\n"));
    stage.strike().await;
}

#[tokio::test]
async fn full_auto_replans_when_a_step_keeps_failing() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("bad", &["a"])]), plan([step("good", &["a"])])],
        "bad": [write([("bad.txt", "broken\n")]), write([("bad.txt", "broken!\n")])],
    });
    let limits = "limits: { rework_cycles: 1 }\nautonomy: full_auto\nmerge: auto";
    let stage = Stage::set(&policy(limits), script).await;
    let issue = stage.directive("All by itself.").await;
    let directive = stage.completed(issue).await;
    assert!(directive.approvals.is_empty(), "{:?}", directive.approvals);
    assert_eq!(directive.plan.as_ref().unwrap().origin, PlanOrigin::Planned);
    let left = directive.earlier.iter().find(|step| step.name.as_str() == "bad").unwrap();
    let pull = left.pull.clone().unwrap().number;
    stage.expect(pull, "the work is planned anew: `bad`: still red after 1 rework").await;
    stage.status_says(issue, "Plan 2 of at most 3, because `bad`: still red after 1 rework").await;
    assert_eq!((runs(&directive, "a"), runs(&directive, "good")), (1, 1));
    assert_eq!(stage.file("main", "good.txt").await.as_deref(), Some("good\n"));
    assert_eq!(stage.file("main", "bad.txt").await, None);
    stage.strike().await;
}
