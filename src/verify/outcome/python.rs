//! pytest, unittest and the tracebacks of Python programs.

use adjutant_domain::check::AnnotationLevel;

use super::TestStatus;
use super::formats::Format;
use super::found::{Counts, Found, Remark, Runner};
use super::location::{Location, leading, of_python};
use super::words::{amounts, digits, labelled, sum_of};
use crate::verify::detect::has_extension;

const MOST_LINES: usize = 20;

/// State: the report of pytest or the traceback that is being read, and unittest's total.
#[derive(Debug, Default)]
pub(super) struct Python {
    report: Option<Report>,
    traceback: Option<Report>,
    /// The test whose traceback follows in unittest.
    test: String,
    ran: Option<u32>,
}

/// The report of one failure: where it passed through the tree, and what is said.
#[derive(Debug, Default)]
struct Report {
    title: String,
    /// The last place in the tree.
    place: Option<(String, u64)>,
    message: String,
    lines: usize,
    last: String,
}

impl Format for Python {
    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        if line.starts_with("=====") || line.starts_with("-----") || line.starts_with("!!!!!") {
            self.end(found);
        }
        if let Some(title) = header(line) {
            self.end(found);
            self.report = Some(Report { title: title.to_owned(), ..Report::default() });
        } else if let Some(counts) = pytest_totals(line) {
            self.end(found);
            found.count(Runner::Pytest, counts);
        } else if let Some((name, status, message)) = pytest_test(line) {
            found.test(Runner::Pytest, name, status);
            if status == TestStatus::Failed && !message.is_empty() {
                found.cause(&format!("{name}: {message}"));
            }
        } else if let Some(report) = &mut self.report {
            report.pytest_line(line, found);
        } else {
            self.unittest_line(line, found);
            self.traceback_line(line, found);
        }
    }

    fn end(&mut self, found: &mut Found<'_>) {
        for report in [self.report.take(), self.traceback.take()].into_iter().flatten() {
            report.tell(found);
        }
    }
}

impl Python {
    fn unittest_line(&mut self, line: &str, found: &mut Found<'_>) {
        let failed = line.strip_prefix("FAIL: ").or_else(|| line.strip_prefix("ERROR: "));
        if let Some(name) = failed.and_then(unittest_name) {
            self.test = name;
            found.test(Runner::Unittest, &self.test, TestStatus::Failed);
        } else if let Some((name, status)) = line.rsplit_once(" ... ")
            && let Some(name) = unittest_name(name)
        {
            let status = match status.split([' ', '\'']).next() {
                Some("ok" | "expected") => TestStatus::Passed,
                Some("FAIL" | "ERROR" | "unexpected") => TestStatus::Failed,
                Some("skipped") => TestStatus::Skipped,
                _ => return,
            };
            found.test(Runner::Unittest, &name, status);
        } else if let Some((ran, _)) = line.strip_prefix("Ran ").and_then(digits) {
            self.ran = u32::try_from(ran).ok();
        } else if let Some(ran) = self.ran
            && (line.starts_with("OK") || line.starts_with("FAILED"))
        {
            self.ran = None;
            let inside = line.split_once('(').map_or("", |(_, counts)| counts);
            let sum = |words: &[&str]| {
                let counted = labelled(inside).filter(|(word, _)| words.contains(word)).map(|(_, number)| number);
                counted.fold(0_u32, u32::saturating_add)
            };
            let failed = sum(&["failures", "errors", "unexpected successes"]);
            let skipped = sum(&["skipped"]);
            found.count(
                Runner::Unittest,
                Counts::of(ran.saturating_sub(failed).saturating_sub(skipped), failed, skipped),
            );
        }
    }

    fn traceback_line(&mut self, line: &str, found: &mut Found<'_>) {
        if let Some(at) = of_python(line) {
            let test = &self.test;
            let report = self.traceback.get_or_insert_with(|| Report { title: test.clone(), ..Report::default() });
            report.pass(&at, found);
            return;
        }
        let Some(mut report) = self.traceback.take() else { return };
        if line.starts_with(' ') || line.is_empty() {
            self.traceback = Some(report);
        } else {
            // The first line that is not indented is the exception.
            report.say(line);
            report.tell(found);
        }
    }
}

