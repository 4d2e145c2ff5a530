//! Fault injection: GitHub's failures, produced on demand for tests and users.
//!
//! In: a list of [`FaultRule`]s, and one seed. A rule says what it applies to ([`RequestFilter`], [`DeliveryFilter`] or [`RefFilter`]), how often, and
//! what it does. All random numbers come from the seed, so the same events in the same order get the same faults. Out: a report
//! ([`InjectedFault`]). The first rule that applies decides, and the rules after it do not count the event. The model is changed only where
//! a rule names it. Without rules the cost is one atomic read.
//!
//! | matches | does | what happens |
//! |---|---|---|
//! | `requests` | `unauthorized`, `forbidden`, `not_found`, `conflict`, `unprocessable` | 401, 403, 404, 409, 422 in GitHub's shape; the request is not carried out |
//! | | `secondary_limit: {status, retry_after}` | 403 (or 429) "You have exceeded a secondary rate limit", with `retry-after` if it is given |
//! | | `primary_limit: {reset_in}` | 403 "API rate limit exceeded", `x-ratelimit-remaining: 0`, and `x-ratelimit-reset` this many seconds in the future |
//! | | `server_error`, `bad_gateway: {body}`, `unavailable: {body}` | 500; 502 and 503 with a page (`html`, the default) or `json`, because clients get both |
//! | | `reset` | the connection is reset, and the request is not carried out |
//! | | `silence` | there is no answer, and the request is not carried out |
//! | | `done_then_reset`, `done_then_silence`, `done_then_bad_gateway` | the request **is carried out** completely, and the answer is lost |
//! | | `slow: {ms}` | the answer comes late |
//! | | `revoke_token` | the installation token of the request is revoked, and this request is the first to fail |
//! | | `mergeable_unknown` | the answer's `mergeable` is `null` (`UNKNOWN` in GraphQL), as before GitHub has computed it |
//! | `deliveries` | `drop` | not sent and not listed, as in an incident of GitHub's |
//! | | `fail` | not sent, but listed as failed to connect |
//! | | `duplicate`, `duplicate: {new_guid: true}` | sent twice, as one delivery or as two |
//! | | `delay: {ms}` | sent later |
//! | | `reorder: {behind}` | held back until this many later ones were sent |
//! | | `stale` | held back until a later one about the same subject was sent, so that it is out of date |
//! | `refs` | `hidden: {reads, ms}` | a new ref is not visible to refs, branches and pull requests for this many reads, for this long, or both |
//!
//! A payload is made when the event happens, as on GitHub. `stale` therefore never invents an old payload: a real one
//! arrives after it became out of date. Deliveries that are held back (`reorder`, `stale`) are sent after ten seconds at
//! the latest, and at once when the rules are removed.
//!
//! How often: a rule skips the first `skip` events that match, then acts on the next `times` of them (by default all),
//! each with the probability `chance` (by default 1). With `each`, skip and times are counted separately for every path,
//! ref or subject of a delivery.
//!
//! <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>,
//! <https://docs.github.com/en/webhooks/using-webhooks/handling-webhook-deliveries>

mod answers;
mod config;
mod injector;
mod rule;

pub(crate) use answers::{bad_gateway, refusal, secondary_limit};
pub(crate) use config::{FaultConfig, read as read_rule};
pub use injector::InjectedFault;
pub(crate) use injector::{FaultInjector, FaultSubject, Held, Until};
pub use rule::{
    Body, CallerKind, DeliveryAct, DeliveryFilter, FaultRule, FaultRuleError, RefAct, RefFilter, RequestAct,
    RequestFilter,
};
