//! Runs one verifier in the sandbox.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::log::Before;
use super::outcome::Outcome;
use super::{VerifierSpec, missing, network};
use crate::workspace::sandbox::{Exit, Limits, RunOutcome, Sandbox, SandboxRun};
use adjutant_domain::evaluation::{TestCounts, Verdict, VerifierResult};
use adjutant_domain::network::Hosts;

const SUMMARY_CHARS: usize = 200;
/// The most names of failed tests in a result.
const MOST_FAILING: usize = 20;

/// Where a verifier runs.
#[derive(Debug, Clone)]
pub struct VerifierJob {
    /// A clone at the commit under test, for this verifier only, because it could change the files for another.
    pub workdir: PathBuf,
    /// A home that is shared by the verifiers of this commit, so that a second command finds what the first one built;
    /// `None` for a new one. Never an agent's.
    pub scratch: Option<PathBuf>,
    /// The prepared environment, which the verifier sees below its files.
    pub layer: Option<PathBuf>,
    /// The hosts that the operator allows to verifiers.
    pub allowed_hosts: Hosts,
    /// Its resource limits. The wall-clock limit comes from the verifier.
    pub limits: Limits,
    pub log: PathBuf,
    pub cancel: CancellationToken,
}

/// What a verifier found.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifierRun {
    pub result: VerifierResult,
    /// What its log says about single tests and lines.
    pub outcome: Outcome,
    /// Why it may be that nothing was verified: a failure whose output ends with the word of a build tool that a program
    /// was not found. The code under test can print that too, so that the failure holds until the base commit, where
    /// nobody plays tricks, shows the same.
    pub missing: Option<String>,
}

/// The verifier could not be run, so nothing is known about the commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the verifier `{name}` could not be run: {reason}")]
pub struct NotRun {
    pub name: String,
    /// The reason and the remedy.
    pub reason: String,
}

/// Runs `spec`. `Err` means that it gave no answer about the commit.
pub async fn run_verifier(sandbox: &Sandbox, spec: &VerifierSpec, job: VerifierJob) -> Result<VerifierRun, NotRun> {
    let before = Before::of(spec, &job.workdir, &job.log).await;
    let argv = ["sh", "-ec", &spec.run].map(str::to_owned).to_vec();
    let mut run = SandboxRun::new(argv, job.workdir, job.log);
    let (network, mut told) = network::granted(&spec.network, &job.allowed_hosts);
    run.network = network;
    run.limits = Limits { wall: spec.timeout, ..job.limits };
    run.scratch = job.scratch;
    run.layer = job.layer;
    run.cancel = job.cancel;
    let not_run = |reason: String| NotRun { name: spec.name.clone(), reason };
    let ran = sandbox.run(run).await.map_err(|error| not_run(error.to_string()))?;
    let outcome = before.read().await;
    let line = missing_line(&ran, &outcome);
    let (verdict, summary) = judge(spec, &ran, line.or(outcome.cause.as_deref())).map_err(not_run)?;
    let missing = line.filter(|_| verdict == Verdict::Fail).map(|line| missing::reason(&spec.run, line));
    told.refused = ran.refused;
    // What was stopped has not run all of its tests.
    let is_whole = matches!(ran.exit, Exit::Code(_));
    let result = VerifierResult {
        name: spec.name.clone(),
        required: spec.required,
        weight: spec.weight,
        verdict,
        summary,
        tail: ran.tail,
        duration_ms: u64::try_from(ran.duration.as_millis()).unwrap_or(u64::MAX),
        counts: if is_whole { counts(&outcome) } else { TestCounts::default() },
        failing: outcome.failing(MOST_FAILING),
        failed_before: false,
        network: told,
        subject: None,
        flaky: false,
        pages: Vec::new(),
    };
    Ok(VerifierRun { result, outcome, missing })
}

/// The line of a failed run that says that a program was not found. A run in which tests failed has another reason.
fn missing_line<'a>(ran: &'a RunOutcome, outcome: &Outcome) -> Option<&'a str> {
    let tests_failed = outcome.failed.is_some_and(|failed| failed > 0);
    matches!(ran.exit, Exit::Code(1..)).then(|| missing::line(&ran.tail)).flatten().filter(|_| !tests_failed)
}

fn counts(outcome: &Outcome) -> TestCounts {
    TestCounts { passed: outcome.passed, failed: outcome.failed, skipped: outcome.skipped }
}

