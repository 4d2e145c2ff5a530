//! Git mirrors, clones for tasks, commits and pushes; the sandbox for processes.
//!
//! ```text
//! server ⇄ Mirror ──tree──→ Tree ──→ Sandbox::run (agent, verifier)
//!             ↑                           │
//!             └── snapshot ← check ←──────┘   → commit → push
//! ```
//!
//! In: a repository's address with a token good for it alone, and commits by name. Out: clones to work in, and what was
//! left in them as trees, commits and pushed branches.
//!
//! The invariants:
//!
//! * A **mirror** is ours alone. No process of an agent, a test or a repository ever sees it, its path, or a token.
//! * A **tree** is a clone that stands by itself. Once a process has run in it, its `.git` is never read again: what was left is read from
//!   the files, with the mirror as the repository ([`Mirror::snapshot`]), and looked through ([`check`]) before it is pushed. While a
//!   process is at work in it, it is read inside a sandbox only ([`Mirror::live_snapshot`]).
//! * A **token** reaches git by the environment; it is in no argument, URL, configuration file, error or log.
//! * A **push** never drops a commit of somebody else: it names what it expects to find ([`Mirror::push`]).
//! * A **commit** is a function of its arguments, so that a crash and a second try leave no twin.
//!
//! What this folder never does: decide. It does not know of directives, steps or policies.

mod diff;
pub(crate) mod files;
mod git;
mod live_snapshot;
mod mirror;
mod programs;
mod rules;
pub mod sandbox;
pub mod secrets;
mod snapshot;
mod tree;

#[cfg(test)]
mod tests;

pub use diff::{Changed, Diff, Status};
pub use files::{Excess, remove_all};
pub use git::{GitError, Remote};
pub use mirror::{Entry, Identity, Merge, Mirror, PushError, Workspaces};
pub use rules::{ALWAYS_PROTECTED, ChangeFault, Rules, check};
pub use snapshot::Snapshot;
pub use tree::{Removal, Tree};
