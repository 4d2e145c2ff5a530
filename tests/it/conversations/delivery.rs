//! How the work reaches the base: each step separately, or everything without a person.

use serde_json::json;

use super::policy;
use crate::support::stage::{Stage, plan, step, write};

#[tokio::test]
async fn direct_delivery_merges_each_step_into_the_base_before_the_next_starts() {
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
    insta::assert_snapshot!(stage.transcript().await, @r#"
    # Issue #1: Work (closed [directive]), by maintainer
    One after the other.

    * labeled directive by maintainer
    * closed by adjutant[bot]

    ## adjutant[bot]
    ### ✅ Completed

    Everything is merged into `main`. 2 steps · 0 reworks · $0.03 · 3.6k tokens read, 102 written.

    `████████████████████` 100 %

    ```mermaid
    graph LR
      s0["✅ first"]:::done
      s1["✅ second"]:::done
      s0 --> s1
    ```

    | Step | Kind | Status | Confidence | Reworks | Cost | Time |
    |---|---|---|---|---:|---:|---:|
    | [first](https://github/acme/widgets/pull/g1-first) | implement | ✅ merged | 🟢 green (1.00) |  | $0.01 | [duration] |
    | [second](https://github/acme/widgets/pull/g1-second) | implement | ✅ merged | 🟢 green (1.00) |  | $0.01 | [duration] |

    Asked for by `maintainer` on [time], `guardrails`. Plan: by the planner.

    <details><summary>The plan</summary>

    > As the test says.

    - **first**: Do first.
    - **second**: Do second.

    </details>

    <sub>$0.03 of $10.00 · 3.6k tokens read, 102 written · [duration] of [duration] at work · `/help` lists the commands</sub>

    ## adjutant[bot]
    Completed. Everything is merged into `main`.

    <sub>2 steps · 0 reworks · $0.03 · 3.6k tokens read, 102 written</sub>

    # Pull request #g1-first: first: Do first (merged by adjutant[bot]), by adjutant[bot]
    adjutant/1-1/g1-first -> main
    Part of #1

    plan ✓ → execute ✓ → review ✓ → **done**

    > Do first.

    **What was done**

    > Did first, try 1.

    <sub>implement step `first`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-first` are kept.</sub>

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

    # Pull request #g1-second: second: Do second (merged by adjutant[bot]), by adjutant[bot]
    adjutant/1-1/g1-second -> main
    Part of #1

    plan ✓ → execute ✓ → review ✓ → **done**

    > Do second.

    **What was done**

    > Did second, try 1.

    <sub>implement step `second`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-second` are kept.</sub>

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
async fn full_auto_with_merge_auto_completes_without_a_person() {
    // A yellow step is merged too. The step after it fixes the cause, so that the final pull request is green.
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
    insta::assert_snapshot!(stage.transcript().await, @r#"
    # Issue #1: Work (closed [directive]), by maintainer
    All by itself.

    * labeled directive by maintainer
    * closed by adjutant[bot]

    ## adjutant[bot]
    ### ✅ Completed

    Merged into `main` with [#main](https://github/acme/widgets/pull/main). 2 steps · 0 reworks · $0.03 · 3.6k tokens read, 102 written.

    `████████████████████` 100 %

    ```mermaid
    graph LR
      s0["✅ rough"]:::done
      s1["✅ smooth"]:::done
      s0 --> s1
      final(["✅ final"]):::done
      s1 --> final
    ```

    | Step | Kind | Status | Confidence | Reworks | Cost | Time |
    |---|---|---|---|---:|---:|---:|
    | [rough](https://github/acme/widgets/pull/g1-rough) | implement | ✅ merged | 🟡 yellow (0.67) |  | $0.01 | [duration] |
    | [smooth](https://github/acme/widgets/pull/g1-smooth) | implement | ✅ merged | 🟢 green (1.00) |  | $0.01 | [duration] |
    | [final pull request](https://github/acme/widgets/pull/main) | final | ✅ merged | 🟢 green (1.00) |  | $0.00 |  |

    Asked for by `maintainer` on [time], `full_auto`. Plan: by the planner.

    <details><summary>The plan</summary>

    > As the test says.

    - **rough**: Do rough.
    - **smooth**: Do smooth.

    </details>

    <sub>$0.03 of $10.00 · 3.6k tokens read, 102 written · [duration] of [duration] at work · `/help` lists the commands</sub>

    # Pull request #g1-rough: rough: Do rough (merged by adjutant[bot]), by adjutant[bot]
    adjutant/1-1/g1-rough -> adjutant/1-1/main
    Part of #1

    plan ✓ → execute ✓ → review ✓ → **done**

    > Do rough.

    **What was done**

    > Did rough, try 1.

    <sub>implement step `rough`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-rough` are kept.</sub>

    * ready_for_review by adjutant[bot]
    * merged by adjutant[bot]
    * closed by adjutant[bot]

    ## Check adjutant: success: 🟡 yellow (0.67): done
    This step is done.

    **Why it is no better**

    - the optional verifier `lint` failed

    **Verifiers**

    | Verifier | Result | Counts | Time |
    |---|---|---|---:|
    | test | ✅ test passed in [duration] | required, weight 1 | [duration] |
    | lint | ❌ lint exited with status 1 | optional, weight 0.5 | [duration] |

    ## Check adjutant/lint: failure: lint exited with status 1
    `lint` failed in [duration] (optional, weight 0.5).

    ## Check adjutant/test: success: test passed in [duration]
    `test` passed in [duration] (required, weight 1).

    # Pull request #g1-smooth: smooth: Do smooth (merged by adjutant[bot]), by adjutant[bot]
    adjutant/1-1/g1-smooth -> adjutant/1-1/main
    Part of #1

    plan ✓ → execute ✓ → review ✓ → **done**

    > Do smooth.

    **What was done**

    > Did smooth, try 1.

    <sub>implement step `smooth`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-smooth` are kept.</sub>

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

    > All by itself.

    | Step | Kind | Pull request | Status | Confidence | Reworks | Cost |
    |---|---|---|---|---|---:|---:|
    | rough | implement | [#g1-rough](https://github/acme/widgets/pull/g1-rough) | ✅ merged | 🟡 yellow (0.67) | 0 | $0.01 |
    | smooth | implement | [#g1-smooth](https://github/acme/widgets/pull/g1-smooth) | ✅ merged | 🟢 green (1.00) | 0 | $0.01 |

    <details><summary>What each step did</summary>

    **rough**

    > Did rough, try 1.

    **smooth**

    > Did smooth, try 1.

    </details>

    <sub>2 steps · 0 reworks · $0.03 · 3.6k tokens read, 102 written · asked for by `maintainer` · `/approve` merges it where the branch's rules allow, `/rework WHAT` sends it back</sub>

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
    "#);
    stage.strike().await;
}
