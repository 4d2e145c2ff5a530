//! Changed files, line by line.

use maud::{Markup, html};

use super::controls::{self, Scene};
use super::people::encoded;
use super::threads;
use crate::git::{FileChange, FileStatus};
use crate::state::{Issue, Pull, ReviewComment, Side};

/// A file with more changed lines than this is collapsed at first.
const FOLDED_FROM: u64 = 400;

/// The pull request of a diff, so that its lines can have comments.
#[derive(Clone, Copy)]
pub(super) struct Talk<'a> {
    pub(super) scene: Scene<'a>,
    pub(super) issue: &'a Issue,
    pub(super) pull: &'a Pull,
    /// The line that the viewer wants to comment on: path, side and number.
    pub(super) on: Option<(&'a str, &'a str, u64)>,
}

/// All files of a change, with their counts above.
pub(super) fn files(files: &[FileChange], talk: Option<Talk<'_>>) -> Markup {
    let added: u64 = files.iter().map(|file| file.additions).sum();
    let removed: u64 = files.iter().map(|file| file.deletions).sum();
    html! {
        p.diff-sum {
            strong { (files.len()) " changed file" (super::layout::plural(files.len())) } " with "
            span.added { "+" (added) } " " span.removed { "−" (removed) }
        }
        @for changed in files { (file(changed, talk)) }
    }
}

fn file(file: &FileChange, talk: Option<Talk<'_>>) -> Markup {
    let talked = talk.is_some_and(|talk| {
        talk.on.is_some_and(|on| on.0 == file.path)
            || talk.pull.review_comments.iter().any(|said| said.path == file.path)
    });
    let word = (file.status != FileStatus::Modified).then(|| file.status.as_str());
    html! {
        details.file id={ "diff-" (file.blob_sha) } open[talked || file.additions + file.deletions < FOLDED_FROM] {
            summary {
                code { @if let Some(previous) = &file.previous_path { (previous) " → " } (file.path) }
                @if let Some(word) = word { " " span.pill { (word) } }
                span.numbers { span.added { "+" (file.additions) } " " span.removed { "−" (file.deletions) } }
            }
            @match &file.patch {
                Some(patch) => (table(&lines(patch), talk.map(|talk| (talk, file.path.as_str())))),
                None => p.nothing { (if file.additions + file.deletions == 0 && file.previous_path.is_some() { "The content is the same." } else { "Binary, or empty." }) },
            }
        }
    }
}

/// The last lines of a hunk with their numbers, for a review comment.
pub(super) fn hunk_end(hunk: &str, count: usize) -> Markup {
    let lines = lines(hunk);
    table(&lines[lines.len().saturating_sub(count)..], None)
}

fn table(lines: &[Line<'_>], talk: Option<(Talk<'_>, &str)>) -> Markup {
    let may_talk = talk.is_some_and(|(talk, _)| talk.scene.viewer.login().is_some());
    html! {
        div.scroll tabindex="0" role="group" aria-label="Changed lines" { table.diff {
            @for line in lines {
                tr class=[line.class] {
                    td.number { @if let Some(number) = line.old { (number) } }
                    td.number { @if let Some(number) = line.new { (number) } }
                    @if let Some((_, path)) = talk.filter(|_| may_talk) {
                        td.talk { @if let Some((side, number)) = line.side() { (start(path, side, number)) } }
                    }
                    td.text { (line.text) }
                }
                @if let Some((talk, path)) = talk && let Some((side, number)) = line.side() {
                    (talk.at(path, side, number, if may_talk { 4 } else { 3 }))
                }
            }
        } }
    }
}

/// A link that opens the form for a comment on this line.
fn start(path: &str, side: &str, line: u64) -> Markup {
    let query = format!("?path={}&side={side}&line={line}#remark", encoded(path));
    html! { a href=(query) aria-label={ "Comment on line " (line) " of " (path) } { "+" } }
}

impl Talk<'_> {
    /// The threads of a line, and the form for a comment if it was requested.
    fn at(&self, path: &str, side: &str, number: u64, columns: u8) -> Markup {
        let on_right = side == "RIGHT";
        let here = |said: &&ReviewComment| {
            said.in_reply_to.is_none()
                && said.path == path
                && said.line == Some(number)
                && (said.side == Side::Right) == on_right
                && is_public(self.pull, said)
        };
        html! {
            @for first in self.pull.review_comments.iter().filter(here) {
                tr.thread { td colspan=(columns) { (threads::remarks(self.scene, (self.issue, self.pull), first)) } }
            }
            @if self.on == Some((path, side, number)) {
                tr.thread { td colspan=(columns) {
                    div.pad { (controls::remark_form(self.scene, (self.issue, self.pull), (path, side, number))) }
                } }
            }
        }
    }
}

/// Only its author can see a pending review.
pub(super) fn is_public(pull: &Pull, comment: &ReviewComment) -> bool {
    let review = pull.reviews.iter().find(|review| review.id == comment.review);
    review.is_none_or(|review| review.submitted_at.is_some())
}

impl Line<'_> {
    /// The side and number of a line in the API. A removed line has its old number.
    fn side(&self) -> Option<(&'static str, u64)> {
        match (self.old, self.new) {
            (_, Some(new)) => Some(("RIGHT", new)),
            (Some(old), None) => Some(("LEFT", old)),
            (None, None) => None,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    old: Option<u64>,
    new: Option<u64>,
    class: Option<&'static str>,
    text: &'a str,
}

fn lines(patch: &str) -> Vec<Line<'_>> {
    let (mut old, mut new) = (0, 0);
    let step = |number: &mut u64| {
        *number += 1;
        Some(*number - 1)
    };
    let mut lines = Vec::new();
    for text in patch.lines() {
        lines.push(match text.as_bytes().first() {
            Some(b'@') => {
                (old, new) = hunk_starts(text).unwrap_or((old, new));
                Line { old: None, new: None, class: Some("hunk"), text }
            }
            Some(b'+') => Line { old: None, new: step(&mut new), class: Some("add"), text },
            Some(b'-') => Line { old: step(&mut old), new: None, class: Some("del"), text },
            Some(b'\\') => Line { old: None, new: None, class: Some("note"), text },
            _ => Line { old: step(&mut old), new: step(&mut new), class: None, text },
        });
    }
    lines
}

/// The first line numbers in `@@ -1,3 +1,4 @@`.
fn hunk_starts(header: &str) -> Option<(u64, u64)> {
    let start = |sign: char| {
        let numbers = header.split(' ').find_map(|word| word.strip_prefix(sign))?;
        numbers.split(',').next()?.parse().ok()
    };
    Some((start('-')?, start('+')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_the_numbers_of_its_sides() {
        let found = lines("@@ -10,3 +20,3 @@ fn x() {\n same\n-old\n+new\n\\ No newline at end of file");
        let numbers: Vec<_> = found.iter().map(|line| (line.old, line.new)).collect();
        let expected = [(None, None), (Some(10), Some(20)), (Some(11), None), (None, Some(21)), (None, None)];
        assert_eq!(numbers, expected);
        assert_eq!(found[2].class, Some("del"));
    }
}
