//! How command-line coding agents are run and read.
//!
//! A [`Preset`] is data: how a program is started, resumed and asked for structured output; which files its home needs;
//! where the address and the key of the model go; and how its output is read. Presets for Claude Code, Codex, OpenCode,
//! Gemini CLI, Copilot CLI and aider are compiled in, and `acp` for agents of the Agent Client Protocol.
//!
//! The [`driver`] runs inside the sandbox, in place of the agent. In: a configuration with a preset ([`Config`]), and
//! the task file of the agent protocol. Out: the transcript in one form for all programs ([`Entry`], one JSON line each
//! on standard output), and the result file.
//!
//! What never happens here: an exit status is not believed. The program's own word that it is done, its errors and its
//! last message decide. No output of a program can fill the memory. The key in a configuration is one that only the
//! model gateway knows; this crate never holds one that a provider would take.

mod answer;
pub mod driver;
mod failure;
mod pointer;
mod preset;
mod reader;
mod schema;
mod template;
mod transcript;

pub use driver::Config;
pub use failure::{ErrorKind, RunError};
pub use preset::{Acp, Api, Errors, Form, Home, Output, Preset, PresetError, Prompt, Run, TextKind, Version};
pub use reader::{Counting, Counts, Failing, Findings, Kind, Reader, Rule, Usage};
pub use schema::{judgement_schema, strict, without_nulls};
pub use transcript::Entry;
