//! Signals: what happened, as the engine is told.
//!
//! A signal carries facts that were read before it was made (who may do what, where a branch stands), so that
//! the engine decides without asking.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::actor::Actor;
use super::asking::AgentQuestion;
use super::baseline::BaselineReport;
use super::brief::Brief;
use super::ci::CiReport;
use super::command::Command;
use super::directive::Base;
use super::effect::Effect;
use super::evaluation::{Judgement, VerifierResult};
use super::failure::{Failure, MergeProblem};
use super::ids::{Branch, Login, Repo, Sha, StepId, TaskId, Usd};
use super::policy::options::PolicyOverride;
use super::policy::{Policy, PolicyFault};
use super::replan::IssueText;
use super::step::{Finding, Pull, VerifierProgress};
use super::task::{AgentPause, Measure, QueueReason};

mod order;

pub use order::{Commanded, Permission, PolicyRead, Requester, Source, SourceKind};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The label was set.
    Labelled(Box<Labelled>),
    /// The label was taken off.
    Unlabelled {
        /// Who did it.
        actor: Requester,
    },
    /// A label that makes the policy stricter was set beside the one that started it all.
    PolicyOverridden {
        /// Who set it.
        actor: Requester,
        /// What the label policy overrides.
        policy_override: PolicyOverride,
    },
    /// The issue was closed.
    IssueClosed {
        /// Who did it.
        actor: Actor,
        /// Whether the final pull request was found merged when this was read.
        final_merged: bool,
    },
    /// The issue was transferred or deleted.
    IssueGone {
        /// Who did it.
        actor: Actor,
        /// Whether the final pull request was found merged when this was read.
        final_merged: bool,
    },
    /// The issue's text was read: after it was edited, and for a `/replan`, which takes it over.
    IssueRead(IssueText),
    /// Somebody gave an order.
    Commanded(Commanded),
    /// A comment or review was read again, after it was edited, deleted or dismissed.
    SourceRead {
        /// What it is.
        kind: SourceKind,
        /// Its database id.
        id: u64,
        /// What it says now; nothing where it is gone or dismissed.
        commands: Vec<Command>,
        /// Who changed it.
        by: Actor,
    },
    /// An agent began.
    TaskStarted {
        /// Which.
        task: TaskId,
    },
    /// An agent ended.
    TaskFinished {
        /// Which.
        task: TaskId,
        /// What came of it.
        outcome: TaskOutcome,
        /// What it cost, as the agent says.
        cost: Usd,
    },
    /// What an agent has so far is about to be pushed.
    TaskPushes {
        /// Which.
        task: TaskId,
        /// The commit.
        head: Sha,
    },
    /// What an agent has so far was pushed.
    TaskPushed {
        /// Which.
        task: TaskId,
    },
    /// An agent's run went like this; what comes of it is told by [`Signal::TaskFinished`].
    TaskMeasured {
        /// Which.
        task: TaskId,
        /// How it went.
        measure: Measure,
    },
    /// A task waits for capacity.
    TaskQueued {
        /// Which.
        task: TaskId,
        /// What it waits for.
        held: QueueReason,
    },
    /// A task waits because its agent has to.
    AgentPaused {
        /// Which.
        task: TaskId,
        /// The agent, and until when.
        pause: AgentPause,
    },
    /// The base branch has another name.
    BaseRenamed {
        /// The name that it had.
        from: Branch,
        /// The name that it has.
        to: Branch,
    },
    /// A task is about to run whose agent may cost anything that it does not say: the operator gave it no provider, and no
    /// cost of a run.
    AgentUnmetered {
        /// Which.
        task: TaskId,
        /// The agent.
        agent: String,
    },
    /// The integration branch is there.
    IntegrationCut,
    /// A step's pull request is there.
    PullOpened {
        /// Whose.
        step: StepId,
        /// Which.
        pull: Pull,
    },
    /// A step's pull request is ready for review.
    PullReady {
        /// Whose.
        step: StepId,
        /// Who marked it; none where Adjutant did.
        #[serde(default)]
        by: Option<Requester>,
    },
    /// Somebody converted a step's pull request to a draft.
    PullDrafted {
        /// Whose.
        step: StepId,
        /// Who.
        by: Actor,
    },
    /// The verifiers are done with the base commit.
    BaseVerified {
        /// Which try this was.
        round: u32,
        /// What was found.
        report: Box<BaselineReport>,
    },
    /// The base commit could not be verified at all.
    BaseNotVerified {
        /// Which try this was; none where that is not known, which stands for the present one.
        #[serde(default)]
        round: Option<u32>,
        /// Why.
        reason: Failure,
    },
    /// The verifiers began, or they wait for capacity.
    VerifierProgress {
        /// Whose head; none where it is the base commit.
        step: Option<StepId>,
        /// Which verification of it.
        round: u32,
        /// How far they have come.
        progress: VerifierProgress,
    },
    /// The verifiers are done.
    Verified {
        /// Whose head.
        step: StepId,
        /// The commit that was verified, merged into its target.
        head: Sha,
        /// What they found.
        results: Vec<VerifierResult>,
        /// What was found in the diff, where it was read here rather than by the task.
        findings: Vec<Finding>,
    },
    /// Something about the repository's own checks of a commit has changed.
    CiChanged {
        /// Whose head.
        step: StepId,
        /// The commit.
        head: Sha,
    },
    /// The repository's own checks of a commit were read.
    CiRead {
        /// Whose head.
        step: StepId,
        /// The commit.
        head: Sha,
        /// What they say.
        report: Box<CiReport>,
    },
    /// A head does not merge into its target.
    Conflicted {
        /// Whose.
        step: StepId,
        /// The head that was tried.
        head: Sha,
        /// The paths in conflict.
        paths: Vec<String>,
    },
    /// Somebody pushed to a pull request's branch.
    HeadMoved {
        /// Whose.
        step: StepId,
        /// The new head.
        head: Sha,
        /// Who pushed.
        by: Actor,
    },
    /// A pull request was merged.
    PullMerged {
        /// Whose.
        step: StepId,
        /// Who merged it.
        by: Actor,
        /// The commit on the target.
        sha: Option<Sha>,
    },
    /// The commit of a merge was taken back on the base.
    Reverted {
        /// Whose.
        step: StepId,
    },
    /// A pull request was closed unmerged.
    PullClosed {
        /// Whose.
        step: StepId,
        /// Who closed it.
        by: Actor,
        /// Whether they have write access, as GitHub says when asked; not where it is not known who they are.
        #[serde(default)]
        may_decide: bool,
    },
    /// A pull request that was closed unmerged is open again.
    PullReopened {
        /// Whose.
        step: StepId,
        /// Who opened it.
        by: Actor,
    },
    /// GitHub did not merge.
    MergeRefused {
        /// Whose.
        step: StepId,
        /// The head that was to be merged.
        head: Sha,
        /// Why.
        reason: MergeProblem,
    },
    /// The integration branch holds the newest base.
    Integrated {
        /// The integration branch's head.
        head: Sha,
        /// Whether it differs from the base.
        differs: bool,
    },
    /// Somebody who may asked for the checks of a commit to be run again.
    Rerequested {
        /// Whose.
        step: StepId,
        /// The commit.
        head: Sha,
        /// Who.
        by: Login,
    },
    /// An effect was given up.
    EffectFailed {
        /// The step it was for.
        step: Option<StepId>,
        /// Why.
        reason: Failure,
    },
    /// Time passed.
    Tick,
}

