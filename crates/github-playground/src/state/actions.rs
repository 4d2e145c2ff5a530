//! GitHub Actions of a repository: workflows, runs and jobs.

use serde::Serialize;

use super::{CheckStatus, Conclusion, Id, Time};

/// The Actions of one repository.
#[derive(Debug, Default)]
pub(crate) struct Actions {
    pub(crate) workflows: Vec<Workflow>,
    /// Oldest first.
    pub(crate) runs: Vec<WorkflowRun>,
}

/// A workflow. It is known from the first time that its file was read.
#[derive(Debug, Clone)]
pub(crate) struct Workflow {
    pub(crate) id: Id,
    pub(crate) name: String,
    /// `.github/workflows/ci.yml`.
    pub(crate) path: String,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    /// The number of its runs.
    pub(crate) runs: u64,
}

/// The progress of a run or a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    Queued,
    InProgress,
    Completed,
}

impl Stage {
    /// The status of the check run that shows it.
    pub(crate) fn check(self) -> CheckStatus {
        match self {
            Self::Queued => CheckStatus::Queued,
            Self::InProgress => CheckStatus::InProgress,
            Self::Completed => CheckStatus::Completed,
        }
    }
}

/// A run of a workflow: all its attempts.
#[derive(Debug, Clone)]
pub(crate) struct WorkflowRun {
    pub(crate) id: Id,
    pub(crate) workflow: Id,
    pub(crate) suite: Id,
    /// The workflow's name in the file that this run read.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) number: u64,
    pub(crate) attempt: u64,
    /// `push`, `pull_request` …
    pub(crate) event: String,
    pub(crate) head_branch: Option<String>,
    pub(crate) head_sha: String,
    /// The head commit as webhooks show it.
    pub(crate) head_commit: serde_json::Value,
    pub(crate) actor: Id,
    pub(crate) triggering_actor: Id,
    pub(crate) stage: Stage,
    pub(crate) conclusion: Option<Conclusion>,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    /// When the attempt began.
    pub(crate) started_at: Time,
    /// The jobs of the file.
    pub(crate) plan: Vec<JobPlan>,
    /// The jobs of all attempts.
    pub(crate) jobs: Vec<Job>,
}

/// A job of the file. A matrix has one for each combination.
#[derive(Debug, Clone)]
pub(crate) struct JobPlan {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) needs: Vec<String>,
    /// Whether it runs even if a job that it needs failed.
    pub(crate) regardless: bool,
    pub(crate) skipped: bool,
    pub(crate) labels: Vec<String>,
    pub(crate) steps: Vec<String>,
}

/// One job of one attempt. It has the same id as its check run.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: Id,
    pub(crate) attempt: u64,
    /// The index of the job in the plan.
    pub(crate) planned: usize,
    pub(crate) stage: Stage,
    pub(crate) conclusion: Option<Conclusion>,
    pub(crate) created_at: Time,
    pub(crate) started_at: Time,
    pub(crate) completed_at: Option<Time>,
}

impl WorkflowRun {
    /// The last execution of every job. An attempt need not run all of them again.
    pub(crate) fn current(&self) -> impl Iterator<Item = &Job> {
        let newest = |at: usize| self.jobs.iter().rev().find(move |job| job.planned == at);
        (0..self.plan.len()).filter_map(newest)
    }
}

impl Actions {
    /// A run by id.
    pub(crate) fn run(&self, id: Id) -> Option<&WorkflowRun> {
        self.runs.iter().find(|run| run.id == id)
    }

    /// The same, mutable.
    pub(crate) fn run_mut(&mut self, id: Id) -> Option<&mut WorkflowRun> {
        self.runs.iter_mut().find(|run| run.id == id)
    }

    /// A workflow by id.
    pub(crate) fn workflow(&self, id: Id) -> Option<&Workflow> {
        self.workflows.iter().find(|workflow| workflow.id == id)
    }
}
