//! `go test`, as text and with `-json`, and the panics of Go programs.

use std::collections::BTreeMap;

use adjutant_domain::check::AnnotationLevel;
use serde::Deserialize;

use super::formats::Format;
use super::found::{Counts, Found, Remark, Runner};
use super::location::leading;
use super::{MOST_TESTS, TestStatus};
use crate::verify::detect::has_extension;

/// The most lines of tests that are kept until their package is known.
const MOST_NOTES: usize = 2_000;
const MOST_PACKAGES: usize = 2_000;

/// State: the tests of the packages whose result has not come.
#[derive(Debug, Default)]
pub(super) struct Go {
    /// As text, the name of a package comes after its tests.
    unnamed: Package,
    named: BTreeMap<String, Package>,
}

#[derive(Debug, Default)]
struct Package {
    tests: BTreeMap<String, TestStatus>,
    /// What tests printed at a line of a file.
    notes: Vec<Note>,
    current: String,
    panic: Option<String>,
}

#[derive(Debug)]
struct Note {
    test: String,
    place: Place,
    line: u64,
    message: String,
}

#[derive(Debug)]
enum Place {
    /// The name of a file in the folder of the package.
    Package(String),
    /// A path in the tree, from the stack of a panic.
    Tree(String),
}

/// A line of `go test -json`. <https://pkg.go.dev/cmd/test2json>
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    package: String,
    #[serde(default)]
    test: String,
    #[serde(default)]
    output: String,
}

impl Format for Go {
    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        if line.starts_with('{') && line.contains("\"Action\":") {
            if let Ok(event) = serde_json::from_str(line) {
                self.event(&event, found);
            }
            return;
        }
        match package(line) {
            Some((name, built)) => {
                std::mem::take(&mut self.unnamed).tell(name, found);
                if !built {
                    found.test(Runner::Go, name, TestStatus::Failed);
                }
            }
            None => self.unnamed.line(line, found),
        }
    }

    fn end(&mut self, found: &mut Found<'_>) {
        std::mem::take(&mut self.unnamed).tell("", found);
        for (name, package) in std::mem::take(&mut self.named) {
            package.tell(&name, found);
        }
    }
}

impl Go {
    fn event(&mut self, event: &Event, found: &mut Found<'_>) {
        if self.named.len() >= MOST_PACKAGES && !self.named.contains_key(&event.package) {
            return;
        }
        let package = self.named.entry(event.package.clone()).or_default();
        let status = match event.action.as_str() {
            "pass" => TestStatus::Passed,
            "fail" => TestStatus::Failed,
            "skip" => TestStatus::Skipped,
            "output" => {
                if !event.test.is_empty() {
                    package.current.clone_from(&event.test);
                }
                return package.line(event.output.trim_end_matches('\n'), found);
            }
            _ => return,
        };
        if !event.test.is_empty() {
            package.test(&event.test, status);
        }
    }
}

impl Package {
    fn test(&mut self, name: &str, status: TestStatus) {
        if self.tests.len() < MOST_TESTS {
            self.tests.insert(name.to_owned(), status);
        }
    }

    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        let trimmed = line.trim_start();
        if let Some((word, name)) = trimmed.strip_prefix("--- ").and_then(|rest| rest.split_once(": ")) {
            let status = match word {
                "PASS" => TestStatus::Passed,
                "FAIL" => TestStatus::Failed,
                "SKIP" => TestStatus::Skipped,
                _ => return,
            };
            let name = name.rsplit_once(" (").map_or(name, |(name, _)| name);
            if status == TestStatus::Failed {
                found.cause(&format!("--- FAIL: {name}"));
            }
            self.test(name, status);
            name.clone_into(&mut self.current);
        } else if let Some(name) = trimmed.strip_prefix("=== ").and_then(|rest| rest.split_once(' ')) {
            name.1.trim().clone_into(&mut self.current);
        } else if let Some(message) = line.strip_prefix("panic: ") {
            self.panic = Some(message.to_owned());
        } else if let Some((place, _)) = line.strip_prefix("\t/").and_then(|rest| rest.split_once(" +0x")) {
            self.stack(&format!("/{place}"), found);
        } else if line.starts_with("    ")
            && let Some((at, None, rest)) = leading(trimmed)
            && has_extension(at.path, "go")
        {
            self.note(Place::Package(at.path.to_owned()), at.line, rest.trim().to_owned());
        } else if line.starts_with("        ")
            && let Some(note) = self.notes.last_mut().filter(|note| note.message.len() < 2_000)
        {
            // The further lines of a message are indented below it.
            note.message.push('\n');
            note.message.push_str(trimmed);
        }
    }

    fn stack(&mut self, place: &str, found: &mut Found<'_>) {
        let Some(message) = &self.panic else { return };
        let Some((at, ..)) = leading(place) else { return };
        if let Some(file) = found.file(at.path) {
            let message = format!("panic: {message}");
            self.note(Place::Tree(file), at.line, message);
            self.panic = None;
        }
    }

    fn note(&mut self, place: Place, line: u64, message: String) {
        if self.notes.len() < MOST_NOTES {
            self.notes.push(Note { test: self.current.clone(), place, line, message });
        }
    }

    /// Reports the tests of the package.
    fn tell(self, package: &str, found: &mut Found<'_>) {
        let named = |test: &str| if package.is_empty() { test.to_owned() } else { format!("{package}.{test}") };
        let mut counts = Counts::default();
        for (test, status) in &self.tests {
            found.test(Runner::Go, &named(test), *status);
            let is_parent =
                self.tests.range(format!("{test}/")..).next().is_some_and(|(next, _)| {
                    next.strip_prefix(test.as_str()).is_some_and(|rest| rest.starts_with('/'))
                });
            if !is_parent {
                let count = match status {
                    TestStatus::Passed => &mut counts.passed,
                    TestStatus::Failed => &mut counts.failed,
                    TestStatus::Skipped => &mut counts.skipped,
                };
                *count = Some(count.unwrap_or(0).saturating_add(1));
            }
        }
        found.count(Runner::Go, counts);
        for note in self.notes {
            let title = named(&note.test);
            let file = match note.place {
                Place::Tree(file) => Some(file),
                // With -v, tests that pass print such lines, too.
                Place::Package(_) if self.tests.get(&note.test) != Some(&TestStatus::Failed) => continue,
                Place::Package(file) => found.tree().file_of_package(package, &file),
            };
            let remark = Remark { level: AnnotationLevel::Failure, title: &title, message: &note.message };
            found.remark_file(file, note.line, note.line, &remark);
        }
    }
}

/// The package of the line that ends its tests, and whether it could be built.
fn package(line: &str) -> Option<(&str, bool)> {
    let rest = ["ok  \t", "FAIL\t", "?   \t", "---\t"].iter().find_map(|word| line.strip_prefix(word))?;
    let (name, rest) = rest.split_once(['\t', ' ']).unwrap_or((rest, ""));
    Some((name, !rest.contains("[build failed]") && !rest.contains("[setup failed]")))
}
