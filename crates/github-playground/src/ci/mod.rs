//! A scripted CI: GitHub Actions without its runners.
//!
//! In: the events of a repository ([`Event`](super::webhooks::Event)), and the workflow files of their commits. Out:
//! workflow runs with their jobs, a check suite with a check run for each job, and all their webhooks, as GitHub's app
//! `github-actions` creates them. A script sets the conclusion of a job ([`crate::state::ci_script`]). The script comes
//! from the seed file, the admin API and [`Playground::ci`](crate::Playground::ci). Without one the conclusion is
//! success.
//!
//! What never happens here: nothing in a workflow is executed.

mod dispatch;
mod drive;
mod file;
mod rerun;
mod trigger;

pub(crate) use file::WorkflowFile;
pub(crate) use trigger::Cause;
