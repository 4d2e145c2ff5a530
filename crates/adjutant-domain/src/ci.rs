//! What the repository's own CI says of a commit, and what that counts as.
//!
//! It is one more verifier, named `ci`. Nobody runs it: the engine waits for it, and each reading of GitHub's check runs
//! and commit statuses is weighed here.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::evaluation::{Page, TestCounts, Verdict, VerifierResult};
use super::network::NetworkReport;
use super::policy::{CiPolicy, Limits};

/// The verifier's name.
pub const NAME: &str = "ci";

/// How long it may take until the first check of a commit appears. GitHub starts workflows within seconds, and a service
/// outside of GitHub may take a minute or two.
pub const GRACE: Duration = Duration::minutes(3);

/// The most names of checks that one line has.
const MOST_NAMES: usize = 8;

/// One reading of the checks and statuses of a commit, Adjutant's own left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiReport {
    /// Every check, by name.
    pub checks: Vec<CiCheck>,
    /// Whether a run is under way that may still bring checks: jobs that wait for others are not listed yet.
    pub more_follow: bool,
    /// Why GitHub did not let it be read.
    pub unreadable: Option<String>,
}

/// One check run or commit status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiCheck {
    /// The check run's name or the status's context.
    pub name: String,
    /// How it stands.
    pub state: CiCheckState,
    /// Its page.
    pub url: Option<String>,
    /// The last lines of its log, or what it says of itself; only where it failed.
    pub tail: String,
    /// Whether a check of this name failed on the base commit too.
    pub failed_before: bool,
}

/// How a check stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CiCheckState {
    /// It is not over.
    Pending,
    /// It passed, or did not apply.
    Passed,
    /// It ended in another way.
    Failed {
        /// GitHub's word: `failure`, `timed_out` ….
        conclusion: String,
    },
}

impl CiCheckState {
    /// The state of a check run. A conclusion that is not known here is no pass.
    ///
    /// <https://docs.github.com/en/rest/checks/runs#get-a-check-run>
    pub fn of_check_run(status: &str, conclusion: Option<&str>) -> Self {
        match (status, conclusion) {
            ("completed", Some("success" | "neutral" | "skipped")) => Self::Passed,
            ("completed", Some(conclusion)) => Self::Failed { conclusion: conclusion.to_owned() },
            _ => Self::Pending,
        }
    }

    /// The state of a commit status.
    ///
    /// <https://docs.github.com/en/rest/commits/statuses#create-a-commit-status>
    pub fn of_status(state: &str) -> Self {
        match state {
            "success" => Self::Passed,
            "pending" => Self::Pending,
            other => Self::Failed { conclusion: other.to_owned() },
        }
    }
}

impl CiCheck {
    /// Whether it failed, here alone.
    fn is_broken(&self) -> bool {
        self.is_failed() && !self.failed_before
    }

    /// Whether it failed.
    pub fn is_failed(&self) -> bool {
        matches!(self.state, CiCheckState::Failed { .. })
    }
}

impl CiReport {
    /// A reading that GitHub refused.
    pub fn unreadable(why: String) -> Self {
        Self { unreadable: Some(why), ..Self::default() }
    }

    /// What stands for a reading where none was ever had.
    pub fn never_read() -> Self {
        Self::unreadable("it gave no answer".to_owned())
    }

    /// Whether nothing of it has appeared.
    pub fn is_absent(&self) -> bool {
        self.checks.is_empty() && !self.more_follow
    }

    /// Whether something of it is not over.
    pub fn is_pending(&self) -> bool {
        self.more_follow || self.checks.iter().any(|check| check.state == CiCheckState::Pending)
    }

    /// Whether the wait is over after this long.
    pub fn ends_wait(&self, waited: Duration, limits: &Limits) -> bool {
        if self.unreadable.is_some() || waited >= limits.ci_wait() {
            return true;
        }
        if self.is_absent() { waited >= grace(limits) } else { !self.is_pending() }
    }

