//! jest, vitest, mocha, ava, and `node --test` with its reporter `spec`.
//!
//! They share their marks (`✓ adds`) and their stacks. A mark alone is no test, because many programs print marks:
//! `found` keeps these names only where one of the runners counted its tests.

use adjutant_domain::text::truncate;

use super::TestStatus;
use super::blocks::Block;
use super::formats::Format;
use super::found::{Counts, Found, Runner};
use super::location::{of_stack, whole};
use super::words::{amounts, digits, indent, number, sum_of, untimed};

const PART_BYTES: usize = 200;
/// The most names of failed tests that are kept to find the one whose report follows.
const MOST_FAILED: usize = 200;
/// Groups that are nested deeper have no names.
pub(super) const DEPTH: usize = 20;

/// State: the file and the groups in which the marks stand, and the report that is being read.
#[derive(Debug, Default)]
pub(super) struct Node {
    file: String,
    groups: Vec<(usize, String)>,
    block: Block,
    failed: Vec<String>,
    part: Part,
}

/// Which part of the output is being read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    #[default]
    List,
    /// The reports of mocha's failures, whose titles have several lines.
    Mocha,
    /// The title of one of them goes on.
    MochaTitle,
    /// The reports of node's failures.
    Node,
    /// A title comes in ava's reports.
    AvaTitle,
}

impl Format for Node {
    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        let text = line.trim();
        if self.summary(line, text, found) || self.title(line, text, found) || self.mark(line, text, found) {
            return;
        }
        if !self.block.is_open() {
            self.group(line, text);
        } else if let Some(at) = of_stack(text) {
            self.block.at(&at, found);
        } else if let Some(at) = whole(text) {
            self.block.point(Some((at.path.to_owned(), at.line)));
        } else if !is_code(text) {
            self.block.say(text);
        }
    }

    fn end(&mut self, found: &mut Found<'_>) {
        self.block.close(found);
    }
}

impl Node {
    /// The closing lines with counts.
    fn summary(&mut self, line: &str, text: &str, found: &mut Found<'_>) -> bool {
        let sum = |counts: &str, words: &[&str]| sum_of(amounts(counts), words).unwrap_or(0);
        let vitest = text.strip_prefix("Tests  ").filter(|_| line.starts_with(' '));
        if let Some(counts) = line.strip_prefix("Tests: ").or(vitest) {
            let skipped = sum(counts, &["skipped", "todo", "pending"]);
            let runner = if vitest.is_some() { Runner::Vitest } else { Runner::Jest };
            let counts = Counts::of(sum(counts, &["passed"]), sum(counts, &["failed"]), skipped);
            if counts != Counts::of(0, 0, 0) {
                self.block.close(found);
                found.count(runner, counts);
            }
            return true;
        }
        if let Some((word, count)) = text.strip_prefix("ℹ ").and_then(|rest| rest.split_once(' ')) {
            return count_word(Runner::Node, word, count, found);
        }
        let Some((count, rest)) = digits(text) else { return false };
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let rest = rest.strip_prefix(' ').map(untimed);
        let counts = match rest {
            Some("passing") => Counts { passed: Some(count), failed: Some(0), skipped: None },
            Some("test passed" | "tests passed") => Counts { passed: Some(count), ..Counts::default() },
            Some("failing" | "test failed" | "tests failed") => Counts { failed: Some(count), ..Counts::default() },
            Some("pending" | "test skipped" | "tests skipped" | "test todo" | "tests todo") => {
                Counts { skipped: Some(count), ..Counts::default() }
            }
            _ => return false,
        };
        let is_ava = rest.is_some_and(|rest| rest.starts_with("test"));
        self.part = if rest == Some("failing") { Part::Mocha } else { self.part };
        found.count(if is_ava { Runner::Ava } else { Runner::Mocha }, counts);
        true
    }

    /// Lines that name a file, or open the report of a failed test.
    fn title(&mut self, line: &str, text: &str, found: &mut Found<'_>) -> bool {
        if let Some(file) = line.strip_prefix("FAIL ").or_else(|| line.strip_prefix("PASS ")) {
            self.block.close(found);
            self.groups.clear();
            self.part = Part::List;
            self.file = file.split(' ').next().unwrap_or_default().to_owned();
        } else if let Some(test) = line.strip_prefix(" FAIL  ") {
            found.test(Runner::Vitest, test, TestStatus::Failed);
            self.open(test, found);
        } else if let Some(test) = text.strip_prefix("● ").filter(|_| !self.file.is_empty()) {
            let is_suite = test == "Test suite failed to run";
            let name = if is_suite { self.file.clone() } else { format!("{} › {test}", self.file) };
            found.test(Runner::Jest, &name, TestStatus::Failed);
            self.open(&name, found);
        } else if text == "✖ failing tests:" {
            self.part = Part::Node;
        } else if text == "─" {
            self.block.close(found);
            self.part = Part::AvaTitle;
        } else if self.part == Part::AvaTitle && !text.is_empty() {
            self.part = Part::List;
            self.open(text, found);
        } else if matches!(self.part, Part::Mocha | Part::MochaTitle) {
            return self.mocha_title(line, text, found);
        } else {
            return false;
        }
        true
    }

