//! Verification: what counts as green, what needs a person, and what gives no result.

use adjutant_domain::evaluation::Confidence;
use adjutant_domain::status::{DirectiveStatus, StepStatus};
use serde_json::{Value, json};

use super::{POLICY, policy};
use crate::support::stage::{Stage, plan, step, write};

/// A chain of `a` and then `b`, with these tries of `a`.
pub(super) fn chain(a: Value) -> Value {
    let plan = plan([step("a", &[]), step("b", &["a"])]);
    Value::from_iter([("plan", json!([plan])), ("a", a)])
}

#[tokio::test]
async fn a_command_that_comes_while_checks_run_is_kept_for_that_commit() {
    let slow = r#"
setup: []
verifiers:
  - { name: test, run: "test ! -e a.txt || until grep -qs go *.txt; do sleep 0.1; done" }
  - { name: lint, run: "! grep -qs ugly *.txt" }
"#;
    // The verification of the first head never ends by itself. A push supersedes it.
    let stage = Stage::set(slow, chain(json!([write([("a.txt", "ugly\n")])]))).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let step = stage.step_is(issue, "a", "has a pull request", |step| step.pull.is_some()).await;
    let pull = step.pull.as_ref().unwrap().number;
    maintainer.comment(pull, "/approve").await;
    stage
        .step_is(issue, "a", "is pre_approved for", |step| {
            step.state.candidate().is_some_and(|candidate| candidate.pre_approved.is_some())
        })
        .await;
    maintainer.push(step.branch.as_str(), "a.txt", "ugly, but go\n").await;
    // The approval was for the previous head. The new head asks again, and the old verification is cancelled.
    stage.asks(issue, "a").await;
    let path = format!("/commits/{}/check-runs?check_name=adjutant%2Ftest", step.head().unwrap());
    stage
        .until("the first head's check is cancelled", async || {
            stage.get(&path).await["check_runs"][0]["conclusion"] == "cancelled"
        })
        .await;
    stage.strike().await;
}

