//! The outcome of an agent's run, kept in a file beside its clone until its work is submitted.
//!
//! GitHub or the database may be down when an agent ends, or the process may be killed. The task is then tried again.
//! It finds this file, and so the agent is not run and not paid a second time. No sandbox can reach the file, and it is
//! deleted with the clone.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::agent::{AgentOutcome, AgentRun};
use crate::workspace::Tree;
use adjutant_domain::ids::TaskId;
use adjutant_domain::task::Measure;

/// A finished run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) run: AgentRun,
    /// Counted once, however often it is reported.
    pub(super) measure: Measure,
}

/// Stores the outcome of a task's run if it can be reused. If writing fails, the worst result is a second run.
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
        tracing::warn!(%error, %task, "the outcome of an agent's run could not be stored; a retry runs the agent again");
    }
}

/// The outcome of this task's run in this clone, if the run has ended.
pub(super) fn read(tree: &Tree, task: TaskId) -> Option<Ended> {
    let text = std::fs::read(path(tree, task)).ok()?;
    serde_json::from_slice(&text)
        .inspect_err(|error| tracing::warn!(%error, %task, "a stored outcome cannot be read; the agent is run again"))
        .ok()
}

fn path(tree: &Tree, task: TaskId) -> PathBuf {
    tree.beside(&format!("ended-{task}.json"))
}
