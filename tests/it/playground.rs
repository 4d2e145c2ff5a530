//! The playground, driven from outside: over HTTP as an app and as people would, with real git, and with a receiver that
//! checks every webhook's signature.

#![allow(clippy::unwrap_used, reason = "a helper that fails is the test that failed")]

mod access;
mod admin;
mod archives;
mod checks;
mod dispatch;
mod document;
mod installations;
mod issues;
mod merging;
mod milestones;
mod misbehaviour;
mod nonsense;
mod octocrab_client;
mod pages;
mod pulls;
mod sub_issues;
mod suites;
mod support;
mod timeline;
mod webhooks;
mod workflows;
