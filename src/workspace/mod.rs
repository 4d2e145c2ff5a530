//! Git mirrors, clones for tasks, commits and pushes; the sandbox for processes.
//!
//! ```text
//! server ⇄ Mirror ──tree──→ Tree ──→ Sandbox::run (agent, verifier)
//!             ↑                           │
//!             └── snapshot ← check ←──────┘   → commit → push
//! ```
//!
//! In: a repository's address with a token for that repository only, and commits by name. Out: clones to work in, and
//! their contents afterwards as trees, commits and pushed branches.
//!
//! The invariants:
//!
//! * A **mirror** is private. No process of an agent, a test or a repository ever sees it, its path, or a token.
//! * A **tree** is an independent clone. After a process has run in it, its `.git` is never read again: its files are
//!   read with the mirror as the repository ([`Mirror::snapshot`]), and checked ([`Mirror::check`]) before they are pushed.
//!   While a process is running in it, it is read only inside a sandbox ([`Mirror::live_snapshot`]).
//! * A **token** is passed to git in the environment. It is in no argument, URL, configuration file, error or log.
//! * A **push** never removes a commit of somebody else: it names the head that it expects ([`Mirror::push`]).
//! * A **commit** is a function of its arguments, so that a second try after a crash makes no duplicate.
//!
//! What never happens here: no decision. This folder does not know directives, steps or policies.

mod contents;
mod diff;
mod fetch;
pub(crate) mod files;
mod git;
mod live_snapshot;
mod mirror;
mod mix;
mod programs;
mod push;
mod rules;
pub mod sandbox;
pub mod secrets;
mod snapshot;
mod tags;
mod tidy;
mod tree;
mod untouched;

#[cfg(test)]
mod tests;

pub use diff::{Changed, Diff, Status};
pub use files::{Excess, remove_all};
pub use git::{GitError, Remote};
pub use mirror::{Identity, Merge, Mirror, TreeEntry, Workspaces};
pub use push::PushError;
pub use rules::{AGENT_CONFIGURATION, ALWAYS_PROTECTED, ChangeFault, Rules, configures_agents, path_set};
pub use secrets::KnownSecrets;
pub use snapshot::Snapshot;
pub use tree::{Removal, Tree};
