//! Effects: what is to be done outside.
//!
//! Each has a natural key. Its handler looks first whether the result is there already, so running one twice
//! is harmless.

use serde::{Deserialize, Serialize};

use super::closing::ClosingReason;
use super::ids::{ApprovalId, DirectiveId, Login, Repo, Sha, StepId, StepName, TaskId};
use super::policy::PolicyFault;
use super::refusal::Refusal;
use super::signal::{Source, SourceKind};
use super::status::StepStatus;

/// Something to be done outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Write the status comment as things stand now. Coalesces.
    WriteStatus,
    /// Write a step's `adjutant` check run as things stand now. Coalesces.
    WriteCheck {
        /// Whose head.
        step: StepId,
    },
    /// Cut the integration branch from the base commit.
    CutIntegration,
    /// Prepare the environment and run the verifiers on the base commit.
    VerifyBase {
        /// Which try this is, counted from one.
        round: u32,
    },
    /// Run an agent.
    RunTask {
        /// Which task.
        task: TaskId,
    },
    /// Open a step's pull request, or open it again. Coalesces.
    OpenPull {
        /// Whose.
        step: StepId,
    },
    /// Bring a step's pull request (title, body, draft or not) in line with how things stand. Coalesces.
    SyncPull {
        /// Whose.
        step: StepId,
    },
    /// Run the verifiers on the merge of a head into its target.
    Verify {
        /// Whose.
        step: StepId,
        /// The head.
        head: Sha,
        /// Which try this is, counted from one.
        round: u32,
    },
    /// Read what the repository's own CI says of a head. Coalesces.
    ReadCi {
        /// Whose.
        step: StepId,
        /// The head.
        head: Sha,
        /// Which verification it belongs to, counted from one.
        round: u32,
    },
    /// Merge a step's pull request, if its head is still this one.
    Merge {
        /// Whose.
        step: StepId,
        /// The head that was decided on.
        head: Sha,
        /// Which try this is, counted from one.
        round: u32,
    },
    /// Bring the integration branch up to the newest base, conflicts told.
    Integrate {
        /// Which try this is, counted from one.
        round: u32,
    },
    /// Delete a step's merged branch.
    DeleteBranch {
        /// Whose.
        step: StepId,
    },
    /// Close a step's pull request with a word, and complete its open check runs. Coalesces: it may be opened again.
    ClosePull {
        /// Whose.
        step: StepId,
        /// Why.
        reason: ClosingReason,
    },
    /// Post a step's report on the issue, collapsed.
    PostReport {
        /// Whose.
        step: StepId,
        /// The report's hash.
        head: Sha,
    },
    /// Remind people, once, of a question that has waited for long.
    Remind {
        /// Which question.
        approval: ApprovalId,
    },
    /// Close the issue, if it is open.
    CloseIssue,
    /// Tell that an order was taken.
    React {
        /// Where it was given.
        source: Source,
        /// How.
        reaction: Reaction,
    },
    /// Answer in one short comment.
    Reply {
        /// What is answered.
        source: Source,
        /// Whom.
        to: Login,
        /// What is said.
        notice: Notice,
    },
    /// Write the `adjutant` check run of a pull request that is not Adjutant's, so that it can be required everywhere.
    NeutralCheck {
        /// Where.
        repo: Repo,
        /// Its head.
        head: Sha,
    },
    /// Write the `adjutant` check run of a merge group, so that it can be required on a branch with a merge queue.
    MergeGroupCheck {
        /// Where.
        repo: Repo,
        /// The group's commit.
        head: Sha,
        /// The pull request that the group adds to those ahead of it, where GitHub names it.
        pull: Option<u64>,
    },
    /// Say something on an issue that has no directive.
    Announce {
        /// Where.
        repo: Repo,
        /// The issue.
        issue: u64,
        /// To whom.
        to: Login,
        /// What is said.
        notice: Notice,
    },
}

/// Which workers carry an effect out. Agents and verifiers may take minutes and have workers of their own, so
/// that a used-up limit on them keeps no comment waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Calls to GitHub: seconds.
    Short,
    /// Runs of an agent.
    Agent,
    /// Runs of the verifiers.
    Verifier,
}

impl Lane {
    /// Every lane.
    pub const ALL: &'static [Self] = &[Self::Short, Self::Agent, Self::Verifier];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Agent => "agent",
            Self::Verifier => "verifier",
        }
    }
}

/// A reaction of Adjutant's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    /// 👀 seen.
    Eyes,
    /// 🚀 done.
    Rocket,
    /// 👎 refused.
    ThumbsDown,
}

