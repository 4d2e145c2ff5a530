//! What of a Markdown text GitHub does not show.
//!
//! The text is parsed as it was written, and what is taken out is a list of edits of its source. What readers see stays as it
//! was written; a link that takes its address from a definition gets the address, because the definition goes.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, LinkType, Parser, Tag, TagEnd};

use super::html::Html;
use super::{dialect, is_invisible, visible};

/// The longest name of a code block's language, in bytes.
const LONGEST_LANGUAGE: usize = 20;

/// A part of the source that is replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub range: Range<usize>,
    pub with: String,
}

/// The edits that leave what is shown, in the order of the text; none begins within another.
pub(super) fn edits(text: &str) -> Vec<Edit> {
    let mut reader = Reader::new(text);
    let mut parser = Parser::new_ext(text, dialect()).into_offset_iter();
    for (event, range) in parser.by_ref() {
        reader.event(event, range);
    }
    for (_, definition) in parser.reference_definitions().iter() {
        reader.hide(definition.span.clone());
    }
    reader.end()
}

/// A link whose end was not reached.
struct OpenLink<'a> {
    link_type: LinkType,
    address: CowStr<'a>,
    has_title: bool,
    /// Where its last content ends.
    content_end: usize,
    /// Whether there is something to click on.
    is_shown: bool,
}

struct Footnote {
    label: String,
    range: Range<usize>,
}

