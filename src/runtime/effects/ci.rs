//! Reads what the repository's own CI says of a commit.

use std::collections::BTreeSet;

use super::{EffectError, TRIES, external, step_of};
use crate::github::{ForeignCheck, ForeignState, GitHubError, RepoClient};
use crate::report::failure;
use crate::runtime::app::App;
use crate::workspace::sandbox::plain_text;
use crate::workspace::secrets;
use adjutant_domain::ci::{CiCheck, CiCheckState, CiReport};
use adjutant_domain::directive::Directive;
use adjutant_domain::ids::{Sha, StepId};
use adjutant_domain::input;
use adjutant_domain::signal::Signal;
use adjutant_domain::step::StepState;

/// Of how many failed checks more than the name is read. Each costs a request or two.
const TOLD: usize = 5;
/// The last lines of a failed check that a rework is told.
const LINES: usize = 40;
/// The longest line, in characters.
const LONGEST_LINE: usize = 400;
/// The annotations that are read of a failed check.
const ANNOTATIONS: usize = 20;
/// A longer address of a check's page is not kept, in bytes.
const LONGEST_URL: usize = 2_000;
/// More checks than these are not kept.
const MOST_CHECKS: usize = 300;

/// Reads the checks and statuses of a step's head, where the step waits for them.
pub(super) async fn read(app: &App, directive: &Directive, id: StepId, head: &Sha) -> Result<Vec<Signal>, EffectError> {
    let waits = |state: &StepState| matches!(state, StepState::AwaitingCi { .. });
    let step = step_of(directive, id).filter(|step| waits(&step.state) && step.head() == Some(head));
    if step.is_none() || directive.status().is_over() {
        return Ok(Vec::new());
    }
    let client = app.github.repository(&directive.repo);
    let read = |report| vec![Signal::CiRead { step: id, head: head.clone(), report: Box::new(report) }];
    match report(&client, head, &directive.base.sha).await {
        Ok(report) => Ok(read(report)),
        Err(error @ (GitHubError::Forbidden { .. } | GitHubError::NotFound { .. })) => {
            let why = external(error);
            let then = read(CiReport::unreadable(failure::words(&why)));
            Err(EffectError::refused_then(why, TRIES, then))
        }
        Err(error) => Err(error.into()),
    }
}

async fn report(client: &RepoClient, head: &Sha, base: &Sha) -> Result<CiReport, GitHubError> {
    let mut found = client.foreign_checks(head).await?;
    // What is cut is what passed.
    found.checks.sort_by_key(|check| match state(&check.state) {
        CiCheckState::Failed { .. } => 0,
        CiCheckState::Pending => 1,
        CiCheckState::Passed => 2,
    });
    let mut report = CiReport { more_follow: found.more_follow, ..CiReport::default() };
    for check in &found.checks {
        report.checks.push(CiCheck {
            name: input::storable(&check.name).into_owned(),
            state: state(&check.state),
            url: check
                .url
                .as_deref()
                .filter(|url| url.len() <= LONGEST_URL)
                .map(|url| input::storable(url).into_owned()),
            tail: String::new(),
            failed_before: false,
        });
    }
    report.checks.truncate(MOST_CHECKS);
    // Only the last reading is acted on, so that only it needs the details.
    if report.is_pending() || !report.checks.iter().any(CiCheck::is_failed) {
        return Ok(report);
    }
    let before = failed(client, base).await?;
    let mut told = 0;
    for (check, raw) in report.checks.iter_mut().zip(&found.checks).filter(|(check, _)| check.is_failed()) {
        check.failed_before = before.contains(&raw.name);
        if !check.failed_before && told < TOLD {
            check.tail = tail(client, raw).await?;
            told += 1;
        }
    }
    Ok(report)
}

fn state(state: &ForeignState) -> CiCheckState {
    match state {
        ForeignState::Run { status, conclusion } => CiCheckState::of_check_run(status, conclusion.as_deref()),
        ForeignState::Status { state } => CiCheckState::of_status(state),
    }
}

/// The names of the checks that failed on the base commit.
async fn failed(client: &RepoClient, base: &Sha) -> Result<BTreeSet<String>, GitHubError> {
    let before = client.foreign_checks(base).await?.checks;
    let failed = before.into_iter().filter(|check| matches!(state(&check.state), CiCheckState::Failed { .. }));
    Ok(failed.map(|check| check.name).collect())
}

/// The end of a job's log; else what the check says of itself, and its annotations.
async fn tail(client: &RepoClient, check: &ForeignCheck) -> Result<String, GitHubError> {
    if let Some(job) = check.run.filter(|_| check.is_job)
        && let Some(log) = client.job_log(job).await
    {
        return Ok(last_lines(&log));
    }
    let mut words = check.words.clone();
    if let Some(run) = check.run.filter(|_| check.is_annotated) {
        words = format!("{words}\n{}", client.annotation_lines(run, ANNOTATIONS).await?.join("\n"));
    }
    Ok(last_lines(&words))
}

/// The last lines, without the time before each line of a log.
fn last_lines(text: &str) -> String {
    let text = secrets::redact(&plain_text(text.as_bytes()));
    let lines: Vec<&str> = text.lines().map(|line| without_time(line.trim_end())).filter(|it| !it.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    let cut = |line: &&str| line.chars().take(LONGEST_LINE).collect::<String>();
    last.iter().map(cut).collect::<Vec<_>>().join("\n")
}

/// GitHub begins each line of a log with a time such as `2026-11-28T10:00:00.1234567Z`.
fn without_time(line: &str) -> &str {
    let (time, rest) = line.split_once(' ').unwrap_or((line, ""));
    if chrono::DateTime::parse_from_rfc3339(time).is_ok() { rest } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_a_log_come_without_their_times() {
        let log = "2026-11-28T10:00:00.1234567Z Run make test\n2026-11-28T10:00:01.0000000Z \n\
                   2026-11-28T10:00:02.7654321Z test parse ... FAILED\nplain\n";
        assert_eq!(last_lines(log), "Run make test\ntest parse ... FAILED\nplain");
        let long = "line\n".repeat(1_000) + &"x".repeat(9_000);
        assert_eq!(last_lines(&long).lines().count(), LINES);
        assert!(last_lines(&long).len() < LINES * (LONGEST_LINE + 1));
    }
}
