//! Checkpoints: the unfinished work of an agent whose process was told to stop, saved so that another machine can
//! continue it.
//!
//! A checkpoint is a commit on top of the task's start commit. It is pushed to a reference below `refs/adjutant/`,
//! which no page of GitHub shows and which starts no workflow. A checkpoint is optional: without one the agent begins
//! again. Errors are therefore only logged, and work that must not be pushed (a secret, for example) is not saved.

use std::time::Duration;

use super::{Job, StartPoint, TRAILER};
use crate::runtime::effects::EffectError;
use crate::runtime::effects::trees::{Source, identity};
use crate::workspace::Tree;
use adjutant_domain::failure::Failure;
use adjutant_domain::ids::Sha;
use adjutant_domain::task::TaskStatus;

/// How long saving may take. A process that was told to stop has no more time.
const LIMIT: Duration = Duration::from_secs(8);

impl Job<'_> {
    /// Fetches the checkpoint of an earlier run of this task. A task that never ran has none.
    pub(super) async fn checkpoint(&self, source: &Source) -> Result<Option<String>, EffectError> {
        if self.task.status != TaskStatus::Running {
            return Ok(None);
        }
        let Some(commit) = source.mirror.remote_head(&source.remote, &self.reference()).await? else { return Ok(None) };
        source.mirror.fetch_commit(&source.remote, &commit).await?;
        Ok(Some(commit))
    }

    /// Whether the checkpoint was taken on the commit that the task starts from now.
    pub(super) async fn fits(
        &self,
        source: &Source,
        start_point: &StartPoint,
        checkpoint: &str,
    ) -> Result<bool, EffectError> {
        for commit in std::iter::once(&start_point.start).chain(&start_point.merge) {
            if !source.mirror.is_ancestor(commit, checkpoint).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Pushes the contents of the tree if there is any work in it.
    pub(super) async fn save(&self, source: &Source, start_point: &StartPoint, tree: &Tree, before: Option<&str>) {
        match tokio::time::timeout(LIMIT, self.try_to_save(source, start_point, tree, before)).await {
            Ok(Ok(Some(commit))) => tracing::info!(commit = commit.short(), "saved a checkpoint"),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::warn!(?error, "no checkpoint was saved"),
            Err(_) => tracing::warn!("no checkpoint was saved within {} s", LIMIT.as_secs()),
        }
    }

    async fn try_to_save(
        &self,
        source: &Source,
        start_point: &StartPoint,
        tree: &Tree,
        before: Option<&str>,
    ) -> Result<Option<Sha>, EffectError> {
        let mirror = &source.mirror;
        let snapshot = mirror.snapshot(tree, &start_point.start).await?;
        if snapshot.is_empty() {
            return Ok(None);
        }
        if let Some(fault) =
            mirror.check(&snapshot, &self.rules()?).await?.into_iter().find(crate::workspace::ChangeFault::refuses)
        {
            return Err(EffectError::never(Failure::ChangeRefused { faults: vec![fault.to_string()] }));
        }
        let message = format!("Checkpoint of an interrupted task\n\n{TRAILER}: {}", self.task.id);
        // The reference only moves forward, so that two processes cannot overwrite each other's checkpoint.
        let parents = before.into_iter().chain([start_point.start.as_str()]).chain(start_point.merge.as_deref());
        let parents: Vec<&str> = parents.collect();
        let author = identity(self.app).await?;
        let commit = mirror.commit(&snapshot.tree, &parents, &message, &author, self.task.created_at).await?;
        let pushed = source.push(self.app, self.directive, &commit, &self.reference(), before).await;
        pushed.map_err(EffectError::later)?;
        Ok(Some(Sha::new(commit)))
    }

    /// Deletes the checkpoint of a finished task.
    pub(super) async fn forget(&self, source: &Source, checkpoint: &str) {
        if let Err(error) = source.mirror.delete(&source.remote, &self.reference(), checkpoint).await {
            tracing::warn!(%error, "an obsolete checkpoint could not be deleted");
        }
    }

    fn reference(&self) -> String {
        format!("refs/adjutant/{}-{}/{}", self.directive.issue, self.directive.ordinal, self.task.id)
    }
}
