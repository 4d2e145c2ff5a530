//! A scripted CI: GitHub Actions without its runners.
//!
//! In: what happens in a repository ([`Event`](super::webhooks::Event)s), and the workflow files of the commit it happened to.
//! Out: workflow runs with their jobs, a check suite with a check run for each job, and all their webhooks, as GitHub's own
//! app `github-actions` would leave them. The conclusion of a job
//! comes from a script ([`crate::state::ci_script`]), which the seed file, the admin API and [`Playground::ci`](crate::Playground::ci)
//! set; without one it is success.
//!
//! What it never does: it runs nothing of what a workflow says.

mod dispatch;
mod drive;
mod file;
mod rerun;
mod trigger;

pub(crate) use file::WorkflowFile;
pub(crate) use trigger::Cause;
