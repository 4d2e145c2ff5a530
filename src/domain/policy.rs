//! The policy: how a repository wants to be worked on, from `.github/adjutant.yml` on its default branch.

use serde::{Deserialize, Serialize};

use super::ids::Usd;

/// How a repository wants to be worked on. Its default is what holds without a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// The label that starts a directive.
    pub label: String,
    /// How much is done without asking.
    pub autonomy: Autonomy,
    /// Whether the plan waits for `/approve` (in `manual` it always does).
    pub plan_approval: bool,
    /// Where steps' pull requests go.
    pub delivery: Delivery,
    /// Who merges into the base.
    pub merge: FinalMerge,
    /// The branch that work is based on; the repository's default branch where absent.
    pub base: Option<String>,
    /// Where green and yellow begin.
    pub thresholds: Thresholds,
    /// Bounds on money, time and tries.
    pub limits: Limits,
    /// What proves a commit; detected from the tree where absent.
    pub verifiers: Option<Vec<VerifierPolicy>>,
    /// A model as judge of the acceptance criteria; none where absent.
    pub judge: Option<JudgePolicy>,
    /// The operator's agent to use; the operator's default where absent.
    pub agent: Option<String>,
    /// Paths (globs) whose change needs a person, besides `.github/**`.
    pub protected_paths: Vec<String>,
}

/// How much is done without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Autonomy {
    /// Every plan and merge waits for a person.
    Manual,
    /// Green merges, yellow waits.
    Guardrails,
    /// Green and yellow merge.
    FullAuto,
}

/// Where steps' pull requests go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Into an integration branch, which one final pull request brings to the base.
    Integration,
    /// Each straight into the base.
    Direct,
}

/// Who merges into the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalMerge {
    /// A person, always.
    Person,
    /// Adjutant in `full_auto`, when green.
    Auto,
}

/// Where green and yellow begin, as composite scores in 0..=1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Green at or above.
    pub green: f64,
    /// Yellow at or above, red below.
    pub yellow: f64,
}

/// Bounds on money, time and tries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Total cost of a directive.
    pub cost: Usd,
    /// Hours of work, pauses and waiting for people not counted.
    pub wall_time_hours: f64,
    /// Automatic reworks of one step.
    pub rework_cycles: u32,
    /// Generations of the chain.
    pub chain_generations: u32,
    /// Steps in a chain.
    pub steps: u32,
    /// Tasks of one directive at a time.
    pub parallel_tasks: u32,
    /// Open pull requests of Adjutant's in the repository that wait for a person.
    pub open_pull_requests: u32,
}

/// One command that proves a commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifierPolicy {
    /// Its name: lower case, unique, part of the check run's name.
    pub name: String,
    /// The shell command, run in the root of the tree.
    pub run: String,
    /// Whether its failure is red whatever the mean.
    pub required: bool,
    /// Its share in the weighted mean, above 0.
    pub weight: f64,
    /// Minutes until it counts as failed.
    pub timeout_minutes: u32,
    /// Whether it may reach the network.
    pub network: bool,
}

/// A model as judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgePolicy {
    /// The operator's agent to ask; the directive's agent where absent.
    pub agent: Option<String>,
    /// Its share in the weighted mean.
    pub weight: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            label: "directive".to_owned(),
            autonomy: Autonomy::Guardrails,
            plan_approval: false,
            delivery: Delivery::Integration,
            merge: FinalMerge::Person,
            base: None,
            thresholds: Thresholds { green: 0.85, yellow: 0.60 },
            limits: Limits::default(),
            verifiers: None,
            judge: None,
            agent: None,
            protected_paths: Vec::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cost: Usd::from_dollars(10.0),
            wall_time_hours: 8.0,
            rework_cycles: 3,
            chain_generations: 3,
            steps: 12,
            parallel_tasks: 3,
            open_pull_requests: 5,
        }
    }
}
