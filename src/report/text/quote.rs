//! Somebody else's Markdown in a quote that it cannot leave.

use std::ops::Range;

use adjutant_domain::text::{dialect, visible};
use pulldown_cmark::{Event, Parser, Tag};

use super::{BREAK, beginning, clip, defuse};

/// Markdown of somebody else's, quoted: its formatting works and ends with the quote; HTML, footnotes and definitions of
/// links in it are shown, not rendered. Empty where the text is.
pub fn quote(markdown: &str, chars: usize) -> String {
    let text = clip(visible(beginning(markdown, chars)).trim(), chars);
    let lines: Vec<String> = defuse(&text).lines().map(|line| format!("> {line}").trim_end().to_owned()).collect();
    let quoted = lines.join("\n");
    // Code is looked for in the finished quote: a tab that makes code of a line is narrower behind `> `.
    let shown = harmless(&quoted, &code_ranges(&quoted));
    // What stood in code before the escapes can stand outside of it with them.
    if is_quiet(&shown) { shown } else { harmless(&quoted, &[]) }
}

/// The text with everything outside of code escaped that could leave the quote.
fn harmless(quoted: &str, code: &[Range<usize>]) -> String {
    let mut code = code.iter().peekable();
    let mut shown = String::with_capacity(quoted.len() + 64);
    for (at, c) in quoted.char_indices() {
        while code.next_if(|range| range.end <= at).is_some() {}
        if code.peek().is_some_and(|range| range.contains(&at)) {
            shown.push(c);
            continue;
        }
        let next = quoted[at + c.len_utf8()..].chars().next();
        match (c, next) {
            ('<', _) => shown.push_str("&lt;"),
            // `&#64;maintainer` is a mention like any other once it is rendered.
            ('&', _) => shown.push_str("&amp;"),
            // An image would be loaded by everybody who reads this. Not with a back slash: one before it would take it away.
            ('!', Some('[')) => shown.push_str("&excl;"),
            // Footnotes are put at the end of the whole text, and a definition counts in all of it.
            ('[', Some('^')) | (']', Some(':')) => shown.extend([c, BREAK]),
            _ => shown.push(c),
        }
    }
    shown
}

fn code_ranges(text: &str) -> Vec<Range<usize>> {
    Parser::new_ext(text, dialect())
        .into_offset_iter()
        .filter(|(event, _)| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_))))
        .map(|(_, range)| range)
        .collect()
}

/// Whether GitHub would render no HTML, image or footnote of the finished quote, and act on nothing in its text.
fn is_quiet(quote: &str) -> bool {
    let (mut text, mut in_code) = (String::new(), false);
    for event in Parser::new_ext(quote, dialect()) {
        match event {
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::Start(Tag::Image { .. } | Tag::FootnoteDefinition(_) | Tag::HtmlBlock) => return false,
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::Text(part) if !in_code => text.push_str(&part),
            event => {
                in_code &= !matches!(event, Event::End(_));
                text.push('\n');
            }
        }
    }
    defuse(&text) == text
}

