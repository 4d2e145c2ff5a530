//! `adjutant check comment`: what the bot would take from a comment, without a directive or GitHub.
//!
//! Whether a command can be carried out depends on the directive, and is not said here.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::Utf8Error;

use adjutant::report;
use adjutant_domain::command::{self, Command, Written};
use adjutant_domain::text;
use serde::Serialize;

/// The longest comment that GitHub takes, in characters. Line ends at the end of a file are not counted.
const LONGEST: usize = 65_536;

/// Why a file is no comment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommentError {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("line {line} is no UTF-8 text; save it as UTF-8")]
    NotUtf8 { line: usize },
    #[error("is longer than the {LONGEST} characters that GitHub takes; shorten it")]
    TooLong,
}

impl CommentError {
    /// The exit status: 1 where GitHub takes no such comment, 2 where nothing could be read.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::NotUtf8 { .. } | Self::TooLong => 1,
            Self::Unreadable(_) => 2,
        }
    }
}

/// How the answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    /// One line of JSON for each file.
    Json,
}

/// What is in a comment: the line of JSON.
#[derive(Serialize)]
struct Found {
    commands: Vec<Taken>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused>,
    /// The file's name, if a folder was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// Why the file is no comment, if a folder was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Taken {
    /// The command's name without its slash.
    command: String,
    /// The step, where it is named alone. The first word of `/rework` can name one as well: the plan says whether it does.
    step: Option<String>,
    /// What else belongs to the command.
    text: String,
    /// From 1.
    line: usize,
}

#[derive(Serialize)]
struct Refused {
    /// The word without its slash, as written.
    command: String,
    text: String,
    line: usize,
    reason: String,
}

/// The files to check: the one that is named, or those of a folder in the order of their names.
pub(crate) fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in path.read_dir()? {
        let file = entry?.path();
        if file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Prints what a comment says. `file` is its name, where several are told apart.
pub(crate) fn print(
    out: &mut impl Write,
    form: Form,
    file: Option<String>,
    bytes: Result<Vec<u8>, io::Error>,
) -> io::Result<Result<(), CommentError>> {
    let (found, outcome) = match bytes.map_err(CommentError::from).and_then(|bytes| read(&bytes)) {
        Ok(found) => (Found { file, ..found }, Ok(())),
        Err(error) if file.is_none() => return Ok(Err(error)),
        Err(error) => {
            let told = Some(error.to_string());
            (Found { commands: Vec::new(), refused: Vec::new(), file, error: told }, Err(error))
        }
    };
    match form {
        Form::Json => writeln!(out, "{}", serde_json::to_string(&found)?)?,
        Form::Text => tell(out, &found)?,
    }
    Ok(outcome)
}

fn read(bytes: &[u8]) -> Result<Found, CommentError> {
    if bytes.len() > text::MAX_BYTES + 2 {
        return Err(CommentError::TooLong);
    }
    let broken = |error: Utf8Error| {
        let before = &bytes[..error.valid_up_to()];
        CommentError::NotUtf8 { line: before.split(|byte| *byte == b'\n').count() }
    };
    let comment = std::str::from_utf8(bytes).map_err(broken)?;
    if comment.trim_end_matches(['\r', '\n']).chars().count() > LONGEST {
        return Err(CommentError::TooLong);
    }
    let mut found = Found { commands: Vec::new(), refused: Vec::new(), file: None, error: None };
    for Written { line, word, arguments, command } in command::read(comment) {
        if let Command::Unknown { word, problem } = command {
            let reason = report::not_understood(&word, problem.as_deref());
            found.refused.push(Refused { command: word, text: arguments, line, reason });
            continue;
        }
        let step = step_of(&command).map(str::to_owned);
        let text = if step.is_some() { String::new() } else { arguments };
        found.commands.push(Taken { command: word.to_ascii_lowercase(), step, text, line });
    }
    Ok(found)
}

fn step_of(command: &Command) -> Option<&str> {
    match command {
        Command::Approve { step }
        | Command::Unapprove { step }
        | Command::Retry { step }
        | Command::Verify { step }
        | Command::Skip { step } => step.as_deref(),
        _ => None,
    }
}

fn tell(out: &mut impl Write, found: &Found) -> io::Result<()> {
    let place = found.file.as_ref().map(|file| format!("{file}:")).unwrap_or_default();
    if let Some(error) = &found.error {
        return writeln!(out, "{place} {error}");
    }
    if found.commands.is_empty() && found.refused.is_empty() {
        return writeln!(out, "{}no command", if place.is_empty() { place } else { format!("{place} ") });
    }
    for Taken { command, step, text, line } in &found.commands {
        let step = step.as_ref().map(|step| format!(" the step `{step}`")).unwrap_or_default();
        let lines = text.lines().map(|line| if line.is_empty() { String::new() } else { format!("    {line}") });
        let text: Vec<String> = lines.collect();
        let text = text.join("\n");
        let text = if text.is_empty() { text } else { format!(": {}", text.trim_start()) };
        writeln!(out, "{place}{line}: /{command}{step}{text}")?;
    }
    for Refused { line, reason, .. } in &found.refused {
        writeln!(out, "{place}{line}: refused: {reason}")?;
    }
    Ok(())
}