#[tokio::test]
async fn a_step_without_changes_is_red_unless_it_shows_that_the_work_was_done_before() {
    let script = chain(json!([{ "summary": "Done." }]));
    let stage = Stage::set(&policy("limits: { rework_cycles: 1 }"), script).await;
    let issue = stage.directive("Do it.").await;
    stage.step_is(issue, "a", "is blocked", |step| step.status() == StepStatus::Blocked).await;
    stage.status_says(issue, "nothing was changed").await;
    stage.strike().await;

    let script = chain(json!([{ "evidence": "`src/lib.rs` has it since the first commit." }]));
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    stage.asks(issue, "a").await;
    stage.expect(issue, "since the first commit").await;
    stage.as_("maintainer").comment(issue, "/approve a").await;
    stage.passed(issue, "b").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_change_of_how_the_tests_run_is_never_green() {
    let files = [
        (".npmrc", "script-shell=/bin/true\n"),
        (".cargo/config.toml", "[target.'cfg(all())']\nrunner = \"true\"\n"),
        ("package.json", r#"{"scripts":{"test":"true"}}"#),
        ("unittest.py", "import sys\nsys.exit(0)\n"),
        ("lib.py", "import atexit, os\natexit.register(lambda: os._exit(0))\n"),
    ];
    let stage = Stage::set(POLICY, chain(json!([write(files)]))).await;
    let issue = stage.directive("Do it.").await;
    stage.asks(issue, "a").await;
    let step = stage.step_is(issue, "a", "is evaluated", |step| step.state.evaluation().is_some()).await;
    assert_eq!(step.state.evaluation().unwrap().confidence, Confidence::Yellow);
    let findings = &step.state.candidate().unwrap().findings;
    for (path, _) in files {
        assert!(findings.iter().any(|finding| finding.text.contains(path)), "{path}: {findings:?}");
    }
    stage.strike().await;
}

#[tokio::test]
async fn the_check_of_a_verifier_that_cannot_be_run_is_completed_with_the_reason() {
    // It is there on the base commit, and the change takes it away.
    let missing = "setup: []\nverifiers:\n  - { name: test, run: test ! -e a.txt || no-such-tool --all }\n";
    let stage = Stage::set(missing, chain(json!([write([("a.txt", "a\n")])]))).await;
    let issue = stage.directive("Do it.").await;
    let step = stage.step_is(issue, "a", "is blocked", |step| step.status() == StepStatus::Blocked).await;
    stage.status_says(issue, "no-such-tool: not found").await;
    let path = format!("/commits/{}/check-runs?check_name=adjutant%2Ftest", step.head().unwrap());
    let check = stage.get(&path).await["check_runs"][0].clone();
    assert_eq!(check["conclusion"], "action_required", "{check}");
    assert!(check["output"]["title"].as_str().unwrap().contains("no-such-tool: not found"), "{check}");
    // The failed effect is what the test is about.
    sqlx::query("DELETE FROM effects WHERE status = 'failed'").execute(&stage.pool).await.unwrap();
    stage.strike().await;
}

#[tokio::test]
async fn what_a_judge_calls_met_counts_only_with_lines_that_are_there() {
    let judged = |line: u32| {
        let evidence = json!([{ "file": "a.txt", "line": line }]);
        let criteria = json!([{ "id": "A1", "met": true, "note": "It is kind.", "evidence": evidence }]);
        json!({ "judgement": { "criteria": criteria, "score": 1.0 } })
    };
    let mut a = step("a", &[]);
    a["criteria"] = json!(["A1"]);
    let script = |line| json!({ "plan": [plan([a.clone()])], "judge": [judged(line)] });
    let goal = "### Goal\n\nKind.\n\n### Acceptance criteria\n\n- It is kind.";
    let stage = Stage::set(&policy("judge: { weight: 1.0 }"), script(99)).await;
    let issue = stage.directive(goal).await;
    let pull = stage.asks(issue, "a").await;
    let evaluation = stage.step_is(issue, "a", "is judged", |step| step.state.evaluation().is_some()).await;
    assert_eq!(evaluation.state.evaluation().unwrap().confidence, Confidence::Yellow);
    stage.status_says(issue, "criterion A1 was not judged: the judge calls it met, but `a.txt` has no line 99").await;
    let checks = stage.transcript().await;
    assert!(
        checks.contains("passed; the judge calls it met, but `a.txt` has no line 99: it ends with line 1 |"),
        "{checks}"
    );
    assert_ne!(pull, 0);
    stage.strike().await;

    let stage = Stage::set(&policy("judge: { weight: 1.0 }"), script(1)).await;
    let issue = stage.directive(goal).await;
    stage.asks(issue, "a").await;
    let step = stage.step_is(issue, "a", "is judged", |step| step.state.evaluation().is_some()).await;
    assert_eq!(step.state.evaluation().unwrap().confidence, Confidence::Green);
    let link = format!("/blob/{}/a.txt?plain=1#L1)): It is kind. |", step.head().unwrap());
    let path = format!("/commits/{}/check-runs", step.head().unwrap());
    stage.until("the check links the line", async || stage.get(&path).await.to_string().contains(&link)).await;
    stage.strike().await;
}

#[tokio::test]
async fn a_judge_can_lower_a_verdict() {
    let script = json!({
        "plan": [plan([step("a", &[]), step("b", &["a"])])],
        "judge": [{ "judgement": { "criteria": [{ "id": "A1", "met": false, "note": "Not kind." }], "score": 0.3 } }],
    });
    let stage = Stage::set(&policy("judge: { weight: 1.0 }"), script).await;
    let issue = stage.directive("### Goal\n\nKind.\n\n### Acceptance criteria\n\n- It is kind.").await;
    stage.asks(issue, "a").await;
    let step = stage.step_is(issue, "a", "is judged", |step| step.state.evaluation().is_some()).await;
    let evaluation = step.state.evaluation().cloned().unwrap();
    assert_eq!(evaluation.confidence, Confidence::Yellow, "{evaluation:?}");
    assert!(evaluation.results.iter().all(|result| result.verdict == adjutant_domain::evaluation::Verdict::Pass));
    insta::assert_snapshot!(stage.transcript().await, @r#"
    # Issue #1: Work (open [directive]), by maintainer
    ### Goal

    Kind.

    ### Acceptance criteria

    - It is kind.

    * labeled directive by maintainer

    ## adjutant[bot]
    ### ✋ 0 of 2 steps done; 1 question waits for a person

    `░░░░░░░░░░░░░░░░░░░░` 0 %

    **Waiting for a maintainer**

    - **[a](https://github/acme/widgets/pull/g1-a)**: `a` is yellow: the judge was not convinced; criterion A1 was judged unmet: Not kind. May this step be merged?
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
    | [a](https://github/acme/widgets/pull/g1-a) | implement | ✋ waits for a person | 🟡 yellow (0.72) |  | $0.02 | [duration] |
    | b | implement | ⚪ waits for others |  |  | $0.00 |  |

    Asked for by `maintainer` on [time], `guardrails`. Plan: by the planner.

    <details><summary>The plan</summary>

    > As the test says.

    - **a**: Do a.
    - **b**: Do b.

    </details>

    <sub>$0.03 of $10.00 · 3.6k tokens read, 102 written · [duration] of [duration] at work · `/help` lists the commands</sub>

    # Pull request #g1-a: a: Do a (open), by adjutant[bot]
    adjutant/1-1/g1-a -> adjutant/1-1/main
    Part of #1

    plan ✓ → execute ✓ → **review** → done

    > Do a.

    **What was done**

    > Did a, try 1.

    <sub>implement step `a`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-a` are kept.</sub>

    * ready_for_review by adjutant[bot]

    ## Check adjutant: action_required: 🟡 yellow (0.72): waits for a person
    `a` is yellow: the judge was not convinced; criterion A1 was judged unmet: Not kind. May this step be merged?

    Here: `/approve` merges it, `/rework WHAT` sends it back, `/skip` goes on without it. Approving or requesting changes in a review counts too.

    **Why it is no better**

    - the judge was not convinced
    - criterion A1 was judged unmet: Not kind.

    **Verifiers**

    | Verifier | Result | Counts | Time |
    |---|---|---|---:|
    | test | ✅ test passed in [duration] | required, weight 1 | [duration] |
    | lint | ✅ lint passed in [duration] | optional, weight 0.5 | [duration] |
    | judge | scored 0.30 | optional, weight 1 | |

    ## Check adjutant/lint: success: lint passed in [duration]
    `lint` passed in [duration] (optional, weight 0.5).

    ## Check adjutant/test: success: test passed in [duration]
    `test` passed in [duration] (required, weight 1).
    "#);
    stage.strike().await;
}

#[tokio::test]
async fn a_budget_that_is_used_up_pauses_and_resume_grants_it_again() {
    // Each run costs a cent.
    let stage = Stage::set(&policy("limits: { cost_usd: 0.02 }"), chain(json!([write([("a.txt", "a\n")])]))).await;
    let issue = stage.directive("Do it.").await;
    stage.status_is(issue, DirectiveStatus::Paused).await;
    stage.status_says(issue, "The budget of $0.02 is used up").await;
    stage.as_("maintainer").comment(issue, "/resume").await;
    stage.passed(issue, "b").await;
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

    <sub>$0.03 of $0.04 · 3.6k tokens read, 102 written · [duration] of [duration] at work · `/help` lists the commands</sub>

    ## maintainer
    /resume

    (reaction: rocket)

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
async fn a_push_while_an_agent_reworks_the_branch_is_not_lost() {
    let script = chain(json!([
        write([("a.txt", "ugly\n")]),
        { "wait": "a", "write": { "more.txt": "more\n" } },
    ]));
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "a").await;
    let branch = stage.step_is(issue, "a", "is there", |_| true).await.branch;
    maintainer.comment(pull, "/rework Write more.").await;
    stage.agent_waits_for("a").await;
    maintainer.push(branch.as_str(), "a.txt", "by hand\n").await;
    stage.say("a");
    stage.passed(issue, "a").await;
    let base = "adjutant/1-1/main";
    assert_eq!(stage.file(base, "a.txt").await.as_deref(), Some("by hand\n"));
    assert_eq!(stage.file(base, "more.txt").await.as_deref(), Some("more\n"));
    stage.strike().await;
}
