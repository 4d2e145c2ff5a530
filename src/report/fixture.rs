//! A directive as it may really look, for the tests of all texts.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};

use super::Links;
use adjutant_domain::actor::Actor;
use adjutant_domain::approval::{Approval, ApprovalKind, ApprovalStatus, Subject, Urgency};
use adjutant_domain::brief;
use adjutant_domain::cause::{Cause, DirectiveFailure};
use adjutant_domain::directive::{
    Base, Directive, DirectiveState, Pause, PauseReason, PlanOrigin, PlanRecord, Underway, WorkClock,
};
use adjutant_domain::evaluation::{
    Confidence, CriterionJudgement, Evaluation, EvaluationReason, Evidence, EvidencePlace, Judgement, TestCounts,
    Verdict, VerifierResult,
};
use adjutant_domain::ids::{
    ApprovalId, Branch, DirectiveId, Login, PlanHash, Repo, Sha, StepId, StepName, TaskId, Usd,
};
use adjutant_domain::network::NetworkReport;
use adjutant_domain::policy::{Policy, Thresholds};
use adjutant_domain::question::{Question, Wanted};
use adjutant_domain::replan::{Replan, ReplanReason};
use adjutant_domain::signal::{Labelled, Permission, Requester};
use adjutant_domain::step::{
    Candidate, Finding, Instructions, Last, PassedBy, Pull, Step, StepKind, StepState, Submission,
};
use adjutant_domain::task::{Task, TaskKind, TaskStatus};

const BODY: &str = "### Goal\n\nConvert lengths between units.\n\n### Requirements\n\n- Parse lengths such as `3 km`\n\
    - Convert between km and miles\n\n### Acceptance criteria\n\n- `3 km` parses\n- 1 km is 0.62 miles\n\
    - The README shows both\n\n### Constraints\n\n- No new dependencies\n";

pub(crate) fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
}

pub(crate) fn links() -> Links {
    Links::new("https://github.com/", &repo())
}

fn repo() -> Repo {
    Repo { id: 1, owner: "acme".to_owned(), name: "widgets".to_owned(), installation: 1 }
}

pub(crate) fn sha(digit: char) -> Sha {
    Sha::new(digit.to_string().repeat(40))
}

pub(crate) fn verifier(name: &str, required: bool, verdict: Verdict) -> VerifierResult {
    let (summary, tail) = match verdict {
        Verdict::Pass => ("7 tests passed", "test result: ok. 7 passed; 0 failed\n"),
        Verdict::Fail => ("exit status 1", "error: unused variable: `transaction`\n --> src/lib.rs:12:9\n"),
        Verdict::Neutral => ("no such command", ""),
    };
    VerifierResult {
        name: name.to_owned(),
        required,
        weight: if required { 1.0 } else { 0.5 },
        verdict,
        summary: summary.to_owned(),
        tail: tail.to_owned(),
        duration_ms: 1_840,
        failed_before: false,
        counts: TestCounts::default(),
        failing: Vec::new(),
        network: NetworkReport::default(),
        subject: None,
        flaky: false,
        pages: Vec::new(),
    }
}

pub(crate) fn evaluation(head: Sha, lint: Verdict, judged: Option<bool>) -> Evaluation {
    let results = vec![verifier("test", true, Verdict::Pass), verifier("lint", false, lint)];
    let thresholds = Thresholds { green: 0.85, yellow: 0.60 };
    let evaluation = Evaluation::of(head, results, &[], thresholds);
    let Some(met) = judged else { return evaluation };
    let criteria = vec![
        judged_criterion("A1", true, "`parse` is tested", ("tests/parse.rs", 12, 20)),
        judged_criterion("A2", met, "1 km gives 0.6214", ("src/lib.rs", 7, 7)),
    ];
    let score = Some(if met { 0.95 } else { 0.4 });
    evaluation.judged(Judgement::new(1.0, score, criteria, "Small and tested.".to_owned()), &[], thresholds)
}

