//! Making text of strangers harmless, and making texts fit.
//!
//! GitHub looks for mentions, references and closing keywords in the text that it has rendered, so escaping in
//! Markdown does not stop them
//! (<https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls>):
//! a zero-width space inside does, and looks the same.

mod quote;

use adjutant_domain::actor::Actor;
use adjutant_domain::ids::Login;
use adjutant_domain::text::{truncate, visible};
pub use quote::quote;

/// The longest body of a comment, issue or pull request. GitHub counts characters; bytes are never fewer.
pub const MAX_BODY: usize = 65_536;

/// The longest field of a check run's output, counted likewise.
/// <https://docs.github.com/en/rest/checks/runs#create-a-check-run>
pub const MAX_CHECK_FIELD: usize = 65_535;

/// Breaks what GitHub would act on; nothing is drawn for it.
const BREAK: char = '\u{200b}';

/// The longest address of a link, in bytes.
const LONGEST_URL: usize = 1_000;

/// Stands where something was cut off.
const ELLIPSIS: char = '…';

/// One line of Markdown that shows the text as it is: in a table, a list or a sentence. What stands between back
/// ticks is shown as code.
pub fn inline(text: &str, chars: usize) -> String {
    let text = plain(text, chars);
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text.as_str();
    while let Some((before, inner, after)) = split_code(rest) {
        escape_into(&mut shown, before);
        shown.push_str(&code(inner));
        rest = after;
    }
    escape_into(&mut shown, rest);
    shown
}

/// What stands before, between and after the first two back ticks that have anything between them.
fn split_code(text: &str) -> Option<(&str, &str, &str)> {
    let open = text.find('`')?;
    let length = text[open + 1..].find('`').filter(|length| *length > 0)?;
    let inner = &text[open + 1..open + 1 + length];
    Some((&text[..open], inner, &text[open + length + 2..]))
}

fn escape_into(shown: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | '#' => {
                shown.push('\\');
                shown.push(c);
            }
            _ => shown.push(c),
        }
    }
}

/// One line without Markdown: for a title or a commit's subject.
pub fn plain(text: &str, chars: usize) -> String {
    let words: Vec<&str> = beginning(text, chars).split_whitespace().collect();
    break_skips(&break_links(&defuse(&clip(&visible(&words.join(" ")), chars))))
}

/// Several lines without Markdown: for a commit's body.
pub fn plain_lines(text: &str, chars: usize) -> String {
    break_skips(&break_links(&defuse(&clip(visible(beginning(text, chars)).trim(), chars))))
}

/// Inline code. It cannot be left, and nothing in it is acted upon.
pub fn code(text: &str) -> String {
    let text: Vec<&str> = beginning(text, 200).split_whitespace().collect();
    let text = visible(&text.join(" ")).replace('`', "'").replace('|', "¦");
    if text.is_empty() { "` `".to_owned() } else { format!("`{}`", break_references(&clip(&text, 200))) }
}

/// A link to a page of somebody else; only the words where the address is none of the web, or could end the link.
pub fn link(words: &str, url: &str) -> String {
    let words = inline(words, 60);
    let is_of_the_web = ["https://", "http://"].iter().any(|start| url.starts_with(start));
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&+,=%".contains(&byte);
    let is_whole = url.len() <= LONGEST_URL && url.bytes().all(is_safe);
    if is_of_the_web && is_whole { format!("[{words}]({url})") } else { words }
}

/// A fenced block of a program's output, which cannot close its fence: the end of it, where it is too long.
pub fn fence(output: &str, chars: usize) -> String {
    let start = output.ceil_char_boundary(output.len().saturating_sub(enough(chars)));
    let output = break_references(&visible(&without_colours(&output[start..])));
    let output = clip_front(output.trim_matches('\n'), chars);
    let longest = output.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{output}\n{fence}")
}

/// Who did something, named and not called.
pub fn actor(actor: &Actor) -> String {
    actor.login().map_or_else(|| actor.to_string(), login)
}

/// Somebody who is named and not called.
pub fn login(login: &Login) -> String {
    code(login.as_str())
}

/// The first `chars` characters, with an ellipsis where more followed.
pub fn clip(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some(_) if chars == 0 => String::new(),
        Some(_) => {
            let mut clipped: String = text.chars().take(chars - 1).collect();
            clipped.truncate(clipped.trim_end().len());
            clipped.push(ELLIPSIS);
            clipped
        }
    }
}

