//! Acts: changes to the state with everything that follows from them, webhooks included.
//!
//! A handler decides whether an act is allowed. The act changes the model, writes the history and announces the webhooks. So the
//! same happens whether a person, a merge or a push closes an issue. Acts that need git ask git first and change the model
//! after; they never hold the lock of the model while git runs.

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
