//! A GitHub on this machine, for the demo and the tests.

#[allow(dead_code)]
mod git;
#[allow(dead_code)]
mod seed;
