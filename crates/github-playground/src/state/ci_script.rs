//! The script of the CI. Nothing is built, so a script sets the conclusions of jobs.

use chrono::TimeDelta;
use serde::Deserialize;

use super::{Conclusion, Time};
use crate::filter_pattern;

/// The longest duration. A longer one is probably an error.
const LATEST: f64 = 60.0 * 86_400.0;

/// A rule of the script. A missing field matches everything, and the last matching rule decides.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CiRule {
    /// `owner/name`.
    repository: Option<String>,
    /// The name or the file: `CI`, `ci.yml`.
    workflow: Option<String>,
    /// A pattern for the id or the name.
    job: Option<String>,
    /// A pattern for the head branch.
    branch: Option<String>,
    /// `push`, `pull_request` …
    event: Option<String>,
    /// One conclusion for all attempts, or one for each attempt in turn. The last one is repeated.
    #[serde(default)]
    conclusion: Conclusions,
    /// The duration in seconds of the playground's clock.
    #[serde(default)]
    after: f64,
    /// The state in which the job stays.
    never: Option<Never>,
    /// The log of a completed job.
    log: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Conclusions {
    All(Conclusion),
    InTurn(Vec<Conclusion>),
}

impl Default for Conclusions {
    fn default() -> Self {
        Self::All(Conclusion::Success)
    }
}

/// A state that a job never leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Never {
    /// It never starts: no runner takes it.
    Queued,
    /// It never ends.
    InProgress,
}

/// The facts of a job that rules match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JobQuery<'a> {
    pub(crate) repository: &'a str,
    pub(crate) workflow: &'a str,
    pub(crate) path: &'a str,
    pub(crate) key: &'a str,
    pub(crate) job: &'a str,
    pub(crate) branch: &'a str,
    pub(crate) event: &'a str,
}

/// The scripted outcome of a job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JobOutcome {
    pub(crate) conclusion: Conclusion,
    pub(crate) after: TimeDelta,
    pub(crate) never: Option<Never>,
}

impl JobOutcome {
    /// The time at which a job ends that started then.
    pub(crate) fn due(&self, started: Time) -> Time {
        started + self.after
    }
}

impl CiRule {
    /// Reads a script.
    pub(crate) fn parse(text: &str) -> Result<Vec<Self>, String> {
        let rules: Vec<Self> = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        match rules.iter().find_map(Self::fault) {
            Some(fault) => Err(fault),
            None => Ok(rules),
        }
    }

    /// The fault of a rule whose shape is right.
    pub(crate) fn fault(&self) -> Option<String> {
        if !(0.0..=LATEST).contains(&self.after) {
            return Some(format!("`after: {}` is not a number of seconds from 0 to {LATEST}", self.after));
        }
        match &self.conclusion {
            Conclusions::InTurn(all) if all.is_empty() => Some("`conclusion` is an empty list".to_owned()),
            _ => None,
        }
    }

    fn fits(&self, asked: JobQuery) -> bool {
        let any = |wanted: &Option<String>, of: &[&str]| {
            wanted.as_deref().is_none_or(|wanted| of.iter().any(|all| all.eq_ignore_ascii_case(wanted)))
        };
        let like = |wanted: &Option<String>, of: &[&str]| {
            wanted.as_deref().is_none_or(|wanted| of.iter().any(|all| filter_pattern::matches(wanted, all)))
        };
        let file = asked.path.rsplit('/').next().unwrap_or_default();
        any(&self.repository, &[asked.repository])
            && any(&self.workflow, &[asked.workflow, asked.path, file])
            && any(&self.event, &[asked.event])
            && (any(&self.job, &[asked.key, asked.job]) || like(&self.job, &[asked.key, asked.job]))
            && like(&self.branch, &[asked.branch])
    }
}

/// The log of a job, from the last matching rule that has one.
pub(crate) fn log(script: &[CiRule], asked: JobQuery) -> Option<String> {
    script.iter().rev().filter(|rule| rule.fits(asked)).find_map(|rule| rule.log.clone())
}

/// The outcome of one job in one attempt, counted from 1. Without a matching rule the job succeeds at once.
pub(crate) fn outcome(script: &[CiRule], asked: JobQuery, attempt: u64) -> JobOutcome {
    let Some(rule) = script.iter().rev().find(|rule| rule.fits(asked)) else {
        return JobOutcome { conclusion: Conclusion::Success, after: TimeDelta::zero(), never: None };
    };
    let turn = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let conclusion = match &rule.conclusion {
        Conclusions::All(conclusion) => *conclusion,
        Conclusions::InTurn(all) => all.get(turn).or(all.last()).copied().unwrap_or(Conclusion::Success),
    };
    #[expect(clippy::cast_possible_truncation, reason = "the number was checked to be small")]
    let after = TimeDelta::milliseconds((rule.after * 1000.0) as i64);
    JobOutcome { conclusion, after, never: rule.never }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(job: &'static str, branch: &'static str) -> JobQuery<'static> {
        JobQuery {
            repository: "acme/widgets",
            workflow: "CI",
            path: ".github/workflows/ci.yml",
            key: job,
            job: "Unit tests",
            branch,
            event: "push",
        }
    }

    #[test]
    fn the_last_rule_that_fits_decides() {
        let script = CiRule::parse(
            "- { conclusion: failure }\n- { job: lint, never: queued }\n- { workflow: ci.yml, branch: 'bot/**', after: 1.5 }\n",
        )
        .unwrap();
        assert_eq!(outcome(&script, asked("test", "main"), 1).conclusion, Conclusion::Failure);
        assert_eq!(outcome(&script, asked("lint", "main"), 1).never, Some(Never::Queued));
        let late = outcome(&script, asked("lint", "bot/7/step"), 1);
        assert_eq!((late.never, late.after.num_milliseconds()), (None, 1500));
        let script = CiRule::parse("- { job: Unit*, conclusion: cancelled }").unwrap();
        assert_eq!(outcome(&script, asked("test", "main"), 1).conclusion, Conclusion::Cancelled);
    }

    #[test]
    fn a_list_of_conclusions_goes_through_the_attempts() {
        let script = CiRule::parse("- { conclusion: [failure, timed_out, success] }").unwrap();
        let found = [1, 2, 3, 4].map(|attempt| outcome(&script, asked("test", "main"), attempt).conclusion);
        assert_eq!(found, [Conclusion::Failure, Conclusion::TimedOut, Conclusion::Success, Conclusion::Success]);
    }

    #[test]
    fn a_script_that_makes_no_sense_is_refused() {
        for text in ["- { conclusion: [] }", "- { after: -1 }", "- { after: .nan }", "- { jobs: x }", "nonsense"] {
            assert!(CiRule::parse(text).is_err(), "{text}");
        }
    }
}
