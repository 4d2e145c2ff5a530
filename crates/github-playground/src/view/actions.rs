//! Workflows, their runs and jobs. <https://docs.github.com/en/rest/actions/workflow-runs>

use serde_json::{Value, json};

use super::{View, maybe_time, node_id, time, without};
use crate::state::{Job, Repo, Stage, Workflow, WorkflowRun};

/// The members of a repository that the short form inside a run lacks.
const BEYOND_SIMPLE: [&str; 44] = [
    "allow_auto_merge",
    "allow_merge_commit",
    "allow_rebase_merge",
    "allow_squash_merge",
    "allow_update_branch",
    "allow_forking",
    "archived",
    "clone_url",
    "created_at",
    "default_branch",
    "delete_branch_on_merge",
    "disabled",
    "forks",
    "forks_count",
    "git_url",
    "has_discussions",
    "has_downloads",
    "has_issues",
    "has_pages",
    "has_projects",
    "has_wiki",
    "homepage",
    "is_template",
    "language",
    "license",
    "mirror_url",
    "open_issues",
    "open_issues_count",
    "pushed_at",
    "size",
    "ssh_url",
    "stargazers_count",
    "svn_url",
    "topics",
    "updated_at",
    "visibility",
    "watchers",
    "watchers_count",
    "web_commit_signoff_required",
    "permissions",
    "role_name",
    "temp_clone_token",
    "network_count",
    "subscribers_count",
];

impl View<'_> {
    /// A repository with only its links.
    pub(super) fn repo_simple(self, repo: &Repo) -> Value {
        let mut repository = self.repo_minimal(repo);
        without(&mut repository, &BEYOND_SIMPLE);
        repository
    }

    /// A workflow.
    pub(crate) fn workflow(self, repo: &Repo, workflow: &Workflow) -> Value {
        let file = workflow.path.rsplit('/').next().unwrap_or_default();
        json!({
            "id": workflow.id, "node_id": node_id("W", workflow.id), "name": workflow.name, "path": workflow.path,
            "state": "active", "created_at": time(workflow.created_at), "updated_at": time(workflow.updated_at),
            "url": self.repo_api(repo, &format!("/actions/workflows/{}", workflow.id)),
            "html_url": self.repo_web(repo, &format!("/blob/{}/{}", repo.default_branch, workflow.path)),
            "badge_url": self.repo_web(repo, &format!("/workflows/{}/badge.svg", super::encode_path(file))),
        })
    }

    /// A run of a workflow.
    pub(crate) fn workflow_run(self, repo: &Repo, run: &WorkflowRun) -> Value {
        let url = self.repo_api(repo, &format!("/actions/runs/{}", run.id));
        let suite = self.repo_api(repo, &format!("/check-suites/{}", run.suite));
        let path = repo.actions.workflow(run.workflow).map_or("", |workflow| workflow.path.as_str());
        let previous = (run.attempt > 1).then(|| format!("{url}/attempts/{}", run.attempt - 1));
        let repository = self.repo_simple(repo);
        let mut value = json!({
            "id": run.id, "name": run.name, "node_id": node_id("WFR", run.id), "head_branch": run.head_branch,
            "head_sha": run.head_sha, "path": path, "display_title": run.title, "run_number": run.number,
            "event": run.event, "status": run.stage, "conclusion": run.conclusion, "workflow_id": run.workflow,
            "check_suite_id": run.suite, "check_suite_node_id": node_id("CS", run.suite), "url": url,
            "html_url": self.run_page(repo, run), "pull_requests": self.pulls_at(repo, &run.head_sha),
            "created_at": time(run.created_at), "updated_at": time(run.updated_at),
            "actor": self.account(run.actor), "run_attempt": run.attempt, "referenced_workflows": [],
            "run_started_at": time(run.started_at), "triggering_actor": self.account(run.triggering_actor),
        });
        let links = json!({
            "jobs_url": format!("{url}/jobs"), "logs_url": format!("{url}/logs"), "check_suite_url": suite,
            "artifacts_url": format!("{url}/artifacts"), "cancel_url": format!("{url}/cancel"),
            "rerun_url": format!("{url}/rerun"), "previous_attempt_url": previous,
            "workflow_url": self.repo_api(repo, &format!("/actions/workflows/{}", run.workflow)),
            "head_commit": run.head_commit, "repository": repository, "head_repository": repository,
        });
        super::merge(&mut value, links);
        value
    }

    /// The own members of a `workflow_run` webhook.
    pub(crate) fn workflow_run_in_webhook(self, repo: &Repo, run: &WorkflowRun) -> Value {
        let workflow = repo.actions.workflow(run.workflow).map(|workflow| self.workflow(repo, workflow));
        let mut shown = self.workflow_run(repo, run);
        if run.stage == Stage::InProgress {
            // GitHub's description has fewer members there.
            without(&mut shown, &["display_title"]);
            for pointer in ["/actor", "/triggering_actor", "/repository/owner", "/head_repository/owner"] {
                if let Some(account) = shown.pointer_mut(pointer) {
                    without(account, &["user_view_type"]);
                }
            }
        }
        json!({ "workflow": workflow, "workflow_run": shown })
    }

    /// The page of a run.
    pub(crate) fn run_page(self, repo: &Repo, run: &WorkflowRun) -> String {
        self.repo_web(repo, &format!("/actions/runs/{}", run.id))
    }

    /// A job of a run.
    pub(crate) fn workflow_job(self, repo: &Repo, run: &WorkflowRun, job: &Job) -> Value {
        let plan = &run.plan[job.planned];
        let taken = job.stage != Stage::Queued && job.conclusion != Some(crate::state::Conclusion::Skipped);
        json!({
            "id": job.id, "run_id": run.id, "workflow_name": run.name, "head_branch": run.head_branch,
            "run_url": self.repo_api(repo, &format!("/actions/runs/{}", run.id)), "run_attempt": job.attempt,
            "node_id": node_id("CR", job.id), "head_sha": run.head_sha,
            "url": self.repo_api(repo, &format!("/actions/jobs/{}", job.id)),
            "html_url": format!("{}/job/{}", self.run_page(repo, run), job.id), "status": job.stage,
            "conclusion": job.conclusion, "created_at": time(job.created_at), "started_at": time(job.started_at),
            "completed_at": maybe_time(job.completed_at), "name": plan.name,
            "steps": if taken { steps(&plan.steps, job) } else { Vec::new() },
            "check_run_url": self.repo_api(repo, &format!("/check-runs/{}", job.id)), "labels": plan.labels,
            "runner_id": taken.then_some(1), "runner_name": taken.then_some("GitHub Actions 1"),
            "runner_group_id": taken.then_some(1), "runner_group_name": taken.then_some("GitHub Actions"),
        })
    }
}

/// A job's steps end with it. Nothing is known about each step, except that the last one decides the conclusion.
fn steps(names: &[String], job: &Job) -> Vec<Value> {
    let show = |(at, name): (usize, &String)| {
        let last = at + 1 == names.len();
        let conclusion = job.conclusion.map(|conclusion| if last { json!(conclusion) } else { json!("success") });
        json!({
            "name": name, "number": at + 1, "status": job.stage, "conclusion": conclusion,
            "started_at": time(job.started_at), "completed_at": maybe_time(job.completed_at),
        })
    };
    names.iter().enumerate().map(show).collect()
}
