//! Check runs: the composite `adjutant` check of a step, and one for each verifier.
//!
//! A check run that waits is completed as `action_required`: one that is left in progress turns stale after 14
//! days (<https://docs.github.com/en/rest/guides/using-the-rest-api-to-interact-with-checks>).

use super::pull::{findings, titled};
use super::text::{MAX_CHECK_FIELD, code, fence, fit, inline, plain, quote};
use super::{Links, cause, network, question, reason, verification, words};
use adjutant_domain::approval::{Approval, ApprovalKind};
use adjutant_domain::check::{Annotation, AnnotationLevel, CheckAction, CheckState, Conclusion};
use adjutant_domain::directive::Directive;
use adjutant_domain::evaluation::{Confidence, Evaluation, Verdict, VerifierResult};
use adjutant_domain::question::Question;
use adjutant_domain::status::StepStatus;
use adjutant_domain::step::{Step, StepState};

/// The longest title; GitHub's lists cut it far earlier.
const MAX_TITLE: usize = 120;

/// What is written into a check run.
/// <https://docs.github.com/en/rest/checks/runs#update-a-check-run>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Whether it is over, and how it ended.
    pub state: CheckState,
    /// One line.
    pub title: String,
    /// Markdown, at most 65,535 bytes.
    pub summary: String,
    /// Markdown below the summary, at most 65,535 bytes; none where there is nothing to add.
    pub text: Option<String>,
    /// Buttons, at most three.
    pub actions: Vec<CheckAction>,
    /// Remarks on lines of files, the worst first.
    pub annotations: Vec<Annotation>,
}

/// The composite check of a step's head, as things stand.
pub fn check_output(directive: &Directive, step: &Step, links: &Links) -> CheckReport {
    let standing = stand(directive, step);
    let evaluation = step.state.evaluation();
    let summary = fit(MAX_CHECK_FIELD, |chars| {
        let sections = [
            standing.sentence.clone(),
            standing.approval.map_or_else(String::new, |approval| answers(directive, approval, step, links, chars)),
            evaluation.map(|evaluation| reasons(evaluation, chars)).unwrap_or_default(),
            titled("Acceptance criteria", &verification::criteria_table(directive, step, links, chars)),
            titled(
                "Verifiers",
                &evaluation.map(|proof| verification::verifier_table(proof, chars)).unwrap_or_default(),
            ),
        ];
        join(&sections)
    });
    let text = fit(MAX_CHECK_FIELD, |chars| {
        let rework = match &step.state {
            StepState::Reworking { instructions, .. } => quote(&instructions.text, chars),
            _ => String::new(),
        };
        let sections = [
            findings(step.findings(), chars),
            titled("What the rework is told", &rework),
            titled("Pages of the checks", &evaluation.map(verification::pages).unwrap_or_default()),
            evaluation.map(|evaluation| verification::failed_tails(evaluation, chars)).unwrap_or_default(),
            evaluation.map(|evaluation| verification::judge_note(evaluation, chars)).unwrap_or_default(),
        ];
        join(&sections)
    });
    CheckReport {
        state: standing.state,
        title: plain(&standing.title, MAX_TITLE),
        summary,
        text: (!text.is_empty()).then_some(text),
        actions: standing.approval.map(actions).unwrap_or_default(),
        annotations: Vec::new(),
    }
}

/// The check of one verifier. Whether it is required decides about the composite, not here. What its log says about
/// lines is shown, but no failure where the verifier did not fail by this change: a test may print what looks like one.
pub fn verifier_check(result: &VerifierResult, annotations: Vec<Annotation>) -> CheckReport {
    let (conclusion, word) = match result.verdict {
        _ if result.flaky => (Conclusion::Neutral, "failed and passed"),
        Verdict::Pass => (Conclusion::Success, "passed"),
        Verdict::Fail => (Conclusion::Failure, "failed"),
        Verdict::Neutral => (Conclusion::Neutral, "does not apply"),
    };
    let summary = format!(
        "{} {word} in {} ({}).",
        code(&result.name),
        verification::seconds(result.duration_ms),
        verification::counts(result)
    );
    let flaky = if result.flaky {
        "Two runs of the same command on this commit ended differently: it says little of the change, and counts half."
    } else {
        ""
    };
    let summary = join(&[summary, flaky.to_owned(), verification::failing(result)]);
    let title = match verification::tests(result) {
        Some(tests) => format!("{tests} in {}", verification::seconds(result.duration_ms)),
        None if result.flaky => format!("⚠️ {}", verification::found(result)),
        None => verification::found(result),
    };
    // Where the title counts tests, the last line says what went wrong; else the title does.
    let is_counted = result.verdict == Verdict::Fail && verification::tests(result).is_some();
    let cause = if is_counted { inline(&result.summary, 400) } else { String::new() };
    let text = fit(MAX_CHECK_FIELD, |chars| {
        let refused: Vec<String> = network::sentences(&result.network).iter().map(|it| format!("- {it}")).collect();
        let tail = if result.tail.trim().is_empty() { String::new() } else { fence(&result.tail, chars * 5) };
        join(&[titled("Network", &refused.join("\n")), tail, cause.clone()])
    });
    let failed = result.verdict == Verdict::Fail;
    let annotations = annotations.into_iter().filter(|it| failed || it.level != AnnotationLevel::Failure).collect();
    CheckReport {
        state: CheckState::Completed(conclusion),
        title: plain(&title, MAX_TITLE),
        summary,
        text: (!text.is_empty()).then_some(text),
        actions: Vec::new(),
        annotations,
    }
}

