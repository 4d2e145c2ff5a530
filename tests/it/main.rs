//! Conversation tests: real Postgres, real git, real processes, the playground over HTTP.
#![allow(clippy::unwrap_used, reason = "clippy knows test functions and not the helpers beside them")]

mod agent_schema;
mod architecture;
mod calibration;
mod check_agents;
mod check_comment;
mod check_repo;
mod cli;
mod cluster;
mod conversations;
mod curl;
mod directives;
mod documents;
mod environment;
mod faults;
mod feed;
mod github;
mod inbox;
mod ingest;
mod issue_form;
mod limits;
mod manifest;
mod network;
mod octokit;
mod policy;
mod prices;
mod pygithub;
mod queue;
mod scripts;
mod serve;
mod spending;
mod spending_runs;
mod support;
mod try_out;
mod web;
