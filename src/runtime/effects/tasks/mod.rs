//! Runs of agents: the inputs of a task ([`context`]), the tree it works in, and what is done with its result.
//!
//! An interrupted run is continued: in its clone if that is on this machine, else from the checkpoint that a process
//! pushed when it was told to stop ([`checkpoint`]). A run that had pushed its commit is recognised by the commit's
//! trailer, and no second commit is made. An agent that has ended is not run again when only the submission of its work
//! failed ([`journal`]).

mod checkpoint;
mod context;
mod ended;
mod handed_in;
mod journal;
mod judging;
mod measure;
mod money;
mod progress;
mod spec;

use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::trees::{Source, identity, push_failure};
use super::{EffectError, Working, for_people, no_pattern};
use crate::agent::{self, AgentJob, AgentRun};
use crate::report::{self, failure};
use crate::runtime::app::App;
use crate::runtime::sink::SignalSink;
use crate::workspace::{KnownSecrets, PushError, Removal, Rules, Tree};
use adjutant_domain::directive::Directive;
use adjutant_domain::failure::Failure;
use adjutant_domain::ids::{Sha, TaskId, Usd};
use adjutant_domain::signal::{Signal, TaskOutcome};
use adjutant_domain::step::Step;
use adjutant_domain::task::{Task, TaskKind, TaskStatus};

/// The trailer that identifies a task's commit.
const TRAILER: &str = "Adjutant-Task";
/// The trailer of a commit that was pushed while a task was running.
const PROGRESS: &str = "Adjutant-Progress";

/// Runs an agent and submits what it leaves.
pub(super) async fn run(
    app: &App,
    directive: &Directive,
    id: TaskId,
    sink: &SignalSink<'_>,
    working: &Working<'_>,
    cancel: &CancellationToken,
    stop: &CancellationToken,
) -> Result<Vec<Signal>, EffectError> {
    let Some(task) = directive.task(id).filter(|task| task.status.is_live()) else {
        // It was called off while it ran in a process that died.
        money::book_lost_runs(&app.store, sink, id, None).await?;
        return Ok(Vec::new());
    };
    let before = match directive.predecessor {
        Some(before) if task.kind == TaskKind::Plan => app.store.directive(before).await?,
        _ => None,
    };
    let step = task.step.and_then(|step| directive.step(step));
    let job = Job { app, directive, task, step, before, sink, working, cancel, stop };
    if let Ok((name, agent)) = job.choose_agent()
        && agent.is_unmetered()
    {
        sink.send(Signal::AgentUnmetered { task: id, agent: name.to_owned() }).await?;
    }
    sink.send(Signal::TaskStarted { task: id }).await?;
    // The directive may have been paused since the claim. A task that has not begun does not begin during a pause, and
    // none begins whose agent may not run.
    if !app.store.task_status(id).await?.is_some_and(TaskStatus::is_live) {
        money::book_lost_runs(&app.store, sink, id, None).await?;
        return Ok(Vec::new());
    }
    let (outcome, cost) = match Box::pin(job.run()).await {
        Ok(done) => done,
        Err(EffectError::Never { why }) => {
            tracing::warn!(task = %id, why = failure::words(&why), "the task could not be run");
            (TaskOutcome::Failed { reason: for_people(&why, &app.settings.data_dir) }, Usd::ZERO)
        }
        Err(EffectError::Refused { why, tries, .. }) => {
            let then = Some(vec![job.failed(&why)]);
            return Err(EffectError::Refused { why, tries, then });
        }
        Err(EffectError::NoAccess { why, .. }) => {
            let then = Some(vec![job.failed(&why)]);
            return Err(EffectError::NoAccess { why, then });
        }
        Err(other) => return Err(other),
    };
    if outcome == TaskOutcome::Cancelled {
        // The reason is not a person's command: the process stops, or another worker has taken over.
        if stop.is_cancelled() || !job.is_cancelled().await? {
            return Err(EffectError::HandedBack);
        }
    }
    Ok(vec![Signal::TaskFinished { task: id, outcome, cost }])
}

