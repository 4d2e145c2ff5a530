//! The status comment in each state, and under attack.

use super::*;
use crate::report::fixture;
use adjutant_domain::actor::Actor;
use adjutant_domain::approval::Urgency;
use adjutant_domain::baseline::Baseline;
use adjutant_domain::directive::{DirectiveState, PlanRecord};
use adjutant_domain::failure::{AgentErrorKind, Failure};
use adjutant_domain::ids::{Login, PlanHash, StepName, Usd};
use adjutant_domain::plan::PlanFault;
use adjutant_domain::question::Question;
use adjutant_domain::replan::IssueText;
use adjutant_domain::task::{AgentPause, QueueReason};

fn comment(directive: &Directive) -> String {
    status_comment(directive, &fixture::links(), fixture::now())
}

#[test]
fn a_directive_in_work_is_told_whole() {
    insta::assert_snapshot!(comment(&fixture::directive()), @r#"
    <!-- adjutant:status:6248e84d-2ab2-509b-a1a6-6ba97d425312 -->
    ### ✋ 1 of 4 steps done; 1 question waits for a person

    `█████░░░░░░░░░░░░░░░` 25 %

    **Waiting for a maintainer**

    - **[convert](https://github.com/acme/widgets/pull/13)**: `convert` is yellow: the optional verifier `lint` failed. May this step be merged?
      Here (or in [#13](https://github.com/acme/widgets/pull/13) without the name): `/approve convert` merges it, `/rework convert WHAT` sends it back, `/skip convert` goes on without it.

    ```mermaid
    graph LR
      s0["✅ parse"]:::done
      s1["✋ convert"]:::wait
      s2["🛠️ document"]:::work
      s3["⚪ prove"]:::todo
      s0 --> s1
      s0 --> s2
      s1 --> s3
      s2 --> s3
      classDef todo fill:#f6f8fa,stroke:#8c959f,color:#1f2328
      classDef work fill:#ddf4ff,stroke:#0969da,color:#1f2328
      classDef wait fill:#fff8c5,stroke:#9a6700,color:#1f2328
      classDef done fill:#dafbe1,stroke:#1a7f37,color:#1f2328
      classDef fail fill:#ffebe9,stroke:#cf222e,color:#1f2328
      classDef skip fill:#f6f8fa,stroke:#d0d7de,color:#656d76,stroke-dasharray:4
    ```

    | Step | Kind | Status | Confidence | Reworks | Cost | Time |
    |---|---|---|---|---:|---:|---:|
    | [parse](https://github.com/acme/widgets/pull/12) | implement | ✅ merged | 🟢 green (1.00) | 1 | $0.61 | 8 min |
    | [convert](https://github.com/acme/widgets/pull/13) | implement | ✋ waits for a person | 🟡 yellow (0.67) |  | $0.33 | 4 min |
    | document | document | 🛠️ in work |  |  | $0.00 | 5 min |
    | prove | test | ⚪ waits for others |  |  | $0.00 |  |

    Agents now: working on `document` (5 min).

    Asked for by `maintainer` on 2026-11-20 11:35 UTC, `guardrails`. Plan: by the planner.

    <details><summary>The plan</summary>

    > Parsing first, the rest beside each other.

    - **parse**: Parse lengths such as `3 km`. (R1, A1)
    - **convert**: Convert between km and miles. (R2, A2)
    - **document**: Show both in the README. (A3)
    - **prove**: Test the whole way. (A1, A2)

    </details>

    <sub>$1.06 of $10.00 · 25 min of 8 h at work · `/help` lists the commands</sub>
    "#);
}

#[test]
fn planning_is_told_before_there_are_steps() {
    insta::assert_snapshot!(comment(&fixture::planning()), @r"
    <!-- adjutant:status:6248e84d-2ab2-509b-a1a6-6ba97d425312 -->
    ### Planning

    An agent reads the repository and proposes the steps.

    Agents now: planning (25 min).

    Asked for by `maintainer` on 2026-11-20 11:35 UTC, `guardrails`.

    <sub>$0.00 of $10.00 · 25 min of 8 h at work · `/help` lists the commands</sub>
    ");
}

#[test]
fn a_final_pull_request_waits_with_its_commands() {
    insta::assert_snapshot!(comment(&fixture::finishing()), @r#"
    <!-- adjutant:status:6248e84d-2ab2-509b-a1a6-6ba97d425312 -->
    ### ✋ 4 of 4 steps done; the final pull request waits for a person

    `███████████████████░` 95 %

    **Waiting for a maintainer**

    - **[final pull request](https://github.com/acme/widgets/pull/16)**: green: everything is ready to merge into main
      Here (or in [#16](https://github.com/acme/widgets/pull/16) without the name): merge it, or `/approve final` merges it where the branch's rules allow; `/rework final WHAT` sends it back.

    ```mermaid
    graph LR
      s0["✅ parse"]:::done
      s1["✅ convert"]:::done
      s2["✅ document"]:::done
      s3["✅ prove"]:::done
      s0 --> s1
      s0 --> s2
      s1 --> s3
      s2 --> s3
      final(["✋ final"]):::wait
      s3 --> final
      classDef todo fill:#f6f8fa,stroke:#8c959f,color:#1f2328
      classDef work fill:#ddf4ff,stroke:#0969da,color:#1f2328
      classDef wait fill:#fff8c5,stroke:#9a6700,color:#1f2328
      classDef done fill:#dafbe1,stroke:#1a7f37,color:#1f2328
      classDef fail fill:#ffebe9,stroke:#cf222e,color:#1f2328
      classDef skip fill:#f6f8fa,stroke:#d0d7de,color:#656d76,stroke-dasharray:4
    ```

    | Step | Kind | Status | Confidence | Reworks | Cost | Time |
    |---|---|---|---|---:|---:|---:|
    | [parse](https://github.com/acme/widgets/pull/12) | implement | ✅ merged | 🟢 green (1.00) | 1 | $0.61 | 8 min |
    | [convert](https://github.com/acme/widgets/pull/13) | implement | ✅ merged | 🟡 yellow (0.67) |  | $0.33 | 4 min |
    | [document](https://github.com/acme/widgets/pull/14) | document | ✅ merged | 🟢 green (1.00) |  | $0.00 | 5 min |
    | [prove](https://github.com/acme/widgets/pull/15) | test | ✅ merged | 🟢 green (1.00) |  | $0.00 |  |
    | [final pull request](https://github.com/acme/widgets/pull/16) | final | ✋ waits for a person | 🟢 green (0.98) |  | $0.00 |  |

    Asked for by `maintainer` on 2026-11-20 11:35 UTC, `guardrails`. Plan: by the planner.

    <details><summary>The plan</summary>

    > Parsing first, the rest beside each other.

    - **parse**: Parse lengths such as `3 km`. (R1, A1)
    - **convert**: Convert between km and miles. (R2, A2)
    - **document**: Show both in the README. (A3)
    - **prove**: Test the whole way. (A1, A2)

    </details>

    <sub>$1.06 of $10.00 · 25 min of 8 h at work · `/help` lists the commands</sub>
    "#);
}

#[test]
fn a_completed_directive_links_what_was_merged() {
    let text = comment(&fixture::completed());
    insta::assert_snapshot!(text.lines().take(14).collect::<Vec<_>>().join("\n"), @r"
    <!-- adjutant:status:6248e84d-2ab2-509b-a1a6-6ba97d425312 -->
    ### ✅ Completed

    Merged into `main` with [#16](https://github.com/acme/widgets/pull/16). 4 steps · 1 rework · $1.06 · 25 min at work.

    **Acceptance criteria**

    | | Criterion | Covered by | Standing |
    |---|---|---|---|
    | A1 | `3 km` parses | `parse`, `prove` | ✅ judged met ([`tests/parse.rs:12-20`](https://github.com/acme/widgets/blob/dddddddddddddddddddddddddddddddddddddddd/tests/parse.rs?plain=1#L12-L20)): `parse` is tested |
    | A2 | 1 km is 0.62 miles | `convert`, `prove` | ✅ judged met ([`src/lib.rs:7`](https://github.com/acme/widgets/blob/dddddddddddddddddddddddddddddddddddddddd/src/lib.rs?plain=1#L7)): 1 km gives 0.6214 |
    | A3 | The README shows both | `document` | 🧪 verified: test, lint passed; the judge said nothing about it |

    `████████████████████` 100 %
    ");
}

#[test]
fn every_pause_says_why_and_how_to_go_on() {
    let mut directive = fixture::directive();
    directive.approvals.clear();
    let mut told = Vec::new();
    for reason in [
        PauseReason::Unlabelled(Login::new("maintainer")),
        PauseReason::Commanded(Login::new("maintainer")),
        PauseReason::Cost,
        PauseReason::WallTime,
    ] {
        directive.state = fixture::paused(&[reason]);
        told.extend(comment(&directive).lines().nth(3).map(str::to_owned));
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    `maintainer` took the label off: what runs finishes, nothing new starts. Put the label `directive` back to go on.
    `maintainer` said `/pause`: what runs finishes, nothing new starts. `/resume` goes on.
    The budget of $10.00 is used up. `/resume` grants the same again, `/budget 20` sets another total (at most $50.00), `/stop` ends the directive.
    The working time is used up. `/resume` grants the same again, `/stop` ends the directive.
    ");
}

#[test]
fn every_reason_of_a_pause_is_told_and_a_budget_at_its_ceiling_offers_no_more() {
    let mut directive = fixture::directive();
    directive.policy.limits.cost = Usd::from_dollars(0.5);
    directive.policy.limits.cost_ceiling = Some(Usd::from_dollars(1.0));
    directive.state = fixture::paused(&[PauseReason::Cost, PauseReason::Commanded(Login::new("maintainer"))]);
    let text = comment(&directive);
    assert!(
        text.contains("The budget of $0.50 is used up. `/stop` ends the directive; the policy allows $1.00"),
        "{text}"
    );
    assert!(text.contains("`maintainer` said `/pause`"), "{text}");
}

#[test]
fn the_most_urgent_question_comes_first_and_an_expired_one_says_since_when() {
    let mut directive = fixture::directive();
    let mut blocked = fixture::approval(
        2,
        ApprovalKind::StepBlocked,
        Some(&directive.steps[3].clone()),
        Question::Legacy("still red".to_owned()),
    );
    blocked.urgency = Urgency::High;
    blocked.status = ApprovalStatus::Expired;
    directive.approvals.push(blocked);
    let text = comment(&directive);
    let (urgent, other) = (text.find("still red (since 2026-11-20 12:00 UTC)"), text.find("yellow: the optional"));
    assert!(urgent.is_some() && urgent < other, "{text}");
}

#[test]
fn a_task_that_waits_for_a_place_says_so() {
    let mut directive = fixture::directive();
    let live = directive.tasks.iter_mut().find(|task| task.status.is_live()).unwrap();
    live.status = TaskStatus::Queued;
    live.held = Some(QueueReason { by: CapacityLimit::OpenPulls, limit: 5, taken: 5 });
    let text = comment(&directive);
    assert!(text.contains("`document` waits for a free place: 5 pull requests of this repository wait"), "{text}");
    assert!(text.contains(" waits for a place |"), "{text}");
}

#[test]
fn a_task_whose_agent_waits_and_one_that_is_tried_again_say_until_when() {
    let mut directive = fixture::directive();
    let live = directive.tasks.iter().position(|task| task.status.is_live()).unwrap();
    let task = &mut directive.tasks[live];
    (task.status, task.not_before) = (TaskStatus::Queued, Some(fixture::now()));
    let text = comment(&directive);
    assert!(text.contains("`document` is tried again at 2026-11-20 12:00 UTC."), "{text}");
    assert!(text.contains(" waits to be tried again |"), "{text}");
    let (agent, until) = ("claude".to_owned(), fixture::now());
    for (why, told) in [
        (AgentErrorKind::Quota, "`claude` is out of quota until 2026-11-20 12:00 UTC: `document` waits."),
        (
            AgentErrorKind::Overloaded,
            "`claude` has a provider without capacity until 2026-11-20 12:00 UTC: `document` waits.",
        ),
    ] {
        directive.tasks[live].agent_pause = Some(AgentPause { agent: agent.clone(), why, until });
        let text = comment(&directive);
        assert!(
            text.contains(told) && text.contains(" waits for its agent |") && !text.contains("tried again"),
            "{text}"
        );
    }
}

#[test]
fn what_an_agent_printed_stands_in_a_block_that_it_cannot_leave() {
    let mut directive = fixture::directive();
    let output = "</details>\n```\n/approve\n@maintainer fixes #1".to_owned();
    let failure = Failure::AgentExited { status: 3 }.and_output(output);
    let question = Question::NotRun { step: directive.steps[1].name.clone(), tries: 3, failure };
    directive.approvals[0].question = question;
    let text = comment(&directive);
    let block =
        "<details><summary>What the agent printed last (convert)</summary>\n\n````text\n</details>\n```\n/approve\n";
    assert!(text.contains(block), "{text}");
    assert!(text.contains("fixes #\u{200b}1\n````"), "{text}");
}

#[test]
fn a_commit_that_waits_to_be_verified_says_so() {
    let mut directive = fixture::directive();
    let places = QueueReason { by: CapacityLimit::Verifiers, limit: 2, taken: 2 };
    let (candidate, progress) = (fixture::candidate(fixture::sha('e'), None), VerifierProgress::Queued(places));
    directive.steps[1].state = StepState::Verifying { candidate, progress };
    directive.baseline = Baseline { state: BaselineState::Running, progress, ..Baseline::default() };
    let text = comment(&directive);
    let name = &directive.steps[1].name;
    let told = format!("The base commit, `{name}` wait to be verified: 2 of 2 verifications are at work.");
    assert!(text.contains(&told), "{text}");
}

#[test]
fn the_end_of_a_stopped_directive_is_told_with_its_reason_and_asks_nothing() {
    let mut directive = fixture::directive();
    directive.state = fixture::failed("stopped by maintainer");
    let text = comment(&directive);
    assert!(text.contains("### ❌ Ended without its goal\n\nstopped by maintainer\n"), "{text}");
    assert!(!text.contains("Waiting for") && !text.contains("waits for a person"), "{text}");
}

#[test]
fn a_default_chain_shows_the_planners_faults_collapsed() {
    let mut directive = fixture::directive();
    directive.plan = Some(PlanRecord {
        origin: PlanOrigin::Default,
        hash: PlanHash::new("0"),
        faults: vec![PlanFault::Uncovered { requirement: "R2".to_owned() }],
        rationale: String::new(),
    });
    let text = comment(&directive);
    assert!(text.contains("the default chain, because the planner gave no usable one."), "{text}");
    assert!(text.contains("(A1, A2)\n\nWhat was wrong with the planner's proposal:\n\n- requirement R2"), "{text}");
}

#[test]
fn each_origin_of_a_plan_is_told() {
    let mut directive = fixture::directive();
    for (origin, told) in [
        (PlanOrigin::Planned, "Plan: by the planner."),
        (PlanOrigin::Repaired, "Plan: by the planner, mended once."),
        (PlanOrigin::Default, "Plan: the default chain, because the planner gave no usable one."),
    ] {
        directive.plan.as_mut().unwrap().origin = origin;
        let text = comment(&directive);
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn another_plan_is_told_with_its_number_and_its_reason() {
    let maintainer = || fixture::person("maintainer");
    let mut told = Vec::new();
    for (by, reason) in
        [(maintainer(), "too large."), (maintainer(), ""), (Actor::Adjutant, "`a`: still red after 3 reworks")]
    {
        let directive = fixture::replanned(by, reason);
        let text = comment(&directive);
        told.push(text.lines().find(|line| line.contains("Plan 2")).expect(&text).to_owned());
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    Plan 2 of at most 3, because `maintainer` asked for another: too large. Kept of the plan before: `parse` ([#12](https://github.com/acme/widgets/pull/12)), `convert` (skipped). An agent reads the repository and proposes the steps.
    Plan 2 of at most 3, because `maintainer` asked for another. Kept of the plan before: `parse` ([#12](https://github.com/acme/widgets/pull/12)), `convert` (skipped). An agent reads the repository and proposes the steps.
    Plan 2 of at most 3, because `a`: still red after 3 reworks. Kept of the plan before: `parse` ([#12](https://github.com/acme/widgets/pull/12)), `convert` (skipped). An agent reads the repository and proposes the steps.
    ");
    let mut planned = fixture::replanned(fixture::person("maintainer"), ATTACK);
    planned.plan = fixture::directive().plan;
    planned.steps = planned.earlier.clone();
    planned.state = DirectiveState::Active;
    let text = comment(&planned);
    assert!(text.contains("It was made by the planner.") && !text.contains("@maintainer"), "{text}");
}

#[test]
fn an_edited_issue_is_noted_while_the_directive_lives() {
    let mut directive = fixture::directive();
    directive.newer_text =
        Some(IssueText { title: ATTACK.to_owned(), brief: adjutant_domain::brief::parse(ATTACK, ATTACK) });
    let text = comment(&directive);
    assert!(text.contains("> The issue's text differs by now from the brief"), "{text}");
    assert!(text.contains("`/replan` by somebody with write access") && !text.contains("x | y"), "{text}");
    directive.state = fixture::completed().state;
    assert!(!comment(&directive).contains("differs by now"));
}

const ATTACK: &str = "x | y\n\n</details>\n```\n<!-- @maintainer fixes #1 [a](b)\n# h";

#[test]
fn texts_of_others_break_nothing_and_call_nobody() {
    let mut directive = fixture::directive();
    directive.steps[0].name = StepName::new(ATTACK);
    directive.steps[3].state = fixture::blocked(ATTACK, None);
    directive.approvals[0].question = Question::Legacy(ATTACK.to_owned());
    directive.policy.label = ATTACK.to_owned();
    directive.requested_by = Login::new("maintainer");
    if let Some(plan) = &mut directive.plan {
        plan.rationale = ATTACK.to_owned();
        plan.faults = vec![PlanFault::Legacy(ATTACK.to_owned())];
    }
    for state in [DirectiveState::Active, fixture::failed(ATTACK)] {
        directive.state = state;
        let text = comment(&directive);
        assert!(!text.contains("@maintainer") && !text.contains("#1 "), "{text}");
        assert_eq!(text.matches("<!--").count(), 1 + text.matches("> ```\n> <!--").count(), "{text}");
        assert_eq!(text.matches("</details>").count(), 1, "{text}");
        let columns = |line: &&str| line.starts_with("| ");
        let rows: Vec<_> =
            text.lines().filter(columns).map(|row| row.replace("\\|", "").matches('|').count()).collect();
        assert_eq!(rows, [8; 5], "{text}");
    }
}

#[test]
fn the_longest_texts_fit_into_a_comment() {
    let mut directive = fixture::directive();
    let long = "&<ö|`".repeat(2_000);
    let step = Step { state: fixture::blocked(&long, None), ..directive.steps[2].clone() };
    directive.steps = (0..50).map(|n| Step { name: StepName::new(format!("step-{n}")), ..step.clone() }).collect();
    let approval = Approval {
        question: Question::Legacy(long.clone()),
        status: ApprovalStatus::Pending,
        ..directive.approvals[0].clone()
    };
    directive.approvals = vec![approval; 200];
    if let Some(plan) = &mut directive.plan {
        plan.rationale.clone_from(&long);
        plan.faults = vec![PlanFault::Legacy(long.clone()); 500];
    }
    for (steps, state) in [(50, DirectiveState::Active), (300, DirectiveState::Active), (300, fixture::failed(&long))] {
        directive.state = state;
        directive.steps = directive.steps.iter().cloned().cycle().take(steps).collect();
        let text = comment(&directive);
        assert!(text.len() <= MAX_BODY, "{}", text.len());
        assert!(text.contains("step-49"), "the table is cut last");
    }
}
