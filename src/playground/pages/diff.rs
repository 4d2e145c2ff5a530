//! Changed files, line by line.

use maud::{Markup, html};

use crate::playground::git::{FileChange, FileStatus};

/// A file with more changed lines than this starts folded.
const FOLDED_FROM: u64 = 400;

/// All files of a change, with their counts above.
pub(super) fn files(files: &[FileChange]) -> Markup {
    let added: u64 = files.iter().map(|file| file.additions).sum();
    let removed: u64 = files.iter().map(|file| file.deletions).sum();
    html! {
        p.diff-sum {
            strong { (files.len()) " changed file" (super::layout::plural(files.len())) } " with "
            span.added { "+" (added) } " " span.removed { "−" (removed) }
        }
        @for changed in files { (file(changed)) }
    }
}

fn file(file: &FileChange) -> Markup {
    let word = (file.status != FileStatus::Modified).then(|| file.status.as_str());
    html! {
        details.file id={ "diff-" (file.blob_sha) } open[file.additions + file.deletions < FOLDED_FROM] {
            summary {
                code { @if let Some(previous) = &file.previous_path { (previous) " → " } (file.path) }
                @if let Some(word) = word { " " span.pill { (word) } }
                span.numbers { span.added { "+" (file.additions) } " " span.removed { "−" (file.deletions) } }
            }
            @match &file.patch {
                Some(patch) => (hunks(patch)),
                None => p.nothing { (if file.additions + file.deletions == 0 && file.previous_path.is_some() { "The content is the same." } else { "Binary, or empty." }) },
            }
        }
    }
}

/// The hunks of one file, each line with its numbers.
pub(super) fn hunks(patch: &str) -> Markup {
    table(&lines(patch))
}

/// The last lines of a hunk, with their numbers: what a review comment is about.
pub(super) fn hunk_end(hunk: &str, count: usize) -> Markup {
    let lines = lines(hunk);
    table(&lines[lines.len().saturating_sub(count)..])
}

fn table(lines: &[Line<'_>]) -> Markup {
    html! {
        div.scroll { table.diff {
            @for line in lines {
                tr class=[line.class] {
                    td.number { @if let Some(number) = line.old { (number) } }
                    td.number { @if let Some(number) = line.new { (number) } }
                    td.text { (line.text) }
                }
            }
        } }
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

/// The first line numbers of `@@ -1,3 +1,4 @@`.
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
