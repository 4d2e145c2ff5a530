//! Values and rules: no I/O, no async, no clock, no randomness.
//!
//! In flow [`signal::Signal`]s (something that happened) and the time; out flow [`effect::Effect`]s (something
//! to be done outside) and [`event::Event`]s (lines of the directive's history). Between them stands
//! [`engine::decide`], a pure function over the [`directive::Directive`] that holds the whole orchestration.
//!
//! What never happens here: nothing of the other floors is imported, nothing is read from or written to the
//! world, and no identifier is drawn at random: ids are hashes of natural keys ([`ids`]).

pub mod actor;
pub mod approval;
pub mod asking;
pub mod baseline;
pub mod brief;
pub mod calibration;
pub mod cause;
pub mod check;
pub mod ci;
pub mod closing;
pub mod command;
pub mod contract;
pub mod directive;
pub mod effect;
pub mod engine;
pub mod evaluation;
pub mod event;
pub mod failure;
pub mod ids;
pub mod input;
pub mod merging;
pub mod network;
pub mod persisted;
pub mod plan;
pub mod policy;
pub mod question;
pub mod refusal;
pub mod replan;
pub mod signal;
pub mod status;
pub mod step;
pub mod task;
pub mod text;
pub mod yaml;
