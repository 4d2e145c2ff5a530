//! Characters that people cannot see.
//!
//! Joiners and variation selectors have no glyph of their own, and belong to the spelling of several scripts and of emoji. They
//! are kept there and nowhere else, so that they neither split a word of Latin letters nor carry a message.

use unicode_properties::{GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
const TEXT_STYLE: char = '\u{fe0e}';
const EMOJI_STYLE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
/// How many marks a letter may carry before a joiner; spelling needs three or four.
const MOST_MARKS: usize = 8;
const BLACK_FLAG: char = '\u{1f3f4}';

/// The tags that make the flags of England, Scotland and Wales of a black flag: all that are recommended for interchange
/// (<https://www.unicode.org/reports/tr51/#valid-emoji-tag-sequences>).
const FLAGS: [&str; 3] = [
    "\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
];

/// The text without characters that have no glyph or turn the reading direction, with `\n` line ends.
pub fn visible(text: &str) -> String {
    let text = super::unix_lines(text);
    let mut shown = String::with_capacity(text.len());
    let mut tags_end = 0;
    for (at, c) in text.char_indices() {
        let after = &text[at + c.len_utf8()..];
        if at < tags_end || !is_invisible(c) || is_spelling(&shown, c, after) {
            shown.push(c);
        }
        if c == BLACK_FLAG
            && let Some(tags) = FLAGS.iter().find(|tags| after.starts_with(**tags))
        {
            tags_end = text.len() - after.len() + tags.len();
        }
    }
    shown
}

/// Characters without a glyph, and those that change the order in which others are read.
///
/// Unicode's `Default_Ignorable_Code_Point`, the bidirectional controls, and controls but tab and newline.
pub fn is_invisible(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether an invisible character between these texts belongs to the spelling of what stands there.
fn is_spelling(before: &str, c: char, after: &str) -> bool {
    let (Some(last), next) = (before.chars().next_back(), after.chars().next()) else { return false };
    match c {
        ZERO_WIDTH_NON_JOINER => joins_letters(before, last, next),
        ZERO_WIDTH_JOINER => joins_letters(before, last, next) || joins_emoji(before, next),
        EMOJI_STYLE if last.is_ascii_digit() || matches!(last, '#' | '*') => next == Some(KEYCAP),
        TEXT_STYLE | EMOJI_STYLE => is_emoji(last),
        _ => false,
    }
}

/// Between letters of a script whose shapes joiners change, or after its sign that no vowel follows, as at the end of a word
/// of Malayalam (<https://www.unicode.org/reports/tr31/#Layout_and_Format_Control_Characters>).
fn joins_letters(before: &str, last: char, next: Option<char>) -> bool {
    let base =
        before.chars().rev().take(MOST_MARKS + 1).find(|c| c.general_category_group() != GeneralCategoryGroup::Mark);
    let after_letter = base.is_some_and(|base| has_joiners(base) && !is_joiner(last));
    after_letter && (is_virama(last) || next.is_some_and(has_joiners))
}

fn joins_emoji(before: &str, next: Option<char>) -> bool {
    let last = before.strip_suffix(EMOJI_STYLE).unwrap_or(before).chars().next_back();
    last.is_some_and(is_emoji) && next.is_some_and(is_emoji)
}

fn is_joiner(c: char) -> bool {
    matches!(c, ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER)
}

/// Digits and signs of ASCII count as emoji in Unicode, because keycaps are made of them.
fn is_emoji(c: char) -> bool {
    !c.is_ascii() && c.is_emoji_char() && !is_invisible(c)
}

/// Letters and marks of scripts that are written with joiners.
fn has_joiners(c: char) -> bool {
    use Script as S;
    matches!(c.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark)
        && !is_invisible(c)
        && matches!(
            c.script(),
            S::Arabic
                | S::Syriac
                | S::Mandaic
                | S::Nko
                | S::Mongolian
                | S::Phags_Pa
                | S::Adlam
                | S::Hanifi_Rohingya
                | S::Devanagari
                | S::Bengali
                | S::Gurmukhi
                | S::Gujarati
                | S::Oriya
                | S::Tamil
                | S::Telugu
                | S::Kannada
                | S::Malayalam
                | S::Sinhala
                | S::Myanmar
                | S::Khmer
                | S::Balinese
                | S::Javanese
                | S::Grantha
        )
}

/// The signs of Indic scripts that take the vowel from a consonant.
fn is_virama(c: char) -> bool {
    matches!(
        c,
        '\u{94d}'
            | '\u{9cd}'
            | '\u{a4d}'
            | '\u{acd}'
            | '\u{b4d}'
            | '\u{bcd}'
            | '\u{c4d}'
            | '\u{ccd}'
            | '\u{d4d}'
            | '\u{dca}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn characters_without_a_glyph_and_bidirectional_controls_are_taken_out() {
        assert_eq!(visible("a\u{200b}b\u{202e}c\u{e0041}d\u{2066}e\u{0}f\tg\r\nh"), "abcdef\tg\nh");
    }

    #[test]
    fn joiners_stay_where_scripts_are_spelt_with_them() {
        for spelt in [
            "می\u{200c}خواهم",
            "کتاب\u{200c}ها",
            "خانه\u{200c}ای",
            "क्\u{200d}ष",
            "क्\u{200c}ष",
            "র\u{200d}্যা",
            "ක්\u{200d}ෂ",
            "അവന്\u{200d} വന്നു",
            "مُ\u{200d}ح",
        ] {
            assert_eq!(visible(spelt), spelt, "{}", spelt.escape_unicode());
        }
    }

    #[test]
    fn emoji_stay_whole() {
        for emoji in [
            "👩\u{200d}💻",
            "👩🏽\u{200d}💻",
            "❤\u{fe0f}\u{200d}🔥",
            "🏳\u{fe0f}\u{200d}🌈",
            "✈\u{fe0f}",
            "✈\u{fe0e}",
            "1\u{fe0f}\u{20e3}",
            "#\u{fe0f}\u{20e3}",
            "👁\u{fe0f}\u{200d}🗨\u{fe0f}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} and 🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
            "🇩🇪",
        ] {
            assert_eq!(visible(emoji), emoji, "{}", emoji.escape_unicode());
        }
    }

    #[test]
    fn joiners_selectors_and_tags_go_where_nothing_is_spelt_with_them() {
        for (written, shown) in [
            ("@\u{200d}maintainer", "@maintainer"),
            ("ghp\u{200c}_abc", "ghp_abc"),
            ("fixes #\u{fe0f}1", "fixes #1"),
            ("#1\u{fe0f}2", "#12"),
            ("a\u{fe0f}", "a"),
            ("\u{200d}ک", "ک"),
            ("ک\u{200c}", "ک"),
            ("ک\u{200c} ک", "ک ک"),
            ("ک\u{200c}a", "کa"),
            ("ک\u{200c}\u{200d}\u{200c}ک", "ک\u{200c}ک"),
            ("ക്\u{200d}\u{200c}\u{200d} ", "ക്\u{200d} "),
            ("،\u{200c}ک", "،ک"),
            ("✈\u{fe0f}\u{fe0f}\u{fe0e}", "✈\u{fe0f}"),
            ("👩\u{200d}\u{200d}💻", "👩\u{200d}💻"),
            ("👩\u{200d}a", "👩a"),
            ("1\u{200d}💻", "1💻"),
            ("🏴\u{e0069}\u{e0067}\u{e006e}\u{e006f}\u{e0072}\u{e0065}\u{e007f}", "🏴"),
            ("x\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "x"),
            ("葛\u{e0100}", "葛"),
        ] {
            assert_eq!(visible(written), shown, "{}", written.escape_unicode());
        }
    }

    /// Letters, emoji, and everything invisible that is sometimes kept.
    fn mixed() -> impl Strategy<Value = String> {
        "[a@#1 \u{6a9}\u{647}\u{915}\u{94d}\u{9b0}\u{1f469}\u{1f4bb}\u{2708}\u{1f3f4}\u{20e3}\u{200b}-\u{200e}\u{fe0e}\u{fe0f}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e007f}\u{202e}]{0,24}"
    }

    proptest! {
        #[test]
        fn what_is_shown_is_shown_again_as_it_is(text in mixed()) {
            let shown = visible(&text);
            prop_assert_eq!(visible(&shown), shown);
        }

        #[test]
        fn only_what_has_no_glyph_is_taken_out(text in prop_oneof![mixed(), any::<String>()]) {
            let glyphs = |text: &str| super::super::unix_lines(text).chars().filter(|c| !is_invisible(*c)).collect::<String>();
            prop_assert_eq!(glyphs(&visible(&text)), glyphs(&text));
        }

        #[test]
        fn nothing_invisible_stands_beside_ascii_but_in_a_keycap(text in mixed()) {
            let shown: Vec<char> = visible(&text).chars().collect();
            for (at, c) in shown.iter().enumerate().filter(|(_, c)| is_invisible(**c)) {
                let (before, after) = (shown[at - 1], shown.get(at + 1));
                prop_assert!(!before.is_ascii() || after == Some(&KEYCAP), "{:?}", shown);
                prop_assert!(!is_joiner(*c) || is_virama(before) || after.is_some_and(|after| !after.is_ascii()), "{:?}", shown);
            }
        }

        #[test]
        fn at_most_two_invisible_characters_stand_together_outside_of_flags(text in "[\u{6a9}\u{94d}\u{915}\u{1f469}\u{2708}\u{200b}-\u{200e}\u{fe0e}\u{fe0f}]{0,24}") {
            let shown: Vec<bool> = visible(&text).chars().map(is_invisible).collect();
            prop_assert!(!shown.windows(3).any(|three| three.iter().all(|it| *it)), "{:?}", text);
        }
    }
}
