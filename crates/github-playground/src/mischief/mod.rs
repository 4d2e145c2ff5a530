//! Misbehaviour on demand: whatever GitHub does to its clients on a bad day, when a test or a user asks for it.
//!
//! In: a list of [`Misbehaviour`]s, each saying what it meets ([`Requests`], [`Deliveries`] or [`Refs`]), how often, and what it
//! does; and one seed, from which every "by chance" is drawn, so that the same events in the same order are misbehaved to in
//! the same way. Out: a report of what was done ([`Misbehaved`]). The first rule that is due decides; the rules after it have
//! not met the event at all. It never touches the model but by what its rules name, and costs one atomic read while there are none.
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
//! A payload is made when the thing happens, here as on GitHub; `stale` therefore never invents an old payload but has a true one
//! arrive when the world moved on. What is held back (`reorder`, `stale`) goes out after ten seconds at the latest, and at
//! once when [`Playground::behave`](super::Playground::behave) ends it all.
//!
//! How often: after the first `skip` that it would meet, `times` of them (all, if it is not said), each by `chance` (certainly,
//! if it is not said). With `each`, skip and times count for every path, ref or thing a delivery is about by itself.
//!
//! <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>,
//! <https://docs.github.com/en/webhooks/using-webhooks/handling-webhook-deliveries>

mod answers;
mod control;
mod deliveries;
mod engine;
mod requests;
mod rule;
mod written;

pub(crate) use answers::secondary_limit;
pub use engine::Misbehaved;
pub(crate) use engine::Mischief;
pub(crate) use requests::meddle;
pub use rule::{
    Body, CallerKind, Deliveries, DeliveryAct, Misbehaviour, MisbehaviourError, RefAct, Refs, RequestAct, Requests,
};
pub(crate) use written::{Written, read as read_rule};
