//! Verifiers: commands that verify a step's head commit.
//!
//! In: a commit's files, from which [`detect`] derives the commands that test it; one command and its own clone for
//! [`run_verifier`]; a diff for [`weakened_proof`]. Out: one result of the domain per verifier, with a verdict, one line
//! and the end of its output, and what [`outcome`] reads in its log; the places where a diff weakens verification.
//!
//! **Fail** is an answer about the code; [`NotRun`] is not. A verifier that could not be started, or whose program is
//! not installed, says nothing about the commit. It is never treated as a failed test.
//!
//! What never happens here: nothing is weighed. The domain decides which verdicts make green, yellow or red. The
//! configuration never comes from the commit under test: the caller of [`detect_at`], or the reader of a policy, passes
//! the *base* commit.
//!
//! Every verifier has its own clone and scratch folder. In an agent's home, a planted `~/.cargo/config.toml` could make
//! every test pass.

mod crossing;
mod detect;
pub mod diff;
mod log;
mod missing;
mod network;
pub mod outcome;
mod run;
mod runners;
mod weakened;
mod workflows;

#[cfg(test)]
mod fixture;

use std::time::Duration;

use adjutant_domain::policy::{VerifierNetwork, VerifierPolicy};

pub use crossing::{Crossing, crossing};
pub use detect::{Detected, Detection, Files, MOST_DETECTED, Setup, detect, detect_at};
pub(crate) use missing::{reason as missing_program, too_old};
pub use run::{NotRun, VerifierJob, VerifierRun, run_verifier};
pub use runners::{Change, changed_runners};
pub use weakened::{Weakening, WeakeningKind, weakened_proof};
pub use workflows::left_out as workflows_left_out;

/// One command that verifies a commit.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifierSpec {
    /// Its name, which is also the name of its check run.
    pub name: String,
    /// A shell command, run in the clone. Status 0 is a pass.
    pub run: String,
    /// Whether its failure alone makes the evaluation red.
    pub required: bool,
    /// Its share of the composite score.
    pub weight: f64,
    /// Wall-clock limit.
    pub timeout: Duration,
    /// What it asks to reach.
    pub network: VerifierNetwork,
}

impl From<&VerifierPolicy> for VerifierSpec {
    fn from(named: &VerifierPolicy) -> Self {
        Self {
            name: named.name.clone(),
            run: named.run.clone(),
            required: named.required,
            weight: named.weight,
            timeout: Duration::from_secs(u64::from(named.timeout_minutes) * 60),
            network: named.network.clone(),
        }
    }
}

impl VerifierSpec {
    /// A required command with weight 1, 30 minutes and no network.
    pub fn required(name: impl Into<String>, run: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            run: run.into(),
            required: true,
            weight: 1.0,
            timeout: Duration::from_mins(30),
            network: VerifierNetwork::Switch(false),
        }
    }
}
