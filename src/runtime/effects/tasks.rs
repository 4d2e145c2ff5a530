//! Runs of agents: what a task is told, where it works, and what becomes of what it leaves.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::EffectError;
use super::trees::{Source, identity};
use crate::agent::{self, AgentJob, AgentOutcome, AgentRun, AgentSpec, ContextText, ResultFile, TaskFile};
use crate::domain::directive::Directive;
use crate::domain::evaluation::{CriterionJudgement, Judgement};
use crate::domain::ids::{Sha, TaskId, Usd};
use crate::domain::plan;
use crate::domain::signal::{Signal, TaskOutcome};
use crate::domain::step::{Step, StepKind};
use crate::domain::task::{Task, TaskKind, TaskStatus};
use crate::report;
use crate::runtime::World;
use crate::runtime::apply::Settle;
use crate::settings::AgentSettings;
use crate::workspace::sandbox::{Bind, Limits};
use crate::workspace::{PushError, Removal, Rules, Tree, check};

/// The trailer by which a task's commit is found again.
const TRAILER: &str = "Adjutant-Task";

/// Runs an agent and brings home what it leaves.
pub(super) async fn run(
    world: &World,
    d: &Directive,
    id: TaskId,
    cancel: &CancellationToken,
    stop: &CancellationToken,
) -> Result<Vec<Signal>, EffectError> {
    let Some(task) = d.task(id).filter(|task| task.status.is_live()) else { return Ok(Vec::new()) };
    world.apply(d.id, &[Signal::TaskStarted { task: id }], Settle::Nothing).await.map(drop)?;
    let job = Job { world, d, task, step: task.step.and_then(|step| d.step(step)), cancel };
    let (outcome, cost) = match job.run().await {
        Ok(done) => done,
        Err(EffectError::Never { why }) => (TaskOutcome::Failed { reason: why }, Usd::ZERO),
        Err(other) => return Err(other),
    };
    if outcome == TaskOutcome::Cancelled {
        let called_off = world.store.task_status(id).await? == Some(TaskStatus::Cancelled);
        // Cancelled by us and not by a person: the process stops, or another worker has taken over.
        if stop.is_cancelled() || !called_off {
            return Err(EffectError::HandedBack);
        }
    }
    Ok(vec![Signal::TaskFinished { task: id, outcome, cost }])
}

type Ended = Result<(TaskOutcome, Usd), EffectError>;

struct Job<'a> {
    world: &'a World,
    d: &'a Directive,
    task: &'a Task,
    step: Option<&'a Step>,
    cancel: &'a CancellationToken,
}

/// Where a task works: the commit it starts from, and what it is to be merged with.
struct Ground {
    /// The head of the step's branch, where that exists.
    branch_head: Option<String>,
    /// The commit it starts from.
    start: String,
    /// The target's head, to be merged in.
    merge: Option<String>,
}

