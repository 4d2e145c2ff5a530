//! A language model on this machine that follows a script.
//!
//! Real coding agents run against it: Claude Code (Anthropic Messages), Codex (OpenAI Responses), OpenCode, Copilot and
//! aider (OpenAI Chat Completions), Gemini CLI (Gemini). It costs nothing, needs no key, and answers the same each time.
//!
//! In: a [`Script`], and the requests of agents. Out: for each request one tool call or one text, as a stream or as one
//! body, and a record of what was served ([`Request`]). The task is told by the headings of the last prompt
//! ([`Task`]); the number of tool results after that prompt says which command of the [`Answer`] is next.
//!
//! A [`Fault`] makes it answer as a broken or a busy service does.
//!
//! What never happens here: nothing of Adjutant is imported, so that the gateway under test cannot share a mistake with
//! the model that it is tested against. No command is run, and no text of a request is kept beyond the first words.

mod conversation;
mod reply;
mod script;
mod server;
mod wire;

pub use conversation::Task;
pub use script::{Answer, Fault, File, Script, ToolName};
pub use server::{Request, ScriptedModel};
