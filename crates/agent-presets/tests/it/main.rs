//! The driver with programs: small ones that misbehave on purpose, and the real ones where they are installed.

#![allow(clippy::unwrap_used, reason = "a helper that fails is the test that failed")]

mod driver;
mod gateway;
mod real_programs;
mod sandbox;
