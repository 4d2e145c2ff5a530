//! Claimed rows of the outbox, readable or not.

use serde_json::Value;
use uuid::Uuid;

use super::HeldTask;
use crate::store::queue::{Lease, Record};
use adjutant_domain::effect::Effect;
use adjutant_domain::ids::{DirectiveId, StepId, TaskId};
use adjutant_domain::persisted::{self, STATE_VERSION};

/// A claimed row.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: i64,
    /// The effect's natural key.
    pub key: String,
    /// The directive, if the effect belongs to one.
    pub directive: Option<DirectiveId>,
    pub(super) lease: Lease,
    pub(super) version: i32,
}

/// A claimed effect.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub row: Row,
    pub effect: Effect,
    /// The number of this try, from one.
    pub attempt: u32,
    /// Its earlier failures.
    pub record: Record,
}

/// A claimed row that this version cannot read. It is set aside, and its other columns say who is informed.
#[derive(Debug, Clone)]
pub struct Unreadable {
    pub row: Row,
    /// The effect's kind as it is stored.
    pub kind: String,
    /// The task that it was to run.
    pub task: Option<TaskId>,
    /// The step that it was for, if the payload names one.
    pub step: Option<StepId>,
    /// Why it cannot be read.
    pub why: String,
}

/// The result of a claim.
#[derive(Debug, Default)]
pub struct Claims {
    /// Effects leased to this process.
    pub taken: Vec<Claimed>,
    /// Claimed rows that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Tasks that stay queued because a limit is reached, and whose waiting was not reported yet.
    pub held: Vec<HeldTask>,
}

/// A claimed row with its columns.
pub(super) struct ClaimedRow {
    pub(super) id: i64,
    pub(super) directive_id: Option<Uuid>,
    pub(super) key: String,
    pub(super) kind: String,
    pub(super) task_id: Option<Uuid>,
    pub(super) payload: Value,
    pub(super) payload_version: i32,
    pub(super) attempts: i32,
    pub(super) failures: i32,
    pub(super) refusals: i32,
    pub(super) crashes: i32,
    pub(super) lapses: i32,
    pub(super) lease: Uuid,
    pub(super) version: i32,
}

/// Reads each row separately.
pub(super) fn read_all(rows: Vec<ClaimedRow>, held: Vec<HeldTask>) -> Claims {
    let mut claims = Claims { held, ..Claims::default() };
    for row in rows {
        match row.read() {
            Ok(claimed) => claims.taken.push(claimed),
            Err(unreadable) => claims.unreadable.push(*unreadable),
        }
    }
    claims
}

impl ClaimedRow {
    fn read(self) -> Result<Claimed, Box<Unreadable>> {
        let row = Row {
            id: self.id,
            key: self.key,
            directive: self.directive_id.map(DirectiveId),
            lease: Lease { token: self.lease, attempt: self.attempts },
            version: self.version,
        };
        let step = step_in(&self.payload, &self.kind);
        match persisted::read_effect(self.payload_version.min(STATE_VERSION), self.payload) {
            Ok(effect) => Ok(Claimed {
                row,
                effect,
                attempt: u32::try_from(self.attempts).unwrap_or(1),
                record: Record::of(self.failures, self.refusals, self.crashes, self.lapses),
            }),
            Err(error) => Err(Box::new(Unreadable {
                row,
                kind: self.kind,
                task: self.task_id.map(TaskId),
                step,
                why: error.to_string(),
            })),
        }
    }
}

/// The step that a payload names, whatever else it contains.
pub(in crate::store) fn step_in(payload: &Value, kind: &str) -> Option<StepId> {
    let step = payload.get(kind)?.get("step")?.as_str()?;
    step.parse().ok().map(StepId)
}
