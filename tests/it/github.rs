//! The gateway, against a server that answers as it is told, and against the playground.

mod access;
mod gateway;
mod objects;
mod playground;
pub(crate) mod scripted;
mod stage;
