//! The playground, driven from outside: over HTTP as an app and as people would, with real git, and with a receiver that
//! checks every webhook's signature.

#![allow(clippy::unwrap_used, reason = "a helper that fails is the test that failed")]

mod access;
mod admin;
mod checks;
mod document;
mod installations;
mod issues;
mod merging;
mod misbehaviour;
mod nonsense;
mod octocrab_client;
mod pages;
mod pulls;
mod registration;
mod repositories;
mod roles;
mod support;
mod teams;
mod webhooks;
mod workflows;
