//! Fault injection: what GitHub does to its clients on a bad day, when a test or a user asks for it.
//!
//! In: a list of [`FaultRule`]s, and one seed. A rule says what it applies to ([`RequestFilter`], [`DeliveryFilter`] or [`RefFilter`]), how often, and
//! what it does. Every chance is drawn from the seed, so the same events in the same order get the same faults. Out: a report
//! ([`InjectedFault`]). The first rule that is due decides, and the rules after it do not count the event. The model is changed only where
//! a rule names it. Without rules the cost is one atomic read.
//!
//! | met by | does | what happens |
//! |---|---|---|
//! | `requests` | `unauthorized`, `forbidden`, `not_found`, `conflict`, `unprocessable` | 401, 403, 404, 409, 422 in GitHub's shape; the request is not carried out |
//! | | `secondary_limit: {status, retry_after}` | 403 (or 429) "You have exceeded a secondary rate limit", with `retry-after` if it is given |
//! | | `primary_limit: {reset_in}` | 403 "API rate limit exceeded", `x-ratelimit-remaining: 0`, and `x-ratelimit-reset` so many seconds ahead |
//! | | `server_error`, `bad_gateway: {body}`, `unavailable: {body}` | 500; 502 and 503 with a page (`html`, unless said) or `json`, as clients meet both |
//! | | `reset` | the connection is reset, nothing is done |
//! | | `silence` | no answer ever, nothing is done |
//! | | `done_then_reset`, `done_then_silence`, `done_then_bad_gateway` | **it is done**, to its end, and the answer is lost |
//! | | `slow: {ms}` | the answer comes late |
//! | | `revoke_token` | the installation token that asked is revoked, which this request is the first to notice |
//! | | `mergeable_unknown` | the answer's `mergeable` is `null` (`UNKNOWN` in GraphQL), as before GitHub computed it |
//! | `deliveries` | `drop` | never sent, and not listed either: GitHub's incident |
//! | | `fail` | not sent, and listed as failed to connect |
//! | | `duplicate`, `duplicate: {new_guid: true}` | sent twice, as one delivery or as two |
//! | | `delay: {ms}` | sent later |
//! | | `reorder: {behind}` | held back until so many later ones were sent |
//! | | `stale` | held back until a later one about the same thing was sent, so that what it says is no longer so |
//! | `refs` | `hidden: {reads, ms}` | a ref just created is unknown to refs, branches and pull requests for so many looks, so long, or both |
//!
//! A payload is made when the thing happens, here as on GitHub. So `stale` never invents an old payload: a true one arrives after it
//! became outdated. What is held back (`reorder`, `stale`) is sent after ten seconds at the latest, and at once when the rules are
//! removed.
//!
//! How often: a rule skips the first `skip` events that it applies to, then acts on the next `times` of them (all, unless given), each
//! with the probability `chance` (1, unless given). With `each`, skip and times are counted for every path, ref or subject of a delivery
//! separately.
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
