//! Collects what the formats report, within bounds.

use std::collections::{BTreeMap, HashMap, HashSet};

use adjutant_domain::check::{Annotation, AnnotationLevel};
use adjutant_domain::text::truncate;

use super::location::Location;
use super::tree::PATH_BYTES;
use super::{MOST_ANNOTATIONS, MOST_TESTS, Outcome, TestStatus, TreeFiles};
use crate::workspace::secrets;

const NAME_BYTES: usize = 300;
const TITLE_BYTES: usize = 200;
const MESSAGE_BYTES: usize = 4_000;
const CAUSE_BYTES: usize = 300;
/// What is read of a message before secrets are replaced in it: a cut through a secret must not hide it.
const READ_BYTES: usize = 4 * MESSAGE_BYTES;
/// The most different paths that are looked up.
const MOST_PATHS: usize = 20_000;
/// GitHub's numbers are signed and have 32 bits.
const LAST_LINE: u64 = i32::MAX as u64;

/// A program that runs tests and counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Runner {
    Ava,
    Ctest,
    Dotnet,
    Go,
    Gradle,
    Jest,
    Junit,
    Libtest,
    /// Marks such as `✓`, which are tests only where another runner counted.
    Marks,
    Minitest,
    Mocha,
    Nextest,
    Node,
    Phpunit,
    Pytest,
    Rspec,
    Surefire,
    Tap,
    Unittest,
    Vitest,
}

/// The runners that print a mark before each test.
const MARKING: [Runner; 6] = [Runner::Ava, Runner::Jest, Runner::Mocha, Runner::Node, Runner::Phpunit, Runner::Vitest];

/// How many tests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: Option<u32>,
    pub(super) failed: Option<u32>,
    pub(super) skipped: Option<u32>,
}

impl Counts {
    pub(super) fn of(passed: u32, failed: u32, skipped: u32) -> Self {
        Self { passed: Some(passed), failed: Some(failed), skipped: Some(skipped) }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        let add = |a: Option<u32>, b: Option<u32>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        Self {
            passed: add(self.passed, other.passed),
            failed: add(self.failed, other.failed),
            skipped: add(self.skipped, other.skipped),
        }
    }
}

/// A remark on a line, before it is known whether the line is in the tree.
#[derive(Debug, Clone)]
pub(super) struct Remark<'a> {
    pub(super) level: AnnotationLevel,
    /// A test, a rule, or empty.
    pub(super) title: &'a str,
    pub(super) message: &'a str,
}

/// What was found so far.
pub(super) struct Found<'a> {
    tree: &'a TreeFiles,
    counts: BTreeMap<Runner, Counts>,
    tests: BTreeMap<String, (Runner, TestStatus)>,
    failures: Vec<Annotation>,
    others: Vec<Annotation>,
    seen: HashSet<Annotation>,
    paths: HashMap<String, Option<String>>,
    cause: Option<String>,
    first_failure: Option<String>,
}

impl<'a> Found<'a> {
    pub(super) fn new(tree: &'a TreeFiles) -> Self {
        Self {
            tree,
            counts: BTreeMap::new(),
            tests: BTreeMap::new(),
            failures: Vec::new(),
            others: Vec::new(),
            seen: HashSet::new(),
            paths: HashMap::new(),
            cause: None,
            first_failure: None,
        }
    }

