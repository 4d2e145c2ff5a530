//! Steps: the pieces of work a chain consists of, and the pull requests that carry them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::evaluation::Evaluation;
use super::ids::{Branch, Login, Sha, StepId, StepName};
use super::status::{InvalidTransition, StepStatus};

/// One piece of work of the chain; the final pull request is one too (see [`Step::is_final`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Derived from directive, generation and name.
    pub id: StepId,
    /// Unique in its generation.
    pub name: StepName,
    /// What kind of work it is.
    pub kind: StepKind,
    /// What is to be done, in a sentence or two.
    pub description: String,
    /// How, in the planner's words.
    pub task_plan: String,
    /// The steps that must be done before, by name.
    pub depends_on: Vec<StepName>,
    /// Ids of the requirements that it covers.
    pub requirements: Vec<String>,
    /// Ids of the acceptance criteria that it covers.
    pub criteria: Vec<String>,
    /// Where it stands.
    pub status: StepStatus,
    /// The branch its work is on.
    pub branch: Branch,
    /// The branch its pull request merges into.
    pub target: Branch,
    /// Whether [`Step::target`] is the directive's base, where passing alone merges nothing.
    pub into_base: bool,
    /// Its pull request, once opened.
    pub pull: Option<Pull>,
    /// The newest head of its branch that is known, or the SHA-256 of its report.
    pub head: Option<Sha>,
    /// The newest heads that Adjutant pushed of work that was not handed in yet, oldest first.
    #[serde(default)]
    pub progress: Vec<Sha>,
    /// When [`Step::head`] became known: an order written before it is about something else.
    pub head_at: Option<DateTime<Utc>>,
    /// Whether somebody else pushed [`Step::head`], at a moment that is known to the second only.
    #[serde(default)]
    pub head_pushed: bool,
    /// Who approved the head while it was still being proved.
    pub pre_approved: Option<Login>,
    /// The report it handed in, where nothing in the tree changed.
    pub report: Option<String>,
    /// What its last task said about what it did.
    pub summary: Option<String>,
    /// What was found in the diff at [`Step::head`] that a person should know of.
    pub findings: Vec<Finding>,
    /// The proof of [`Step::head`], when there is one.
    pub evaluation: Option<Evaluation>,
    /// Whether a judge has yet to look at [`Step::evaluation`] before anything follows from it.
    #[serde(default)]
    pub judge_due: bool,
    /// Where its merge stands.
    pub merge: MergeState,
    /// What the next rework is to do.
    pub instructions: Option<Instructions>,
    /// What people asked for while a rework was under way: the next one does it.
    #[serde(default)]
    pub afterwards: Option<String>,
    /// Automatic reworks so far.
    pub rework_cycles: u32,
    /// All reworks so far, those that people asked for included.
    pub reworks: u32,
    /// Tasks in a row that could not be run.
    pub failures: u32,
    /// How often the current head was sent to the verifiers.
    pub verifications: u32,
    /// Why it is blocked or failed, in a sentence.
    pub reason: Option<String>,
}

/// What kind of work a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Find something out.
    Research,
    /// Decide how something is to be built.
    Design,
    /// Build it.
    Implement,
    /// Prove it.
    Test,
    /// Read it critically.
    Review,
    /// Explain it.
    Document,
    /// The final pull request, which brings the integration branch to the base.
    Final,
}

impl StepKind {
    /// The kinds that a planner may use.
    pub const PLANNABLE: &'static [Self] =
        &[Self::Research, Self::Design, Self::Implement, Self::Test, Self::Review, Self::Document];

    /// The word in plans, the database and on GitHub.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Research => "research",
            Self::Design => "design",
            Self::Implement => "implement",
            Self::Test => "test",
            Self::Review => "review",
            Self::Document => "document",
            Self::Final => "final",
        }
    }

    /// The kind of that word, as a planner may write it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::PLANNABLE.iter().copied().find(|kind| kind.as_str() == text)
    }

    /// Whether a report alone fulfils it. The others owe a change of the tree.
    pub fn may_report(self) -> bool {
        matches!(self, Self::Research | Self::Design | Self::Review)
    }
}

/// A pull request of Adjutant's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Its GraphQL id.
    pub node_id: String,
    /// Whether it is still a draft.
    pub draft: bool,
    /// Whether a person closed it unmerged.
    #[serde(default)]
    pub closed: bool,
}

/// Where a step's merge stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeState {
    /// Nobody asked for it.
    #[default]
    Open,
    /// Decided on; asked of GitHub as soon as the directive is active.
    Wanted,
    /// Asked of GitHub.
    Requested,
    /// Confirmed.
    Merged,
}

/// What a rework is to do, and on whose word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instructions {
    /// The words for the agent, Markdown.
    pub text: String,
    /// Whether the target is to be merged in first, conflicts left for the agent to resolve.
    pub merge_target: bool,
}

/// Something in a diff that a person should know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it means for the decision.
    pub kind: FindingKind,
    /// One sentence, with the path.
    pub text: String,
}

/// What a finding means for the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Tests were deleted, skipped or loosened: at most yellow.
    WeakenedProof,
    /// A path that only people may change: at most yellow, and a person decides whatever the autonomy.
    Protected,
}

impl Step {
    /// Whether this is the directive's final pull request.
    pub fn is_final(&self) -> bool {
        self.kind == StepKind::Final
    }

    /// Whether its commit is being proved and nothing was decided on it yet: it may come to wait for a person.
    pub fn is_in_proof(&self) -> bool {
        let is_report = self.report.is_some() && self.pull.is_none();
        self.status == StepStatus::Evaluating && self.merge == MergeState::Open && !is_report
    }

    /// Its pull request, where that is not closed.
    pub fn open_pull(&self) -> Option<&Pull> {
        self.pull.as_ref().filter(|pull| !pull.closed)
    }

    /// Moves it to `status`.
    pub fn transition(&mut self, status: StepStatus) -> Result<(), InvalidTransition> {
        self.status = self.status.to(status)?;
        Ok(())
    }

    /// The evaluation, where it is about the newest head.
    pub fn current_evaluation(&self) -> Option<&Evaluation> {
        self.evaluation.as_ref().filter(|evaluation| Some(&evaluation.head) == self.head.as_ref())
    }
}
