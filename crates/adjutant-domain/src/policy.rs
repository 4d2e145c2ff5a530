//! The policy: how a repository wants to be worked on, from `.github/adjutant.yml` on its default branch.
//!
//! Every key of the file is optional, and a file without any means the defaults:
//!
//! ```yaml
//! label: directive                # the label that starts a directive, at most 50 characters
//! autonomy: guardrails            # manual | guardrails | full_auto
//! plan_approval: false            # whether the plan waits for /approve; in manual it always does
//! delivery: integration           # integration | direct
//! merge: person                   # who merges into the base: person | auto (in full_auto, when green)
//! merge_method: squash            # how: merge | squash | rebase; as the repository allows where absent
//! base: main                      # the branch work is based on; the repository's default branch where absent
//! agent: default                  # which of the operator's agents works
//! agents: { plan: strong, document: cheap, fallback: other }   # for some tasks; the most specific wins
//! thresholds: { green: 0.85, yellow: 0.60 }   # 0 < yellow <= green <= 1
//! limits:
//!   cost_usd: 10                  # total cost of a directive
//!   cost_ceiling_usd: 50          # the most that people may raise it to; five times the cost where absent
//!   wall_time_hours: 8            # hours of work; pauses and waiting for people are not counted
//!   rework_cycles: 3              # automatic reworks of one step
//!   chain_generations: 3          # plans of one directive
//!   steps: 12                     # steps in a plan, at most 50
//!   parallel_tasks: 3             # agents of one directive at a time
//!   open_pull_requests: 5         # open pull requests that wait for a person
//!   ci_minutes: 60                # after which the repository's CI is not waited for any more
//!   approval_hours: 72            # after which people are reminded of a question, once; 0 for never
//! setup: [npm ci]                 # shell commands that install what the verifiers need; detected where absent
//! verifiers:                      # detected from the tree where absent
//!   - name: test                  # kebab-case, unique, not `adjutant`
//!     run: cargo test             # a shell command, run in the root of the tree
//!     required: true              # a failure is red whatever the mean; default true, for `lint` false
//!     weight: 1.0                 # share in the mean, above 0; default 1.0, for `lint` 0.5
//!     timeout_minutes: 30
//!     network: false              # or a list of hosts, within what the operator allows; true for all of that
//! ci: off                         # the repository's own CI as a verifier: required | optional | off
//! judge: { agent: judge, weight: 1.0 }        # a model as judge of the criteria; none where absent
//! diff:                           # what keeps a change from green, whatever the tests say; nothing where absent
//!   max_files: 50
//!   max_lines: 1000               # added and removed together
//!   forbidden_paths: ["dist/**"]  # globs that no change touches
//!   required_paths: ["CHANGELOG.md"]          # globs, of each of which every change touches a path
//! protected_paths: ["migrations/**"]          # globs whose change needs a person, besides .github/**
//! ```

mod agents;
mod fault;
mod file;
mod keys;
mod node;
pub mod options;
mod outline;
mod schema;
mod words;

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::ids::Usd;
use super::merging::MergeMethod;
use super::network::Hosts;
pub use agents::AgentsPolicy;
pub use fault::{Expected, FileFault, Found, LineFault, Mapping, PolicyFault};
pub use file::{Stated, parse, read};
pub use outline::outline;
pub use schema::schema;

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
    /// How pull requests are merged into the base; as the repository allows where absent.
    #[serde(default)]
    pub merge_method: Option<MergeMethod>,
    /// The branch that work is based on; the repository's default branch where absent.
    pub base: Option<String>,
    /// Where green and yellow begin.
    pub thresholds: Thresholds,
    /// Bounds on money, time and tries.
    pub limits: Limits,
    /// Shell commands that install what the verifiers need; detected from the tree where absent.
    #[serde(default)]
    pub setup: Option<Vec<String>>,
    /// What verifies a commit; detected from the tree where absent.
    pub verifiers: Option<Vec<VerifierPolicy>>,
    /// Whether the repository's own CI is a verifier too.
    #[serde(default)]
    pub ci: CiPolicy,
    /// A model as judge of the acceptance criteria; none where absent.
    pub judge: Option<JudgePolicy>,
    /// What a change may be like, whatever the tests say.
    #[serde(default)]
    pub diff: DiffPolicy,
    /// The operator's agent to use; the operator's default where absent.
    pub agent: Option<String>,
    /// The agents for some tasks.
    #[serde(default)]
    pub agents: AgentsPolicy,
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