    pub(super) fn tree(&self) -> &'a TreeFiles {
        self.tree
    }

    /// Adds to what a runner counted.
    pub(super) fn count(&mut self, runner: Runner, counts: Counts) {
        let sum = self.counts.entry(runner).or_default();
        *sum = sum.plus(counts);
    }

    /// Records how a test ended.
    pub(super) fn test(&mut self, runner: Runner, name: &str, status: TestStatus) {
        let name = clean(name, NAME_BYTES);
        if name.is_empty() {
            return;
        }
        if let Some((_, known)) = self.tests.get_mut(&name) {
            *known = status.max(*known);
        } else if self.tests.len() < MOST_TESTS {
            self.tests.insert(name, (runner, status));
        }
    }

    /// The line that says most about the failure; the first one counts.
    pub(super) fn cause(&mut self, line: &str) {
        if self.cause.is_none() {
            self.cause = Some(clean(line, CAUSE_BYTES));
        }
    }

    /// The path in the tree that a program means.
    pub(super) fn file(&mut self, printed: &str) -> Option<String> {
        if let Some(known) = self.paths.get(printed) {
            return known.clone();
        }
        if self.paths.len() >= MOST_PATHS || printed.len() > PATH_BYTES {
            return None;
        }
        let file = self.tree.file(printed);
        self.paths.insert(printed.to_owned(), file.clone());
        file
    }

    /// Whether the location is in the tree.
    pub(super) fn knows(&mut self, location: &Location<'_>) -> bool {
        self.file(location.path).is_some()
    }

    /// Annotates a location, if it is in the tree. Returns whether it is.
    pub(super) fn remark(&mut self, location: &Location<'_>, remark: &Remark<'_>) -> bool {
        let file = self.file(location.path);
        self.remark_file(file, location.line, location.line, remark)
    }

    /// Annotates lines of a file, if it is known.
    pub(super) fn remark_file(&mut self, file: Option<String>, line: u64, last: u64, remark: &Remark<'_>) -> bool {
        let message = lines(remark.message);
        let title = clean(remark.title, TITLE_BYTES);
        if remark.level == AnnotationLevel::Failure && self.first_failure.is_none() {
            self.first_failure = Some(told(&title, &message, file.as_deref(), line));
        }
        let lines = |line: u64| u32::try_from(line).ok().filter(|_| (1..=LAST_LINE).contains(&line));
        let (Some(path), Some(start_line)) = (file, lines(line)) else { return false };
        let end_line = lines(last).filter(|last| *last >= start_line).unwrap_or(start_line);
        let message = if message.is_empty() { title.clone() } else { message };
        if message.is_empty() {
            return false;
        }
        let annotation = Annotation { path, start_line, end_line, level: remark.level, title, message };
        let list = if annotation.level == AnnotationLevel::Failure { &mut self.failures } else { &mut self.others };
        if list.len() < MOST_ANNOTATIONS && self.seen.insert(annotation.clone()) {
            list.push(annotation);
        }
        true
    }

    /// Everything together.
    pub(super) fn outcome(mut self) -> Outcome {
        // A report in XML repeats what the text says, and nextest prints what each test binary printed.
        let junit = self.counts.contains_key(&Runner::Junit);
        let nextest = self.tests.values().any(|(runner, _)| *runner == Runner::Nextest);
        let marks = MARKING.iter().any(|runner| self.counts.contains_key(runner));
        let counts = |runner: Runner| match runner {
            Runner::Junit => true,
            Runner::Marks => marks && !junit,
            Runner::Libtest => !junit && !nextest,
            _ => !junit,
        };
        self.tests.retain(|_, (runner, _)| counts(*runner));
        let summed = self.counts.iter().filter(|(runner, _)| counts(**runner));
        let mut sum = summed.map(|(_, counts)| *counts).reduce(Counts::plus).unwrap_or_default();
        // A run that was stopped did not come to its closing line.
        let uncounted = |runner: &Runner| *runner != Runner::Marks && !self.counts.contains_key(runner);
        for (_, status) in self.tests.values().filter(|(runner, _)| uncounted(runner)) {
            // Some runners name only the tests that failed, so no name is no zero.
            sum = sum.plus(match status {
                TestStatus::Passed => Counts { passed: Some(1), ..Counts::default() },
                TestStatus::Failed => Counts { failed: Some(1), ..Counts::default() },
                TestStatus::Skipped => Counts { skipped: Some(1), ..Counts::default() },
            });
        }
        let tests: BTreeMap<_, _> = self.tests.into_iter().map(|(name, (_, status))| (name, status)).collect();
        let mut annotations = self.failures;
        // A test may print what looks like a failure, and pass.
        annotations.retain(|annotation| tests.get(&annotation.title) != Some(&TestStatus::Passed));
        annotations.extend(self.others);
        annotations.truncate(MOST_ANNOTATIONS);
        let failed = || tests.iter().find(|(_, status)| **status == TestStatus::Failed);
        let first_test = || failed().map(|(name, _)| format!("{name} failed"));
        let cause = self.cause.or(self.first_failure).or_else(first_test).filter(|cause| !cause.is_empty());
        Outcome { passed: sum.passed, failed: sum.failed, skipped: sum.skipped, tests, annotations, cause }
    }
}

/// A failure in one line.
fn told(title: &str, message: &str, file: Option<&str>, line: u64) -> String {
    let first = message.lines().next().unwrap_or_default();
    let what = match (title, first) {
        (title, "") => title.to_owned(),
        ("", first) => first.to_owned(),
        (title, first) if first.contains(title) => first.to_owned(),
        (title, first) => format!("{title}: {first}"),
    };
    let what = truncate(&what, CAUSE_BYTES);
    file.map_or_else(|| what.to_owned(), |file| format!("{what} ({file}:{line})"))
}

/// One line without secrets.
fn clean(text: &str, bytes: usize) -> String {
    let words: Vec<&str> = truncate(text, READ_BYTES).split_whitespace().collect();
    truncate(&secrets::redact(&words.join(" ")), bytes).to_owned()
}

/// Several lines without secrets.
fn lines(text: &str) -> String {
    truncate(&secrets::redact(truncate(text.trim(), READ_BYTES)), MESSAGE_BYTES).trim_end().to_owned()
}
