//! Rate limits: off, as on a GitHub Enterprise Server, until they are switched on; then github.com's.
//!
//! In: who calls, and what for. Out: leave, or GitHub's refusal; and on every answer the five `x-ratelimit-` headers. Two kinds:
//! the primary limit, so many requests an hour for each caller and resource (`core`, `graphql`, `search`); and the secondary ones,
//! against haste: requests at once, points a minute (a read 1, a write 5), things created that people are told of. All windows
//! begin with their first request and move with the playground's clock. A 304 is given back to the primary limit.
//!
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>,
//! <https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api>,
//! <https://docs.github.com/en/apps/creating-github-apps/registering-a-github-app/rate-limits-for-github-apps>

mod cost;
mod numbers;
mod tally;

pub(crate) use cost::{Cost, Resource, of_graphql, of_rest};
pub use numbers::RateLimits;
pub(crate) use tally::{LimitExceeded, LimitKey, LimitStatus, Limits};
