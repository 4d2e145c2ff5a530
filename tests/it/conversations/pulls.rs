//! What people do to Adjutant's pull requests with git and GitHub's own buttons.

use adjutant_domain::approval::{ApprovalKind, ApprovalStatus};
use adjutant_domain::status::{DirectiveStatus, StepStatus};
use serde_json::json;

use super::POLICY;
use crate::support::stage::{Stage, plan, step, write};

#[tokio::test]
async fn a_push_by_a_person_is_kept_and_evaluated_again() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &["a"])])],
        "a": [write([("a.txt", "ugly\n")])],
    });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    stage.asks(issue, "a").await;
    let branch = stage.step_is(issue, "a", "is there", |_| true).await.branch;
    let pushed = stage.as_("maintainer").push(branch.as_str(), "a.txt", "by hand\n").await;
    let step = stage.passed(issue, "a").await;
    assert_eq!(step.head().unwrap().as_str(), pushed, "green by now, it is merged as it was pushed");
    stage.asks(issue, "final").await;
    let directive = stage.directive_is(issue, "is there", |_| true).await;
    let asked = directive.approvals.iter().find(|approval| approval.kind == ApprovalKind::StepReview).unwrap();
    assert_eq!(asked.status, ApprovalStatus::Stale);
    assert_eq!(stage.file("adjutant/1-1/main", "a.txt").await.as_deref(), Some("by hand\n"));
    insta::assert_snapshot!(stage.transcript().await, @r#"
    # Issue #1: Work (open [directive]), by maintainer
    Do it.

    * labeled directive by maintainer

    ## adjutant[bot]
    ### ✋ 2 of 2 steps done; the final pull request waits for a person

    `███████████████████░` 95 %

    **Waiting for a maintainer**

    - **[final pull request](https://github/acme/widgets/pull/main)**: `final` is green. May this be merged into the base?
      Here (or in [#main](https://github/acme/widgets/pull/main) without the name): merge it, or `/approve final` merges it where the branch's rules allow; `/rework final WHAT` sends it back.

    **Verified by** `! grep -qs broken *.txt`; `! grep -qs ugly *.txt` (named by the policy).

    ```mermaid
    graph LR
      s0["✅ a"]:::done
      s1["✅ b"]:::done
      s0 --> s1
      final(["✋ final"]):::wait
      s1 --> final
    ```

    | Step | Kind | Status | Confidence | Reworks | Cost | Time |
    |---|---|---|---|---:|---:|---:|
    | [a](https://github/acme/widgets/pull/g1-a) | implement | ✅ merged | 🟢 green (1.00) |  | $0.01 | [duration] |
    | [b](https://github/acme/widgets/pull/g1-b) | implement | ✅ merged | 🟢 green (1.00) |  | $0.01 | [duration] |
    | [final pull request](https://github/acme/widgets/pull/main) | final | ✋ waits for a person | 🟢 green (1.00) |  | $0.00 |  |

    Asked for by `maintainer` on [time], `guardrails`. Plan: by the planner.

    <details><summary>The plan</summary>

    > As the test says.

    - **a**: Do a.
    - **b**: Do b.

    </details>

    <sub>$0.03 of $10.00 · 3.6k tokens read, 102 written · [duration] of [duration] at work · `/help` lists the commands</sub>

    # Pull request #g1-a: a: Do a (merged by adjutant[bot]), by adjutant[bot]
    adjutant/1-1/g1-a -> adjutant/1-1/main
    Part of #1

    plan ✓ → execute ✓ → review ✓ → **done**

    > Do a.

    **What was done**

    > Did a, try 1.

    <sub>implement step `a`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-a` are kept.</sub>

    * ready_for_review by adjutant[bot]
    * merged by adjutant[bot]
    * closed by adjutant[bot]

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

    # Pull request #g1-b: b: Do b (merged by adjutant[bot]), by adjutant[bot]
    adjutant/1-1/g1-b -> adjutant/1-1/main
    Part of #1

    plan ✓ → execute ✓ → review ✓ → **done**

    > Do b.

    **What was done**

    > Did b, try 1.

    <sub>implement step `b`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-b` are kept.</sub>

    * ready_for_review by adjutant[bot]
    * merged by adjutant[bot]
    * closed by adjutant[bot]

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

    # Pull request #main: Work (open), by adjutant[bot]
    adjutant/1-1/main -> main
    Closes #1

    > Do it.

    | Step | Kind | Pull request | Status | Confidence | Reworks | Cost |
    |---|---|---|---|---|---:|---:|
    | a | implement | [#g1-a](https://github/acme/widgets/pull/g1-a) | ✅ merged | 🟢 green (1.00) | 0 | $0.01 |
    | b | implement | [#g1-b](https://github/acme/widgets/pull/g1-b) | ✅ merged | 🟢 green (1.00) | 0 | $0.01 |

    <details><summary>What each step did</summary>

    **a**

    > Did a, try 1.

    **b**

    > Did b, try 1.

    </details>

    <sub>2 steps · 0 reworks · $0.03 · 3.6k tokens read, 102 written · asked for by `maintainer` · `/approve` merges it where the branch's rules allow, `/rework WHAT` sends it back</sub>


    ## Check adjutant: action_required: 🟢 green (1.00): waits for a person
    `final` is green. May this be merged into the base?

    Here: merge it, or `/approve` merges it where the branch's rules allow; `/rework WHAT` sends it back. Approving or requesting changes in a review counts too.

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
async fn pull_requests_that_a_person_merges_or_closes_are_passed_skipped_or_asked_about() {
    let ugly = |file: &str| json!([write([(file, "ugly\n")])]);
    let script = json!({
        "plan": [plan([step("merged", &[]), step("closed", &[]), step("needed", &[]), step("next", &["needed"])])],
        "merged": ugly("merged.txt"), "closed": ugly("closed.txt"), "needed": ugly("needed.txt"),
    });
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let mut pulls = Vec::new();
    for name in ["merged", "closed", "needed"] {
        pulls.push(stage.asks(issue, name).await);
    }
    maintainer.merge(pulls[0]).await;
    stage.passed(issue, "merged").await;
    maintainer.close(pulls[1]).await;
    stage.step_is(issue, "closed", "is skipped", |step| step.status() == StepStatus::Skipped).await;
    maintainer.close(pulls[2]).await;
    stage.step_is(issue, "needed", "is blocked", |step| step.status() == StepStatus::Blocked).await;
    stage.status_says(issue, "maintainer closed its pull request; opened again, it goes on").await;
    maintainer.comment(issue, "/skip needed").await;
    stage.asks(issue, "next").await;
    maintainer.comment(issue, "/approve next").await;
    let last = stage.asks(issue, "final").await;
    maintainer.merge(last).await;
    stage.completed(issue).await;
    assert_eq!(stage.file("main", "closed.txt").await, None);
    stage.strike().await;
}

#[tokio::test]
async fn a_closed_final_pull_request_waits_and_stop_ends_the_directive() {
    let stage = Stage::set(POLICY, json!({ "plan": [plan([step("a", &[]), step("b", &[])])] })).await;
    let issue = stage.directive("Do it.").await;
    let last = stage.asks(issue, "final").await;
    stage.as_("maintainer").close(last).await;
    stage.status_says(issue, "maintainer closed its pull request; opened again, it goes on").await;
    let head = stage.get(&format!("/pulls/{last}")).await["head"]["sha"].as_str().unwrap().to_owned();
    let check = format!("/commits/{head}/check-runs?check_name=adjutant");
    stage.quiet().await;
    assert_eq!(stage.get(&check).await["check_runs"][0]["conclusion"], "action_required");
    stage.as_("maintainer").comment(issue, "/stop").await;
    stage.status_is(issue, DirectiveStatus::Failed).await;
    stage.quiet().await;
    let ended = stage.get(&check).await["check_runs"][0].clone();
    assert_eq!(ended["conclusion"], "cancelled", "no check asks anybody after the end: {ended}");
    stage.strike().await;
}
