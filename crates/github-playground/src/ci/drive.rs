//! Drives a run from its first job to its last according to the script, on the playground's clock.
//!
//! One task drives each attempt of each run. It takes every step that is due under one lock. Then it waits until the
//! clock reaches the next step, or until somebody moves the clock, changes the script, or cancels or reruns the run.

use std::{collections::BTreeSet, sync::Arc};

use chrono::TimeDelta;
use serde_json::json;

use super::{file::WorkflowFile, trigger::Cause};
use crate::{
    app_state::AppState,
    git::CommitInfo,
    state::{
        CheckRun, CheckSuite, Conclusion, Id, Job, JobPlan, Output, Stage, State, Time, Workflow, WorkflowRun,
        ci_script::{JobQuery, Never, log, outcome},
    },
    view::{View, simple_commit},
    webhooks::Event,
};

/// The state of a run after all due steps.
enum Rest {
    /// The run is complete.
    Over,
    /// The next step is due at this time.
    Until(Time),
    /// No step will become due without an outside change.
    Stuck,
}

/// The next step of a job.
enum Step {
    Wait(Option<Time>),
    Start,
    End(Conclusion),
}

impl State {
    /// Registers a workflow, so that it is listed under its present name. Returns its id.
    pub(crate) fn workflow_of(&mut self, repo: Id, path: &str, name: &str) -> Id {
        let now = self.now();
        let known = self.repo_mut(repo).actions.workflows.iter_mut().find(|workflow| workflow.path == path);
        if let Some(workflow) = known {
            if workflow.name != name {
                name.clone_into(&mut workflow.name);
                workflow.updated_at = now;
            }
            return workflow.id;
        }
        let (id, path, name) = (self.new_id(), path.to_owned(), name.to_owned());
        let workflow = Workflow { id, name, path, created_at: now, updated_at: now, runs: 0 };
        self.repo_mut(repo).actions.workflows.push(workflow);
        id
    }

    /// The same for a workflow that is not run now.
    pub(crate) fn note_workflow(&mut self, repo: Id, path: &str, name: &str) {
        self.workflow_of(repo, path, name);
    }

    fn add_suite_of_actions(&mut self, repo: Id, cause: &Cause) -> Id {
        let (id, now, app) = (self.new_id(), self.now(), self.actions.id);
        self.repo_mut(repo).suites.push(CheckSuite {
            id,
            app,
            head_sha: cause.head_sha.clone(),
            head_branch: cause.head_branch.clone(),
            before: None,
            created_at: now,
            updated_at: now,
            requeued: false,
            announced: false,
        });
        id
    }

    /// Adds these jobs to the present attempt of a run, each with its check run.
    fn add_jobs(&mut self, repo: Id, run: Id, jobs: &BTreeSet<usize>) -> Vec<Id> {
        let (now, app) = (self.now(), self.actions.id);
        let Some(found) = self.repo_by_id(repo).actions.run(run).cloned() else { return Vec::new() };
        let mut ids = Vec::new();
        for (planned, plan) in found.plan.iter().enumerate().filter(|(at, _)| jobs.contains(at)) {
            let id = self.new_id();
            ids.push(id);
            let repo = self.repo_mut(repo);
            repo.runs.push(CheckRun {
                id,
                app,
                suite: found.suite,
                name: plan.name.clone(),
                head_sha: found.head_sha.clone(),
                external_id: uuid::Uuid::new_v4().to_string(),
                details_url: None,
                status: Stage::Queued.check(),
                conclusion: None,
                started_at: now,
                completed_at: None,
                output: Output::default(),
                actions: Vec::new(),
            });
            if let Some(run) = repo.actions.run_mut(run) {
                let job = Job {
                    id,
                    attempt: run.attempt,
                    planned,
                    stage: Stage::Queued,
                    conclusion: None,
                    created_at: now,
                    started_at: now,
                    completed_at: None,
                };
                run.jobs.push(job);
            }
        }
        ids
    }

