//! The gateway, with a scripted server and with the playground.

mod access;
mod gateway;
mod objects;
mod playground;
pub(crate) mod scripted;
mod stage;
