//! Reruns of a completed run: all jobs, or the failed ones and those that depend on them.
//! <https://docs.github.com/en/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs>

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    app_state::AppState,
    state::{Conclusion, Id, Job, Stage, State, WorkflowRun},
};

impl WorkflowRun {
    /// The indices, in the plan, of the failed jobs and of all jobs that need them. The others keep their results.
    pub(crate) fn failed(&self) -> BTreeSet<usize> {
        let bad = |job: &&Job| !matches!(job.conclusion, Some(Conclusion::Success | Conclusion::Skipped));
        let failed = self.current().filter(bad).map(|job| job.planned).collect();
        self.with_dependents(failed)
    }

    /// These jobs and all jobs that need them, directly or indirectly.
    pub(crate) fn with_dependents(&self, mut jobs: BTreeSet<usize>) -> BTreeSet<usize> {
        loop {
            let keys: BTreeSet<&str> = jobs.iter().map(|at| self.plan[*at].key.as_str()).collect();
            let needs = |at: &usize| self.plan[*at].needs.iter().any(|needed| keys.contains(needed.as_str()));
            let more: BTreeSet<usize> = (0..self.plan.len()).filter(|at| !jobs.contains(at) && needs(at)).collect();
            if more.is_empty() {
                return jobs;
            }
            jobs.extend(more);
        }
    }
}

impl AppState {
    /// Runs these jobs of a completed run again, as its next attempt. GitHub sends no `requested` event then.
    /// <https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#workflow_run>
    pub(crate) fn run_again(
        self: &Arc<Self>,
        state: &mut State,
        (repo, run): (Id, Id),
        jobs: &BTreeSet<usize>,
        actor: Id,
    ) {
        let now = state.now();
        let Some(found) = state.repo_mut(repo).actions.run_mut(run) else { return };
        found.attempt += 1;
        found.stage = Stage::Queued;
        found.conclusion = None;
        found.triggering_actor = actor;
        (found.started_at, found.updated_at) = (now, now);
        let suite = found.suite;
        if let Some(suite) = state.repo_mut(repo).suites.iter_mut().find(|all| all.id == suite) {
            suite.announced = false;
            suite.updated_at = now;
        }
        self.begin_attempt(state, repo, run, jobs);
    }
}
