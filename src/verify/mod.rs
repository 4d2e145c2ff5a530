//! Verifiers: commands that verify a step's head commit.
//!
//! In: a commit's files, from which [`detect`] tells the commands that test it; one command and a clone of its own for
//! [`run_verifier`]; a diff for [`weakened_proof`]. Out: per verifier one [`VerifierRun`] with a verdict, one line and the last of
//! its output; per diff the places where verification was weakened.
//!
//! The difference that matters here: **fail** is an answer about the code, **error** is none. A verifier that could not be
//! started, or whose program is not installed, says nothing about the commit, and is told apart from a test that failed.
//!
//! What this folder never does: weigh. Which verdicts make green, yellow or red is the domain's to say. And it never takes its
//! configuration from the commit under test: who calls [`detect_at`] or reads a policy names the *base* commit.
//!
//! A verifier's clone and scratch folder are its own. In an agent's home, a planted `~/.cargo/config.toml` could make every test pass.

mod detect;
mod run;
mod weakened;

use std::time::Duration;

pub use detect::{Files, detect, detect_at};
pub use run::{RunVerdict, VerifierJob, VerifierRun, run_verifier};
pub use weakened::{Weakening, WeakeningKind, changed_runners, weakened_proof};

/// One command that verifies a commit.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifierSpec {
    /// Its name, and that of its check run.
    pub name: String,
    /// A shell command, run in the clone; status 0 is a pass.
    pub run: String,
    /// Whether its failure alone makes the evaluation red.
    pub required: bool,
    /// Its share of the composite score.
    pub weight: f64,
    /// Wall-clock limit.
    pub timeout: Duration,
    /// Whether it reaches the network.
    pub network: bool,
}

impl VerifierSpec {
    /// A required command with weight 1, ten minutes and no network.
    pub fn required(name: impl Into<String>, run: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            run: run.into(),
            required: true,
            weight: 1.0,
            timeout: Duration::from_mins(10),
            network: false,
        }
    }
}
