//! Conversation tests: real Postgres, real git, real processes, the playground over HTTP.
#![allow(clippy::unwrap_used, reason = "clippy knows test functions and not the helpers beside them")]

mod cluster;
mod faults;
mod github;
mod inbox;
mod playground;
mod scripts;
mod serve;
mod support;
mod web;
