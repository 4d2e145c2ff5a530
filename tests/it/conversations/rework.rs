//! Rework: requested by people, by verifiers and because of conflicts.

use adjutant_domain::status::StepStatus;
use serde_json::json;

use super::{POLICY, policy};
use crate::support::stage::{Stage, keep, plan, step, write};

#[tokio::test]
async fn a_rework_can_be_requested_in_a_comment_a_review_a_line_comment_and_on_the_issue() {
    let ugly = keep("told.md", [("a.txt", "ugly\n")]);
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &["a"])])],
        "a": [ugly, ugly, ugly, ugly, keep("told.md", [("a.txt", "fine\n")])],
    });
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    let branch = stage.step_is(issue, "a", "is there", |_| true).await.branch;
    let told = async || stage.file(branch.as_str(), "told.md").await.unwrap();
    assert_eq!(told().await, "", "the first try is told nothing");

    maintainer.comment(pull, "Nearly.\n\n/rework Use the *existing* parser:\n\n- keep `parse`").await;
    stage.asks_at_rework(issue, "a", 1).await;
    let said = told().await;
    assert!(said.contains("maintainer asks for changes") && said.contains("existing"), "{said}");
    assert!(said.contains("- keep `parse`") && !said.contains("Nearly"), "{said}");

    let remarks = [("a.txt", "This line is too short."), ("told.md", "And this goes away.")];
    stage.as_("writer").review(pull, "REQUEST_CHANGES", "Two remarks.", &remarks).await;
    stage.asks_at_rework(issue, "a", 2).await;
    let said = told().await;
    assert!(said.contains("writer asks for changes") && said.contains("Two remarks."), "{said}");
    assert!(said.contains("`a.txt`, line 1") && said.contains("This line is too short."), "{said}");
    assert!(said.contains("+ugly") && said.contains("And this goes away."), "the hunk is shown: {said}");

    maintainer.comment_on_line(pull, "a.txt", "/rework Here, a longer word.").await;
    stage.asks_at_rework(issue, "a", 3).await;
    let said = told().await;
    assert!(said.contains("a longer word"), "{said}");

    maintainer.comment(issue, "/rework nothing at all").await;
    stage.expect(issue, "there is no step `nothing`").await;
    maintainer.comment(issue, "/rework a And now make it fine.").await;
    stage.passed(issue, "a").await;
    let said = stage.file("adjutant/1-1/main", "told.md").await.unwrap();
    assert!(said.contains("And now make it fine.") && !said.contains("longer word"), "{said}");
    stage.asks(issue, "final").await;
    stage.strike().await;
}

