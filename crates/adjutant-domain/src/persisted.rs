//! Persisted JSON, and its versions.
//!
//! A directive is kept in several rows (its own, one for each step, task and approval) and an effect in one; the JSON in
//! them has the shape of this crate's types at the time of writing. Each directive and each effect carries the version of
//! that shape. This module reads every version that was ever released: the JSON of an older one is brought to the
//! present shape by functions over [`Value`] (one module for each old version), and only then becomes a type.
//!
//! The version grows once a release, with the first change of any persisted type; the change comes with the upcast from
//! the version before and with a fixture that the last release wrote (`fixtures/`). What a newer version wrote is
//! never guessed at: it is [`ReadError::Newer`], and whoever reads leaves it alone.
//!
//! Nothing in here touches a database: the store fetches rows, and this module makes sense of them.

mod v1;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::directive::Directive;
use super::effect::Effect;
use super::signal::Signal;

/// The version that this program writes: the shape of the persisted types in this crate.
pub const STATE_VERSION: i32 = 2;

/// The fields of a directive that have rows of their own, by their present names.
const OWN_ROWS: [&str; 5] = ["steps", "final_step", "earlier", "tasks", "approvals"];

/// A directive as it is kept: the JSON of its row and of the rows that belong to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DirectiveRows {
    /// The directive itself, without what has rows of its own.
    pub state: Value,
    /// Its steps, by generation and position, the final one of each generation last.
    pub steps: Vec<StepRow>,
    /// Its tasks, by number.
    pub tasks: Vec<Value>,
    /// Its approvals, by number.
    pub approvals: Vec<Value>,
}

/// The row of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// The generation of the chain that it belongs to.
    pub generation: i32,
    /// The kind of work; `final` for the final pull request.
    pub kind: String,
    /// The step.
    pub state: Value,
}

/// Why persisted JSON could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A newer version of this program wrote it: it is left to that one.
    #[error("a newer version of this program wrote it: version {found}, and this one reads up to {readable}")]
    Newer {
        /// The version of its shape.
        found: i32,
        /// The newest version that can be read.
        readable: i32,
    },
    /// It is damaged, or its version says something else than its shape.
    #[error("{0}")]
    Unreadable(#[from] serde_json::Error),
}

/// Reads a directive from its rows, which have the shape of `version`.
pub fn read_directive(version: i32, mut rows: DirectiveRows) -> Result<Directive, ReadError> {
    refuse_newer(version)?;
    if version < 2 {
        v1::directive(&mut rows);
    }
    let DirectiveRows { mut state, steps, tasks, approvals } = rows;
    let generation = state.get("generation").and_then(Value::as_i64).unwrap_or(0);
    let (present, earlier): (Vec<_>, Vec<_>) =
        steps.into_iter().partition(|row| i64::from(row.generation) >= generation);
    let (finals, steps): (Vec<_>, Vec<_>) = present.into_iter().partition(|row| row.kind == "final");
    if let Value::Object(fields) = &mut state {
        let states = |rows: Vec<StepRow>| rows.into_iter().map(|row| row.state).collect::<Value>();
        fields.insert("steps".to_owned(), states(steps));
        fields.insert("final_step".to_owned(), finals.into_iter().next().map_or(Value::Null, |row| row.state));
        fields.insert("earlier".to_owned(), states(earlier));
        fields.insert("tasks".to_owned(), Value::Array(tasks));
        fields.insert("approvals".to_owned(), Value::Array(approvals));
    }
    Ok(serde_json::from_value(state)?)
}

/// What goes into a directive's own row: everything but what has rows of its own.
pub fn own_state(directive: &Directive) -> Result<Value, serde_json::Error> {
    let mut state = serde_json::to_value(directive)?;
    if let Value::Object(fields) = &mut state {
        for field in OWN_ROWS {
            fields.remove(field);
        }
    }
    Ok(state)
}

/// Reads an effect from its payload, which has the shape of `version`.
pub fn read_effect(version: i32, mut payload: Value) -> Result<Effect, ReadError> {
    refuse_newer(version)?;
    if version < 2 {
        v1::effect(&mut payload);
    }
    Ok(serde_json::from_value(payload)?)
}

/// Reads a signal that waited for its directive. Version 1 kept none.
pub fn read_signal(version: i32, signal: Value) -> Result<Signal, ReadError> {
    refuse_newer(version)?;
    Ok(serde_json::from_value(signal)?)
}

fn refuse_newer(version: i32) -> Result<(), ReadError> {
    if version > STATE_VERSION {
        return Err(ReadError::Newer { found: version, readable: STATE_VERSION });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
