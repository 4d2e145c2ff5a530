//! The front: what every request passes before a resource answers it, and every answer before it leaves.
//!
//! Whoever comes by a name that is not this machine's, or from another site's page, gets no further ([`guard`]).
//!
//! In: connections. Out: answers, or the end of the connection where [`super::faults`] says so. In between: [`limits`] count,
//! and [`conditional`] tags what is answered. Nothing here knows a resource, and a layer that is off costs one look.
//! Beside GitHub's own paths, and for whoever runs the playground alone, is [`admin`].

mod admin;
mod conditional;
mod guard;
mod limits;

pub(crate) use admin::router as admin;
pub(crate) use conditional::conditional;
pub(crate) use guard::{from_elsewhere, is_address, no_strangers, own_name};
pub use limits::RateLimits;
pub(crate) use limits::{Limits, meter, overview};
