//! Adjutant: label an issue, and it plans the work, opens a pull request for every step, verifies each one with check
//! runs, and asks a person before anything important is merged.
//!
//! Imports point down only (ARCHITECTURE.md has the map). The crate `adjutant-domain` holds values and rules.
//! [`store`], [`github`], [`workspace`] and [`report`] import only that crate; [`agent`] and [`verify`] also import
//! those, [`environment`] imports [`verify`], and [`agent_check`] imports [`agent`]; [`runtime`] connects them all. [`web`] writes the inbox and reads the store; [`cli`] shows the operator what
//! is stored. `playground` (a feature) is the bot's app and files for the playground, a crate that imports nothing of
//! the bot.

#![allow(missing_docs, reason = "no public API: only the binary and the tests of this package use the library")]

pub mod agent;
pub mod agent_check;
pub mod cli;
pub mod environment;
pub mod github;
pub mod logging;
#[cfg(feature = "playground")]
pub mod playground;
pub mod report;
pub mod runtime;
pub mod serve;
pub mod settings;
pub mod store;
pub mod verify;
pub mod web;
pub mod workspace;
