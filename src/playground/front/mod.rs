//! The front: what every request passes before a resource answers it, and every answer before it leaves.
//!
//! In: connections. Out: answers, or the end of the connection where [`super::mischief`] says so. Nothing here knows a resource.
//! Beside GitHub's own paths, and for whoever runs the playground alone, is [`admin`].

mod admin;
mod guard;
mod line;

pub(crate) use admin::router as admin;
pub(crate) use line::{Line, Switchboard};