impl Job<'_> {
    async fn run(&self) -> Ended {
        let source = Source::open(self.world, self.d).await?;
        match (self.task.kind, self.step) {
            (TaskKind::Plan, _) => self.plan(&source).await,
            (TaskKind::Judge, Some(step)) => self.judge(&source, step).await,
            (TaskKind::Step | TaskKind::Rework, Some(step)) => self.work(&source, step).await,
            (_, None) => Err(EffectError::never("the step of this task is gone")),
        }
    }

    async fn plan(&self, source: &Source) -> Ended {
        let base = self.d.base.sha.as_str();
        source.mirror.fetch_commit(&source.remote, base).await?;
        let faults: Vec<String> = self.task.instructions.lines().map(str::to_owned).collect();
        let instructions = report::planner_instructions(self.d, &faults);
        let tree = self.tree(source, base).await?;
        let run = self.agent(&tree, base, instructions).await?;
        let ended = self.ended(run, |result| match result.plan {
            Some(plan) => TaskOutcome::Planned { plan },
            None => TaskOutcome::Failed { reason: "The planner's result holds no plan.".to_owned() },
        });
        tree.remove(Removal::Disposable).await?;
        Ok(ended)
    }

    async fn judge(&self, source: &Source, step: &Step) -> Ended {
        let Some(head) = step.head.clone() else { return Err(EffectError::never("there is no commit to judge")) };
        let at = if step.report.is_some() { self.d.base.sha.clone() } else { head.clone() };
        source.mirror.fetch_commit(&source.remote, at.as_str()).await?;
        let tree = self.tree(source, at.as_str()).await?;
        let run = self.agent(&tree, at.as_str(), report::judge_instructions(self.d, step)).await?;
        let weight = self.d.policy.judge.as_ref().map_or(1.0, |judge| judge.weight);
        let ended = self.ended(run, |result| judged(result, head, weight));
        tree.remove(Removal::Disposable).await?;
        Ok(ended)
    }

    async fn work(&self, source: &Source, step: &Step) -> Ended {
        let ground = self.ground(source, step).await?;
        if let Some(head) = &ground.branch_head
            && let Some(done) = self.done_before(source, head).await?
        {
            return Ok((done, Usd::ZERO));
        }
        let tree = match &ground.merge {
            Some(target) => self.merged_tree(source, step, &ground.start, target).await?,
            None => self.tree(source, &ground.start).await?,
        };
        let instructions = report::step_instructions(self.d, step);
        let run = self.agent(&tree, &ground.start, instructions).await?;
        let (result, cost) = match self.ended(run, |result| TaskOutcome::Unchanged {
            summary: result.summary,
            report: result.report,
            evidence: result.evidence,
            head: ground.branch_head.clone().map(Sha::new),
        }) {
            (result @ TaskOutcome::Unchanged { .. }, cost) => (result, cost),
            other => return Ok(other),
        };
        Ok((self.bring_home(source, step, &ground, tree, result).await?, cost))
    }

    /// Where the step's branch and its target stand on the server now.
    async fn ground(&self, source: &Source, step: &Step) -> Result<Ground, EffectError> {
        let branch_head = source.head(&step.branch).await?;
        let target = source.known_head(&step.target).await?;
        let start = branch_head.clone().unwrap_or_else(|| target.clone());
        let merge = (self.task.merge_target && start != target).then_some(target);
        Ok(Ground { branch_head, start, merge })
    }

    /// What this very task pushed before its worker died, if it did.
    async fn done_before(&self, source: &Source, head: &str) -> Result<Option<TaskOutcome>, EffectError> {
        let base = self.d.base.sha.as_str();
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
        ground: &Ground,
        tree: Tree,
        result: TaskOutcome,
    ) -> Result<TaskOutcome, EffectError> {
        let mirror = &source.mirror;
        let snapshot = mirror.snapshot(&tree, &ground.start).await?;
        if snapshot.is_empty() && ground.merge.is_none() {
            tree.remove(Removal::Disposable).await?;
            return Ok(result);
        }
        let rules = Rules::new(self.d.policy.protected_paths.iter().map(String::as_str))
            .map_err(|error| EffectError::never(format!("a protected path of the policy is no pattern: {error}")))?;
        let faults: Vec<_> = check(&snapshot, &rules).into_iter().filter(crate::workspace::Fault::refuses).collect();
        if !faults.is_empty() {
            return Ok(TaskOutcome::Refused { faults: faults.iter().map(ToString::to_string).collect() });
        }
        let summary = match &result {
            TaskOutcome::Unchanged { summary, .. } => summary.clone(),
            _ => String::new(),
        };
        let message = report::commit_message(self.d, step, self.task, &summary);
        let parents: Vec<&str> = std::iter::once(&ground.start).chain(&ground.merge).map(String::as_str).collect();
        let author = identity(self.world).await?;
        // Dated by the task: made twice, it is the same commit.
        let commit = mirror.commit(&snapshot.tree, &parents, &message, &author, self.task.created_at).await?;
        let branch = step.branch.as_str();
        match source.push(self.world, self.d, &commit, branch, ground.branch_head.as_deref()).await {
            Ok(()) => {}
            Err(PushError::Git(error)) => return Err(error.into()),
            Err(refused) => return Ok(TaskOutcome::Failed { reason: format!("{refused}.") }),
        }
        tree.remove(Removal::Pushed).await?;
        Ok(TaskOutcome::Changed { head: Sha::new(commit), summary, findings: Vec::new() })
    }

    fn folder(&self) -> String {
        format!("task-{}", self.task.id)
    }

    /// The task's clone. One that an interrupted run left is gone on with, if it still starts from the same commit.
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

    async fn merged_tree(&self, source: &Source, step: &Step, ours: &str, theirs: &str) -> Result<Tree, EffectError> {
        let name = format!("{}-{}", self.folder(), theirs.get(..12).unwrap_or(theirs));
        match source.mirror.existing_tree(&name).await? {
            Some(tree) if tree.base == ours => Ok(tree),
            _ => Ok(source.mirror.tree_of_merge(&name, ours, theirs, step.branch.as_str()).await?.0),
        }
    }

    fn branch(&self) -> &str {
        self.step.map_or("plan", |step| step.branch.as_str())
    }

    async fn agent(&self, tree: &Tree, head: &str, instructions: String) -> Result<AgentRun, EffectError> {
        let (name, settings) = self.choose_agent()?;
        let log = self.world.settings.data_dir.join("logs").join(format!("{}.log", self.task.id));
        self.world.store.remember_task_run(self.task.id, name, &log.display().to_string()).await?;
        let job = AgentJob {
            workdir: tree.path(),
            folder: tree.beside("agent"),
            task: self.task_file(head, instructions),
            context: self.context(),
            log,
            cancel: self.cancel.clone(),
        };
        let ran = agent::run_agent(&self.world.sandbox, &spec(name, settings), job).await;
        ran.map_err(|error| EffectError::never(format!("the agent `{name}` was not started: {error}")))
    }

    /// The operator's agent that the policy names, or the operator's default.
    fn choose_agent(&self) -> Result<(&str, &AgentSettings), EffectError> {
        let settings = &self.world.settings;
        let policy = &self.d.policy;
        let judge = policy.judge.as_ref().and_then(|judge| judge.agent.as_ref());
        let wanted = judge.filter(|_| self.task.kind == TaskKind::Judge).or(policy.agent.as_ref());
        let name = wanted.or(settings.default_agent.as_ref()).ok_or_else(|| {
            EffectError::never("no agent is set up: the operator sets ADJUTANT_AGENT_COMMAND or `[agents.NAME]`")
        })?;
        let (name, agent) = settings.agents.get_key_value(name).ok_or_else(|| {
            EffectError::never(format!("the policy asks for the agent `{name}`, which the operator has not set up"))
        })?;
        Ok((name, agent))
    }

    fn task_file(&self, head: &str, instructions: String) -> TaskFile {
        let (d, brief) = (self.d, &self.d.brief);
        TaskFile {
            version: agent::PROTOCOL_VERSION,
            kind: match self.task.kind {
                TaskKind::Plan => agent::TaskKind::Plan,
                TaskKind::Step => agent::TaskKind::Step,
                TaskKind::Rework => agent::TaskKind::Rework,
                TaskKind::Judge => agent::TaskKind::Judge,
            },
            task_id: self.task.id.to_string(),
            directive: agent::Directive {
                issue: d.issue,
                title: d.title.clone(),
                repository: d.repo.full_name(),
                base_commit: d.base.sha.to_string(),
                head_commit: head.to_owned(),
                branch: self.branch().to_owned(),
            },
            brief: agent::TaskBrief {
                goal: brief.goal.clone(),
                requirements: brief
                    .requirements
                    .iter()
                    .map(|it| agent::Requirement { id: it.id.clone(), description: it.description.clone() })
                    .collect(),
                acceptance_criteria: brief
                    .criteria
                    .iter()
                    .map(|it| agent::Criterion { id: it.id.clone(), criterion: it.criterion.clone() })
                    .collect(),
                constraints: brief.constraints.clone(),
            },
            step: self.step.map(step_of_task),
            instructions,
            context: Vec::new(),
            plan_schema: (self.task.kind == TaskKind::Plan).then(|| plan::schema(d.policy.limits.steps)),
        }
    }

    /// What was found and done before, for the agent to read: reports and summaries of the steps it builds on.
    fn context(&self) -> Vec<ContextText> {
        let after = self.step.map(|step| step.depends_on.as_slice()).unwrap_or_default();
        let mut texts = Vec::new();
        for step in self.d.steps.iter().filter(|step| after.contains(&step.name)) {
            let told = [step.summary.as_deref(), step.report.as_deref()];
            let text = told.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
            if !text.is_empty() {
                let (name, written_by) = (format!("{}.md", step.name), "an agent, in an earlier step".to_owned());
                texts.push(ContextText { name, written_by, text });
            }
        }
        if !self.task.instructions.is_empty() {
            let written_by = "Adjutant, quoting verifiers and people with write access".to_owned();
            texts.push(ContextText { name: "rework.md".to_owned(), written_by, text: self.task.instructions.clone() });
        }
        texts
    }

    /// How a run ended, and what it cost. What is good for nothing costs as well.
    fn ended(&self, run: AgentRun, use_result: impl FnOnce(ResultFile) -> TaskOutcome) -> (TaskOutcome, Usd) {
        let cost = run.result.as_ref().and_then(|result| result.cost_usd).map_or(Usd::ZERO, Usd::from_dollars);
        let outcome = match (run.outcome, run.result) {
            (AgentOutcome::Cancelled, _) => TaskOutcome::Cancelled,
            (AgentOutcome::Finished, Some(result)) => use_result(result),
            (failed, _) => {
                let reason = failed.failure().unwrap_or_else(|| "The agent left nothing.".to_owned());
                tracing::warn!(task = %self.task.id, reason, log = %run.log.display(), "the agent failed");
                TaskOutcome::Failed { reason }
            }
        };
        (outcome, cost)
    }
}