    /// The next step of a job, according to its dependencies and the script.
    fn next_step(&self, repo: Id, run: &WorkflowRun, job: &Job) -> Step {
        let plan = &run.plan[job.planned];
        let needed: Vec<&Job> = run.current().filter(|all| plan.needs.contains(&run.plan[all.planned].key)).collect();
        if needed.iter().any(|job| job.stage != Stage::Completed) {
            return Step::Wait(None);
        }
        let failed = needed.iter().any(|job| job.conclusion != Some(Conclusion::Success));
        if job.stage == Stage::Queued && (plan.skipped || (failed && !plan.regardless)) {
            return Step::End(Conclusion::Skipped);
        }
        let found = outcome(&self.ci, self.asked(repo, run, plan).as_asked(), run.attempt);
        match (job.stage, found.never) {
            (Stage::Queued, Some(Never::Queued)) | (Stage::InProgress, Some(_)) => Step::Wait(None),
            (Stage::Queued, _) => Step::Start,
            _ if found.due(job.started_at) <= self.now() => Step::End(found.conclusion),
            _ => Step::Wait(Some(found.due(job.started_at))),
        }
    }

    /// The log of a completed job, according to the script: empty without a rule. `None` if it has none yet.
    pub(crate) fn log_of_job(&self, repo: Id, job: Id) -> Option<String> {
        let runs = &self.repo_by_id(repo).actions.runs;
        let (run, job) = runs.iter().find_map(|run| Some((run, run.jobs.iter().find(|all| all.id == job)?)))?;
        let written = log(&self.ci, self.asked(repo, run, &run.plan[job.planned]).as_asked()).unwrap_or_default();
        let at = job.started_at.format("%Y-%m-%dT%H:%M:%S%.6f0Z").to_string();
        (job.stage == Stage::Completed)
            .then(|| written.lines().fold(String::new(), |log, line| log + &at + " " + line + "\n"))
    }

    fn asked<'a>(&'a self, repo: Id, run: &'a WorkflowRun, plan: &'a JobPlan) -> Question<'a> {
        let repo = self.repo_by_id(repo);
        let path = repo.actions.workflow(run.workflow).map_or("", |workflow| workflow.path.as_str());
        let repository = format!("{}/{}", self.account(repo.owner).login, repo.name);
        Question { repository, path, run, plan }
    }
}

/// The facts of a job that the script's rules match.
struct Question<'a> {
    repository: String,
    path: &'a str,
    run: &'a WorkflowRun,
    plan: &'a JobPlan,
}

impl Question<'_> {
    fn as_asked(&self) -> JobQuery<'_> {
        JobQuery {
            repository: &self.repository,
            workflow: &self.run.name,
            path: self.path,
            key: &self.plan.key,
            job: &self.plan.name,
            branch: self.run.head_branch.as_deref().unwrap_or_default(),
            event: &self.run.event,
        }
    }
}

impl AppState {
    /// Starts a run of a workflow, and returns its id.
    pub(crate) fn begin_run(
        self: &Arc<Self>,
        state: &mut State,
        repo: Id,
        file: &WorkflowFile,
        cause: &Cause,
        commit: &CommitInfo,
    ) -> Id {
        let workflow = state.workflow_of(repo, &file.path, &file.name);
        let suite = state.add_suite_of_actions(repo, cause);
        let (id, now) = (state.new_id(), state.now());
        let actions = &mut state.repo_mut(repo).actions;
        let known = actions.workflows.iter_mut().find(|all| all.id == workflow);
        let number = known.map_or(1, |workflow| {
            workflow.runs += 1;
            workflow.runs
        });
        actions.runs.push(WorkflowRun {
            id,
            workflow,
            suite,
            name: file.name.clone(),
            title: cause.title.clone().unwrap_or_else(|| commit.title().to_owned()),
            number,
            attempt: 1,
            event: cause.event.to_owned(),
            head_branch: cause.head_branch.clone(),
            head_sha: cause.head_sha.clone(),
            head_commit: simple_commit(commit),
            actor: cause.actor,
            triggering_actor: cause.actor,
            stage: Stage::Queued,
            conclusion: None,
            created_at: now,
            updated_at: now,
            started_at: now,
            plan: file.jobs.clone(),
            jobs: Vec::new(),
        });
        self.announce_workflow_run(state, repo, id, "requested");
        self.begin_attempt(state, repo, id, &(0..file.jobs.len()).collect());
        id
    }

