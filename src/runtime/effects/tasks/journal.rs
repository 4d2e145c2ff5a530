//! What a run of an agent came to, kept beside its clone until its work is handed in.
//!
//! GitHub or the database may be away when an agent ends, or the process may be killed. The task is then tried again, and
//! finds here that its agent has ended: it is not run, and not paid, a second time. The file lies where no sandbox reaches,
//! and goes with the clone.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::agent::{AgentOutcome, AgentRun};
use crate::workspace::Tree;
use adjutant_domain::ids::TaskId;
use adjutant_domain::task::Measure;

/// A run that has ended.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) run: AgentRun,
    /// Counted once, however often it is told.
    pub(super) measure: Measure,
}

/// Keeps what a task's agent left, if that is of use. That it cannot be kept costs a second run at worst.
pub(super) fn write(tree: &Tree, task: TaskId, ended: &Ended) {
    if ended.run.outcome != AgentOutcome::Finished {
        return;
    }
    let (path, fresh) = (path(tree, task), tree.beside("ended.fresh"));
    let written = serde_json::to_vec(ended)
        .map_err(std::io::Error::other)
        .and_then(|text| std::fs::write(&fresh, text))
        .and_then(|()| std::fs::rename(&fresh, &path));
    if let Err(error) = written {
        tracing::warn!(%error, %task, "what an agent left could not be kept");
    }
}

/// What this task's agent left in this clone, if it has ended.
pub(super) fn read(tree: &Tree, task: TaskId) -> Option<Ended> {
    let text = std::fs::read(path(tree, task)).ok()?;
    serde_json::from_slice(&text).inspect_err(|error| tracing::warn!(%error, %task, "what was kept is of no use")).ok()
}

fn path(tree: &Tree, task: TaskId) -> PathBuf {
    tree.beside(&format!("ended-{task}.json"))
}
