//! The directive: everything the engine knows about one labelled issue.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

mod state;
mod tries;
mod turned_away;

pub use state::{DirectiveState, NoReason, Pause, PauseReason, PauseReasons, Underway};
pub use turned_away::TurnedAway;

use super::approval::Approval;
use super::baseline::Baseline;
use super::brief::Brief;
use super::ids::{Branch, DirectiveId, Login, PlanHash, Repo, Sha, StepId, StepName, TaskId, Usd};
use super::plan::PlanFault;
use super::policy::options::{self, PolicyOverrides};
use super::policy::{Autonomy, Policy};
use super::replan::{IssueText, Replan};
use super::signal::Labelled;
use super::status::{DirectiveStatus, InvalidTransition, StepStatus};
use super::step::{Instructions, Step, StepState};
use super::task::{Task, TaskKind};

/// One labelled issue, and all that became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Directive {
    /// Derived from repository, issue and ordinal.
    pub id: DirectiveId,
    /// Where the issue is.
    pub repo: Repo,
    /// The issue's number.
    pub issue: u64,
    /// Which directive of that issue this is, counted from one.
    pub ordinal: u32,
    /// The directive that the issue had before.
    #[serde(default)]
    pub predecessor: Option<DirectiveId>,
    /// The issue's title when it was labelled.
    pub title: String,
    /// Who wrote the issue.
    pub author: Login,
    /// Who set the label.
    pub requested_by: Login,
    /// What is wanted.
    pub brief: Brief,
    /// The rules it runs under.
    pub policy: Policy,
    /// What labels and options made of the policy, and how far it may be loosened again.
    #[serde(default)]
    pub overrides: PolicyOverrides,
    /// Where the work is based and ends.
    pub base: Base,
    /// Where it stands.
    pub state: DirectiveState,
    /// When it was paused last, whatever became of that pause. A label that was taken off before then is known.
    #[serde(default)]
    pub paused_at: Option<DateTime<Utc>>,
    /// The current generation of the chain, 0 before the first plan.
    pub generation: u32,
    /// What was wrong with the plan that was proposed first; the planner is told once.
    pub planning_faults: Vec<PlanFault>,
    /// What a person said when turning the last plan down.
    pub planning_words: Option<TurnedDown>,
    /// Where the plan came from, once there is one.
    pub plan: Option<PlanRecord>,
    /// Whether the integration branch was cut.
    pub integration_cut: bool,
    /// How often the integration branch was brought up to the base.
    pub integrations: u32,
    /// The steps of the current generation, in the plan's order.
    pub steps: Vec<Step>,
    /// The final pull request, once every step is done.
    pub final_step: Option<Step>,
    /// The steps and final pull requests of earlier generations, oldest first, each as it was left.
    #[serde(default)]
    pub earlier: Vec<Step>,
    /// Every time that the work was planned anew, oldest first.
    #[serde(default)]
    pub replans: Vec<Replan>,
    /// How many tasks there were when the present planning began: failures before it are another planning's.
    #[serde(default)]
    pub planning_from: usize,
    /// What the issue says by now, where that differs from the brief.
    #[serde(default)]
    pub newer_text: Option<IssueText>,
    /// Whether the brief was taken from edited text that no person has approved a plan for: the next plan waits.
    #[serde(default)]
    pub unapproved_text: bool,
    /// How the verifiers fare on the base commit.
    #[serde(default)]
    pub baseline: Baseline,
    /// Every run of an agent, in order.
    pub tasks: Vec<Task>,
    /// Every question to a person, in order.
    pub approvals: Vec<Approval>,
    /// The budget that a person granted, where it differs from the policy's.
    pub budget: Option<Usd>,
    /// A run ended because what is left of the budget did not cover its next request to a model.
    #[serde(default)]
    pub short_of_money: bool,
    /// Who was told that their commands do not count.
    #[serde(default, skip_serializing_if = "TurnedAway::is_empty")]
    pub turned_away: TurnedAway,
    /// Time spent working: pauses and waiting for people are not counted.
    pub clock: WorkClock,
    /// When the label was set.
    pub created_at: DateTime<Utc>,
}

/// Where the work is based and ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The branch that everything ends in.
    pub branch: Branch,
    /// Its head when the label was set.
    pub sha: Sha,
    /// Whether it is the repository's default branch, where closing keywords work.
    pub is_default: bool,
}

