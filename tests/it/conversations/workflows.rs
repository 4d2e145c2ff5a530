//! Changes to GitHub workflows. A person has to look at them, and the app may not have the permission to push them.

use adjutant_domain::status::StepStatus;
use serde_json::json;

use super::verification::chain;
use super::{POLICY, policy};
use crate::support::stage::{Stage, write};

#[tokio::test]
async fn a_change_below_github_needs_a_person_even_in_full_auto() {
    let script = chain(json!([write([(".github/workflows/ci.yml", "on: push\n")])]));
    let stage = Stage::set(&policy("autonomy: full_auto\nmerge: auto"), script).await;
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    stage.status_says(issue, "`.github/workflows/ci.yml` is protected").await;
    stage.as_("maintainer").comment(pull, "/approve").await;
    stage.asks(issue, "final").await;
    stage.as_("maintainer").comment(issue, "/approve").await;
    stage.completed(issue).await;
    insta::assert_snapshot!(stage.transcript().await, @r#"
    # Issue #1: Work (closed [directive]), by maintainer
    Do it.

    * labeled directive by maintainer
    * closed by adjutant[bot]

    ## adjutant[bot]
    ### ✅ Completed

    Merged into `main` with [#main](https://github/acme/widgets/pull/main). 2 steps · 0 reworks · $0.03 · 3.6k tokens read, 102 written.

    `████████████████████` 100 %

    ```mermaid
    graph LR
      s0["✅ a"]:::done
      s1["✅ b"]:::done
      s0 --> s1
      final(["✅ final"]):::done
      s1 --> final
    ```

    | Step | Kind | Status | Confidence | Reworks | Cost | Time |
    |---|---|---|---|---:|---:|---:|
    | [a](https://github/acme/widgets/pull/g1-a) | implement | ✅ merged | 🟡 yellow (1.00) |  | $0.01 | [duration] |
    | [b](https://github/acme/widgets/pull/g1-b) | implement | ✅ merged | 🟢 green (1.00) |  | $0.01 | [duration] |
    | [final pull request](https://github/acme/widgets/pull/main) | final | ✅ merged | 🟡 yellow (1.00) |  | $0.00 |  |

    Asked for by `maintainer` on [time], `full_auto`. Plan: by the planner.

    <details><summary>The plan</summary>

    > As the test says.

    - **a**: Do a.
    - **b**: Do b.

    </details>

    <sub>$0.03 of $10.00 · 3.6k tokens read, 102 written · [duration] of [duration] at work · `/help` lists the commands</sub>

    ## maintainer
    /approve

    (reaction: rocket)

    # Pull request #g1-a: a: Do a (merged by adjutant[bot]), by adjutant[bot]
    adjutant/1-1/g1-a -> adjutant/1-1/main
    Part of #1

    plan ✓ → execute ✓ → review ✓ → **done**

    > Do a.

    **What was done**

    > Did a, try 1.

    **Look at**

    - `.github/workflows/ci.yml` is protected: a person has to approve its change

    <sub>implement step `a`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-a` are kept.</sub>

    * ready_for_review by adjutant[bot]
    * merged by adjutant[bot]
    * closed by adjutant[bot]

    ## maintainer
    /approve

    (reaction: rocket)

    ## Check adjutant: success: 🟡 yellow (1.00): done
    This step is done.

    **Why it is no better**

    - `.github/workflows/ci.yml` is protected: a person has to approve its change

    **Verifiers**

    | Verifier | Result | Counts | Time |
    |---|---|---|---:|
    | test | ✅ test passed in [duration] | required, weight 1 | [duration] |
    | lint | ✅ lint passed in [duration] | optional, weight 0.5 | [duration] |

    **Look at**

    - `.github/workflows/ci.yml` is protected: a person has to approve its change

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

    # Pull request #main: Work (merged by adjutant[bot]), by adjutant[bot]
    adjutant/1-1/main -> main
    Closes #1

    > Do it.

    | Step | Kind | Pull request | Status | Confidence | Reworks | Cost |
    |---|---|---|---|---|---:|---:|
    | a | implement | [#g1-a](https://github/acme/widgets/pull/g1-a) | ✅ merged | 🟡 yellow (1.00) | 0 | $0.01 |
    | b | implement | [#g1-b](https://github/acme/widgets/pull/g1-b) | ✅ merged | 🟢 green (1.00) | 0 | $0.01 |

    <details><summary>What each step did</summary>

    **a**

    > Did a, try 1.

    **b**

    > Did b, try 1.

    </details>

    **Look at**

    - `.github/workflows/ci.yml` is protected: a person has to approve its change
    - `.github/workflows/ci.yml` is protected: a person has to approve its change

    <sub>2 steps · 0 reworks · $0.03 · 3.6k tokens read, 102 written · asked for by `maintainer` · `/approve` merges it where the branch's rules allow, `/rework WHAT` sends it back</sub>

    * merged by adjutant[bot]
    * closed by adjutant[bot]

    ## Check adjutant: success: 🟡 yellow (1.00): done
    This step is done.

    **Why it is no better**

    - `.github/workflows/ci.yml` is protected: a person has to approve its change

    **Verifiers**

    | Verifier | Result | Counts | Time |
    |---|---|---|---:|
    | test | ✅ test passed in [duration] | required, weight 1 | [duration] |
    | lint | ✅ lint passed in [duration] | optional, weight 0.5 | [duration] |

    **Look at**

    - `.github/workflows/ci.yml` is protected: a person has to approve its change

    ## Check adjutant/lint: success: lint passed in [duration]
    `lint` passed in [duration] (optional, weight 0.5).

    ## Check adjutant/test: success: test passed in [duration]
    `test` passed in [duration] (required, weight 1).
    "#);
    stage.strike().await;
}

#[tokio::test]
async fn an_app_without_permission_for_workflows_asks_a_person_at_once_and_continues_when_it_is_granted() {
    let stage = Stage::set(POLICY, chain(json!([write([(".github/workflows/ci.yml", "on: push\n")])]))).await;
    let maintainer = stage.as_("maintainer");
    assert!(stage.playground.give_up_permission("workflows"));
    let issue = stage.directive("Do it.").await;
    let step = stage.step_is(issue, "a", "is blocked", |step| step.status() == StepStatus::Blocked).await;
    assert_eq!(step.failures, 0);
    let told = stage.status_says(issue, "`workflows: write`").await;
    assert!(told.contains("`.github/workflows/ci.yml`") && told.contains("`/retry`"), "{told}");
    let directive = stage.directive_is(issue, "is there", |_| true).await;
    let tried = directive.tasks.iter().filter(|task| task.step == Some(step.id)).count();
    assert_eq!(tried, 1, "an agent can do nothing about it");

    assert!(stage.playground.ask_permission("workflows", "write"));
    stage.playground.accept_permissions();
    maintainer.comment(issue, "/retry a").await;
    stage.step_is(issue, "a", "has a pull request", |step| step.pull.is_some()).await;
    stage.asks(issue, "a").await;
    assert_eq!(stage.file(step.branch.as_str(), ".github/workflows/ci.yml").await.as_deref(), Some("on: push\n"));
    insta::assert_snapshot!(stage.transcript().await, @r#"
    # Issue #1: Work (open [directive]), by maintainer
    Do it.

    * labeled directive by maintainer

    ## adjutant[bot]
    ### ✋ 0 of 2 steps done; 1 question waits for a person

    `░░░░░░░░░░░░░░░░░░░░` 0 %

    **Waiting for a maintainer**

    - **[a](https://github/acme/widgets/pull/g1-a)**: `a` is yellow: `.github/workflows/ci.yml` is protected: a person has to approve its change. May this step be merged?
      Here (or in [#g1-a](https://github/acme/widgets/pull/g1-a) without the name): `/approve a` merges it, `/rework a WHAT` sends it back, `/skip a` goes on without it.

    **Verified by** `! grep -qs broken *.txt`; `! grep -qs ugly *.txt` (named by the policy).

    ```mermaid
    graph LR
      s0["✋ a"]:::wait
      s1["⚪ b"]:::todo
      s0 --> s1
    ```

    | Step | Kind | Status | Confidence | Reworks | Cost | Time |
    |---|---|---|---|---:|---:|---:|
    | [a](https://github/acme/widgets/pull/g1-a) | implement | ✋ waits for a person | 🟡 yellow (1.00) |  | $0.02 | [duration] |
    | b | implement | ⚪ waits for others |  |  | $0.00 |  |

    Asked for by `maintainer` on [time], `guardrails`. Plan: by the planner.

    <details><summary>The plan</summary>

    > As the test says.

    - **a**: Do a.
    - **b**: Do b.

    </details>

    <sub>$0.03 of $10.00 · 3.6k tokens read, 102 written · [duration] of [duration] at work · `/help` lists the commands</sub>

    ## maintainer
    /retry a

    (reaction: rocket)

    # Pull request #g1-a: a: Do a (open), by adjutant[bot]
    adjutant/1-1/g1-a -> adjutant/1-1/main
    Part of #1

    plan ✓ → execute ✓ → **review** → done

    > Do a.

    **What was done**

    > Did a, try 1.

    <sub>implement step `a`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-a` are kept.</sub>

    * ready_for_review by adjutant[bot]

    ## Check adjutant: action_required: 🟡 yellow (1.00): waits for a person
    `a` is yellow: `.github/workflows/ci.yml` is protected: a person has to approve its change. May this step be merged?

    Here: `/approve` merges it, `/rework WHAT` sends it back, `/skip` goes on without it. Approving or requesting changes in a review counts too.

    **Why it is no better**

    - `.github/workflows/ci.yml` is protected: a person has to approve its change

    **Verifiers**

    | Verifier | Result | Counts | Time |
    |---|---|---|---:|
    | test | ✅ test passed in [duration] | required, weight 1 | [duration] |
    | lint | ✅ lint passed in [duration] | optional, weight 0.5 | [duration] |

    **Look at**

    - `.github/workflows/ci.yml` is protected: a person has to approve its change

    ## Check adjutant/lint: success: lint passed in [duration]
    `lint` passed in [duration] (optional, weight 0.5).

    ## Check adjutant/test: success: test passed in [duration]
    `test` passed in [duration] (required, weight 1).
    "#);
    stage.strike().await;
}
