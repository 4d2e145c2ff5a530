//! `RSpec`, and minitest as Rails and Rake run it.

use super::TestStatus;
use super::blocks::Block;
use super::formats::Format;
use super::found::{Counts, Found, Runner};
use super::location::leading;
use super::words::{amounts, indent, number, sum_of};

/// State: the failure that is being read.
#[derive(Debug, Default)]
pub(super) struct Rspec {
    lists: bool,
    block: Block,
}

impl Format for Rspec {
    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        let text = line.trim();
        if let Some((_, name)) = line.strip_prefix("rspec ").and_then(|rest| rest.split_once(" # ")) {
            found.test(Runner::Rspec, name, TestStatus::Failed);
        } else if is_rspec_total(text) {
            self.lists = false;
            self.block.close(found);
            let sum = |words: &[&str]| sum_of(amounts(text), words).unwrap_or(0);
            let (all, failed) = (sum(&["examples", "example"]), sum(&["failures", "failure", "errors", "error"]));
            let skipped = sum(&["pending"]);
            let passed = all.saturating_sub(sum(&["failures", "failure"])).saturating_sub(skipped);
            found.count(Runner::Rspec, Counts::of(passed, failed, skipped));
        } else if text == "Failures:" || line.starts_with("Pending: (") {
            self.lists = text == "Failures:";
        } else if let Some(title) = numbered(text).filter(|_| self.lists && indent(line) == 2) {
            self.block.close(found);
            self.block.open(title);
        } else if let Some((at, ..)) = text.strip_prefix("# ").and_then(leading) {
            self.block.at(&at, found);
        } else {
            self.block.say(text.strip_prefix("Failure/Error: ").unwrap_or(text));
        }
    }

    fn end(&mut self, found: &mut Found<'_>) {
        self.block.close(found);
    }
}

fn is_rspec_total(text: &str) -> bool {
    let mut words = text.split(' ');
    words.next().is_some_and(|count| number(count).is_some())
        && words.next().is_some_and(|word| matches!(word, "examples," | "example,"))
}

/// `1) TITLE`
fn numbered(text: &str) -> Option<&str> {
    let (count, title) = text.split_once(") ")?;
    number(count).map(|_| title)
}

/// State: the failure that is being read, whose name comes in the line after its number.
#[derive(Debug, Default)]
pub(super) struct Minitest {
    expects: Option<TestStatus>,
    block: Block,
}

impl Format for Minitest {
    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        let text = line.trim();
        let kind = text.rsplit_once(") ").filter(|(count, _)| number(count).is_some()).map_or(text, |(_, kind)| kind);
        if let Some(status) = self.expects.take() {
            self.name(text, status, found);
        } else if matches!(kind, "Failure:" | "Error:" | "Skipped:") {
            self.block.close(found);
            self.expects = Some(if kind == "Skipped:" { TestStatus::Skipped } else { TestStatus::Failed });
        } else if let Some((name, status)) = minitest_line(text) {
            found.test(Runner::Minitest, name, status);
        } else if text.contains(" runs, ") && text.contains(" assertions, ") {
            self.block.close(found);
            let sum = |words: &[&str]| sum_of(amounts(text), words).unwrap_or(0);
            let (failed, skipped) = (sum(&["failures", "errors"]), sum(&["skips"]));
            let passed = sum(&["runs"]).saturating_sub(failed).saturating_sub(skipped);
            found.count(Runner::Minitest, Counts::of(passed, failed, skipped));
        } else if let Some((at, ..)) = leading(text) {
            self.block.at(&at, found);
        } else {
            self.block.say(text);
        }
    }

    fn end(&mut self, found: &mut Found<'_>) {
        self.block.close(found);
    }
}

impl Minitest {
    /// `MathTest#test_adds_wrongly [math_test.rb:5]:`, or without a place and then `math_test.rb:8:in …` below.
    fn name(&mut self, text: &str, status: TestStatus, found: &mut Found<'_>) {
        let text = text.trim_end_matches(':');
        let (name, place) = match text.strip_suffix(']').and_then(|text| text.split_once(" [")) {
            Some((name, place)) => (name, leading(place)),
            None => (text, None),
        };
        if !name.contains('#') {
            return;
        }
        found.test(Runner::Minitest, name, status);
        if status == TestStatus::Failed {
            self.block.open(name);
            self.block.point(place.map(|(at, ..)| (at.path.to_owned(), at.line)));
        }
    }
}

/// `MathTest#test_boom = 0.00 s = E`
fn minitest_line(text: &str) -> Option<(&str, TestStatus)> {
    let (name, rest) = text.split_once(" = ")?;
    let status = match rest.rsplit_once(" s = ")?.1 {
        "." => TestStatus::Passed,
        "F" | "E" => TestStatus::Failed,
        "S" => TestStatus::Skipped,
        _ => return None,
    };
    name.contains('#').then_some((name, status))
}