/// Something that is said to people; `report` has the words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// The label was set by somebody whose orders do not count.
    LabelRefused {
        /// Who set it.
        login: String,
    },
    /// The policy is broken.
    PolicyBroken {
        /// What is wrong.
        faults: Vec<PolicyFault>,
    },
    /// The base branch does not exist.
    BaseMissing {
        /// Its name, where the policy names one.
        branch: Option<String>,
    },
    /// An order of somebody whose orders do not count.
    NotAllowed {
        /// Who gave it.
        login: String,
    },
    /// An order that was not understood.
    NotUnderstood {
        /// The word, without the slash.
        word: String,
        /// What was wrong with it.
        problem: Option<String>,
    },
    /// An order that makes no sense as things stand.
    Refused {
        /// Why.
        reason: Refusal,
    },
    /// `/approve` on the issue while more than one approval waits, or none.
    WhichApproval {
        /// The names that may follow.
        steps: Vec<String>,
    },
    /// The policy was read anew.
    Reloaded {
        /// The keys of the policy with another value than before.
        changed: Vec<String>,
        /// The base commit, where it moved.
        base: Option<Sha>,
    },
    /// Words for an agent were kept for a step's next run.
    Told {
        /// The step.
        step: StepName,
        /// Where it stood.
        status: StepStatus,
    },
    /// The commands.
    Help,
}

impl Reaction {
    /// The word in natural keys. It was released and never changes.
    fn key_word(self) -> &'static str {
        match self {
            Self::Eyes => "Eyes",
            Self::Rocket => "Rocket",
            Self::ThumbsDown => "ThumbsDown",
        }
    }
}

impl Notice {
    /// What tells it from another notice on the same issue: a word, and its data or a digest of them.
    pub fn key(&self) -> String {
        let hashed = |text: &str| Sha::of_text(text).short().to_owned();
        match self {
            Self::LabelRefused { login } => format!("label-refused/{login}"),
            // The texts that version 1 hashed: an announcement of before an upgrade is not made again after it. The words
            // are constants, and the lists are written as the standard library writes quoted strings.
            Self::PolicyBroken { faults } => hashed(&PolicyFault::key(faults)),
            Self::BaseMissing { branch } => hashed(&format!("BaseMissing {{ branch: {branch:?} }}")),
            Self::NotAllowed { login } => format!("not-allowed/{login}"),
            Self::NotUnderstood { word, .. } => format!("not-understood/{word}"),
            Self::Refused { .. } => "refused".to_owned(),
            Self::WhichApproval { steps } => format!("which-approval/{}", hashed(&steps.join("\n"))),
            Self::Reloaded { changed, base } => format!("reloaded/{}", hashed(&format!("{changed:?} {base:?}"))),
            Self::Told { .. } => "told".to_owned(),
            Self::Help => "help".to_owned(),
        }
    }
}

/// What stands between the directive and the round in the key of a verification of the base commit.
const VERIFY_BASE: &str = "/verify-base/";

impl Effect {
    /// The round in the key of [`Effect::VerifyBase`].
    pub fn round_of_base(key: &str) -> Option<u32> {
        key.split_once(VERIFY_BASE)?.1.parse().ok()
    }

    /// Unique for what is to be done: enqueueing the same key twice does it once.
    pub fn key(&self, directive: DirectiveId) -> String {
        match self {
            Self::WriteStatus => format!("{directive}/status"),
            Self::WriteCheck { step } => format!("{directive}/check/{step}"),
            Self::CutIntegration => format!("{directive}/cut-integration"),
            Self::VerifyBase { round } => format!("{directive}{VERIFY_BASE}{round}"),
            Self::RunTask { task } => format!("{directive}/task/{task}"),
            Self::OpenPull { step } => format!("{directive}/open-pull/{step}"),
            Self::SyncPull { step } => format!("{directive}/sync-pull/{step}"),
            Self::Verify { step, head, round } => format!("{directive}/verify/{step}/{head}/{round}"),
            Self::ReadCi { step, head, round } => format!("{directive}/read-ci/{step}/{head}/{round}"),
            Self::Merge { step, head, round } => format!("{directive}/merge/{step}/{head}/{round}"),
            Self::Integrate { round } => format!("{directive}/integrate/{round}"),
            Self::DeleteBranch { step } => format!("{directive}/delete-branch/{step}"),
            // One that was opened again may be closed again, for another reason.
            Self::ClosePull { step, reason } => format!("{directive}/close-pull/{step}/{}", reason.key_word()),
            Self::PostReport { step, head } => format!("{directive}/report/{step}/{head}"),
            Self::Remind { approval } => format!("{directive}/remind/{approval}"),
            Self::CloseIssue => format!("{directive}/close-issue"),
            Self::React { source, reaction } => {
                format!("{directive}/react/{}/{}", source.key('/'), reaction.key_word())
            }
            Self::Reply { source, .. } => format!("{directive}/reply/{}", source.key('/')),
            Self::NeutralCheck { repo, head } => format!("neutral-check/{}/{head}", repo.id),
            Self::MergeGroupCheck { repo, head, .. } => format!("merge-group/{}/{head}", repo.id),
            Self::Announce { repo, issue, notice, .. } => format!("announce/{}/{issue}/{}", repo.id, notice.key()),
        }
    }

