//! A scripted CI: GitHub Actions without its runners.
//!
//! In: what happens in a repository ([`Event`](super::webhooks::Event)s), and the workflow files of the commit it happened to.
//! Out: workflow runs with their jobs, a check suite with a check run for each job, and all their webhooks, as GitHub's own
//! app `github-actions` would leave them. What a job *finds* is not found but scripted ([`crate::state::ci_script`]): by the seed file, by whoever
//! holds the [`Playground`](crate::Playground), and by default it is success. Late, never and red are lines of that script.
//!
//! What it never does: it runs nothing of what a workflow says.

mod dispatch;
mod drive;
mod file;
mod rerun;
mod trigger;

pub(crate) use file::WorkflowFile;
pub(crate) use trigger::Cause;
