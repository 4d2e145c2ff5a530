//! Renders Markdown as GitHub does, safe for a page.
//!
//! The text may come from anybody, so only this becomes markup: what Markdown itself generates, a few HTML tags without
//! their attributes (`<details>` among them), and links to `http`, `https`, `mailto` and this server. Comments are
//! hidden. `#12` and `@login` become links, and `mermaid` blocks become drawings.

mod mermaid;

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeStream};

/// The allowed HTML tags, without attributes (except `open` of `<details>`).
const TAGS: [&str; 14] =
    ["details", "summary", "br", "sub", "sup", "kbd", "b", "i", "em", "strong", "code", "ins", "del", "p"];

/// The place of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TextPlace<'a> {
    /// In an issue or a comment of this repository (its page's path). A line break in the text is one on the page.
    Comment(&'a str),
    /// In a file of this repository.
    File(&'a str),
}

/// A file in the API's HTML form: Markdown is rendered, anything else is shown as it is.
/// <https://docs.github.com/en/rest/repos/contents#get-repository-content>
pub(crate) fn file_as_html(repository: &str, path: &str, text: &str, is_markdown: bool) -> String {
    let file = html! {
        div id="file" data-path=(path) {
            @if is_markdown {
                article.markdown-body itemprop="text" { (render(text, TextPlace::File(repository))) }
            } @else {
                div.plain { pre { (text) } }
            }
        }
    };
    file.into_string()
}

/// The text as markup.
pub(crate) fn render(text: &str, place: TextPlace<'_>) -> Markup {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM
        | Options::ENABLE_FOOTNOTES;
    let events = TextMergeStream::new(Parser::new_ext(text, options));
    let mut filter = Filter { place, links: 0, code: None, html: HtmlFilter::default(), tables: 0 };
    let events: Vec<Event<'_>> = events.flat_map(|event| filter.event(event)).collect();
    let mut page = String::new();
    pulldown_cmark::html::push_html(&mut page, events.into_iter());
    page.push_str(&filter.html.close());
    html! { div.markdown { (PreEscaped(page)) } }
}

struct Filter<'a> {
    place: TextPlace<'a>,
    links: usize,
    code: Option<(String, String)>,
    html: HtmlFilter,
    tables: usize,
}

impl Filter<'_> {
    fn event<'e>(&mut self, event: Event<'e>) -> Vec<Event<'e>> {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split([' ', ',']).next().unwrap_or_default().to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
                vec![]
            }
            Event::End(TagEnd::CodeBlock) => {
                let (language, code) = self.code.take().unwrap_or_default();
                vec![Event::Html(code_block(&language, &code).into_string().into())]
            }
            Event::Text(text) => match &mut self.code {
                Some((_, code)) => {
                    code.push_str(&text);
                    vec![]
                }
                None if self.links > 0 => vec![Event::Text(text)],
                None => vec![Event::Html(self.with_references(&text).into())],
            },
            Event::Html(html) | Event::InlineHtml(html) => vec![Event::Html(self.html.pass(&html).into())],
            Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => vec![],
            Event::SoftBreak if matches!(self.place, TextPlace::Comment(_)) => vec![Event::HardBreak],
            // The page itself has the only heading of the first level.
            Event::Start(Tag::Heading { level, .. }) => vec![Event::Html(format!("<h{}>", below(level)).into())],
            Event::End(TagEnd::Heading(level)) => vec![Event::Html(format!("</h{}>\n", below(level)).into())],
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                self.links += 1;
                vec![Event::Start(Tag::Link { link_type, dest_url: safe_address(dest_url), title, id })]
            }
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                self.links += 1;
                vec![Event::Start(Tag::Image { link_type, dest_url: safe_address(dest_url), title, id })]
            }
            Event::End(end @ (TagEnd::Link | TagEnd::Image)) => {
                self.links -= 1;
                vec![Event::End(end)]
            }
            // A wide table scrolls alone, and not the whole page.
            Event::Start(tag @ Tag::Table(_)) => {
                self.tables += 1;
                vec![Event::Html("<div class=\"scroll\">".into()), Event::Start(tag)]
            }
            Event::End(end @ TagEnd::Table) => vec![Event::End(end), Event::Html("</div>".into())],
            other => vec![other],
        }
    }

    /// The text, escaped, with links for `#12`, `@login` and URLs.
    fn with_references(&self, text: &str) -> String {
        let (TextPlace::Comment(repository) | TextPlace::File(repository)) = self.place;
        let mut page = String::new();
        let mut rest = text;
        let mut previous = ' ';
        while let Some(first) = rest.chars().next() {
            let starts_word = !(previous.is_alphanumeric() || previous == '_' || previous == '/');
            let found = if starts_word { reference(rest, repository) } else { None };
            if let Some((length, address)) = found {
                let (shown, after) = rest.split_at(length);
                page.push_str(&html! { a href=(address) { (shown) } }.into_string());
                previous = shown.chars().next_back().unwrap_or(' ');
                rest = after;
            } else {
                page.push_str(&html! { (first) }.into_string());
                previous = first;
                rest = &rest[first.len_utf8()..];
            }
        }
        page
    }
}