    /// The keys of the reactions by which an order is answered: one of them is asked for whenever one was obeyed or
    /// refused. None where the same thing may be an order again.
    pub fn answers_to(directive: DirectiveId, source: &Source) -> Vec<String> {
        if source.kind == SourceKind::Button {
            return Vec::new();
        }
        let answer = |reaction| Self::React { source: source.clone(), reaction }.key(directive);
        vec![answer(Reaction::Rocket), answer(Reaction::ThumbsDown)]
    }

    /// Whether it is done for a directive; the others stand for themselves.
    pub fn is_of_a_directive(&self) -> bool {
        !matches!(self, Self::Announce { .. } | Self::NeutralCheck { .. } | Self::MergeGroupCheck { .. })
    }

    /// Whether a later one of the same key means doing it again, with the newest state.
    pub fn coalesces(&self) -> bool {
        matches!(
            self,
            Self::WriteStatus
                | Self::WriteCheck { .. }
                | Self::OpenPull { .. }
                | Self::SyncPull { .. }
                | Self::ReadCi { .. }
                | Self::ClosePull { .. }
        )
    }

    /// Which workers carry it out.
    pub fn lane(&self) -> Lane {
        match self {
            Self::RunTask { .. } => Lane::Agent,
            Self::Verify { .. } | Self::VerifyBase { .. } => Lane::Verifier,
            _ => Lane::Short,
        }
    }

    /// The task that it runs, where it runs one.
    pub fn task(&self) -> Option<TaskId> {
        match self {
            Self::RunTask { task } => Some(*task),
            _ => None,
        }
    }

    /// The step that it is for, where it is for one.
    pub fn step(&self) -> Option<StepId> {
        match self {
            Self::WriteCheck { step }
            | Self::OpenPull { step }
            | Self::SyncPull { step }
            | Self::Verify { step, .. }
            | Self::ReadCi { step, .. }
            | Self::Merge { step, .. }
            | Self::DeleteBranch { step }
            | Self::ClosePull { step, .. }
            | Self::PostReport { step, .. } => Some(*step),
            _ => None,
        }
    }

    /// The word in the database and the log.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::WriteStatus => "write_status",
            Self::WriteCheck { .. } => "write_check",
            Self::CutIntegration => "cut_integration",
            Self::VerifyBase { .. } => "verify_base",
            Self::RunTask { .. } => "run_task",
            Self::OpenPull { .. } => "open_pull",
            Self::SyncPull { .. } => "sync_pull",
            Self::Verify { .. } => "verify",
            Self::ReadCi { .. } => "read_ci",
            Self::Merge { .. } => "merge",
            Self::Integrate { .. } => "integrate",
            Self::DeleteBranch { .. } => "delete_branch",
            Self::ClosePull { .. } => "close_pull",
            Self::PostReport { .. } => "post_report",
            Self::Remind { .. } => "remind",
            Self::CloseIssue => "close_issue",
            Self::React { .. } => "react",
            Self::Reply { .. } => "reply",
            Self::NeutralCheck { .. } => "neutral_check",
            Self::MergeGroupCheck { .. } => "merge_group_check",
            Self::Announce { .. } => "announce",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::StepName;

    fn source(kind: SourceKind) -> Source {
        Source { kind, id: 9, node_id: String::new(), number: 12, index: 2 }
    }

