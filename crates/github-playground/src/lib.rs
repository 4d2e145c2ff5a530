//! A GitHub on this machine, to try and to test GitHub Apps against.
//!
//! Everything that a GitHub App does against GitHub can be done against this, over the same wire: REST under `/api/v3`, GraphQL at
//! `/api/graphql`, git over smart HTTP at `/{owner}/{repo}.git`, and signed webhooks. It looks like a GitHub Enterprise Server, with its
//! rate limits off until they are asked for.
//!
//! In: requests of people (tokens `playground-<login>`), of the app (JSON Web Tokens) and of its installations (minted tokens). Out:
//! GitHub's answers, and a webhook for everything that happened.
//!
//! The modules form layers. A module imports modules of lower rows only; a test reads this table and every `use`.
//!
//! | modules | what they do |
//! |---|---|
//! | `cli`, `handles` | for whoever starts a playground: the command line, and acts on a running one |
//! | `server` | starts, routes and stops |
//! | `pages`, `consent` | HTML for browsers: to look and act, and to agree to something for an app |
//! | `front` | the layers that every request passes: guards, faults, rate limits, conditional requests; the admin API |
//! | `graphql` | queries and mutations |
//! | `rest`, `git_host`, `queue`, `seed`, `import` | who may: REST, and git over HTTP. What runs by itself: the merge queue. What is there at the start |
//! | `acts`, `ci` | what follows from a change: closed issues, moved heads, mergeability, webhooks; what the jobs of workflows find |
//! | `auth`, `webhooks` | who calls, and who is told |
//! | `app_state` | what requests share: the state behind its lock, the clock, background tasks |
//! | `view` | the state as GitHub's JSON |
//! | `faults`, `keys`, `limits`, `rules` | which fault is due, key material, counted requests, what branch rules allow |
//! | `error`, `options`, `state` | refusals in GitHub's shape, what a playground is started with, everything that is not git |
//! | `filter_pattern`, `git`, `hook`, `markdown`, `observe`, `socket` | what needs nothing of the crate |
//!
//! `AppState` has its methods where their subject is (`announce` in `webhooks`, `close` in `acts`), so a call can lead to a higher row
//! where an import cannot: a webhook starts workflows, and an entry in a merge queue starts its task.
//!
//! What it never does: it imports nothing of the apps that are tested on it, so that it cannot share their mistakes; it answers no
//! request with a made-up result; it does not outlive its process, but for the bare repositories and the app's key and secret in its
//! folder.

mod acts;
mod app_state;
mod auth;
mod ci;
mod cli;
mod consent;
mod error;
mod faults;
mod filter_pattern;
mod front;
mod git;
mod git_host;
mod graphql;
mod handles;
mod hook;
mod import;
mod keys;
mod limits;
mod markdown;
mod observe;
mod options;
mod pages;
mod queue;
mod rest;
mod rules;
mod seed;
mod server;
mod socket;
mod state;
mod view;
mod webhooks;

pub use cli::{PlaygroundArgs, PlaygroundRunError, introduce, open, run};
pub use faults::{
    Body, CallerKind, DeliveryAct, DeliveryFilter, FaultRule, FaultRuleError, InjectedFault, RefAct, RefFilter,
    RequestAct, RequestFilter,
};
pub use import::{Import, ImportError, Imported};
pub use limits::RateLimits;
pub use observe::{Exchange, Observer};
pub use options::{PlaygroundApp, PlaygroundError, PlaygroundOptions, SeedLabel, SeedText};
pub use seed::SeedError;
pub use server::{Playground, PlaygroundUser, start};
