//! A GitHub on this machine, to try and to test GitHub Apps.
//!
//! A GitHub App can do everything here that it can do on GitHub, over the same protocols: REST under `/api/v3`, GraphQL
//! at `/api/graphql`, git over smart HTTP at `/{owner}/{repo}.git`, and signed webhooks. The playground behaves like a
//! GitHub Enterprise Server. Its rate limits are off until they are switched on.
//!
//! In: requests of people (tokens `playground-<login>`), of the app (JSON Web Tokens) and of its installations (minted
//! tokens). Out: GitHub's answers, and a webhook for every event.
//!
//! The modules form layers. A module imports modules of lower rows only; a test reads this table and every `use`.
//!
//! | modules | what they do |
//! |---|---|
//! | `cli`, `handles` | for the caller that starts a playground: the command line, and methods of a running one |
//! | `server` | starts, routes and stops |
//! | `pages`, `consent` | HTML for browsers: to look and act, and to agree to something for an app |
//! | `front` | the layers that every request passes: guards, faults, rate limits, conditional requests; the admin API |
//! | `graphql` | queries and mutations |
//! | `rest`, `git_host`, `queue`, `seed`, `import` | REST and git over HTTP with their permissions; the merge queue; the initial contents |
//! | `acts`, `ci` | the consequences of a change: closed issues, moved heads, mergeability, webhooks; workflow runs |
//! | `auth`, `webhooks` | the caller of a request, and the receivers of a webhook |
//! | `app_state` | what requests share: the state behind its lock, the clock, background tasks |
//! | `view` | the state as GitHub's JSON |
//! | `faults`, `keys`, `limits`, `rules` | which fault is due, key material, counted requests, what branch rules allow |
//! | `error`, `options`, `state` | errors in GitHub's shape, the options of a playground, everything that is not git |
//! | `filter_pattern`, `git`, `hook`, `markdown`, `observe`, `socket` | modules that need nothing of the crate |
//!
//! `AppState` has its methods where their subject is (`announce` in `webhooks`, `close` in `acts`). A call can
//! therefore reach a higher row where an import cannot: a webhook starts workflows, and an entry in a merge queue
//! starts its task.
//!
//! What never happens here: nothing of the tested apps is imported, so that the playground cannot share their mistakes.
//! No request gets a made-up result. Nothing outlives the process, except the bare repositories and the app's key and
//! secret in its folder.

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