type Ended = Result<(TaskOutcome, Usd), EffectError>;

struct Job<'a> {
    app: &'a App,
    directive: &'a Directive,
    task: &'a Task,
    step: Option<&'a Step>,
    /// The directive that the issue had before this one, for the planner's information.
    before: Option<Directive>,
    sink: &'a SignalSink<'a>,
    working: &'a Working<'a>,
    cancel: &'a CancellationToken,
    stop: &'a CancellationToken,
}

/// Where a task works: the commit it starts from, and the head that it has to merge.
struct StartPoint {
    /// The head of the step's branch, if the branch exists.
    branch_head: Option<String>,
    /// The commit it starts from. Commits that this task's own earlier runs pushed as progress come after it.
    start: String,
    /// Whether the branch's head was submitted, and not only shown as progress.
    handed_in: bool,
    /// The target's head, if it has to be merged in.
    merge: Option<String>,
}

impl Job<'_> {
    /// The signal for a task that could not be done.
    fn failed(&self, why: &Failure) -> Signal {
        let reason = for_people(why, &self.app.settings.data_dir);
        Signal::TaskFinished { task: self.task.id, outcome: TaskOutcome::Failed { reason }, cost: Usd::ZERO }
    }

    async fn run(&self) -> Ended {
        let source = Source::open(self.app, self.directive).await?;
        if matches!(self.task.kind, TaskKind::Plan | TaskKind::Judge) {
            // Everything that the agent reads may be in the mirror, and a cached token may outlive the access. This
            // request ensures that no agent is paid for work that cannot be submitted.
            self.app.github.repository(&self.directive.repo).repository().await?;
        }
        match (self.task.kind, self.step) {
            (TaskKind::Plan, _) => self.plan(&source).await,
            (TaskKind::Judge, Some(step)) => self.judge(&source, step).await,
            (TaskKind::Step | TaskKind::Rework, Some(step)) => self.work(&source, step).await,
            (_, None) => Err(EffectError::never(Failure::StepGone)),
        }
    }

    /// Whether a person or a new plan has cancelled this task.
    async fn is_cancelled(&self) -> Result<bool, EffectError> {
        Ok(self.app.store.task_status(self.task.id).await? == Some(TaskStatus::Cancelled))
    }

    async fn plan(&self, source: &Source) -> Ended {
        let base = self.planned_upon(source).await?;
        source.mirror.fetch_commit(&source.remote, &base).await?;
        let instructions = report::planner_instructions(self.directive, &Sha::new(base.as_str()));
        let tree = self.tree(source, &base).await?;
        let run = self.agent(&tree, &base, instructions).await?;
        let ended = self.ended(run, |result| match result.plan {
            _ if !result.question.is_empty() => TaskOutcome::Asked { questions: result.questions() },
            Some(plan) => TaskOutcome::Planned { plan },
            None => TaskOutcome::Failed { reason: Failure::NoPlan },
        });
        tree.remove(Removal::Disposable);
        Ok(ended)
    }

    /// The commit that a planner reads: the base commit, or the state that earlier plans have reached.
    async fn planned_upon(&self, source: &Source) -> Result<String, EffectError> {
        if self.directive.has_landed() {
            source.known_head(&self.directive.integration_branch()).await
        } else if self.directive.has_reached_base() {
            source.known_head(&self.directive.base.branch).await
        } else {
            Ok(self.directive.base.sha.to_string())
        }
    }

    async fn work(&self, source: &Source, step: &Step) -> Ended {
        let start_point = self.start_point(source, step).await?;
        let checkpoint = self.checkpoint(source).await?;
        let done = match &start_point.branch_head {
            Some(head) => self.done_before(source, head).await?,
            None => None,
        };
        let ended = match done {
            Some(done) => (done, Usd::ZERO),
            None => self.work_on(source, step, &start_point, checkpoint.as_deref()).await?,
        };
        if let Some(checkpoint) = checkpoint.filter(|_| ended.0 != TaskOutcome::Cancelled) {
            self.forget(source, &checkpoint).await;
        }
        Ok(ended)
    }

    async fn work_on(&self, source: &Source, step: &Step, start_point: &StartPoint, checkpoint: Option<&str>) -> Ended {
        let tree = self.work_tree(source, step, start_point, checkpoint).await?;
        let instructions = report::step_instructions(self.directive, step);
        let over = CancellationToken::new();
        let agent = async {
            let _over = over.clone().drop_guard();
            self.agent(&tree, &start_point.start, instructions).await
        };
        let (run, shown) = tokio::join!(Box::pin(agent), Box::pin(self.show(source, step, start_point, &tree, &over)));
        let run = run?;
        let handed_in = start_point.handed_in && shown == start_point.branch_head;
        let start_point = &StartPoint {
            branch_head: shown,
            handed_in,
            start: start_point.start.clone(),
            merge: start_point.merge.clone(),
        };
        let (result, cost) = match self.ended(run, |result| match result.questions() {
            questions if !questions.is_empty() => TaskOutcome::Asked { questions },
            _ => TaskOutcome::Unchanged {
                summary: result.summary,
                report: result.report,
                evidence: result.evidence,
                head: start_point.branch_head.clone().map(Sha::new),
            },
        }) {
            (result @ TaskOutcome::Unchanged { .. }, cost) => (result, cost),
            (TaskOutcome::Cancelled, cost) => {
                // If another worker has taken over, that worker saves the work.
                if self.stop.is_cancelled() || self.is_cancelled().await? {
                    self.save(source, start_point, &tree, checkpoint).await;
                }
                return Ok((TaskOutcome::Cancelled, cost));
            }
            other => {
                // The next try is another task, which has its own clone.
                tree.remove(Removal::Disposable);
                return Ok(other);
            }
        };
        Ok((self.bring_home(source, step, start_point, tree, result).await?, cost))
    }

    /// Where the step's branch and its target are on the server now.
    async fn start_point(&self, source: &Source, step: &Step) -> Result<StartPoint, EffectError> {
        let branch_head = source.head(&step.branch).await?;
        let target = source.known_head(&step.target).await?;
        let (start, handed_in) = match &branch_head {
            Some(head) => self.own_start(source, head).await?,
            None => (target.clone(), true),
        };
        let merge = (self.task.merge_target && start != target).then_some(target);
        Ok(StartPoint { branch_head, start, handed_in, merge })
    }

    /// The outcome of this task if an earlier run of it pushed its commit before the process was killed.
    async fn done_before(&self, source: &Source, head: &str) -> Result<Option<TaskOutcome>, EffectError> {
        let base = self.directive.base.sha.as_str();
        source.mirror.fetch_commit(&source.remote, base).await?;
        let id = self.task.id.to_string();
        let found = source.mirror.find_commit_with_trailer(Some(base), head, TRAILER, &id).await?;
        Ok(found.map(|_| TaskOutcome::Changed { head: Sha::new(head), summary: String::new(), findings: Vec::new() }))
    }

    /// Turns what the agent left in the tree into a commit on the step's branch.
    async fn bring_home(
        &self,
        source: &Source,
        step: &Step,
        start_point: &StartPoint,
        tree: Tree,
        result: TaskOutcome,
    ) -> Result<TaskOutcome, EffectError> {
        let mirror = &source.mirror;
        let snapshot = match mirror.snapshot(&tree, &start_point.start).await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                let fault = error.of_the_files().ok_or(error)?;
                tree.remove(Removal::Disposable);
                return Ok(TaskOutcome::Refused { faults: vec![fault] });
            }
        };
        if start_point.handed_in && snapshot.is_empty() && start_point.merge.is_none() {
            tree.remove(Removal::Disposable);
            return Ok(handed_in::nothing(result, &snapshot));
        }
        let faults: Vec<_> = mirror
            .check(&snapshot, &self.rules()?)
            .await?
            .into_iter()
            .filter(crate::workspace::ChangeFault::refuses)
            .collect();
        if !faults.is_empty() {
            tree.remove(Removal::Disposable);
            return Ok(TaskOutcome::Refused { faults: faults.iter().map(ToString::to_string).collect() });
        }
        let summary = match &result {
            TaskOutcome::Unchanged { summary, .. } => summary.clone(),
            _ => String::new(),
        };
        // Work that was shown as progress but is not submitted is reverted on the branch, so that the next try starts
        // without it.
        let nothing = !start_point.handed_in
            && start_point.merge.is_none()
            && self.is_nothing(source, step, start_point, &snapshot.tree).await?;
        let message = if nothing {
            report::progress_message(step, self.task)
        } else {
            report::commit_message(self.directive, step, self.task, &summary)
        };
        let first = start_point.branch_head.as_ref().unwrap_or(&start_point.start);
        let parents: Vec<&str> = std::iter::once(first).chain(&start_point.merge).map(String::as_str).collect();
        let author = identity(self.app).await?;
        // Dated by the task, so that a second try makes the same commit.
        let commit = mirror.commit(&snapshot.tree, &parents, &message, &author, self.task.created_at).await?;
        let branch = step.branch.as_str();
        match source.push(self.app, self.directive, &commit, branch, start_point.branch_head.as_deref()).await {
            Ok(()) => {}
            Err(PushError::Git(error)) => return Err(error.into()),
            Err(refused @ PushError::NotGranted { .. }) => {
                return Ok(TaskOutcome::Barred { reason: push_failure(refused) });
            }
            Err(refused) => return Ok(TaskOutcome::Failed { reason: push_failure(refused) }),
        }
        tree.remove(Removal::Pushed);
        if nothing {
            return Ok(match result {
                TaskOutcome::Unchanged { summary, report, evidence, .. } => {
                    TaskOutcome::Unchanged { summary, report, evidence, head: None }
                }
                other => other,
            });
        }
        Ok(TaskOutcome::Changed { head: Sha::new(commit), summary, findings: handed_in::left_out(&snapshot) })
    }

    /// What may be pushed: the policy's rules, and no value of a variable that any agent is given.
    fn rules(&self) -> Result<Rules, EffectError> {
        let paths = self.directive.policy.protected_paths.iter().map(String::as_str);
        let settings = &self.app.settings;
        let variables =
            settings.agents.values().flat_map(|agent| &agent.env).map(|(name, value)| (name.as_str(), value));
        let keys = settings.models.iter().filter_map(|(name, provider)| Some((name.as_str(), provider.secret()?)));
        let known = KnownSecrets::new(variables.chain(keys).map(|(name, value)| (name, value.expose_secret())));
        Ok(Rules { known, ..Rules::new(paths).map_err(no_pattern)? })
    }

    /// Whether a tree contains no work of the step: it equals the tree that the branch was created from.
    async fn is_nothing(
        &self,
        source: &Source,
        step: &Step,
        start_point: &StartPoint,
        tree: &str,
    ) -> Result<bool, EffectError> {
        let head = start_point.branch_head.as_ref().unwrap_or(&start_point.start);
        let target = source.known_head(&step.target).await?;
        let Some(origin) = source.mirror.merge_base(head, &target).await? else { return Ok(false) };
        Ok(source.mirror.tree_of(&origin).await? == tree)
    }

    fn folder(&self) -> String {
        format!("task-{}", self.task.id)
    }

    /// The task's clone. A clone that an interrupted run left is used again if it starts from the same commit.
    async fn tree(&self, source: &Source, commit: &str) -> Result<Tree, EffectError> {
        match source.mirror.existing_tree(&self.folder()).await? {
            Some(tree) if tree.base == commit => Ok(tree),
            Some(_) => {
                let name = format!("{}-{}", self.folder(), commit.get(..12).unwrap_or(commit));
                match source.mirror.existing_tree(&name).await? {
                    Some(tree) => Ok(tree),
                    None => Ok(source.mirror.tree(&name, commit, self.branch()).await?),
                }
            }
            None => Ok(source.mirror.tree(&self.folder(), commit, self.branch()).await?),
        }
    }

    /// The clone for work on a step: the one that an interrupted run left on this machine, else a new one with the
    /// checkpoint's contents, else a new one.
    async fn work_tree(
        &self,
        source: &Source,
        step: &Step,
        start_point: &StartPoint,
        checkpoint: Option<&str>,
    ) -> Result<Tree, EffectError> {
        let (mirror, branch) = (&source.mirror, step.branch.as_str());
        let name = match &start_point.merge {
            Some(theirs) => format!("{}-{}", self.folder(), theirs.get(..12).unwrap_or(theirs)),
            None => self.folder(),
        };
        let here = mirror.existing_tree(&name).await?;
        let shown = start_point.branch_head.as_deref().filter(|head| *head != start_point.start);
        if here.is_none() {
            let checkpoint = match checkpoint {
                Some(checkpoint) if self.fits(source, start_point, checkpoint).await? => Some(checkpoint),
                _ => shown,
            };
            if let Some(checkpoint) = checkpoint {
                tracing::info!(checkpoint, "continuing from a checkpoint");
                return Ok(mirror
                    .tree_with(&name, &start_point.start, &mirror.tree_of(checkpoint).await?, branch)
                    .await?);
            }
        }
        match (here, &start_point.merge) {
            (_, None) => self.tree(source, &start_point.start).await,
            (Some(tree), Some(_)) if tree.base == start_point.start => Ok(tree),
            (_, Some(theirs)) => Ok(mirror.tree_of_merge(&name, &start_point.start, theirs, branch).await?.0),
        }
    }

    fn branch(&self) -> &str {
        self.step.map_or("plan", |step| step.branch.as_str())
    }

    async fn agent(&self, tree: &Tree, head: &str, instructions: String) -> Result<AgentRun, EffectError> {
        if let Some(ended) = journal::read(tree, self.task.id) {
            tracing::info!(task = %self.task.id, "the agent had ended before; its work is submitted now");
            self.book_lost(Some(ended.measure.run)).await?;
            return self.measured(ended).await;
        }
        self.book_lost(None).await?;
        let (name, settings) = self.choose_agent()?;
        self.wait_until_fit(name).await?;
        let log = self.app.settings.data_dir.join("logs").join(format!("{}.log", self.task.id));
        self.app.store.remember_task_run(self.task.id, name, &log.display().to_string()).await?;
        let environment = match self.environment().await {
            // Called off while it was prepared: what an earlier run left is seen to as if the agent had been called off.
            Err(EffectError::HandedBack) if self.cancel.is_cancelled() => return Ok(AgentRun::cancelled(log)),
            prepared => prepared?,
        };
        let job = AgentJob {
            workdir: tree.path(),
            folder: tree.beside("agent"),
            task: self.task_file(head, instructions),
            context: self.context(),
            home: self.home(name, settings),
            layer: environment.layer(),
            log,
            cancel: self.cancel.clone(),
        };
        let purse = self.purse(name, settings).await?;
        let spec = self.spec(name, settings, purse.as_ref())?;
        let ran = self.working.rest_while(agent::run_agent(&self.app.sandbox, &spec, job)).await;
        let mut ran = ran.map_err(|error| {
            // The task has failed, and the next try has its own clone. What an interrupted run left here may be the
            // reason: more folders or files than are looked at.
            tree.clone().remove(Removal::Disposable);
            EffectError::never(Failure::AgentNotStarted { agent: name.to_owned(), error: error.to_string() })
        })?;
        if let Some(purse) = &purse {
            purse.end().await;
            ended::wait_for_tomorrow(&mut ran, purse.day_is_over());
        }
        self.pause_agent(name, &ran).await;
        let ended = journal::Ended { measure: measure::of(&ran, settings), run: ran };
        journal::write(tree, self.task.id, &ended);
        self.measured(ended).await
    }

    async fn book_lost(&self, but: Option<uuid::Uuid>) -> Result<(), EffectError> {
        Ok(money::book_lost_runs(&self.app.store, self.sink, self.task.id, but).await?)
    }

    async fn measured(&self, ended: journal::Ended) -> Result<AgentRun, EffectError> {
        let measured = Signal::TaskMeasured { task: self.task.id, measure: ended.measure };
        self.sink.send(measured).await?;
        Ok(ended.run)
    }
}
