//! The check runs and commit statuses of a commit that are not this app's: what the repository's own CI says.

use serde::Deserialize;

use super::{
    error::GitHubError,
    model::{AppRef, text},
    repository::RepoClient,
};
use adjutant_domain::ids::Sha;

/// The app of GitHub Actions, by whose check runs the jobs of workflows are shown.
const ACTIONS: &str = "github-actions";

/// All checks of a commit, this app's left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignChecks {
    pub checks: Vec<ForeignCheck>,
    /// Whether a check suite with check runs is not completed: jobs that need others are not listed before those are over.
    pub more_follow: bool,
}

/// One check run or commit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignCheck {
    /// The check run's name or the status's context.
    pub name: String,
    pub state: ForeignState,
    /// Its page.
    pub url: Option<String>,
    /// What it says of itself; may be empty.
    pub words: String,
    /// The check run, if it is one.
    pub run: Option<u64>,
    /// Whether it is a job of a workflow.
    pub is_job: bool,
    /// Whether it has annotations.
    pub is_annotated: bool,
}

/// How a check stands, in GitHub's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForeignState {
    /// <https://docs.github.com/en/rest/checks/runs#get-a-check-run>
    Run { status: String, conclusion: Option<String> },
    /// <https://docs.github.com/en/rest/commits/statuses#get-the-combined-status-for-a-specific-reference>
    Status { state: String },
}

#[derive(Deserialize)]
struct RunPage {
    check_runs: Vec<RawRun>,
}

#[derive(Deserialize)]
struct RawRun {
    id: u64,
    name: String,
    status: String,
    #[serde(default)]
    conclusion: Option<String>,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    details_url: Option<String>,
    #[serde(default)]
    app: Option<RawApp>,
    #[serde(default)]
    output: RawOutput,
}

#[derive(Deserialize)]
struct RawApp {
    id: u64,
    #[serde(default, deserialize_with = "text")]
    slug: String,
}

#[derive(Default, Deserialize)]
struct RawOutput {
    #[serde(default, deserialize_with = "text")]
    title: String,
    #[serde(default, deserialize_with = "text")]
    summary: String,
    #[serde(default, deserialize_with = "text")]
    text: String,
    #[serde(default)]
    annotations_count: u64,
}

#[derive(Deserialize)]
struct SuitePage {
    check_suites: Vec<RawSuite>,
}

#[derive(Deserialize)]
struct RawSuite {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    app: Option<AppRef>,
    #[serde(default)]
    latest_check_runs_count: u64,
}

#[derive(Deserialize)]
struct CombinedStatus {
    statuses: Vec<RawStatus>,
}

#[derive(Deserialize)]
struct RawStatus {
    context: String,
    state: String,
    #[serde(default)]
    target_url: Option<String>,
    #[serde(default, deserialize_with = "text")]
    description: String,
}

#[derive(Deserialize)]
struct RawAnnotation {
    path: String,
    start_line: u64,
    #[serde(default, deserialize_with = "text")]
    message: String,
}

impl RepoClient {
    /// The newest check run of each name and the newest status of each context of a commit, this app's left out.
    pub async fn foreign_checks(&self, head: &Sha) -> Result<ForeignChecks, GitHubError> {
        let own = self.github().app_id();
        let mut found = ForeignChecks::default();
        // The suites first: what is added meanwhile is then listed below.
        self.search(&format!("/commits/{head}/check-suites?per_page=100"), |page: SuitePage| {
            let foreign =
                page.check_suites.into_iter().filter(|suite| suite.app.as_ref().is_none_or(|by| by.id != own));
            // GitHub makes a suite for every app that may write checks, and most of them stay queued without any run.
            found.more_follow |= foreign
                .filter(|suite| suite.latest_check_runs_count > 0)
                .any(|suite| suite.status.as_deref() != Some("completed"));
            None::<()>
        })
        .await?;
        self.search(&format!("/commits/{head}/check-runs?per_page=100"), |page: RunPage| {
            let foreign = page.check_runs.into_iter().filter(|run| run.app.as_ref().is_none_or(|by| by.id != own));
            found.checks.extend(foreign.map(RawRun::into_check));
            None::<()>
        })
        .await?;
        self.search(&format!("/commits/{head}/status?per_page=100"), |page: CombinedStatus| {
            found.checks.extend(page.statuses.into_iter().map(RawStatus::into_check));
            None::<()>
        })
        .await?;
        Ok(found)
    }

    /// The log of a workflow's job; `None` if it cannot be had: the app may not read it, it is too old or too large.
    pub async fn job_log(&self, job: u64) -> Option<String> {
        match self.download(&format!("/actions/jobs/{job}/logs")).await {
            Ok(answer) => Some(answer.text()),
            Err(error) => {
                tracing::debug!(job, %error, "the log of job {job} could not be read; its check run has to do");
                None
            }
        }
    }

    /// The first annotations of a check run, a line each.
    pub async fn annotation_lines(&self, run: u64, most: usize) -> Result<Vec<String>, GitHubError> {
        let answer = self.get(&format!("/check-runs/{run}/annotations?per_page={most}")).await?;
        let all: Vec<RawAnnotation> = answer.json()?;
        let line = |it: RawAnnotation| format!("{}:{}: {}", it.path, it.start_line, it.message.trim());
        Ok(all.into_iter().take(most).map(line).collect())
    }
}

impl RawRun {
    fn into_check(self) -> ForeignCheck {
        let RawOutput { title, summary, text, annotations_count } = self.output;
        let words = [title, summary, text];
        let words: Vec<&str> = words.iter().map(|it| it.trim()).filter(|it| !it.is_empty()).collect();
        ForeignCheck {
            name: self.name,
            state: ForeignState::Run { status: self.status, conclusion: self.conclusion },
            url: self.html_url.or(self.details_url),
            words: words.join("\n"),
            run: Some(self.id),
            is_job: self.app.is_some_and(|app| app.slug == ACTIONS),
            is_annotated: annotations_count > 0,
        }
    }
}

impl RawStatus {
    fn into_check(self) -> ForeignCheck {
        ForeignCheck {
            name: self.context,
            state: ForeignState::Status { state: self.state },
            url: self.target_url,
            words: self.description,
            run: None,
            is_job: false,
            is_annotated: false,
        }
    }
}
