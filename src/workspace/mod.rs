//! Git mirrors, clones for tasks, commits and pushes; the sandbox for processes.

pub(crate) mod files;
pub mod sandbox;
pub mod secrets;