#[cfg(test)]
mod tests {
    use comrak::nodes::NodeValue;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    #[test]
    fn a_quote_keeps_formatting_and_shows_html() {
        let text = "**Found**:\n\n- `<b>` in `a`\n\n```html\n<p>\n```\n<details><!-- ![x](y)";
        insta::assert_snapshot!(quote(text, 1000), @r"
        > **Found**:
        >
        > - `<b>` in `a`
        >
        > ```html
        > <p>
        > ```
        > &lt;details>&lt;!-- &excl;[x](y)
        ");
        assert_eq!(quote("  \n", 10), "");
        assert_eq!(
            quote("[a](https://a.example/?b=1&c=2) `a && b`", 200),
            "> [a](https://a.example/?b=1&amp;c=2) `a && b`"
        );
    }

    /// What GitHub would make of a quote beyond a quote, by its own parser.
    fn leaves(quote: &str) -> Option<String> {
        let mut options = comrak::Options::default();
        options.extension.table = true;
        options.extension.strikethrough = true;
        options.extension.tasklist = true;
        options.extension.footnotes = true;
        options.extension.autolink = true;
        let arena = comrak::Arena::new();
        let root = comrak::parse_document(&arena, &format!("{quote}\n\n<!-- ours -->\n\n# ours\n"), &options);
        let blocks: Vec<_> = root.children().collect();
        let (quotes, ours) = blocks.split_at(blocks.len().saturating_sub(2));
        for node in quotes {
            if !matches!(node.data.borrow().value, NodeValue::BlockQuote) {
                return Some(format!("{:?}", node.data.borrow().value));
            }
        }
        let is_ours = matches!(ours[0].data.borrow().value, NodeValue::HtmlBlock(_))
            && matches!(ours[1].data.borrow().value, NodeValue::Heading(_));
        if !is_ours {
            return Some("what follows".to_owned());
        }
        let nodes = quotes.iter().flat_map(|quote| quote.descendants());
        nodes.map(|node| node.data.borrow().value.clone()).find_map(|value| match &value {
            NodeValue::HtmlBlock(_)
            | NodeValue::HtmlInline(_)
            | NodeValue::Image(_)
            | NodeValue::FootnoteDefinition(_)
            | NodeValue::FootnoteReference(_) => Some(format!("{value:?}")),
            NodeValue::Text(text) if defuse(text) != **text => Some(format!("{value:?}")),
            _ => None,
        })
    }

    #[test]
    fn nothing_leaves_a_quote() {
        for text in [
            "x\n\n\t&commat;maintainer closes &num;1 ![i](https://evil.example/i) <img src=x> </details><h1>",
            "x\n\n \t&#64;maintainer",
            "- a\n\n\t&commat;maintainer\n\n\t\t<h1>",
            "<a title=\"`\"> ` &commat;maintainer <h1> `",
            "`` ` &commat;maintainer",
            "&#64;maintainer fixes &#35;1 fixes #&#49; fixes &num;1 fixes GH\\-1",
            "![x](https://a.example/y) \\![x](https://a.example/y) \\\\![x](https://a.example/y)",
            "a[^1]\n\n[^1]: # b\n[^2]: c",
            "[ours]: https://evil.example\n\n[//]: # (hidden)",
            "</details>\n\n# b\n\n---\nb\n===\n",
            "| a |\n|---|\n| &commat;maintainer <h1> |",
            "```\n\t&commat;maintainer\n~~~\n```\n&commat;maintainer",
            "1.\tx\n\n\t<h1>\n2.\t\t&commat;maintainer",
        ] {
            let shown = quote(text, 1_000);
            assert_eq!(leaves(&shown), None, "{shown}");
        }
    }

    fn fixed() -> ProptestConfig {
        ProptestConfig {
            rng_seed: RngSeed::Fixed(1),
            cases: 1_000,
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    }

    /// Pieces of Markdown that could leave a quote.
    const PIECES: &[&str] = &[
        "\n",
        "\n\n",
        "\t",
        " ",
        "    ",
        "- ",
        "1. ",
        "> ",
        "# ",
        "`",
        "```",
        "~~~",
        "\\",
        "|",
        "|---|",
        "&commat;",
        "&#64;",
        "@",
        "maintainer",
        "fixes ",
        "#",
        "&num;",
        "1",
        "GH-",
        "GH\\-",
        "![",
        "[",
        "](https://a.example/x)",
        "]",
        "^",
        "[^1]",
        "[^1]: ",
        "]: x",
        "<",
        "<h1>",
        "</details>",
        "<!--",
        "-->",
        "<a title=\"",
        "\">",
        "<br",
        ">",
        "*",
        "_",
        "~~",
        "---",
        "===",
        "https://github.com/a/b/issues/",
        "a",
    ];

    proptest! {
        #![proptest_config(fixed())]

        #[test]
        fn nothing_leaves_a_quote_whatever_is_in_it(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..16)) {
            let shown = quote(&pieces.concat(), 1_000);
            if !shown.is_empty() {
                prop_assert_eq!(leaves(&shown), None, "{}", shown);
            }
        }
    }
}
