//! Reports in JSON: rustc and clippy (one message a line), jest, vitest, mocha and eslint (one document).
//!
//! A document is read into types that name what is needed, so that nothing else of it takes memory. Depth is bounded by
//! the reader.

use adjutant_domain::check::AnnotationLevel;
use serde::Deserialize;

use super::TestStatus;
use super::found::{Counts, Found, Remark, Runner};
use super::location::{Location, of_stack};

/// A longer document is not read.
const MOST_BYTES: usize = 4 << 20;

/// State: the document of several lines that is being collected.
#[derive(Debug, Default)]
pub(super) struct Json {
    document: Option<String>,
}

impl Json {
    /// Reads a line, which may be a whole document. Unlike the other formats, it needs the line as it is.
    pub(super) fn line(&mut self, line: &str, found: &mut Found<'_>) {
        if line == "{" {
            self.document = Some(String::new());
        }
        if let Some(document) = &mut self.document {
            document.push_str(line);
            document.push('\n');
            if document.len() > MOST_BYTES {
                self.document = None;
            } else if line == "}" {
                let document = self.document.take().unwrap_or_default();
                read(&document, found);
            }
        } else if line.starts_with(['{', '[']) && line.len() <= MOST_BYTES {
            read(line, found);
        }
    }
}

fn read(document: &str, found: &mut Found<'_>) {
    // A look for one word is cheap. It says which of the readers is worth its time.
    if document.contains("\"numTotalTests\"") {
        parse(document, found, |report: Jest, found| jest(&report, found));
    } else if document.contains("\"fullTitle\"") {
        parse(document, found, |report: Mocha, found| mocha(&report, found));
    } else if document.contains("\"filePath\"") {
        parse(document, found, |files: Vec<EslintFile>, found| eslint(&files, found));
    } else if document.contains("\"compiler-message\"") {
        parse(document, found, |message: CargoMessage, found| rustc(&message.message, found));
    } else if document.contains("\"$message_type\"") {
        parse(document, found, |message: RustcMessage, found| rustc(&message, found));
    }
}