/// As much of a text as its first `chars` visible characters can need, so that a long one costs no time.
fn beginning(text: &str, chars: usize) -> &str {
    truncate(text, enough(chars))
}

/// Bytes in which `chars` characters are surely found, unless most are spaces or invisible.
fn enough(chars: usize) -> usize {
    chars.saturating_mul(16).saturating_add(64)
}

/// The last `chars` characters, with an ellipsis where more came before.
fn clip_front(text: &str, chars: usize) -> String {
    let all = text.chars().count();
    if all <= chars {
        return text.to_owned();
    }
    let kept: String = text.chars().skip(all - chars).collect();
    format!("{ELLIPSIS}{kept}")
}

/// The text made with as much detail as fits: `render` is given the characters that each text of others may
/// have, fewer and fewer. What is too long even so is cut at a line's end.
pub fn fit(max_bytes: usize, render: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for chars in [4_000, 1_000, 300, 100, 40, 0] {
        text = render(chars);
        if text.len() <= max_bytes {
            return text;
        }
    }
    let end = "\n\n…";
    let cut = truncate(&text, max_bytes - end.len());
    let cut = cut.rfind('\n').map_or(cut, |line| &cut[..line]);
    format!("{cut}{end}")
}

/// Breaks mentions and references.
fn defuse(text: &str) -> String {
    let mut broken = String::with_capacity(text.len() + 16);
    let mut rest = break_references(text).chars().collect::<Vec<_>>().into_iter().peekable();
    while let Some(c) = rest.next() {
        broken.push(c);
        if c == '@' && rest.peek().is_some_and(char::is_ascii_alphanumeric) {
            broken.push(BREAK);
        }
    }
    broken
}

/// Breaks references to issues and pull requests, and so the keywords that close them: `#1`, `GH-1` and the
/// addresses of their pages.
/// <https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue>
fn break_references(text: &str) -> String {
    let mut broken = String::with_capacity(text.len() + 16);
    for (at, c) in text.char_indices() {
        if c.is_ascii_digit() {
            let before = without_escapes(&text[..at]);
            let refers = before.ends_with('#')
                || ["gh-", "/issues/", "/pull/", "/discussions/"]
                    .iter()
                    .any(|lead| ends_with_ignoring_case(&before, lead));
            if refers {
                broken.push(BREAK);
            }
        }
        broken.push(c);
    }
    broken
}

/// The last characters of a text as they are drawn: Markdown drops the back slash of `GH\\-1`.
fn without_escapes(text: &str) -> String {
    let end: Vec<char> = text.chars().rev().take(40).filter(|c| *c != '\\').collect();
    end.into_iter().rev().collect()
}

fn ends_with_ignoring_case(text: &str, end: &str) -> bool {
    text.len().checked_sub(end.len()).and_then(|at| text.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// Keeps addresses from becoming links where Markdown's characters in them are escaped.
fn break_links(text: &str) -> String {
    text.replace("://", &format!(":{BREAK}//")).replace("www.", &format!("www{BREAK}."))
}

/// Keeps words of a commit's message from switching off the repository's own checks: `[skip ci]` and its like.
/// <https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs>
fn break_skips(text: &str) -> String {
    let mut broken = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        broken.push(c);
        let rest = &text[at + c.len_utf8()..];
        let skips = match c {
            '[' => rest.split_once(']').is_some_and(|(within, _)| {
                let mut words = within.split(|c: char| !c.is_ascii_alphanumeric());
                within.len() <= 40 && words.any(|word| ["skip", "no"].iter().any(|it| word.eq_ignore_ascii_case(it)))
            }),
            '*' => rest.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("no_ci")),
            _ => false,
        };
        if skips {
            broken.push(BREAK);
        }
    }
    broken
}

