//! Conversation tests: real Postgres, real git, real processes, the playground over HTTP.
#![allow(clippy::unwrap_used, reason = "clippy knows test functions and not the helpers beside them")]

mod architecture;
mod cluster;
mod conversations;
mod directives;
mod faults;
mod github;
mod inbox;
mod limits;
mod manifest;
mod playground;
mod pygithub;
mod scripts;
mod serve;
mod support;
mod web;
