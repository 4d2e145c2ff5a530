//! Where commands count, and how they are understood.

use proptest::prelude::*;

use super::*;

fn approve(step: Option<&str>) -> Command {
    Command::Approve { step: step.map(str::to_owned) }
}

#[test]
fn the_document_lists_every_command() {
    let document = include_str!("../../../../docs/commands.md");
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
    assert_eq!(parse("  /Approve  parse\r\n"), [approve(Some("parse"))]);
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
    for budget in ["/budget 20", "/budget $20", "/budget 20.0"] {
        assert_eq!(parse(budget), [Command::Budget { usd: 20.0 }], "{budget}");
    }
}

#[test]
fn a_line_break_after_a_command_is_no_part_of_its_text() {
    for end in ["\\\n", "  \n", "\t \n", "\n", "\\\n\n", "\\"] {
        let resumed = format!("/approve parse{end}").replace("parse", "parse ").replace(" \\", "\\");
        assert_eq!(parse(&format!("/approve{end}")), [approve(None)], "{end:?}");
        assert_eq!(parse(&resumed), [approve(Some("parse"))], "{end:?}");
        assert_eq!(parse(&format!("/stop{end}\nThanks")), [Command::Stop], "{end:?}");
        let asked = Command::Rework { text: "use `lex`".to_owned() };
        assert_eq!(parse(&format!("/rework{end}\nuse `lex`")), [asked], "{end:?}");
    }
    let rework = |text: &str| Command::Rework { text: text.to_owned() };
    assert_eq!(parse("/rework a\\\nb\\\n/status"), [rework("a\\\nb"), Command::Status]);
    assert_eq!(parse("/rework in C:\\\\\n/status"), [rework("in C:\\\\"), Command::Status]);
    assert_eq!(parse("/approve <!-- a\nb -->\nThanks"), [approve(None)]);
    refused("/approve <!-- a\nb --> but not this", "takes a step's name at most");
}

#[test]
fn a_character_that_cannot_be_seen_ends_no_word_and_hides_in_none() {
    for lead in ["\u{200b}", "\u{feff}", "\u{feff}\u{200b}", " \u{2060}"] {
        assert_eq!(parse(&format!("{lead}/approve parse")), [approve(Some("parse"))], "{lead:?}");
        assert_eq!(parse(&format!("Thanks\n{lead}/approve")), [approve(None)], "{lead:?}");
        for talk in ["> /approve", "- /approve", "    /approve", "```\n/approve\n```"] {
            assert_eq!(parse(&format!("\u{feff}{talk}")), [], "{talk}");
        }
        assert_eq!(parse(&format!("{lead}> /approve")), []);
        assert_eq!(parse(&format!("{lead}\\/approve")), []);
    }
    for hidden in [
        "\u{200b}",
        "\u{200c}",
        "\u{200d}",
        "\u{ad}",
        "\u{202e}",
        "\u{2066}",
        "\u{fe0f}",
        "\u{e0041}",
        "\u{2060}",
        "\u{0}",
    ] {
        for word in [format!("/app{hidden}rove"), format!("/{hidden}approve"), format!("/approve{hidden}")] {
            refused(&word, "has a character in it that cannot be seen; write `/approve` by hand");
        }
    }
    assert_eq!(parse("/approve par\u{200b}se"), [approve(Some("parse"))]);
}

/// Asserts that a comment is one refusal that begins with these words.
fn refused(comment: &str, why: &str) {
    let parsed = parse(comment);
    let [Command::Unknown { problem: Some(problem), .. }] = &parsed[..] else { panic!("{comment:?}: {parsed:?}") };
    assert!(problem.starts_with(why), "{comment:?}: {problem}");
}

#[test]
fn words_that_are_not_understood_are_refused() {
    for comment in [
        "/approve but not the second file",
        "/unapprove parse now",
        "/approve parse.",
        "/approve 🎉",
        "/retry with more memory",
        "/skip it please",
    ] {
        refused(comment, "takes a step's name at most, and more follows; nothing was done");
    }
    for comment in ["/stop that", "/resume parse", "/reload now", "/status of parse"] {
        refused(comment, "takes no words, and some follow; nothing was done");
    }
    refused("/pause for now", "takes only `now`");
    refused("/pause now or never", "takes only `now`");
    refused("/budget 20 for now", "needs one amount");
    refused("/autonomy manual or full_auto", "needs one level");
    assert_eq!(parse("/help me"), [Command::Help]);
}

