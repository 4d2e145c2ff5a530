//! The front: what every request passes before a resource answers it, and every answer before it leaves.
//!
//! In: connections. Out: answers, or the end of the connection where [`super::mischief`] says so. In between: [`limits`] count,
//! and [`conditional`] tags what is answered. Nothing here knows a resource, and a layer that is off costs one look.
//! Beside GitHub's own paths, and for whoever runs the playground alone, is [`admin`].

mod admin;
mod conditional;
mod guard;
mod limits;
mod line;

pub(crate) use admin::router as admin;
pub(crate) use conditional::conditional;
pub use limits::RateLimits;
pub(crate) use limits::{Limits, meter, overview};
pub(crate) use line::{Line, Switchboard};