/// Where a plan came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// Who made it.
    pub origin: PlanOrigin,
    /// What is approved when the plan is.
    pub hash: PlanHash,
    /// What was wrong with the proposals that were turned down.
    pub faults: Vec<PlanFault>,
    /// The planner's words about it.
    pub rationale: String,
}

/// A person's no to a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnedDown {
    /// Who said it; none where version 1 wrote that into the words.
    pub by: Option<Login>,
    /// With which words.
    pub words: String,
}

/// Who made a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanOrigin {
    /// The planner, at its first try.
    Planned,
    /// The planner, after its faults were handed back.
    Repaired,
    /// Nobody: research, implement, test.
    Default,
}

/// A stop watch that counts work only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkClock {
    /// Seconds counted so far.
    pub seconds: i64,
    /// And thousandths, below a second: short runs add up too.
    #[serde(default)]
    pub millis: i64,
    /// Since when it runs; none while it stands.
    pub running_since: Option<DateTime<Utc>>,
    /// Seconds granted beyond the policy's limit.
    pub granted: i64,
}

impl PlanOrigin {
    /// The word in the history.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Repaired => "repaired",
            Self::Default => "default",
        }
    }
}

impl WorkClock {
    /// Seconds counted at `now`.
    pub fn at(&self, now: DateTime<Utc>) -> i64 {
        self.millis_at(now) / 1_000
    }

    fn millis_at(&self, now: DateTime<Utc>) -> i64 {
        let running = self.running_since.map_or(0, |since| (now - since).num_milliseconds().max(0));
        self.seconds * 1_000 + self.millis + running
    }

    /// Runs or stands from `now` on.
    pub fn set_running(&mut self, running: bool, now: DateTime<Utc>) {
        if running == self.running_since.is_some() {
            return;
        }
        let millis = self.millis_at(now);
        (self.seconds, self.millis) = (millis / 1_000, millis % 1_000);
        self.running_since = running.then_some(now);
    }
}

impl Directive {
    /// What a label asks for, before anything was done: based at `base`, under `policy` as its overrides make it.
    pub fn draft(labelled: &Labelled, policy: &Policy, base: Base, now: DateTime<Utc>) -> Self {
        let ordinal = labelled.earlier + 1;
        let mut overrides = PolicyOverrides { ceiling: Some(policy.autonomy), ..PolicyOverrides::default() };
        let policy = options::tighten(policy, &labelled.overrides, &mut overrides);
        Self {
            id: DirectiveId::of(labelled.repo.id, labelled.issue, ordinal),
            repo: labelled.repo.clone(),
            issue: labelled.issue,
            ordinal,
            predecessor: (labelled.earlier > 0)
                .then(|| DirectiveId::of(labelled.repo.id, labelled.issue, labelled.earlier)),
            title: labelled.title.clone(),
            author: labelled.author.clone(),
            requested_by: labelled.actor.login.clone(),
            brief: labelled.brief.clone(),
            policy,
            overrides,
            base,
            state: DirectiveState::Draft,
            paused_at: None,
            generation: 0,
            planning_faults: Vec::new(),
            planning_words: None,
            plan: None,
            integration_cut: false,
            integrations: 0,
            steps: Vec::new(),
            final_step: None,
            earlier: Vec::new(),
            replans: Vec::new(),
            planning_from: 0,
            newer_text: None,
            unapproved_text: false,
            baseline: Baseline::missing(),
            tasks: Vec::new(),
            approvals: Vec::new(),
            budget: None,
            short_of_money: false,
            turned_away: TurnedAway::default(),
            clock: WorkClock::default(),
            created_at: now,
        }
    }

    /// The word for where it stands.
    pub fn status(&self) -> DirectiveStatus {
        self.state.status()
    }

    /// Moves it to another state, where the table of statuses allows that; else it stays as it is.
    pub fn transition(&mut self, to: DirectiveState) -> Result<(), InvalidTransition> {
        self.status().to(to.status())?;
        self.state = to;
        Ok(())
    }

    /// The prefix of all its branches.
    pub fn branch_prefix(&self) -> String {
        format!("adjutant/{}-{}", self.issue, self.ordinal)
    }

    /// The branch that steps land on.
    pub fn integration_branch(&self) -> Branch {
        Branch::new(format!("{}/main", self.branch_prefix()))
    }

    /// The branch of a step of the current generation.
    pub fn step_branch(&self, name: &StepName) -> Branch {
        Branch::new(format!("{}/g{}-{}", self.branch_prefix(), self.generation, name))
    }