/// The verdict with one line about it; else the reason why there is none. `cause` is the line that says most about a
/// failure, if the format of the output is known.
fn judge(spec: &VerifierSpec, outcome: &RunOutcome, cause: Option<&str>) -> Result<(Verdict, String), String> {
    let name = &spec.name;
    Ok(match outcome.exit {
        Exit::Code(0) => (Verdict::Pass, format!("{name} passed in {:.1} s", outcome.duration.as_secs_f64())),
        // https://docs.pytest.org/en/stable/reference/exit-codes.html
        Exit::Code(5) if spec.run.trim_end().ends_with("pytest") => {
            (Verdict::Neutral, "pytest found no tests".to_owned())
        }
        Exit::Code(126 | 127) => return Err(missing::reason(&spec.run, &outcome.tail)),
        Exit::Cancelled => return Err("it was cancelled".to_owned()),
        Exit::TimedOut => {
            (Verdict::Fail, format!("{name} did not finish within {} s and was stopped", spec.timeout.as_secs()))
        }
        Exit::OutputLimit => {
            (Verdict::Fail, format!("{name} printed more than {} bytes and was stopped", outcome.log_bytes))
        }
        Exit::DiskLimit => (Verdict::Fail, format!("{name} wrote too much to the disk and was stopped")),
        Exit::DiskFull => return Err(format!("{name} {}", outcome.exit)),
        Exit::Code(_) | Exit::Signal(_) => match cause.or_else(|| informative_line(&outcome.tail)) {
            Some(found) => (Verdict::Fail, line(&format!("{name} {}: {found}", outcome.exit))),
            None => (Verdict::Fail, format!("{name} {}", outcome.exit)),
        },
    })
}

/// The line of a failed run that says most about the failure.
fn informative_line(tail: &str) -> Option<&str> {
    let lines = || tail.lines().map(str::trim).filter(|line| !line.is_empty());
    let counts = |line: &&str| {
        line.starts_with("test result: FAILED")
            || (line.contains("failed") && line.contains(|c: char| c.is_ascii_digit()))
    };
    let errors = |line: &&str| line.starts_with("error") || line.starts_with("Error") || line.starts_with("FAIL");
    lines().rfind(counts).or_else(|| lines().find(errors)).or_else(|| lines().next_back())
}

/// A text as one line of bounded length.
fn line(text: &str) -> String {
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(SUMMARY_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::workspace::sandbox::{Mode, SandboxConfig};

    async fn run(spec: &VerifierSpec, cancel: CancellationToken) -> Result<VerifierResult, NotRun> {
        let folder = tempfile::tempdir().unwrap();
        let workdir = folder.path().join("tree");
        std::fs::create_dir(&workdir).unwrap();
        let config = SandboxConfig::new(Mode::Bubblewrap, folder.path().join("scratch"));
        let sandbox = Sandbox::probe(config).await.unwrap();
        let limits = Limits { output_bytes: 100_000, ..Limits::default() };
        let log = folder.path().join("log");
        let allowed_hosts = Hosts::default();
        let job = VerifierJob { workdir, scratch: None, layer: None, allowed_hosts, limits, log, cancel };
        run_verifier(&sandbox, spec, job).await.map(|run| run.result)
    }

    async fn verdict(script: &str) -> (Verdict, String) {
        let result = run(&VerifierSpec::required("check", script), CancellationToken::new()).await.unwrap();
        (result.verdict, result.summary)
    }

    #[tokio::test]
    async fn pass_and_fail_have_one_line() {
        let (passed, summary) = verdict("true").await;
        assert_eq!(passed, Verdict::Pass);
        assert!(summary.starts_with("check passed in "), "{summary}");
        let failed = verdict("echo 3 passed, 2 failed in 1s; echo bye; exit 2").await;
        assert_eq!(failed, (Verdict::Fail, "check exited with status 2: 3 passed, 2 failed in 1s".to_owned()));
        assert_eq!(verdict("false\ntrue").await.0, Verdict::Fail, "a failing line in the middle is a failure");
    }

    #[tokio::test]
    async fn a_verifier_that_could_not_be_run_is_an_error_and_no_failure() {
        let missing = run(&VerifierSpec::required("check", "no-such-tool --all"), CancellationToken::new()).await;
        let said = missing.unwrap_err().to_string();
        assert!(
            said.starts_with("the verifier `check` could not be run: ") && said.contains("no-such-tool: not found"),
            "{said}"
        );
        assert_eq!(said.matches("could not be run").count(), 1, "{said}");
        let cancel = CancellationToken::new();
        cancel.cancel();
        let cancelled = run(&VerifierSpec::required("check", "sleep 100"), cancel).await;
        assert_eq!(cancelled.unwrap_err().reason, "it was cancelled");
    }

    #[tokio::test]
    async fn a_hanging_or_babbling_verifier_fails_with_a_sentence() {
        let slow = VerifierSpec { timeout: Duration::from_secs(1), ..VerifierSpec::required("check", "sleep 100") };
        let result = run(&slow, CancellationToken::new()).await.unwrap();
        assert_eq!(
            (result.verdict, result.summary.as_str()),
            (Verdict::Fail, "check did not finish within 1 s and was stopped")
        );
        let loud = verdict("yes").await;
        assert_eq!((loud.0, loud.1.as_str()), (Verdict::Fail, "check printed more than 100000 bytes and was stopped"));
    }

    #[test]
    fn the_line_that_says_most_is_found() {
        let cargo =
            "running 2 tests\ntest result: FAILED. 1 passed; 1 failed\nerror: test failed, to rerun pass `--lib`";
        assert_eq!(informative_line(cargo), Some("test result: FAILED. 1 passed; 1 failed"));
        assert_eq!(
            informative_line("error[E0308]: mismatched types\n --> src/lib.rs\nmore"),
            Some("error[E0308]: mismatched types")
        );
        assert_eq!(informative_line("\n \n"), None);
    }
}
