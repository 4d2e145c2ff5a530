//! The merge queue: pull requests that wait in line, each checked on top of all that are ahead of it.
//! <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/merging-a-pull-request-with-a-merge-queue>
//!
//! In: who enters and who leaves ([`enter`]), and all that is announced of checks and rules, which only says that it is time to look.
//! Out: branches `gh-readonly-queue/…` with a group's merge commit, `merge_group` webhooks, and in the end the base, moved to the
//! last commit of a group whose checks passed. One task a queue ([`drive`]) looks at how things stand and does the one thing that
//! is next ([`plan`], which is a function), until there is nothing to do but wait.
//!
//! What it never does: it moves nothing without the repository's `moving` lock, and it lets nobody in, or out into the base, whom
//! [`rules`](super::rules) would not.

mod drive;
mod plan;
