//! Maven's Surefire, and Gradle.

use super::TestStatus;
use super::blocks::Block;
use super::formats::Format;
use super::found::{Counts, Found, Runner};
use super::location::Location;
use super::words::{amounts, digits, labelled, sum_of};

/// State: what the classes of a run that does not come to its end have counted, and whether failures are listed.
#[derive(Debug, Default)]
pub(super) struct Surefire {
    classes: Option<Counts>,
    lists: bool,
    block: Block,
}

impl Format for Surefire {
    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        let line = ["[ERROR] ", "[WARNING] ", "[INFO] "]
            .iter()
            .find_map(|level| line.strip_prefix(level))
            .unwrap_or(line)
            .trim_end();
        if let Some(rest) = line.trim_start().strip_prefix("Tests run: ") {
            self.totals(rest, found);
        } else if let Some((name, _)) = line.split_once(" <<< ") {
            self.lists = false;
            let name = name.rsplit_once("Time elapsed:").map_or(name, |(name, _)| name);
            let name = name.trim_end_matches(['-', ' ']);
            found.test(Runner::Surefire, &java_name(name), TestStatus::Failed);
        } else if matches!(line, "Failures:" | "Errors:" | "Failures: " | "Errors: ") {
            self.lists = true;
        } else if self.lists {
            self.listed(line, found);
        }
    }

    fn end(&mut self, found: &mut Found<'_>) {
        if let Some(counts) = self.classes.take() {
            found.count(Runner::Surefire, counts);
        }
    }
}

impl Surefire {
    fn totals(&mut self, rest: &str, found: &mut Found<'_>) {
        let Some((total, rest)) = digits(rest) else { return };
        let get = |words: &[&str]| {
            let counted = labelled(rest).filter(|(label, _)| words.contains(label)).map(|(_, count)| count);
            counted.fold(0, u32::saturating_add)
        };
        let (failed, skipped) = (get(&["Failures", "Errors"]), get(&["Skipped"]));
        let total = u32::try_from(total).unwrap_or(u32::MAX);
        let counts = Counts::of(total.saturating_sub(failed).saturating_sub(skipped), failed, skipped);
        if rest.contains("Time elapsed") {
            self.classes = Some(self.classes.map_or(counts, |sum| sum.plus(counts)));
        } else {
            // The line that closes a module sums up its classes.
            self.classes = None;
            self.lists = false;
            found.count(Runner::Surefire, counts);
        }
    }

    /// `  ATest.addsWrongly:7 expected: <4> but was: <3>`
    fn listed(&mut self, line: &str, found: &mut Found<'_>) {
        let Some((test, rest)) = line.trim_start().split_once(':') else { return };
        let Some((at, message)) = digits(rest.rsplit("->").next().unwrap_or(rest)) else { return };
        let class = test.split('.').next().unwrap_or_default();
        if class.is_empty() || class.contains(' ') {
            return;
        }
        self.block.open(test);
        self.block.say(message.trim_start_matches(['»', ' ']));
        for file in [format!("{class}.java"), format!("{class}.kt"), format!("{class}.groovy")] {
            self.block.at(&Location { path: &file, line: at }, found);
        }
        self.block.close(found);
    }
}

/// `addsWrongly(w.ATest)` as `w.ATest.addsWrongly`.
fn java_name(name: &str) -> String {
    match name.strip_suffix(')').and_then(|name| name.split_once('(')) {
        Some((method, class)) if !class.is_empty() => format!("{class}.{method}"),
        _ => name.to_owned(),
    }
}

/// State: the test whose exception is being read.
#[derive(Debug, Default)]
pub(super) struct Gradle {
    block: Block,
}

impl Format for Gradle {
    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        let text = line.trim();
        if let Some((name, status)) = gradle_test(line) {
            self.block.close(found);
            found.test(Runner::Gradle, name, status);
            if status == TestStatus::Failed {
                self.block.open(name);
            }
        } else if text.contains(" tests completed") || text.contains(" test completed") {
            let sum = |word: &[&str]| sum_of(amounts(text), word).unwrap_or(0);
            let (all, failed, skipped) = (sum(&["tests", "test"]), sum(&["failed"]), sum(&["skipped"]));
            let passed = all.saturating_sub(failed).saturating_sub(skipped);
            found.count(Runner::Gradle, Counts::of(passed, failed, skipped));
        } else if !line.starts_with(' ') {
            self.block.close(found);
        } else if let Some(frame) = text.strip_prefix("at ") {
            let frame = frame.rsplit_once('(').map_or(frame, |(_, place)| place.trim_end_matches(')'));
            if let Some((file, at)) = frame.split_once(':')
                && let Some((at, "")) = digits(at)
            {
                self.block.at(&Location { path: file, line: at }, found);
            }
        } else {
            self.block.say(text);
        }
    }

    fn end(&mut self, found: &mut Found<'_>) {
        self.block.close(found);
    }
}

/// `ATest > addsWrongly() FAILED`
fn gradle_test(line: &str) -> Option<(&str, TestStatus)> {
    let (name, status) = line.trim_end().rsplit_once(' ')?;
    let status = match status {
        "FAILED" => TestStatus::Failed,
        "PASSED" => TestStatus::Passed,
        "SKIPPED" => TestStatus::Skipped,
        _ => return None,
    };
    (name.contains(" > ") && !line.starts_with(' ')).then_some((name, status))
}
