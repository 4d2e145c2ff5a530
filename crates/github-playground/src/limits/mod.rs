//! Rate limits. They are off, as on a GitHub Enterprise Server, until they are switched on; then they are github.com's.
//!
//! In: a caller and the cost of a request. Out: admission with the numbers of the `x-ratelimit-` headers, or a refusal.
//! There are two kinds. The primary limit is the number of requests per hour for each caller and resource (`core`,
//! `graphql`, `search`). The secondary limits are concurrent requests, points per minute (a read is 1, a write 5), and
//! created content. A window begins with its first request and moves with the playground's clock. A 304 does not count
//! for the primary limit.
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
