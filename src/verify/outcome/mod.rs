//! Reads what a verifier printed: how many tests passed, which failed, and on which lines of the repository's files.
//!
//! In: the bytes of a log, and the files of the tree that was verified ([`TreeFiles`]). Out: one [`Outcome`]. Each format is
//! one row of the table in `formats`: it gets every line of the log, and reports to one collector (`found`), which keeps
//! the bounds. A log may hold several formats, because a command may run several programs; their counts are added.
//!
//! What never happens here: no I/O, and no verdict. Whether a verifier passed is decided by its exit code alone, because
//! everything in the log may have been written by the code under test. An outcome tells people where to look.
//!
//! The log is hostile. At most [`MOST_BYTES`] of it are read, its beginning and its end, and not too many lines. A line is
//! cut, JSON and XML documents have a size and a depth, an XML document with a DTD is not read, a path counts only if it is
//! a file of the tree, and what is collected is bounded.

mod blocks;
mod compare;
mod compilers;
mod formats;
mod found;
mod go;
mod json;
mod junit;
mod jvm;
mod libtest;
mod location;
mod node;
mod python;
mod ruby;
mod runners;
mod tap;
mod tree;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use adjutant_domain::check::Annotation;

use crate::workspace::sandbox::plain_text;
pub use compare::{Comparison, Runs, compare, idle, lost};
pub use tree::TreeFiles;

/// The most bytes of a log that are read: the first quarter of them from its beginning, the rest from its end.
pub const MOST_BYTES: usize = 8 << 20;
/// The most tests whose names are kept.
pub const MOST_TESTS: usize = 4_000;
/// The most annotations that are kept, failures first.
pub const MOST_ANNOTATIONS: usize = 200;

/// The most lines that are read: the first quarter of them from the beginning, the rest from the end. A log of short
/// lines would take seconds.
const MOST_LINES: usize = 400_000;
/// A line beyond this is cut for the formats that read lines.
const LINE_BYTES: usize = 8 * 1024;

/// What a log says about a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// `None` where no program said how many tests passed.
    pub passed: Option<u32>,
    pub failed: Option<u32>,
    pub skipped: Option<u32>,
    /// The tests that the log names, at most [`MOST_TESTS`]. Many programs name only those that failed.
    pub tests: BTreeMap<String, TestStatus>,
    /// At most [`MOST_ANNOTATIONS`], without repetitions.
    pub annotations: Vec<Annotation>,
    /// The line that says most about a failure, where a format knows it.
    pub cause: Option<String>,
}

/// How one test ended. The worst comes last: it counts where a log names a test twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TestStatus {
    Skipped,
    Passed,
    Failed,
}

impl Outcome {
    /// The names of the tests that failed, at most `most`.
    pub fn failing(&self, most: usize) -> Vec<String> {
        let failed = self.tests.iter().filter(|(_, status)| **status == TestStatus::Failed);
        failed.map(|(name, _)| name.clone()).take(most).collect()
    }
}

/// Reads a log.
pub fn read(log: &[u8], tree: &TreeFiles) -> Outcome {
    let text = plain_text(&shortened(log));
    let mut found = found::Found::new(tree);
    junit::read(&text, &mut found);
    let (mut json, mut formats) = (json::Json::default(), formats::all());
    let all = text.lines().count();
    let middle = MOST_LINES / 4..all.saturating_sub(MOST_LINES - MOST_LINES / 4);
    for line in text.lines().enumerate().filter(|(number, _)| !middle.contains(number)).map(|(_, line)| line) {
        let short = adjutant_domain::text::truncate(line, LINE_BYTES);
        json.line(line, &mut found);
        for format in &mut formats {
            format.line(short, &mut found);
        }
    }
    for format in &mut formats {
        format.end(&mut found);
    }
    found.outcome()
}

/// The beginning and the end of a log that is longer than [`MOST_BYTES`].
fn shortened(log: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if log.len() <= MOST_BYTES {
        return log.into();
    }
    let head = MOST_BYTES / 4;
    let tail = log.len() - (MOST_BYTES - head);
    [&log[..head], b"\n", &log[tail..]].concat().into()
}
