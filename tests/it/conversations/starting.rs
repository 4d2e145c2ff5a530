//! What a label starts, and what it does not start.

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

    // A maintainer who sets the label again starts the directive.
    maintainer.unlabel(issue).await;
    maintainer.label(issue).await;
    stage.asks(issue, "only").await;
    insta::assert_snapshot!(stage.transcript().await, @r#"
    # Issue #1: Please (open [directive]), by outsider
    Do it.

    * labeled directive by triager
    * unlabeled directive by triager
    * labeled directive by triager
    * unlabeled directive by maintainer
    * labeled directive by maintainer

    ## adjutant[bot]
    @triager: only people with write access to this repository can start Adjutant; `triager` does not have it. Ask a maintainer to set the label again.

    ## adjutant[bot]
    ### ✋ 0 of 1 step done; 1 question waits for a person

    `░░░░░░░░░░░░░░░░░░░░` 0 %

    **Waiting for a maintainer**

    - **[only](https://github/acme/widgets/pull/g1-only)**: `only` is green. May this be merged into the base?
      Here (or in [#g1-only](https://github/acme/widgets/pull/g1-only) without the name): merge it, or `/approve only` merges it where the branch's rules allow; `/rework only WHAT` sends it back.

    **Verified by** `! grep -qs broken *.txt`; `! grep -qs ugly *.txt` (named by the policy).

    ```mermaid
    graph LR
      s0["✋ only"]:::wait
    ```

    | Step | Kind | Status | Confidence | Reworks | Cost | Time |
    |---|---|---|---|---:|---:|---:|
    | [only](https://github/acme/widgets/pull/g1-only) | implement | ✋ waits for a person | 🟢 green (1.00) |  | $0.01 | [duration] |

    Asked for by `maintainer` on [time], `guardrails`. Plan: by the planner.

    <details><summary>The plan</summary>

    > As the test says.

    - **only**: Do only.

    </details>

    <sub>$0.02 of $10.00 · 2.4k tokens read, 68 written · [duration] of [duration] at work · `/help` lists the commands</sub>

    # Pull request #g1-only: only: Do only (open), by adjutant[bot]
    adjutant/1-1/g1-only -> main
    Part of #1

    plan ✓ → execute ✓ → **review** → done

    > Do only.

    **What was done**

    > Did only, try 1.

    <sub>implement step `only`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-only` are kept.</sub>

    * ready_for_review by adjutant[bot]

    ## Check adjutant: action_required: 🟢 green (1.00): waits for a person
    `only` is green. May this be merged into the base?

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
async fn a_broken_policy_is_answered_with_its_faults_until_it_is_fixed() {
    let stage = Stage::set("autonomy: wild\nlimit: {}\n", json!({ "plan": [plan([step("only", &[])])] })).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let answer = stage.expect(issue, "cannot be used").await;
    assert!(answer.contains("Line 1: `autonomy`") && answer.contains("did you mean `limits`?"), "{answer}");

    maintainer.write("main", ".github/adjutant.yml", Some(POLICY)).await;
    maintainer.unlabel(issue).await;
    maintainer.label(issue).await;
    stage.asks(issue, "only").await;
    insta::assert_snapshot!(stage.transcript().await, @r#"
    # Issue #1: Work (open [directive]), by maintainer
    Do it.

    * labeled directive by maintainer
    * unlabeled directive by maintainer
    * labeled directive by maintainer

    ## adjutant[bot]
    @maintainer: `.github/adjutant.yml` on the default branch cannot be used. Mend it there and set the label again:

    - Line 1: `autonomy` must be `manual`, `guardrails` or `full_auto`, but is `wild`.
    - Line 2: the file has no key `limit`; did you mean `limits`?

    ## adjutant[bot]
    ### ✋ 0 of 1 step done; 1 question waits for a person

    `░░░░░░░░░░░░░░░░░░░░` 0 %

    **Waiting for a maintainer**

    - **[only](https://github/acme/widgets/pull/g1-only)**: `only` is green. May this be merged into the base?
      Here (or in [#g1-only](https://github/acme/widgets/pull/g1-only) without the name): merge it, or `/approve only` merges it where the branch's rules allow; `/rework only WHAT` sends it back.

    **Verified by** `! grep -qs broken *.txt`; `! grep -qs ugly *.txt` (named by the policy).

    ```mermaid
    graph LR
      s0["✋ only"]:::wait
    ```

    | Step | Kind | Status | Confidence | Reworks | Cost | Time |
    |---|---|---|---|---:|---:|---:|
    | [only](https://github/acme/widgets/pull/g1-only) | implement | ✋ waits for a person | 🟢 green (1.00) |  | $0.01 | [duration] |

    Asked for by `maintainer` on [time], `guardrails`. Plan: by the planner.

    <details><summary>The plan</summary>

    > As the test says.

    - **only**: Do only.

    </details>

    <sub>$0.02 of $10.00 · 2.4k tokens read, 68 written · [duration] of [duration] at work · `/help` lists the commands</sub>

    # Pull request #g1-only: only: Do only (open), by adjutant[bot]
    adjutant/1-1/g1-only -> main
    Part of #1

    plan ✓ → execute ✓ → **review** → done

    > Do only.

    **What was done**

    > Did only, try 1.

    <sub>implement step `only`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-only` are kept.</sub>

    * ready_for_review by adjutant[bot]

    ## Check adjutant: action_required: 🟢 green (1.00): waits for a person
    `only` is green. May this be merged into the base?

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
async fn a_base_that_does_not_exist_is_reported() {
    let stage = Stage::set("base: nowhere\n", json!({})).await;
    let issue = stage.directive("Do it.").await;
    stage.expect(issue, "`nowhere` does not exist").await;
    insta::assert_snapshot!(stage.transcript().await, @r#"
    # Issue #1: Work (open [directive]), by maintainer
    Do it.

    * labeled directive by maintainer

    ## adjutant[bot]
    @maintainer: the policy's base branch `nowhere` does not exist. Create it, or name another as `base` in `.github/adjutant.yml`, and set the label again.
    "#);
    stage.strike().await;
}
