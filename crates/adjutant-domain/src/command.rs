//! The commands that people write in comments and reviews.
//!
//! A command is the first word of a line in a top-level paragraph: not in code, quotes, lists, tables, headings,
//! HTML or between HTML tags, emphasis or links, and not escaped. So a quoted order, an example in a fence or a
//! path at the start of a line commands nothing.

mod place;
mod understand;

use serde::{Deserialize, Serialize};

use super::text::{Shown, truncate};
use place::{Place, without_break};
use understand::understand;

/// An order from a person, as understood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Accept what is waiting. On the issue a step's name may follow.
    Approve {
        /// The first word after the command, where there is one.
        step: Option<String>,
    },
    /// Take back what was approved, until the merge is asked for.
    Unapprove {
        /// The step's name; it may be left out on the issue where one approval could be taken back.
        step: Option<String>,
    },
    /// Do it again, with these words.
    Rework {
        /// All that follows the command, up to the next command or the end of the comment. On the issue its
        /// first word is the step's name; the engine splits it off.
        text: String,
    },
    /// Answer what an agent asked.
    Answer {
        /// The question's number; it may be left out where one is open.
        number: Option<u32>,
        /// All that follows, up to the next command or the end of the comment: an option's letter, or any words.
        text: String,
    },
    /// Words for the agent of a step, which start no rework.
    Tell {
        /// All that follows the command, up to the next command or the end of the comment. On the issue its
        /// first word is the step's name; the engine splits it off.
        text: String,
    },
    /// Try a failed step again.
    Retry {
        /// The step's name, needed on the issue.
        step: Option<String>,
    },
    /// Run the verifiers again, without an agent.
    Verify {
        /// The step's name; without it, on the issue, everything that waits.
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
    /// Take the policy as it is by now.
    Reload,
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

impl Command {
    /// The word of the command, without the slash; `unknown` where it is none.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::Unapprove { .. } => "unapprove",
            Self::Rework { .. } => "rework",
            Self::Answer { .. } => "answer",
            Self::Tell { .. } => "tell",
            Self::Retry { .. } => "retry",
            Self::Verify { .. } => "verify",
            Self::Skip { .. } => "skip",
            Self::Pause { .. } => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::Replan { .. } => "replan",
            Self::Reload => "reload",
            Self::Autonomy { .. } => "autonomy",
            Self::Budget { .. } => "budget",
            Self::Status => "status",
            Self::Help => "help",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// The words that are commands.
const WORDS: [&str; 17] = [
    "approve",
    "unapprove",
    "rework",
    "answer",
    "tell",
    "retry",
    "verify",
    "skip",
    "pause",
    "resume",
    "stop",
    "replan",
    "reload",
    "autonomy",
    "budget",
    "status",
    "help",
];

/// How many commands one comment may hold. Each is answered, and a comment could hold thousands.
pub const MOST_COMMANDS: usize = 10;

/// The most of a word that is kept where it is no command, in bytes.
const LONGEST_WORD: usize = 40;

/// A command as it stands in a comment.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The line of the comment on which it stands, from 1.
    pub line: usize,
    /// The word as written, without the slash, at most 40 bytes.
    pub word: String,
    /// What follows the word and belongs to the command, as GitHub shows it.
    pub arguments: String,
    /// What it orders.
    pub command: Command,
}

/// The commands of a comment or review, in its order, at most [`MOST_COMMANDS`].
pub fn parse(comment: &str) -> Vec<Command> {
    read(comment).into_iter().map(|written| written.command).collect()
}

/// What an approving review orders: its verdict, and what is written beside it. Where the text orders something else, or
/// has a command that is not understood, the verdict is none: nobody's words are taken by half.
pub fn of_approval(review: &str) -> Vec<Command> {
    let mut commands = parse(review);
    commands.retain(|command| !matches!(command, Command::Approve { .. }));
    if commands.iter().all(|command| matches!(command, Command::Status | Command::Help)) {
        commands.insert(0, Command::Approve { step: None });
    }
    commands
}

/// The commands of a comment or review with where they stand, in its order, at most [`MOST_COMMANDS`].
///
/// `/rework`, `/answer`, `/tell` and `/replan` take all that follows up to the next command or the end of the comment, lists and code
/// included, as written; the others take the rest of their line, and only if all of it is understood. What is nearly a
/// command, or is one with words that are not understood, is [`Command::Unknown`]; other words after a slash are left out,
/// because other bots have commands of their own. Of too many commands none is taken.
pub fn read(comment: &str) -> Vec<Written> {
    let comment = Shown::of(comment);
    let places = place::find(comment.source());
    if places.len() > MOST_COMMANDS {
        return vec![too_many(&comment, &places)];
    }
    let ends = places.iter().skip(1).map(|next| next.before).chain([comment.source().len()]);
    places.iter().zip(ends).map(|(place, end)| written(&comment, place, end)).collect()
}

/// The command at a place; its text may reach to `end`.
fn written(comment: &Shown, place: &Place, end: usize) -> Written {
    let word = &comment.source()[place.word.clone()];
    let line = comment.part(place.word.end..place.line_end);
    let line = without_break(&line).trim();
    // A line break right after the word is no part of the text.
    let from = if line.is_empty() { place.next_line } else { place.word.end };
    let all = comment.part(from.min(end)..end);
    let understood = match &place.miss {
        None => understand(word, line, all.trim()),
        Some(miss) => Err(miss.clone()),
    };
    let arguments = match understood {
        Ok(Command::Rework { .. } | Command::Answer { .. } | Command::Tell { .. } | Command::Replan { .. }) => {
            all.trim()
        }
        _ => line,
    };
    let arguments = arguments.to_owned();
    let word = kept(word);
    let unknown = |problem| Command::Unknown { word: word.clone(), problem: Some(problem) };
    let command = understood.unwrap_or_else(unknown);
    Written { line: place.line, word, arguments, command }
}

fn too_many(comment: &Shown, places: &[Place]) -> Written {
    let first = &places[0];
    let word = kept(&comment.source()[first.word.clone()]);
    let problem =
        format!("is one of {} commands; a comment may hold {MOST_COMMANDS}, and none of these was taken", places.len());
    let command = Command::Unknown { word: word.clone(), problem: Some(problem) };
    Written { line: first.line, word, arguments: String::new(), command }
}

fn kept(word: &str) -> String {
    truncate(word, LONGEST_WORD).to_owned()
}

#[cfg(test)]
mod tests;
