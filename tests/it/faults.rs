//! Everything that may go wrong around a directive, which completes nevertheless: `serve` is killed, stopped, run twice
//! and cut off from its database; agents fail; webhooks are late, duplicated or lost.

mod agents;
mod around;
mod frozen;
mod github;
mod killed;
mod left;
mod missed;
mod poison;
mod shown;
mod stage;
mod stopped;
mod upgrade;
