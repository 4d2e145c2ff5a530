//! Milestones.

use super::{Id, IssueState, Time};

/// A milestone of a repository. Milestones have their own series of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Milestone {
    pub(crate) id: Id,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) state: IssueState,
    pub(crate) creator: Id,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    pub(crate) closed_at: Option<Time>,
    pub(crate) due_on: Option<Time>,
}
