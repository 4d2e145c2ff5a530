//! Check suites, check runs and commit statuses.

use serde::{Deserialize, Serialize};

use super::{Id, Time};

/// The status of a check run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckStatus {
    Queued,
    InProgress,
    Completed,
}

/// The conclusion of a check run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Conclusion {
    ActionRequired,
    Cancelled,
    Failure,
    Neutral,
    Success,
    Skipped,
    TimedOut,
    /// Only GitHub itself sets it.
    #[serde(skip_deserializing)]
    Stale,
}

/// All runs of an app on one commit.
#[derive(Debug, Clone)]
pub(crate) struct CheckSuite {
    pub(crate) id: Id,
    /// The app that owns it.
    pub(crate) app: Id,
    pub(crate) head_sha: String,
    pub(crate) head_branch: Option<String>,
    pub(crate) before: Option<String>,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    /// Whether it was requested again, and no run has changed since.
    pub(crate) requeued: bool,
    /// Whether its completion was announced after its last open run.
    pub(crate) announced: bool,
}

/// One check of one commit.
#[derive(Debug, Clone)]
pub(crate) struct CheckRun {
    pub(crate) id: Id,
    /// The app that owns it. Only that app may change it.
    pub(crate) app: Id,
    pub(crate) suite: Id,
    pub(crate) name: String,
    pub(crate) head_sha: String,
    pub(crate) external_id: String,
    pub(crate) details_url: Option<String>,
    pub(crate) status: CheckStatus,
    pub(crate) conclusion: Option<Conclusion>,
    pub(crate) started_at: Time,
    pub(crate) completed_at: Option<Time>,
    pub(crate) output: Output,
    pub(crate) actions: Vec<Action>,
}

/// The output of a check run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Output {
    pub(crate) title: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) annotations: Vec<Annotation>,
}

/// An annotation on lines of a file.
#[expect(clippy::struct_field_names, reason = "the fields are named as GitHub names them")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Annotation {
    pub(crate) path: String,
    pub(crate) start_line: u64,
    pub(crate) end_line: u64,
    #[serde(default)]
    pub(crate) start_column: Option<u64>,
    #[serde(default)]
    pub(crate) end_column: Option<u64>,
    pub(crate) annotation_level: String,
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) title: Option<String>,
    #[serde(default)]
    pub(crate) raw_details: Option<String>,
}

/// A button of a check run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Action {
    pub(crate) label: String,
    pub(crate) description: String,
    pub(crate) identifier: String,
}

/// The state of a commit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusState {
    Error,
    Failure,
    Pending,
    Success,
}

/// A commit status: the older kind of check, which everybody with write access may set.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) id: Id,
    pub(crate) sha: String,
    pub(crate) context: String,
    pub(crate) state: StatusState,
    pub(crate) description: Option<String>,
    pub(crate) target_url: Option<String>,
    pub(crate) creator: Id,
    pub(crate) created_at: Time,
}
