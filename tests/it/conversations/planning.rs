//! Plans: repaired, replaced by the default chain, approved by a person.

use adjutant_domain::directive::{Directive, PlanOrigin};
use adjutant_domain::failure::{AgentErrorKind, Failure};
use adjutant_domain::plan::PlanFault;
use adjutant_domain::status::{StepStatus, TaskStatus};
use serde_json::json;

use super::{POLICY, policy};
use crate::support::open_folder;
use crate::support::stage::{Stage, agent, plan, step, write};

#[tokio::test]
async fn a_broken_plan_is_repaired_once() {
    let broken = plan([step("a", &["b"]), step("b", &["a"])]);
    let stage = Stage::set(POLICY, json!({ "plan": [broken, plan([step("a", &[])])] })).await;
    let issue = stage.directive("Do it.").await;
    stage.asks(issue, "a").await;
    let directive = stage.directive_is(issue, "there is a plan", |directive| directive.plan.is_some()).await;
    let plan = directive.plan.unwrap();
    assert_eq!(plan.origin, PlanOrigin::Repaired);
    assert!(plan.faults.iter().any(|fault| matches!(fault, PlanFault::Cycle { .. })), "{:?}", plan.faults);
    insta::assert_snapshot!(stage.transcript().await, @r#"
    # Issue #1: Work (open [directive]), by maintainer
    Do it.

    * labeled directive by maintainer

    ## adjutant[bot]
    ### ✋ 0 of 1 step done; 1 question waits for a person

    `░░░░░░░░░░░░░░░░░░░░` 0 %

    **Waiting for a maintainer**

    - **[a](https://github/acme/widgets/pull/g1-a)**: `a` is green. May this be merged into the base?
      Here (or in [#g1-a](https://github/acme/widgets/pull/g1-a) without the name): merge it, or `/approve a` merges it where the branch's rules allow; `/rework a WHAT` sends it back.

    **Verified by** `! grep -qs broken *.txt`; `! grep -qs ugly *.txt` (named by the policy).

    ```mermaid
    graph LR
      s0["✋ a"]:::wait
    ```

    | Step | Kind | Status | Confidence | Reworks | Cost | Time |
    |---|---|---|---|---:|---:|---:|
    | [a](https://github/acme/widgets/pull/g1-a) | implement | ✋ waits for a person | 🟢 green (1.00) |  | $0.01 | [duration] |

    Asked for by `maintainer` on [time], `guardrails`. Plan: by the planner, mended once.

    <details><summary>The plan</summary>

    > As the test says.

    - **a**: Do a.

    What was wrong with the planner's proposal:

    - the dependencies form a cycle: a → b → a

    </details>

    <sub>$0.03 of $10.00 · 3.6k tokens read, 102 written · [duration] of [duration] at work · `/help` lists the commands</sub>

    # Pull request #g1-a: a: Do a (open), by adjutant[bot]
    adjutant/1-1/g1-a -> main
    Part of #1

    plan ✓ → execute ✓ → **review** → done

    > Do a.

    **What was done**

    > Did a, try 1.

    <sub>implement step `a`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-a` are kept.</sub>

    * ready_for_review by adjutant[bot]

    ## Check adjutant: action_required: 🟢 green (1.00): waits for a person
    `a` is green. May this be merged into the base?

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
async fn a_plan_that_stays_broken_is_replaced_by_the_default_chain() {
    let script = json!({
        "plan": [plan([step("a", &["nowhere"])])],
        "research": [{ "report": "Nothing to know." }],
    });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    stage.expect(issue, "Report of the research step").await;
    stage.asks(issue, "research").await;
    stage.as_("maintainer").comment(issue, "/approve research").await;
    let last = stage.asks(issue, "final").await;
    let status = stage.status_says(issue, "default chain").await;
    assert!(status.contains("nowhere"), "the status comment says what was wrong: {status}");
    stage.as_("maintainer").merge(last).await;
    let directive = stage.completed(issue).await;
    let names: Vec<_> = directive.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["research", "implement", "test"]);
    insta::assert_snapshot!(stage.transcript().await, @r#"
    # Issue #1: Work (closed [directive]), by maintainer
    Do it.

    * labeled directive by maintainer
    * closed by maintainer

    ## adjutant[bot]
    ### ✅ Completed

    Merged into `main` with [#main](https://github/acme/widgets/pull/main). 3 steps · 0 reworks · $0.05 · 6.0k tokens read, 170 written.

    `████████████████████` 100 %

    ```mermaid
    graph LR
      s0["✅ research"]:::done
      s1["✅ implement"]:::done
      s2["✅ test"]:::done
      s0 --> s1
      s1 --> s2
      final(["✅ final"]):::done
      s2 --> final
    ```

    | Step | Kind | Status | Confidence | Reworks | Cost | Time |
    |---|---|---|---|---:|---:|---:|
    | research | research | ✅ done | 🟡 yellow |  | $0.01 | [duration] |
    | [implement](https://github/acme/widgets/pull/g1-implement) | implement | ✅ merged | 🟢 green (1.00) |  | $0.01 | [duration] |
    | [test](https://github/acme/widgets/pull/g1-test) | test | ✅ merged | 🟢 green (1.00) |  | $0.01 | [duration] |
    | [final pull request](https://github/acme/widgets/pull/main) | final | ✅ merged | 🟢 green (1.00) |  | $0.00 |  |

    Asked for by `maintainer` on [time], `guardrails`. Plan: the default chain, because the planner gave no usable one.

    <details><summary>The plan</summary>

    > The default chain: find out, build, prove.

    - **research**: Find out what the change touches and report it.
    - **implement**: Build what the brief asks for.
    - **test**: Prove the acceptance criteria by tests.

    What was wrong with the planner's proposal:

    - step `a` depends on `nowhere`, which is no step of the plan
    - step `a` depends on `nowhere`, which is no step of the plan

    </details>

    <sub>$0.05 of $10.00 · 6.0k tokens read, 170 written · [duration] of [duration] at work · `/help` lists the commands</sub>

    ## adjutant[bot]
    Report of the research step `research` of directive 1. 🟡 yellow Did research, try 1.

    <details><summary>Report</summary>

    > Nothing to know.

    </details>

    ## maintainer
    /approve research

    (reaction: rocket)

    # Pull request #g1-implement: implement: Build what the brief asks for (merged by adjutant[bot]), by adjutant[bot]
    adjutant/1-1/g1-implement -> adjutant/1-1/main
    Part of #1

    plan ✓ → execute ✓ → review ✓ → **done**

    > Build what the brief asks for.

    **What was done**

    > Did implement, try 1.

    <sub>implement step `implement`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-implement` are kept.</sub>

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

    # Pull request #g1-test: test: Prove the acceptance criteria by tests (merged by adjutant[bot]), by adjutant[bot]
    adjutant/1-1/g1-test -> adjutant/1-1/main
    Part of #1

    plan ✓ → execute ✓ → review ✓ → **done**

    > Prove the acceptance criteria by tests.

    **What was done**

    > Did test, try 1.

    <sub>test step `test`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/1-1/g1-test` are kept.</sub>

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

    # Pull request #main: Work (merged by maintainer), by adjutant[bot]
    adjutant/1-1/main -> main
    Closes #1

    > Do it.

    | Step | Kind | Pull request | Status | Confidence | Reworks | Cost |
    |---|---|---|---|---|---:|---:|
    | research | research | report | ✅ done | 🟡 yellow | 0 | $0.01 |
    | implement | implement | [#g1-implement](https://github/acme/widgets/pull/g1-implement) | ✅ merged | 🟢 green (1.00) | 0 | $0.01 |
    | test | test | [#g1-test](https://github/acme/widgets/pull/g1-test) | ✅ merged | 🟢 green (1.00) | 0 | $0.01 |

    <details><summary>What each step did</summary>

    **research**

    > Did research, try 1.

    **implement**

    > Did implement, try 1.

    **test**

    > Did test, try 1.

    </details>

    <sub>3 steps · 0 reworks · $0.05 · 6.0k tokens read, 170 written · asked for by `maintainer` · `/approve` merges it where the branch's rules allow, `/rework WHAT` sends it back</sub>

    * merged by maintainer
    * closed by maintainer

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
async fn a_planner_that_crashes_is_tried_three_times_and_then_a_person_is_asked_with_what_it_printed() {
    let output = "\u{1b}[31mTraceback\u{1b}[0m: @maintainer has no disk";
    let script = json!({ "plan": [{ "print": output, "exit": 3, "mended": plan([step("a", &[])]) }] });
    let stage = Stage::set(POLICY, script).await;
    let issue = stage.directive("Do it.").await;
    let said = stage.status_says(issue, "The planner could not be run, tried 3 times").await;
    assert!(said.contains("The agent exited with status 3") && said.contains("`/retry` plans again"), "{said}");
    assert!(said.contains("What the agent printed last (planning)</summary>"), "{said}");
    assert!(said.contains("Traceback: @maintainer has no disk\n```"), "{said}");
    let directive = stage.directive_is(issue, "it waits", |directive| directive.waiting().next().is_some()).await;
    assert_eq!((directive.tasks.len(), directive.plan), (3, None));
    stage.say("mended");
    stage.as_("maintainer").comment(issue, "/retry").await;
    stage.asks(issue, "a").await;
    stage.strike().await;
}

#[tokio::test]
async fn an_agent_whose_key_is_not_accepted_is_asked_about_at_once_and_the_default_plan_is_a_persons_choice() {
    let error = json!({ "kind": "auth", "message": "401 invalid x-api-key" });
    let mended = json!({ "report": "Nothing to know." });
    let script = json!({ "plan": [{ "error": error }], "research": [{ "error": error, "mended": mended }] });
    let stage = Stage::set(POLICY, script).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    let said = stage.status_says(issue, "401 invalid x-api-key").await;
    assert!(said.contains("Planning needs a person") && said.contains("whoever runs Adjutant can mend"), "{said}");
    let directive = stage.directive_is(issue, "it waits", |directive| directive.waiting().next().is_some()).await;
    assert_eq!(directive.tasks.len(), 1);
    maintainer.comment(issue, "/approve").await;
    stage.step_is(issue, "research", "is blocked", |step| step.status() == StepStatus::Blocked).await;
    stage.status_says(issue, "default chain").await;
    stage.say("mended");
    maintainer.comment(issue, "/retry research").await;
    stage.expect(issue, "Report of the research step").await;
    let directive = stage.directive_is(issue, "it waits", |directive| directive.waiting().next().is_some()).await;
    let failure = Failure::AgentReported {
        kind: AgentErrorKind::Auth,
        message: "401 invalid x-api-key".to_owned(),
        retry_after: None,
    };
    assert!(directive.plan.unwrap().faults.contains(&PlanFault::PlannerFailed(failure)));
    stage.strike().await;
}

#[tokio::test]
async fn an_agent_out_of_quota_is_a_state_that_every_directive_waits_for_and_that_costs_no_try() {
    let error = json!({ "kind": "quota", "message": "5-hour limit reached", "retry_after": 18_000 });
    let script = json!({ "plan": [{ "error": error, "mended": plan([step("a", &[])]) }] });
    let stage = Stage::set(POLICY, script).await;
    let issues = [stage.directive("Do it.").await, stage.directive("And this.").await];
    let paused = |directive: &Directive| {
        directive.tasks.last().is_some_and(|task| task.agent_pause.is_some() && task.status == TaskStatus::Queued)
    };
    for issue in issues {
        let said = stage.status_says(issue, "is out of quota until").await;
        assert!(said.contains(": Planning waits."), "{said}");
        let directive = stage.directive_is(issue, "it waits for its agent", paused).await;
        assert!(directive.waiting().next().is_none() && directive.tasks.len() <= 2, "{directive:?}");
    }
    stage.say("mended");
    sqlx::query("UPDATE agent_pauses SET until = now()").execute(&stage.pool).await.unwrap();
    for issue in issues {
        stage.asks(issue, "a").await;
    }
    stage.strike().await;
}

#[tokio::test]
async fn the_fallback_takes_the_work_of_an_agent_that_is_out_of_quota() {
    let folder = open_folder();
    let spare = agent(folder.path(), &json!({ "plan": [plan([step("a", &[])])], "a": [write([("a.txt", "x\n")])] }));
    let file = folder.path().join("adjutant.toml");
    std::fs::write(&file, format!("[agents.spare]\ncommand = [\"{}\"]\n", spare.display())).unwrap();
    let error = json!({ "kind": "quota", "message": "5-hour limit reached", "retry_after": 18_000 });
    let script = json!({ "plan": [{ "error": error, "mended": plan([step("never", &[])]) }] });
    let policy = format!("agents: {{ fallback: spare }}\n{POLICY}");
    let stage = Stage::set_with(&policy, script, &[("ADJUTANT_CONFIG", file.to_str().unwrap())]).await;
    let first = stage.directive("Do it.").await;
    stage.asks(first, "a").await;
    // The second directive finds the pause of the first one's agent.
    let second = stage.directive("And this.").await;
    stage.asks(second, "a").await;
    let ran: Vec<String> = sqlx::query_scalar("SELECT DISTINCT agent FROM tasks WHERE status = 'succeeded'")
        .fetch_all(&stage.pool)
        .await
        .unwrap();
    assert_eq!(ran, ["spare"]);
    stage.strike().await;
}

#[tokio::test]
async fn a_step_asks_and_goes_on_with_the_answers() {
    let question = json!([
        { "text": "Which unit, @maintainer?", "options": ["metres", "feet"], "default": "a", "why": "It is printed." },
        { "text": "How many digits?", "default": "two" },
    ]);
    let asks = json!({ "write": { "lost.txt": "x" }, "question": question, "answered": { "keep": "told.txt" } });
    let stage = Stage::set(POLICY, json!({ "plan": [plan([step("a", &[])])], "a": [asks] })).await;
    let issue = stage.directive("Do it.").await;
    let said = stage.status_says(issue, "the agent asks").await;
    assert!(
        said.contains("**1.** Which unit, @\u{200b}maintainer? It is printed. — **a** metres · **b** feet"),
        "{said}"
    );
    assert!(said.contains("**2.** How many digits? (without an answer: two)"), "{said}");
    stage.as_("outsider").comment(issue, "/answer 1 a").await;
    stage.expect(issue, "only people with write access to this repository can run commands").await;
    let maintainer = stage.as_("maintainer");
    maintainer.comment(issue, "/answer 7 a").await;
    stage.expect(issue, "question 7 is not open; open: 1, 2").await;
    maintainer.comment(issue, "/answer 1 b\n/answer 2 three of them").await;
    let said = stage.status_says(issue, "Answers to agents").await;
    assert!(said.contains("→ feet (`maintainer`)"), "{said}");
    stage.asks(issue, "a").await;
    let told = stage.file("adjutant/1-1/g1-a", "told.txt").await.unwrap();
    assert_eq!(told, "Which unit, @maintainer? feet\nHow many digits? three of them\n");
    assert_eq!(stage.file("adjutant/1-1/g1-a", "lost.txt").await, None, "a run that asks hands nothing in");
    stage.strike().await;
}

#[tokio::test]
async fn manual_waits_for_the_plan_and_for_every_merge() {
    let better = plan([step("a", &[]), step("b", &[])]);
    let stage = Stage::set(&policy("autonomy: manual"), json!({ "plan": [plan([step("a", &[])]), better] })).await;
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Do it.").await;
    stage.status_says(issue, "The plan waits for a person").await;
    maintainer.comment(issue, "/rework Take two steps.").await;
    stage.directive_is(issue, "there is another plan", |directive| directive.steps.len() == 2).await;
    stage.status_says(issue, "The plan waits for a person").await;
    maintainer.comment(issue, "/approve").await;

    for name in ["a", "b"] {
        let pull = stage.asks(issue, name).await;
        stage.as_("writer").comment(pull, "/approve").await;
        stage.passed(issue, name).await;
    }
    stage.asks(issue, "final").await;
    maintainer.comment(issue, "/approve final").await;
    stage.completed(issue).await;
    stage.strike().await;
}
