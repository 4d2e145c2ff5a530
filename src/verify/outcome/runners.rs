//! `PHPUnit`, `dotnet test` and `CTest`.

use super::TestStatus;
use super::blocks::Block;
use super::formats::Format;
use super::found::{Counts, Found, Runner};
use super::location::{Location, whole};
use super::words::{amounts, digits, labelled, number, sum_of, untimed};

/// State: the failure that is being read.
#[derive(Debug, Default)]
pub(super) struct Phpunit {
    is_phpunit: bool,
    block: Block,
}

impl Format for Phpunit {
    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        let text = line.trim();
        self.is_phpunit |= line.starts_with("PHPUnit ");
        if !self.is_phpunit {
            return;
        }
        if let Some(counts) = line.strip_prefix("OK (") {
            let passed = sum_of(amounts(counts), &["test", "tests"]);
            found.count(Runner::Phpunit, Counts { passed, failed: Some(0), skipped: Some(0) });
        } else if line.starts_with("Tests: ") {
            self.block.close(found);
            let get = |words: &[&str]| {
                let counted = labelled(line).filter(|(label, _)| words.contains(label)).map(|(_, count)| count);
                counted.fold(0, u32::saturating_add)
            };
            let (failed, skipped) = (get(&["Failures", "Errors"]), get(&["Skipped", "Incomplete"]));
            let passed = get(&["Tests"]).saturating_sub(failed).saturating_sub(skipped);
            found.count(Runner::Phpunit, Counts::of(passed, failed, skipped));
        } else if let Some((count, name)) = line.split_once(") ")
            && number(count).is_some()
            && name.contains("::")
        {
            self.block.close(found);
            found.test(Runner::Phpunit, name, TestStatus::Failed);
            self.block.open(name);
        } else if let Some(at) = line.starts_with('/').then(|| whole(text)).flatten() {
            self.block.at(&at, found);
        } else {
            self.block.say(text);
        }
    }

    fn end(&mut self, found: &mut Found<'_>) {
        self.block.close(found);
    }
}

/// State: the failure that is being read.
#[derive(Debug, Default)]
pub(super) struct Dotnet {
    block: Block,
}

impl Format for Dotnet {
    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        let text = line.trim();
        if let Some((result, counts)) = text.split_once("!  - ")
            && matches!(result, "Passed" | "Failed" | "Skipped")
        {
            self.block.close(found);
            let get = |label: &str| labelled(counts).find(|(found, _)| *found == label).map(|(_, count)| count);
            let counts = Counts { passed: get("Passed"), failed: get("Failed"), skipped: get("Skipped") };
            found.count(Runner::Dotnet, counts);
        } else if let Some((name, status)) = dotnet_test(line) {
            self.block.close(found);
            found.test(Runner::Dotnet, name, status);
            if status == TestStatus::Failed {
                self.block.open(name);
            }
        } else if let Some((path, at)) = text.rsplit_once(":line ").filter(|_| text.starts_with("at "))
            && let Some(line) = number(at)
        {
            let path = path.rsplit_once(" in ").map_or(path, |(_, path)| path);
            self.block.at(&Location { path, line }, found);
        } else if !matches!(text, "Error Message:" | "Stack Trace:") {
            self.block.say(text);
        }
    }

    fn end(&mut self, found: &mut Found<'_>) {
        self.block.close(found);
    }
}

/// `  Failed Namespace.Class.Test [12 ms]`
fn dotnet_test(line: &str) -> Option<(&str, TestStatus)> {
    let rest = line.strip_prefix("  ")?;
    let (word, name) = rest.split_once(' ')?;
    let status = match word {
        "Passed" => TestStatus::Passed,
        "Failed" => TestStatus::Failed,
        "Skipped" => TestStatus::Skipped,
        _ => return None,
    };
    let (name, time) = name.strip_suffix(']')?.rsplit_once(" [")?;
    time.ends_with('s').then_some((name.trim(), status))
}

#[derive(Debug, Default)]
pub(super) struct Ctest;

impl Format for Ctest {
    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        if let Some((name, status)) = ctest_test(line.trim()) {
            found.test(Runner::Ctest, name, status);
        } else if let Some((_, counts)) = line.split_once("% tests passed, ")
            && let Some((failed, rest)) = digits(counts)
            && let Some(all) = rest.rsplit_once("out of ").and_then(|(_, all)| number(all.trim()))
        {
            let passed = u32::try_from(all.saturating_sub(failed)).unwrap_or(u32::MAX);
            let failed = u32::try_from(failed).unwrap_or(u32::MAX);
            found.count(Runner::Ctest, Counts { passed: Some(passed), failed: Some(failed), skipped: None });
        }
    }
}

/// `2/4 Test #2: fails ............................***Failed    0.00 sec`
fn ctest_test(text: &str) -> Option<(&str, TestStatus)> {
    let (count, rest) = text.split_once(" Test ")?;
    digits(count)?.1.starts_with('/').then_some(())?;
    let (_, rest) = rest.trim_start().strip_prefix('#')?.split_once(": ")?;
    let rest = untimed(rest.strip_suffix(" sec")?.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'));
    let (name, status) = rest.trim_end().rsplit_once("..")?;
    let status = match status.trim_start_matches(['.', '*', ' ']).trim_end() {
        "Passed" => TestStatus::Passed,
        "Not Run (Disabled)" | "Skipped" => TestStatus::Skipped,
        _ => TestStatus::Failed,
    };
    Some((name.trim_end_matches('.').trim(), status))
}
