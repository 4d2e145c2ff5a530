//! The gateway, against a server that answers as it is told, and against the playground.

mod gateway;
mod objects;
mod scripted;