    /// Queues these jobs for the present attempt, and starts the task that drives it.
    pub(super) fn begin_attempt(self: &Arc<Self>, state: &mut State, repo: Id, run: Id, jobs: &BTreeSet<usize>) {
        let sender = state.repo_by_id(repo).actions.run(run).map_or(state.actions.bot, |run| run.triggering_actor);
        for job in state.add_jobs(repo, run, jobs) {
            self.announce_run(state, repo, job, sender, "created", json!({}));
            self.announce_job(state, repo, run, job, "queued");
        }
        let attempt = state.repo_by_id(repo).actions.run(run).map_or(0, |run| run.attempt);
        let app_state = self.clone();
        self.spawn(async move { app_state.drive(repo, run, attempt).await });
    }

    async fn drive(self: Arc<Self>, repo: Id, run: Id, attempt: u64) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Enabled before the state is read, so that no later change is missed.
            changed.as_mut().enable();
            let wait = {
                let mut state = self.state();
                let rest = self.go_on(&mut state, repo, run, attempt);
                match rest {
                    Rest::Over => return,
                    Rest::Until(due) => due - state.now(),
                    Rest::Stuck => TimeDelta::MAX,
                }
            };
            match wait.to_std() {
                Ok(wait) if wait.as_secs() < u64::from(u32::MAX) => {
                    let _ = tokio::time::timeout(wait, changed).await;
                }
                Ok(_) => changed.await,
                Err(_) => {}
            }
        }
    }

    /// Takes every step that is due.
    fn go_on(self: &Arc<Self>, state: &mut State, repo: Id, run: Id, attempt: u64) -> Rest {
        loop {
            let Some(found) = state.repo_by_id(repo).actions.run(run) else { return Rest::Over };
            if found.attempt != attempt || found.stage == Stage::Completed {
                return Rest::Over;
            }
            let open = found.current().filter(|job| job.stage != Stage::Completed);
            let steps: Vec<(Id, Step)> = open.map(|job| (job.id, state.next_step(repo, found, job))).collect();
            if steps.is_empty() {
                self.end_run(state, repo, run);
                return Rest::Over;
            }
            let (mut moved, mut due) = (false, None);
            for (job, step) in steps {
                match step {
                    Step::Wait(until) => due = earlier(due, until),
                    Step::Start => {
                        self.start_job(state, repo, run, job);
                        moved = true;
                    }
                    Step::End(conclusion) => {
                        self.end_job(state, repo, run, job, conclusion);
                        moved = true;
                    }
                }
            }
            if !moved {
                return due.map_or(Rest::Stuck, Rest::Until);
            }
        }
    }

    fn start_job(self: &Arc<Self>, state: &mut State, repo: Id, run: Id, job: Id) {
        let now = state.now();
        let Some(found) = state.repo_mut(repo).actions.run_mut(run) else { return };
        let first = found.stage == Stage::Queued;
        found.stage = Stage::InProgress;
        found.updated_at = now;
        if let Some(job) = found.jobs.iter_mut().find(|all| all.id == job) {
            job.stage = Stage::InProgress;
            job.started_at = now;
        }
        show_job(state, repo, job, Stage::InProgress, None, now);
        if first {
            self.announce_workflow_run(state, repo, run, "in_progress");
        }
        self.announce_job(state, repo, run, job, "in_progress");
    }

    fn end_job(self: &Arc<Self>, state: &mut State, repo: Id, run: Id, job: Id, conclusion: Conclusion) {
        let now = state.now();
        let Some(found) = state.repo_mut(repo).actions.run_mut(run) else { return };
        found.updated_at = now;
        let sender = found.triggering_actor;
        if let Some(job) = found.jobs.iter_mut().find(|all| all.id == job) {
            job.stage = Stage::Completed;
            job.conclusion = Some(conclusion);
            job.completed_at = Some(now);
        }
        show_job(state, repo, job, Stage::Completed, Some(conclusion), now);
        self.announce_job(state, repo, run, job, "completed");
        self.announce_run(state, repo, job, sender, "completed", json!({}));
    }

    fn end_run(self: &Arc<Self>, state: &mut State, repo: Id, run: Id) {
        let now = state.now();
        let Some(found) = state.repo_mut(repo).actions.run_mut(run) else { return };
        let conclusions: Vec<Conclusion> = found.current().filter_map(|job| job.conclusion).collect();
        found.stage = Stage::Completed;
        found.conclusion = Some(rolled_up(&conclusions));
        found.updated_at = now;
        let (suite, sender, commit) = (found.suite, found.triggering_actor, found.head_commit.clone());
        self.announce_workflow_run(state, repo, run, "completed");
        self.settle_suite(state, repo, suite, sender, Some(&commit));
    }

    /// Cancels the open jobs of a run. Returns whether there were any.
    pub(crate) fn cancel_run(self: &Arc<Self>, state: &mut State, repo: Id, run: Id) -> bool {
        let Some(found) = state.repo_by_id(repo).actions.run(run) else { return false };
        if found.stage == Stage::Completed {
            return false;
        }
        let open: Vec<Id> = found.current().filter(|job| job.stage != Stage::Completed).map(|job| job.id).collect();
        for job in open {
            self.end_job(state, repo, run, job, Conclusion::Cancelled);
        }
        self.end_run(state, repo, run);
        self.changed.notify_waiters();
        true
    }

    /// Wakes everything that waits for the clock or the script.
    pub(crate) fn look_again(&self) {
        self.changed.notify_waiters();
    }
}

