//! What a step hands in, and what is known of exactly that.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Finding;
use crate::approval::Subject;
use crate::ci::CiReport;
use crate::evaluation::Evaluation;
use crate::ids::{Digest, Login, Sha};

/// What was handed in. Everybody who has to tell a report from a change asks this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Submission {
    /// A commit at the head of the step's branch. Its pull request is [`super::Step::pull`], which outlives it: it is
    /// there before (as a draft) and stays when the next commit is handed in.
    Commit {
        /// The head of the branch.
        head: Sha,
    },
    /// Findings, where nothing in the tree had to change.
    Report {
        /// The hash of the text, by which approvals and evaluations name it.
        digest: Digest,
        /// Markdown, as the agent wrote it.
        text: String,
    },
}

impl Submission {
    /// A report of that text.
    pub fn report(text: &str) -> Self {
        Self::Report { digest: Digest::of(text), text: text.to_owned() }
    }

    /// The commit, where it is one.
    pub fn head(&self) -> Option<&Sha> {
        match self {
            Self::Commit { head } => Some(head),
            Self::Report { .. } => None,
        }
    }

    /// What an approval of it is bound to.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Commit { head } => Subject::Commit(head.clone()),
            Self::Report { digest, .. } => Subject::Report(digest.clone()),
        }
    }

    /// The hash by which evaluations and effects name it: the commit's or the report's.
    pub fn hash(&self) -> Sha {
        match self {
            Self::Commit { head } => head.clone(),
            Self::Report { digest, .. } => Sha::new(digest.as_str()),
        }
    }
}

/// A submission, and what is known of it. All of this is void for the next one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// What was handed in, or pushed by somebody else.
    pub submission: Submission,
    /// When it became known: a command written before is about something else. None where an older version did not say.
    pub at: Option<DateTime<Utc>>,
    /// Whether somebody else pushed it, at a moment that is known to the second only.
    pub pushed: bool,
    /// What was found in the diff that a person should know of.
    pub findings: Vec<Finding>,
    /// What the verifiers and the judge found; none before they ended.
    pub evaluation: Option<Evaluation>,
    /// What the repository's own CI said of it last; none where it was not read.
    #[serde(default)]
    pub ci: Option<CiReport>,
    /// Who approved it before it was verified.
    pub pre_approved: Option<Login>,
    /// When somebody last took approvals back by command: one that was written before is late.
    #[serde(default)]
    pub unapproved_at: Option<DateTime<Utc>>,
}

impl Candidate {
    /// Something that nothing is known of yet.
    pub fn new(submission: Submission, at: DateTime<Utc>) -> Self {
        Self {
            submission,
            at: Some(at),
            pushed: false,
            findings: Vec::new(),
            evaluation: None,
            ci: None,
            pre_approved: None,
            unapproved_at: None,
        }
    }
}
