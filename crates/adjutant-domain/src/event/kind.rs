//! Every kind of event, with its data.
//!
//! The names, severities and members are an interface: they stand in the database, in the output of
//! `adjutant directive events --json` and in `docs/events.md`, which is made from the table below. A member may be added;
//! one that was released keeps its name and its meaning.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::Severity::{self, Error, Info, Warning};
use crate::approval::{ApprovalKind, ApprovalStatus};
use crate::cause::{Cause, DirectiveFailure, IssueEnd};
use crate::command::Command;
use crate::directive::{PauseReason, PlanOrigin};
use crate::effect::Notice;
use crate::evaluation::{Confidence, EvaluationReason};
use crate::failure::{AgentErrorKind, Failure, MergeProblem};
use crate::ids::{Branch, DirectiveId, Login, PlanHash, Sha, StepName, Usd};
use crate::plan::PlanFault;
use crate::policy::Autonomy;
use crate::question::Question;
use crate::replan::ReplanReason;
use crate::status::{DirectiveStatus, StepStatus};
use crate::task::{TaskKind, TaskStatus};

/// A kind of event as documents list it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventDescription {
    /// The name in the database, in snake case.
    pub name: &'static str,
    /// Every severity that it may have, the usual one first.
    pub severities: &'static [Severity],
    /// What it tells, in half a sentence.
    pub what: &'static str,
    /// The names of its data's members.
    pub members: &'static [&'static str],
}

macro_rules! events {
    ($($variant:ident $name:literal $severities:tt $what:literal
        { $($(#[$attribute:meta])* $member:ident: $type:ty,)* })*) => {
        /// What happened, with its details.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "name", content = "data")]
        #[expect(missing_docs, reason = "members are named as in the JSON; those that need words have them")]
        pub enum EventKind {
            $(#[doc = $what] #[serde(rename = $name)] $variant { $($(#[$attribute])* $member: $type,)* },)*
        }

        impl EventKind {
            /// Every kind, in the order of a directive's life.
            pub const ALL: &'static [EventDescription] = &[$(EventDescription {
                name: $name,
                severities: &$severities,
                what: $what,
                members: &[$(stringify!($member),)*],
            },)*];

            /// The name in the database, in snake case.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)* }
            }

            fn severities(&self) -> &'static [Severity] {
                match self { $(Self::$variant { .. } => &$severities,)* }
            }
        }
    };
}

