//! Conversation tests: real Postgres, real git, real processes, the playground over HTTP.

mod playground;
