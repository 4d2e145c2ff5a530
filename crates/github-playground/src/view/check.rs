//! Check runs, check suites and commit statuses.

use serde_json::{Value, json};

use super::{View, maybe_time, node_id, time, without};
use crate::state::{CheckRun, CheckStatus, CheckSuite, Conclusion, IssueState, Repo, Status, StatusState};

impl View<'_> {
    /// A check run.
    pub(crate) fn check_run(self, repo: &Repo, run: &CheckRun) -> Value {
        let url = self.repo_api(repo, &format!("/check-runs/{}", run.id));
        let html = self.repo_web(repo, &format!("/runs/{}", run.id));
        json!({
            "id": run.id, "name": run.name, "node_id": node_id("CR", run.id), "head_sha": run.head_sha,
            "external_id": run.external_id, "url": url, "html_url": html,
            "details_url": run.details_url.as_ref().unwrap_or(&html), "status": run.status,
            "conclusion": run.conclusion, "started_at": time(run.started_at),
            "completed_at": maybe_time(run.completed_at),
            "output": {
                "title": run.output.title, "summary": run.output.summary, "text": run.output.text,
                "annotations_count": run.output.annotations.len(), "annotations_url": format!("{url}/annotations"),
            },
            "check_suite": { "id": run.suite }, "app": self.app_of(run.app),
            "pull_requests": self.pulls_at(repo, &run.head_sha),
        })
    }

    /// A check run in webhooks: with its suite.
    pub(crate) fn check_run_in_webhook(self, repo: &Repo, run: &CheckRun) -> Value {
        let mut value = self.check_run(repo, run);
        if let Some(suite) = repo.suites.iter().find(|suite| suite.id == run.suite) {
            value["check_suite"] = self.check_suite(repo, suite, None);
            without(
                &mut value["check_suite"],
                &["head_commit", "latest_check_runs_count", "check_runs_url", "rerequestable", "runs_rerequestable"],
            );
        }
        value
    }

    /// The open pull requests whose head is this commit.
    pub(super) fn pulls_at(self, repo: &Repo, sha: &str) -> Vec<Value> {
        repo.pulls()
            .filter(|(issue, pull)| issue.state == IssueState::Open && pull.head_sha == sha)
            .map(|(issue, _)| self.pull_minimal(repo, issue))
            .collect()
    }

    /// A check suite; `head_commit` is its commit's data, if git was asked.
    pub(crate) fn check_suite(self, repo: &Repo, suite: &CheckSuite, head_commit: Option<&Value>) -> Value {
        let url = self.repo_api(repo, &format!("/check-suites/{}", suite.id));
        let (status, conclusion) = suite_state(repo, suite);
        let runs = repo.runs.iter().filter(|run| run.suite == suite.id).count();
        json!({
            "id": suite.id, "node_id": node_id("CS", suite.id), "head_branch": suite.head_branch,
            "head_sha": suite.head_sha, "status": status, "conclusion": conclusion, "url": url,
            "before": suite.before, "after": suite.head_sha, "pull_requests": self.pulls_at(repo, &suite.head_sha),
            "app": self.app_of(suite.app), "repository": self.repo_minimal(repo), "created_at": time(suite.created_at),
            "updated_at": time(suite.updated_at), "head_commit": head_commit,
            "latest_check_runs_count": runs, "check_runs_url": format!("{url}/check-runs"),
            "rerequestable": true, "runs_rerequestable": true,
        })
    }

    /// A commit status.
    pub(crate) fn status(self, repo: &Repo, status: &Status) -> Value {
        json!({
            "url": self.repo_api(repo, &format!("/statuses/{}", status.sha)),
            "avatar_url": self.urls.web(&format!("/avatars/u/{}", status.creator)), "id": status.id,
            "node_id": node_id("SC", status.id), "state": status.state, "description": status.description,
            "target_url": status.target_url, "context": status.context, "created_at": time(status.created_at),
            "updated_at": time(status.created_at), "creator": self.account(status.creator),
        })
    }

    /// All statuses of a commit, and their combined state.
    pub(crate) fn combined_status(self, repo: &Repo, sha: &str) -> Value {
        let mut newest = std::collections::BTreeMap::new();
        for status in repo.statuses.iter().filter(|status| status.sha == sha) {
            // https://docs.github.com/en/rest/commits/statuses#create-a-commit-status: contexts ignore case.
            newest.insert(status.context.to_lowercase(), status);
        }
        let any = |wanted: &[StatusState]| newest.values().any(|status| wanted.contains(&status.state));
        // https://docs.github.com/en/rest/commits/statuses#get-the-combined-status-for-a-specific-reference
        let state = if any(&[StatusState::Error, StatusState::Failure]) {
            StatusState::Failure
        } else if newest.is_empty() || any(&[StatusState::Pending]) {
            StatusState::Pending
        } else {
            StatusState::Success
        };
        let mut statuses: Vec<Value> = newest.values().map(|status| self.status(repo, status)).collect();
        for status in &mut statuses {
            without(status, &["creator"]);
        }
        json!({
            "state": state, "statuses": statuses, "sha": sha, "total_count": newest.len(),
            "repository": self.repo_minimal(repo), "commit_url": self.repo_api(repo, &format!("/commits/{sha}")),
            "url": self.repo_api(repo, &format!("/commits/{sha}/status")),
        })
    }
}

/// The combined state of a suite's runs: completed if all are, with the worst conclusion.
pub(crate) fn suite_state(repo: &Repo, suite: &CheckSuite) -> (CheckStatus, Option<Conclusion>) {
    // From worst to best, as GitHub combines them.
    const WORST_FIRST: [Conclusion; 8] = [
        Conclusion::Failure,
        Conclusion::TimedOut,
        Conclusion::Cancelled,
        Conclusion::ActionRequired,
        Conclusion::Stale,
        Conclusion::Success,
        Conclusion::Neutral,
        Conclusion::Skipped,
    ];
    // Only the newest run of each name counts, because a job may have been run again.
    let mut newest = std::collections::BTreeMap::new();
    for run in repo.runs.iter().filter(|run| run.suite == suite.id) {
        newest.insert(&run.name, run);
    }
    let runs: Vec<&CheckRun> = newest.into_values().collect();
    if suite.requeued || runs.is_empty() || runs.iter().all(|run| run.status == CheckStatus::Queued) {
        return (CheckStatus::Queued, None);
    }
    if runs.iter().any(|run| run.status != CheckStatus::Completed) {
        return (CheckStatus::InProgress, None);
    }
    let worst = WORST_FIRST.into_iter().find(|conclusion| runs.iter().any(|run| run.conclusion == Some(*conclusion)));
    (CheckStatus::Completed, worst)
}