fn judged(result: ResultFile, head: Sha, weight: f64) -> TaskOutcome {
    let Some(judgement) = result.judgement else {
        return TaskOutcome::Failed { reason: "The judge's result holds no judgement.".to_owned() };
    };
    let criteria: Vec<_> =
        judgement.criteria.into_iter().map(|it| CriterionJudgement { id: it.id, met: it.met, note: it.note }).collect();
    #[allow(clippy::cast_precision_loss)] // a handful of criteria
    let share = criteria.iter().filter(|it| it.met).count() as f64 / criteria.len().max(1) as f64;
    let score = judgement.score.unwrap_or(share);
    TaskOutcome::Judged { head, judgement: Judgement { weight, score, criteria, note: judgement.note } }
}

fn step_of_task(step: &Step) -> agent::Step {
    let contract = if step.kind.may_report() { "report" } else { "change" };
    agent::Step {
        name: step.name.to_string(),
        kind: if step.kind == StepKind::Final { "implement" } else { step.kind.as_str() }.to_owned(),
        description: step.description.clone(),
        task_plan: step.task_plan.clone(),
        contract: contract.to_owned(),
        requirements: step.requirements.clone(),
        criteria: step.criteria.clone(),
    }
}

fn spec(name: &str, settings: &AgentSettings) -> AgentSpec {
    let env: BTreeMap<_, _> =
        settings.env.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned())).collect();
    AgentSpec {
        name: name.to_owned(),
        argv: settings.command.clone(),
        network: settings.network,
        env,
        pass_env: Vec::new(),
        readonly: own_program(settings),
        limits: Limits { wall: settings.time_limit, output_bytes: settings.output_limit, ..Limits::default() },
    }
}

/// The agent's own program, where it lies outside of the system's folders.
fn own_program(settings: &AgentSettings) -> Vec<Bind> {
    let program = settings.command.first().map(PathBuf::from).filter(|program| program.is_absolute());
    program
        .filter(|program| !program.starts_with("/usr"))
        .map(|program| Bind::new(&program, &program))
        .into_iter()
        .collect()
}
