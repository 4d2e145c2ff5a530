//! Adjutant: label an issue, and it plans the work, opens a pull request for every step, verifies each one with check
//! runs, and asks a person before anything important is merged.
//!
//! Imports point down only (ARCHITECTURE.md has the map). The crate `adjutant-domain` holds values and rules. [`store`],
//! [`github`], [`workspace`] and [`report`] stand on it; [`agent`] and [`verify`] stand on those; [`runtime`] ties all
//! together; [`web`] writes the inbox and reads the store; [`cli`] shows the operator what is in it. `playground` (a
//! feature) is what the bot brings to the GitHub on this machine, a crate that imports nothing of the bot.

#![allow(missing_docs, reason = "no public API: only the binary and the tests of this package use the library")]

pub mod agent;
pub mod cli;
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
