//! How the work is verified, and what is wrong on the base commit before there is any.

use super::text::{code, fence, inline};
use super::{failure, words};
use adjutant_domain::baseline::{BaseOutcome, BaseVerifier, BaselineFault, BaselineReport, BaselineState, SetupSource};
use adjutant_domain::directive::Directive;
use adjutant_domain::text::{truncate, visible};

/// The most commands of a setup that one line has.
const MOST_COMMANDS: usize = 6;

/// What is wrong, as one sentence each, and what is asked.
pub(super) fn question(report: &BaselineReport) -> String {
    let fault = report.fault.iter().map(fault);
    let verifiers = report.verifiers.iter().filter_map(|verifier| match &verifier.outcome {
        BaseOutcome::Failed { summary, .. } => {
            Some(format!("`{}` is red before any change ({summary})", verifier.name))
        }
        BaseOutcome::NotRun { reason } => Some(format!("`{}` cannot be run: {reason}", verifier.name)),
        BaseOutcome::Passed { .. } | BaseOutcome::Silent => None,
    });
    let found: Vec<String> = fault.chain(verifiers).map(|said| said.trim_end_matches('.').to_owned()).collect();
    format!(
        "On the base commit {}. May the work begin all the same? A change is not held against this.",
        found.join("; ")
    )
}

fn fault(fault: &BaselineFault) -> String {
    match fault {
        BaselineFault::Setup { command, how, tail } => {
            let last = tail.lines().map(str::trim).rfind(|line| !line.is_empty());
            let last = last.map(|line| format!(": {line}")).unwrap_or_default();
            format!("the setup `{command}` {how}{last}")
        }
        BaselineFault::Failure(why) => format!("nothing could be verified: {}", failure::words(why)),
    }
}

/// How the work is verified: in a line, with the policy text that pins it, and the last lines of what is wrong.
pub(super) fn section(directive: &Directive, chars: usize) -> String {
    let baseline = &directive.baseline;
    // Directives of before there were baselines have none, and after the end nothing is verified any more.
    if baseline.round == 0 || directive.status().is_over() || baseline.state == BaselineState::Running {
        return String::new();
    }
    let report = &baseline.report;
    let mut lines = vec![verified_by(directive, report)];
    lines.extend(report.setup_source.as_ref().map(|source| described(source, &report.setup)));
    lines.extend(ci_left_out(directive, report));
    if baseline.state == BaselineState::Asked {
        lines.extend(tails(report, chars));
    }
    lines.extend(pinned(directive, report));
    lines.join("\n\n")
}

fn verified_by(directive: &Directive, report: &BaselineReport) -> String {
    if report.verifiers.is_empty() {
        return "**Nothing verifies the work**: no file of the base commit says how it is tested. \
                Name a command in `.github/adjutant.yml`."
            .to_owned();
    }
    let each: Vec<String> = report.verifiers.iter().map(verifier).collect();
    let source = if directive.policy.verifiers.is_some() { "named by the policy" } else { "detected" };
    let left_out = match report.left_out.len() {
        0 => String::new(),
        number => format!(" {} left out.", words::count(number, "further project is", "further projects are")),
    };
    format!("**Verified by** {} ({source}).{left_out}", each.join("; "))
}