fn earlier(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    one.into_iter().chain(other).min()
}

/// Updates a job's check run to its state.
fn show_job(state: &mut State, repo: Id, job: Id, stage: Stage, conclusion: Option<Conclusion>, now: Time) {
    if let Some(run) = state.repo_mut(repo).runs.iter_mut().find(|run| run.id == job) {
        run.status = stage.check();
        run.conclusion = conclusion;
        match stage {
            Stage::InProgress => run.started_at = now,
            Stage::Completed => run.completed_at = Some(now),
            Stage::Queued => {}
        }
    }
}

/// The worst conclusion of the jobs. A run without jobs has an invalid file, and failed.
fn rolled_up(jobs: &[Conclusion]) -> Conclusion {
    let worst = [Conclusion::Failure, Conclusion::TimedOut, Conclusion::Cancelled, Conclusion::ActionRequired];
    let found = worst.into_iter().find(|worst| jobs.contains(worst));
    found.unwrap_or(match jobs.first() {
        None => Conclusion::Failure,
        Some(Conclusion::Skipped) if jobs.iter().all(|all| *all == Conclusion::Skipped) => Conclusion::Skipped,
        Some(_) => Conclusion::Success,
    })
}

impl AppState {
    fn announce_workflow_run(self: &Arc<Self>, state: &mut State, repo: Id, run: Id, action: &'static str) {
        let found = state.repo_by_id(repo);
        let Some(run) = found.actions.run(run) else { return };
        let sender = run.triggering_actor;
        let fields = View::new(state, &self.urls).workflow_run_in_webhook(found, run);
        self.announce(state, Event { name: "workflow_run", action: Some(action), repo, sender, fields });
    }

    fn announce_job(self: &Arc<Self>, state: &mut State, repo: Id, run: Id, job: Id, action: &'static str) {
        let found = state.repo_by_id(repo);
        let Some(run) = found.actions.run(run) else { return };
        let Some(job) = run.jobs.iter().find(|all| all.id == job) else { return };
        let sender = run.triggering_actor;
        let fields = json!({ "workflow_job": View::new(state, &self.urls).workflow_job(found, run, job) });
        self.announce(state, Event { name: "workflow_job", action: Some(action), repo, sender, fields });
    }
}
