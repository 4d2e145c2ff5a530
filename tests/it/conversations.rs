//! Conversations with the bot: people act on GitHub, and Adjutant answers there.
//!
//! Each test has its own environment ([`crate::support::stage`]): the playground as GitHub, real Postgres, real git,
//! and a scripted agent in the sandbox. By default, `broken` in a text file is red and `ugly` is yellow.

mod agents;
mod base;
mod baseline;
mod breakers;
mod calibration;
mod ci;
mod commands;
mod consent;
mod contracts;
mod crossing;
mod delivery;
mod diff;
mod flaky;
mod holds;
mod left_out;
mod life;
mod merging;
mod missing_programs;
mod models;
mod outcomes;
mod planning;
mod policy;
mod protected;
mod pulls;
mod replan;
mod rework;
mod starting;
mod toolchains;
mod verification;
mod whole;
mod workflows;

/// A required verifier and an optional one, both fast, which need nothing to be installed.
const POLICY: &str = r#"
setup: []
verifiers:
  - { name: test, run: "! grep -qs broken *.txt" }
  - { name: lint, run: "! grep -qs ugly *.txt" }
"#;

/// The policy above after `more`.
fn policy(more: &str) -> String {
    format!("{more}\n{POLICY}")
}