    /// The steps of the current generation, the final pull request last.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> + Clone {
        self.steps.iter().chain(&self.final_step)
    }

    /// Whether a step's pull request merges into the base, where passing alone merges nothing.
    pub fn reaches_base(&self, step: &Step) -> bool {
        step.target == self.base.branch
    }

    /// The step of that id; the final pull request is one too.
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.all_steps().find(|step| step.id == id)
    }

    /// The step of that id, to change it.
    pub fn step_mut(&mut self, id: StepId) -> Option<&mut Step> {
        self.steps.iter_mut().chain(&mut self.final_step).find(|step| step.id == id)
    }

    /// What a step's next agent is told beyond the plan, or its present one was told.
    pub fn assignment(&self, step: &Step) -> Option<Instructions> {
        match &step.state {
            StepState::Reworking { instructions, .. } => Some(instructions.clone()),
            StepState::Ready { instructions, .. }
            | StepState::Blocked { instructions, .. }
            | StepState::Failed { instructions, .. } => instructions.clone(),
            StepState::Working { task, .. } => {
                let task = self.task(*task).filter(|task| task.kind == TaskKind::Rework)?;
                Some(Instructions { text: task.instructions.clone(), merge_target: task.merge_target })
            }
            _ => None,
        }
    }

    /// The step of that name.
    pub fn step_named(&self, name: &str) -> Option<&Step> {
        self.all_steps().find(|step| step.name.as_str() == name)
    }

    /// The ids of the acceptance criteria that a step is judged by: all of them at the end.
    pub fn criteria_of(&self, step: &Step) -> Vec<String> {
        if step.is_final() {
            self.brief.criteria.iter().map(|criterion| criterion.id.clone()).collect()
        } else {
            step.criteria.clone()
        }
    }

    /// The step for whose sake another does not start: the first that a person has to see to, among all that it depends on.
    pub fn held_by(&self, step: &Step) -> Option<&Step> {
        if step.status() != StepStatus::Pending {
            return None;
        }
        let mut wanted: Vec<&Step> = vec![step];
        let mut seen = Vec::new();
        while let Some(next) = wanted.pop() {
            for name in &next.depends_on {
                let Some(before) = self.step_named(name.as_str()).filter(|before| !before.status().is_done()) else {
                    continue;
                };
                if matches!(before.status(), StepStatus::Blocked | StepStatus::Failed) {
                    return Some(before);
                }
                if !seen.contains(&before.id) {
                    seen.push(before.id);
                    wanted.push(before);
                }
            }
        }
        None
    }

    /// The step whose pull request has that number.
    pub fn step_of_pull(&self, number: u64) -> Option<&Step> {
        self.all_steps().find(|step| step.pull.as_ref().is_some_and(|pull| pull.number == number))
    }

    /// The task of that id.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == id)
    }

    /// The task of that id, to change it.
    pub fn task_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.tasks.iter_mut().find(|task| task.id == id)
    }

    /// The approvals that wait for a person, expired or not, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &Approval> {
        self.approvals.iter().filter(|approval| approval.status.is_waiting())
    }

    /// What its tasks cost so far.
    pub fn spent(&self) -> Usd {
        self.tasks.iter().fold(Usd::ZERO, |sum, task| sum + task.cost)
    }

    /// How many runs' cost nobody knows.
    pub fn unknown_runs(&self) -> u32 {
        self.tasks.iter().fold(0, |sum, task| sum.saturating_add(task.unknown_runs))
    }

    /// The autonomy that the policy file allows, however much stricter it is at present.
    pub fn autonomy_ceiling(&self) -> Autonomy {
        self.overrides.ceiling.unwrap_or(self.policy.autonomy)
    }

    /// Whether a task is a first run on a step that will open a pull request of its own. A step that owes a report opens
    /// one only where it changes something after all.
    pub fn opens_pull(&self, task: &Task) -> bool {
        let step = task.step.and_then(|id| self.step(id));
        task.kind == TaskKind::Step && step.is_some_and(|step| step.open_pull().is_none() && !step.kind.may_report())
    }

    /// Seconds of work that it may take: the policy's limit and what people granted.
    pub fn allowed_seconds(&self) -> i64 {
        #[allow(clippy::cast_possible_truncation)] // the policy bounds the hours
        let limit = (self.policy.limits.wall_time_hours * 3_600.0).ceil() as i64;
        limit + self.clock.granted
    }

    /// What it may cost.
    pub fn budget(&self) -> Usd {
        self.budget.unwrap_or(self.policy.limits.cost)
    }
}