/// What the repository's own CI counts as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CiPolicy {
    /// Nothing, and it is not waited for.
    #[default]
    Off,
    /// A verifier that lowers the mean when it fails.
    Optional,
    /// A verifier whose failure is red whatever the mean.
    Required,
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
    /// The most that people may raise it to; see [`Limits::cost_ceiling`].
    #[serde(default)]
    pub cost_ceiling: Option<Usd>,
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
    /// Minutes for which the repository's CI is waited for.
    #[serde(default = "ci_minutes")]
    pub ci_minutes: u32,
    /// Hours after which a question that nobody answered has expired; 0 for never.
    #[serde(default)]
    pub approval_hours: f64,
}

/// One command that verifies a commit.
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
    /// What it asks to reach.
    pub network: VerifierNetwork,
}

/// What a verifier asks to reach. It gets what of that the operator allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum VerifierNetwork {
    /// Nothing, or every host that the operator allows to verifiers.
    Switch(bool),
    /// These hosts.
    Hosts(Hosts),
}

/// What a change may be like. What is not keeps it from green.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffPolicy {
    /// The most files that it changes; unbounded where absent.
    pub max_files: Option<u32>,
    /// The most lines that it adds and removes; unbounded where absent.
    pub max_lines: Option<u32>,
    /// Globs of paths that it does not change.
    pub forbidden_paths: Vec<String>,
    /// Globs, of each of which it changes a path.
    pub required_paths: Vec<String>,
}

/// A model as judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgePolicy {
    /// The operator's agent to ask; the directive's agent where absent.
    pub agent: Option<String>,
    /// Its share in the weighted mean.
    pub weight: f64,
}

impl Autonomy {
    /// Every level, the most careful first.
    pub const ALL: &'static [Self] = &[Self::Manual, Self::Guardrails, Self::FullAuto];

    /// The word in the policy and in `/autonomy`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Guardrails => "guardrails",
            Self::FullAuto => "full_auto",
        }
    }

    /// The level of that word, whatever its case, with `_` or `-`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase().replace('-', "_");
        Self::ALL.iter().copied().find(|level| level.as_str() == text)
    }
}

/// An hour is more than most workflows take.
fn ci_minutes() -> u32 {
    60
}

impl Limits {
    /// How long the repository's CI is waited for.
    pub fn ci_wait(&self) -> Duration {
        Duration::minutes(i64::from(self.ci_minutes))
    }

    /// The most that people may raise the cost to: what the policy says, else five times the cost, so that `/budget` and
    /// `/resume` work without a word of the policy's while a slip of the pen does not spend a fortune.
    pub fn cost_ceiling(&self) -> Usd {
        self.cost_ceiling.unwrap_or(Usd(self.cost.0.saturating_mul(5)))
    }
}

impl VerifierPolicy {
    /// A verifier with the defaults of its name: `lint` is optional with half a weight, everything else required.
    pub fn named(name: impl Into<String>, run: impl Into<String>) -> Self {
        let name = name.into();
        let optional = name == "lint";
        Self {
            name,
            run: run.into(),
            required: !optional,
            weight: if optional { 0.5 } else { 1.0 },
            timeout_minutes: 30,
            network: VerifierNetwork::Switch(false),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            label: "directive".to_owned(),
            autonomy: Autonomy::Guardrails,
            plan_approval: false,
            delivery: Delivery::Integration,
            merge: FinalMerge::Person,
            merge_method: None,
            base: None,
            thresholds: Thresholds { green: 0.85, yellow: 0.60 },
            limits: Limits::default(),
            setup: None,
            verifiers: None,
            ci: CiPolicy::Off,
            judge: None,
            diff: DiffPolicy::default(),
            agent: None,
            agents: AgentsPolicy::default(),
            protected_paths: Vec::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cost: Usd::from_dollars(10.0),
            cost_ceiling: None,
            wall_time_hours: 8.0,
            rework_cycles: 3,
            chain_generations: 3,
            steps: 12,
            parallel_tasks: 3,
            open_pull_requests: 5,
            ci_minutes: ci_minutes(),
            approval_hours: 72.0,
        }
    }
}

#[cfg(test)]
mod tests;
