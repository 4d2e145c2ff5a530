//! What an agent has so far, shown while it is at work.
//!
//! Every now and then its tree is looked at inside a sandbox; where it changed and nothing speaks against it, it is
//! committed, remembered by the engine and then pushed. Nothing depends on it: what goes wrong here costs a line in the log,
//! and the agent's work is handed in as ever. Once a push did not take place, no more are tried in this run: somebody else
//! works on the branch.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Job, PROGRESS, StartPoint};
use crate::report;
use crate::runtime::effects::EffectError;
use crate::runtime::effects::trees::{Source, identity};
use crate::workspace::{Rules, Tree, check};
use adjutant_domain::ids::Sha;
use adjutant_domain::signal::Signal;
use adjutant_domain::step::Step;
use adjutant_domain::task::TaskStatus;

/// How far the showing has come.
struct Shown {
    /// Where the branch is.
    head: Option<String>,
    /// The tree that was pushed last.
    tree: Option<String>,
    /// A head that may have been pushed or not.
    unsure: Option<String>,
}

impl Job<'_> {
    /// Shows what is in the tree until `over`; gives the branch's head then.
    pub(super) async fn show(
        &self,
        source: &Source,
        step: &Step,
        start_point: &StartPoint,
        tree: &Tree,
        over: &CancellationToken,
    ) -> Option<String> {
        let mut shown = Shown { head: start_point.branch_head.clone(), tree: None, unsure: None };
        let Some(every) = self.app.settings.limits.progress.filter(|_| wanted(step, start_point)) else {
            return shown.head;
        };
        while still(over, every).await {
            match self
                .working
                .work_on(Box::pin(self.show_once(source, step, start_point, tree, over, &mut shown)))
                .await
            {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(?error, "work in progress is not shown any more");
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
        let before = match (&shown.tree, &shown.head) {
            (Some(tree), _) => tree.clone(),
            (None, Some(head)) => mirror.tree_of(head).await?,
            (None, None) => mirror.tree_of(&start_point.start).await?,
        };
        // Whatever may not be pushed, or only with a person's word, is not shown either: it may be gone by the hand-in.
        let rules =
            Rules::new(self.directive.policy.protected_paths.iter().map(String::as_str)).map_err(EffectError::never)?;
        if seen.tree == before || !check(&seen, &rules).is_empty() || over.is_cancelled() {
            return Ok(());
        }
        let parent = shown.head.as_ref().unwrap_or(&start_point.start);
        let message = report::progress_message(step, self.task);
        let author = identity(self.app).await?;
        let commit = mirror.commit(&seen.tree, &[parent], &message, &author, self.task.created_at).await?;
        // Remembered first: a process that dies after the push leaves no head that nobody knows.
        let (task, head) = (self.task.id, Sha::new(commit.clone()));
        self.sink.send(Signal::TaskPushes { task, head }).await?;
        // It may have been called off while its tree was looked at.
        if over.is_cancelled() || self.app.store.task_status(task).await? == Some(TaskStatus::Cancelled) {
            return Ok(());
        }
        shown.unsure = Some(commit.clone());
        let pushed = source.push(self.app, self.directive, &commit, step.branch.as_str(), shown.head.as_deref()).await;
        pushed.map_err(EffectError::later)?;
        tracing::info!(commit = commit.get(..12), "showed work in progress");
        *shown = Shown { head: Some(commit), tree: Some(seen.tree), unsure: None };
        self.sink.send(Signal::TaskPushed { task }).await?;
        Ok(())
    }

    /// Where a task starts whose branch is at `head`: what its own runs pushed while they worked belongs to it, and is gone on
    /// with; what an earlier task left there is where it starts from. Also says whether the head was ever handed in.
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

/// Waits; false when it is over meanwhile.
async fn still(over: &CancellationToken, pause: Duration) -> bool {
    tokio::select! {
        () = over.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}
