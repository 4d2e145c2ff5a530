//! TAP: `node --test`, ava, tape, prove. <https://testanything.org/tap-version-14-specification.html>

use adjutant_domain::check::AnnotationLevel;
use adjutant_domain::text::truncate;

use super::TestStatus;
use super::formats::Format;
use super::found::{Found, Remark, Runner};
use super::location::{Location, of_stack, whole};
use super::node::{DEPTH, count_comment};
use super::words::{digits, indent};

const PART_BYTES: usize = 200;
const MESSAGE_BYTES: usize = 2_000;

/// State: the groups in which the next test stands, and the details of the last failed one.
#[derive(Debug, Default)]
pub(super) struct Tap {
    has_begun: bool,
    groups: Vec<(usize, String)>,
    has_subtests: bool,
    /// The last comment of a stream that names no groups otherwise.
    comment: String,
    /// The deepest indentation since the last test, by which a test that sums up others is known.
    deepest: usize,
    failed: Option<Failed>,
}

#[derive(Debug, Default)]
struct Failed {
    title: String,
    message: String,
    /// The place of the failure: what the details say, else the first place of the stack that is in the tree.
    place: Option<(String, u64)>,
    /// Where the test itself begins.
    test: Option<(String, u64)>,
    is_in_details: bool,
    /// The indentation of the key whose message follows on its own lines.
    block: Option<usize>,
}

impl Format for Tap {
    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        let (at, text) = (indent(line), line.trim());
        self.has_begun |= line.starts_with("TAP version ");
        if !self.has_begun {
            return;
        }
        if let Some((is_ok, name)) = test(text) {
            self.tell(found);
            self.test(at, is_ok, name, found);
        } else if text == "..." || text == "}" {
            self.tell(found);
        } else if let Some(failed) = &mut self.failed {
            failed.detail(at, text, found);
        } else if let Some(name) = text.strip_prefix("# Subtest: ") {
            self.has_subtests = true;
            self.group(at, name);
        } else if let Some(comment) = line.strip_prefix("# ") {
            // tape names the group of the next assertions in a comment.
            let is_count = count_comment(comment, found);
            if !is_count && !self.has_subtests && !comment.starts_with(' ') {
                self.comment = truncate(comment.trim(), PART_BYTES).to_owned();
            }
        }
    }

    fn end(&mut self, found: &mut Found<'_>) {
        self.tell(found);
    }
}

impl Tap {
    fn group(&mut self, at: usize, name: &str) {
        self.groups.retain(|(indent, _)| *indent < at);
        if self.groups.len() < DEPTH {
            self.groups.push((at, truncate(name.trim(), PART_BYTES).to_owned()));
        }
    }

    fn test(&mut self, at: usize, is_ok: bool, name: &str, found: &mut Found<'_>) {
        let (name, directive) = name.split_once(" # ").unwrap_or((name, ""));
        let name = name.trim().trim_start_matches("- ");
        // vitest opens a group with a brace; node closes it with a test of the same name.
        if directive.ends_with('{') || name.ends_with('{') {
            self.group(at, name.trim_end_matches('{'));
            return;
        }
        let sums_up = self.deepest > at;
        self.deepest = at;
        self.groups.retain(|(indent, _)| *indent < at);
        if sums_up {
            return;
        }
        let groups = self.groups.iter().map(|(_, group)| group.as_str());
        let comment = Some(self.comment.as_str()).filter(|comment| !comment.is_empty());
        let title = comment.into_iter().chain(groups).chain([name]).collect::<Vec<_>>().join(" › ");
        let directive = directive.to_ascii_uppercase();
        let status = match is_ok {
            _ if directive.starts_with("SKIP") || directive.starts_with("TODO") => TestStatus::Skipped,
            true => TestStatus::Passed,
            false => TestStatus::Failed,
        };
        found.test(Runner::Tap, &title, status);
        if status == TestStatus::Failed {
            self.failed = Some(Failed { title, ..Failed::default() });
        }
    }

    fn tell(&mut self, found: &mut Found<'_>) {
        if let Some(failed) = self.failed.take() {
            let remark = Remark { level: AnnotationLevel::Failure, title: &failed.title, message: &failed.message };
            let (file, line) = failed.place.or(failed.test).map_or((None, 0), |(file, line)| (Some(file), line));
            found.remark_file(file, line, line, &remark);
        }
    }
}

impl Failed {
    fn detail(&mut self, at: usize, text: &str, found: &mut Found<'_>) {
        if text == "---" {
            self.is_in_details = true;
            return;
        }
        if !self.is_in_details || self.goes_on(at, text) {
            return;
        }
        let value = |key: &str| text.strip_prefix(key).map(|value| value.trim().trim_matches(['\'', '"']));
        if let Some(said) = value("error:").or_else(|| value("message:")).filter(|said| !said.is_empty()) {
            let is_block = matches!(said, "|" | "|-" | "|+" | ">" | ">-" | ">+");
            match self.message.is_empty() {
                true if is_block => self.block = Some(at),
                true => self.message = truncate(said, MESSAGE_BYTES).to_owned(),
                false => {}
            }
        } else if let Some(place) = value("location:") {
            self.test = self.test.take().or_else(|| in_tree(whole(place).or_else(|| of_frame(place)), found));
        } else if self.place.is_none() {
            let at = value("at:").and_then(|place| whole(place).or_else(|| of_frame(place)));
            self.place = in_tree(at.or_else(|| of_stack(text)).or_else(|| of_frame(text)), found);
        }
    }

    /// Whether a line belongs to the message that an earlier one began.
    fn goes_on(&mut self, at: usize, text: &str) -> bool {
        let is_part = self.block.is_some_and(|key| text.is_empty() || at > key);
        if !is_part {
            self.block = None;
        } else if !text.is_empty() && self.message.len() < MESSAGE_BYTES {
            let before = if self.message.is_empty() { "" } else { "\n" };
            self.message = truncate(&format!("{}{before}{text}", self.message), MESSAGE_BYTES).to_owned();
        }
        is_part
    }
}

fn in_tree(at: Option<Location<'_>>, found: &mut Found<'_>) -> Option<(String, u64)> {
    let at = at?;
    Some((found.file(at.path)?, at.line))
}

/// `name (PATH:1:2)`.
fn of_frame(text: &str) -> Option<Location<'_>> {
    whole(text.rsplit_once('(')?.1.strip_suffix(')')?)
}

/// `ok 1 - NAME` or `not ok 1 - NAME`.
fn test(text: &str) -> Option<(bool, &str)> {
    let (is_ok, rest) = match text.strip_prefix("not ok ") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("ok ")?),
    };
    let (_, name) = digits(rest)?;
    Some((is_ok, name.trim()))
}
