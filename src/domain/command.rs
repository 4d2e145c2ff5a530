//! The commands that people write in comments and reviews.

use serde::{Deserialize, Serialize};

/// An order from a person, as understood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Accept what is waiting. On the issue a step's name may follow.
    Approve {
        /// The first word after the command, where there is one.
        step: Option<String>,
    },
    /// Do it again, with these words.
    Rework {
        /// All that follows the command, up to the next command or the end of the comment. On the issue its
        /// first word is the step's name; the engine splits it off.
        text: String,
    },
    /// Try a failed step again.
    Retry {
        /// The step's name, needed on the issue.
        step: Option<String>,
    },
    /// Go on without a step.
    Skip {
        /// The step's name, needed on the issue.
        step: Option<String>,
    },
    /// Start nothing new; `now` also cancels what runs.
    Pause {
        /// Whether running tasks are cancelled.
        now: bool,
    },
    /// Go on after a pause.
    Resume,
    /// End the directive.
    Stop,
    /// Plan anew.
    Replan {
        /// Why, in the person's words.
        reason: String,
    },
    /// Change how much is done without asking.
    Autonomy {
        /// The level, as written.
        level: String,
    },
    /// Set a new total budget.
    Budget {
        /// US dollars.
        usd: f64,
    },
    /// Write the status comment anew.
    Status,
    /// List the commands.
    Help,
    /// Began with a slash at the place of a command, but is none or is malformed.
    Unknown {
        /// The word as written, without the slash.
        word: String,
        /// What was wrong with it, as half a sentence, where it was nearly understood.
        problem: Option<String>,
    },
}