fn parse<'a, T: Deserialize<'a>>(document: &'a str, found: &mut Found<'_>, take: impl Fn(T, &mut Found<'_>)) {
    if let Ok(read) = serde_json::from_str(document) {
        take(read, found);
    }
}

/// <https://doc.rust-lang.org/cargo/reference/external-tools.html#compiler-messages>
#[derive(Deserialize)]
struct CargoMessage {
    message: RustcMessage,
}

/// <https://doc.rust-lang.org/rustc/json.html#diagnostics>
#[derive(Deserialize)]
struct RustcMessage {
    message: String,
    level: String,
    spans: Vec<Span>,
    code: Option<Code>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: u64,
    line_end: u64,
    is_primary: bool,
    label: Option<String>,
}

fn rustc(message: &RustcMessage, found: &mut Found<'_>) {
    let level = match message.level.as_str() {
        "error" | "error: internal compiler error" => AnnotationLevel::Failure,
        "warning" => AnnotationLevel::Warning,
        _ => return,
    };
    let Some(span) = message.spans.iter().find(|span| span.is_primary) else { return };
    let label = span.label.as_deref().map(|label| format!("\n{label}")).unwrap_or_default();
    let title = message.code.as_ref().map_or(message.level.as_str(), |code| code.code.as_str());
    let said = format!("{}{label}", message.message);
    let file = found.file(&span.file_name);
    found.remark_file(file, span.line_start, span.line_end, &Remark { level, title, message: &said });
}

/// <https://jestjs.io/docs/configuration#testresultsprocessor-string>; vitest writes the same.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Jest {
    num_passed_tests: u32,
    num_failed_tests: u32,
    num_pending_tests: u32,
    #[serde(default)]
    num_todo_tests: u32,
    test_results: Vec<JestFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JestFile {
    name: String,
    #[serde(default)]
    message: String,
    assertion_results: Vec<JestTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JestTest {
    ancestor_titles: Vec<String>,
    title: String,
    status: String,
    #[serde(default)]
    failure_messages: Vec<String>,
}

fn jest(report: &Jest, found: &mut Found<'_>) {
    let skipped = report.num_pending_tests.saturating_add(report.num_todo_tests);
    found.count(Runner::Jest, Counts::of(report.num_passed_tests, report.num_failed_tests, skipped));
    for file in &report.test_results {
        let path = found.file(&file.name).unwrap_or_else(|| file.name.clone());
        for test in &file.assertion_results {
            let titles = test.ancestor_titles.iter().map(String::as_str).chain([test.title.as_str()]);
            let name = std::iter::once(path.as_str()).chain(titles).collect::<Vec<_>>().join(" › ");
            let status = match test.status.as_str() {
                "passed" => TestStatus::Passed,
                "failed" => TestStatus::Failed,
                _ => TestStatus::Skipped,
            };
            found.test(Runner::Jest, &name, status);
            if let Some(message) = test.failure_messages.first() {
                stack(&name, message, found);
            }
        }
        if file.assertion_results.is_empty() && !file.message.is_empty() {
            found.test(Runner::Jest, &path, TestStatus::Failed);
            stack(&path, &file.message, found);
        }
    }
}

/// <https://mochajs.org/#json>
#[derive(Deserialize)]
struct Mocha {
    stats: MochaStats,
    passes: Vec<MochaTest>,
    failures: Vec<MochaTest>,
    pending: Vec<MochaTest>,
}

#[derive(Deserialize)]
struct MochaStats {
    passes: u32,
    failures: u32,
    pending: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MochaTest {
    full_title: String,
    #[serde(default)]
    err: MochaError,
}

#[derive(Default, Deserialize)]
struct MochaError {
    #[serde(default)]
    stack: String,
}

fn mocha(report: &Mocha, found: &mut Found<'_>) {
    let stats = &report.stats;
    found.count(Runner::Mocha, Counts::of(stats.passes, stats.failures, stats.pending));
    let kinds = [
        (&report.passes, TestStatus::Passed),
        (&report.failures, TestStatus::Failed),
        (&report.pending, TestStatus::Skipped),
    ];
    for (tests, status) in kinds {
        for test in tests {
            found.test(Runner::Mocha, &test.full_title, status);
        }
    }
    for test in &report.failures {
        stack(&test.full_title, &test.err.stack, found);
    }
}

/// Annotates the first place of a stack that is in the tree with the lines before the stack.
fn stack(test: &str, text: &str, found: &mut Found<'_>) {
    let is_frame = |line: &&str| line.trim_start().starts_with("at ");
    let message = text.lines().take_while(|line| !is_frame(line)).collect::<Vec<_>>().join("\n");
    let remark = Remark { level: AnnotationLevel::Failure, title: test, message: &message };
    let places: Vec<Location<'_>> = text.lines().filter(is_frame).take(50).filter_map(of_stack).collect();
    match places.into_iter().find(|at| found.knows(at)) {
        Some(at) => found.remark(&at, &remark),
        None => found.remark_file(None, 0, 0, &remark),
    };
}

/// <https://eslint.org/docs/latest/use/formatters/#json>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EslintFile {
    file_path: String,
    messages: Vec<EslintMessage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EslintMessage {
    rule_id: Option<String>,
    severity: u8,
    message: String,
    #[serde(default)]
    line: u64,
    end_line: Option<u64>,
}

fn eslint(files: &[EslintFile], found: &mut Found<'_>) {
    for file in files {
        let path = found.file(&file.file_path);
        for said in &file.messages {
            let level = if said.severity == 2 { AnnotationLevel::Failure } else { AnnotationLevel::Warning };
            let title = said.rule_id.as_deref().unwrap_or("eslint");
            let remark = Remark { level, title, message: &said.message };
            found.remark_file(path.clone(), said.line, said.end_line.unwrap_or(said.line), &remark);
        }
    }
}
