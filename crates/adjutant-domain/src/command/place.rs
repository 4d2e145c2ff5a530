//! Where commands stand in a comment.
//!
//! The text is parsed as it was written, because that is what GitHub parsed: a character without a glyph is a letter like any
//! other there.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::WORDS;
use crate::text::{dialect, is_invisible, nearest};

/// HTML elements that hold something: between their tags no command is taken. Others (`<br>`, or a generic type
/// that was written without back ticks) hold nothing that GitHub would render.
const CONTAINERS: &str = " a abbr b bdo big blockquote caption center cite code dd del details dfn div dl dt em \
    figcaption figure font h1 h2 h3 h4 h5 h6 i ins kbd li mark ol p picture pre q rp rt ruby s samp section small span \
    strike strong sub summary sup table tbody td tfoot th thead tr tt u ul var ";

/// A command's word, or what is near one, at the start of a line.
#[derive(Debug)]
pub(super) struct Place {
    /// The number of the line, from 1.
    pub line: usize,
    /// Where the line before ends.
    pub before: usize,
    /// The word without its slash.
    pub word: Range<usize>,
    /// Where the command's own line ends.
    pub line_end: usize,
    /// Where the line after it begins.
    pub next_line: usize,
    /// Why the word is no command, as half a sentence.
    pub miss: Option<String>,
}

/// The places of a comment, in its order.
pub(super) fn find(comment: &str) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let mut lines = Lines { counted: 0, at: 0 };
    let mut depth = 0_usize; // of Markdown: 1 within a top-level paragraph
    let mut open_tags = Vec::new(); // of HTML
    let mut in_paragraph = false;
    let mut line_start = None; // what ended before the line whose first event comes next
    let mut open = false; // whether the last place's line goes on
    for (event, range) in Parser::new_ext(comment, dialect()).into_offset_iter() {
        let started = line_start.take();
        match event {
            Event::Start(tag) => {
                depth += 1;
                if depth == 1 {
                    in_paragraph = tag == Tag::Paragraph;
                    line_start = in_paragraph.then_some(range.start);
                }
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                if depth == 0 && tag == TagEnd::Paragraph {
                    in_paragraph = false;
                    end_line(&mut places, &mut open, range.end..range.end);
                }
            }
            Event::SoftBreak | Event::HardBreak if in_paragraph && depth == 1 => {
                end_line(&mut places, &mut open, range.clone());
                line_start = Some(range.start);
            }
            Event::Html(html) | Event::InlineHtml(html) => track_tags(&html, &mut open_tags),
            Event::Text(_) if open_tags.is_empty() => {
                let found = started.and_then(|before| at(comment, before, range.start));
                open |= found.is_some();
                places.extend(found.map(|place| Place { line: lines.number(comment, place.word.start), ..place }));
            }
            _ => {}
        }
    }
    places
}

/// Counts lines, from one place to the next.
struct Lines {
    counted: usize,
    at: usize,
}

impl Lines {
    fn number(&mut self, text: &str, at: usize) -> usize {
        self.counted += text[self.at..at].matches('\n').count();
        self.at = at;
        self.counted + 1
    }
}

/// Ends the line of the last place with a line break.
fn end_line(places: &mut [Place], open: &mut bool, line_break: Range<usize>) {
    if std::mem::take(open)
        && let Some(last) = places.last_mut()
    {
        last.line_end = last.word.end.max(line_break.start);
        last.next_line = last.word.end.max(line_break.end);
    }
}

/// The place at the beginning of a line whose first text starts at `start`.
fn at(comment: &str, before: usize, start: usize) -> Option<Place> {
    let line_start = comment[..start].rfind('\n').map_or(0, |newline| newline + 1);
    // A backslash or entity before or instead of the slash escapes it: the event's text shows neither.
    let lead = comment[line_start..].find(|c: char| !c.is_whitespace() && !is_invisible(c))?;
    let slash = line_start + lead;
    if slash < start && comment[slash..start].contains(|c: char| !c.is_whitespace() && !is_invisible(c)) {
        return None;
    }
    let after = comment[slash..].strip_prefix('/')?;
    let from = slash + 1;
    let line = without_break(after.split('\n').next().unwrap_or_default());
    let word = line.split(|c: char| c.is_whitespace() || c == '<').next().unwrap_or_default();
    let miss = judge(word)?;
    let word = from..from + word.len();
    Some(Place { line: 0, before, line_end: word.end, next_line: word.end, word, miss })
}

/// A line without the spaces or the backslash that break it.
pub(super) fn without_break(line: &str) -> &str {
    let line = line.trim_end();
    let backslashes = line.len() - line.trim_end_matches('\\').len();
    if backslashes % 2 == 1 { &line[..line.len() - 1] } else { line }
}

/// Whether a word after a slash is a command or near one, and if near, why it is none.
#[expect(clippy::option_option, reason = "near, and why; read right here")]
fn judge(word: &str) -> Option<Option<String>> {
    let seen: String = word.chars().filter(|c| !is_invisible(*c)).collect();
    let seen = seen.to_lowercase();
    if WORDS.contains(&seen.as_str()) {
        let hides = word.contains(is_invisible);
        let problem = format!("has a character in it that cannot be seen; write `/{seen}` by hand");
        return Some(hides.then_some(problem));
    }
    let is_name = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let (name, tail) = seen.split_at(seen.find(|c| !is_name(c)).unwrap_or(seen.len()));
    let is_path = seen.contains('/') || tail.strip_prefix('.').is_some_and(|rest| rest.starts_with(is_name));
    if name.is_empty() || is_path {
        return None;
    }
    let bare = seen.trim_end_matches(|c: char| !c.is_alphanumeric());
    let meant = if WORDS.contains(&name) { Some(name) } else { nearest(bare, WORDS) };
    meant.map(|meant| Some(format!("is no command; did you mean `/{meant}`?")))
}

/// Keeps account of the containers that are open after a piece of HTML.
fn track_tags(html: &str, open: &mut Vec<String>) {
    for piece in html.split('<').skip(1) {
        let (closes, piece) = piece.strip_prefix('/').map_or((false, piece), |rest| (true, rest));
        let name: String =
            piece.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        if name.is_empty() || !CONTAINERS.split(' ').any(|container| container == name) {
            continue;
        }
        if !closes {
            open.push(name);
        } else if let Some(at) = open.iter().rposition(|tag| *tag == name) {
            open.truncate(at);
        }
    }
}