    /// Every kind of effect, with its key: what is written here was released.
    fn keys(d: DirectiveId) -> Vec<(Effect, String)> {
        let step = StepId::of(d, 1, &StepName::new("parse"));
        let (task, approval) = (TaskId::of(d, 3), ApprovalId::of(d, 2));
        let (head, to) = (Sha::new("abc"), Login::new("mona"));
        let repo = Repo { id: 7, owner: "acme".to_owned(), name: "widgets".to_owned(), installation: 3 };
        let notice = Notice::Help;
        let legacy = ClosingReason::Legacy("this step was skipped".to_owned());
        vec![
            (Effect::WriteStatus, format!("{d}/status")),
            (Effect::WriteCheck { step }, format!("{d}/check/{step}")),
            (Effect::CutIntegration, format!("{d}/cut-integration")),
            (Effect::VerifyBase { round: 2 }, format!("{d}/verify-base/2")),
            (Effect::RunTask { task }, format!("{d}/task/{task}")),
            (Effect::OpenPull { step }, format!("{d}/open-pull/{step}")),
            (Effect::SyncPull { step }, format!("{d}/sync-pull/{step}")),
            (Effect::Verify { step, head: head.clone(), round: 1 }, format!("{d}/verify/{step}/abc/1")),
            (Effect::ReadCi { step, head: head.clone(), round: 1 }, format!("{d}/read-ci/{step}/abc/1")),
            (Effect::Merge { step, head: head.clone(), round: 2 }, format!("{d}/merge/{step}/abc/2")),
            (Effect::Integrate { round: 3 }, format!("{d}/integrate/3")),
            (Effect::DeleteBranch { step }, format!("{d}/delete-branch/{step}")),
            (Effect::ClosePull { step, reason: ClosingReason::Skipped }, format!("{d}/close-pull/{step}/skipped")),
            (
                Effect::ClosePull { step, reason: legacy },
                format!("{d}/close-pull/{step}/{}", Sha::of_text("this step was skipped").short()),
            ),
            (Effect::PostReport { step, head: head.clone() }, format!("{d}/report/{step}/abc")),
            (Effect::Remind { approval }, format!("{d}/remind/{approval}")),
            (Effect::CloseIssue, format!("{d}/close-issue")),
            (Effect::Reply { source: source(SourceKind::Review), to, notice }, format!("{d}/reply/Review/9/2")),
            (Effect::NeutralCheck { repo: repo.clone(), head: head.clone() }, "neutral-check/7/abc".to_owned()),
            (Effect::MergeGroupCheck { repo, head, pull: Some(9) }, "merge-group/7/abc".to_owned()),
        ]
    }

    /// Every reaction, in every place, with the end of its key.
    fn reactions() -> Vec<(SourceKind, Reaction, &'static str)> {
        vec![
            (SourceKind::IssueComment, Reaction::Rocket, "IssueComment/9/2/Rocket"),
            (SourceKind::ReviewComment, Reaction::Rocket, "ReviewComment/9/2/Rocket"),
            (SourceKind::Review, Reaction::Rocket, "Review/9/2/Rocket"),
            (SourceKind::Button, Reaction::Rocket, "Button/9/2/Rocket"),
            (SourceKind::IssueComment, Reaction::Eyes, "IssueComment/9/2/Eyes"),
            (SourceKind::IssueComment, Reaction::ThumbsDown, "IssueComment/9/2/ThumbsDown"),
        ]
    }

    #[test]
    fn the_keys_stay_as_they_were_released() {
        let directive = DirectiveId::of(7, 12, 1);
        for (effect, key) in keys(directive) {
            assert_eq!(effect.key(directive), key);
        }
        for (kind, reaction, key) in reactions() {
            let effect = Effect::React { source: source(kind), reaction };
            assert_eq!(effect.key(directive), format!("{directive}/react/{key}"));
        }
    }

    #[test]
    fn an_announcement_is_told_by_its_words_and_its_data() {
        let two = ["one", "two"].map(|text| PolicyFault::Legacy(text.to_owned())).to_vec();
        let hashed = |text: &str| Sha::of_text(text).short().to_owned();
        for (notice, key) in [
            (Notice::LabelRefused { login: "mona".to_owned() }, "label-refused/mona".to_owned()),
            (Notice::PolicyBroken { faults: two }, hashed(r#"PolicyBroken { faults: ["one", "two"] }"#)),
            (
                Notice::PolicyBroken { faults: vec![PolicyFault::More { faults: 7 }] },
                hashed(r#"PolicyBroken [{"more":{"faults":7}}]"#),
            ),
            (
                Notice::BaseMissing { branch: Some("trunk".to_owned()) },
                hashed(r#"BaseMissing { branch: Some("trunk") }"#),
            ),
            (Notice::BaseMissing { branch: None }, hashed("BaseMissing { branch: None }")),
        ] {
            let repo = Repo { id: 7, owner: "acme".to_owned(), name: "widgets".to_owned(), installation: 3 };
            let effect = Effect::Announce { repo, issue: 12, to: Login::new("mona"), notice };
            assert_eq!(effect.key(DirectiveId::of(7, 12, 1)), format!("announce/7/12/{key}"));
        }
    }
}
