//! What is wrong with a proposed plan. The words are made where they are shown.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// What is wrong with a proposed plan. Names are the planner's, cut to a bounded length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are named as what they hold; those that need words have them")]
pub enum PlanFault {
    /// The JSON is no plan, as its reader says.
    Shape { error: String },
    /// There are no steps.
    NoSteps,
    /// There are more steps than the policy allows.
    TooManySteps { steps: usize, allowed: u32 },
    /// A step's name is not kebab-case, or too long.
    BadName { name: String },
    /// Adjutant uses the name for something else.
    ReservedName { name: String },
    /// More than one step has the name.
    SameName { name: String },
    /// A step is declared done, and no earlier step of that name was finished.
    NotFinished { step: String },
    /// A step has a type that there is not.
    UnknownType { step: String, kind: String },
    /// A step has no description.
    NoDescription { step: String },
    /// A step depends on something that is not a step.
    UnknownDependency { step: String, dependency: String },
    /// A step covers a requirement that the brief does not have.
    UnknownRequirement { step: String, requirement: String },
    /// A step covers a criterion that the brief does not have.
    UnknownCriterion { step: String, criterion: String },
    /// No step covers a requirement.
    Uncovered { requirement: String },
    /// The dependencies form a cycle: its steps, the first one named again at the end.
    Cycle { steps: Vec<String> },
    /// So many more faults are not listed.
    More { faults: usize },
    /// There is no proposal: the planner could not be run.
    PlannerFailed(Failure),
    /// A sentence that version 1 wrote, shown as it is.
    #[serde(untagged)]
    Legacy(String),
}