/// The output of a program without its escape sequences for colours and cursors.
fn without_colours(output: &str) -> String {
    let mut plain = String::with_capacity(output.len());
    let mut rest = output.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            plain.push(c);
        } else if rest.next_if_eq(&'[').is_some() {
            // A control sequence ends with its first character from @ to ~ (ECMA-48, 5.4).
            while rest.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use adjutant_domain::text::dialect;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Parser, Tag, TagEnd};

    use super::*;

    #[test]
    fn only_a_whole_address_of_the_web_becomes_a_link() {
        let page = "https://ci.example/job/1?a=b&c=%20#log";
        assert_eq!(link("build [x]", page), format!(r"[build \[x\]]({page})"));
        for url in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//ci.example",
            "https://ci.example/) [a](https://evil.example",
            "https://ci.example/ \"title\"",
            "https://ci.example/\n\n# heading",
            "https://ci.example/<b>",
            "",
        ] {
            assert_eq!(link("build", url), "build", "{url}");
        }
        assert_eq!(link("build", &format!("https://{}", "a".repeat(LONGEST_URL))), "build");
    }

    /// What a reader sees, and whether anything but plain text was made of it.
    fn rendered(markdown: &str) -> (String, bool) {
        let (mut text, mut formatted) = (String::new(), false);
        for event in Parser::new_ext(markdown, dialect()) {
            match event {
                Event::Text(part) => text.push_str(&part),
                Event::Code(part) => text.extend(["`", &part, "`"]),
                Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
                _ => formatted = true,
            }
        }
        (text.replace(BREAK, ""), formatted)
    }

    #[test]
    fn inline_text_is_shown_as_it_is() {
        for text in [
            "a | b",
            "<!-- x",
            "</details>",
            "`code`",
            "**b** _i_ ~~s~~",
            "[a](b)",
            "![a](b)",
            "a & b &lt;",
            "\\*",
            "a $x$",
            "https://a.example/b_c",
            "<script>",
        ] {
            assert_eq!(rendered(&format!("x {}", inline(text, 100))), (format!("x {text}"), false), "{text}");
        }
        assert_eq!(inline("a\n\n# b", 100), "a \\# b");
    }

    #[test]
    fn what_stands_between_back_ticks_is_code() {
        assert_eq!(inline("the verifier `a_b | <c>` failed *", 100), "the verifier `a_b ¦ <c>` failed \\*");
        assert_eq!(inline("a ` b, `` c", 100), "a `b,`\\` c");
        assert_eq!(inline("a `", 100), "a \\`");
    }

    #[test]
    fn nobody_is_mentioned_and_nothing_is_closed() {
        for text in [
            inline(
                "fixes #1, closes GH-2, resolves acme/widgets#3 for @maintainer, see https://github.com/a/b/issues/4",
                200,
            ),
            plain(
                "fixes #1, closes gh-2, resolves acme/widgets#3 for @maintainer, see https://github.com/a/b/pull/4",
                200,
            ),
            quote("fixes #1, closes GH-2, resolves acme/widgets#3\n@maintainer https://github.com/a/b/issues/4", 200),
        ] {
            for (lead, next) in [("#", '1'), ("-", '2'), ("#", '3'), ("/", '4'), ("@", 'm')] {
                assert!(!text.contains(&format!("{lead}{next}")), "{lead}{next} in {text}");
            }
        }
        let output = fence("fixes #1\nfixes https://github.com/a/b/issues/4", 200);
        assert!(!output.contains("#1") && !output.contains("/issues/4"), "{output}");
    }

    #[test]
    fn a_fence_cannot_be_left_and_has_no_colours() {
        insta::assert_snapshot!(fence("\u{1b}[31mred\u{1b}[0m\n````\n# out\n```\n", 100), @r"
        `````text
        red
        ````
        # out
        ```
        `````
        ");
        assert_eq!(fence("abcdef", 3), "```text\n…def\n```");
    }

    #[test]
    fn what_is_too_long_is_cut_with_an_ellipsis() {
        assert_eq!(clip("abc", 3), "abc");
        assert_eq!(clip("abcd", 3), "ab…");
        assert_eq!(clip("ab cd", 4), "ab…");
        assert_eq!(clip("abc", 0), "");
        let long = fit(100, |chars| format!("head\n{}", "x\n".repeat(chars + 200)));
        assert!(long.len() <= 100 && long.ends_with('…'));
    }

    proptest! {
        #[test]
        fn inline_text_never_formats(text in "[ a-c<>!`*_~#|\\[\\](){}&;:/\\\\@$=\"'-]{0,40}") {
            let (_, formatted) = rendered(&format!("x {} y", inline(&text, 100)));
            prop_assert!(!formatted, "{}", inline(&text, 100));
        }

        #[test]
        fn any_text_is_taken(text in any::<String>(), chars in 0_usize..50) {
            inline(&text, chars);
            quote(&text, chars);
            fence(&text, chars);
            code(&text);
        }
    }
}
