//! Acts: what changes more than one thing, and tells the app of it.
//!
//! A handler decides whether an act is allowed; the act changes the model, writes the history and announces the webhooks, so
//! that the same happens whether an issue is closed by a person, by a merge or by a push. Acts that need git come in two parts:
//! they ask git first and change the model after, never holding the model while git runs.

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
