//! Whether an installed agent works.
//!
//! In: an agent of the operator's settings, the sandbox and a folder. The unmodified program runs as for a directive, and
//! reaches a model through the gateway: a scripted one ([`Trial`]), without a key, a network or a cost, or the real one
//! ([`live`]). Out: how each case ended ([`Finding`]).
//!
//! What never happens here: nobody's repository is touched, and nothing is decided about the agent.

mod job;
mod live;
mod plant;
mod purse;
mod trial;

use std::time::Duration;

use adjutant_domain::text;

use crate::agent::AgentOutcome;
use crate::report::failure;

pub use live::{LiveError, LiveRun, live};
pub use trial::{MODEL as SCRIPTED_MODEL, Trial};

/// How one case went.
#[derive(Debug, Clone)]
pub struct Finding {
    pub case: &'static str,
    pub verdict: Verdict,
    pub time: Duration,
}

/// How a case ended, in words for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Passed(String),
    /// It went wrong, and the agent may do its work all the same.
    Failed(String),
    /// The agent cannot do its work, or obeys others: that does not heal by itself.
    Unfit(String),
}

/// Why a run failed, in a line: what it or the gateway names, else with the end of its output.
fn reason(failed: &AgentOutcome, tail: &str) -> String {
    let words = failed.failure().map(|failure| failure::words(&failure)).unwrap_or_default();
    match failed {
        AgentOutcome::Reported(_) => text::visible(&words),
        _ => text::visible(&format!("{words} {}", tail.trim().replace('\n', " "))),
    }
}