    /// What it counts as when the wait is over. What never appeared, did not end, cannot be read or failed on the base
    /// commit too says nothing about the change.
    pub fn result(&self, policy: CiPolicy, waited: Duration, limits: &Limits) -> VerifierResult {
        let (verdict, summary) = self.verdict(limits);
        let failed_before = verdict == Verdict::Neutral && self.checks.iter().any(CiCheck::is_failed);
        VerifierResult {
            name: NAME.to_owned(),
            required: policy == CiPolicy::Required,
            weight: 1.0,
            verdict,
            summary,
            tail: if verdict == Verdict::Fail { self.tail() } else { String::new() },
            duration_ms: u64::try_from(waited.num_milliseconds()).unwrap_or(0),
            failed_before,
            counts: TestCounts::default(),
            failing: Vec::new(),
            network: NetworkReport::default(),
            subject: None,
            flaky: false,
            pages: self.pages(),
        }
    }

    fn verdict(&self, limits: &Limits) -> (Verdict, String) {
        let broken = self.names(CiCheck::is_broken);
        let all = self.checks.len();
        if !broken.is_empty() {
            return (Verdict::Fail, format!("{} of {} failed: {}", broken.len(), checks(all), listed(&broken)));
        }
        if let Some(why) = &self.unreadable {
            return (Verdict::Neutral, format!("GitHub does not let the checks be read: {why}"));
        }
        if self.is_absent() {
            return (
                Verdict::Neutral,
                format!(
                    "no check appeared within {} minutes: a workflow whose `branches:` leaves out `adjutant/**` does not run \
                     for these pull requests",
                    grace(limits).num_minutes()
                ),
            );
        }
        if self.is_pending() {
            let open = self.names(|check| check.state == CiCheckState::Pending);
            let open = if open.is_empty() { String::new() } else { format!(": {}", listed(&open)) };
            return (Verdict::Neutral, format!("not over within {} minutes{open}", limits.ci_minutes));
        }
        let before = self.names(CiCheck::is_failed);
        if before.is_empty() {
            return (Verdict::Pass, format!("{} passed", checks(all)));
        }
        (Verdict::Neutral, format!("failed on the base commit too: {}", listed(&before)))
    }

    fn names(&self, which: impl Fn(&CiCheck) -> bool) -> Vec<&str> {
        self.checks.iter().filter(|check| which(check)).map(|check| check.name.as_str()).collect()
    }

    /// The pages of the checks that did not pass, those that the change broke first.
    fn pages(&self) -> Vec<Page> {
        let mut open: Vec<_> = self.checks.iter().filter(|check| check.state != CiCheckState::Passed).collect();
        open.sort_by_key(|check| !check.is_broken());
        let page = |check: &CiCheck| Some(Page { name: check.name.clone(), url: check.url.clone()? });
        open.into_iter().filter_map(page).take(MOST_NAMES).collect()
    }

    /// The last lines of every check that failed by the change, each below its name and page.
    fn tail(&self) -> String {
        let broken = self.checks.iter().filter(|check| check.is_broken());
        let each = broken.map(|check| {
            let how = match &check.state {
                CiCheckState::Failed { conclusion } => conclusion.as_str(),
                CiCheckState::Pending | CiCheckState::Passed => "",
            };
            let url = check.url.as_ref().map(|url| format!(" ({url})")).unwrap_or_default();
            let head = format!("{}: {how}{url}", check.name);
            if check.tail.trim().is_empty() { head } else { format!("{head}\n{}", check.tail.trim_end()) }
        });
        each.collect::<Vec<_>>().join("\n\n")
    }
}

/// A limit below the usual time counts.
fn grace(limits: &Limits) -> Duration {
    GRACE.min(limits.ci_wait())
}

fn checks(number: usize) -> String {
    if number == 1 { "1 check".to_owned() } else { format!("{number} checks") }
}

