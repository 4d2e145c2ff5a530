//! What may go wrong around a directive, and that it ends well all the same: `serve` as a process that is killed,
//! stopped, doubled and cut off from its database; agents that misbehave; webhooks that are late, twice or lost.

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
