//! Adjutant: label an issue, and it plans the work, opens a pull request for every step, proves each one
//! with check runs, and asks a person before it matters.
//!
//! The modules form floors, and arrows between them point down only (ARCHITECTURE.md has the map):
//! [`domain`] holds values and rules and imports nothing of ours; [`store`], [`github`], [`workspace`] and
//! [`report`] stand on it; [`agent`] and [`verify`] stand on those; [`runtime`] ties all together; [`web`]
//! writes the inbox and reads the store; [`cli`] shows the operator what is in it. [`playground`] is a GitHub on this machine: it imports nothing of
//! the bot, so that it cannot share its mistakes.

pub mod agent;
pub mod cli;
pub mod github;
pub mod logging;
pub mod report;
pub mod runtime;
pub mod serve;
pub mod settings;
pub mod store;
pub mod verify;
pub mod web;
pub mod workspace;
