//! What of raw HTML GitHub shows.
//!
//! GitHub cleans the HTML of a comment by a list of elements and attributes
//! (<https://github.com/gjtorikian/html-pipeline/blob/main/lib/html_pipeline/sanitization_filter.rb>), and a browser
//! shows no attribute but as a tooltip. So of a tag no more is kept than its name, and the address of a link or a picture.

use std::ops::Range;

use super::hidden::Edit;

/// Elements that GitHub renders.
const RENDERED: &str = " a abbr b bdo big blockquote br caption center cite code dd del details dfn div dl dt em figcaption \
    figure font h1 h2 h3 h4 h5 h6 h7 h8 hr i img ins kbd li mark ol p picture pre q rt ruby s samp section small span strike \
    strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr ";

/// Elements whose tags GitHub shows as text (<https://github.github.com/gfm/#disallowed-raw-html-extension->).
const SHOWN_AS_TEXT: &str = " title textarea style xmp iframe noembed noframes script plaintext ";

/// A browser that shows ruby text hides what stands in this element.
const HIDES_ITS_TEXT: &str = "rp";

/// The longest address that is kept, in bytes.
const LONGEST_URL: usize = 2_000;

/// Looks through a piece of HTML, and keeps what opens an element that hides its text until it is closed.
pub(super) struct Html<'a> {
    text: &'a str,
    pub edits: Vec<Edit>,
    hides_from: Option<usize>,
}

impl<'a> Html<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, edits: Vec::new(), hides_from: None }
    }

    /// A piece of the text that is HTML.
    pub(super) fn piece(&mut self, piece: Range<usize>) {
        let mut at = piece.start;
        while let Some(found) = self.text[at..piece.end].find('<') {
            let start = at + found;
            at = match markup(&self.text[start..piece.end]) {
                Markup::Text => start + 1,
                Markup::Hidden { length } => {
                    self.edits.push(Edit { range: start..start + length, with: String::new() });
                    start + length
                }
                Markup::Unclosed { hides } => {
                    let end = if hides == Hides::Everything { self.text.len() } else { piece.end };
                    self.edits.push(Edit { range: start..end, with: String::new() });
                    return;
                }
                Markup::Tag(tag) => {
                    self.tag(start, &tag);
                    start + tag.length
                }
            };
        }
    }

    fn tag(&mut self, start: usize, tag: &Tag<'_>) {
        let range = start..start + tag.length;
        let name = tag.name.to_ascii_lowercase();
        let is_one_of = |names: &str| names.split(' ').any(|it| it == name);
        if name == HIDES_ITS_TEXT && !tag.closes {
            self.hides_from.get_or_insert(start);
        } else if name == HIDES_ITS_TEXT {
            self.stop_hiding(range.end);
        }
        if is_one_of(SHOWN_AS_TEXT) {
            return;
        }
        let with = if is_one_of(RENDERED) { tag.bare() } else { String::new() };
        if self.text[range.clone()] != with {
            self.edits.push(Edit { range, with });
        }
    }

    /// Ends an element that hides its text: it was closed, or its paragraph ends.
    pub(super) fn stop_hiding(&mut self, at: usize) {
        if let Some(start) = self.hides_from.take() {
            self.edits.push(Edit { range: start..at, with: String::new() });
        }
    }
}

/// What begins with a `<`.
enum Markup<'a> {
    /// The character itself.
    Text,
    /// A comment, a declaration, an instruction.
    Hidden {
        length: usize,
    },
    /// It never ends.
    Unclosed {
        hides: Hides,
    },
    Tag(Tag<'a>),
}

/// What that which never ends hides.
#[derive(PartialEq)]
enum Hides {
    /// All that follows: a comment, or a quoted value.
    Everything,
    /// The rest of the piece: GitHub's own next tag ends it.
    Piece,
}

struct Tag<'a> {
    length: usize,
    closes: bool,
    name: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
}

impl Tag<'_> {
    /// Its name, and where it leads.
    fn bare(&self) -> String {
        let kept = match self.name.to_ascii_lowercase().as_str() {
            "a" => "href",
            "img" => "src",
            _ => "",
        };
        let (name, slash) = (self.name, if self.closes { "/" } else { "" });
        let kept = self.attributes.iter().find(|(name, value)| name.eq_ignore_ascii_case(kept) && is_address(value));
        kept.map_or_else(|| format!("<{slash}{name}>"), |(key, value)| format!("<{name} {key}=\"{value}\">"))
    }
}

/// Whether a value is an address of the web, and nothing else.
fn is_address(value: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && !"\"'<>`".contains(c);
    let of_the_web = value.starts_with("https://") || value.starts_with("http://");
    of_the_web && value.len() <= LONGEST_URL && value.chars().all(is_plain)
}

fn markup(html: &str) -> Markup<'_> {
    let until =
        |close: &str, from: usize| html.get(from..).and_then(|rest| rest.find(close)).map(|at| from + at + close.len());
    let hidden = |end: Option<usize>| {
        end.map_or(Markup::Unclosed { hides: Hides::Everything }, |length| Markup::Hidden { length })
    };
    let after = html[1..].strip_prefix('/').unwrap_or(&html[1..]);
    if html.starts_with("<!--") {
        // `<!-->` and `<!--->` are whole comments in HTML, and begin one for older parsers.
        let short = ["<!-->", "<!--->"].into_iter().find(|short| html.starts_with(short)).map(str::len);
        return hidden(until("-->", 4).or(short));
    }
    if html.starts_with("<![CDATA[") {
        return hidden(until("]]>", 9));
    }
    if html.starts_with("<?") {
        return hidden(until("?>", 2).or_else(|| until(">", 2)));
    }
    // A browser takes `</ words>` for a comment.
    if html.starts_with("<!") || (html.starts_with("</") && !after.starts_with(|c: char| c.is_ascii_alphabetic())) {
        return hidden(until(">", 2));
    }
    if after.starts_with(|c: char| c.is_ascii_alphabetic()) { tag(html) } else { Markup::Text }
}

/// A tag, read as a browser reads it.
fn tag(html: &str) -> Markup<'_> {
    let closes = html.starts_with("</");
    let from = 1 + usize::from(closes);
    let ends_name = |c: char| c.is_whitespace() || c == '/' || c == '>';
    let name_end = html[from..].find(ends_name).map_or(html.len(), |at| from + at);
    let (mut attributes, mut at) = (Vec::new(), name_end);
    loop {
        at += html[at..].len() - html[at..].trim_start_matches(|c: char| c.is_whitespace() || c == '/').len();
        let Some(first) = html[at..].chars().next() else { return Markup::Unclosed { hides: Hides::Piece } };
        if first == '>' {
            return Markup::Tag(Tag { length: at + 1, closes, name: &html[from..name_end], attributes });
        }
        // An attribute's name may begin with an equals sign.
        let key_from = at + first.len_utf8();
        let key_end = html[key_from..].find(|c: char| ends_name(c) || c == '=').map_or(html.len(), |it| key_from + it);
        let key = &html[at..key_end];
        let rest = html[key_end..].trim_start();
        let Some(value) = rest.strip_prefix('=').map(str::trim_start) else {
            at = key_end;
            continue;
        };
        let value_at = html.len() - value.len();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, end) = if let Some(quote) = quote {
            let Some(length) = value[1..].find(quote) else { return Markup::Unclosed { hides: Hides::Everything } };
            (&value[1..=length], value_at + length + 2)
        } else {
            let length = value.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(value.len());
            (&value[..length], value_at + length)
        };
        attributes.push((key, value));
        at = end;
    }
}