fn listed(names: &[&str]) -> String {
    let more = names.len().saturating_sub(MOST_NAMES);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, state: CiCheckState) -> CiCheck {
        CiCheck { name: name.to_owned(), state, url: None, tail: String::new(), failed_before: false }
    }

    fn failed(name: &str) -> CiCheck {
        check(name, CiCheckState::Failed { conclusion: "failure".to_owned() })
    }

    fn report(checks: Vec<CiCheck>) -> CiReport {
        CiReport { checks, ..CiReport::default() }
    }

    fn found(report: &CiReport) -> (Verdict, String) {
        let result = report.result(CiPolicy::Required, Duration::minutes(1), &Limits::default());
        (result.verdict, result.summary)
    }

    #[test]
    fn every_conclusion_of_github_has_a_meaning() {
        for passed in ["success", "neutral", "skipped"] {
            assert_eq!(CiCheckState::of_check_run("completed", Some(passed)), CiCheckState::Passed);
        }
        for conclusion in ["failure", "timed_out", "cancelled", "action_required", "startup_failure", "stale"] {
            let conclusion = conclusion.to_owned();
            let state = CiCheckState::of_check_run("completed", Some(&conclusion));
            assert_eq!(state, CiCheckState::Failed { conclusion });
        }
        for status in ["queued", "in_progress", "waiting", "requested", "pending"] {
            assert_eq!(CiCheckState::of_check_run(status, None), CiCheckState::Pending);
        }
        assert_eq!(CiCheckState::of_status("pending"), CiCheckState::Pending);
        assert_eq!(CiCheckState::of_status("error"), CiCheckState::Failed { conclusion: "error".to_owned() });
    }

    #[test]
    fn the_wait_ends_when_all_is_over_or_the_time_is_up() {
        let limits = Limits::default();
        let ends = |report: &CiReport, minutes| report.ends_wait(Duration::minutes(minutes), &limits);
        let open = report(vec![check("build", CiCheckState::Passed), check("lint", CiCheckState::Pending)]);
        assert!(!ends(&open, 59) && ends(&open, 60));
        assert!(!ends(&CiReport::default(), 2) && ends(&CiReport::default(), 3));
        let between_jobs = CiReport { more_follow: true, ..report(vec![check("build", CiCheckState::Passed)]) };
        assert!(!ends(&between_jobs, 3), "a job that needs another is not listed before that one is over");
        assert!(ends(&report(vec![check("build", CiCheckState::Passed)]), 0));
        assert!(ends(&CiReport::unreadable("403".to_owned()), 0));
    }

    #[test]
    fn only_a_check_that_the_change_broke_is_a_failure() {
        assert_eq!(
            found(&report(vec![check("a", CiCheckState::Passed)])),
            (Verdict::Pass, "1 check passed".to_owned())
        );
        let (verdict, summary) = found(&report(vec![failed("build"), check("lint", CiCheckState::Passed)]));
        assert_eq!((verdict, summary.as_str()), (Verdict::Fail, "1 of 2 checks failed: build"));
        let before = CiCheck { failed_before: true, ..failed("build") };
        let (verdict, summary) = found(&report(vec![before.clone()]));
        assert_eq!((verdict, summary.as_str()), (Verdict::Neutral, "failed on the base commit too: build"));
        assert_eq!(found(&report(vec![before, failed("lint")])).0, Verdict::Fail);
        let (verdict, summary) = found(&CiReport::default());
        assert!(
            verdict == Verdict::Neutral && summary.starts_with("no check appeared within 3 minutes: "),
            "{summary}"
        );
        let (verdict, summary) = found(&report(vec![check("slow", CiCheckState::Pending)]));
        assert_eq!((verdict, summary.as_str()), (Verdict::Neutral, "not over within 60 minutes: slow"));
    }

    #[test]
    fn a_failure_brings_the_page_and_the_last_lines_of_each_check() {
        let url = Some("https://github.com/acme/widgets/runs/1".to_owned());
        let told = CiCheck { url, tail: "assertion failed\n".to_owned(), ..failed("build") };
        let result = report(vec![told, failed("lint")]).result(CiPolicy::Optional, GRACE, &Limits::default());
        assert!(!result.required);
        assert_eq!(
            result.tail,
            "build: failure (https://github.com/acme/widgets/runs/1)\nassertion failed\n\nlint: failure"
        );
        let pages: Vec<_> = result.pages.iter().map(|page| (page.name.as_str(), page.url.as_str())).collect();
        assert_eq!(pages, [("build", "https://github.com/acme/widgets/runs/1")]);
    }
}