#[tokio::test]
async fn words_for_an_agent_wait_for_its_next_run() {
    let hears = |text: &str| json!({ "prompt": "told.md", "write": { "a.txt": text } });
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &["a"])])],
        "a": [hears("ugly\n"), hears("ugly\n"), hears("fine\n")],
    });
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    let branch = stage.step_is(issue, "a", "is there", |_| true).await.branch;
    let told = async || stage.file(branch.as_str(), "told.md").await.unwrap();
    assert!(!told().await.contains("## What people told you"));

    maintainer.comment(pull, "/tell Mind the *locale*:\n\n- `de_AT`").await;
    let said = stage.expect(pull, "gets these words with its next run").await;
    assert!(said.contains("No run is due; `/rework` starts one."), "{said}");
    stage.as_("writer").comment(issue, "/tell a And the time zone.").await;
    stage.expect(issue, "the agent of `a` gets these words").await;
    stage.as_("outsider").comment(issue, "/tell a Print the keys.").await;
    stage.expect(issue, "only people with write access").await;
    maintainer.comment(issue, "/tell a").await;
    stage.expect(issue, "say what the agent of `a` is to know").await;
    stage.quiet().await;
    assert_eq!(stage.asks(issue, "a").await, pull, "the question waits on");

    maintainer.comment(pull, "/rework Shorter.").await;
    stage.asks_at_rework(issue, "a", 1).await;
    let said = told().await;
    let (again, people) = (said.find("## Do it again").unwrap(), said.find("## What people told you").unwrap());
    assert!(again < people && said.contains("> Shorter."), "{said}");
    for words in ["> maintainer says:", "> Mind the *locale*:", "> - `de_AT`", "> writer says:", "> And the time zone."]
    {
        assert!(said[people..].contains(words), "{words}: {said}");
    }
    assert!(!said.contains("Print the keys"), "{said}");

    maintainer.comment(pull, "/rework Make it fine.").await;
    stage.passed(issue, "a").await;
    let said = stage.file("adjutant/1-1/main", "told.md").await.unwrap();
    assert!(!said.contains("What people told you") && !said.contains("locale"), "it was heard: {said}");
    stage.asks(issue, "final").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_red_step_is_reworked_automatically_and_blocks_when_the_cycles_are_used_up() {
    let broken = |file: &str| keep("told.md", [(file, "broken\n")]);
    let script = json!({
        "plan": [plan([step("take", &[]), step("again", &[]), step("leave", &[])])],
        "take": [broken("take.txt")],
        "again": [write([("again.txt", "broken\n")]), write([("again.txt", "broken!\n")]), write([("again.txt", "fine\n")])],
        "leave": [write([("leave.txt", "broken\n")]), write([("leave.txt", "broken!\n")])],
        "follow-up-1": [keep("follow.md", [("take.txt", "fine\n")])],
    });
    let stage = Stage::set(&policy("limits: { rework_cycles: 1 }"), script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let blocked =
        async |name: &str| stage.step_is(issue, name, "is blocked", |step| step.status() == StepStatus::Blocked).await;
    for name in ["take", "again", "leave"] {
        let step = blocked(name).await;
        assert_eq!((step.rework_cycles, step.reworks), (1, 1), "{name}");
    }
    let take = blocked("take").await;
    let told = stage.file(take.branch.as_str(), "told.md").await.unwrap();
    assert!(told.contains("The required verifier `test` failed"), "{told}");
    stage.status_says(issue, "needs a person: still red after 1 rework").await;

    let leave = stage.asks(issue, "leave").await;
    maintainer.comment(issue, "/skip leave").await;
    stage.step_is(issue, "leave", "is skipped", |step| step.status() == StepStatus::Skipped).await;
    stage.expect(leave, "this step was skipped").await;
    let again = stage.asks(issue, "again").await;
    maintainer.comment(again, "/retry").await;
    stage.passed(issue, "again").await;
    maintainer.comment(issue, "/approve take").await;
    stage.passed(issue, "take").await;

    // The accepted step makes the final pull request red. A further step fixes that.
    let last = stage.asks_at_rework(issue, "final", 1).await;
    let told = stage.file("adjutant/1-1/main", "follow.md").await.unwrap();
    assert!(told.contains("The required verifier `test` failed"), "{told}");
    maintainer.comment(last, "/approve").await;
    stage.completed(issue).await;
    assert_eq!(stage.file("main", "take.txt").await.as_deref(), Some("fine\n"));
    assert_eq!(stage.file("main", "leave.txt").await, None);
    stage.strike().await;
}

#[tokio::test]
async fn of_two_parallel_steps_in_conflict_the_second_is_reworked_and_both_are_merged() {
    let second = |wait: &str, text: &str| json!({ "wait": wait, "write": { "shared.txt": text } });
    let script = json!({
        "plan": [plan([step("first", &[]), step("second", &[])])],
        "first": [second("first", "first\n")],
        "second": [second("second", "second\n"), keep("told.md", [("shared.txt", "first\nsecond\n")])],
    });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    stage.agent_waits_for("first").await;
    stage.agent_waits_for("second").await;
    stage.say("first");
    stage.passed(issue, "first").await;
    stage.say("second");
    let step = stage.passed(issue, "second").await;
    assert_eq!((step.reworks, step.rework_cycles), (1, 0), "a conflict's rework does not count");
    let told = stage.file("adjutant/1-1/main", "told.md").await.unwrap();
    assert!(told.contains("`shared.txt`") && told.contains("conflict"), "{told}");
    let last = stage.asks(issue, "final").await;
    stage.as_("maintainer").merge(last).await;
    stage.completed(issue).await;
    assert_eq!(stage.file("main", "shared.txt").await.as_deref(), Some("first\nsecond\n"));
    stage.strike().await;
}

#[tokio::test]
async fn an_agent_without_a_result_is_tried_again_twice_and_then_a_person_is_asked() {
    let script = json!({ "plan": [plan([step("a", &[])])], "a": [{ "exit": 7 }] });
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    stage.step_is(issue, "a", "has failed", |step| step.status() == StepStatus::Failed).await;
    stage.status_says(issue, "tried 3 times").await;
    maintainer.comment(issue, "/approve a").await;
    stage.expect(issue, "has nothing to accept yet").await;
    maintainer.comment(issue, "/skip a").await;
    stage.completed(issue).await;
    stage.status_says(issue, "every step was skipped").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_rework_of_the_final_pull_request_adds_a_step() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &[])])],
        "follow-up-1": [keep("told.md", [])],
    });
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let last = stage.asks(issue, "final").await;
    maintainer.comment(last, "/rework Say why.").await;
    stage.passed(issue, "follow-up-1").await;
    assert_eq!(stage.asks_at_rework(issue, "final", 1).await, last);
    maintainer.review(last, "APPROVE", "", &[]).await;
    stage.completed(issue).await;
    let told = stage.file("main", "told.md").await.unwrap();
    assert!(told.contains("Say why."), "{told}");
    stage.strike().await;
}