/// The check of the `diff` verifier, which only notes what a person should look at.
pub fn diff_check(notes: &[String]) -> CheckReport {
    let title = match notes.len() {
        1 => "1 thing to look at".to_owned(),
        count => format!("{count} things to look at"),
    };
    let summary = fit(MAX_CHECK_FIELD, |chars| {
        let lines: Vec<String> = notes.iter().map(|note| format!("- {}", inline(note, chars.min(500)))).collect();
        join(&[
            "The tests do not show what a change brings in. A person should look at this:".to_owned(),
            lines.join("\n"),
        ])
    });
    CheckReport {
        state: CheckState::Completed(Conclusion::Neutral),
        title,
        summary,
        text: None,
        actions: Vec::new(),
        annotations: Vec::new(),
    }
}

/// The check of a verifier that could not be run, which says nothing about the commit. It is completed: one that is left
/// in progress becomes stale, and a branch that requires it waits for ever.
pub fn verifier_not_run(name: &str, error: &str) -> CheckReport {
    CheckReport {
        state: CheckState::Completed(Conclusion::ActionRequired),
        title: plain(&format!("could not be run: {error}"), MAX_TITLE),
        summary: format!("Nothing is known about this commit from {}: {}", code(name), inline(error, 1_000)),
        text: None,
        actions: Vec::new(),
        annotations: Vec::new(),
    }
}

/// The check of a verifier that runs.
pub fn verifier_running(name: &str) -> CheckReport {
    CheckReport {
        state: CheckState::InProgress,
        title: "running".to_owned(),
        summary: format!("{} runs on the merge of this commit into its target.", code(name)),
        text: None,
        actions: Vec::new(),
        annotations: Vec::new(),
    }
}

/// The `adjutant` check of a pull request that is not Adjutant's, so that the check can be required everywhere.
pub fn foreign_check() -> CheckReport {
    CheckReport {
        state: CheckState::Completed(Conclusion::Neutral),
        title: "not a pull request of Adjutant's".to_owned(),
        summary:
            "Adjutant has nothing to say here. The check is written so that it can be required of every pull request."
                .to_owned(),
        text: None,
        actions: Vec::new(),
        annotations: Vec::new(),
    }
}

/// The `adjutant` check of a merge group that adds this step's pull request. A group waits for its checks up to a limit of
/// the queue, so that what is not decided is completed at once.
pub fn merge_group_check(directive: &Directive, step: &Step, links: &Links) -> CheckReport {
    let report = check_output(directive, step, links);
    let state = match report.state {
        CheckState::InProgress => CheckState::Completed(Conclusion::ActionRequired),
        completed @ CheckState::Completed(_) => completed,
    };
    // A button is about the head of the pull request.
    CheckReport { state, actions: Vec::new(), ..report }
}

/// How a step's check stands.
struct Standing<'a> {
    state: CheckState,
    title: String,
    sentence: String,
    approval: Option<&'a Approval>,
}

impl Standing<'_> {
    fn of(state: CheckState, title: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { state, title: title.into(), sentence: sentence.into(), approval: None }
    }
}