    /// `  1) math`, then the inner groups, then `       adds wrongly:`.
    fn mocha_title(&mut self, line: &str, text: &str, found: &mut Found<'_>) -> bool {
        if let Some((group, name)) = text.split_once(") ")
            && number(group).is_some()
            && indent(line) == 2
        {
            self.open(name, found);
            self.part = Part::MochaTitle;
        } else if self.part == Part::MochaTitle && !text.is_empty() {
            let title = format!("{} › {}", self.block.title(), text.trim_end_matches(':'));
            self.block.open(truncate(&title, 4 * PART_BYTES));
        } else {
            return false;
        }
        let title = self.block.title().trim_end_matches(':').to_owned();
        if text.ends_with(':') {
            self.part = Part::Mocha;
            found.test(Runner::Mocha, &title, TestStatus::Failed);
            self.open(&title, found);
        }
        true
    }

    /// `✓ adds`: a test and how it ended.
    fn mark(&mut self, line: &str, text: &str, found: &mut Found<'_>) -> bool {
        let Some((status, name)) = marked(text) else { return false };
        let name = untimed(name.trim_end_matches(" # SKIP"));
        let at = indent(line);
        // vitest prints a file, or the tests of a file without their groups.
        if name.contains(" tests)") || name.contains(" test)") || name.contains(" tests | ") || self.is_in_vitest(at) {
            return true;
        }
        self.groups.retain(|(indent, group)| *indent < at || (*indent == at && group == name));
        if self.groups.last().is_some_and(|(indent, _)| *indent == at) {
            // The end of a group of `node --test`.
            self.groups.pop();
            return true;
        }
        let whole = self.whole_name(name);
        if self.part == Part::Node {
            let ending = format!(" › {name}");
            let known = self.failed.iter().find(|failed| failed.ends_with(&ending)).cloned();
            self.open(&known.unwrap_or_else(|| name.to_owned()), found);
            return true;
        }
        found.test(Runner::Marks, &whole, status);
        self.block.close(found);
        if status == TestStatus::Failed && self.failed.len() < MOST_FAILED {
            self.open(&whole, found);
            self.failed.push(whole);
        }
        true
    }

    fn is_in_vitest(&self, at: usize) -> bool {
        at > 1 && self.groups.first().is_some_and(|(_, group)| group.starts_with("❯ "))
    }

    fn whole_name(&self, name: &str) -> String {
        let file = Some(self.file.as_str()).filter(|file| !file.is_empty());
        let groups = self.groups.iter().map(|(_, group)| group.as_str());
        file.into_iter().chain(groups).chain([name]).collect::<Vec<_>>().join(" › ")
    }

    /// A line without a mark may be the name of a group of the tests below it, which are indented.
    fn group(&mut self, line: &str, text: &str) {
        let at = indent(line);
        let name = text.strip_prefix("▶ ").map_or(text, untimed);
        let is_group = at > 0 || text.starts_with("▶ ");
        if !text.is_empty() && is_group && self.part == Part::List {
            self.groups.retain(|(indent, _)| *indent < at);
            if self.groups.len() < DEPTH {
                self.groups.push((at, truncate(name, PART_BYTES).to_owned()));
            }
        }
    }

    fn open(&mut self, title: &str, found: &mut Found<'_>) {
        self.block.close(found);
        self.block.open(title);
    }
}

fn count_word(runner: Runner, word: &str, count: &str, found: &mut Found<'_>) -> bool {
    let Some(count) = number(count.trim()).and_then(|count| u32::try_from(count).ok()) else { return false };
    let counts = match word {
        "pass" => Counts { passed: Some(count), ..Counts::default() },
        "fail" | "cancelled" => Counts { failed: Some(count), ..Counts::default() },
        "skipped" | "skip" | "todo" => Counts { skipped: Some(count), ..Counts::default() },
        _ => return false,
    };
    found.count(runner, counts);
    true
}

/// The comments with counts at the end of a TAP stream: `# pass 2`.
pub(super) fn count_comment(comment: &str, found: &mut Found<'_>) -> bool {
    comment.split_once(' ').is_some_and(|(word, count)| count_word(Runner::Tap, word, count, found))
}

fn marked(text: &str) -> Option<(TestStatus, &str)> {
    let mark = text.chars().next()?;
    let status = match mark {
        '✓' | '✔' | '√' => TestStatus::Passed,
        '✕' | '×' | '✗' | '✖' | '✘' => TestStatus::Failed,
        '○' | '↓' | '﹣' => TestStatus::Skipped,
        _ => return None,
    };
    let name = text[mark.len_utf8()..].strip_prefix(' ')?.trim();
    let name = name.strip_prefix("[fail]: ").or_else(|| name.strip_prefix("skipped ")).unwrap_or(name);
    (!name.is_empty()).then_some((status, name))
}

/// A line of the source that is shown with its number.
fn is_code(text: &str) -> bool {
    let text = text.trim_start_matches("> ");
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    // ava shows it as `3: test(…`.
    rest.starts_with('|') || (rest.starts_with(": ") && rest.len() < text.len())
}