#[test]
fn a_command_with_punctuation_is_answered_and_not_obeyed() {
    for near in [
        "/approve.",
        "/approve!",
        "/approve,",
        "/approve:",
        "/approve?",
        "/approve...",
        "/approve**",
        "/approve)",
        "/approve…",
        "/approve。",
        "/approve🎉",
        "/approve=parse",
        "/approve,parse",
        "/approve(parse)",
        "/approve2",
        "/aprove",
        "/aprove!",
        "/APROVE.",
        "/\u{430}pprove",
    ] {
        refused(near, "is no command; did you mean `/approve`?");
    }
    refused("/approve<br>", "takes a step's name at most");
    for path in ["/approve/x", "/approve.md", "/stop.sh", "/status/1", "/help.html"] {
        assert_eq!(parse(path), [], "{path}");
    }
}

#[test]
fn where_a_command_stands_is_told_by_the_line_of_the_comment() {
    let comment = "\u{feff}Hello\r\n\r\n<!-- a\nb -->\n\n- c\n\n/rework a\n\n```\n/stop\n```\n/aprove\r/status";
    let told: Vec<(usize, String)> = read(comment).into_iter().map(|it| (it.line, it.word)).collect();
    assert_eq!(told, [(8, "rework".to_owned()), (13, "aprove".to_owned()), (14, "status".to_owned())]);
}

#[test]
fn of_too_many_commands_none_is_taken() {
    assert_eq!(parse(&"/status\n".repeat(MOST_COMMANDS)).len(), MOST_COMMANDS);
    for times in [MOST_COMMANDS + 1, 1_000, 8_000] {
        refused(&"/approve\n\n".repeat(times), &format!("is one of {times} commands; a comment may hold 10"));
    }
}

#[test]
fn a_comment_of_any_shape_has_a_bounded_answer() {
    const LONGEST: usize = 65_536;
    for talk in [
        "/".repeat(LONGEST),
        "/\n".repeat(LONGEST / 2),
        format!("/{}", "a".repeat(LONGEST - 1)),
        format!("{}/approve", "> ".repeat(10_000)),
        format!("{}/approve", "- ".repeat(10_000)),
        format!("{}/approve", "[".repeat(10_000)),
        format!("{}/approve", "*a ".repeat(10_000)),
        format!("{}\n\n/approve", "<b>".repeat(10_000)),
        format!("{}\n/approve", "<!-- ".repeat(10_000)),
    ] {
        assert_eq!(parse(&talk), [], "{}", &talk[..20]);
    }
    let long = format!("/rework {}", "é".repeat(LONGEST - 8));
    let [Command::Rework { text }] = &parse(&long)[..] else { panic!("one rework") };
    assert_eq!(text.chars().count(), LONGEST - 8);
    let long = format!("/approve{}", "!".repeat(LONGEST - 8));
    let [Command::Unknown { word, .. }] = &parse(&long)[..] else { panic!("one near miss") };
    assert_eq!(word.len(), LONGEST_WORD);
    assert_eq!(parse(&format!("{}\n\n/approve", "> ".repeat(10_000))), [approve(None)]);
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
fn an_approving_review_whose_words_say_something_else_approves_nothing() {
    let approve = || Command::Approve { step: None };
    assert_eq!(of_approval("Fine by me."), [approve()]);
    assert_eq!(of_approval("/approve"), [approve()]);
    assert_eq!(of_approval("/status"), [approve(), Command::Status]);
    assert_eq!(of_approval("/rework the tests"), [Command::Rework { text: "the tests".to_owned() }]);
    for refused in ["/approve but not the second file", "/aprove", "/unapprove", "/skip"] {
        assert!(!of_approval(refused).contains(&approve()), "{refused}");
        assert_eq!(of_approval(refused).len(), 1, "{refused}");
    }
}

#[test]
fn a_malformed_command_says_what_is_wrong() {
    for malformed in [
        "/answer",
        "/answer 1",
        "/tell",
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
    for foreign in ["/assign", "/lgtm", "/hold", "/retest", "/test all", "/label bug", "/merge", "/close", "/cc x"] {
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
        "[a-z]([a-z ,.]{0,20}[a-z])?".prop_map(|text| Command::Tell { text }),
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
        Command::Tell { text } => with("tell", text),
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
