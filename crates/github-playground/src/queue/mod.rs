//! The merge queue: pull requests that wait in line, each checked on top of all that are ahead of it.
//! <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/merging-a-pull-request-with-a-merge-queue>
//!
//! In: entries (acts put them in and take them out), and a wake-up for every change of checks and rules. Out: branches
//! `gh-readonly-queue/…` with a group's merge commit, `merge_group` webhooks, and in the end the base, moved to the last commit of a
//! group whose checks passed. One task a queue ([`drive`]) reads the state and does the next step ([`plan`], a pure function) until
//! there is nothing to do but wait.
//!
//! What it never does: it moves no ref without the repository's `moving` lock, and it merges nothing that [`rules`](crate::rules)
//! refuse.

mod drive;
mod plan;