/// A setup that was read from a file for another tool, and what of it is not done.
fn described(source: &SetupSource, setup: &[String]) -> String {
    let commands: Vec<String> = setup.iter().take(MOST_COMMANDS).map(|command| code(command)).collect();
    let commands = if commands.is_empty() { "no command".to_owned() } else { commands.join("; ") };
    let more = match setup.len().saturating_sub(MOST_COMMANDS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let skipped: Vec<String> = source.skipped.iter().take(MOST_COMMANDS).map(|what| inline(what, 120)).collect();
    let skipped = match source.skipped.len() {
        0 => String::new(),
        number if number > MOST_COMMANDS => {
            format!(" Not done: {} and {} more.", skipped.join("; "), number - MOST_COMMANDS)
        }
        _ => format!(" Not done: {}.", skipped.join("; ")),
    };
    format!("**Set up by** {commands}{more} (from {}).{skipped}", code(&source.path))
}

/// The workflows that do not run for steps, with the line that makes them run.
fn ci_left_out(directive: &Directive, report: &BaselineReport) -> Option<String> {
    let workflows: Vec<String> = report.ci_left_out.iter().take(MOST_COMMANDS).map(|path| code(path)).collect();
    let more = match report.ci_left_out.len().saturating_sub(MOST_COMMANDS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!workflows.is_empty()).then(|| {
        format!(
            "⚠️ **Steps get no CI** from {}{more}: the filter of `pull_request` leaves out {}, into which they are merged. \
             Add the line `- 'adjutant/**'` to `branches:` there.",
            workflows.join(", "),
            code(directive.integration_branch().as_str()),
        )
    })
}

fn verifier(verifier: &BaseVerifier) -> String {
    let why = verifier.why.as_ref().map(|why| format!(" because of {}", inline(why, 120))).unwrap_or_default();
    let found = match &verifier.outcome {
        BaseOutcome::Passed { .. } => "",
        BaseOutcome::Silent => ", which found nothing to verify on the base commit",
        BaseOutcome::Failed { .. } => ", red on the base commit",
        BaseOutcome::NotRun { .. } => ", which cannot be run",
    };
    format!("{}{why}{found}", code(&verifier.run))
}

/// The last lines of what went wrong, collapsed.
fn tails(report: &BaselineReport, chars: usize) -> Vec<String> {
    let setup = report.fault.iter().filter_map(|fault| match fault {
        BaselineFault::Setup { command, tail, .. } => Some((command.as_str(), tail.as_str())),
        BaselineFault::Failure(_) => None,
    });
    let failed = report.verifiers.iter().filter_map(|verifier| match &verifier.outcome {
        BaseOutcome::Failed { tail, .. } => Some((verifier.name.as_str(), tail.as_str())),
        _ => None,
    });
    let told = setup.chain(failed).filter(|(_, tail)| !tail.trim().is_empty());
    told.map(|(what, tail)| {
        let summary = format!("{}: its last lines", inline(what, 60));
        format!("<details open><summary>{summary}</summary>\n\n{}\n\n</details>", fence(tail, chars))
    })
    .collect()
}

/// The policy text that states what was detected, to paste and to change.
fn pinned(directive: &Directive, report: &BaselineReport) -> Option<String> {
    if directive.policy.verifiers.is_some() || report.verifiers.is_empty() {
        return None;
    }
    let commands: Vec<&str> = report.verifiers.iter().map(|verifier| verifier.run.as_str()).collect();
    let text = policy_text(&report.setup, &commands);
    let fenced = fence(&text, 4_000);
    let summary = "The same as text for <code>.github/adjutant.yml</code>, to pin or to change it";
    Some(format!("<details><summary>{summary}</summary>\n\n{fenced}\n\n</details>"))
}

/// Setup and verifiers as the policy file states them.
pub fn policy_text(setup: &[String], verifiers: &[&str]) -> String {
    let mut text = String::new();
    if !setup.is_empty() {
        text.push_str("setup:\n");
        text.extend(setup.iter().map(|command| format!("  - {}\n", scalar(command))));
    }
    text.push_str("verifiers:\n");
    for (number, run) in verifiers.iter().enumerate() {
        let name = if verifiers.len() == 1 { "test".to_owned() } else { format!("test-{}", number + 1) };
        text.push_str(&format!("  - name: {name}\n    run: {}\n", scalar(run)));
    }
    text
}

/// A command as a YAML scalar: quoted where a plain one would mean something else.
fn scalar(command: &str) -> String {
    // It stands in a block of code, and is pasted: nothing may be put into it that keeps mentions from working.
    let command = visible(truncate(command, 8_000));
    // The lines of a quoted scalar are joined. A string of JSON is one of YAML, too.
    if command.contains('\n')
        && let Ok(quoted) = serde_json::to_string(&command)
    {
        return quoted;
    }
    let special = |c: char| "#:{}[]&*!|>'\"%@`,~\\\n".contains(c);
    let plain = command.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.') && !command.contains(special);
    if plain { command } else { format!("'{}'", command.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use adjutant_domain::baseline::Baseline;
    use adjutant_domain::policy;

    fn verifier(name: &str, run: &str, outcome: BaseOutcome) -> BaseVerifier {
        let why = Some("the script `test` in `package.json`".to_owned());
        BaseVerifier { name: name.to_owned(), run: run.to_owned(), why, outcome }
    }

    fn report() -> BaselineReport {
        let tail = "npm error `npm ci` can only install with an existing package-lock.json\n".to_owned();
        let failed = BaseOutcome::Failed { summary: "2 failed".to_owned(), tail: "AssertionError".to_owned() };
        let not_run = BaseOutcome::NotRun { reason: "mocha: not found.".to_owned() };
        BaselineReport {
            setup: vec!["npm ci".to_owned()],
            fault: Some(BaselineFault::Setup {
                command: "npm ci".to_owned(),
                how: "exited with status 1".to_owned(),
                tail,
            }),
            verifiers: vec![
                verifier("npm test", "npm test", not_run),
                verifier("lint", "npm run lint", failed),
                verifier("docs", "npm run docs", BaseOutcome::Passed { ms: 12 }),
            ],
            left_out: vec!["packages/i".to_owned()],
            setup_source: None,
            ci_left_out: Vec::new(),
        }
    }

    #[test]
    fn the_question_names_every_cause_and_the_comment_has_the_last_lines_and_the_policy_text() {
        let mut directive = fixture::directive();
        directive.policy.verifiers = None;
        directive.baseline =
            Baseline { state: BaselineState::Asked, round: 1, report: report(), ..Baseline::default() };
        insta::assert_snapshot!(question(&directive.baseline.report), @"On the base commit the setup `npm ci` exited with status 1: npm error `npm ci` can only install with an existing package-lock.json; `npm test` cannot be run: mocha: not found; `lint` is red before any change (2 failed). May the work begin all the same? A change is not held against this.");
        insta::assert_snapshot!(section(&directive, 500));
    }

    #[test]
    fn a_setup_for_another_tool_is_named_with_what_is_not_done() {
        let skipped = vec!["the action `actions/setup-node@v4`".to_owned(), "`services` of the job".to_owned()];
        let source = SetupSource { path: ".github/workflows/copilot-setup-steps.yml".to_owned(), skipped };
        let setup = vec!["npm ci".to_owned(); 8];
        insta::assert_snapshot!(described(&source, &setup), @"**Set up by** `npm ci`; `npm ci`; `npm ci`; `npm ci`; `npm ci`; `npm ci` and 2 more (from `.github/workflows/copilot-setup-steps.yml`). Not done: the action `actions/setup-node@v4`; `services` of the job.");
        let source = SetupSource { skipped: Vec::new(), ..source };
        insta::assert_snapshot!(described(&source, &[]), @"**Set up by** no command (from `.github/workflows/copilot-setup-steps.yml`).");
    }

    #[test]
    fn a_workflow_that_does_not_run_for_steps_is_named_with_the_line_to_add() {
        let mut directive = fixture::directive();
        let ci_left_out = vec![".github/workflows/ci.yml".to_owned()];
        let report = BaselineReport { ci_left_out, ..report() };
        directive.baseline = Baseline { round: 1, report, ..Baseline::default() };
        insta::assert_snapshot!(ci_left_out_line(&directive), @"⚠️ **Steps get no CI** from `.github/workflows/ci.yml`: the filter of `pull_request` leaves out `adjutant/7-1/main`, into which they are merged. Add the line `- 'adjutant/**'` to `branches:` there.");
    }

    fn ci_left_out_line(directive: &Directive) -> String {
        let section = section(directive, 500);
        section.lines().find(|line| line.contains("Steps get no CI")).unwrap_or_default().to_owned()
    }

    #[test]
    fn the_policy_text_is_a_policy_that_says_the_same() {
        let lines = "bash -e -c 'mkdir \"a\"\ncd a'";
        let commands =
            ["npm ci", "npm install pnpm@9", "pip install --editable '.[test]'", "test -x a || b: c # d", lines];
        let setup: Vec<String> = commands.iter().map(|command| (*command).to_owned()).collect();
        let verifiers = ["cd web && npm test", "make \"x\": y"];
        let read = policy::parse(&policy_text(&setup, &verifiers)).unwrap();
        assert_eq!(read.setup, Some(setup));
        let runs: Vec<String> = read.verifiers.unwrap().into_iter().map(|verifier| verifier.run).collect();
        assert_eq!(runs, verifiers);
    }
}
