//! The playground from outside: over HTTP as an app and as people, with real git, and with a receiver that checks every
//! webhook's signature.

#![allow(clippy::unwrap_used, reason = "a helper that fails is the test that failed")]

mod access;
mod admin;
mod archives;
mod branches;
mod checks;
mod conditional;
mod contents;
mod deliveries;
mod dispatch;
mod document;
mod faults;
mod graphql;
mod import;
mod installations;
mod issues;
mod limits;
mod lists;
mod merge_queue;
mod merging;
mod metadata;
mod milestones;
mod nonsense;
mod octocrab_client;
mod pages;
mod protection;
mod pulls;
mod registration;
mod repositories;
mod reviewing;
mod roles;
mod rulesets;
mod second_app;
mod sizes;
mod starter;
mod sub_issues;
mod suites;
mod support;
mod teams;
mod timeline;
mod transfer;
mod webhooks;
mod workflow_files;
mod workflows;
