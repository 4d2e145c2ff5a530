//! Check runs in each state, and at GitHub's limits.

use super::*;
use crate::report::fixture;
use adjutant_domain::approval::ApprovalStatus;
use adjutant_domain::evaluation::{EvaluationReason, TestCounts};
use adjutant_domain::network::{HostRefusal, RefusedHost};
use adjutant_domain::question::Question;
use adjutant_domain::step::MergeRequest;

fn check(directive: &Directive, step: usize) -> CheckReport {
    check_output(directive, &directive.steps[step], &fixture::links())
}

fn told(report: &CheckReport) -> String {
    let conclusion = report.state.conclusion().map_or("", Conclusion::as_str);
    let text = report.text.as_deref().unwrap_or_default();
    let head = format!("{} {conclusion} [{}]", report.state.status(), report.title);
    format!("{head}\n----\n{}\n----\n{text}", report.summary)
}

fn head(report: &CheckReport) -> (Option<Conclusion>, &str) {
    (report.state.conclusion(), &report.title)
}

#[test]
fn a_yellow_step_asks_a_person_with_buttons() {
    let report = check(&fixture::directive(), 1);
    insta::assert_snapshot!(told(&report), @r"
    completed action_required [🟡 yellow (0.67): waits for a person]
    ----
    `convert` is yellow: the optional verifier `lint` failed. May this step be merged?

    Here: `/approve` merges it, `/rework WHAT` sends it back, `/skip` goes on without it. Approving or requesting changes in a review counts too.

    **Why it is no better**

    - the optional verifier `lint` failed

    **Acceptance criteria**

    | | Criterion | Covered by | Standing |
    |---|---|---|---|
    | A2 | 1 km is 0.62 miles | `convert`, `prove` | 🧪 verified: test passed; nobody judged the criterion itself |

    **Verifiers**

    | Verifier | Result | Counts | Time |
    |---|---|---|---:|
    | test | ✅ 7 tests passed | required, weight 1 | 1.8 s |
    | lint | ❌ exit status 1 | optional, weight 0.5 | 1.8 s |
    ----
    <details open><summary>lint: its last lines</summary>

    ```text
    error: unused variable: `transaction`
     --> src/lib.rs:12:9
    ```

    </details>
    ");
    let identifiers: Vec<_> = report.actions.iter().map(|action| action.identifier.as_str()).collect();
    assert_eq!(identifiers, ["approve", "rework", "skip"]);
}

fn yellow() -> Evaluation {
    fixture::evaluation(fixture::sha('b'), Verdict::Fail, None)
}

#[test]
fn a_check_follows_its_step() {
    let mut directive = fixture::directive();
    assert_eq!(head(&check(&directive, 0)), (Some(Conclusion::Success), "🟢 green (1.00): done"));
    assert_eq!(head(&check(&directive, 2)), (None, "in work"));

    directive.approvals[0].status = ApprovalStatus::Approved;
    assert_eq!(head(&check(&directive, 1)), (None, "🟡 yellow (0.67): deciding"));
    let candidate = || fixture::candidate(fixture::sha('b'), Some(yellow()));
    let request = MergeRequest::Requested;
    directive.steps[1].state = StepState::Merging { candidate: candidate(), request };
    assert_eq!(head(&check(&directive, 1)), (Some(Conclusion::Success), "🟡 yellow (0.67): merging"));
    directive.steps[1].state = fixture::reworking("Again.", Some(candidate()));
    assert_eq!(head(&check(&directive, 1)), (Some(Conclusion::Failure), "🟡 yellow (0.67): sent to rework"));
    directive.steps[1].state = StepState::Verifying {
        candidate: fixture::candidate(fixture::sha('e'), None),
        progress: adjutant_domain::step::VerifierProgress::Running,
    };
    assert_eq!(head(&check(&directive, 1)), (None, "being proved"));
    directive.steps[1].state = fixture::skipped(None);
    assert_eq!(head(&check(&directive, 1)), (Some(Conclusion::Cancelled), "skipped"));

    directive.state = fixture::failed("");
    assert_eq!(head(&check(&directive, 2)), (Some(Conclusion::Cancelled), "called off"));
}

#[test]
fn a_red_step_says_what_failed_and_what_the_rework_is_told() {
    let mut directive = fixture::directive();
    directive.approvals.clear();
    let step = &mut directive.steps[1];
    step.state = fixture::reworking("Mend `lint`.", step.last());
    if let Some(evaluation) = step.state.candidate_mut().and_then(|candidate| candidate.evaluation.as_mut()) {
        evaluation.confidence = Confidence::Red;
        evaluation.score = Some(0.0);
        evaluation.results.truncate(1);
        evaluation.results[0] = fixture::verifier("test", true, Verdict::Fail);
        evaluation.reasons = vec![EvaluationReason::VerifierFailed { verifier: "test".to_owned(), required: true }];
    }
    insta::assert_snapshot!(told(&check(&directive, 1)), @r"
    completed failure [🔴 red (0.00): failed, goes to rework]
    ----
    It does not hold.

    **Why it is no better**

    - the required verifier `test` failed

    **Acceptance criteria**

    | | Criterion | Covered by | Standing |
    |---|---|---|---|
    | A2 | 1 km is 0.62 miles | `convert`, `prove` | ⚠️ not verified: test had to pass and did not |

    **Verifiers**

    | Verifier | Result | Counts | Time |
    |---|---|---|---:|
    | test | ❌ exit status 1 | required, weight 1 | 1.8 s |
    ----
    **What the rework is told**

    > Mend `lint`.

    <details open><summary>test: its last lines</summary>

    ```text
    error: unused variable: `transaction`
     --> src/lib.rs:12:9
    ```

    </details>
    ");
}

#[test]
fn buttons_keep_to_githubs_lengths() {
    let directive = fixture::directive();
    for kind in ApprovalKind::ALL {
        let actions = actions(&fixture::approval(1, *kind, directive.steps.first(), Question::Plan));
        assert!(actions.len() <= 3);
        for action in actions {
            assert!(action.label.len() <= 20, "{action:?}");
            assert!(action.description.len() <= 40, "{action:?}");
            assert!(action.identifier.len() <= 20, "{action:?}");
        }
    }
}

#[test]
fn a_verifier_has_a_check_of_its_own() {
    insta::assert_snapshot!(told(&verifier_check(&fixture::verifier("lint", false, Verdict::Fail), Vec::new())), @r"
    completed failure [exit status 1]
    ----
    `lint` failed in 1.8 s (optional, weight 0.5).
    ----
    ```text
    error: unused variable: `transaction`
     --> src/lib.rs:12:9
    ```
    ");
    let mut refused = fixture::verifier("lint", false, Verdict::Fail);
    refused.network.refused.push(RefusedHost::new("pypi.org", 443, HostRefusal::NotListed));
    let text = verifier_check(&refused, Vec::new()).text.unwrap();
    assert!(text.starts_with("**Network**\n\n- The run asked for `pypi.org:443`"), "{text}");
    assert!(text.contains("```text"), "{text}");
    let neutral = verifier_check(&fixture::verifier("docs", true, Verdict::Neutral), Vec::new());
    assert_eq!((neutral.state.conclusion(), neutral.text), (Some(Conclusion::Neutral), None));
    assert_eq!(verifier_running("test").state.conclusion(), None);
    assert_eq!(foreign_check().state.conclusion(), Some(Conclusion::Neutral));
}

#[test]
fn a_verifier_that_counts_tests_says_how_many_and_its_last_line_names_the_cause() {
    let mut result = fixture::verifier("test", true, Verdict::Fail);
    result.summary = "test exited with status 101: tests::km: assertion failed (src/lib.rs:9)".to_owned();
    result.counts = TestCounts { passed: Some(12), failed: Some(13), skipped: Some(0) };
    result.failing = (0..11).map(|n| format!("tests::case_{n}")).collect();
    insta::assert_snapshot!(told(&verifier_check(&result, Vec::new())), @r"
    completed failure [12 passed, 13 failed in 1.8 s]
    ----
    `test` failed in 1.8 s (required, weight 1).

    **Failed tests**

    - `tests::case_0`
    - `tests::case_1`
    - `tests::case_2`
    - `tests::case_3`
    - `tests::case_4`
    - `tests::case_5`
    - `tests::case_6`
    - `tests::case_7`
    - `tests::case_8`
    - `tests::case_9`
    - and 3 more
    ----
    ```text
    error: unused variable: `transaction`
     --> src/lib.rs:12:9
    ```

    test exited with status 101: tests::km: assertion failed (src/lib.rs:9)
    ");
    result.counts = TestCounts { passed: Some(12), failed: Some(0), skipped: None };
    assert_eq!(
        verifier_check(&result, Vec::new()).title,
        plain(&result.summary, MAX_TITLE),
        "passed tests explain no failure"
    );
    result.verdict = Verdict::Pass;
    assert_eq!(verifier_check(&result, Vec::new()).title, "12 passed in 1.8 s");
    result.counts = TestCounts { passed: Some(0), ..TestCounts::default() };
    assert_eq!(verifier_check(&result, Vec::new()).title, plain(&result.summary, MAX_TITLE));
}

#[test]
fn a_verifier_that_passed_is_shown_without_failures() {
    let annotation = |level| Annotation {
        path: "src/lib.rs".to_owned(),
        start_line: 1,
        end_line: 1,
        level,
        title: String::new(),
        message: "m".to_owned(),
    };
    let all = || vec![annotation(AnnotationLevel::Failure), annotation(AnnotationLevel::Warning)];
    assert_eq!(verifier_check(&fixture::verifier("test", true, Verdict::Fail), all()).annotations, all());
    let passed = verifier_check(&fixture::verifier("test", true, Verdict::Pass), all()).annotations;
    assert_eq!(passed, [annotation(AnnotationLevel::Warning)]);
}

#[test]
fn that_a_verifier_could_not_be_run_is_said_once() {
    let report = verifier_not_run("test", "sh: 1: go: not found. Install Go where Adjutant runs.");
    insta::assert_snapshot!(told(&report), @r"
    completed action_required [could not be run: sh: 1: go: not found. Install Go where Adjutant runs.]
    ----
    Nothing is known about this commit from `test`: sh: 1: go: not found. Install Go where Adjutant runs.
    ----
    ");
    assert_eq!(told(&report).matches("could not be run").count(), 1);
}

#[test]
fn output_of_any_kind_stays_inside_and_fits() {
    let mut directive = fixture::directive();
    let hostile = "```\n</details>\n@maintainer fixes #1 | ö\n".repeat(10_000);
    let step = &mut directive.steps[1];
    step.state = fixture::blocked(&hostile, step.last());
    if let Some(evaluation) = step.state.candidate_mut().and_then(|candidate| candidate.evaluation.as_mut()) {
        evaluation.reasons = vec![EvaluationReason::Legacy(hostile.clone()); 100];
        for result in &mut evaluation.results {
            result.verdict = Verdict::Fail;
            result.tail.clone_from(&hostile);
            result.summary.clone_from(&hostile);
        }
    }
    directive.approvals[0].question = Question::Legacy(hostile.clone());
    directive.brief.criteria[1].criterion = hostile;
    let step = &directive.steps[1];
    let failed = &step.state.evaluation().expect("the fixture has one").results[0];
    for report in [check(&directive, 1), verifier_check(failed, Vec::new())] {
        let text = report.text.expect("there is output");
        assert!(report.summary.len() <= MAX_CHECK_FIELD && text.len() <= MAX_CHECK_FIELD);
        assert!(report.title.chars().count() <= MAX_TITLE + 10);
        assert!(!report.summary.contains("fixes #1") && !text.contains("fixes #1"));
        assert!(!report.summary.contains("@maintainer"));
    }
}

#[test]
fn the_check_of_a_superseded_step_is_completed_and_offers_no_button() {
    let directive = fixture::replanned(fixture::person("maintainer"), "too large");
    let report = check_output(&directive, &directive.earlier[2], &fixture::links());
    assert_eq!((report.state.conclusion(), report.title.as_str()), (Some(Conclusion::Cancelled), "planned anew"));
    assert!(report.summary.contains("too large") && report.actions.is_empty(), "{report:?}");
    let merged = check_output(&directive, &directive.earlier[0], &fixture::links());
    assert_eq!(merged.state.conclusion(), Some(Conclusion::Success), "what passed stays so");
}
