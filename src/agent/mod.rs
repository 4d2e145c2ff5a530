//! Planning and coding runs: one program that speaks the agent protocol, run in the sandbox.
//!
//! In: what an operator configured as an agent ([`AgentSpec`]) and one task ([`AgentJob`]): the clone to work in, the
//! [`TaskFile`], and the texts of people as files, each labelled with who wrote it. Out: how it ended as one of a few outcomes,
//! each with a sentence for a person ([`AgentOutcome`]), and its [`ResultFile`] if it left a valid one.
//!
//! The protocol is two files, named by variables:
//!
//! * `ADJUTANT_TASK_FILE` is JSON to read: what is to be done, and where the context files are.
//! * `ADJUTANT_RESULT_FILE` is JSON to write: `summary`, `report`, `plan`, `judgement`, `evidence`, `usage`, `cost_usd`.
//!
//! The working directory is the clone, and what is left in its files is the work. Commits, branches and anything else
//! that an agent does to the clone's own repository do not count.
//!
//! What this folder never does: trust an agent. An exit status of 0 is not success, a result is bounded and checked, and
//! what changed is read from the files by `workspace`. It holds no key of a model, pushes nothing and decides nothing.

mod result_file;
mod run;
mod task_file;

pub use result_file::{CriterionJudgement, Judgement, MAX_RESULT_BYTES, ResultFile, Usage, result_schema};
pub use run::{AgentError, AgentJob, AgentOutcome, AgentRun, AgentSpec, ContextText, run_agent};
pub use task_file::{
    ContextFile, Criterion, Directive, PROTOCOL_VERSION, Requirement, Step, TaskBrief, TaskFile, TaskKind, task_schema,
};
