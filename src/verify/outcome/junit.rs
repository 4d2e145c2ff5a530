//! `JUnit` XML in a log. <https://github.com/testmoapp/junitxml>
//!
//! A document with a DTD is not read: entities are what an attack on a reader is made of, and no runner writes any.

use adjutant_domain::check::AnnotationLevel;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::TestStatus;
use super::found::{Counts, Found, Remark, Runner};
use super::location::{Location, leading, of_stack};

/// The most documents in one log.
const MOST_DOCUMENTS: usize = 16;
const MOST_BYTES: usize = 4 << 20;
const TEXT_BYTES: usize = 8 * 1024;
const DEPTH: usize = 32;

/// Reads every document in the text.
pub(super) fn read(text: &str, found: &mut Found<'_>) {
    let mut rest = text;
    for _ in 0..MOST_DOCUMENTS {
        let Some(start) = rest.find("<testsuite") else { return };
        let has_dtd = rest[..start].rfind("<?xml").is_some_and(|head| rest[head..start].contains("<!DOCTYPE"));
        let document = &rest[start..];
        let root = if document.starts_with("<testsuites") { "</testsuites>" } else { "</testsuite>" };
        let end = document.find(root).map_or(document.len(), |end| end + root.len());
        if !has_dtd && end <= MOST_BYTES {
            read_document(&document[..end], found);
        }
        rest = &document[end..];
    }
}

/// The test that is being read.
#[derive(Debug, Default)]
struct Case {
    name: String,
    file: Option<String>,
    line: Option<u64>,
    status: Option<TestStatus>,
    message: String,
    text: String,
}

fn read_document(document: &str, found: &mut Found<'_>) {
    let mut reader = Reader::from_str(document);
    let (mut case, mut depth, mut counts) = (None, 0_usize, [0_u32; 3]);
    // What was read of a broken document counts: the process that wrote it may have been stopped.
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(tag) => {
                depth += 1;
                if depth > DEPTH {
                    break;
                }
                start(&tag, &mut case, found);
            }
            Event::Empty(tag) => {
                start(&tag, &mut case, found);
                if tag.name().as_ref() == "testcase" {
                    end(&mut case, &mut counts, found);
                }
            }
            Event::Text(text) => say(&mut case, &text),
            Event::CData(text) => say(&mut case, &text),
            Event::GeneralRef(name) => say(&mut case, &entity(&name)),
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                if tag.name().as_ref() == "testcase" {
                    end(&mut case, &mut counts, found);
                }
            }
            Event::DocType(_) | Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
    end(&mut case, &mut counts, found);
    let [passed, failed, skipped] = counts;
    if counts != [0; 3] {
        found.count(Runner::Junit, Counts::of(passed, failed, skipped));
    }
}

fn start(tag: &BytesStart<'_>, case: &mut Option<Case>, found: &mut Found<'_>) {
    let value = |key: &str| {
        let mut attributes = tag.attributes();
        let wanted = attributes.with_checks(false).flatten().find(|attribute| attribute.key.as_ref() == key)?;
        Some(unescaped(&wanted.value))
    };
    match (tag.name().as_ref(), case.as_mut()) {
        ("testcase", _) => {
            let class = value("classname").filter(|class| !class.is_empty());
            let name = value("name").unwrap_or_default();
            let name = class.map_or_else(|| name.clone(), |class| format!("{class}.{name}"));
            let file = value("file").and_then(|file| found.file(&file));
            let line = value("line").and_then(|line| line.parse().ok());
            *case = Some(Case { name, file, line, ..Case::default() });
        }
        ("failure" | "error", Some(case)) => {
            case.status = Some(TestStatus::Failed);
            case.message = value("message").unwrap_or_default();
        }
        ("skipped", Some(case)) => case.status = Some(TestStatus::Skipped),
        _ => {}
    }
}

fn say(case: &mut Option<Case>, text: &str) {
    if let Some(case) = case.as_mut().filter(|case| case.status == Some(TestStatus::Failed)) {
        let room = TEXT_BYTES.saturating_sub(case.text.len());
        case.text.push_str(adjutant_domain::text::truncate(text, room));
    }
}

fn end(case: &mut Option<Case>, counts: &mut [u32; 3], found: &mut Found<'_>) {
    let Some(case) = case.take() else { return };
    let status = case.status.unwrap_or(TestStatus::Passed);
    let index = match status {
        TestStatus::Passed => 0,
        TestStatus::Failed => 1,
        TestStatus::Skipped => 2,
    };
    counts[index] = counts[index].saturating_add(1);
    found.test(Runner::Junit, &case.name, status);
    if status != TestStatus::Failed {
        return;
    }
    let message = if case.message.is_empty() { &case.text } else { &case.message };
    let remark = Remark { level: AnnotationLevel::Failure, title: &case.name, message };
    let places: Vec<_> = case.text.lines().filter_map(place).collect();
    let (file, line) = match places.iter().rev().find(|at| found.knows(at)) {
        Some(at) => (found.file(at.path), at.line),
        None => (case.file, case.line.unwrap_or(0)),
    };
    found.remark_file(file, line, line, &remark);
}

fn place(line: &str) -> Option<Location<'_>> {
    of_stack(line).or_else(|| leading(line.trim()).map(|(at, ..)| at))
}

/// The text of an attribute. Only the five entities of XML itself and characters by number exist without a DTD.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(';') {
            Some((name, rest)) => {
                out.push_str(&entity(name));
                out.push_str(rest);
            }
            None => out.push_str(part),
        }
    }
    out
}

fn entity(name: &str) -> String {
    let code = match name.strip_prefix('#') {
        Some(hex) if hex.starts_with('x') => u32::from_str_radix(&hex[1..], 16).ok(),
        Some(decimal) => decimal.parse().ok(),
        None => None,
    };
    let known = match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => code.and_then(char::from_u32).filter(|c| !c.is_control() || *c == '\n'),
    };
    known.map(String::from).unwrap_or_default()
}