events! {
    DirectiveOpened "directive_opened" [Info] "the label was set: the issue, its title, the base commit" {
        issue: u64,
        title: String,
        base: Sha,
        predecessor: Option<DirectiveId>,
    }
    StatusChanged "status_changed" [Info] "the directive went from one status to another" {
        from: DirectiveStatus,
        to: DirectiveStatus,
    }
    DirectivePaused "directive_paused" [Info] "nothing new starts: why" {
        reason: PauseReason,
    }
    DirectiveResumed "directive_resumed" [Info] "reasons to pause were lifted: which, and which are left" {
        lifted: Vec<PauseReason>,
        left: Vec<PauseReason>,
    }
    DirectiveCompleted "directive_completed" [Info] "the work is on the base: cost, seconds at work" {
        /// In dollars, as people read it.
        cost: String,
        seconds: i64,
        steps: usize,
        reworks: u32,
    }
    DirectiveFailed "directive_failed" [Error] "it ended without its goal: the reason" {
        reason: DirectiveFailure,
    }
    DirectiveArchived "directive_archived" [Info] "it was put away after its end" {}
    TransitionRefused "transition_refused" [Error] "the table of states forbade a move; never in a healthy history" {
        reason: String,
    }
    BaseVerificationStarted "base_verification_started" [Info] "the base commit is verified before anything is planned" {
        round: u32,
        commit: Sha,
    }
    BaseVerified "base_verified" [Info, Warning]
        "the base commit was verified: the verifiers, and which failed or could not be run" {
        round: u32,
        verifiers: Vec<String>,
        faulty: Vec<String>,
        sound: bool,
    }
    PlanningStarted "planning_started" [Info] "a planner is asked" {
        attempt: u32,
    }
    PlanningFailed "planning_failed" [Warning] "a planner could not be run" {
        reason: Failure,
    }
    PlanRefused "plan_refused" [Warning] "a proposed plan had faults: each of them" {
        faults: Vec<PlanFault>,
    }
    PlanningCompleted "planning_completed" [Info] "there is a plan: where from, its steps, its hash" {
        origin: PlanOrigin,
        steps: Vec<StepName>,
        hash: PlanHash,
    }
    ChainRegenerated "chain_regenerated" [Warning] "the work is planned anew: why, and what was carried over" {
        generation: u32,
        reason: ReplanReason,
        by: Option<Login>,
        carried: Vec<StepName>,
        /// The steps that were left undone.
        superseded: Vec<StepName>,
        /// Whether the issue's edited text is worked on from here on.
        edited: bool,
    }
    PolicyReloaded "policy_reloaded" [Info]
        "the policy was read again by an order: the keys that changed, and the base commit where that moved" {
        changed: Vec<String>,
        base: Option<Sha>,
    }
    SupersededMerged "superseded_merged" [Info]
        "a pull request of an earlier plan was merged after all: its step is done" {
        step: StepName,
        by: Option<Login>,
    }
    IssueTextRead "issue_text_read" [Info] "the issue was read: whether it differs from what is worked on" {
        differs: bool,
    }
    IntegrationCut "integration_cut" [Info] "the integration branch was created" {
        branch: Branch,
        base: Sha,
    }
    BaseIntegrated "base_integrated" [Info] "the integration branch contains the newest base" {
        head: Sha,
        /// Whether it differs from the base.
        #[serde(default = "yes")]
        differs: bool,
    }
    StepStatusChanged "step_status_changed" [Info] "a step went from one status to another" {
        step: StepName,
        from: StepStatus,
        to: StepStatus,
    }
    StepStarted "step_started" [Info] "an agent is asked to work on a step" {
        step: StepName,
        kind: TaskKind,
        attempt: u32,
    }
    StepRework "step_rework" [Info] "a step is done again: why" {
        step: StepName,
        why: Cause,
    }
    StepBlocked "step_blocked" [Warning] "a step needs a person: why" {
        step: StepName,
        why: Cause,
    }
    TaskStarted "task_started" [Info] "an agent began" {
        task: u32,
        kind: TaskKind,
        attempt: u32,
    }
    TaskFinished "task_finished" [Info, Warning] "an agent ended: how, its cost, its seconds" {
        task: u32,
        kind: TaskKind,
        status: TaskStatus,
        cost: Usd,
        seconds: Option<i64>,
        reason: Option<Failure>,
        /// Whether what the agent handed in was turned down.
        #[serde(default)]
        refused: bool,
    }
    TaskCancelled "task_cancelled" [Info] "a run was cancelled" {
        task: u32,
        kind: TaskKind,
    }
    AgentPaused "agent_paused" [Warning] "a task waits because its agent has to: which agent, why, until when" {
        task: u32,
        agent: String,
        why: AgentErrorKind,
        until: DateTime<Utc>,
    }
    TaskPaidLate "task_paid_late" [Info] "the cost of a cancelled run became known" {
        task: u32,
        cost: Usd,
    }
    PullOpened "pull_opened" [Info] "a pull request was opened" {
        step: StepName,
        pull: u64,
        /// Whether its step belongs to an earlier plan.
        #[serde(default)]
        superseded: bool,
    }
    PullReady "pull_ready" [Info] "it is no draft any more" {
        pull: u64,
    }
    BaseRenamed "base_renamed" [Info] "the base branch was renamed: its names" {
        from: Branch,
        to: Branch,
    }
    PullHeld "pull_held" [Info] "a person converted it to a draft: it is not merged before they let go of it" {
        pull: u64,
        by: Option<Login>,
    }
    PullReleased "pull_released" [Info] "it is held back no longer: by whose word" {
        pull: u64,
        by: Option<Login>,
    }
    HeadMoved "head_moved" [Info] "somebody pushed to it" {
        step: StepName,
        head: Sha,
        by: Option<Login>,
    }
    PullMerged "pull_merged" [Info] "it was merged: by whom" {
        pull: Option<u64>,
        by: Option<Login>,
    }
    PullClosed "pull_closed" [Warning] "a person closed it unmerged" {
        pull: Option<u64>,
        by: Option<Login>,
    }
    PullReopened "pull_reopened" [Info] "a closed one was opened again: by whom" {
        pull: u64,
        by: Option<Login>,
    }
    VerificationStarted "verification_started" [Info] "a head was sent to the verifiers" {
        head: Sha,
        round: u32,
    }
    CiAwaited "ci_awaited" [Info] "the verifiers are done, and the repository's own CI is waited for" {
        head: Sha,
    }
    VerificationRequested "verification_requested" [Info] "a person wants a head verified again" {
        step: StepName,
        head: Sha,
        by: Login,
    }
    EvaluationCompleted "evaluation_completed" [Info, Warning] "a head was verified: confidence, score, reasons" {
        step: StepName,
        head: Sha,
        confidence: Confidence,
        score: Option<f64>,
        reasons: Vec<EvaluationReason>,
    }
    ConflictFound "conflict_found" [Warning] "a head does not merge into its target: the paths" {
        step: StepName,
        head: Sha,
        target: Branch,
        paths: Vec<String>,
    }
    MergeRequested "merge_requested" [Info] "GitHub is asked to merge a head" {
        head: Sha,
    }
    MergeRefused "merge_refused" [Warning] "GitHub did not merge it: its words" {
        step: StepName,
        reason: MergeProblem,
    }
    ApprovalRequired "approval_required" [Info] "a person is asked: about what, the question" {
        r#type: ApprovalKind,
        shown: String,
        question: Question,
    }
    ApprovalResolved "approval_resolved" [Info] "a question was answered or closed: how, by whom, with which words" {
        r#type: ApprovalKind,
        status: ApprovalStatus,
        shown: String,
        by: Option<Login>,
        words: Option<String>,
    }
    ApprovalExpired "approval_expired" [Warning]
        "nobody answered in time: the question stays, and people are reminded once" {
        r#type: ApprovalKind,
        asked_at: DateTime<Utc>,
    }
    HeadPreApproved "head_pre_approved" [Info] "a person accepted a head that is still being verified" {
        r#type: ApprovalKind,
        by: Login,
        shown: String,
    }
    ApprovalTakenBack "approval_taken_back" [Info]
        "an approval was taken back: by whom, and whether GitHub had been asked for the merge before" {
        r#type: ApprovalKind,
        by: Option<Login>,
        shown: String,
        late: bool,
    }
    PolicyTightened "policy_tightened" [Info] "a label made the policy stricter: which, and the autonomy from here on" {
        label: String,
        autonomy: Autonomy,
    }
    QuestionAnswered "question_answered" [Info] "what an agent asked has an answer; without a person, the agent's own default" {
        number: u32,
        question: String,
        answer: String,
        by: Option<Login>,
    }
    BreakerTripped "breaker_tripped" [Warning] "a limit was reached: which, its value, what it stands at" {
        breaker: Breaker,
        limit: Number,
        value: Number,
    }
    CommandTaken "command_taken" [Info] "a command was followed" {
        command: String,
        /// The command with its arguments; long texts are cut.
        order: Command,
        pull: Option<u64>,
    }
    CommandRefused "command_refused" [Warning] "a command, or the label, was refused: why" {
        command: String,
        order: Option<Command>,
        pull: Option<u64>,
        why: Notice,
    }
    IssueClosed "issue_closed" [Info] "the issue was closed, moved away or deleted: by whom" {
        by: Option<Login>,
        how: IssueEnd,
        final_merged: bool,
    }
    EffectFailed "effect_failed" [Error] "something outside failed for good: the reason" {
        reason: Failure,
    }
}

