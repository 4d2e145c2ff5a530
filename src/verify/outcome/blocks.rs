//! The report of one failed test: a title, some lines, and then the stack.

use adjutant_domain::check::AnnotationLevel;

use super::found::{Found, Remark};
use super::location::Location;

const MOST_LINES: usize = 25;

/// The report that is being read. The first location of it that is in the tree is annotated.
#[derive(Debug, Default)]
pub(super) struct Block {
    title: String,
    message: String,
    lines: usize,
    is_open: bool,
    /// Where it happened, if the title says it.
    point: Option<(String, u64)>,
}

impl Block {
    /// A new report begins.
    pub(super) fn open(&mut self, title: &str) {
        *self = Self { title: title.trim().to_owned(), is_open: true, ..Self::default() };
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// Adds a line of the message. Empty lines at its beginning, and lines beyond its bound, are left out.
    pub(super) fn say(&mut self, line: &str) {
        let line = line.trim();
        if !self.is_open || self.lines >= MOST_LINES || (line.is_empty() && self.message.is_empty()) {
            return;
        }
        self.lines += 1;
        self.message.push_str(line);
        self.message.push('\n');
    }

    /// The title named this path and line. They count if no other location is annotated.
    pub(super) fn point(&mut self, place: Option<(String, u64)>) {
        self.point = place;
    }

    /// Annotates the location with what was read, if it is in the tree. That ends the report.
    pub(super) fn at(&mut self, location: &Location<'_>, found: &mut Found<'_>) {
        if self.is_open && found.knows(location) {
            found.remark(location, &self.remark());
            self.is_open = false;
        }
    }

    /// Ends the report. What has no location in the tree can still be the cause of a failure.
    pub(super) fn close(&mut self, found: &mut Found<'_>) {
        if self.is_open && !self.message.is_empty() {
            let (path, line) = self.point.as_ref().map_or(("", 0), |(path, line)| (path.as_str(), *line));
            found.remark(&Location { path, line }, &self.remark());
        }
        self.is_open = false;
    }

    fn remark(&self) -> Remark<'_> {
        Remark { level: AnnotationLevel::Failure, title: &self.title, message: &self.message }
    }
}