pub(crate) fn judged_criterion(id: &str, met: bool, note: &str, at: (&str, u32, u32)) -> CriterionJudgement {
    let (path, first_line, last_line) = at;
    let evidence = vec![Evidence { place: EvidencePlace::File(path.to_owned()), first_line, last_line, fault: None }];
    CriterionJudgement { id: id.to_owned(), met, note: note.to_owned(), evidence }
}

fn step(name: &str, kind: StepKind, description: &str, depends_on: &[&str], covers: (&[&str], &[&str])) -> Step {
    let id = DirectiveId::of(1, 7, 1);
    let name = StepName::new(name);
    let texts = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    let branch = Branch::new(format!("adjutant/7-1/g1-{name}"));
    let target = Branch::new("adjutant/7-1/main");
    Step {
        description: description.to_owned(),
        task_plan: "1. Read `src/lib.rs`\n2. Add the code and its tests".to_owned(),
        depends_on: depends_on.iter().copied().map(StepName::new).collect(),
        requirements: texts(covers.0),
        criteria: texts(covers.1),
        ..Step::new(StepId::of(id, 1, &name), name, kind, branch, target)
    }
}

/// A commit that was handed in, with what the verifiers found of it.
pub(crate) fn candidate(head: Sha, evaluation: Option<Evaluation>) -> Box<Candidate> {
    Box::new(Candidate { evaluation, ..Candidate::new(Submission::Commit { head }, now()) })
}

/// Merged, with what the verifiers had found.
fn merged(head: Sha, evaluation: Evaluation) -> StepState {
    StepState::Passed { by: PassedBy::Merge, candidate: Some(candidate(head, Some(evaluation))) }
}

/// Waiting for the answer to the approval of that number.
pub(crate) fn awaiting(head: Sha, evaluation: Evaluation, approval: u32) -> StepState {
    let approval = ApprovalId::of(DirectiveId::of(1, 7, 1), approval);
    StepState::AwaitingDecision { candidate: candidate(head, Some(evaluation)), approval }
}

/// Done again, with these words.
pub(crate) fn reworking(text: &str, last: Last) -> StepState {
    let instructions = Instructions { text: text.to_owned(), merge_target: false };
    StepState::Reworking { instructions, cause: None, last }
}

/// Left to a person.
pub(crate) fn blocked(cause: &str, last: Last) -> StepState {
    StepState::Blocked { cause: Cause::Legacy(cause.to_owned()), instructions: None, last }
}

/// Given up.
pub(crate) fn skipped(last: Last) -> StepState {
    StepState::Skipped { by: Actor::Person(Login::new("maintainer")), cause: None, last }
}

/// Ended without its goal.
pub(crate) fn failed(failure: &str) -> DirectiveState {
    DirectiveState::Failed { at: now(), failure: DirectiveFailure::Legacy(failure.to_owned()) }
}

/// Paused in the middle of its work.
pub(crate) fn paused(reasons: &[PauseReason]) -> DirectiveState {
    let reasons = reasons.to_vec().try_into().expect("a reason is given");
    DirectiveState::Paused(Pause { from: Underway::Active, reasons })
}

fn pull(number: u64) -> Pull {
    Pull::new(number, format!("PR_{number}"), false)
}

fn task(number: u32, kind: TaskKind, step: Option<StepId>, status: TaskStatus, cents: i64) -> Task {
    let started = now() - TimeDelta::minutes(30 - i64::from(number) * 5);
    Task {
        id: TaskId::of(DirectiveId::of(1, 7, 1), number),
        number,
        kind,
        step,
        status,
        attempt: 1,
        instructions: String::new(),
        merge_target: false,
        created_at: started,
        started_at: Some(started),
        finished_at: (!status.is_live()).then_some(started + TimeDelta::minutes(4)),
        cost: Usd(cents * 10_000),
        failure: None,
        unknown_runs: 0,
        input_tokens: 0,
        output_tokens: 0,
        measured: None,
        held: None,
        not_before: None,
        agent_pause: None,
        on_fallback: false,
    }
}