fn below(level: HeadingLevel) -> usize {
    (level as usize + 1).min(6)
}

/// The length of a reference at the start of `text`, and its target.
fn reference(text: &str, repository: &str) -> Option<(usize, String)> {
    let run = |text: &str, belongs: fn(char) -> bool| text.find(|c| !belongs(c)).unwrap_or(text.len());
    if let Some(rest) = text.strip_prefix('#') {
        let length = run(rest, |c| c.is_ascii_digit());
        return (1..10).contains(&length).then(|| (length + 1, format!("{repository}/issues/{}", &rest[..length])));
    }
    if let Some(rest) = text.strip_prefix('@') {
        let length = run(rest, |c| c.is_ascii_alphanumeric() || c == '-');
        return (1..40).contains(&length).then(|| (length + 1, format!("/{}", &rest[..length])));
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        let length = run(text, |c| !c.is_whitespace() && !"<>\"'`|".contains(c));
        let address = text[..length].trim_end_matches(['.', ',', ':', ';', '!', '?', ')', '*']);
        return Some((address.len(), address.to_owned()));
    }
    None
}

/// The URL, or an empty one if it is not known to be harmless.
fn safe_address(address: CowStr<'_>) -> CowStr<'_> {
    let scheme = address.split([':', '/', '?', '#']).next().unwrap_or_default();
    let has_scheme = address[scheme.len()..].starts_with(':');
    let known = ["http", "https", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    if has_scheme && !known { "#".into() } else { address }
}

fn code_block(language: &str, code: &str) -> Markup {
    if language == "mermaid"
        && let Some(drawing) = mermaid::render(code)
    {
        return html! { div.diagram { (drawing) } };
    }
    if language == "diff" {
        let class = |line: &str| match line.as_bytes().first() {
            Some(b'+') => Some("add"),
            Some(b'-') => Some("del"),
            Some(b'@') => Some("hunk"),
            _ => None,
        };
        return html! { pre.code { code { @for line in code.lines() { span class=[class(line)] { (line) "\n" } } } } };
    }
    html! { pre.code { code { (code) } } }
}

/// Keeps the tags of [`TAGS`] and drops all others and all comments. The text between them stays. Unclosed tags are
/// closed at the end, and closing tags without an opening one are dropped.
#[derive(Default)]
struct HtmlFilter {
    in_comment: bool,
    /// A tag that continues in the next line.
    unfinished: String,
    open: Vec<&'static str>,
}

impl HtmlFilter {
    fn pass(&mut self, html: &str) -> String {
        let mut page = String::new();
        let html = std::mem::take(&mut self.unfinished) + html;
        let mut rest = html.as_str();
        while !rest.is_empty() {
            if self.in_comment {
                let Some((_, after)) = rest.split_once("-->") else { return page };
                self.in_comment = false;
                rest = after;
            } else if let Some(after) = rest.strip_prefix("<!--") {
                self.in_comment = true;
                rest = after;
            } else if let Some(tag) = rest.strip_prefix('<') {
                let Some((tag, after)) = tag.split_once('>') else {
                    rest.clone_into(&mut self.unfinished);
                    return page;
                };
                self.tag(tag, &mut page);
                rest = after;
            } else {
                let (text, after) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
                page.push_str(&html! { (PreEscaped(escape_keeping_entities(text))) }.into_string());
                rest = after;
            }
        }
        page
    }

    fn tag(&mut self, tag: &str, page: &mut String) {
        let closing = tag.starts_with('/');
        let mut words = tag.trim_start_matches('/').split(|c: char| c.is_whitespace() || c == '/');
        let name = words.next().unwrap_or_default();
        let Some(name) = TAGS.iter().find(|known| known.eq_ignore_ascii_case(name)) else { return };
        match (*name, closing) {
            ("br", _) => page.push_str("<br>"),
            (name, true) => {
                if let Some(at) = self.open.iter().rposition(|open| *open == name) {
                    self.open.remove(at);
                    page.extend(["</", name, ">"]);
                }
            }
            (name, false) => {
                self.open.push(name);
                let open = name == "details" && words.any(|word| word.starts_with("open"));
                page.extend(["<", name, if open { " open>" } else { ">" }]);
            }
        }
    }

    fn close(&mut self) -> String {
        std::mem::take(&mut self.open).into_iter().rev().flat_map(|name| ["</", name, ">"]).collect()
    }
}

/// Escapes the text of an HTML block, but keeps the entities in it.
fn escape_keeping_entities(text: &str) -> String {
    text.replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(text: &str) -> String {
        let page = render(text, TextPlace::Comment("/acme/widgets")).into_string();
        page.strip_prefix("<div class=\"markdown\">").unwrap().strip_suffix("</div>").unwrap().trim().to_owned()
    }

    #[test]
    fn hidden_markers_stay_hidden_and_the_text_after_them_shows() {
        assert_eq!(comment("<!-- bot:status -->\n**On its way**"), "<p><strong>On its way</strong></p>");
        assert_eq!(comment("a <!-- b --> c"), "<p>a  c</p>");
        assert_eq!(comment("<!--\nlong\n\nsecret\n-->\n\nafter"), "<p>after</p>");
    }

    #[test]
    fn nothing_dangerous_gets_through() {
        for text in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "a <svg onload=alert(1)> b",
            "<details onclick=\"alert(1)\"><iframe src=\"x\">",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "![x](data:text/html;base64,AAAA)",
            "<a href=\"javascript:alert(1)\">x</a>",
            "```mermaid\ngraph LR\na[\"<img src=x onerror=1>\"]\n```",
            "<details\nopen onclick=alert(1)\n>",
            "</div></div><div class=x>",
        ] {
            let page = comment(text);
            for bad in
                ["<script", "<img src=\"x", "onerror", "onclick", "onload", "javascript:", "data:", "<iframe", "</div>"]
            {
                let found = page.to_lowercase().contains(bad) && !(bad == "</div>" && text.starts_with("```"));
                assert!(!found, "{text} → {page}");
            }
        }
    }

    #[test]
    fn details_fold_and_are_closed_even_if_their_writer_forgot() {
        let page = comment("<details><summary>Log</summary>\n\n```\nline\n```\n");
        assert!(page.starts_with("<details><summary>Log</summary>"), "{page}");
        assert!(page.ends_with("</details>"), "{page}");
        assert!(page.contains("<pre class=\"code\"><code>line\n</code></pre>"), "{page}");
    }

    #[test]
    fn issues_people_and_addresses_become_links() {
        let page = comment("see #12, @ada and http://127.0.0.1:1/x. Not a#1, `#3` or x@y");
        assert!(page.contains("<a href=\"/acme/widgets/issues/12\">#12</a>,"), "{page}");
        assert!(page.contains("<a href=\"/ada\">@ada</a>"), "{page}");
        assert!(page.contains("<a href=\"http://127.0.0.1:1/x\">http://127.0.0.1:1/x</a>."), "{page}");
        assert_eq!(page.matches("<a ").count(), 3, "{page}");
    }

    #[test]
    fn a_line_break_shows_in_a_comment_and_not_in_a_file() {
        assert!(comment("a\nb").contains("<br"));
        assert!(!render("a\nb", TextPlace::File("/acme/widgets")).into_string().contains("<br"));
    }

    #[test]
    fn tables_task_lists_and_drawings_are_made() {
        let page = comment("| a | b |\n|---|:-:|\n| 1 | 2 |\n\n- [x] done\n\n```mermaid\ngraph LR\na-->b\n```");
        for part in ["<div class=\"scroll\"><table>", "checkbox", "<div class=\"diagram\"><svg"] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
