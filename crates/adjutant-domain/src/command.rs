//! The commands that people write in comments and reviews.
//!
//! A command is the first word of a line in a top-level paragraph: not in code, quotes, lists, tables, headings,
//! HTML or between HTML tags, emphasis or links, and not escaped. So a quoted order, an example in a fence or a
//! path at the start of a line commands nothing.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, TagEnd};
use serde::{Deserialize, Serialize};

use super::text;

/// An order from a person, as understood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Accept what is waiting. On the issue a step's name may follow.
    Approve {
        /// The first word after the command, where there is one.
        step: Option<String>,
    },
    /// Take back what was approved, until the merge is asked for.
    Unapprove {
        /// The step's name; it may be left out on the issue where one approval could be taken back.
        step: Option<String>,
    },
    /// Do it again, with these words.
    Rework {
        /// All that follows the command, up to the next command or the end of the comment. On the issue its
        /// first word is the step's name; the engine splits it off.
        text: String,
    },
    /// Answer what an agent asked.
    Answer {
        /// The question's number; it may be left out where one is open.
        number: Option<u32>,
        /// All that follows, up to the next command or the end of the comment: an option's letter, or any words.
        text: String,
    },
    /// Try a failed step again.
    Retry {
        /// The step's name, needed on the issue.
        step: Option<String>,
    },
    /// Run the verifiers again, without an agent.
    Verify {
        /// The step's name; without it, on the issue, everything that waits.
        step: Option<String>,
    },
    /// Go on without a step.
    Skip {
        /// The step's name, needed on the issue.
        step: Option<String>,
    },
    /// Start nothing new; `now` also cancels what runs.
    Pause {
        /// Whether running tasks are cancelled.
        now: bool,
    },
    /// Go on after a pause.
    Resume,
    /// End the directive.
    Stop,
    /// Plan anew.
    Replan {
        /// Why, in the person's words.
        reason: String,
    },
    /// Take the policy as it is by now.
    Reload,
    /// Change how much is done without asking.
    Autonomy {
        /// The level, as written.
        level: String,
    },
    /// Set a new total budget.
    Budget {
        /// US dollars.
        usd: f64,
    },
    /// Write the status comment anew.
    Status,
    /// List the commands.
    Help,
    /// Began with a slash at the place of a command, but is none or is malformed.
    Unknown {
        /// The word as written, without the slash.
        word: String,
        /// What was wrong with it, as half a sentence, where it was nearly understood.
        problem: Option<String>,
    },
}

/// The words that are commands.
const WORDS: [&str; 16] = [
    "approve",
    "unapprove",
    "rework",
    "answer",
    "retry",
    "verify",
    "skip",
    "pause",
    "resume",
    "stop",
    "replan",
    "reload",
    "autonomy",
    "budget",
    "status",
    "help",
];

/// HTML elements that hold something: between their tags no command is taken. Others (`<br>`, or a generic type
/// that was written without back ticks) hold nothing that GitHub would render.
const CONTAINERS: &str = " a abbr b bdo big blockquote caption center cite code dd del details dfn div dl dt em \
    figcaption figure font h1 h2 h3 h4 h5 h6 i ins kbd li mark ol p picture pre q rp rt ruby s samp section small span \
    strike strong sub summary sup table tbody td tfoot th thead tr tt u ul var ";

/// The commands of a comment or review, in its order.
///
/// `/rework`, `/answer` and `/replan` take all that follows up to the next command or the end of the comment, lists and code
/// included, as written; the others take what they know from the rest of their line. A word that is no command
/// is [`Command::Unknown`] only when it is near one: other bots have commands of their own.
pub fn parse(comment: &str) -> Vec<Command> {
    let comment = text::visible_markdown(comment);
    let lines = command_lines(&comment);
    let mut commands = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let end = lines.get(at + 1).map_or(comment.len(), |next| next.start);
        commands.push(understand(&comment[line.clone()], &comment[line.start..end]));
    }
    commands
}

/// The lines that begin with a command or with something near one, without the line end.
fn command_lines(comment: &str) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut depth = 0_usize; // of Markdown: 1 within a top-level paragraph
    let mut open_tags = Vec::new(); // of HTML
    let mut in_paragraph = false;
    let mut at_line_start = false;
    for (event, range) in Parser::new_ext(comment, text::dialect()).into_offset_iter() {
        let was_at_line_start = std::mem::take(&mut at_line_start);
        match event {
            Event::Start(tag) => {
                depth += 1;
                if depth == 1 {
                    in_paragraph = tag == pulldown_cmark::Tag::Paragraph;
                    at_line_start = in_paragraph;
                }
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                in_paragraph &= tag != TagEnd::Paragraph;
            }
            Event::SoftBreak | Event::HardBreak => at_line_start = in_paragraph && depth == 1,
            Event::Html(html) | Event::InlineHtml(html) => track_tags(&html, &mut open_tags),
            Event::Text(_) if was_at_line_start && open_tags.is_empty() => {
                lines.extend(command_at(comment, range.start));
            }
            _ => {}
        }
    }
    lines
}