pub(crate) fn approval(number: u32, kind: ApprovalKind, step: Option<&Step>, question: Question) -> Approval {
    Approval {
        id: ApprovalId::of(DirectiveId::of(1, 7, 1), number),
        number,
        kind,
        step: step.map(|step| step.id),
        shown: Subject::Commit(sha('b')),
        status: ApprovalStatus::Pending,
        urgency: Urgency::Normal,
        question,
        asked_at: now(),
        expires_at: None,
        answered_by: None,
        answered_at: None,
        words: None,
        given: None,
        taken_back_at: None,
    }
}

/// Labelled a moment ago.
pub(crate) fn planning() -> Directive {
    let labelled = Labelled {
        repo: repo(),
        issue: 7,
        earlier: 0,
        title: "Convert units".to_owned(),
        author: Login::new("contributor"),
        actor: Requester { login: Login::new("maintainer"), permission: Permission::Write, bot: false },
        brief: brief::parse("Convert units", BODY),
        policy: Ok(Policy::default()),
        overrides: Vec::new(),
        agents: None,
        base: None,
    };
    let base = Base { branch: Branch::new("main"), sha: sha('0'), is_default: true };
    let opened = now() - TimeDelta::minutes(25);
    Directive {
        state: DirectiveState::Planning,
        tasks: vec![task(1, TaskKind::Plan, None, TaskStatus::Running, 0)],
        clock: WorkClock { running_since: Some(opened), ..WorkClock::default() },
        ..Directive::draft(&labelled, &Policy::default(), base, opened)
    }
}

/// One step merged, one yellow and waiting, one in work, one to come.
pub(crate) fn directive() -> Directive {
    let mut parse = step("parse", StepKind::Implement, "Parse lengths such as `3 km`.", &[], (&["R1"], &["A1"]));
    parse.state = merged(sha('a'), evaluation(sha('a'), Verdict::Pass, None));
    parse.pull = Some(pull(12));
    parse.reworks = 1;
    parse.rework_cycles = 1;
    parse.summary = Some("Added `parse` with tests for km and miles.".to_owned());
    let mut convert =
        step("convert", StepKind::Implement, "Convert between km and miles.", &["parse"], (&["R2"], &["A2"]));
    convert.state = awaiting(sha('b'), evaluation(sha('b'), Verdict::Fail, None), 1);
    convert.pull = Some(pull(13));
    convert.summary = Some("Added `convert`.".to_owned());
    let mut document = step("document", StepKind::Document, "Show both in the README.", &["parse"], (&[], &["A3"]));
    document.state = StepState::Working { task: TaskId::of(DirectiveId::of(1, 7, 1), 5), cause: None, last: None };
    let prove = step("prove", StepKind::Test, "Test the whole way.", &["convert", "document"], (&[], &["A1", "A2"]));

    let lint = EvaluationReason::VerifierFailed { verifier: "lint".to_owned(), required: false };
    let (step_name, confidence, wanted) = (convert.name.clone(), Confidence::Yellow, Wanted::Merge);
    let question = Question::Review { step: step_name, confidence, reasons: vec![lint], wanted };
    let tasks = vec![
        task(1, TaskKind::Plan, None, TaskStatus::Succeeded, 12),
        task(2, TaskKind::Step, Some(parse.id), TaskStatus::Succeeded, 41),
        task(3, TaskKind::Rework, Some(parse.id), TaskStatus::Succeeded, 20),
        task(4, TaskKind::Step, Some(convert.id), TaskStatus::Succeeded, 33),
        task(5, TaskKind::Step, Some(document.id), TaskStatus::Running, 0),
    ];
    Directive {
        state: DirectiveState::Active,
        generation: 1,
        plan: Some(PlanRecord {
            origin: PlanOrigin::Planned,
            hash: PlanHash::new("1".repeat(64)),
            faults: Vec::new(),
            rationale: "Parsing first, the rest beside each other.".to_owned(),
        }),
        integration_cut: true,
        approvals: vec![approval(1, ApprovalKind::StepReview, Some(&convert), question)],
        steps: vec![parse, convert, document, prove],
        tasks,
        ..planning()
    }
}

