//! From the label to the closed issue.

use serde_json::json;

use super::{POLICY, policy};
use crate::support::stage::{Stage, plan, step, step_of, write};

#[tokio::test]
async fn a_labelled_issue_becomes_merged_pull_requests_with_two_steps_in_parallel() {
    let chain = plan([step("left", &[]), step("right", &[]), step("both", &["left", "right"])]);
    let script = json!({
        "plan": [chain],
        "left": [{ "wait": "left", "write": { "left.txt": "left\n" } }],
        "right": [{ "wait": "right", "write": { "right.txt": "right\n" } }],
    });
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");

    let issue = stage.as_("outsider").open_issue("Two hands", "### Goal\n\nA left and a right hand.").await;
    maintainer.label(issue).await;
    stage.agent_waits_for("left").await;
    stage.agent_waits_for("right").await;
    stage.status_says(issue, "0 of 3 steps done").await;
    stage.say("left");
    stage.say("right");

    let last = stage.asks(issue, "final").await;
    stage.status_says(issue, "the final pull request waits for a person").await;
    let shown = stage.get(&format!("/pulls/{last}")).await;
    assert_eq!(shown["base"]["ref"], "main");
    assert!(shown["body"].as_str().unwrap().contains(&format!("Closes #{issue}")), "{shown}");
    let order = maintainer.comment(issue, "Well done.\n/approve").await;
    let directive = stage.completed(issue).await;

    stage.reacted(order, "rocket").await;
    stage.status_says(issue, "✅ Completed").await;
    assert_eq!(stage.status_comments(issue).await.len(), 1, "one comment, edited in place");
    for name in ["left", "right", "both"] {
        let path = format!("{name}.txt");
        assert_eq!(stage.file("main", &path).await.as_deref(), Some(format!("{name}\n").as_str()));
        let branch = directive.step_named(name).unwrap().branch.clone();
        assert_eq!(stage.file(branch.as_str(), &path).await, None, "a merged step's branch is deleted");
    }
    let branches = stage.get("/branches").await;
    assert_eq!(branches.as_array().unwrap().len(), 1, "the integration branch is gone too: {branches}");
    let commits = stage.get("/commits?sha=main&per_page=100").await;
    let subjects: Vec<_> =
        commits.as_array().unwrap().iter().filter_map(|it| it["commit"]["message"].as_str()).collect();
    for name in ["left", "right", "both"] {
        let of_step = subjects.iter().filter(|subject| subject.starts_with(&format!("{name}: "))).count();
        assert_eq!(of_step, 1, "one commit a step, but {subjects:?}");
    }
    stage.strike().await;
}

#[tokio::test]
async fn a_chain_of_one_step_goes_straight_to_the_base() {
    let stage = Stage::set(POLICY, json!({ "plan": [plan([step("only", &[])])] })).await;
    let issue = stage.directive("One thing.").await;
    let pull = stage.asks(issue, "only").await;
    assert_eq!(stage.get(&format!("/pulls/{pull}")).await["base"]["ref"], "main");
    stage.as_("maintainer").comment(pull, "/approve").await;
    let directive = stage.completed(issue).await;
    assert!(directive.final_step.is_none());
    assert_eq!(stage.file("main", "only.txt").await.as_deref(), Some("only\n"));
    stage.strike().await;
}

#[tokio::test]
async fn full_auto_with_merge_auto_goes_to_the_end_without_a_person() {
    // Yellow on the way is merged too; the step after it mends it, so that the final one is green.
    let script = json!({
        "plan": [plan([step("rough", &[]), step("smooth", &["rough"])])],
        "rough": [write([("rough.txt", "ugly\n")])],
        "smooth": [write([("rough.txt", "fine\n")])],
    });
    let stage = Stage::set(&policy("autonomy: full_auto\nmerge: auto"), script).await;
    let issue = stage.directive("All by itself.").await;
    let directive = stage.completed(issue).await;
    assert!(directive.approvals.is_empty(), "{:?}", directive.approvals);
    assert_eq!(stage.file("main", "rough.txt").await.as_deref(), Some("fine\n"));
    stage.strike().await;
}

#[tokio::test]
async fn direct_delivery_brings_each_step_to_the_base_before_the_next_starts() {
    let script = json!({ "plan": [plan([step("first", &[]), step("second", &["first"])])] });
    let stage = Stage::set(&policy("delivery: direct"), script).await;
    let issue = stage.directive("One after the other.").await;
    for name in ["first", "second"] {
        let pull = stage.asks(issue, name).await;
        assert_eq!(stage.get(&format!("/pulls/{pull}")).await["base"]["ref"], "main");
        stage.as_("maintainer").comment(pull, "/approve").await;
        stage.passed(issue, name).await;
    }
    stage.completed(issue).await;
    assert_eq!(stage.file("main", "second.txt").await.as_deref(), Some("second\n"));
    stage.strike().await;
}

#[tokio::test]
async fn a_research_step_hands_in_a_report_that_is_posted_collapsed() {
    let script = json!({
        "plan": [plan([step_of("research", "look", &[])])],
        "look": [{ "report": "# Findings\n\nIt is all there in `src/lib.rs`.", "summary": "Looked around." }],
    });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Find out where it is.").await;
    let report = stage.expect(issue, "Looked around.").await;
    let (before, folded) = report.split_once("<details>").unwrap();
    assert!(!before.contains("Findings") && folded.contains("It is all there"), "{report}");
    // Only reports and no diff at all: nothing is left to merge.
    let directive = stage.completed(issue).await;
    assert!(directive.steps[0].pull.is_none());
    stage.strike().await;
}

#[tokio::test]
async fn verifiers_are_detected_from_the_tree_when_the_policy_names_none() {
    let script = json!({
        "plan": [plan([step("made", &[])])],
        "made": [
            // A head's own makefile proves nothing: the base's names the verifier.
            write([("made.txt", "broken\n")]),
            write([("made.txt", "fine\n")]),
        ],
    });
    let stage = Stage::set("", script).await;
    let maintainer = stage.as_("maintainer");
    maintainer.write("main", "Cargo.toml", None).await;
    maintainer.write("main", "Makefile", Some("test:\n\t! grep -qs broken *.txt\n")).await;
    let issue = stage.directive("Made.").await;
    let pull = stage.asks_at_rework(issue, "made", 1).await;
    let head = stage.get(&format!("/pulls/{pull}")).await["head"]["sha"].as_str().unwrap().to_owned();
    let checks = stage.get(&format!("/commits/{head}/check-runs")).await;
    let names: Vec<_> =
        checks["check_runs"].as_array().unwrap().iter().filter_map(|run| run["name"].as_str()).collect();
    assert!(names.contains(&"adjutant/make test") && names.contains(&"adjutant"), "{names:?}");
    maintainer.merge(pull).await;
    stage.completed(issue).await;
    stage.strike().await;
}