/// The line at `start` where it begins with a command's word.
fn command_at(comment: &str, start: usize) -> Option<Range<usize>> {
    // A backslash or entity before or instead of the slash escapes it: the event's text shows neither.
    let line_start = comment[..start].rfind('\n').map_or(0, |newline| newline + 1);
    if !comment[line_start..start].trim().is_empty() {
        return None;
    }
    let end = comment[start..].find('\n').map_or(comment.len(), |newline| start + newline);
    let word = comment[start..end].split_whitespace().next()?.strip_prefix('/')?;
    let well_formed = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
    (well_formed && text::nearest(&word.to_ascii_lowercase(), WORDS).is_some()).then_some(start..end)
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

/// What a command line says; `all` reaches up to the next command.
fn understand(line: &str, all: &str) -> Command {
    let written = line.split_whitespace().next().unwrap_or_default();
    let (arguments, following) = (line[written.len()..].trim(), all[written.len()..].trim());
    let word = written.trim_start_matches('/').to_owned();
    let first = arguments.split_whitespace().next().map(|first| first.trim_matches('`').to_owned());
    let first = first.filter(|first| !first.is_empty());
    let unknown = |problem: String| Command::Unknown { word: word.clone(), problem: Some(problem) };
    match word.to_ascii_lowercase().as_str() {
        "approve" => Command::Approve { step: first },
        "unapprove" => Command::Unapprove { step: first },
        "rework" => Command::Rework { text: following.to_owned() },
        "answer" => match answer(following) {
            Some((number, text)) => Command::Answer { number, text },
            None => unknown("needs the question's number and an answer, such as `/answer 1 b`".to_owned()),
        },
        "retry" => Command::Retry { step: first },
        "verify" => Command::Verify { step: first },
        "skip" => Command::Skip { step: first },
        "pause" => Command::Pause { now: first.is_some_and(|first| first.eq_ignore_ascii_case("now")) },
        "resume" => Command::Resume,
        "stop" => Command::Stop,
        "replan" => Command::Replan { reason: following.to_owned() },
        "reload" => Command::Reload,
        "autonomy" => match first {
            Some(level) => Command::Autonomy { level },
            None => unknown("needs a level: `manual`, `guardrails` or `full_auto`".to_owned()),
        },
        "budget" => match first.as_deref().map(dollars) {
            Some(Some(usd)) => Command::Budget { usd },
            Some(None) => unknown("needs an amount in US dollars above 0, such as `/budget 20`".to_owned()),
            None => unknown("needs an amount in US dollars, such as `/budget 20`".to_owned()),
        },
        "status" => Command::Status,
        "help" => Command::Help,
        near => {
            let meant = text::nearest(near, WORDS);
            Command::Unknown { problem: meant.map(|meant| format!("is no command; did you mean `/{meant}`?")), word }
        }
    }
}

/// The number and the words of an answer.
fn answer(following: &str) -> Option<(Option<u32>, String)> {
    let (first, rest) = following.split_once(char::is_whitespace).unwrap_or((following, ""));
    let (number, words) = match first.trim_matches(['#', '.', ')', ':']).parse() {
        Ok(number) => (Some(number), rest.trim()),
        Err(_) => (None, following),
    };
    (!words.is_empty()).then(|| (number, words.to_owned()))
}

fn dollars(text: &str) -> Option<f64> {
    let digits = text.trim_matches('$');
    let plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    digits.parse().ok().filter(|usd: &f64| plain && usd.is_finite() && *usd > 0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn approve(step: Option<&str>) -> Command {
        Command::Approve { step: step.map(str::to_owned) }
    }

    #[test]
    fn the_document_lists_every_command() {
        let document = include_str!("../../../docs/commands.md");
        let section = document.split("## The commands\n").nth(1).unwrap().split("\n## ").next().unwrap();
        let listed: Vec<&str> = section
            .lines()
            .filter_map(|row| row.strip_prefix("| `/"))
            .map(|row| row.split([' ', '`']).next().unwrap())
            .collect();
        assert_eq!(listed, WORDS, "the table of docs/commands.md");
    }

    #[test]
    fn a_command_is_the_first_word_of_a_line_in_a_paragraph() {
        assert_eq!(parse("/approve"), [approve(None)]);
        assert_eq!(parse("  /Approve  parse now\r\n"), [approve(Some("parse"))]);
        assert_eq!(parse("Thanks!\n/approve `parse`\n\n/resume"), [approve(Some("parse")), Command::Resume]);
        assert_eq!(parse("please /approve"), []);
    }

    #[test]
    fn commands_elsewhere_are_only_talked_about() {
        for talk in [
            "    /approve",
            "```\n/approve\n```",
            "~~~\n/approve",
            "`/approve`",
            "> /approve",
            "> quoted\n/approve",
            "- /approve",
            "- a\n  /approve",
            "1. /approve",
            "# /approve",
            "/approve\n---",
            "| a |\n|---|\n| /approve |",
            "*/approve*",
            "**/approve**",
            "[/approve](https://example.com)",
            "\\/approve",
            "&#47;approve",
            "<!-- /approve -->",
            "<!--\n/approve\n-->",
            "<details>\n\n/approve\n\n</details>",
            "<b>/approve</b>",
            "<b>\n/approve</b>",
            "a <i>b\n/approve</i>",
            "[^1]\n\n[^1]: /approve",
            "/usr/bin",
            "/approve/x",
            "/approve.",
            "/",
            "//approve",
            "/\u{661}",
        ] {
            assert_eq!(parse(talk), [], "{talk}");
        }
    }

    #[test]
    fn commands_after_closed_html_and_unknown_tags_count() {
        assert_eq!(parse("<details>\n\nlog\n\n</details>\n\n/approve"), [approve(None)]);
        assert_eq!(parse("a Vec<String> and a <br>\n/approve"), [approve(None)]);
    }

    #[test]
    fn rework_takes_all_up_to_the_next_command_as_written() {
        let comment = "/rework use the existing parser:\n\n- keep `parse`\n- no new\n\n```rust\n/approve\n```\nand test it\n\n/status";
        let text = "use the existing parser:\n\n- keep `parse`\n- no new\n\n```rust\n/approve\n```\nand test it";
        assert_eq!(parse(comment), [Command::Rework { text: text.to_owned() }, Command::Status]);
        assert_eq!(parse("/rework"), [Command::Rework { text: String::new() }]);
        assert_eq!(parse("/rework a<!-- b -->c"), [Command::Rework { text: "ac".to_owned() }]);
    }

    #[test]
    fn every_command_takes_what_it_knows() {
        assert_eq!(parse("/pause"), [Command::Pause { now: false }]);
        assert_eq!(parse("/pause NOW"), [Command::Pause { now: true }]);
        assert_eq!(parse("/retry parse"), [Command::Retry { step: Some("parse".to_owned()) }]);
        assert_eq!(parse("/verify parse"), [Command::Verify { step: Some("parse".to_owned()) }]);
        assert_eq!(parse("/skip"), [Command::Skip { step: None }]);
        assert_eq!(parse("/stop"), [Command::Stop]);
        assert_eq!(parse("/help"), [Command::Help]);
        assert_eq!(parse("/replan the goal moved"), [Command::Replan { reason: "the goal moved".to_owned() }]);
        assert_eq!(parse("/autonomy full_auto"), [Command::Autonomy { level: "full_auto".to_owned() }]);
        for budget in ["/budget 20", "/budget $20", "/budget 20.0 please"] {
            assert_eq!(parse(budget), [Command::Budget { usd: 20.0 }], "{budget}");
        }
    }

    #[test]
    fn an_answer_has_a_number_and_words_that_may_go_on_below() {
        let answer = |number, text: &str| Command::Answer { number, text: text.to_owned() };
        assert_eq!(
            parse("/answer 1 b\n/answer #2: in metres\n\n- as before"),
            [answer(Some(1), "b"), answer(Some(2), "in metres\n\n- as before")]
        );
        assert_eq!(parse("/answer yes, 2 of them"), [answer(None, "yes, 2 of them")]);
    }

    #[test]
    fn a_malformed_command_says_what_is_wrong() {
        for malformed in [
            "/answer",
            "/answer 1",
            "/budget",
            "/budget abc",
            "/budget -3",
            "/budget 0",
            "/budget inf",
            "/budget 1e3",
            "/autonomy",
        ] {
            let [Command::Unknown { problem: Some(_), .. }] = parse(malformed)[..] else {
                panic!("{malformed}: {:?}", parse(malformed));
            };
        }
    }

    #[test]
    fn a_near_miss_is_answered_and_other_bots_commands_are_not() {
        let problem = Some("is no command; did you mean `/approve`?".to_owned());
        assert_eq!(parse("/aprove"), [Command::Unknown { word: "aprove".to_owned(), problem }]);
        for foreign in ["/assign", "/lgtm", "/hold", "/retest", "/test all", "/label bug", "/merge", "/close", "/cc x"]
        {
            assert_eq!(parse(foreign), [], "{foreign}");
        }
    }

    /// Any command that is not malformed.
    fn command() -> impl Strategy<Value = Command> {
        let step = || prop::option::of("[a-z][a-z0-9-]{0,12}");
        let words = || "([a-z][a-z ,.]{0,20}[a-z])?";
        prop_oneof![
            step().prop_map(|step| Command::Approve { step }),
            step().prop_map(|step| Command::Unapprove { step }),
            step().prop_map(|step| Command::Retry { step }),
            (prop::option::of(1..40_u32), "[a-z]([a-z ,.]{0,20}[a-z])?")
                .prop_map(|(number, text)| Command::Answer { number, text }),
            step().prop_map(|step| Command::Verify { step }),
            step().prop_map(|step| Command::Skip { step }),
            words().prop_map(|text| Command::Rework { text }),
            words().prop_map(|reason| Command::Replan { reason }),
            any::<bool>().prop_map(|now| Command::Pause { now }),
            "[a-z]{1,10}(_[a-z]{1,5})?".prop_map(|level| Command::Autonomy { level }),
            (1..100_000_u32).prop_map(|cents| Command::Budget { usd: f64::from(cents) / 100.0 }),
            Just(Command::Resume),
            Just(Command::Stop),
            Just(Command::Reload),
            Just(Command::Status),
            Just(Command::Help),
        ]
    }

    /// A command as a person writes it.
    fn written(command: &Command) -> String {
        let with = |word: &str, rest: &str| format!("/{word} {rest}").trim_end().to_owned();
        let step = |step: &Option<String>| step.clone().unwrap_or_default();
        match command {
            Command::Approve { step: name } => with("approve", &step(name)),
            Command::Unapprove { step: name } => with("unapprove", &step(name)),
            Command::Answer { number: Some(number), text } => format!("/answer {number} {text}"),
            Command::Answer { number: None, text } => with("answer", text),
            Command::Retry { step: name } => with("retry", &step(name)),
            Command::Skip { step: name } => with("skip", &step(name)),
            Command::Verify { step: name } => with("verify", &step(name)),
            Command::Rework { text } => with("rework", text),
            Command::Replan { reason } => with("replan", reason),
            Command::Pause { now } => with("pause", if *now { "now" } else { "" }),
            Command::Autonomy { level } => with("autonomy", level),
            Command::Budget { usd } => with("budget", &usd.to_string()),
            Command::Resume => "/resume".to_owned(),
            Command::Stop => "/stop".to_owned(),
            Command::Reload => "/reload".to_owned(),
            Command::Status => "/status".to_owned(),
            Command::Help => "/help".to_owned(),
            Command::Unknown { word, .. } => format!("/{word}"),
        }
    }

    proptest! {
        #[test]
        fn commands_come_back_as_they_were_written(commands in prop::collection::vec(command(), 1..5)) {
            let lines: Vec<_> = commands.iter().map(written).collect();
            prop_assert_eq!(&parse(&lines.join("\n")), &commands);
            prop_assert_eq!(&parse(&format!("Thanks!\n\n{}\n", lines.join("\n\n"))), &commands);
        }

        #[test]
        fn without_a_slash_there_is_no_command(comment in any::<String>()) {
            prop_assert_eq!(parse(&comment.replace('/', " ")), []);
        }

        #[test]
        fn parsing_never_panics(comment in "[ \\n\\t/a-e<>!`*_~#|\\-\\[\\]()&;\\\\\u{200b}ü]{0,80}") {
            parse(&comment);
        }

        #[test]
        fn any_text_parses(comment in any::<String>()) {
            parse(&comment);
        }

        #[test]
        fn code_blocks_never_give_commands(code in "(/(approve|stop|rework|skip)[ a-z]{0,5}\\n|[a-z/<>*\\- ]{0,10}\\n){0,8}") {
            prop_assert_eq!(parse(&format!("before\n\n````\n{code}\n````\n\nafter")), []);
            prop_assert_eq!(parse(&format!("before\n\n    {}", code.replace('\n', "\n    "))), []);
        }

        #[test]
        fn quotes_never_give_commands(text in "(/(approve|stop|rework)\\n|[a-z ]{0,10}\\n){1,8}") {
            prop_assert_eq!(parse(&format!("> {}", text.trim_end().replace('\n', "\n> "))), []);
        }
    }
}
