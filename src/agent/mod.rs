//! Planning and coding runs: one program that implements the agent protocol, run in the sandbox.
//!
//! In: the operator's configuration of an agent ([`AgentSpec`]) and one task ([`AgentJob`]): the clone to work in, the
//! [`TaskFile`], and the texts of people as files, each labelled with its author. Out: one of a few outcomes, each with
//! a sentence for a person ([`AgentOutcome`]), and the [`ResultFile`] if the agent wrote a valid one.
//!
//! The protocol consists of two files, whose paths are in variables:
//!
//! * `ADJUTANT_TASK_FILE` is JSON to read: the task, and the paths of the context files.
//! * `ADJUTANT_RESULT_FILE` is JSON to write: `summary`, `report`, `plan`, `judgement`, `evidence`, `usage`,
//!   `cost_usd`, `error`, `session`, `question`.
//!
//! The working directory is the clone, and the files that are left in it are the work. Commits, branches and other
//! changes to the clone's own repository do not count.
//!
//! What never happens here: an agent is not trusted. An exit status of 0 is not success, a result is bounded and
//! checked, and `workspace` reads the changes from the files. A provider's key never enters a sandbox: a run reaches its
//! model through a port of its own, whose other end is the gateway ([`ModelAccess`]). This folder pushes nothing and
//! decides nothing.

mod home;
mod models;
mod result_file;
mod run;
mod task_file;

pub use home::StepHome;
pub use models::{ModelAccess, ModelError, ModelUse};
pub use result_file::{
    CriterionJudgement, Evidence, Judgement, MAX_RESULT_BYTES, QuestionToPeople, REPORT, ReportedError, ResultFile,
    Usage, result_schema,
};
pub use run::{AgentError, AgentJob, AgentOutcome, AgentRun, AgentSpec, ContextText, DRIVER, PresetRun, run_agent};
pub use task_file::{
    AnsweredQuestion, ContextFile, Criterion, Directive, PROTOCOL_VERSION, Requirement, Step, TaskBrief, TaskFile,
    TaskKind, task_schema,
};
