//! The merge queue: waiting pull requests, each checked on top of all that are ahead of it.
//! <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/merging-a-pull-request-with-a-merge-queue>
//!
//! In: entries (acts add and remove them), and a notification for every change of checks and rules. Out: branches
//! `gh-readonly-queue/…` with a group's merge commit, `merge_group` webhooks, and in the end the base, moved to the
//! last commit of a group whose checks passed. One task per queue ([`drive`]) reads the state and does the next step
//! ([`plan`], a pure function) until it has to wait.
//!
//! What never happens here: no ref moves without the repository's `moving` lock, and nothing is merged that
//! [`rules`](crate::rules) refuses.

mod drive;
mod plan;
