//! The front: the layers that every request passes before a resource answers it, and every answer before it is sent.
//!
//! In: connections. Out: answers, or the end of the connection if a fault rule says so. [`guard`] refuses requests
//! whose host name is not this machine's, and requests from pages of other sites. [`faults`] injects faults,
//! [`rate_limits`] counts, [`conditional`] tags answers, and [`observe`] shows them to the observer. No layer knows a
//! resource, and a layer that is off costs one atomic read. [`admin`] is for the user who runs the playground, beside
//! GitHub's own paths.

mod admin;
mod conditional;
mod faults;
mod guard;
mod observe;
mod rate_limits;

pub(crate) use admin::router as admin;
pub(crate) use conditional::conditional;
pub(crate) use faults::inject_faults;
pub(crate) use guard::{from_elsewhere, is_address, no_strangers, own_name};
pub(crate) use observe::observe;
pub(crate) use rate_limits::meter;