/// Names that a released version wrote and that were changed since, with the present ones.
const FORMER_NAMES: &[(&str, &str)] = &[("approval_vouched", "head_pre_approved")];

fn yes() -> bool {
    true
}

impl EventKind {
    /// How much it matters.
    pub fn severity(&self) -> Severity {
        let usual = match self {
            Self::TaskFinished { status, refused, .. } => *status != TaskStatus::Failed && !refused,
            Self::BaseVerified { sound, .. } => *sound,
            Self::EvaluationCompleted { confidence, .. } => *confidence != Confidence::Red,
            _ => true,
        };
        let severities = self.severities();
        let severity = if usual { severities.first() } else { severities.last() };
        severity.copied().unwrap_or(Info)
    }

    /// Its details, as the database and `--json` have them: an object.
    pub fn data(&self) -> Value {
        // Every member is a plain value, so that this cannot fail.
        let mut whole = serde_json::to_value(self).unwrap_or_default();
        whole.get_mut("data").map(Value::take).unwrap_or_default()
    }

    /// The event of that name and data; none where another version wrote what this one cannot read.
    pub fn read(name: &str, data: &Value) -> Option<Self> {
        let name = FORMER_NAMES.iter().find(|(former, _)| *former == name).map_or(name, |(_, present)| present);
        serde_json::from_value(serde_json::json!({ "name": name, "data": data })).ok()
    }
}

/// A limit that stops or holds work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breaker {
    /// Dollars.
    Cost,
    /// Seconds of work.
    WallTime,
    /// Failed steps at a time.
    FailedSteps,
    /// Automatic reworks of a step.
    ReworkCycles,
    /// Plans.
    ChainGenerations,
    /// Open pull requests of a repository.
    OpenPullRequests,
    /// Agents of an installation.
    InstallationTasks,
}
