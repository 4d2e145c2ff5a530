//! Shows the work of an agent on the branch while the agent is still running.
//!
//! The agent's tree is inspected in a sandbox at intervals. If it changed and may be pushed, it is committed, the
//! commit is stored by the engine, and then it is pushed. Nothing depends on this: errors are only logged, and the
//! agent's work is submitted as usual. After a rejected push no more are tried in this run, because somebody else is
//! pushing to the branch.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Job, PROGRESS, StartPoint};
use crate::report;
use crate::runtime::effects::EffectError;
use crate::runtime::effects::trees::{Source, identity};
use crate::workspace::Tree;
use adjutant_domain::ids::Sha;
use adjutant_domain::signal::Signal;
use adjutant_domain::step::Step;
use adjutant_domain::task::TaskStatus;

/// After so many bytes of changed files, progress of a run is shown no more: each look leaves its objects in the mirror.
const MOST_READ: u64 = 256 * 1024 * 1024;

/// What has been shown so far.
struct Shown {
    /// The head of the branch.
    head: Option<String>,
    /// The tree that was pushed last.
    tree: Option<String>,
    /// A head whose push may or may not have succeeded.
    unsure: Option<String>,
    /// The bytes of changed files that were read into the mirror.
    read: u64,
}

impl Job<'_> {
    /// Pushes the tree's contents at intervals until `over`. Returns the head of the branch.
    pub(super) async fn show(
        &self,
        source: &Source,
        step: &Step,
        start_point: &StartPoint,
        tree: &Tree,
        over: &CancellationToken,
    ) -> Option<String> {
        let mut shown = Shown { head: start_point.branch_head.clone(), tree: None, unsure: None, read: 0 };
        let Some(every) = self.app.settings.limits.progress.filter(|_| wanted(step, start_point)) else {
            return shown.head;
        };
        while shown.read < MOST_READ && still(over, every).await {
            match self
                .working
                .work_on(Box::pin(self.show_once(source, step, start_point, tree, over, &mut shown)))
                .await
            {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(?error, "progress is no longer pushed in this run");
                    break;
                }
            }
        }
        if let Some(unsure) = shown.unsure {
            let there = source.mirror.remote_head(&source.remote, step.branch.as_str()).await;
            if there.is_ok_and(|there| there.as_ref() == Some(&unsure)) {
                return Some(unsure);
            }
        }
        shown.head
    }

    async fn show_once(
        &self,
        source: &Source,
        step: &Step,
        start_point: &StartPoint,
        tree: &Tree,
        over: &CancellationToken,
        shown: &mut Shown,
    ) -> Result<(), EffectError> {
        let mirror = &source.mirror;
        let Some(seen) = mirror.live_snapshot(&self.app.sandbox, tree, &start_point.start, over).await? else {
            return Ok(());
        };
        shown.read += seen.bytes;
        let before = match (&shown.tree, &shown.head) {
            (Some(tree), _) => tree.clone(),
            (None, Some(head)) => mirror.tree_of(head).await?,
            (None, None) => mirror.tree_of(&start_point.start).await?,
        };
        // Work that must not be pushed, or only with a person's approval, is not shown either. The agent may have
        // removed it by the time it submits.
        if seen.tree == before || over.is_cancelled() || !mirror.check(&seen, &self.rules()?).await?.is_empty() {
            return Ok(());
        }
        let parent = shown.head.as_ref().unwrap_or(&start_point.start);
        let message = report::progress_message(step, self.task);
        let author = identity(self.app).await?;
        let commit = mirror.commit(&seen.tree, &[parent], &message, &author, self.task.created_at).await?;
        // Stored before the push, so that a process that is killed after the push leaves no unknown head.
        let (task, head) = (self.task.id, Sha::new(commit.clone()));
        self.sink.send(Signal::TaskPushes { task, head }).await?;
        // The task may have been cancelled while the tree was inspected.
        if over.is_cancelled() || self.app.store.task_status(task).await? == Some(TaskStatus::Cancelled) {
            return Ok(());
        }
        shown.unsure = Some(commit.clone());
        let pushed = source.push(self.app, self.directive, &commit, step.branch.as_str(), shown.head.as_deref()).await;
        pushed.map_err(EffectError::later)?;
        tracing::info!(commit = commit.get(..12), "progress was pushed");
        *shown = Shown { head: Some(commit), tree: Some(seen.tree), unsure: None, read: shown.read };
        self.sink.send(Signal::TaskPushed { task }).await?;
        Ok(())
    }

    /// The commit that a task starts from when its branch is at `head`, and whether that head was ever submitted.
    /// Commits that the task's own earlier runs pushed as progress are part of its work, so the start is before them.
    /// Commits of an earlier task are the start.
    pub(super) async fn own_start(&self, source: &Source, head: &str) -> Result<(String, bool), EffectError> {
        let Some(task) = source.mirror.trailer(head, PROGRESS).await? else { return Ok((head.to_owned(), true)) };
        let own = self.task.id.to_string();
        if task != own {
            return Ok((head.to_owned(), false));
        }
        let start = source.mirror.before_trailer(head, PROGRESS, &own).await?;
        Ok((start.unwrap_or_else(|| head.to_owned()), false))
    }
}

fn wanted(step: &Step, start_point: &StartPoint) -> bool {
    step.may_show_progress() && start_point.merge.is_none()
}

/// Waits for `pause`; false if `over` was cancelled before.
async fn still(over: &CancellationToken, pause: Duration) -> bool {
    tokio::select! {
        () = over.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}
