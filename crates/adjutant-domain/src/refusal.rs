//! Why a command was refused. The words are made where they are shown, so that they can change while directives run.

use serde::{Deserialize, Serialize};

use super::approval::ApprovalKind;
use super::cause::Cause;
use super::ids::{StepName, Usd};
use super::policy::{Autonomy, PolicyFault};
use super::status::{DirectiveStatus, StepStatus};

/// Why a command makes no sense as things stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are named as what they hold; those that need words have them")]
pub enum Refusal {
    /// The directive cannot go to the status that the command asks for.
    NotPossible { from: DirectiveStatus, to: DirectiveStatus },
    /// `/resume`, and the directive is not paused.
    NothingPaused { status: DirectiveStatus },
    /// The directive has ended.
    Ended { status: DirectiveStatus },
    /// `/approve plan` or `/approve budget`, and no such question waits.
    NothingAsked { kind: ApprovalKind },
    /// An answer to a question that is not open, or that does not say to which.
    WhichQuestion { number: Option<u32>, open: Vec<u32> },
    /// The plan that was there when the command was written was replaced.
    PlanChanged,
    /// The base commit was verified again after the command was written.
    BaselineChanged,
    /// Nothing that was verified waits for people.
    NothingToVerify,
    /// The step is not part of the present plan.
    StepGone,
    /// The step cannot go there from where it stands.
    StepCannot,
    /// The step's work is merged.
    AlreadyMerged,
    /// The step was blocked after the command was written.
    BlockedSince { step: StepName, why: Cause },
    /// The step has no commit and no report that could be accepted.
    NothingToAccept { step: StepName },
    /// Nothing about the step waits for an approval.
    NothingToApprove { step: StepName, status: StepStatus },
    /// `/unapprove`, and no approval of the step stands.
    NothingToTakeBack { step: StepName },
    /// An approval is taken back, and GitHub was asked for the merge already.
    MergeAskedFor { step: StepName },
    /// An approval that was written before somebody took approvals back.
    TakenBackSince,
    /// The head that was there when the command was written was replaced.
    HeadMoved,
    /// A rework of a step that was skipped.
    Skipped { step: StepName },
    /// `/tell` with a step and without words.
    NothingTold { step: StepName },
    /// A rework of a step that has no result yet.
    NoResultYet { step: StepName, status: StepStatus },
    /// A retry of a step that is neither failed nor blocked.
    NotFailed { step: StepName, status: StepStatus },
    /// The step is passed or skipped.
    AlreadyDone { step: StepName, status: StepStatus },
    /// The final pull request cannot be skipped.
    FinalStep,
    /// The pull request belongs to a step of an earlier plan.
    EarlierPlan { step: StepName, issue: u64 },
    /// The pull request belongs to no step.
    NoStepOfPull,
    /// On the issue a command needs a step's name.
    StepNeeded { command: String },
    /// There is no plan yet, so that no step can be named.
    NoPlanYet,
    /// No step has that name. It is cut to what a name may contain.
    NoSuchStep { name: String, command: String, steps: Vec<StepName> },
    /// On a pull request another word than its step's name follows. It is cut to what a name may contain.
    OtherStep { name: String, command: String, step: StepName },
    /// A budget above what the policy allows.
    OverCeiling { total: Usd, ceiling: Usd, spent: Usd, budget: Usd },
    /// A budget that is spent already.
    AlreadySpent { spent: Usd, ceiling: Usd },
    /// The question about the budget is newer than the command.
    BudgetUsedUpSince,
    /// The policy allows no more money.
    CeilingReached { spent: Usd, ceiling: Usd },
    /// `/autonomy` with a word that is no level.
    UnknownLevel,
    /// An autonomy above the level of the policy.
    AboveCeiling { ceiling: Autonomy, present: Autonomy },
    /// The policy file is broken: what is wrong, a sentence each.
    PolicyBroken { faults: Vec<PolicyFault> },
    /// The policy was not read with the command.
    PolicyNotRead,
    /// The policy allows no more plans.
    PlansUsedUp { limit: u32 },
    /// A sentence that version 1 wrote, shown as it is.
    Legacy(String),
}
