//! Acts: changes to the state with all their consequences, webhooks included.
//!
//! A handler decides whether an act is allowed. The act changes the model, writes the history and sends the webhooks. A
//! person, a merge and a push that close an issue therefore have the same effect. Acts that need git run git first and
//! change the model after that. They never hold the model's lock while git runs.

mod accounts;
mod automerge;
mod branches;
mod checks;
mod codeowners;
mod installations;
mod issues;
mod keywords;
mod merge;
mod merging;
mod organizations;
mod planning;
mod pulls;
mod queueing;
mod refs;
mod repositories;
mod reviewing;
mod transfer;

pub(crate) use accounts::ZEN;
pub(crate) use codeowners::{CodeOwners, OwnersFault};
pub(crate) use installations::Move;
pub(crate) use issues::NewIssue;
pub(crate) use keywords::closed_by;
pub(crate) use merge::{MergeAsked, Writer, guard_workflows, merge_apart, merge_plan, merge_pull};
pub(crate) use pulls::{Measured, github_signature, measure};
pub(crate) use queueing::{DequeueReason, EnqueueOptions};
pub(crate) use refs::RefMove;
pub(crate) use repositories::repository_path;
pub(crate) use transfer::Missing;
