//! From the label to the closed issue.

use serde_json::json;

use super::POLICY;
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
    insta::assert_snapshot!(stage.transcript().await, @r#"
    # Issue #1: Work (closed [directive]), by maintainer
    One thing.

    * labeled directive by maintainer
    * closed by adjutant[bot]

    ## adjutant[bot]
    ### ✅ Completed

    Everything is merged into `main`. 1 step · 0 reworks · $0.02 · 2.4k tokens read, 68 written.

    `████████████████████` 100 %

    ```mermaid
    graph LR
      s0["✅ only"]:::done
    ```

    | Step | Kind | Status | Confidence | Reworks | Cost | Time |
    |---|---|---|---|---:|---:|---:|
    | [only](https://github/acme/widgets/pull/g1-only) | implement | ✅ merged | 🟢 green (1.00) |  | $0.01 | [duration] |

    Asked for by `maintainer` on [time], `guardrails`. Plan: by the planner.

    <details><summary>The plan</summary>

    > As the test says.

    - **only**: Do only.

    </details>

    <sub>$0.02 of $10.00 · 2.4k tokens read, 68 written · [duration] of [duration] at work · `/help` lists the commands</sub>

    ## adjutant[bot]
    Completed. Everything is merged into `main`.

    <sub>1 step · 0 reworks · $0.02 · 2.4k tokens read, 68 written</sub>

    # Pull request #g1-only: only: Do only (merged by adjutant[bot]), by adjutant[bot]
    adjutant/1-1/g1-only -> main
    Part of #1

    plan ✓ → execute ✓ → review ✓ → **done**

    > Do only.

    **What was done**

    > Did only, try 1.

    <sub>implement step `only`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-only` are kept.</sub>

    * ready_for_review by adjutant[bot]
    * merged by adjutant[bot]
    * closed by adjutant[bot]

    ## maintainer
    /approve

    (reaction: rocket)

    ## Check adjutant: success: 🟢 green (1.00): done
    This step is done.

    **Verifiers**

    | Verifier | Result | Counts | Time |
    |---|---|---|---:|
    | test | ✅ test passed in [duration] | required, weight 1 | [duration] |
    | lint | ✅ lint passed in [duration] | optional, weight 0.5 | [duration] |

    ## Check adjutant/lint: success: lint passed in [duration]
    `lint` passed in [duration] (optional, weight 0.5).

    ## Check adjutant/test: success: test passed in [duration]
    `test` passed in [duration] (required, weight 1).
    "#);
    stage.strike().await;
}

#[tokio::test]
async fn the_report_of_a_research_step_is_posted_collapsed() {
    let script = json!({
        "plan": [plan([step_of("research", "look", &[])])],
        "look": [{ "report": "# Findings\n\nIt is all there in `src/lib.rs`.", "summary": "Looked around." }],
    });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Find out where it is.").await;
    let report = stage.expect(issue, "Looked around.").await;
    let (before, folded) = report.split_once("<details>").unwrap();
    assert!(!before.contains("Findings") && folded.contains("It is all there"), "{report}");
    // Nobody has judged the report, so that a person has to read it.
    stage.status_says(issue, "nobody has judged the report").await;
    stage.asks(issue, "look").await;
    stage.as_("maintainer").comment(issue, "/approve look").await;
    // There are only reports and no diff, so there is nothing to merge.
    let directive = stage.completed(issue).await;
    assert!(directive.steps[0].pull.is_none());
    stage.strike().await;
}

#[tokio::test]
async fn verifiers_are_detected_from_the_tree_when_the_policy_names_none() {
    let script = json!({
        "plan": [plan([step("made", &[])])],
        "made": [
            // The makefile of the head verifies nothing: the one of the base names the verifier.
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
    insta::assert_snapshot!(stage.transcript().await, @r#"
    # Issue #1: Work (closed [directive]), by maintainer
    Made.

    * labeled directive by maintainer
    * closed by adjutant[bot]

    ## adjutant[bot]
    ### ✅ Completed

    Everything is merged into `main`. 1 step · 1 rework · $0.03 · 3.6k tokens read, 102 written.

    `████████████████████` 100 %

    ```mermaid
    graph LR
      s0["✅ made"]:::done
    ```

    | Step | Kind | Status | Confidence | Reworks | Cost | Time |
    |---|---|---|---|---:|---:|---:|
    | [made](https://github/acme/widgets/pull/g1-made) | implement | ✅ merged | 🟢 green (1.00) | 1 | $0.02 | [duration] |

    Asked for by `maintainer` on [time], `guardrails`. Plan: by the planner.

    <details><summary>The plan</summary>

    > As the test says.

    - **made**: Do made.

    </details>

    <sub>$0.03 of $10.00 · 3.6k tokens read, 102 written · [duration] of [duration] at work · `/help` lists the commands</sub>

    ## adjutant[bot]
    Completed. Everything is merged into `main`.

    <sub>1 step · 1 rework · $0.03 · 3.6k tokens read, 102 written</sub>

    # Pull request #g1-made: made: Do made (merged by maintainer), by adjutant[bot]
    adjutant/1-1/g1-made -> main
    Part of #1

    plan ✓ → execute ✓ → review ✓ → **done**

    > Do made.

    **What was done**

    > Did made, try 2.

    <sub>implement step `made`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-made` are kept.</sub>

    * ready_for_review by adjutant[bot]
    * merged by maintainer
    * closed by maintainer

    ## Check adjutant: success: 🟢 green (1.00): done
    This step is done.

    **Verifiers**

    | Verifier | Result | Counts | Time |
    |---|---|---|---:|
    | make test | ✅ make test passed in [duration] | required, weight 1 | [duration] |

    ## Check adjutant/make test: success: make test passed in [duration]
    `make test` passed in [duration] (required, weight 1).

    ```text
    ! grep -qs broken *.txt
    ```
    "#);
    stage.strike().await;
}
