//! The gateway, against a server that answers as it is told, and against the playground.

mod access;
mod gateway;
mod interpret;
mod objects;
mod playground;
mod scripted;
mod stage;
