//! `cargo test`, `cargo nextest`, and the panics of Rust programs.

use adjutant_domain::check::AnnotationLevel;

use super::TestStatus;
use super::formats::Format;
use super::found::{Counts, Found, Remark, Runner};
use super::location::{leading, whole};
use super::words::{amounts, sum_of};

const MOST_LINES: usize = 20;

/// State: which test binary runs, whose output is shown, and the panic that is being read.
#[derive(Debug, Default)]
pub(super) struct Libtest {
    binary: String,
    shown: String,
    panic: Option<Panic>,
}

#[derive(Debug)]
struct Panic {
    test: String,
    place: String,
    message: String,
    lines: usize,
    is_told: bool,
}

impl Format for Libtest {
    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        let line = line.trim();
        if let Some(binary) = binary(line) {
            self.binary = binary.to_owned();
        } else if let Some(counts) = line.strip_prefix("test result: ") {
            self.end(found);
            found.count(
                Runner::Libtest,
                totals(counts.split_once(". ").map_or(counts, |(_, counts)| counts), "ignored"),
            );
        } else if let Some((name, status)) = test(line) {
            found.test(Runner::Libtest, &self.named(name), status);
        } else if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            self.end(found);
            self.shown = self.named(name);
        } else if let Some(place) = line.strip_prefix("note: test did not panic as expected at ") {
            if let Some(at) = whole(place) {
                found.remark(&at, &failure(&self.shown, "the test did not panic as expected"));
            }
        } else if let Some((binary, test, status)) = nextest(line) {
            self.end(found);
            // What the test printed follows.
            binary.clone_into(&mut self.binary);
            found.test(Runner::Nextest, &format!("{binary}::{test}"), status);
        } else if let Some((_, counts)) = line.strip_prefix("Summary [").and_then(|rest| rest.split_once(" run: ")) {
            found.count(Runner::Nextest, totals(counts, "skipped"));
        } else {
            self.panic_line(line, found);
        }
    }

    fn end(&mut self, found: &mut Found<'_>) {
        if let Some(mut panic) = self.panic.take() {
            panic.tell(found);
        }
    }
}

impl Libtest {
    /// Tests of several binaries may have one name.
    fn named(&self, name: &str) -> String {
        let name = name.strip_suffix(" - should panic").unwrap_or(name);
        // A documentation test is named by its line, which changes with every line above it.
        let name = name.rsplit_once(" (line ").map_or(name, |(name, _)| name);
        if self.binary.is_empty() { name.to_owned() } else { format!("{}::{name}", self.binary) }
    }

    fn panic_line(&mut self, line: &str, found: &mut Found<'_>) {
        if let Some((thread, rest)) = line.strip_prefix("thread '").and_then(|rest| rest.split_once('\''))
            && let Some((_, place)) = rest.split_once("panicked at ")
        {
            self.end(found);
            let test = if thread == "main" { self.shown.clone() } else { self.named(thread) };
            // Until Rust 1.72 the message stood before the place, on the same line.
            let (message, place) = match place.strip_prefix('\'').and_then(|old| old.rsplit_once("', ")) {
                Some((message, place)) => (format!("{message}\n"), place),
                None => (String::new(), place.trim_end_matches(':')),
            };
            self.panic = Some(Panic { test, place: place.to_owned(), message, lines: 0, is_told: false });
            return;
        }
        let Some(panic) = &mut self.panic else { return };
        if line.is_empty() || line == "stack backtrace:" || line.starts_with("note: ") {
            let is_in_tree = panic.tell(found);
            if is_in_tree {
                self.panic = None;
            }
        } else if !panic.is_told {
            panic.say(line);
        } else if let Some(at) = line.strip_prefix("at ").and_then(whole)
            && found.remark(&at, &failure(&panic.test, &panic.message))
        {
            // The panic was in a library that the tree called.
            self.panic = None;
        }
    }
}

impl Panic {
    fn say(&mut self, line: &str) {
        if self.lines < MOST_LINES {
            self.lines += 1;
            self.message.push_str(line);
            self.message.push('\n');
        }
    }

    /// Annotates the place of the panic; whether it is in the tree.
    fn tell(&mut self, found: &mut Found<'_>) -> bool {
        let again = std::mem::replace(&mut self.is_told, true);
        let remark = failure(&self.test, &self.message);
        !again && leading(&self.place).is_some_and(|(at, ..)| found.remark(&at, &remark))
    }
}

fn failure<'a>(title: &'a str, message: &'a str) -> Remark<'a> {
    let message = if message.trim().is_empty() { "it panicked" } else { message };
    Remark { level: AnnotationLevel::Failure, title, message }
}

fn totals(counts: &str, skipped: &str) -> Counts {
    let sum = |words: &[&str]| sum_of(amounts(counts), words).unwrap_or(0);
    Counts::of(sum(&["passed"]), sum(&["failed", "timed"]), sum(&[skipped]))
}

/// `Running unittests src/lib.rs (target/debug/deps/NAME-HASH)` or `Doc-tests NAME`.
fn binary(line: &str) -> Option<&str> {
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(name);
    }
    let (_, path) = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once('(')?;
    let file = path.rsplit('/').next()?;
    file.rsplit_once('-').map(|(name, _)| name)
}

/// `test NAME ... STATUS`.
fn test(line: &str) -> Option<(&str, TestStatus)> {
    let (name, status) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let status = match status.split([' ', ',', ':']).next()? {
        "ok" | "bench" => TestStatus::Passed,
        "FAILED" => TestStatus::Failed,
        "ignored" => TestStatus::Skipped,
        _ => return None,
    };
    Some((name, status))
}

/// `PASS [   0.024s] (1/4) BINARY TEST`.
fn nextest(line: &str) -> Option<(&str, &str, TestStatus)> {
    let (word, rest) = line.split_once(" [")?;
    let status = match word.trim() {
        "PASS" | "LEAK" | "TRY 2 PASS" | "TRY 3 PASS" => TestStatus::Passed,
        "FAIL" | "TIMEOUT" | "ABORT" => TestStatus::Failed,
        "SKIP" => TestStatus::Skipped,
        flaky if flaky.starts_with("FLAKY ") => TestStatus::Passed,
        signal if signal.starts_with("SIG") && !signal.contains(' ') => TestStatus::Failed,
        _ => return None,
    };
    let (time, name) = rest.split_once("] ")?;
    time.trim().ends_with('s').then_some(())?;
    let name = name.trim();
    let name = match name.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
        Some((_, name)) => name.trim(),
        None => name,
    };
    let (binary, test) = name.split_once(' ')?;
    Some((binary, test, status))
}