impl Report {
    fn pytest_line(&mut self, line: &str, found: &mut Found<'_>) {
        if let Some(said) = line.strip_prefix("E ") {
            self.say(said);
        } else if let Some(at) = of_python(line) {
            self.pass(&at, found);
        } else if let Some((at, None, rest)) = leading(line)
            && !rest.contains("Warning: ")
        {
            self.pass(&at, found);
        } else if !line.trim().is_empty() {
            self.last = line.trim().to_owned();
        }
    }

    fn pass(&mut self, at: &Location<'_>, found: &mut Found<'_>) {
        if let Some(file) = found.file(at.path) {
            self.place = Some((file, at.line));
        }
    }

    fn say(&mut self, line: &str) {
        if self.lines < MOST_LINES {
            self.lines += 1;
            self.message.push_str(line.trim());
            self.message.push('\n');
        }
    }

    fn tell(self, found: &mut Found<'_>) {
        let message = if self.message.is_empty() { &self.last } else { &self.message };
        let remark = Remark { level: AnnotationLevel::Failure, title: &self.title, message };
        let (file, line) = self.place.map_or((None, 0), |(file, line)| (Some(file), line));
        found.remark_file(file, line, line, &remark);
    }
}

/// `______ NAME ______`, which opens the report of a test.
fn header(line: &str) -> Option<&str> {
    let name = line.strip_prefix("__")?.strip_suffix("__")?.trim_matches('_');
    let name = name.strip_prefix(' ')?.strip_suffix(' ')?;
    (!name.trim().is_empty() && !name.contains("_ _")).then_some(name)
}

/// `=== 1 failed, 2 passed in 0.08s ===`, also without the signs.
fn pytest_totals(line: &str) -> Option<Counts> {
    let (counts, time) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
    (time.starts_with(|c: char| c.is_ascii_digit()) && time.contains('s')).then_some(())?;
    let sum = |words: &[&str]| sum_of(amounts(counts), words);
    let passed = sum(&["passed", "xpassed"]);
    let failed = sum(&["failed", "error", "errors"]);
    let skipped = sum(&["skipped", "xfailed"]);
    let first = amounts(counts).next().is_some_and(|_| counts.starts_with(|c: char| c.is_ascii_digit()));
    (first && (passed.is_some() || failed.is_some() || skipped.is_some()))
        .then(|| Counts::of(passed.unwrap_or(0), failed.unwrap_or(0), skipped.unwrap_or(0)))
}

/// A line about one test: in the list (`NODE PASSED [ 14%]`), with xdist (`[gw0] [ 14%] PASSED NODE`), or in the summary
/// (`FAILED NODE - MESSAGE`).
fn pytest_test(line: &str) -> Option<(&str, TestStatus, &str)> {
    let word = |word: &str| match word {
        "PASSED" | "XPASS" => Some(TestStatus::Passed),
        "FAILED" | "ERROR" => Some(TestStatus::Failed),
        "SKIPPED" | "XFAIL" => Some(TestStatus::Skipped),
        _ => None,
    };
    let line = match line.strip_prefix("[gw") {
        Some(rest) => rest.split_once("%] ")?.1,
        None => line,
    };
    let (first, rest) = line.split_once(' ')?;
    if let Some(status) = word(first) {
        let (node, message) = rest.split_once(" - ").unwrap_or((rest, ""));
        let is_node = node.contains("::") || (first == "ERROR" && has_extension(node, "py"));
        return is_node.then(|| (node.trim(), status, message.trim()));
    }
    first.contains("::").then_some(())?;
    let line = line.trim_end();
    let line = line.strip_suffix(']').and_then(|line| line.rsplit_once(" [")).map_or(line, |(line, _)| line).trim_end();
    let line = line.strip_suffix(')').and_then(|line| line.rsplit_once(" (")).map_or(line, |(line, _)| line);
    let (node, last) = line.rsplit_once(' ')?;
    Some((node.trim(), word(last)?, ""))
}

/// `test_adds (module.Class.test_adds)`, or `test_adds (module.Class)` until Python 3.10.
fn unittest_name(text: &str) -> Option<String> {
    let (method, class) = text.trim().strip_suffix(')')?.split_once(" (")?;
    (!method.contains(' ') && !class.contains(' ')).then_some(())?;
    let whole = class.ends_with(&format!(".{method}"));
    Some(if whole { class.to_owned() } else { format!("{class}.{method}") })
}
