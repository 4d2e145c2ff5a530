//! Steps: the pieces of work a chain consists of, and the pull requests that carry them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

mod state;
mod submission;

pub use state::{CiWait, Last, MergeRequest, PassedBy, StepState, VerifierProgress};
pub use submission::{Candidate, Submission};

use super::actor::Actor;
use super::evaluation::PastRuns;
use super::ids::{Branch, Login, Sha, StepId, StepName, TaskId};
use super::status::{InvalidTransition, StepStatus};

/// One piece of work of the chain; the final pull request is one too (see [`Step::is_final`]).
///
/// Where it stands, and what belongs to that alone, is [`Step::state`]. The other fields outlive states.
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
    /// The branch its work is on.
    pub branch: Branch,
    /// The branch its pull request merges into.
    pub target: Branch,
    /// Where it stands.
    pub state: StepState,
    /// Its pull request, once opened.
    pub pull: Option<Pull>,
    /// The newest heads that Adjutant pushed of work that was not handed in yet, oldest first.
    pub progress: Vec<Sha>,
    /// What its last task said about what it did.
    pub summary: Option<String>,
    /// What people asked for while a rework was under way: the next one does it.
    pub afterwards: Option<String>,
    /// What people told its agent, until a run that had it has handed something in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<ToldWords>,
    /// Automatic reworks so far.
    pub rework_cycles: u32,
    /// All reworks so far, those that people asked for included.
    pub reworks: u32,
    /// Tasks in a row that could not be run.
    pub failures: u32,
    /// How often verifiers or a merge were asked for: each time has a number of its own, whatever states lie between.
    pub verifications: u32,
    /// How its verifiers ended before on the commit that was verified last.
    #[serde(default, skip_serializing_if = "PastRuns::is_empty")]
    pub past_runs: PastRuns,
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
    /// That a person holds it back; it is not merged then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
}

/// A pull request that a person converted to a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who did it.
    pub by: Actor,
    /// When Adjutant learned of it.
    pub at: DateTime<Utc>,
}

impl Pull {
    /// An open pull request that nobody holds back.
    pub fn new(number: u64, node_id: String, draft: bool) -> Self {
        Self { number, node_id, draft, closed: false, hold: None }
    }
}

/// What a rework is to do, and on whose word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instructions {
    /// The words for the agent, Markdown.
    pub text: String,
    /// Whether the target is to be merged in first, conflicts left for the agent to resolve.
    pub merge_target: bool,
}

/// Words of a person for the agent of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldWords {
    /// Who said it.
    pub by: Login,
    /// As written, Markdown.
    pub words: String,
    /// The newest task that has them; none while they wait for one.
    pub task: Option<TaskId>,
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
    /// Something that the agent made is not part of the change: at most yellow.
    LeftOut,
    /// Something about the change as a whole that a person should look at: at most yellow.
    Diff,
}

impl Step {
    /// A step on which nothing was done yet.
    pub fn new(id: StepId, name: StepName, kind: StepKind, branch: Branch, target: Branch) -> Self {
        Self {
            id,
            name,
            kind,
            description: String::new(),
            task_plan: String::new(),
            depends_on: Vec::new(),
            requirements: Vec::new(),
            criteria: Vec::new(),
            branch,
            target,
            state: StepState::Pending,
            pull: None,
            progress: Vec::new(),
            summary: None,
            afterwards: None,
            told: Vec::new(),
            rework_cycles: 0,
            reworks: 0,
            failures: 0,
            verifications: 0,
            past_runs: PastRuns::default(),
        }
    }

    /// Whether this is the directive's final pull request.
    pub fn is_final(&self) -> bool {
        self.kind == StepKind::Final
    }

    /// A task begins: it has all that the agent was told.
    pub fn hand_over(&mut self, task: TaskId) {
        self.told.iter_mut().for_each(|told| told.task = Some(task));
    }

    /// A task handed something in: what it was told is done with.
    pub fn was_heard(&mut self, task: TaskId) {
        self.told.retain(|told| told.task != Some(task));
    }

    /// Its pull request, where that is not closed.
    pub fn open_pull(&self) -> Option<&Pull> {
        self.pull.as_ref().filter(|pull| !pull.closed)
    }

    /// That a person holds its pull request back.
    pub fn hold(&self) -> Option<&Hold> {
        self.open_pull()?.hold.as_ref()
    }

    /// The word for where it stands.
    pub fn status(&self) -> StepStatus {
        self.state.status()
    }

    /// Moves it to another state, where the table of statuses allows that; else it stays as it is.
    pub fn transition(&mut self, to: StepState) -> Result<(), InvalidTransition> {
        self.status().to(to.status())?;
        self.state = to;
        Ok(())
    }

    /// What was handed in last.
    pub fn submission(&self) -> Option<&Submission> {
        self.state.submission()
    }

    /// The commit that was handed in last, where no report was.
    pub fn head(&self) -> Option<&Sha> {
        self.submission()?.head()
    }

    /// The report that was handed in last, where no commit was.
    pub fn report(&self) -> Option<&str> {
        match self.submission()? {
            Submission::Report { text, .. } => Some(text),
            Submission::Commit { .. } => None,
        }
    }

    /// What the diff of the last submission shows that a person should know of.
    pub fn findings(&self) -> &[Finding] {
        self.state.candidate().map_or(&[], |candidate| &candidate.findings)
    }

    /// Whether it has passed by the merge of its pull request.
    pub fn is_merged(&self) -> bool {
        matches!(self.state, StepState::Passed { by: PassedBy::Merge, .. })
    }

    /// What was handed in last, for the next state to keep.
    pub fn last(&self) -> Last {
        self.state.candidate().cloned().map(Box::new)
    }
}