fn stand<'a>(directive: &'a Directive, step: &Step) -> Standing<'a> {
    use CheckState::{Completed, InProgress};
    use Conclusion::{ActionRequired, Cancelled, Failure, Success};
    let evaluation = step.state.evaluation();
    let proof = evaluation.map(words::confidence).unwrap_or_default();
    let titled = |word: &str| if proof.is_empty() { word.to_owned() } else { format!("{proof}: {word}") };
    let reason = || inline(&step.state.cause().map(cause::words).unwrap_or_default(), 1_000);
    match step.status() {
        StepStatus::Passed => return Standing::of(Completed(Success), titled("done"), "This step is done."),
        StepStatus::Skipped => {
            return Standing::of(Completed(Cancelled), "skipped", format!("This step was skipped. {}", reason()));
        }
        _ if directive.status().is_over() => {
            let failure = directive.state.failure().map(cause::directive);
            let why = inline(&failure.unwrap_or_else(|| "Its goal was reached without this.".to_owned()), 1_000);
            return Standing::of(Completed(Cancelled), "called off", format!("The directive has ended. {why}"));
        }
        _ if directive.earlier_step(step.id).is_some() => {
            let why = directive.replans.last().map(|replan| cause::replan(&replan.reason)).unwrap_or_default();
            let why = inline(&why, 1_000);
            return Standing::of(
                Completed(Cancelled),
                "planned anew",
                format!("Another plan replaces this step. {why}"),
            );
        }
        _ => {}
    }
    if let Some(approval) = words::waiting_approval(directive, step) {
        let is_red = evaluation.is_some_and(|evaluation| evaluation.confidence == Confidence::Red);
        // It was decided on, and only the merge is left to a person. A queue takes no pull request whose check waits.
        if matches!(approval.question, Question::Unmerged { .. }) && !is_red {
            let sentence = inline(&question::words(&approval.question), 1_000);
            let standing = Standing::of(Completed(Success), titled("to be merged by a person"), sentence);
            return Standing { approval: Some(approval), ..standing };
        }
        return Standing {
            state: Completed(ActionRequired),
            title: titled("waits for a person"),
            sentence: inline(&question::words(&approval.question), 1_000),
            approval: Some(approval),
        };
    }
    if let (StepState::Merging { .. }, Some(hold)) = (&step.state, step.hold()) {
        return Standing::of(Completed(Success), titled("held back as a draft"), words::held_back(hold));
    }
    match (&step.state, evaluation.map(|evaluation| evaluation.confidence)) {
        (StepState::Blocked { .. }, _) => Standing::of(Completed(ActionRequired), titled("blocked"), reason()),
        (StepState::Failed { .. }, _) => Standing::of(Completed(Failure), "could not be run", reason()),
        (state, Some(Confidence::Red)) => {
            let again = if state.status() == StepStatus::Evaluating { "failed" } else { "failed, goes to rework" };
            Standing::of(Completed(Failure), titled(again), "It does not hold.")
        }
        (
            StepState::Reworking { .. }
            | StepState::AwaitingSteps { .. }
            | StepState::Working { .. }
            | StepState::Integrating { .. },
            Some(_),
        ) => Standing::of(
            Completed(Failure),
            titled("sent to rework"),
            "It is done again; the next commit is proved anew.",
        ),
        (StepState::AwaitingCi { .. }, _) => Standing::of(
            InProgress,
            "waits for the repository's CI",
            "The verifiers are done; the repository's own checks of this commit are not.",
        ),
        (StepState::Judging { .. }, _) => {
            Standing::of(InProgress, titled("being judged"), "The judge looks at the criteria.")
        }
        (StepState::Merging { .. }, Some(_)) => Standing::of(Completed(Success), titled("merging"), "It holds."),
        (StepState::AwaitingDecision { .. }, Some(_)) => {
            Standing::of(InProgress, titled("deciding"), "The proof is in, the decision is not.")
        }
        (state, _) if state.status() == StepStatus::Evaluating => {
            Standing::of(InProgress, "being proved", "The verifiers are at work.")
        }
        _ => Standing::of(InProgress, words::state(directive, step), "An agent has not handed this in yet."),
    }
}

fn answers(directive: &Directive, approval: &Approval, step: &Step, links: &Links, chars: usize) -> String {
    if chars == 0 {
        return String::new();
    }
    let issue = links.issue(directive.issue);
    match step.pull {
        Some(_) => format!(
            "Here: {}. Approving or requesting changes in a review counts too.",
            words::answers(directive, approval, Some(step), words::Place::Pull)
        ),
        None => format!(
            "On [the issue]({issue}): {}.",
            words::answers(directive, approval, Some(step), words::Place::Issue)
        ),
    }
}

fn reasons(evaluation: &Evaluation, chars: usize) -> String {
    let lines: Vec<String> = evaluation
        .reasons
        .iter()
        .take(30)
        .map(|reason| format!("- {}", inline(&reason::words(reason), chars.min(300))))
        .collect();
    titled("Why it is no better", &lines.join("\n"))
}

fn actions(approval: &Approval) -> Vec<CheckAction> {
    let action = |label: &str, description: &str, identifier: &str| CheckAction {
        label: label.to_owned(),
        description: description.to_owned(),
        identifier: identifier.to_owned(),
    };
    let skip = action("Skip", "Go on without this step", "skip");
    match approval.kind {
        // No agent can mend what this machine lacks.
        ApprovalKind::StepBlocked if approval.question.is_about_a_run() => vec![
            action("Accept as it is", "Merge it without that verifier", "approve"),
            action("Verify again", "Run the verifiers again, and no agent", "verify"),
            skip,
        ],
        ApprovalKind::StepReview => vec![
            action("Approve", "Merge it as it is", "approve"),
            action("Rework", "Send it back with what was found", "rework"),
            skip,
        ],
        ApprovalKind::StepBlocked => vec![
            action("Accept as it is", "Merge it in spite of what failed", "approve"),
            action("Run once more", "Send it back with what was found", "rework"),
            skip,
        ],
        ApprovalKind::Final => vec![
            action("Approve", "Merge it where the rules allow", "approve"),
            action("Rework", "Send it back with what was found", "rework"),
            action("Verify again", "Run the verifiers again, and no agent", "verify"),
        ],
        ApprovalKind::Plan | ApprovalKind::Budget | ApprovalKind::Baseline => Vec::new(),
    }
}

fn join(sections: &[String]) -> String {
    sections.iter().map(|section| section.trim()).filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
