//! The brief: what an issue asks for, frozen when it was labelled.

use serde::{Deserialize, Serialize};

/// What is wanted, taken once from the text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// What is to be reached, in the words.
    pub goal: String,
    /// What must be there in the end. Ids are `R1`, `R2` … in the order of the issue.
    pub requirements: Vec<Requirement>,
    /// How it will be judged. Ids are `A1`, `A2` … in the order of the issue.
    pub criteria: Vec<Criterion>,
    /// What must be kept to.
    pub constraints: Vec<String>,
}

/// One thing that must be there in the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// `R1`, `R2` …
    pub id: String,
    /// The words.
    pub description: String,
}

/// One way in which the result will be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criterion {
    /// `A1`, `A2` …
    pub id: String,
    /// The words.
    pub criterion: String,
}
