//! Approvals: questions to a person, bound to exactly what was shown.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use super::status::ApprovalStatus;

use super::ids::{ApprovalId, Digest, Login, PlanHash, Sha, StepId};
use super::question::Question;
use super::signal::{Source, SourceKind};

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Derived from directive and number.
    pub id: ApprovalId,
    /// Counted from one within the directive.
    pub number: u32,
    /// What is asked.
    pub kind: ApprovalKind,
    /// The step it is about; none for a plan, a budget or a baseline.
    pub step: Option<StepId>,
    /// What was shown: an answer is about nothing else.
    pub shown: Subject,
    /// Where it stands.
    pub status: ApprovalStatus,
    /// How much waits for it.
    #[serde(default)]
    pub urgency: Urgency,
    /// Why a person is asked, and what they are to decide.
    pub question: Question,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// When people are reminded of it, once; never where absent. A late answer counts all the same.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
    /// Who answered; none also where GitHub did not name them.
    pub answered_by: Option<Login>,
    /// When.
    pub answered_at: Option<DateTime<Utc>>,
    /// With which words.
    pub words: Option<String>,
    /// By which comment, review or button it was given; none where an older version did not say, and where nobody did.
    #[serde(default)]
    pub given: Option<Given>,
    /// Since when the approval is taken back; it stands where absent.
    #[serde(default)]
    pub taken_back_at: Option<DateTime<Utc>>,
}

/// What a person gave an approval with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The comment, review or button.
    pub source: Source,
    /// When it was written, in whole seconds.
    pub at: DateTime<Utc>,
}

impl Approval {
    /// Whether somebody approved, and stands by it.
    pub fn stands(&self) -> bool {
        self.status == ApprovalStatus::Approved && self.taken_back_at.is_none()
    }

    /// Whether it stands, and was given by this comment or review.
    pub fn stands_by(&self, kind: SourceKind, id: u64) -> bool {
        self.stands() && self.given.as_ref().is_some_and(|given| given.source.kind == kind && given.source.id == id)
    }
}

/// What a person was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A plan of the chain.
    Plan(PlanHash),
    /// A commit at the head of a step.
    Commit(Sha),
    /// The report that a step handed in.
    Report(Digest),
    /// Nothing but the question itself: about money and time, or about a step that handed nothing in.
    Question(Digest),
}

impl Subject {
    /// The hash alone, for the history and the database.
    pub fn hash(&self) -> &str {
        match self {
            Self::Plan(hash) => hash.as_str(),
            Self::Commit(sha) => sha.as_str(),
            Self::Report(digest) | Self::Question(digest) => digest.as_str(),
        }
    }
}

/// How much waits for an answer; the most urgent is the greatest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// A green step that is looked at only because the policy says so.
    Low,
    /// One piece of work.
    #[default]
    Normal,
    /// Work that goes on no further without a person, and whatever depends on it.
    High,
    /// The whole directive.
    Critical,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalKind {
    /// May this plan start?
    Plan,
    /// May this step merge?
    StepReview,
    /// What is to become of this step?
    StepBlocked,
    /// May this reach the base?
    Final,
    /// May more be spent?
    Budget,
    /// May work begin in spite of what is wrong on the base commit?
    Baseline,
}

impl ApprovalKind {
    /// Every kind.
    pub const ALL: &'static [Self] =
        &[Self::Plan, Self::StepReview, Self::StepBlocked, Self::Final, Self::Budget, Self::Baseline];

    /// The word in the database and on GitHub.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::StepReview => "step_review",
            Self::StepBlocked => "step_blocked",
            Self::Final => "final",
            Self::Budget => "budget",
            Self::Baseline => "baseline",
        }
    }

    /// The kind of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

impl Urgency {
    /// Every urgency, the least first.
    pub const ALL: &'static [Self] = &[Self::Low, Self::Normal, Self::High, Self::Critical];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}
