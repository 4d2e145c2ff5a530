//! A GitHub on this machine, for the demo and the tests.
//!
//! What it is for: everything that a GitHub App does against GitHub can be done against this, over the same wire: REST under
//! `/api/v3`, GraphQL at `/api/graphql`, git over smart HTTP at `/{owner}/{repo}.git`, and signed webhooks. It looks like a
//! GitHub Enterprise Server, with its rate limits off until they are asked for.
//!
//! What flows in: requests of people (tokens `playground-<login>`), of the app (JSON Web Tokens) and of its installations
//! (minted tokens). What flows out: GitHub's answers, and a webhook for everything that happened.
//!
//! ```text
//! front · faults               what comes through? (connections, limits, injected faults)
//!            ↓
//! rest · graphql · git::http   who may?      (auth; `consent` and `pages` are for browsers)
//!            ↓
//!          acts                what follows? (closing keywords, heads that move, mergeability; `rules` say
//!          ↓   ↓               whether a merge or push may be, `ci` what jobs find, `queue` who is next)
//!       state  git             what is      (one lock; bare repositories)
//!          ↓
//!   view → webhooks            who is told? (each app's hook URL)
//! ```
//!
//! What it never does: it imports nothing of the bot, so that it cannot share its mistakes; it answers no request with a
//! made-up result; it does not outlive its process, but for the bare repositories and the app's key and secret in its folder.

mod acts;
mod app_state;
mod auth;
mod ci;
mod cli;
mod consent;
mod faults;
mod front;
mod git;
mod git_host;
mod graphql;
mod handles;
mod hook;
mod import;
mod keys;
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
mod world;

pub use cli::{PlaygroundArgs, PlaygroundRunError, introduce, open, run};
pub use faults::{
    Body, CallerKind, Deliveries, DeliveryAct, FaultRule, FaultRuleError, InjectedFault, RefAct, Refs, RequestAct,
    Requests,
};
pub use front::RateLimits;
pub use import::{Import, ImportError, Imported};
pub use observe::{Exchange, Observer};
pub use options::{PlaygroundApp, PlaygroundError, PlaygroundOptions, SeedLabel, SeedText};
pub use seed::SeedError;
pub use server::{Playground, PlaygroundUser, start};