impl Signal {
    /// What is told when an effect is set aside; none where the work goes on without it. The effect is given by what its row says
    /// beside the payload, which may be what could not be read. `key` is its natural key.
    pub fn of_failed_effect(
        kind: &str,
        key: &str,
        task: Option<TaskId>,
        step: Option<StepId>,
        reason: Failure,
    ) -> Option<Self> {
        match (kind, task, step) {
            ("run_task", Some(task), _) => {
                Some(Self::TaskFinished { task, outcome: TaskOutcome::Barred { reason }, cost: Usd::ZERO })
            }
            ("verify_base", ..) => Some(Self::BaseNotVerified { round: Effect::round_of_base(key), reason }),
            ("cut_integration" | "integrate", ..) => Some(Self::EffectFailed { step: None, reason }),
            ("open_pull" | "verify" | "merge", _, Some(step)) => Some(Self::EffectFailed { step: Some(step), reason }),
            _ => None,
        }
    }
}

/// The facts with which a directive is opened or resumed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Labelled {
    /// Where.
    pub repo: Repo,
    /// The issue's number.
    pub issue: u64,
    /// How many directives the issue had before.
    pub earlier: u32,
    /// The issue's title, from the webhook's body.
    pub title: String,
    /// Who wrote it.
    pub author: Login,
    /// Who set the label.
    pub actor: Requester,
    /// What it asks for, from the webhook's body.
    pub brief: Brief,
    /// The policy, or what is wrong with it.
    pub policy: Result<Policy, Vec<PolicyFault>>,
    /// What the issue's labels and options policy override of the policy.
    #[serde(default)]
    pub overrides: Vec<PolicyOverride>,
    /// The agents that the operator offers; none where that is not known.
    #[serde(default)]
    pub agents: Option<Vec<String>>,
    /// Where work would be based; none where the branch is missing.
    pub base: Option<Base>,
}

/// What came of an agent's run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskOutcome {
    /// A plan was proposed.
    Planned {
        /// As the agent wrote it.
        plan: Value,
    },
    /// Commits were pushed.
    Changed {
        /// The branch's new head.
        head: Sha,
        /// What the agent says it did.
        summary: String,
        /// What was found in the diff.
        findings: Vec<Finding>,
    },
    /// Nothing changed.
    Unchanged {
        /// What the agent says it did.
        summary: String,
        /// What it found out.
        report: Option<String>,
        /// Where the work was there already, as the agent says.
        evidence: Option<String>,
        /// The branch's head, where it holds work of an earlier task.
        head: Option<Sha>,
    },
    /// The agent asks people something before it does the work.
    Asked {
        /// What.
        questions: Vec<AgentQuestion>,
    },
    /// The head was judged.
    Judged {
        /// The head.
        head: Sha,
        /// What the judge found.
        judgement: Judgement,
    },
    /// The agent's tree was turned down: what is wrong goes back to it.
    Refused {
        /// A sentence each.
        faults: Vec<String>,
    },
    /// The work was done, and cannot be handed in before a person has mended something.
    Barred {
        /// What.
        reason: Failure,
    },
    /// The agent could not be run to a result.
    Failed {
        /// Why.
        reason: Failure,
    },
    /// It was called off.
    Cancelled,
}