/// Planned anew: one step merged, one skipped, two left undone.
pub(crate) fn person(login: &str) -> Actor {
    Actor::Person(Login::new(login))
}

pub(crate) fn replanned(by: Actor, reason: &str) -> Directive {
    let mut directive = directive();
    directive.steps[1].state = skipped(directive.steps[1].last());
    directive.steps[1].pull = None;
    directive.steps[2].state = StepState::Working {
        task: TaskId::of(DirectiveId::of(1, 7, 1), 5),
        cause: Some(Cause::Legacy("still red after 3 reworks".to_owned())),
        last: Some(candidate(sha('e'), None)),
    };
    directive.steps[2].pull = Some(pull(14));
    directive.approvals.clear();
    directive.earlier = std::mem::take(&mut directive.steps);
    let reason = ReplanReason::Words(reason.to_owned());
    directive.replans = vec![Replan { generation: 2, by, reason, started: true, at: now() }];
    directive.generation = 2;
    directive.state = DirectiveState::Planning;
    directive.plan = None;
    directive
}

/// Every step merged, the final pull request waiting for a person.
pub(crate) fn finishing() -> Directive {
    let mut directive = directive();
    for (at, number) in [(1, 13), (2, 14), (3, 15)] {
        let step = &mut directive.steps[at];
        let known = step.last().unwrap_or_else(|| candidate(sha('c'), Some(evaluation(sha('c'), Verdict::Pass, None))));
        step.state = StepState::Passed { by: PassedBy::Merge, candidate: Some(known) };
        step.pull = Some(pull(number));
    }
    directive.approvals[0].status = ApprovalStatus::Approved;
    directive.tasks[4].status = TaskStatus::Succeeded;
    let mut final_step =
        step("final", StepKind::Final, "Bring it all to `main`.", &[], (&["R1", "R2"], &["A1", "A2", "A3"]));
    final_step.state = awaiting(sha('d'), evaluation(sha('d'), Verdict::Pass, Some(true)), 2);
    final_step.branch = Branch::new("adjutant/7-1/main");
    final_step.target = Branch::new("main");
    final_step.pull = Some(pull(16));
    directive.approvals.push(approval(
        2,
        ApprovalKind::Final,
        Some(&final_step),
        Question::Legacy("green: everything is ready to merge into main".to_owned()),
    ));
    directive.final_step = Some(final_step);
    directive.clock = WorkClock { seconds: 1_500, millis: 0, running_since: None, granted: 0 };
    directive
}

/// Merged by a person.
pub(crate) fn completed() -> Directive {
    let mut directive = finishing();
    directive.state = DirectiveState::Completed { at: now() };
    directive.approvals[1].status = ApprovalStatus::Approved;
    if let Some(final_step) = &mut directive.final_step {
        final_step.state = StepState::Passed { by: PassedBy::Merge, candidate: final_step.last() };
    }
    directive
}

/// A step that changes nothing and hands in a report.
pub(crate) fn reported() -> (Directive, Step) {
    let mut directive = directive();
    let report = "# Findings\n\nUnits are parsed in `src/lib.rs`.\n\n</details> cc @maintainer, fixes #1";
    let step = &mut directive.steps[0];
    step.kind = StepKind::Research;
    step.pull = None;
    let mut candidate = Candidate::new(Submission::report(report), now());
    candidate.findings = vec![Finding {
        kind: adjutant_domain::step::FindingKind::Protected,
        text: "`.github/x.yml` changed".to_owned(),
    }];
    step.state = StepState::Passed { by: PassedBy::Report, candidate: Some(Box::new(candidate)) };
    let step = step.clone();
    (directive, step)
}