struct Reader<'a> {
    text: &'a str,
    edits: Vec<Edit>,
    html: Html<'a>,
    /// The links that are open: an address in angle brackets may stand within another link.
    links: Vec<OpenLink<'a>>,
    /// How many images are open: their content is a description, which is shown only where the image cannot be.
    images: usize,
    /// How many footnotes are open.
    in_footnotes: usize,
    footnotes: Vec<Footnote>,
    /// The labels of references by their number.
    numbers: HashMap<String, usize>,
    /// The labels that the text itself refers to.
    referred: HashSet<String>,
    /// Where the last cell of the table's row ends.
    cell_end: usize,
    /// Where the block before ends, and how deep it lies.
    block_end: usize,
    /// Whether a paragraph, heading or other block without blocks in it is open.
    in_leaf: bool,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            edits: Vec::new(),
            html: Html::new(text),
            links: Vec::new(),
            images: 0,
            in_footnotes: 0,
            footnotes: Vec::new(),
            numbers: HashMap::new(),
            referred: HashSet::new(),
            cell_end: 0,
            block_end: 0,
            in_leaf: false,
        }
    }

    fn hide(&mut self, range: Range<usize>) {
        self.replace(range, "");
    }

    fn replace(&mut self, range: Range<usize>, with: &str) {
        self.edits.push(Edit { range, with: with.to_owned() });
    }

    fn event(&mut self, event: Event<'a>, range: Range<usize>) {
        if !self.in_leaf && is_inline(&event) {
            // In a list whose items stand close together there are no paragraphs.
            self.between_blocks(&range);
        }
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end_of(tag, range),
            Event::Text(shown) => {
                let entity = self.text[range.clone()].starts_with('&');
                if entity && shown.chars().all(|c| is_invisible(c) && !matches!(c, '\u{200c}' | '\u{200d}')) {
                    self.hide(range.clone());
                }
                self.content(&range, !visible(&shown).trim().is_empty());
            }
            Event::Code(code) => self.content(&range, !visible(&code).trim().is_empty()),
            Event::InlineHtml(html) => {
                self.content(&range, html.starts_with("<img"));
                self.html.piece(range);
            }
            Event::FootnoteReference(label) => {
                self.content(&range, true);
                let label = label.to_lowercase();
                let next = self.numbers.len() + 1;
                let number = *self.numbers.entry(label.clone()).or_insert(next);
                self.replace(range, &format!("[^{number}]"));
                if self.in_footnotes == 0 {
                    self.referred.insert(label);
                }
            }
            _ => self.content(&range, false),
        }
    }

    /// Something within a paragraph.
    fn content(&mut self, range: &Range<usize>, is_shown: bool) {
        if let Some(link) = self.links.last_mut().filter(|_| self.images == 0) {
            link.content_end = range.end;
            link.is_shown |= is_shown;
        }
    }

    fn start(&mut self, tag: Tag<'a>, range: Range<usize>) {
        match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::Table(_) => self.leaf(&range),
            Tag::HtmlBlock => {
                self.leaf(&range);
                self.html.piece(range);
            }
            Tag::CodeBlock(kind) => {
                self.leaf(&range);
                if let CodeBlockKind::Fenced(info) = kind {
                    self.info(&info, range);
                }
            }
            Tag::FootnoteDefinition(label) => {
                self.between_blocks(&range);
                let marker = self.text[range.clone()].find("]:").map_or(range.start, |at| range.start + at + 2);
                self.block_end = marker;
                self.in_footnotes += 1;
                self.footnotes.push(Footnote { label: label.to_lowercase(), range });
            }
            Tag::Item | Tag::List(_) | Tag::BlockQuote(_) => {
                self.between_blocks(&(range.start..range.start));
            }
            Tag::TableCell => self.cell_end = range.end,
            Tag::Link { link_type, dest_url, title, .. } if self.images == 0 => {
                let content_end = range.start;
                let has_title = !title.is_empty();
                self.links.push(OpenLink { link_type, address: dest_url, has_title, content_end, is_shown: false });
            }
            Tag::Image { dest_url, .. } => {
                if self.images == 0 {
                    self.replace(range.clone(), &format!("![]({})", address(&dest_url)));
                    self.content(&range, true);
                }
                self.images += 1;
            }
            _ => {}
        }
    }

    fn end_of(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Image => self.images -= 1,
            TagEnd::Link if self.images == 0 => self.end_of_link(range),
            TagEnd::Paragraph => {
                self.html.stop_hiding(range.start + self.text[range].trim_end().len());
                self.in_leaf = false;
            }
            TagEnd::Heading(_) | TagEnd::Table | TagEnd::HtmlBlock | TagEnd::CodeBlock => self.in_leaf = false,
            TagEnd::FootnoteDefinition => {
                self.between_blocks(&(range.end..range.end));
                self.in_footnotes -= 1;
            }
            TagEnd::Item | TagEnd::List(_) | TagEnd::BlockQuote(_) => self.between_blocks(&(range.end..range.end)),
            // A row's cells beyond those of the head are left out.
            TagEnd::TableRow | TagEnd::TableHead => {
                let row = self.text[range.clone()].trim_end().len();
                let rest = self.cell_end..(range.start + row).max(self.cell_end);
                if self.text[rest.clone()].contains(|c: char| c != '|' && !c.is_whitespace()) {
                    self.replace(rest, "|");
                }
            }
            _ => {}
        }
    }

    /// A block without blocks in it.
    fn leaf(&mut self, range: &Range<usize>) {
        if !self.in_leaf {
            self.between_blocks(range);
            self.in_leaf = true;
        }
    }

    /// What stands between two blocks are markers of lists and quotes, and definitions of links.
    fn between_blocks(&mut self, block: &Range<usize>) {
        if let Some(between) = self.text.get(self.block_end..block.start)
            && let Some(at) = between.find('[')
        {
            let definitions = between.trim_end().len();
            self.hide(self.block_end + at..self.block_end + definitions);
        }
        self.block_end = self.block_end.max(block.end);
    }

    /// What follows the language of a code block is not shown.
    fn info(&mut self, info: &str, block: Range<usize>) {
        let word = info.split_whitespace().next().unwrap_or_default();
        let is_name = |c: char| c.is_ascii_alphanumeric() || "+#._-".contains(c);
        let is_language = word.len() <= LONGEST_LANGUAGE && word.chars().all(is_name);
        let language = if is_language { word } else { "" };
        if info.trim() == language {
            return;
        }
        let first = self.text[block.clone()].lines().next().unwrap_or_default();
        let fence = first.len() - first.trim_start_matches(['`', '~']).len();
        self.replace(block.start + fence..block.start + first.len(), language);
    }

    fn end_of_link(&mut self, range: Range<usize>) {
        let Some(link) = self.links.pop() else { return };
        self.content(&range, link.is_shown);
        if matches!(link.link_type, LinkType::Autolink | LinkType::Email) {
            return;
        }
        if !link.is_shown {
            return self.hide(range);
        }
        if link.link_type == LinkType::Inline && !link.has_title {
            return;
        }
        let end = self.text[link.content_end..range.end].find(']').map_or(range.end, |at| link.content_end + at);
        self.replace(end..range.end, &format!("]({})", address(&link.address)));
    }

    fn end(mut self) -> Vec<Edit> {
        let text = self.text;
        self.between_blocks(&(text.len()..text.len()));
        let mut told = HashSet::new();
        for Footnote { label, range } in std::mem::take(&mut self.footnotes) {
            let number = self.numbers.get(&label).filter(|_| self.referred.contains(&label)).copied();
            match number.filter(|_| told.insert(label.clone())) {
                None => self.hide(range),
                Some(number) => {
                    let marker = text[range.clone()].find("]:").map_or(0, |at| at + 2);
                    self.replace(range.start..range.start + marker, &format!("[^{number}]:"));
                }
            }
        }
        self.html.stop_hiding(text.len());
        let mut edits = self.edits;
        edits.append(&mut self.html.edits);
        edits.sort_by_key(|edit| (edit.range.start, std::cmp::Reverse(edit.range.end)));
        // What begins within another edit goes with it.
        edits.dedup_by(|next, edit| {
            let within = next.range.start < edit.range.end;
            edit.range.end = if within { edit.range.end.max(next.range.end) } else { edit.range.end };
            within
        });
        edits
    }
}

/// Whether an event is about something that needs no block of its own.
fn is_inline(event: &Event<'_>) -> bool {
    match event {
        Event::Start(Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. }) => true,
        Event::Start(_) | Event::End(_) | Event::Html(_) => false,
        _ => true,
    }
}

/// A link's address as Markdown.
fn address(url: &str) -> String {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"()<>\\".contains(c);
    if !url.is_empty() && url.chars().all(is_plain) {
        return url.to_owned();
    }
    let escaped: String = url.chars().filter(|c| !c.is_control()).collect();
    format!("<{}>", escaped.replace('\\', "%5C").replace('<', "%3C").replace('>', "%3E"))
}

#[cfg(test)]
mod tests;
