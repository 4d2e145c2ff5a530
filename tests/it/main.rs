//! Conversation tests: real Postgres, real git, real processes, the playground over HTTP.

mod cluster;
mod github;
mod inbox;
mod playground;
mod scripts;
mod serve;
mod support;
mod web;
